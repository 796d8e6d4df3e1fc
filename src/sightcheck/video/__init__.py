"""Is this video synthetic?"""

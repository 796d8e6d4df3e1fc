"""Was this photo taken there?"""

"""What stands in each table of the thesis, and what stands there when it is run here?"""

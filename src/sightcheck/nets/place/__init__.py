"""Which networks tell countries, cities and scenes?"""

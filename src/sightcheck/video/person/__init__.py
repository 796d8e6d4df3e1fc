"""Where is the body, and what are its five parts?"""

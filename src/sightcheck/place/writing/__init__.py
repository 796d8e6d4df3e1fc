"""What is written in the picture, and does it fit the claim?"""

"""What does a photo's file say of its place and time, and does it hold together?"""

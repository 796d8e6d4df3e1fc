"""What does a video file say of how it was made? Container, encoder, frame groups and times; never weighed."""

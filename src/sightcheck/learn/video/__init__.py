"""What is a video detector made of? One recipe a detector, and how each is compared with the others."""

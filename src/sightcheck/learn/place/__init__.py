"""What is a model of places made of? One recipe a model."""

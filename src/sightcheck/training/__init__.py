"""Which table makes which model? Recipes run from photos to a model folder with its card."""

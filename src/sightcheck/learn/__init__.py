"""How does a model come to be? Taught, adopted, fetched, or trained by a recipe."""

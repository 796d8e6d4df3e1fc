"""Where in the world is that? Names, borders, regions and the 61 classes."""

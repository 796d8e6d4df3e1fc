"""Which networks are there, how are they trained and exported? The only room with torch."""

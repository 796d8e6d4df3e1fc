"""How is an answer told? Words, terminal, page, charts, map, schema."""

"""Which reference photos of a city are there? Kept once, embedded once, exported and imported."""

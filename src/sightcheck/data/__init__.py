"""What is learned from? Manifests, splits, audit, quality, and what is kept on the way."""

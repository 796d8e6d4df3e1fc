"""What do detectors learn from? Manifests, grouped splits, audits and picture quality."""

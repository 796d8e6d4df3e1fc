"""How are the networks trained? Needs `pip install 'sightcheck[train]'`; the only room that imports torch."""

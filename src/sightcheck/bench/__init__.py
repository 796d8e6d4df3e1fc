"""How good is it? Metrics, the protocol of every table, and the controls beside it."""

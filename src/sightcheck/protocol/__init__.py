"""How is anything scored? Metrics, trials held out, controls, calibration, and the shape of what is compared."""

"""What lies beside a model: which sidecars and which pictures are its own, by names alone."""

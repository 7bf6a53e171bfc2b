"""Models that travel: bundles with all that must be known to use them."""

"""NAPALM drivers of our own, for routing daemons on an ordinary system: BIRD, FRR, OpenBGPD."""

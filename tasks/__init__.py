"""Nornir tasks, one a file, and the connection to NAPALM."""

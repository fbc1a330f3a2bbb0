"""The IRR: bgpq4 and the expansion built on it, the query protocol, and a server of our own."""

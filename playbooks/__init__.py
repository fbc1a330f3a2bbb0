"""What a person runs: the command line and the compositions behind it."""

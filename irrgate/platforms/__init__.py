"""What each platform can do, and how its managed objects are read back."""

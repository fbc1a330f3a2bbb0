"""irrgate keeps the prefix filters on a network's routers equal to what the registries say."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("irrgate")
except PackageNotFoundError:
    # A source tree that was never installed still has to be able to say what it is.
    __version__ = "0+unknown"

"""The version of the distribution: one number for the three programs and the wire package."""

__version__ = "0.1.0"

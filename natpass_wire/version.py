"""The version of the distribution: one number for the three programs and the wire package."""

__version__ = "0.1.0"

#: The day when work on this version began, YYYY-MM-DD: a clock that says less is wrong. Set it with the version.
RELEASED = "2026-11-22"

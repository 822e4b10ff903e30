"""A long run of the real programs with clients that come and go: nothing grows, nothing is left, no byte is lost."""

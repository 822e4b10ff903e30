"""Channels: many connections in one link, each with credit of its own, served in turn. Sans-IO.

`mux` is one end of the link, `channel` the state of one connection, and `events` are what an end hears of the other.
"""

"""The forward kind: `rules` is what is asked for, `forwards` carries it, `rows` is what to show of it."""

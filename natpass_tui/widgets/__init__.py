"""Widgets of the console. They draw and report; the model holds the state."""

"""Widgets of the console. They draw and report; what is true is decided in the model."""

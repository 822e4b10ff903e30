"""Widgets in Textual's test harness, and the terminal in a real one."""

"""What the console can open at an agent: one folder for each kind of link, as at the agent.

In each folder: `session.py` (the model, no textual), its pure parts beside it, and `pane.py` (the widget).
"""

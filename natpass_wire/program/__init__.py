"""What the three programs have in common as programs: options, config file, secrets, state directory, logs, exit.

Not part of the wire; it lives here because the programs never import one another.
"""

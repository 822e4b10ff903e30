"""What the three programs share beyond the wire: options, config file, secrets, state directory, logs, exit.

It lives in this package because the programs never import one another.
"""

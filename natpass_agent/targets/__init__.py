"""What this machine reaches for consoles: rules, looking names up, connecting, and how much of it there may be.

`reasons` says why something failed (pure), `resolve` looks up, `dial` connects, `targets` knows the rules and limits.
"""

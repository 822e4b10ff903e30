"""`python -m natpass_relay` is the command `natpass-relay`."""

from natpass_relay.cli import main

main()

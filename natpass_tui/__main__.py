"""`python -m natpass_tui` is the command `natpass-tui`."""

from natpass_tui.cli import main

main()

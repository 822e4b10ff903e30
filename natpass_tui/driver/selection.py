"""The selections of the user's terminal: Textual knows its clipboard only."""

import base64
from typing import Any

from textual.app import App


def set_selection(app: App[Any], selection: str, text: str) -> None:
    """Put a text where OSC 52 says.

    Args:
        app: on the terminal.
        selection: names of selections as of xterm: some of ``cpqs01234567``, or empty: where the terminal likes it.
        text: the text.
    """
    if selection == "c":
        app.copy_to_clipboard(text)
    elif app._driver is not None:
        app._driver.write(f"\x1b]52;{selection};{base64.b64encode(text.encode()).decode()}\a")

"""The selections of the user's terminal: Textual supports only its clipboard."""

import base64
from typing import Any

from textual.app import App


def set_selection(app: App[Any], selection: str, text: str) -> None:
    """Put a text into a selection of the user's terminal (OSC 52).

    Args:
        app: the application on the terminal.
        selection: xterm's names of selections, some of ``cpqs01234567``; empty: the terminal chooses.
        text: the text.
    """
    if selection == "c":
        app.copy_to_clipboard(text)
    elif app._driver is not None:
        app._driver.write(f"\x1b]52;{selection};{base64.b64encode(text.encode()).decode()}\a")

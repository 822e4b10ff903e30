"""The only code that uses Textual's private parts: its compositor, its driver, its parser of keys.

The rest of the console goes through this package, so that an upgrade of Textual (pinned in pyproject.toml) is checked
in one place.
"""

from natpass_tui.driver.keyboard import prepare_keyboard, release_app_keys
from natpass_tui.driver.not_taken import PasteNotTaken
from natpass_tui.driver.paint import keeps_colours, paint_now, writer_depth
from natpass_tui.driver.platform import console_driver
from natpass_tui.driver.selection import set_selection
from natpass_tui.driver.strip import AnsiStrip, sgr_of

__all__ = [
    "AnsiStrip",
    "PasteNotTaken",
    "console_driver",
    "keeps_colours",
    "paint_now",
    "prepare_keyboard",
    "release_app_keys",
    "set_selection",
    "sgr_of",
    "writer_depth",
]

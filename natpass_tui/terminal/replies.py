"""The answers of an engine that may go to the remote, where they arrive as if typed.

A hostile file that makes a terminal answer with chosen text types it into the shell of the user who prints it. The
engine is a library that learns new protocols with each release, so only answers known to be harmless pass.
"""

import re

_NUMBERS = rb"\d{1,5}(?:[;:]{1,2}\d{1,5}){0,31}"
_RGB = rb"rgb:[0-9a-f]{2,4}/[0-9a-f]{2,4}/[0-9a-f]{2,4}"
_COLOUR_NAMES = (
    rb"(?:foreground|background|cursor|cursor_text|selection_foreground|selection_background|visual_bell"
    rb"|second_transparent_background|\d{1,3})"
)
_END = rb"(?:\x07|\x1b\\)"
_HARMLESS = re.compile(
    b"|".join(
        (
            rb"\x1b\[[?>]%(numbers)sc",  # DA1, DA2
            rb"\x1bP!\|[0-9A-F]{8}\x1b\\",  # DA3
            rb"\x1bP>\|libghostty[ ()0-9.A-Za-z+-]{0,40}\x1b\\",  # XTVERSION: the library's own name
            rb"\x1b\[\??[03]n",  # DSR: it works
            rb"\x1b\[\?997;[12]n",  # the colour scheme
            rb"\x1b\[\??\d{1,5};\d{1,5}R",  # CPR: the cursor's place
            rb"\x1b\[\??\d{1,5};[0-4]\$y",  # DECRPM: a mode
            rb"\x1bP[01]\$r(?:%(numbers)s[ \"'$]?[A-Za-z])?\x1b\\",  # DECRQSS: a setting
            rb"\x1b\[\?\d{1,3}u",  # flags of the keyboard protocol
            rb"\x1b\[(?:4|6|8|48);%(numbers)st",  # sizes, in cells and pixels
            rb"(?:\x1b\](?:4;\d{1,3}|1[0-9]);%(rgb)s%(end)s)+",  # colours
            rb"\x1b\]21(?:;%(names)s=(?:%(rgb)s)?)+%(end)s",  # colours by name
        )
    )
    % {b"numbers": _NUMBERS, b"rgb": _RGB, b"end": _END, b"names": _COLOUR_NAMES}
)


def is_harmless(reply: bytes) -> bool:
    """Tell whether an answer has a form that cannot hold text of the remote's choice."""
    return _HARMLESS.fullmatch(reply) is not None

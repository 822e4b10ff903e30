"""Client ids and link ids: which are valid, and how an id becomes a file name."""

# Why: docs/decisions/020-ids-are-safe-in-scripts.md

import re
import string
import unicodedata
from hashlib import sha256

from natpass_wire.errors import RemoteProtocolError
from natpass_wire.text import is_visible, piles_marks

#: The relay's own address in `from` and `to` (docs/wire.md §2).
RELAY_ID = "server"
MAX_ID_CHARACTERS = 64
#: A link id is 16 lower-case hex digits with existing peers; others are taken up to this length.
MAX_LINK_ID_BYTES = 64

#: How a path begins that is not relative to the working directory.
_LEADS_ELSEWHERE = ("/", "\\", "~")
_SEPARATORS = re.compile(r"[/\\]")
#: File systems take 255 bytes; the rest is for what callers add to the id.
_MAX_FILE_NAME = 200
_PLAIN = frozenset(string.ascii_lowercase + string.digits + "-_")
#: Names that Windows takes for a device, even with a suffix after a dot.
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})


def client_id_fault(client_id: str) -> str | None:
    """Return why `client_id` is not a valid client id, or None if it is valid.

    It is one that `stored_id_fault` accepts, and neither an option (`-rf`) nor a path that leads elsewhere (`..`,
    `/etc`, `~root`, `a/../b`): people put ids into command lines and scripts. (A slash within an id is allowed, some
    have one; `as_file_name` makes a file name of it.)
    """
    if (fault := stored_id_fault(client_id)) is not None:
        return fault
    if client_id.startswith("-"):
        return "an id does not begin with -, as an option does"
    if client_id.startswith(_LEADS_ELSEWHERE) or not {".", ".."}.isdisjoint(_SEPARATORS.split(client_id)):
        return "an id is not a path: it does not begin with /, \\ or ~, and no part of it is . or .."
    return None


def stored_id_fault(client_id: str) -> str | None:
    """Return why `client_id` can't be in a file of ours, or None if it can: older releases allowed more ids.

    A client id has 1 to 64 printable characters, no control or bidi character, and no space at its ends. It is not
    `server` in any case, so that nobody takes it for the relay. It is NFC normalised, so that no two clients have ids
    that look alike for that reason.
    """
    if not client_id:
        return "an id needs at least one character"
    if len(client_id) > MAX_ID_CHARACTERS:
        return f"an id has at most {MAX_ID_CHARACTERS} characters"
    is_plain = client_id.isascii() and client_id.isprintable()
    if not is_plain and (not all(is_visible(character) for character in client_id) or piles_marks(client_id)):
        return "an id has no control, bidi or other invisible characters"
    if client_id != client_id.strip():
        return "an id does not begin or end with a space"
    if client_id.casefold() == RELAY_ID:
        return f"'{RELAY_ID}' is the relay's own id"
    if not unicodedata.is_normalized("NFC", client_id):
        return "an id is in Unicode's normal form C"
    return None


def check_client_id(client_id: str) -> str:
    """Return `client_id`.

    Raises:
        RemoteProtocolError: it is not a valid client id.
    """
    if fault := client_id_fault(client_id):
        raise RemoteProtocolError(fault)
    return client_id


def link_id_fault(link_id: str) -> str | None:
    """Return why `link_id` is not a valid link id, or None if it is valid."""
    if not link_id:
        return "a link id is missing"
    if len(link_id.encode()) > MAX_LINK_ID_BYTES:
        return f"a link id has at most {MAX_LINK_ID_BYTES} bytes"
    return None


def as_file_name(client_id: str) -> str:
    """Return `client_id` encoded so that it is one path component on every platform, and no two ids share one.

    Lower-case letters, digits, `-` and `_` stay; all other bytes of its UTF-8 become `%` and two hex digits. Upper case
    does too, since some file systems ignore case. Names of Windows devices are changed, and a digest replaces the end
    of a name that would be too long for a file system. The result has at most 200 characters.
    """
    name = "".join(c if c in _PLAIN else _escaped(c) for c in client_id)
    if name in _DEVICES:
        return _escaped(name[0]) + name[1:]
    if len(name) > _MAX_FILE_NAME:
        return f"{name[: _MAX_FILE_NAME - 65]}~{sha256(client_id.encode()).hexdigest()}"
    return name


def _escaped(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())

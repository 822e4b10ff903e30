"""Client ids and link ids: what is a valid one, and how one becomes a file name."""

import unicodedata
from urllib.parse import quote

from natpass_wire.errors import RemoteProtocolError
from natpass_wire.text import is_printable

#: The relay's own address in `from` and `to` (WIRE.md §2).
RELAY_ID = "server"
MAX_ID_CHARACTERS = 64
#: A link id is 16 lower-case hex digits with existing peers; others are taken up to this length.
MAX_LINK_ID_BYTES = 64


def client_id_fault(client_id: str) -> str | None:
    """Return why `client_id` is no client id, or None if it is one.

    A client id has 1 to 64 printable characters, none of them a control or a bidi character, is not `server`
    (in any case, so that it can't be taken for the relay), has no space at its ends, and is NFC normalised, so that
    two ids which look alike for that reason are not two clients.
    """
    if not client_id:
        return "an id needs at least one character"
    if len(client_id) > MAX_ID_CHARACTERS:
        return f"an id has at most {MAX_ID_CHARACTERS} characters"
    if not all(is_printable(character) for character in client_id):
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
    """Return why `link_id` is no link id, or None if it is one."""
    if not link_id:
        return "a link id is missing"
    if len(link_id.encode()) > MAX_LINK_ID_BYTES:
        return f"a link id has at most {MAX_LINK_ID_BYTES} bytes"
    return None


def as_file_name(client_id: str) -> str:
    """Return `client_id` encoded so that it is one path component on every platform, and no two ids share one."""
    return quote(client_id, safe="-_").replace(".", "%2E")

"""A public key as people compare it: a SHA-256 fingerprint as ssh writes it, twelve words, and a picture."""

import base64
from hashlib import sha256

from natpass_wire.identity.keys import PublicKey

#: Twelve words of BIP-39 hold 128 bits, and 4 bits of checksum.
WORDS = 12
_WORDS_BYTES = 16

#: The board of OpenSSH's randomart (sshkey.c, fingerprint_randomart), after the "drunken bishop" of Alexander
#: Gajewski; the character for each number of visits, and for the walk's start and end.
COLUMNS, ROWS = 17, 9
_VALUES = " .o+=*BOX@%&#/^"
_START, _END = "S", "E"


def digest(key: PublicKey) -> bytes:
    """Return the SHA-256 of the key's 32 bytes: all forms of the fingerprint come from it."""
    return sha256(key.raw).digest()


def short(key: PublicKey) -> str:
    """Return `SHA256:` and 43 characters of base64 without padding, as ssh shows keys: 50 characters."""
    return "SHA256:" + base64.b64encode(digest(key)).decode("ascii").rstrip("=")


def words(key: PublicKey) -> tuple[str, ...]:
    """Return the first 128 bits of the digest as twelve English words (BIP-39), to read out on the phone.

    The last one is in part a checksum: with a misheard word the phrase is probably invalid.
    """
    from mnemonic import Mnemonic  # noqa: PLC0415 - 12 ms, which a console's start does not need

    return tuple(Mnemonic("english").to_mnemonic(digest(key)[:_WORDS_BYTES]).split())


def randomart(key: PublicKey) -> str:
    """Return the picture of a key's fingerprint: eleven lines of 19 characters."""
    return draw(digest(key), "[X25519 256]", "[SHA256]")


def draw(data: bytes, title: str, foot: str) -> str:
    """Return OpenSSH's randomart of a digest, in a frame with a title above and below (at most 17 characters each)."""
    visits = [[0] * COLUMNS for _ in range(ROWS)]
    column, row = COLUMNS // 2, ROWS // 2
    for byte in data:
        for shift in (0, 2, 4, 6):  # two bits a step, diagonally, along the walls where it would leave
            column = min(max(column + (1 if byte >> shift & 1 else -1), 0), COLUMNS - 1)
            row = min(max(row + (1 if byte >> shift & 2 else -1), 0), ROWS - 1)
            visits[row][column] = min(visits[row][column] + 1, len(_VALUES) - 1)
    board = [[_VALUES[count] for count in line] for line in visits]
    board[ROWS // 2][COLUMNS // 2] = _START
    board[row][column] = _END  # also where it began there
    return "\n".join([_edge(title), *(f"|{''.join(line)}|" for line in board), _edge(foot)])


def _edge(title: str) -> str:
    before = (COLUMNS - len(title)) // 2
    return f"+{'-' * before}{title}{'-' * (COLUMNS - len(title) - before)}+"


def shown(key: PublicKey) -> str:
    """Return all forms of a fingerprint, as lines that the programs' commands print."""
    spoken = words(key)
    half = len(spoken) // 2
    return "\n".join([short(key), " ".join(spoken[:half]), " ".join(spoken[half:]), randomart(key)])

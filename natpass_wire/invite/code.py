"""One-time codes: a number by which the relay finds the inviter, and words that the relay never learns."""

import difflib
import re
from dataclasses import dataclass, field

from natpass_wire.errors import UserError
from natpass_wire.invite.words import WORDS
from natpass_wire.text import printable

#: The largest number in a code: it hides nothing, it only keeps two invites of one relay apart.
MOST_NAMEPLATE = 9999
#: 24 bits; a stranger has three guesses, online. `wormhole` has 16 bits, and one guess.
WORD_COUNT = 3
#: Random bytes for a code: the words, and enough bytes for a uniform number.
RANDOM_BYTES = WORD_COUNT + 8

_MOST_CHARACTERS = 200
_SEPARATORS = re.compile(r"[\s\-_.,;:/]+")


@dataclass(frozen=True, slots=True)
class Code:
    """A one-time code.

    Attributes:
        nameplate: the number, 1 to 9999; the relay knows it.
        words: the secret part, joined by `-`; not part of the repr.
    """

    nameplate: int
    words: str = field(repr=False)

    @classmethod
    def make(cls, random: bytes) -> "Code":
        """Return the code that `RANDOM_BYTES` random bytes give."""
        if len(random) != RANDOM_BYTES:
            raise ValueError(f"a code takes {RANDOM_BYTES} random bytes")
        chosen = (WORDS[byte] for byte in random[:WORD_COUNT])
        return cls(1 + int.from_bytes(random[WORD_COUNT:], "big") % MOST_NAMEPLATE, "-".join(chosen))

    @classmethod
    def parse(cls, text: str) -> "Code":
        """Return the code that a user typed; case and separators don't matter.

        A word that is in no code is found here, so that a typing error does not cost a try.

        Raises:
            UserError: the code is invalid. Only the invalid part of the text is repeated.
        """
        if len(text) > _MOST_CHARACTERS:
            raise UserError(f"an invite code has less than {_MOST_CHARACTERS} characters")
        number, *words = [part for part in _SEPARATORS.split(text.casefold()) if part] or [""]
        if not (number.isascii() and number.isdigit() and len(words) == WORD_COUNT):
            raise UserError(f"an invite code is a number and {WORD_COUNT} words, such as 4711-{'-'.join(WORDS[9:12])}")
        if not 1 <= int(number) <= MOST_NAMEPLATE:
            raise UserError(f"the number of an invite code is between 1 and {MOST_NAMEPLATE}")
        for word in words:
            if word not in WORDS:
                near = difflib.get_close_matches(word, WORDS, n=1)
                hint = f": {near[0]}?" if near else ""
                raise UserError(f"{printable(word, 20)!r} is in no invite code{hint}")
        return cls(int(number), "-".join(words))

    def __str__(self) -> str:
        return f"{self.nameplate}-{self.words}"

"""The records of a sealed link: counters, padding, new keys.

A record travels as one Noise transport message. Its plaintext is one byte, the record, and zeros:

    byte = padding << 1 | rekeys       padding: how many zeros; rekeys: the sender's next record has the next key
"""

from collections.abc import Callable

from natpass_wire.errors import LocalProtocolError
from natpass_wire.frame import MAX_PAYLOAD_BYTES
from natpass_wire.ids import MAX_ID_CHARACTERS, MAX_LINK_ID_BYTES
from natpass_wire.sealed.noise import TAG_BYTES, CipherState, NoiseError

#: Records of up to so many bytes are padded to a multiple of `PAD_TO`: key presses and their echoes look alike. Larger
#: ones are output: their size says little, and they are many, so they get no padding.
PADDED_BYTES = 1024
#: One more than the 7 bits can count.
PAD_TO = 128
#: A key is used for so many bytes and so many seconds; the first record beyond a limit is its last. The cipher would
#: allow far more: the limits bound how much a stolen key opens.
REKEY_BYTES = 256 * 1024 * 1024
REKEY_SECONDS = 600.0
#: What sealing adds to a record, without padding.
SEAL_BYTES = 1 + TAG_BYTES
#: The most bytes before a record in its frame: the type; two client ids of up to four bytes a character, and the link
#: id, each after a tag and a size of up to two bytes; tags and sizes of `Msg.record` and its field `data`.
_ENVELOPE_BYTES = 2 + 2 * (3 + 4 * MAX_ID_CHARACTERS) + (3 + MAX_LINK_ID_BYTES) + 9
#: The largest record that fits into one frame with the longest ids.
MAX_RECORD_BYTES = MAX_PAYLOAD_BYTES - _ENVELOPE_BYTES - SEAL_BYTES

_TAMPERED = "the sealed link was tampered with"
_HEADS = tuple(bytes([value]) for value in range(256))
_ZEROS = tuple(bytes(count) for count in range(PAD_TO))


class SealedTransport:
    """Seals and opens the records of one link; a `stream.transport.Transport`. No key shows in its repr.

    Args:
        sending: the cipher for what we send.
        receiving: the cipher for what the other end sends.
        clock: returns monotonic seconds.
    """

    __slots__ = ("_clock", "_due", "_is_dead", "_left", "_receiving", "_sending")

    def __init__(self, sending: CipherState, receiving: CipherState, clock: Callable[[], float]) -> None:
        self._sending = sending
        self._receiving = receiving
        self._clock = clock
        self._left = REKEY_BYTES
        self._due = clock() + REKEY_SECONDS
        self._is_dead = False

    def seal(self, record: bytes) -> bytes:
        """Return the next record, sealed.

        Raises:
            LocalProtocolError: it has more than `MAX_RECORD_BYTES`.
            NoiseError: something received before did not decrypt; the link has ended.
        """
        size = len(record)
        if self._is_dead:
            raise NoiseError(_TAMPERED)
        if size > MAX_RECORD_BYTES:
            raise LocalProtocolError(f"a record of {size} bytes does not fit into a frame")
        self._left -= size
        rekeys = self._left <= 0 or self._clock() >= self._due
        padding = -size % PAD_TO if size <= PADDED_BYTES else 0
        head = _HEADS[padding << 1 | rekeys]
        data = self._sending.encrypt(b"".join((head, record, _ZEROS[padding])))
        if rekeys:
            self._sending.rekey()
            self._left = REKEY_BYTES
            self._due = self._clock() + REKEY_SECONDS
        return data

    def open(self, data: bytes) -> bytes:
        """Return the record in the next received bytes.

        Raises:
            NoiseError: they are not what the other end sent next. The transport is dead then: every later call raises
                the same.
        """
        if self._is_dead:
            raise NoiseError(_TAMPERED)
        try:
            plaintext = self._receiving.decrypt(data)
        except NoiseError:
            raise self._die() from None
        if not plaintext:
            raise self._die()
        head = plaintext[0]
        padding = head >> 1
        if padding and not plaintext.endswith(_ZEROS[padding]):  # nor is the plaintext too short: the head is not zero
            raise self._die()
        if head & 1:
            self._receiving.rekey()
        return plaintext[1 : len(plaintext) - padding]

    def _die(self) -> NoiseError:
        self._is_dead = True
        return NoiseError(_TAMPERED)

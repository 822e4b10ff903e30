"""Fingerprints are what ssh would show of the same digest, and what BIP-39 makes of it."""

import base64
import os
import shutil
import struct
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mnemonic import Mnemonic

from natpass_wire.identity import fingerprint
from natpass_wire.identity.keys import PublicKey

KEYS = st.binary(min_size=32, max_size=32).map(PublicKey)
ZERO = PublicKey(bytes(32))


@given(KEYS)
def test_the_picture_has_its_shape_and_ends_somewhere(key: PublicKey) -> None:
    lines = fingerprint.randomart(key).split("\n")
    assert len(lines) == 11
    assert {len(line) for line in lines} == {19}
    assert lines[0] == "+--[X25519 256]---+"
    assert lines[-1] == "+----[SHA256]-----+"
    assert "".join(lines[1:-1]).count("E") == 1


@given(KEYS)
def test_the_words_are_the_digests_first_half(key: PublicKey) -> None:
    words = fingerprint.words(key)
    assert len(words) == fingerprint.WORDS
    assert Mnemonic("english").check(" ".join(words))
    assert bytes(Mnemonic("english").to_entropy(" ".join(words))) == fingerprint.digest(key)[:16]


@given(KEYS)
def test_the_short_form_is_sha256_without_padding(key: PublicKey) -> None:
    short = fingerprint.short(key)
    assert len(short) == 50
    assert base64.b64decode(short.removeprefix("SHA256:") + "=") == sha256(key.raw).digest()


def test_a_known_key_is_shown_as_it_always_was() -> None:
    """People have written these down."""
    assert fingerprint.shown(ZERO) == GOLDEN


@pytest.mark.programs
@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")
def test_pictures_are_those_of_ssh(tmp_path: Path) -> None:
    """Its digest is over the key's blob, and its title names another kind of key; the rest is the same."""
    blobs = []
    for _ in range(64):
        kind, point = b"ssh-ed25519", os.urandom(32)
        blobs.append(struct.pack(">I", len(kind)) + kind + struct.pack(">I", 32) + point)
    (tmp_path / "keys.pub").write_text(
        "".join(f"ssh-ed25519 {base64.b64encode(blob).decode()} test\n" for blob in blobs)
    )
    said = subprocess.run(
        ["ssh-keygen", "-lv", "-E", "sha256", "-f", str(tmp_path / "keys.pub")],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = said.stdout.splitlines()
    assert len(lines) == 12 * len(blobs)
    for number, blob in enumerate(blobs):
        head, *picture = lines[12 * number : 12 * number + 12]
        digest = sha256(blob).digest()
        assert "\n".join(picture) == fingerprint.draw(digest, "[ED25519 256]", "[SHA256]")
        assert head.split()[1] == "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


@pytest.mark.programs
def test_a_start_does_not_load_the_words() -> None:
    question = "import sys, natpass_wire.identity.fingerprint; print('mnemonic' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", question], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


GOLDEN = """\
SHA256:Zmh6rfhivXdsj8GLjp+OIAiXFIVu4jOzkCpZHQ1fKSU
grid duck problem valid cloth roof
rate wealth merit insane toe doll
+--[X25519 256]---+
|  .o. E...       |
|  ... ..o        |
| ..  + o         |
|..o.. o.         |
|o+o. .o S        |
|+B. .o + .       |
|+o* o.. ..o      |
|+. .o+.+.o++     |
|.  ..o***oo..    |
+----[SHA256]-----+"""

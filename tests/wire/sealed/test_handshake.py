"""Both ends know who the other one is, or there is no link; whoever is in between learns at most keys."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from noise.connection import Keypair, NoiseConnection

from natpass_wire.errors import LocalProtocolError, RemoteProtocolError
from natpass_wire.sealed.handshake import (
    FIRST_BYTES,
    SECOND_BYTES,
    THIRD_BYTES,
    LinkContext,
    OpenerHandshake,
    TargetHandshake,
)
from natpass_wire.sealed.noise import XX_PSK3, HandshakeState, NoiseError
from natpass_wire.sealed.transport import REKEY_SECONDS
from tests.wire.sealed.pair import CONTEXT, OPENER_KEY, PSK, TARGET_KEY, Clock, opener, public, target

MALLORY = X25519PrivateKey.from_private_bytes(bytes([3]) * 32)
OTHER_PSK = bytes(32)
IDS = st.text(max_size=64)
CONTEXTS = st.builds(LinkContext, IDS, IDS, IDS)
OTHER_CONTEXTS = [replace(CONTEXT, **{field: "other"}) for field in ("opener", "target", "link_id")]


def failed(step: Callable[[], object]) -> None:
    """Expect that the peer is at fault, and that nothing says in what."""
    with pytest.raises(RemoteProtocolError) as caught:
        step()
    assert isinstance(caught.value, NoiseError)
    assert str(caught.value) == (
        "the handshake of a sealed link failed: the two ends have different secrets, or there is a man in the middle"
    )


def test_each_end_learns_the_others_key_and_they_can_talk() -> None:
    ours, theirs = opener(), target()
    first = ours.first()
    second = theirs.second(first)
    assert ours.second(second) == public(TARGET_KEY)
    third, one = ours.third()
    key, other = theirs.third(third)
    assert key == public(OPENER_KEY)
    assert [len(message) for message in (first, second, third)] == [FIRST_BYTES, SECOND_BYTES, THIRD_BYTES]
    assert other.open(one.seal(b"hello")) == b"hello"
    assert one.open(other.seal(b"reply")) == b"reply"


@pytest.mark.parametrize("ours_is_opener", [True, False])
def test_it_is_the_handshake_and_the_records_of_the_architecture_page(ours_is_opener: bool) -> None:
    """Another implementation of Noise, given its name and the prologue byte for byte, is the other end."""
    clock = Clock()
    ours: Any = opener(clock=clock) if ours_is_opener else target(clock=clock)
    other = NoiseConnection.from_name(b"Noise_XXpsk3_25519_ChaChaPoly_SHA256")
    (other.set_as_responder if ours_is_opener else other.set_as_initiator)()
    other.set_prologue(
        b"natpass sealed link\x00\x01\x00\x11console-host-0123\x00\x05web-1\x00\x100123456789abcdef",
    )
    other.set_psks(PSK)
    key = MALLORY.private_bytes_raw()
    other.set_keypair_from_private_bytes(Keypair.STATIC, key)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        other.start_handshake()
    if ours_is_opener:
        other.read_message(ours.first())
        assert ours.second(bytes(other.write_message())) == public(MALLORY)
        message, transport = ours.third()
        other.read_message(message)
    else:
        other.read_message(ours.second(bytes(other.write_message())))
        their_key, transport = ours.third(bytes(other.write_message()))
        assert their_key == public(MALLORY)
    assert other.decrypt(transport.seal(b"abc")) == bytes([125 << 1]) + b"abc" + bytes(125)
    clock.now += REKEY_SECONDS
    assert other.decrypt(transport.seal(bytes(2000))) == bytes([1]) + bytes(2000)
    other.rekey_inbound_cipher()
    assert other.decrypt(transport.seal(b"x" * 128)) == bytes([0]) + b"x" * 128
    assert transport.open(other.encrypt(bytes([2 << 1 | 1]) + b"abc" + bytes(2))) == b"abc"
    other.rekey_outbound_cipher()
    assert transport.open(other.encrypt(bytes([0]) + b"def")) == b"def"


def test_the_prologue() -> None:
    context = LinkContext(opener="ä", target="b", link_id="")
    assert context.prologue() == b"natpass sealed link\0\x01\0\x02\xc3\xa4\0\x01b\0\0"
    with pytest.raises(LocalProtocolError):
        LinkContext("a" * 0x10000, "b", "c").prologue()


@given(one=CONTEXTS, other=CONTEXTS)
def test_two_links_have_two_prologues(one: LinkContext, other: LinkContext) -> None:
    assert (one == other) == (one.prologue() == other.prologue())


@pytest.mark.parametrize("context", OTHER_CONTEXTS, ids=["opener", "target", "link_id"])
def test_a_link_that_was_connected_elsewhere_fails(context: LinkContext) -> None:
    """Neither end tells even its key: the first message does not open."""
    theirs = target(context=context)
    failed(lambda: theirs.second(opener().first()))


@pytest.mark.parametrize("context", OTHER_CONTEXTS, ids=["opener", "target", "link_id"])
def test_an_answer_from_another_link_fails(context: LinkContext) -> None:
    ours, elsewhere = opener(), opener(context=context)
    ours.first()
    failed(lambda: ours.second(target(context=context).second(elsewhere.first())))


def test_an_opener_without_the_secret_gets_nothing_done() -> None:
    ours, theirs = opener(psk=OTHER_PSK), target()
    ours.second(theirs.second(ours.first()))
    message, _ = ours.third()
    failed(lambda: theirs.third(message))


def test_a_target_without_the_secret_reads_and_says_nothing() -> None:
    """It learns who asks. The hello does not open with the keys that it comes to, and nor does its reply over there."""
    ours = opener()
    theirs = HandshakeState(
        XX_PSK3,
        initiator=False,
        prologue=CONTEXT.prologue(),
        static=TARGET_KEY,
        ephemeral=X25519PrivateKey.generate(),
        psk=OTHER_PSK,
    )
    theirs.read_message(ours.first())
    ours.second(theirs.write_message())
    message, transport = ours.third()
    hello = transport.seal(b"hello")
    with pytest.raises(NoiseError):
        theirs.read_message(message)
    assert theirs.remote_static == public(OPENER_KEY)
    receiving, sending = theirs._symmetric.split()  # it goes on nevertheless
    with pytest.raises(NoiseError):
        receiving.decrypt(hello)
    with pytest.raises(NoiseError):
        transport.open(sending.encrypt(b"\0reply"))


def test_somebody_in_the_middle_with_the_secret_shows_a_key_of_their_own() -> None:
    """Nobody can be the target to the opener, nor the opener to the target, without the key that is looked up."""
    ours, theirs = opener(), target()
    to_opener, to_target = target(key=MALLORY), opener(key=MALLORY)
    answer = to_opener.second(ours.first())
    assert ours.second(answer) == public(MALLORY)  # and there it ends: what follows was not sent
    to_target.second(theirs.second(to_target.first()))
    assert theirs.third(to_target.third()[0])[0] == public(MALLORY)


def test_somebody_in_the_middle_without_the_secret_gets_no_link_at_all() -> None:
    """The prologue and the target's key are public, so the start can be made; the end not."""
    theirs, to_target = target(), opener(key=MALLORY, psk=OTHER_PSK)
    to_target.second(theirs.second(to_target.first()))
    message, _ = to_target.third()
    failed(lambda: theirs.third(message))


class Claimed:
    """A key pair of somebody who has the public half of one, and another private half."""

    def __init__(self, claimed: X25519PrivateKey, own: X25519PrivateKey) -> None:
        self.public_key = claimed.public_key
        self.exchange = own.exchange


def test_who_claims_a_key_has_to_have_it() -> None:
    """The secret, and knowing what the key looks like, are not enough: at either end."""
    ours, theirs = opener(), target(key=cast("X25519PrivateKey", Claimed(TARGET_KEY, MALLORY)))
    answer = theirs.second(ours.first())
    failed(lambda: ours.second(answer))
    ours, theirs = opener(key=cast("X25519PrivateKey", Claimed(OPENER_KEY, MALLORY))), target()
    ours.second(theirs.second(ours.first()))
    message, _ = ours.third()
    failed(lambda: theirs.third(message))


@given(data=st.data())
@settings(deadline=None)
def test_a_changed_message_ends_the_handshake(data: Any) -> None:
    ours, theirs = opener(), target()
    steps: list[tuple[Callable[[], bytes], Any]] = [
        (ours.first, theirs.second),
        (lambda: theirs_second, ours.second),
        (lambda: ours.third()[0], theirs.third),
    ]
    bad = data.draw(st.integers(0, 2))
    theirs_second = b""
    for number, (write, read) in enumerate(steps):
        message = bytearray(write())
        if number == bad:
            break
        taken = read(bytes(message))
        if number == 0:
            theirs_second = taken
    match data.draw(st.sampled_from(["flip", "cut", "more"])):
        case "flip":
            message[data.draw(st.integers(0, len(message) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        case "cut":
            del message[data.draw(st.integers(0, len(message) - 1)) :]
        case "more":
            message += data.draw(st.binary(min_size=1, max_size=100))
    failed(lambda: read(bytes(message)))
    with pytest.raises(LocalProtocolError):
        (ours if bad == 1 else theirs).second(bytes(SECOND_BYTES))
    with pytest.raises(LocalProtocolError):
        ours.third() if bad == 1 else theirs.third(bytes(THIRD_BYTES))


def test_the_messages_of_one_handshake_do_not_fit_another() -> None:
    """A recorded handshake is of no use: the keys of the other end are new each time."""
    recorded, there = opener(), target()
    first = recorded.first()
    second = there.second(first)
    recorded.second(second)
    third, transport = recorded.third()
    again = target()
    again.second(first)
    failed(lambda: again.third(third))
    ours = opener()
    ours.first()
    failed(lambda: ours.second(second))
    assert there.third(third)[1].open(transport.seal(b"the real one")) == b"the real one"


def test_messages_carry_nothing() -> None:
    """A payload, authentic or not, is none of this protocol: there is nobody yet whom one could answer."""
    ends = [
        HandshakeState(
            XX_PSK3,
            initiator=initiator,
            prologue=CONTEXT.prologue(),
            static=MALLORY,
            ephemeral=X25519PrivateKey.generate(),
            psk=PSK,
        )
        for initiator in (True, False)
    ]
    theirs = target()
    failed(lambda: theirs.second(ends[0].write_message(b"x")))
    ours = opener()
    ends[1].read_message(ours.first())
    failed(lambda: ours.second(ends[1].write_message(b"x")))
    theirs, ends[0] = (
        target(),
        HandshakeState(
            XX_PSK3,
            initiator=True,
            prologue=CONTEXT.prologue(),
            static=MALLORY,
            ephemeral=X25519PrivateKey.generate(),
            psk=PSK,
        ),
    )
    ends[0].read_message(theirs.second(ends[0].write_message()))
    failed(lambda: theirs.third(ends[0].write_message(b"x")))


def test_nothing_but_new_keys_travels_in_clear() -> None:
    ours, theirs = opener(), target()
    first = ours.first()
    second = theirs.second(first)
    ours.second(second)
    third, _ = ours.third()
    whole = first + second + third
    secrets = (public(OPENER_KEY), public(TARGET_KEY), PSK, OPENER_KEY.private_bytes_raw())
    names = [field.encode() for field in (CONTEXT.opener, CONTEXT.target, CONTEXT.link_id)]
    for hidden in (*secrets, *names):
        assert hidden not in whole


def test_nothing_shows_in_a_repr() -> None:
    ours, theirs = opener(), target()
    ours.second(theirs.second(ours.first()))
    shown = repr([ours, theirs, ours.third(), vars(ours), vars(theirs)["_noise"]])
    for secret in (PSK, OPENER_KEY.private_bytes_raw(), TARGET_KEY.private_bytes_raw()):
        assert repr(secret)[2:-1] not in shown
        assert secret.hex() not in shown


@pytest.mark.parametrize("taken", range(4))
def test_an_opener_takes_its_steps_once_in_order(taken: int) -> None:
    """At each point the next step can be taken, and no other; trying another one changes nothing."""
    ours, theirs = opener(), target()
    answer = bytes(SECOND_BYTES)
    steps: list[Callable[[], Any]] = [ours.first, lambda: ours.second(answer), ours.third]
    for number in range(taken):
        result = steps[number]()
        if number == 0:
            answer = theirs.second(result)
    for wrong in {0, 1, 2} - {taken}:
        with pytest.raises(LocalProtocolError):
            steps[wrong]()
    for step in steps[taken:]:
        result = step()
        if step is steps[0]:
            answer = theirs.second(result)


@pytest.mark.parametrize("first_is_taken", [False, True])
def test_a_target_takes_its_steps_once_in_order(first_is_taken: bool) -> None:
    ours, theirs = opener(), target()
    if not first_is_taken:
        with pytest.raises(LocalProtocolError):
            theirs.third(bytes(THIRD_BYTES))
        return
    ours.second(theirs.second(ours.first()))
    with pytest.raises(LocalProtocolError):
        theirs.second(opener().first())
    message, one = ours.third()
    other = theirs.third(message)[1]
    with pytest.raises(LocalProtocolError):
        theirs.third(message)
    assert other.open(one.seal(b"as if nothing had happened")) == b"as if nothing had happened"


def test_a_secret_has_32_bytes() -> None:
    for psk in (b"", bytes(31), bytes(33)):
        for kind in (OpenerHandshake, TargetHandshake):
            with pytest.raises(LocalProtocolError):
                kind(OPENER_KEY, psk, CONTEXT, X25519PrivateKey.generate(), Clock())

"""How much may wait in the sockets of all clients together."""

from hypothesis import given
from hypothesis import strategies as st

from natpass_relay.backlog import Ledger
from natpass_relay.outbox import HIGH_WATER_BYTES, LEAST_HIGH_WATER_BYTES, Outbox, high_water

MEMORY = 512 * 1024 * 1024


def test_few_clients_have_the_whole_buffer() -> None:
    assert high_water(1, MEMORY) == high_water(512, MEMORY) == HIGH_WATER_BYTES


@given(st.integers(1, 4000))
def test_the_buffers_of_many_clients_are_bounded_together(clients: int) -> None:
    assert sum(high_water(number, MEMORY) for number in range(1, clients + 1)) < MEMORY


@given(st.integers(0, 10**6), st.integers(1, 2**40))
def test_every_client_has_some_buffer(clients: int, memory: int) -> None:
    assert LEAST_HIGH_WATER_BYTES <= high_water(clients, memory) <= HIGH_WATER_BYTES


def test_an_outbox_has_no_backlog_at_first() -> None:
    assert not Outbox[str](Ledger(MEMORY), "me").has_backlog

"""How much may wait in the sockets of all clients together."""

from contextlib import AsyncExitStack
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natpass_relay.backlog import MemoryAccount
from natpass_relay.outbox import HIGH_WATER_BYTES, LEAST_HIGH_WATER_BYTES, Outbox, high_water, is_other
from natpass_relay.sources import Source, source_of
from tests.relay.raw import Raw
from tests.support.relay import CONSOLE, running_relay
from tests.support.waiting import wait_for

MEMORY = 512 * 1024 * 1024


def test_few_clients_have_the_whole_buffer() -> None:
    assert high_water(1, 1, MEMORY) == high_water(1, 512, MEMORY) == high_water(512, 1, MEMORY) == HIGH_WATER_BYTES


@given(st.lists(st.integers(1, 500), min_size=1, max_size=50))
def test_the_buffers_of_many_clients_are_bounded_together(sizes: list[int]) -> None:
    together = sum(size * high_water(size, len(sizes), MEMORY) for size in sizes)
    assert together <= MEMORY // 4 + sum(sizes) * LEAST_HIGH_WATER_BYTES


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 2**40))
def test_every_client_has_some_buffer(neighbours: int, networks: int, memory: int) -> None:
    assert LEAST_HIGH_WATER_BYTES <= high_water(neighbours, networks, memory) <= HIGH_WATER_BYTES


def test_a_mark_changes_when_it_is_twice_as_large_or_half() -> None:
    assert [mark for mark in (1, 50, 51, 100, 199, 200, 1000) if is_other(mark, 100)] == [1, 50, 200, 1000]


@pytest.mark.both_loops
async def test_many_clients_of_one_network_leave_the_others_their_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    def here(host: str, *, is_proxied: bool = False) -> Source:
        return source_of(f"2001:db8:0:{next(numbers)}::1" if evil else "192.0.2.1")

    numbers, evil = count(), False
    monkeypatch.setattr("natpass_relay.entrance.source_of", here)
    async with running_relay(memory=4 * 8 * HIGH_WATER_BYTES) as relay:
        hub = relay.server.hub

        def marks() -> list[int]:
            """Return the marks of the honest client and one of the others, once the clock has ticked."""
            found = [hub.router.client(name) for name in ("honest", "evil-0")]
            connections = [hub.connection_to(client) for client in found if client is not None]
            return [connection.socket.high_water for connection in connections]

        await relay.join("honest", CONSOLE)
        evil = True
        async with AsyncExitStack() as stack:
            for number in range(16):
                raw = await stack.enter_async_context(Raw.connect(relay))
                await raw.log_in(f"evil-{number}")
            await wait_for(lambda: marks() == [HIGH_WATER_BYTES, HIGH_WATER_BYTES // 4], "marks of many", timeout=20)
            await stack.pop_all().aclose()
            raw = await stack.enter_async_context(Raw.connect(relay))
            await raw.log_in("evil-0")
            await wait_for(lambda: marks() == 2 * [HIGH_WATER_BYTES], "marks of two", timeout=20)


def test_an_outbox_has_no_backlog_at_first() -> None:
    assert not Outbox[str](MemoryAccount(MEMORY), "me").has_backlog

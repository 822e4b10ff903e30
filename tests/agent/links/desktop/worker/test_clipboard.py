"""The contract of clipboards, for the fake and a real X server."""

import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from natpass_agent.links.desktop.worker.clipboard import MOST_BYTES, Clipboard, clipboard
from natpass_agent.links.desktop.worker.clipboard.fake import FakeClipboard
from natpass_agent.links.desktop.worker.errors import ClipboardError
from tests.support.waiting import wait_until
from tests.support.xserver import XServer, needs

assert sys.platform != "win32"

TEXTS = ["hej", "klippé 中 😀\n\ttwo lines\n", "x" * MOST_BYTES, "é" * (MOST_BYTES // 2), " "]


@dataclass
class Desk:
    """A clipboard, and another program at it."""

    clipboard: Clipboard
    put: Callable[[str], None]
    paste: Callable[[], str]


@pytest.fixture(params=["fake", pytest.param("x11", marks=[pytest.mark.x11, needs("xclip")])])
def desk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    if request.param == "fake":
        fake = FakeClipboard()
        yield Desk(fake, fake.set, lambda: fake.text)
        return
    server: XServer = request.getfixturevalue("fresh")
    monkeypatch.setenv("DISPLAY", server.display)
    owners: list[subprocess.Popen[bytes]] = []

    def put(text: str) -> None:
        command = ["xclip", "-selection", "clipboard", "-quiet", "-in"]
        owner = subprocess.Popen(command, env=server.env, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        owners.append(owner)
        assert owner.stdin is not None
        owner.stdin.write(text.encode())
        owner.stdin.close()
        wait_until(lambda: paste() == text)

    def paste() -> str:
        # Not checked: between two owners there is a moment without one.
        found = subprocess.run(
            ["xclip", "-selection", "clipboard", "-out"], env=server.env, capture_output=True, timeout=10, check=False
        )
        return found.stdout.decode()

    with closing(clipboard()) as real:
        yield Desk(real, put, paste)
    for owner in owners:
        owner.kill()
        owner.wait()


def test_there_is_nothing_in_it_at_first(desk: Desk) -> None:
    assert desk.clipboard.get() == ""


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_what_is_set_is_there_for_others_and_for_us(desk: Desk, text: str) -> None:
    desk.clipboard.set(text)
    assert desk.paste() == text
    assert desk.paste() == text
    assert desk.clipboard.get() == text


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_what_others_put_in_is_read(desk: Desk, text: str) -> None:
    desk.clipboard.set("before")
    desk.put(text)
    assert desk.clipboard.get() == text
    assert desk.clipboard.get() == text


def test_more_than_60_kib_is_not_read(desk: Desk) -> None:
    desk.put("x" * (MOST_BYTES + 1))
    with pytest.raises(ClipboardError, match="60 KiB"):
        desk.clipboard.get()
    desk.put("y" * 1_000_000)
    with pytest.raises(ClipboardError, match="60 KiB"):
        desk.clipboard.get()
    desk.put("short")
    assert desk.clipboard.get() == "short"


@pytest.mark.x11
@needs("xclip")
def test_an_owner_that_does_not_answer_holds_nobody_up_for_long(
    server: XServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from natpass_agent.links.desktop.worker.clipboard import x11

    monkeypatch.setenv("DISPLAY", server.display)
    monkeypatch.setattr(x11, "GET_SECONDS", 0.2)
    with closing(clipboard()) as ours, server.program("xclip", "-selection", "clipboard", "-quiet", "-in") as owner:
        ours.set("ours")
        wait_until(lambda: ours.get() == "")  # it holds what is in /dev/null
        owner.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(ClipboardError, match="does not answer"):
                ours.get()
        finally:
            owner.send_signal(signal.SIGCONT)


@pytest.mark.x11
@needs("xclip")
@pytest.mark.parametrize("call", ["get", "set"])
def test_a_call_before_we_are_told_that_the_clipboard_is_anothers(
    server: XServer, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """On a busy machine, the thread sees both at once."""
    from natpass_agent.links.desktop.worker.clipboard import x11

    monkeypatch.setenv("DISPLAY", server.display)
    held, real = threading.Event(), select.select

    def late(readers: Any, *rest: Any) -> Any:
        """Stand still while `held`, then return when there are both the server's word and a call."""
        ready = real(readers, *rest)
        if held.is_set() and len(readers) == 2:
            wait_until(lambda: len(real(readers, [], [], 0)[0]) == 2, "a call")
            ready = readers[::-1], [], []
            held.clear()
        return ready

    monkeypatch.setattr(x11, "select", SimpleNamespace(select=late))
    paste = ("xclip", "-selection", "clipboard", "-out")
    with closing(clipboard()) as ours:
        ours.set("ours")
        held.set()
        server.run("sh", "-c", "printf theirs | xclip -selection clipboard -in >/dev/null", given=b"")
        if call == "get":
            assert ours.get() == "theirs"
        else:
            ours.set("ours again")
            assert ours.get() == "ours again"
            assert server.run(*paste) == b"ours again"
        ours.set("end")  # xclip ends


@pytest.mark.x11
@needs("xclip")
def test_a_server_that_ends_ends_nothing_else(fresh: XServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", fresh.display)
    with closing(clipboard()) as ours:
        ours.set("x")
        fresh.process.kill()
        fresh.process.wait()
        with pytest.raises(ClipboardError):
            ours.set("y")

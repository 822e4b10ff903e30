"""All memory of a relay that has a verifier, while a shell and commands run through it: nothing of them is there."""

import base64
import contextlib
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from natpass_wire.identity.keys import Identity
from natpass_wire.login.keys import RootKey
from tests.end_to_end.agent_programs import Program
from tests.end_to_end.outer_terminal import OuterTerminal, outer_terminal
from tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc/PID/mem is Linux'")

ROOT = Path(__file__).parents[2]
_READABLE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r.* (\S*)")
#: Of a mapping, so much is looked at together; needles are far shorter than what overlaps. What can't be read is passed
#: over page by page.
_CHUNK, _OVERLAP, _PAGE = 16 * 1024 * 1024, 4096, 4096


def found_in(pid: int, needles: dict[str, bytes]) -> set[str]:
    """Return the names of those needles that are somewhere in the memory of a process."""
    found, looked_at = set(), 0
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            mapping = _READABLE.match(line)
            if mapping is None or mapping[3] in {"[vvar]", "[vsyscall]", "[vvar_vclock]"}:
                continue
            start, end = int(mapping[1], 16), int(mapping[2], 16)
            rest = b""  # of the chunk before, so that nothing is missed where two meet
            while start < end:
                memory.seek(start)
                content = b""
                with contextlib.suppress(OSError):  # it was unmapped meanwhile, or lies behind a file's end
                    content = memory.read(min(_CHUNK, end - start))
                looked_at += len(content)
                found |= {name for name, needle in needles.items() if needle in rest + content}
                rest = content[-_OVERLAP:]
                start += len(content) or _PAGE
    assert looked_at > 10_000_000, "this is not all memory of a Python program"
    return found


def written(name: str, key: bytes) -> dict[str, bytes]:
    """Return a key as it is, and as people and programs write it."""
    return {
        name: key,
        f"{name} in hex": key.hex().encode(),
        f"{name} in base64": base64.b64encode(key).rstrip(b"="),
        f"{name} in base64url": base64.urlsafe_b64encode(key).rstrip(b"="),
    }


@dataclass
class Place:
    """A relay that has the verifier, an agent with an id of its own, and what its consoles need."""

    folder: Path
    relay: Program
    port: int
    agent_id: str
    secret: str

    @property
    def options(self) -> list[str]:
        return ["--relay", f"127.0.0.1:{self.port}", "--state-dir", str(self.folder / "console")]

    @property
    def env(self) -> dict[str, str]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
        more = {"NATPASS_SECRET": self.secret, "HOME": str(self.folder), "PYTHONPATH": str(ROOT)}
        return clean | more | {"TERM": "xterm-256color"}

    @contextlib.contextmanager
    def shell(self) -> Iterator[OuterTerminal]:
        """Run `natpass-tui shell` in a terminal."""
        command = [sys.executable, "-m", "natpass_tui", "shell", *self.options, "--exec", "sh", self.agent_id]
        with outer_terminal(24, 100, command, self.env) as terminal:
            yield terminal

    @contextlib.contextmanager
    def exec(self, *command: str) -> Iterator["subprocess.Popen[bytes]"]:
        """Run `natpass-tui exec`."""
        words = [sys.executable, "-m", "natpass_tui", *self.options, "exec", self.agent_id, "--", *command]
        pipe = subprocess.PIPE
        with subprocess.Popen(words, stdin=pipe, stdout=pipe, env=self.env, cwd=ROOT) as process:
            try:
                yield process
            finally:
                process.kill()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    secret, agent_id = secrets.token_hex(20), f"agent-{secrets.token_hex(8)}"
    file = tmp_path / "verifier"
    file.touch(0o600)
    file.write_text(RootKey.from_secret(secret).login_key().to_verifier())
    options = ["--listen", "127.0.0.1:0", "--state-dir", str(tmp_path / "relay"), "--verifier-file", str(file)]
    with Program("natpass_relay", options, tmp_path, {"NATPASS_SECRET": ""}) as relay:
        port = int(relay.said(r"listening on 127\.0\.0\.1:(\d+)")[1])
        try:
            os.close(os.open(f"/proc/{relay.process.pid}/mem", os.O_RDONLY))
        except PermissionError:
            pytest.skip("this machine lets nobody read the memory of a child")
        options = ["--relay", f"127.0.0.1:{port}", "--id", agent_id, "--state-dir", str(tmp_path / "agent")]
        with Program("natpass_agent", options, tmp_path, {"NATPASS_SECRET": secret}) as agent:
            agent.said("logged in")
            yield Place(tmp_path, relay, port, agent_id, secret)


def test_whoever_has_the_relays_memory_has_neither_keys_nor_words(place: Place) -> None:
    names = ("typed", "shown", "run", "in", "out")
    typed, shown, command, given, flood = (f"{name}-{secrets.token_hex(8)}" for name in names)
    half = len(shown) // 2
    with (
        place.shell() as terminal,
        place.exec("sh", "-c", f": {command}; cat") as both_ways,
        place.exec("sh", "-c", f"while sleep 0.01; do echo {flood[:6]}'{flood[6:]}'; done") as one_way,
    ):
        assert both_ways.stdin is not None
        assert both_ways.stdout is not None
        assert one_way.stdout is not None
        wait_until(lambda: re.search(r"[$#] *$", terminal.text(), re.MULTILINE), "a prompt", timeout=20)
        terminal.type(f"echo {shown[:half]}''{shown[half:]} # {typed}\r")
        terminal.wait_for(shown)
        terminal.wait_for(typed)
        both_ways.stdin.write(f"{given}\n".encode() * 100)
        both_ways.stdin.flush()
        assert both_ways.stdout.readline().strip().decode() == given
        assert one_way.stdout.readline().strip().decode() == flood
        root = RootKey.from_secret(place.secret)
        words = {"typed": typed, "shown": shown, "command": command, "given": given, "flood": flood}
        needles = {name: word.encode() for name, word in words.items()}
        needles |= {"shown, as typed": f"{shown[:half]}''".encode()}
        needles |= written("secret", place.secret.encode()) | written("root key", root._bytes)
        needles |= written("link key", root.link_key().key)
        for name in ("console", "agent"):
            pem = (place.folder / name / f"{name}.key").read_bytes()
            needles |= written(f"{name}'s private key", Identity.from_pem(pem).private.private_bytes_raw())
            needles[f"{name}'s PEM"] = pem.splitlines()[1]
        there = {"login key": root.login_key().key, "agent's id": place.agent_id.encode()}
        for _ in range(3):  # while the flood goes on
            assert found_in(place.relay.process.pid, needles | there) == set(there)
            assert one_way.stdout.readline().strip().decode() == flood


def test_the_search_finds_what_is_there(place: Place) -> None:
    """The console has all that the relay has not."""
    root = RootKey.from_secret(place.secret)
    word = f"given-{secrets.token_hex(8)}"
    with place.exec("cat") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{word}\n".encode())
        process.stdin.flush()
        assert process.stdout.readline().strip().decode() == word
        needles = {"link key": root.link_key().key, "word": word.encode(), "agent's id": place.agent_id.encode()}
        assert found_in(process.pid, needles) == set(needles)

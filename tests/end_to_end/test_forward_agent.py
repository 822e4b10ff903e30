"""A forward through the real relay and agent: connections, a listener, rules, and what `status` and `check` say."""

import contextlib
import hashlib
import json
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from natpass_wire.aio.channels import ChannelLink
from natpass_wire.aio.dial import RelayAddress, RelayTarget
from natpass_wire.aio.tasks import Tasks
from natpass_wire.channels.events import ChannelAsked, Endpoint, ListenAsked
from natpass_wire.identity.keys import PublicKey
from natpass_wire.login import v2
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.forward_pb2 import ChannelRefused
from natpass_wire.pb.link_pb2 import ConnectRequest
from tests.agent.links.forward.world import User
from tests.end_to_end import agent_programs
from tests.end_to_end.agent_programs import ROOT, SECRET, Program
from tests.support.peers import Peer, Target
from tests.support.relay import CONSOLE, TestClient, instance
from tests.support.sealing import link_key, sealing
from tests.support.waiting import wait_for

pytestmark = pytest.mark.both_loops
REQUEST = ConnectRequest(name="test", kind=ConnectRequest.forward)


@dataclass
class Place:
    """Relay and agent as programs, and a console in this process."""

    folder: Path
    agent: Program
    key: PublicKey
    channels: ChannelLink
    asked: list[ChannelAsked | ListenAsked] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return self.folder / "agent" / "authorized_consoles"

    def authorize(self, options: str) -> None:
        authorize(self.file, options, self.key)

    async def answer(self, target: Endpoint) -> User:
        user = User()
        self.channels.begin(user, target)
        await wait_for(lambda: user.address or user.why is not None, "an answer")
        return user

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of the agent."""
        command = [sys.executable, "-c", "from natpass_agent.cli import main; main()", *arguments]
        options = ["--state-dir", str(self.folder / "agent")]
        return subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def authorize(file: Path, options: str, key: PublicKey) -> None:
    file.touch(0o600)
    file.write_text(f"{options} {key} me\n".lstrip())


@contextlib.asynccontextmanager
async def place(folder: Path, *options: str, line: str | None = None) -> AsyncIterator[Place]:
    seals = sealing(link_key(SECRET))
    key = PublicKey(seals.identity.public_key().public_bytes_raw())
    if line is not None:
        (folder / "agent").mkdir(mode=0o700)
        authorize(folder / "agent" / "authorized_consoles", line, key)
    tasks = Tasks()
    with agent_programs.relay(folder) as (_, port), agent_programs.agent(folder, port, *options) as agent:
        agent.said(r"logged in at 127\.0\.0\.1:\d+ as box")
        claims = v2.Claims("console", CONSOLE, (), "test 1", instance("console"))
        login = LoginKey.from_secret(SECRET)
        target = RelayTarget(RelayAddress("127.0.0.1", port), tls=False, claims=claims, login=login, sealing=seals)
        console = TestClient(target)
        try:
            tasks.start(console.client.run(), "console")
            await console.client.online()
            link = await console.client.open_link("box", REQUEST)
            asked: list[ChannelAsked | ListenAsked] = []
            channels = ChannelLink(link, is_console=True, asked=asked.append)
            running = tasks.start(channels.run(), "channels")
            yield Place(folder, agent, key, channels, asked)
            link.close()
            await running
        finally:
            await tasks.close()


async def test_bytes_a_listener_and_what_status_says(tmp_path: Path) -> None:
    async with place(tmp_path) as there:
        with contextlib.closing(Target()) as target:
            content = secrets.token_bytes(300_000)
            user = User()
            channel = there.channels.begin(user, target.endpoint)
            peer = await target.accept()
            await peer.send(content)
            peer.end()

            def received() -> bytes:
                return b"".join(user.data)

            def consumed() -> bool:
                for data in user.data[consumed.count :]:  # type: ignore[attr-defined]
                    there.channels.consumed(channel, len(data))
                consumed.count = len(user.data)  # type: ignore[attr-defined]
                return user.has_ended

            consumed.count = 0  # type: ignore[attr-defined]
            await wait_for(consumed, "all bytes")
            assert hashlib.sha256(received()).digest() == hashlib.sha256(content).digest()
            listening = User()
            there.channels.listen(listening, Endpoint())
            await wait_for(lambda: listening.address, "the listener")
            assert listening.address is not None
            with contextlib.closing(await Peer.to(listening.address[1])):
                await wait_for(lambda: there.asked, "its connection")
                found = json.loads(there.run("status", "--json").stdout)["links"][0]
                assert found["kind"] == "forward"
                assert found["program"].startswith(f"2 connections, listening at 127.0.0.1:{listening.address[1]}")
        assert (await there.answer(Endpoint("127.0.0.1", 1))).reason == ChannelRefused.NOT_LISTENING
    there.agent.said(r"forward of console \(key SHA256:\S+\) has ended after \d+ s: .*300000 bytes to it")


async def test_rules_hold_and_are_looked_at_again(tmp_path: Path) -> None:
    with contextlib.closing(Target()) as one, contextlib.closing(Target()) as two, contextlib.closing(Target()) as no:
        ports = [each.endpoint.port for each in (one, two)]
        options = [f"--allow-forward=localhost:{port}" for port in ports]
        async with place(tmp_path, *options, line="") as there:
            users = [await there.answer(each.endpoint) for each in (one, two)]
            assert all(each.address for each in users)
            assert (await there.answer(no.endpoint)).reason == ChannelRefused.NOT_ALLOWED
            there.authorize(f'forward="127.0.0.1:{ports[0]}"')
            await wait_for(lambda: users[1].why, "the connection's end")
            assert users[1].why == "this agent's rules no longer allow it"
            assert users[0].why is None
            found = there.run(*options, "check")
            assert (
                f"forward to localhost:{ports[0]}, localhost:{ports[1]}, and of these only 127.0.0.1:" in found.stdout
            )
            there.authorize("read-only")
            await wait_for(lambda: users[0].why, "the link's end")


@pytest.mark.parametrize("pattern", ["localhost", "10.0.0.0/33:1", "a b:1"])
def test_an_invalid_pattern_is_one_line(tmp_path: Path, pattern: str) -> None:
    config = tmp_path / "agent.toml"
    config.write_text(f'relay = "127.0.0.1"\nallow-listen = ["{pattern}"]\n')
    for options in ([f"--allow-forward={pattern}", "--relay=127.0.0.1"], [f"--config={config}"]):
        command = [sys.executable, "-c", "from natpass_agent.cli import main; main()", *options]
        found = subprocess.run(
            [*command, "--state-dir", str(tmp_path / "agent")],
            cwd=ROOT,
            env={"HOME": str(tmp_path), "NATPASS_SECRET": SECRET},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert found.returncode == 2
        assert len(found.stderr.splitlines()) == 1, found.stderr
        assert pattern in found.stderr

"""What an attacker and an honest client are told, as JSON on their command line; and what they answer."""

import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from natpass_wire.aio.dial import RelayAddress, RelayTarget
from natpass_wire.aio.sealing import Sealing, TrustAll
from natpass_wire.identity.keys import Identity
from natpass_wire.login import v2
from natpass_wire.login.keys import LinkKey, LoginKey
from natpass_wire.pb.login_pb2 import Role

Answer = dict[str, float]


@dataclass(frozen=True)
class Plan:
    """Where a program of an attack goes, with what.

    Attributes:
        host, port: the relay's.
        login_key: the key of logins, in hex: a verifier's holder has it.
        link_key: the key of links, in hex; empty for who has only the login.
        key_file: the static key.
        seconds: how long.
        sources: the addresses to come from.
        agents: the ids of the agents.
        part: how much of the whole attack: 1.0, or less in bounded form.
    """

    host: str
    port: int
    login_key: str = field(repr=False)
    link_key: str = field(repr=False)
    key_file: str
    seconds: float
    sources: tuple[str, ...]
    agents: tuple[str, ...]
    part: float = 1.0

    def to_text(self) -> str:
        """Return it as one line."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the plan in a line of `to_text`."""
        values = json.loads(text)
        return cls(**values | {"sources": tuple(values["sources"]), "agents": tuple(values["agents"])})

    @property
    def agent(self) -> str:
        """The first agent."""
        return self.agents[0]

    def whole(self, number: int, least: int = 1) -> int:
        """Return this part of a whole attack's number."""
        return max(round(number * self.part), least)

    def target(self, client_id: str, role: Role = Role.ROLE_CONSOLE) -> RelayTarget:
        """Return how to log in under an id; without the key of links, links fail at their third message."""
        key = LoginKey(bytes.fromhex(self.login_key))
        claims = v2.Claims(client_id, role, ("roster",), "tests", v2.instance_tag(key, os.urandom(16)))
        psk = LinkKey(bytes.fromhex(self.link_key) or bytes(32))
        private = Identity.from_pem(Path(self.key_file).read_bytes()).private
        sealing = Sealing(private, psk, TrustAll(), time.monotonic)
        return RelayTarget(RelayAddress(self.host, self.port), True, claims, key, sealing=sealing)

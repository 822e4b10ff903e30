"""This machine's facts for the roster."""

import getpass
import os
import platform
import socket
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class HostFacts:
    """This machine in a few words.

    Attributes:
        host: its name.
        os: the operating system, such as "Debian 12 x86_64".
        user: the user that the agent runs as.
    """

    host: str
    os: str
    user: str


class Host(Protocol):
    """A machine that knows its facts."""

    def facts(self) -> HostFacts:
        """Return its facts."""


def host() -> Host:
    """Return the machine that we run on."""
    return RealHost()


class RealHost:
    """The machine that we run on."""

    def facts(self) -> HostFacts:
        """Return its facts."""
        return HostFacts(socket.gethostname(), f"{_system()} {platform.machine()}".strip(), _user())


@dataclass(frozen=True, slots=True)
class FakeHost:
    """A machine for tests."""

    known: HostFacts = HostFacts("fake-host", "FakeOS 1 x86_64", "somebody")

    def facts(self) -> HostFacts:
        """Return the test's facts."""
        return self.known


def _system() -> str:
    """Return the system's name and version."""
    if platform.system() == "Darwin":
        return f"macOS {platform.mac_ver()[0]}"
    try:
        release = platform.freedesktop_os_release()
    except OSError:  # Windows, and systems that do not say
        return f"{platform.system()} {platform.release()}"
    name = release.get("NAME", platform.system()).removesuffix(" GNU/Linux").removesuffix(" Linux")
    return f"{name} {release.get('VERSION_ID', '')}".strip()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a user id without a name, as containers have
        return str(os.getuid()) if hasattr(os, "getuid") else ""

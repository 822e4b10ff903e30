"""dig through `forward -U` and `-L` to a dnsmasq that only the agent reaches."""

from pathlib import Path

from tests.interop.beyond import ADDRESS, NAME, beyond
from tests.interop.tool import Tool, find
from tests.support.waiting import wait_until

_PORT = 5300
#: Addresses of one name: their answer does not fit into a packet of Ethernet.
_MANY = 200


def _answers(folder: Path, names: int) -> None:
    hosts = {f"host{number}.example": f"10.1.{number // 250}.{number % 250 + 1}" for number in range(names)}
    many = sorted(f"10.2.0.{number}" for number in range(_MANY))
    known = folder / "known"
    lines = [f"{address} {name}\n" for name, address in hosts.items()]
    known.write_text("".join([*lines, *(f"{address} many.example\n" for address in many)]))
    known.chmod(0o644)
    options = [f"--port={_PORT}", f"--listen-address={ADDRESS}", f"--addn-hosts={known}", "--conf-file=/dev/null"]
    options += ["--keep-in-foreground", "--no-resolv", "--no-hosts", "--bind-interfaces", "--user=root", "--pid-file="]
    program = find("dnsmasq")
    assert program is not None
    with (
        beyond(folder) as place,
        place.there(program, "--edns-packet-max=4096", *options) as server,
        place.forward(f"-U 0:{NAME}:{_PORT}", f"-L 0:{NAME}:{_PORT}") as (console, ports),
    ):
        wait_until(lambda: place.listens(_PORT, server), "dnsmasq")
        for port, transport in zip(ports, ("+notcp", "+tcp"), strict=True):
            common = ("@127.0.0.1", "-p", str(port), "+short", "+tries=3", "+time=5", "+ignore", "+bufsize=4096")
            found = place.here("dig", *common, transport, *hosts, timeout=600).decode().split()
            assert found == list(hosts.values()), f"{len(found)} answers of {len(hosts)}"
            assert sorted(place.here("dig", *common, transport, "many.example").decode().split()) == many
        assert console.stop() == 0


def small(folder: Path) -> None:
    """Ask for 50 names and an answer of 3 KB by each."""
    _answers(folder, 50)


def heavy(folder: Path) -> None:
    """Ask for 2000 names."""
    _answers(folder, 2000)


TOOL = Tool(
    "dig through forward -U (and -L) to dnsmasq",
    {"dig": "bind9-dnsutils", "dnsmasq": "dnsmasq-base", "ip": "iproute2"},
    small,
    heavy,
)

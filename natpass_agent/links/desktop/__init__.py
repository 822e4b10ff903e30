"""The desktop kind (`vnc` on the wire, docs/wire.md §4): a real screen with keyboard, mouse and clipboard.

The agent's own process only listens on loopback, starts the worker and forwards messages. It imports no graphics
library, so it also starts without a display. Everything that touches a screen is in `worker/`, a separate process.

    viewer <-- link --> server ── websocket on 127.0.0.1 ──> worker ── X11, Windows, macOS

Modules: `view` and `protocol` (PURE) are shared by both processes; `gate` (PURE) decides who may connect; `worker_host`
starts, admits and ends the worker; `server` forwards messages between the link and the worker.
"""

# Why: docs/decisions/073-few-desktops-a-key.md

from collections.abc import Sequence
from typing import TYPE_CHECKING

from natpass_agent.links.kind import Kind, Limits, Option, Services, Worker
from natpass_wire.pb.link_pb2 import ConnectRequest

if TYPE_CHECKING:
    from natpass_agent.links.kind import KindServer


def _server(services: Services) -> "KindServer":
    from natpass_agent.links.desktop.server import DesktopServer  # noqa: PLC0415 - the descriptor is cheap to import

    return DesktopServer(services.options.get("display"))


def _worker(arguments: Sequence[str]) -> int:
    from natpass_agent.links.desktop.worker.main import main  # noqa: PLC0415 - loads graphics libraries

    return main(arguments)


#: Each link has a worker of its own, of about 60 MB.
LIMITS = Limits(places=16, places_of_key=4)

KIND = Kind(
    number=ConnectRequest.vnc,
    wire_name="vnc",
    name="desktop",
    make_server=_server,
    read_only=None,
    limits=LIMITS,
    serves="the desktop",
    options=(Option("display", "NAME", "The X display to show, such as :0. Default: DISPLAY's."),),
    worker=Worker("vnc.worker", _worker),
)

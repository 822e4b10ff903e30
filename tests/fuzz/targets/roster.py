"""A hostile relay's roster: it is listed, or refused; as a table and as JSON."""

import json

from google.protobuf.message import DecodeError

from natpass_tui.agents_list import as_json, as_table
from natpass_tui.model.agents import from_roster
from natpass_wire.errors import RemoteProtocolError
from natpass_wire.pb.roster_pb2 import About, Roster, RosterEntry
from natpass_wire.roster import RosterMirror
from tests.fuzz.targets.pieces import joined, pieces

_ENTRY = RosterEntry(id="box", about=About(host="h", serves=["shell"], streams=1), connected_unix_ms=1_700_000_000_000)
_AWAY = RosterEntry(id="away", away_since_unix_ms=1_700_000_000_000, connected_unix_ms=1)
SEEDS = (
    joined(
        Roster(revision=1, snapshot_begin=True, snapshot_end=True, present=[_ENTRY], away=[_AWAY]).SerializeToString()
    ),
    joined(
        Roster(revision=1, snapshot_begin=True, snapshot_end=True, now_unix_ms=5).SerializeToString(),
        Roster(revision=2, present=[_ENTRY], left=["x"]).SerializeToString(),
    ),
)


def target(data: bytes) -> None:
    """Each piece is a roster."""
    mirror = RosterMirror()
    for piece in pieces(data):
        try:
            mirror.receive(Roster.FromString(piece))
        except (DecodeError, RemoteProtocolError):
            continue
    agents = [from_roster(entry) for entry in mirror.entries.values()]
    json.loads(as_json(agents))
    as_table(agents, 1_700_000_000.0)

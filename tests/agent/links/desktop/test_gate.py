from natpass_agent.links.desktop.gate import WorkerGate
from natpass_agent.links.desktop.protocol import PATH

TOKEN = "ab" * 32
HOST = "127.0.0.1:6155"
GOOD: tuple[str, list[str], list[str], list[str]] = (PATH, [HOST], [], [f"Bearer {TOKEN}"])


def test_the_worker_is_admitted_once() -> None:
    gate = WorkerGate(TOKEN, 6155)
    assert gate.admit(*GOOD) is None
    assert gate.admit(*GOOD) == "second worker"
    assert gate.refused == {"second worker": 1}


def test_others_are_refused_and_counted() -> None:
    gate = WorkerGate(TOKEN, 6155)
    good = [f"Bearer {TOKEN}"]
    cases = [
        ("origin", PATH, [HOST], ["http://127.0.0.1:6155"], good),
        ("origin", PATH, [HOST], ["null"], good),
        ("host", PATH, ["localhost:6155"], [], good),
        ("host", PATH, ["evil.example"], [], good),
        ("host", PATH, [HOST, HOST], [], good),
        ("host", PATH, [], [], good),
        ("path", "/", [HOST], [], good),
        ("path", PATH + "?", [HOST], [], good),
        ("no token", PATH, [HOST], [], []),
        ("no token", PATH, [HOST], [], [TOKEN]),
        ("no token", PATH, [HOST], [], [*good, *good]),
        ("wrong token", PATH, [HOST], [], ["Bearer "]),
        ("wrong token", PATH, [HOST], [], [f"Bearer {TOKEN[:-1]}c"]),
        ("wrong token", PATH, [HOST], [], [f"Bearer {TOKEN} "]),
        ("wrong token", PATH, [HOST], [], ["Bearer é"]),
    ]
    for reason, *request in cases:
        assert gate.admit(*request) == reason  # type: ignore[arg-type]  # the cases hold values of several types
    assert sum(gate.refused.values()) == len(cases)
    assert gate.admit(*GOOD) is None  # none of them took its place

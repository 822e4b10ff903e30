"""Whether an agent is there that takes nothing."""

from natpass_tui.model.liveness import ASK_SECONDS, Liveness
from natpass_wire.pb.roster_pb2 import RttReport


def report(**micros: int) -> RttReport:
    return RttReport(rtts=[RttReport.Rtt(id=agent, micros=value) for agent, value in micros.items()])


def test_an_agent_is_there_when_it_has_answered_twice() -> None:
    life = Liveness()
    assert life.answers("web", 0.0) is None
    assert (life.ask("web", 10.0), life.ask("web", 10.1)) == (True, False)
    life.take(report(web=5000, other=5000))
    life.take(report(web=5000))  # nobody asked again: the same answer for others
    assert life.answers("web", 8.0) is None
    assert life.ask("web", 10.0 + ASK_SECONDS)
    assert life.answers("web", 8.0) is None
    life.take(report(web=5000))
    assert life.answers("web", 8.0) is True
    assert life.answers("web", 11.0) is None  # it has taken something since the first question
    assert life.answers("other", 8.0) is None


def test_an_agent_that_has_not_answered_the_last_time_is_silent() -> None:
    life = Liveness()
    for at in (10.0, 20.0):
        assert life.ask("web", at)
        life.take(report(web=5000))
    assert life.ask("web", 30.0)
    life.take(report(web=0))
    assert life.answers("web", 8.0) is False
    assert life.answers("web", 31.0) is None
    assert life.ask("web", 40.0)
    life.take(report(web=5000))
    assert life.answers("web", 8.0) is None
    life.clear()
    assert life.answers("web", 8.0) is None
    assert life.ask("web", 40.1)


def test_what_is_remembered_is_bounded() -> None:
    life = Liveness()
    for number in range(1000):
        assert life.ask(f"a{number}", 1.0)
    assert len(life._agents) == 200

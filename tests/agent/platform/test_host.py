import platform
import socket

from natpass_agent.platform.host import FakeHost, HostFacts, host


def test_this_machine_is_told_in_a_few_words() -> None:
    facts = host().facts()
    assert facts.host == socket.gethostname()
    assert facts.os.endswith(platform.machine())
    assert "GNU" not in facts.os
    assert facts.user


def test_the_fake_says_what_the_test_wants() -> None:
    facts = HostFacts("a", "b", "c")
    assert FakeHost(facts).facts() == facts

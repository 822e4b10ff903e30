"""A real agent on a laptop: it moves to another network, and its lid is closed for a while."""

import signal
import sys
import time
from pathlib import Path

from tests.end_to_end import agent_programs
from tests.end_to_end.agent_programs import Program
from tests.support.namespaces import two_machines
from tests.support.network.proxy import NetworkProxy
from tests.support.waiting import wait_until

assert sys.platform != "win32"

LOGGED_IN = r"logged in at \S+ as box"
#: Nothing but what is tested here gives a connection up within the patience of a test.
PATIENT = ("--dead-after", "100")


def pass_time(seconds: float) -> None:
    """Let time pass, in which the agent stands still."""
    until = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= until, timeout=seconds + 10)


def test_a_laptop_that_moves_to_another_address_is_back_at_once(tmp_path: Path) -> None:
    """The old connection would be given up after 15 s of silence (here: 100)."""
    listen = ["--listen", "10.77.0.1:6154", "--state-dir", str(tmp_path / "relay"), *PATIENT]
    options = ["--relay", "10.77.0.1", "--id", "box", "--state-dir", str(tmp_path / "agent"), *PATIENT]
    with (
        two_machines() as machines,
        Program("natpass_relay", listen, tmp_path, prefix=machines.on_relay()) as relay,
    ):
        relay.said("listening on")
        with Program("natpass_agent", options, tmp_path, prefix=machines.on_laptop()) as agent:
            agent.said(LOGGED_IN)
            machines.move("10.77.0.3")
            agent.said("the network changed")
            agent.said(LOGGED_IN, times=2)
            relay.said(r"box logged in from 10\.77\.0\.3:")
            # A second network that the system prefers is asked about, and changes nothing while the old one works.
            machines.add_network("10.77.0.4")
            agent.said("the network changed: the relay is asked for a sign of life")
            pass_time(2.5)
            assert "does not answer" not in agent.output
            agent.said(LOGGED_IN, times=2)
            assert "10.77.0.4" not in relay.output


def test_a_program_that_stood_still_while_a_nat_forgot_it_is_back_at_once(tmp_path: Path) -> None:
    with (
        agent_programs.relay(tmp_path, *PATIENT) as (_, port),
        NetworkProxy(port) as network,
        agent_programs.agent(tmp_path, network.port, *PATIENT) as agent,
    ):
        agent.said(LOGGED_IN)
        agent.process.send_signal(signal.SIGSTOP)
        network.forget()
        pass_time(3.5)
        agent.process.send_signal(signal.SIGCONT)
        agent.said("this program stood still, and the relay does not answer")
        agent.said(LOGGED_IN, times=2)


def test_a_program_that_stood_still_keeps_a_connection_that_works(tmp_path: Path) -> None:
    with agent_programs.relay(tmp_path, *PATIENT) as (_, port), agent_programs.agent(tmp_path, port, *PATIENT) as agent:
        agent.said(LOGGED_IN)
        agent.process.send_signal(signal.SIGSTOP)
        pass_time(3.5)
        agent.process.send_signal(signal.SIGCONT)
        agent.said("the relay is asked for a sign of life")
        pass_time(2.5)
        assert "does not answer" not in agent.output

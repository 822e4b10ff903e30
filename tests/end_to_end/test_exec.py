"""`natpass-tui exec` through a real relay to a real agent: what scripts rely on."""

import hashlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pexpect
import psutil
import pytest

from tests.agent.processes import is_gone
from tests.end_to_end import agent_programs
from tests.end_to_end.agent_programs import SECRET, Program
from tests.support.waiting import patience, wait_until

assert sys.platform != "win32"

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "natpass_tui", "exec")
#: Bytes of every value, more than any window holds.
DATA = random.Random(1).randbytes(6_000_000)


class Place:
    """A relay, and an agent called `box`."""

    def __init__(self, folder: Path, port: int, agent: Program) -> None:
        self.folder = folder
        self.port = port
        self.agent = agent

    def words(self, *words: str) -> list[str]:
        return [*COMMAND, "--relay", f"127.0.0.1:{self.port}", "--no-tls", *words]

    def env(self, **more: str) -> dict[str, str]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
        return clean | {"HOME": str(self.folder), "NATPASS_SECRET": SECRET} | more

    def run(self, *words: str, data: bytes = b"", **env: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            self.words(*words), input=data, capture_output=True, check=False, timeout=60, env=self.env(**env), cwd=ROOT
        )

    def sh(self, script: str, *options: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return self.run("box", *options, "--", "sh", "-c", script, data=data)

    @contextmanager
    def started(self, *words: str, stdin: int = subprocess.DEVNULL) -> Iterator[subprocess.Popen[bytes]]:
        pipe = subprocess.PIPE
        with subprocess.Popen(
            self.words(*words), stdin=stdin, stdout=pipe, stderr=pipe, env=self.env(), cwd=ROOT
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def commands(self) -> list[psutil.Process]:
        """Return what runs at the agent."""
        children = psutil.Process(self.agent.process.pid).children(recursive=True)
        return [child for child in children if not is_gone(child)]

    def nothing_runs(self) -> None:
        wait_until(lambda: not self.commands(), "the end of the command at the agent")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("exec")
    with agent_programs.relay(folder) as (_, port), agent_programs.agent(folder, port) as agent:
        agent.said("logged in")
        place = Place(folder, port, agent)
        first = place.run("box", "--", "true")  # the first time it says whose key it pins, as ssh does
        assert first.returncode == 0
        assert first.stderr.startswith(b"natpass-tui: met box for the first time; 'natpass-agent fingerprint' there")
        assert first.stderr.count(b"\n") == 1
        yield place


@pytest.fixture
def place(shared: Place) -> Iterator[Place]:
    yield shared
    shared.nothing_runs()


def complaint(done: subprocess.CompletedProcess[bytes], status: int = 255) -> str:
    """Return the one line of a failure of exec itself."""
    text = done.stderr.decode()
    assert done.returncode == status, text
    assert done.stdout == b""
    assert text.startswith("natpass-tui: ")
    assert text.count("\n") == 1, text
    return text


def test_bytes_go_through_unchanged_both_ways(place: Place) -> None:
    done = place.run("box", "--", "cat", data=DATA)
    assert (done.returncode, done.stderr) == (0, b"")
    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(DATA).digest()


def test_a_file_is_stdin_and_a_file_is_stdout(place: Place, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(DATA)
    with source.open("rb") as stdin, target.open("wb") as stdout:
        words = place.words("box", "--", "cat")
        subprocess.run(words, stdin=stdin, stdout=stdout, check=True, timeout=60, env=place.env(), cwd=ROOT)
    assert target.read_bytes() == DATA


def test_stdout_and_stderr_stay_apart(place: Place) -> None:
    done = place.sh("printf 'out\\0'; printf 'err\\377' >&2; head -c 300000 /dev/zero; head -c 200000 /dev/zero >&2")
    assert done.stdout == b"out\0" + bytes(300_000)
    assert done.stderr == b"err\xff" + bytes(200_000)


@pytest.mark.parametrize(
    ("script", "status"), [("exit 0", 0), ("exit 3", 3), ("exit 255", 255), ("kill -9 $$", 137), ("kill -TERM $$", 143)]
)
def test_the_status_is_the_commands(place: Place, script: str, status: int) -> None:
    done = place.sh(script)
    assert (done.returncode, done.stdout, done.stderr) == (status, b"", b"")


def test_the_end_of_stdin_gets_there(place: Place) -> None:
    assert place.run("box", "--", "wc", "-c", data=b"12345").stdout.strip() == b"5"
    assert place.run("box", "--", "wc", "-c").stdout.strip() == b"0"


def test_arguments_directory_and_variables_get_there_whatever_bytes_they_are(place: Place) -> None:
    (place.folder / "with space").mkdir(exist_ok=True)
    script = 'printf "%s\\n" "$@" "$PWD" "$GREETING" "${TERM-no terminal}"'
    words = (
        "--cwd",
        "with space",
        "--env",
        "GREETING=a=b c",
        "--",
        "sh",
        "-c",
        script,
        "sh",
        "--json",
        "",
        "*",
        "\udcff",
    )
    lines = place.run("box", *words).stdout.split(b"\n")
    directory = str(place.folder / "with space").encode()
    assert lines == [b"--json", b"", b"*", b"\xff", directory, b"a=b c", b"no terminal", b""]


def test_a_command_that_takes_too_long_is_ended(place: Place) -> None:
    done = place.sh("echo begun; sleep 1000 & sleep 1000", "--timeout", "0.5")
    assert done.returncode == 124
    assert done.stdout == b"begun\n"
    assert done.stderr == b"natpass-tui: box: timed out after 0.5 s\n"


def test_a_summary_in_json(place: Place) -> None:
    done = place.sh("cat; echo err >&2; exit 4", "--json", data=b"12345")
    assert done.stdout == b"12345"
    error, line, rest = done.stderr.split(b"\n")
    assert (error, rest) == (b"err", b"")
    summary = json.loads(line)
    assert 0 < summary.pop("seconds") < 60
    assert summary == {"agent": "box", "status": 4, "bytes_in": 5, "bytes_out": 5, "bytes_err": 4, "resumes": 0}


def test_a_summary_of_a_failure(place: Place) -> None:
    done = place.run("box", "--json", "--", "/no/such/program")
    assert done.returncode == 255
    reason, line, _ = done.stderr.split(b"\n")
    assert b"no such program" in reason
    assert json.loads(line)["status"] == 255


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("box",), "which command"),
        ((), "AGENT"),
        (("box", "ls", "-l"), "--"),
        (("box", "docker", "--json", "run"), "-- is needed"),
        (("box", "--nonsense", "--", "ls"), "--nonsense"),
        (("box", "--timeout", "soon", "--", "ls"), "soon"),
        (("box", "--timeout", "-1", "--", "ls"), "--timeout"),
        (("box", "--env", "NOVALUE", "--", "ls"), "NAME=VALUE"),
        (("\x1b[2J", "--", "ls"), "is not an agent's id"),
        (("--relay", "2.5:99999", "box", "--", "ls"), "2.5"),
    ],
)
@pytest.mark.parametrize("options", [(), ("-t",)], ids=["pipes", "terminal"])
def test_what_the_user_said_wrong_is_2_and_one_line(
    place: Place, options: tuple[str, ...], words: tuple[str, ...], reason: str
) -> None:
    assert reason in complaint(place.run(*options, *words), 2)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("bxo", "--", "ls"), "did you mean box"),
        (("box", "--", "no-such-program"), "no such program: no-such-program"),
        (("box", "--", "/etc"), "is a directory"),
        (("box", "--cwd", "/no/such", "--", "ls"), "no such directory: /no/such"),
    ],
)
def test_failures_of_its_own_are_255_and_one_line(place: Place, words: tuple[str, ...], reason: str) -> None:
    assert reason in complaint(place.run(*words))


def test_a_wrong_secret_and_a_relay_that_is_not_there(place: Place) -> None:
    assert "wrong secret" in complaint(place.run("box", "--", "ls", NATPASS_SECRET="another secret, not that one"))
    with socket.socket() as nobody:  # bound, not listening
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        assert "Connection refused" in complaint(place.run("box", "--relay", address, "--", "ls"))
    words = [sys.executable, "-m", "natpass_tui", "--nonsense", "exec", "box", "--", "ls"]
    done = subprocess.run(words, capture_output=True, check=False, timeout=30, env=place.env(), cwd=ROOT)
    assert "--nonsense" in complaint(done, 2)


def test_an_agent_that_is_killed_on_the_way_is_no_end_of_the_commands_own(tmp_path: Path) -> None:
    with agent_programs.relay(tmp_path) as (_, port), agent_programs.agent(tmp_path, port) as agent:
        agent.said("logged in")
        place = Place(tmp_path, port, agent)
        with place.started("box", "--", "sh", "-c", "echo begun; exec sleep 1000") as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"begun\n"
            agent.stop()  # it says that it goes
            _, errors = process.communicate(timeout=patience(30))
            assert process.returncode == 255
            assert errors.splitlines()[-1] == b"natpass-tui: box: the agent is shutting down"


def test_one_interrupt_is_the_commands(place: Place) -> None:
    script = "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.05; done"
    with place.started("box", "--", "sh", "-c", script) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=patience(20))
    assert (process.returncode, out, errors) == (9, b"caught\n", b"")


def test_an_interrupt_that_nobody_catches_is_130(place: Place) -> None:
    with place.started("box", "--", "sh", "-c", "echo ready; sleep 1000") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=patience(20))
    assert (process.returncode, errors) == (130, b"")


def test_an_interrupt_does_not_wait_behind_input_that_the_command_never_reads(place: Place) -> None:
    with place.started("box", "--", "sh", "-c", "echo ready; exec sleep 1000", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        stdin = process.stdin.fileno()
        os.set_blocking(stdin, False)
        refusals = 0

        def is_full() -> bool:
            """Whether nothing was taken for many looks."""
            nonlocal refusals
            try:
                os.write(stdin, bytes(65_536))
                refusals = 0
            except BlockingIOError:
                refusals += 1
            return refusals == 50

        wait_until(is_full, "everything on the way to be full")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    place.nothing_runs()


def test_a_second_interrupt_gives_up_and_the_command_ends(place: Place) -> None:
    with place.started(
        "box", "--", "sh", "-c", "trap 'echo deaf' INT; echo ready; while :; do sleep 0.05; done"
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == b"deaf\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=patience(20))
    assert (process.returncode, errors) == (130, b"")
    place.nothing_runs()


def test_giving_up_on_a_command_that_reads_nothing_while_much_waits_for_it(place: Place) -> None:
    with (
        Path("/dev/zero").open("rb") as zero,
        place.started("box", "--", "sh", "-c", "echo ready; exec sleep 1000", stdin=zero.fileno()) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        commands = place.commands()
        assert commands
        reads_no_more(process)
        process.send_signal(signal.SIGINT)

        def ends() -> bool:
            process.send_signal(signal.SIGINT)  # one that comes before the last was taken is none of its own
            return process.poll() is not None

        wait_until(ends, "the console's end", step=0.3)
    try:
        assert process.returncode == 130
        place.nothing_runs()
    finally:
        for command in commands:
            with suppress(psutil.NoSuchProcess):
                command.kill()


def reads_no_more(process: "subprocess.Popen[bytes]") -> None:
    """Wait until it reads nothing any more, because it can send nothing."""
    counts = [""]

    def stands_still() -> bool:
        counts.append(Path("/proc", str(process.pid), "io").read_text().splitlines()[0])
        return counts[-1] == counts[-2]

    wait_until(stands_still, "an input that stands still", step=0.5)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_being_told_to_end(place: Place, number: signal.Signals, status: int) -> None:
    with place.started("box", "--", "sh", "-c", "echo ready; exec sleep 1000") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        _, errors = process.communicate(timeout=patience(20))
    assert (process.returncode, errors) == (status, b"")
    place.nothing_runs()


def test_who_reads_one_line_only_ends_it_quietly(place: Place) -> None:
    with place.started("box", "--", "yes") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"y\n"
        process.stdout.close()
        assert process.wait(timeout=patience(20)) == 141
        assert process.stderr is not None
        assert process.stderr.read() == b""
    place.nothing_runs()


def test_a_command_ends_though_stdin_goes_on(place: Place) -> None:
    reading, writing = os.pipe()
    try:
        with place.started("box", "--", "sh", "-c", "exit 6", stdin=reading) as process:
            assert process.wait(timeout=patience(20)) == 6
    finally:
        os.close(reading)
        os.close(writing)


def test_a_background_job_does_not_keep_it_and_lives_on(place: Place) -> None:
    done = place.sh("sleep 1000 & echo $!")
    job = psutil.Process(int(done.stdout))
    try:
        assert (done.returncode, done.stderr) == (0, b"")
        assert job.is_running()
    finally:
        job.kill()


def test_standard_streams_may_be_closed(place: Place) -> None:
    line = f"exec {subprocess.list2cmdline(place.words('box', '--', 'sh', '-c', 'wc -c; exit 3'))} <&- >&-"
    done = subprocess.run(
        ["sh", "-c", line], check=False, stderr=subprocess.PIPE, timeout=30, env=place.env(), cwd=ROOT
    )
    assert (done.returncode, done.stderr) == (3, b"")


def test_inherited_descriptors_stay_blocking(place: Place) -> None:
    reading, writing = os.pipe()
    try:
        words = place.words("box", "--", "true")
        process = subprocess.Popen(words, stdin=reading, stdout=writing, stderr=writing, env=place.env(), cwd=ROOT)
        os.set_blocking(reading, True)
        assert process.wait(timeout=patience(20)) == 0
        assert os.get_blocking(reading)
        assert os.get_blocking(writing)
    finally:
        os.close(reading)
        os.close(writing)


def on_terminal(place: Place, script: str) -> "pexpect.spawn[str]":
    words = place.words("box", "--", "sh", "-c", script)
    env = place.env(TERM="xterm")
    return pexpect.spawn(
        words[0], words[1:], env=env, encoding="utf-8", timeout=20, cwd=str(ROOT), dimensions=(24, 120)
    )


def test_ctrl_c_on_a_terminal(place: Place) -> None:
    child = on_terminal(place, "trap 'echo caught' INT; echo ready; while :; do sleep 0.05; done")
    child.expect_exact("ready\r\n")
    child.sendintr()
    child.expect_exact("caught\r\n")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert "Traceback" not in (child.before or "")
    place.nothing_runs()


def test_a_terminal_is_stdin_up_to_ctrl_d(place: Place) -> None:
    child = on_terminal(place, "echo ready; tr a-z A-Z")
    child.expect_exact("ready\r\n")
    child.sendline("hello")
    child.sendeof()
    child.expect_exact("HELLO\r\n")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_a_lost_connection_is_told_on_a_terminal_and_erased_again(tmp_path: Path) -> None:
    with (
        agent_programs.relay(tmp_path) as (relay, port),
        agent_programs.agent(tmp_path, port) as agent,
    ):
        agent.said("logged in")
        place = Place(tmp_path, port, agent)
        child = on_terminal(place, "echo ready; read line; echo got $line; exit 5")
        child.expect_exact("ready\r\n")
        relay.kill()
        child.expect(r"natpass-tui: connection lost, waiting for box … \d+ s")
        with agent_programs.relay(tmp_path, port=port):
            child.expect_exact("\r\x1b[K")
            child.sendline("through")
            child.expect_exact("got through\r\n")
            child.expect(pexpect.EOF)
            child.close()
        assert child.exitstatus == 5


def test_it_starts_without_the_screens_toolkit(place: Place) -> None:
    modules = "natpass_tui.links.exec.cli, natpass_tui.links.exec.run, natpass_tui.tty.run"
    question = f"import sys, {modules}; print('textual' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", question], capture_output=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == b"False"


def test_the_help_has_examples(place: Place) -> None:
    done = place.run("--help")
    assert done.returncode == 0
    assert re.search(rb"\n +natpass-tui exec web1 -- uptime\n", done.stdout)
    assert b"128+N" in done.stdout

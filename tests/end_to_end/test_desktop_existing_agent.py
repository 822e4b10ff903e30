"""`natpass-tui desktop` in a real terminal, at an existing agent by its bytes, whose worker hangs on other keys."""

import sys
from contextlib import closing
from pathlib import Path

from tests.agent.links.desktop.existing_worker import ExistingWorker
from tests.end_to_end.agent_programs import LEGACY_SECRET, relay
from tests.end_to_end.outer_terminal import outer_terminal
from tests.end_to_end.test_desktop_console import command, environment
from tests.support import witness
from tests.support.waiting import wait_until
from tests.support.witness import FROM, LINK_ID, Witness, bytes_field, number_field

assert sys.platform != "win32"

# docs/wire.md §2
VNC_IMAGE, VNC_KEYBOARD, VIMG, VKBD = 21, 23, 31, 33
RAW, DOWN = 0, 1

WIDTH, HEIGHT = 32, 16
TEXT = "".join(map(chr, range(0x20, 0x7F)))


class ExistingAgent(Witness):
    """np-cli as an agent: a desktop of one picture, and its worker's keyboard."""

    def serve_desktop(self) -> None:
        request = self.receive_where(lambda message: message.kind == witness.CONNECT_REQ)
        self.accept(request)
        info = b"".join(number_field(n, value) for n, value in ((1, WIDTH), (2, HEIGHT), (5, WIDTH), (6, HEIGHT)))
        pixels = bytes((90, 120, 150, 255)) * (WIDTH * HEIGHT)
        image = bytes_field(1, info) + number_field(2, RAW) + bytes_field(3, pixels)
        self.send(VNC_IMAGE, request.text(FROM), request.text(LINK_ID), bytes_field(VIMG, image))

    def take_keys(self, worker: ExistingWorker, until: str) -> None:
        """Have the worker press what comes, until this was typed."""
        while not worker.typed.endswith(until) or worker.down:
            key = self.receive_where(lambda message: message.kind == VNC_KEYBOARD).part(VKBD)
            worker.take(key.text(2), is_down=key.number(1) == DOWN)


def test_every_ascii_character_is_typed_and_others_are_refused(tmp_path: Path) -> None:
    with (
        relay(tmp_path, "--legacy", "hmac") as (_, port),
        closing(ExistingAgent("127.0.0.1", port, "old")) as agent,
    ):
        agent.log_in(witness.hmac_proof(LEGACY_SECRET))
        asked = command(port, "desktop", "old", "--allow-unsealed")
        with outer_terminal(24, 100, asked, environment(tmp_path)) as terminal:
            agent.serve_desktop()
            terminal.wait_for(f"{WIDTH}×{HEIGHT}")
            terminal.type("é")
            terminal.wait_for("é is not sent: old types US keys only")
            worker = ExistingWorker()
            for character in TEXT:
                terminal.type(character)
                agent.take_keys(worker, character)
            assert worker.typed == TEXT
            terminal.wait_for("an existing natpass agent on Linux types letters and digits only")
            terminal.type("\x03")  # Ctrl is `control` for it
            agent.take_keys(worker, "c")
            terminal.type("\x1dq")
            wait_until(lambda: not terminal.process.isalive(), "the end of the console")

"""The clipboard of macOS, through the system's pbcopy and pbpaste. Not tested there."""

import subprocess

from natpass_agent.links.desktop.worker.clipboard import GET_SECONDS, MOST_BYTES
from natpass_agent.links.desktop.worker.errors import ClipboardError

_UTF8 = {"LC_CTYPE": "UTF-8"}


class MacClipboard:
    """The general pasteboard."""

    def get(self) -> str:
        """Return the text in it."""
        data = self._run("/usr/bin/pbpaste", b"")
        if len(data) > MOST_BYTES:
            raise ClipboardError("the clipboard holds more than 60 KiB")
        return data.decode(errors="replace")

    def set(self, text: str) -> None:
        """Put a text in."""
        self._run("/usr/bin/pbcopy", text.encode())

    def close(self) -> None:
        """No-op: nothing is held."""

    @staticmethod
    def _run(program: str, given: bytes) -> bytes:
        try:
            done = subprocess.run(
                [program], input=given, capture_output=True, env=_UTF8, timeout=GET_SECONDS, check=True
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise ClipboardError("the clipboard cannot be used") from error
        return done.stdout

"""Logs: one line for each event, which no remote host can fake."""

import logging
import logging.handlers
import sys
from pathlib import Path
from typing import IO

from natpass_wire.errors import UserError
from natpass_wire.text import is_printable

LEVELS = ("debug", "info", "warning", "error")
#: The size at which a log file is rotated, and how many old ones are kept, so that logs never fill a disk.
_FILE_BYTES, _OLD_FILES = 10 * 1024 * 1024, 3


class _OneLine(logging.Formatter):
    """Shows unprintable characters of the message as escapes; tracebacks keep their lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the base class's name
        line = super().formatMessage(record)
        return "".join(c if is_printable(c) else c.encode("unicode_escape").decode() for c in line)


def set_up(level: str, file: Path | None, stream: IO[str] | None = sys.stderr) -> None:
    """Send logs of `level` and above to `file`, else to `stream`, else nowhere.

    Raises:
        UserError: the file can't be opened.
    """
    logging.raiseExceptions = False  # a full disk must not cause tracebacks on the terminal
    handler: logging.Handler
    if file is not None:
        try:
            handler = logging.handlers.RotatingFileHandler(file, maxBytes=_FILE_BYTES, backupCount=_OLD_FILES)
        except OSError as error:
            raise UserError(f"cannot open the log file {file}: {error.strerror}") from error
    elif stream is not None:
        handler = logging.StreamHandler(stream)
    else:
        handler = logging.NullHandler()
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(level.upper())

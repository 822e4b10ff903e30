"""Logs: one line for each event, which no remote host can fake. Log files are readable by their user only."""

# Why: docs/decisions/079-strangers-have-their-own-log.md

import contextlib
import logging
import logging.handlers
import os
import stat
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import IO

from natpass_wire import strangers
from natpass_wire.errors import UserError
from natpass_wire.program.platform import user_id
from natpass_wire.text import is_printable

LEVELS = ("debug", "info", "warning", "error")
#: The size at which a log file is rotated, and how many old ones are kept, so that logs never fill a disk.
_FILE_BYTES, _OLD_FILES = 10 * 1024 * 1024, 3
#: The same for the file with the lines about strangers, which is made with the first of them.
_STRANGERS_BYTES, _OLD_STRANGERS = 2 * 1024 * 1024, 1
STRANGERS_SUFFIX = ".strangers"


class _OneLine(logging.Formatter):
    """Shows unprintable characters of the message as escapes; tracebacks keep their lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the base class's name
        line = super().formatMessage(record)
        return "".join(c if is_printable(c) else c.encode("unicode_escape").decode() for c in line)


class _PrivateFile(logging.handlers.RotatingFileHandler):
    """A rotated file of mode 0600."""

    def _open(self) -> TextIOWrapper:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        return os.fdopen(os.open(self.baseFilename, flags, 0o600), "a", encoding="utf-8", errors="backslashreplace")


def _make_private(file: Path, old_files: int) -> None:
    """Give our existing log files mode 0600: an earlier version made them with the umask's."""
    if user_id() is None:
        return
    for path in (file, *(file.with_name(f"{file.name}.{number}") for number in range(1, old_files + 1))):
        with contextlib.suppress(OSError):
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) and status.st_uid == user_id():
                path.chmod(0o600)


def set_up(level: str, file: Path | None, stream: IO[str] | None = sys.stderr) -> None:
    """Send logs of `level` and above to `file`, else to `stream`, else nowhere.

    Lines about strangers (`natpass_wire.strangers`) go to a second file beside `file`, or else with the others.

    Raises:
        UserError: the file can't be opened.
    """
    logging.raiseExceptions = False  # a full disk must not cause tracebacks on the terminal
    handler: logging.Handler
    if file is not None:
        _make_private(file, _OLD_FILES)
        try:
            handler = _PrivateFile(file, maxBytes=_FILE_BYTES, backupCount=_OLD_FILES)
        except OSError as error:
            raise UserError(f"cannot open the log file {file}: {error.strerror}") from error
    elif stream is not None:
        handler = logging.StreamHandler(stream)
    else:
        handler = logging.NullHandler()
    about_strangers = logging.getLogger(strangers.LOGGER)
    root = logging.getLogger()
    for logger in (root, about_strangers):
        for old in logger.handlers[:]:
            logger.removeHandler(old)
            old.close()
    _use(root, handler)
    about_strangers.propagate = file is None
    if file is not None:
        beside = file.with_name(file.name + STRANGERS_SUFFIX)
        own = _PrivateFile(beside, maxBytes=_STRANGERS_BYTES, backupCount=_OLD_STRANGERS, delay=True)
        _use(about_strangers, own)
    root.setLevel(level.upper())


def _use(logger: logging.Logger, handler: logging.Handler) -> None:
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)

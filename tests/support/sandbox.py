"""The restrictions of the relay's unit, without systemd: `python -m tests.support.sandbox FOLDER COMMAND...`.

The command, which replaces this process, gets no new privileges and no memory that is writable and executable. It can
write only below FOLDER (and to /dev/null). The unit's names for these: NoNewPrivileges=, MemoryDenyWriteExecute=
(Linux 6.3), and ProtectSystem=strict with StateDirectory= (Landlock, Linux 5.13).
"""

import ctypes
import os
import struct
import sys

assert sys.platform == "linux"

#: linux/prctl.h.
_PR_SET_NO_NEW_PRIVS, _PR_SET_MDWE, _PR_MDWE_REFUSE_EXEC_GAIN = 38, 65, 1
#: linux/landlock.h; the system calls' numbers are the same on all architectures.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG, _PATH_BENEATH = 1, 1
_WRITE_FILE, _TRUNCATE = 1 << 1, 1 << 14
#: Rights to write, remove and make any file; version 1 of the interface.
_WRITES = _WRITE_FILE | sum(1 << bit for bit in range(4, 13))

_libc = ctypes.CDLL(None, use_errno=True)


class UnavailableError(Exception):
    """The kernel lacks a feature."""


def _checked(result: int, what: str) -> int:
    if result < 0:
        raise UnavailableError(f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


def apply(folder: str) -> None:
    """Restrict this process, and the command that replaces it.

    Raises:
        UnavailableError: the kernel lacks a feature.
    """
    _checked(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
    _checked(_libc.prctl(_PR_SET_MDWE, _PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0), "no executable memory")
    version = _checked(_libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION_FLAG), "Landlock")
    handled = _WRITES | (_TRUNCATE if version >= 3 else 0)
    attributes = ctypes.create_string_buffer(struct.pack("=Q", handled), 8)
    rules = _checked(_libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(8), 0), "Landlock's rules")
    for path, allowed in ((folder, handled), ("/dev/null", handled & (_WRITE_FILE | _TRUNCATE))):
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = ctypes.create_string_buffer(struct.pack("=Qi", allowed, parent), 12)
        _checked(_libc.syscall(_ADD_RULE, rules, _PATH_BENEATH, rule, 0), f"a rule for {path}")
        os.close(parent)
    _checked(_libc.syscall(_RESTRICT_SELF, rules, 0), "Landlock's start")
    os.close(rules)


def main() -> None:
    """Restrict this process, and replace it by the command."""
    apply(sys.argv[1])
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()

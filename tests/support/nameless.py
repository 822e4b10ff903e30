"""A user without a name, a home or an environment, as in a container or a service whose `User=` is a number."""

import functools
import shutil
import subprocess
import sys

import pytest

#: A user id that no passwd file has.
UID = 54321
_QUESTION = """
import os, pwd
assert os.getuid() == 54321, os.getuid()
try:
    pwd.getpwuid(54321)
except KeyError:
    print("nameless")
"""
#: Ways to become that user; the first that works is used. A user namespace needs no root. With setpriv, the
#: capability keeps the interpreter and the test's folder readable.
_WAYS = (
    ("unshare", "--user", f"--map-user={UID}", f"--map-group={UID}"),
    (
        *("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups"),
        *("--inh-caps=+dac_override", "--ambient-caps=+dac_override"),
    ),
)


@functools.cache
def _way() -> tuple[str, ...] | None:
    for way in _WAYS:
        if shutil.which(way[0]) is None:
            continue
        command = [*way, "env", "-i", sys.executable, "-c", _QUESTION]
        found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        if found.stdout.strip() == "nameless":
            return way
    return None


def command(*arguments: str, **environment: str) -> list[str]:
    """Return the command line that runs a program as that user, with this environment and nothing else.

    Skips the test if no way works.
    """
    way = _way()
    if way is None:
        pytest.skip("needs user namespaces, or setpriv and root")
    return [*way, "env", "-i", *(f"{name}={value}" for name, value in environment.items()), *arguments]

"""Where control sockets are: in the folder `control` of the state directory, one for each running program."""

from hashlib import sha256
from pathlib import Path

from natpass_wire.ids import as_file_name
from natpass_wire.program.state import StateDir

_FOLDER, _SUFFIX = "control", ".sock"
#: Longer names are shortened: a socket's name has to fit behind `/proc/self/fd/NN/` as well.
_MOST_NAME = 60


def socket_path(state: StateDir, program: str, name: str) -> Path:
    """Return where the control socket of a program is.

    Args:
        state: its state directory.
        program: what it is, such as `agent`.
        name: which one, such as its id: several may run with one state directory.

    Raises:
        UserError: there is no state directory.
    """
    file = as_file_name(name)
    if len(file) > _MOST_NAME:
        file = f"~{sha256(name.encode()).hexdigest()[: _MOST_NAME - 1]}"
    return state.path / _FOLDER / f"{program}-{file}{_SUFFIX}"


def socket_paths(state: StateDir, program: str) -> list[Path]:
    """Return the control sockets that there are for a program; who made them may be gone.

    Raises:
        OSError: the folder can't be looked into.
        UserError: there is no state directory.
    """
    folder = state.path / _FOLDER
    try:
        return sorted(path for path in folder.iterdir() if path.match(f"{program}-*{_SUFFIX}"))
    except (FileNotFoundError, NotADirectoryError):
        return []

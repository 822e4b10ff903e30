"""The paths of control sockets: in the folder `control` of the state directory, one for each running program."""

from hashlib import sha256
from pathlib import Path

from natpass_wire.ids import as_file_name
from natpass_wire.program.state import StateDir

_FOLDER, _SUFFIX = "control", ".sock"
#: Longer names are shortened: a socket's name also has to fit after `/proc/self/fd/NN/`.
_MOST_NAME = 60


def socket_path(state: StateDir, program: str, name: str) -> Path:
    """Return the path of a program's control socket.

    Args:
        state: its state directory.
        program: the program, such as `agent`.
        name: the instance, such as its id: several may share one state directory.

    Raises:
        UserError: there is no state directory.
    """
    file = as_file_name(name)
    if len(file) > _MOST_NAME:
        file = f"~{sha256(name.encode()).hexdigest()[: _MOST_NAME - 1]}"
    return state.path / _FOLDER / f"{program}-{file}{_SUFFIX}"


def socket_paths(state: StateDir, program: str) -> list[Path]:
    """Return the existing control sockets of a program; their owners may be gone.

    Raises:
        OSError: the folder can't be read.
        UserError: there is no state directory.
    """
    folder = state.path / _FOLDER
    try:
        return sorted(path for path in folder.iterdir() if path.match(f"{program}-*{_SUFFIX}"))
    except (FileNotFoundError, NotADirectoryError):
        return []

"""Looking at processes from outside."""

import psutil


def is_gone(process: psutil.Process) -> bool:
    """Tell whether a process has ended, whoever has to reap it (in a container, maybe nobody)."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True

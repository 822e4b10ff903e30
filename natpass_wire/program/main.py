"""From the command line to an exit status, without tracebacks for users' mistakes."""

# Why: docs/decisions/033-exit-status.md

import atexit
import os
import signal
import sys

import click

from natpass_wire.errors import UserError
from natpass_wire.text import printable

#: The exit status for a mistake that the user can fix.
USER_ERROR = 2
#: 128 + SIGINT, 128 + SIGPIPE: the statuses that a shell expects.
INTERRUPTED, BROKEN_PIPE = 130, 141


def run(command: click.Command, program: str) -> None:
    """Run a click command and exit; a user's mistake becomes one line on stderr and exit status 2."""
    status = exit_status(command, program)
    _keep(status)
    raise SystemExit(status)


def _keep(status: int) -> None:
    """Keep a late interrupt from changing the exit status or printing a traceback: it only ends the clean-up."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job
        return
    signal.signal(signal.SIGINT, lambda *_: os._exit(status))
    # After these handlers, Python restores the signals' default action, which would kill us.
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)


def exit_status(command: click.Command, program: str, arguments: list[str] | None = None) -> int:
    """Run a click command; return the exit status. A command may return its own.

    Args:
        command: the command.
        program: its name.
        arguments: its arguments, the process's by default.
    """
    try:
        result = command.main(args=arguments, prog_name=program, standalone_mode=False)
        if sys.stdout is not None:  # None if it was closed when we started
            sys.stdout.flush()
    except UserError as error:
        return complain(program, str(error))
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else program
        return complain(program, f"{error.format_message()} (see {path} --help)")
    except click.ClickException as error:
        return complain(program, error.format_message())
    except click.exceptions.Exit as error:
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # otherwise flushing at exit fails again
        return BROKEN_PIPE
    return result if isinstance(result, int) else 0


def complain(program: str, text: str, status: int = USER_ERROR) -> int:
    """Print an error as one line on stderr; return the exit status."""
    click.echo(f"{program}: {printable(text, 1000)}", err=True)
    return status

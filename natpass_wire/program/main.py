"""From the command line to an exit status, without a traceback for a user's mistake."""

# Why: docs/decisions/033-exit-status.md

import atexit
import os
import signal
import sys

import click

from natpass_wire.errors import UserError
from natpass_wire.text import printable

#: Exit status of a mistake that the user can mend.
USER_ERROR = 2
#: 128 + SIGINT, 128 + SIGPIPE: what a shell expects of a program that ended so.
INTERRUPTED, BROKEN_PIPE = 130, 141


def run(command: click.Command, program: str) -> None:
    """Run a click command and exit: each user's mistake becomes one line on stderr and exit status 2."""
    status = exit_status(command, program)
    _keep(status)
    raise SystemExit(status)


def _keep(status: int) -> None:
    """Have no late interrupt change the exit status, or print a traceback: it only cuts short what is left to do."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job
        return
    signal.signal(signal.SIGINT, lambda *_: os._exit(status))
    # Behind these, Python gives signals their usual effect, which is a death by them.
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)


def exit_status(command: click.Command, program: str, arguments: list[str] | None = None) -> int:
    """Run a click command; return the exit status. A command may return its own.

    Args:
        command: the command.
        program: its name.
        arguments: its arguments, by default the process'.
    """
    try:
        result = command.main(args=arguments, prog_name=program, standalone_mode=False)
        if sys.stdout is not None:  # it was closed when we started
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
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or flushing at exit fails once more
        return BROKEN_PIPE
    return result if isinstance(result, int) else 0


def complain(program: str, text: str, status: int = USER_ERROR) -> int:
    """Say on stderr in one line what is wrong; return the exit status."""
    click.echo(f"{program}: {printable(text, 1000)}", err=True)
    return status

"""The command line: one module per command, imported only when that command is called."""

from __future__ import annotations

import os
import sys
import warnings
from importlib import import_module
from keyword import iskeyword
from typing import NoReturn

import click

from dcbench.api.distribution import clash, version
from dcbench.api.errors import DcbenchError
from dcbench.cli.terminal import say, tolerate_streams

COMMANDS = {
    "run": "Run methods x datasets x IPC, and print the table.",
    "report": "Print tables of finished cells.",
    "figure": "Draw finished cells: curves, images, settings.",
    "list": "List methods, datasets, evaluators, networks and protocols.",
    "show": "Show one cell: settings, figures, provenance, images.",
    "compare": "Compare two results folders: what differs, and by how much.",
    "export": "Copy condensed sets out, as HDF5, images, safetensors or pt.",
    "import": "Take in a condensed set that was made elsewhere.",
    "plugins": "Show every plug-in, and what is wrong with those that do not load.",
    "new-plugin": "Write an installable package to start a plug-in of your own from.",
    "check": "Check that a plug-in keeps what the bench relies on.",
    "doctor": "Show versions, devices and the data that is found.",
}
"""Each command with its line of help; `_module` has the command itself."""


def _module(command: str) -> str:
    """Return the module of *command*: ``dcbench.cli.<name>``, where Python allows that name."""
    return f"dcbench.cli.{command.replace('-', '_')}{'_' if iskeyword(command) else ''}"


class _Group(click.Group):
    """A group whose help needs none of its commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return [*COMMANDS]  # once its module is imported, `list` is that command here

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(_module(cmd_name)).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([*COMMANDS.items()])


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(version(), prog_name="dcbench")
@click.option("--traceback", is_flag=True, help="Show the Python traceback of an error; may stand anywhere.")
def cli(traceback: bool) -> None:
    """Benchmark dataset condensation: methods x datasets x images per class under one named protocol."""


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code.

    0 all done; 1 some cells, or checks, failed, or an unexpected error; 2 the request was wrong; 130 interrupted.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    traceback = "--traceback" in arguments
    tolerate_streams()
    said: set[str] = set()
    warnings.showwarning = lambda message, *_, **__: _warn(str(message), said)
    _refuse_another_dcbench()
    try:
        code = cli.main(
            [word for word in arguments if word != "--traceback"], "dcbench", standalone_mode=False, obj=traceback
        )
    except (click.exceptions.Abort, KeyboardInterrupt):
        _leave("interrupted; what is finished stays, and the same command goes on from there", 130)
    except click.ClickException as error:
        _leave(_one_line(error), error.exit_code)
    except BrokenPipeError:  # the reader of the output has exited
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(0)
    except Exception as error:
        if traceback:
            raise
        _leave(*_explain(error))
    sys.exit(code or 0)


def _refuse_another_dcbench() -> None:
    """Say if another package writes into the module dcbench, and leave if it has overwritten what plug-ins import."""
    wrong = clash()
    if not wrong:
        return
    if "hookimpl" not in getattr(sys.modules["dcbench"], "__all__", ()):
        _leave(wrong, 2)
    say(f"warning: {wrong}", err=True)


def _warn(message: str, said: set[str]) -> None:
    """Print a warning once: a file that is left out may be asked for by several parts of one report."""
    if message not in said:
        said.add(message)
        say(f"warning: {message}", err=True)


def _one_line(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    command = f"{context.info_name}: " if context is not None and context.parent is not None else ""
    return command + " ".join(error.format_message().split())


def _explain(error: Exception) -> tuple[str, int]:
    """Return the line for an error, and its exit code."""
    if isinstance(error, DcbenchError):
        return str(error), 2
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror, _code_of(error)
    if isinstance(error, MemoryError) or "failed to map segment" in str(error):  # a library that does not fit
        return f"memory ran out, or is limited (ulimit -v): {str(error) or type(error).__name__}", 1
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text} (add --traceback to see where)", 1


def _code_of(error: OSError) -> int:
    """Return 2 if a path that was asked for cannot be used, and 1 for all else, such as a full disk."""
    wrong = FileNotFoundError, NotADirectoryError, IsADirectoryError, FileExistsError, PermissionError
    return 2 if isinstance(error, wrong) else 1


def _leave(message: str, code: int) -> NoReturn:
    say(f"dcbench: {message}", err=True)
    sys.exit(code)

"""The command line: one module per command, imported only when that command is called."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import click

from dcbench.api.errors import DcbenchError

COMMANDS = {
    "run": "Run methods x datasets x IPC, and print the table.",
    "report": "Print tables of finished cells.",
    "list": "List methods, datasets, evaluators, networks and protocols.",
    "show": "Show one cell: settings, figures, provenance.",
    "export": "Copy results into one self-contained HDF5 file.",
    "plugins": "Show every plug-in, and what is wrong with those that do not load.",
    "doctor": "Show versions, devices and the data that is found.",
}
"""Each command with its line of help; the module ``dcbench.cli.<name>`` has the command itself."""


class _Group(click.Group):
    """A group whose help needs none of its commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"dcbench.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="dcbench")
@click.option("--traceback", is_flag=True, help="Show the Python traceback of an error.")
@click.pass_context
def cli(context: click.Context, traceback: bool) -> None:
    """Benchmark dataset condensation: methods x datasets x images per class under one named protocol."""
    context.obj = {"traceback": traceback}


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line and leave with its exit code.

    0 all done, 1 some cells failed, 2 the request was wrong, 130 interrupted.
    """
    asked = "--traceback" in (sys.argv[1:] if arguments is None else arguments)
    try:
        sys.exit(cli.main(args=arguments, prog_name="dcbench", standalone_mode=False) or 0)
    except click.exceptions.Abort:
        _leave("interrupted; what was finished stays, and the same command goes on from there", 130)
    except KeyboardInterrupt:
        _leave("interrupted; what was finished stays, and the same command goes on from there", 130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except DcbenchError as error:
        if asked:
            raise
        _leave(str(error), 2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whoever read the output has seen enough
        sys.exit(0)
    except OSError as error:
        if asked:
            raise
        _leave(f"{error.strerror or error}: {error.filename}" if error.filename else str(error), 1)


def _leave(message: str, code: int) -> None:
    click.echo(f"dcbench: {message}", err=True)
    sys.exit(code)

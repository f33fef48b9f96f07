"""The command line in processes of its own, each forked from one that has imported torch once.

Run as a script, it serves: a JSON object with the arguments comes in on each line of standard input, one with the exit
code, the output and the errors goes out.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 150  # after which a command is killed, so that one that hangs fails a test and not the run


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


class CommandLine:
    """Calls ``dcbench`` with the arguments given."""

    def __init__(self, *path: Path) -> None:
        """Start the process that all commands are forked from, with *path* in front of PYTHONPATH."""
        folders = [*map(str, path), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment | {"PYTHONPATH": os.pathsep.join(folders)},
        )

    def __call__(self, *arguments: str | Path, cwd: Path, path: Path | None = None, **environment: str) -> Ended:
        """Run ``dcbench`` with *arguments* in the folder *cwd*; *path* is one more folder of packages."""
        order = {
            "arguments": list(map(str, arguments)),
            "cwd": str(cwd),
            "path": None if path is None else str(path),
            "environment": environment,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return Ended(**json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def _serve() -> None:
    import dcbench.cli.notices
    import dcbench.cli.progress
    import dcbench.cli.run
    import dcbench.engine.work.run_job
    import dcbench.report.figures.curves
    import dcbench.report.figures.images
    import dcbench.report.figures.sweeps
    import dcbench.report.render
    import dcbench.session

    dcbench.cli.notices.MOMENT = 3600.0  # what is printed must not depend on how busy the machine is
    for line in sys.stdin:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = os.fork()
            if child == 0:
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                _call(**json.loads(line))
            code = _wait(child)
            out.seek(0)
            err.seek(0)
            print(json.dumps({"code": code, "out": out.read().decode(), "err": err.read().decode()}), flush=True)


def _call(arguments: list[str], cwd: str, path: str | None, environment: Mapping[str, str]) -> None:
    from dcbench.cli import main

    os.chdir(cwd)
    os.environ.update(environment)
    tempfile.tempdir = None  # TMPDIR may have changed
    if path is not None:
        sys.path.insert(0, path)
        os.environ["PYTHONPATH"] = f"{path}{os.pathsep}{os.environ['PYTHONPATH']}"
    try:
        main(arguments)
    except SystemExit as end:
        code = end.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(code or 0))


def _wait(child: int) -> int:
    deadline = time.monotonic() + _SECONDS
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.005)


if __name__ == "__main__":
    _serve()

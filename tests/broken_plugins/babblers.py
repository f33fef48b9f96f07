"""Methods that write where only the verdicts of `dcbench check` belong."""

from __future__ import annotations

import gc
import os
from multiprocessing.connection import Connection

from broken_plugins.methods import Noise


def write_to_connections(content):
    """Write into each open connection of this process, past its own format."""
    for item in gc.get_objects():
        if isinstance(item, Connection) and item.writable and not item.closed:
            os.write(item.fileno(), content)


class Babbles(Noise):
    """Writes to the pipe that it finds, where images are in colour."""

    content = b"[]\n"

    def condense(self, task, settings):
        if task.info.shape[0] == 3:
            write_to_connections(self.content)
        return super().condense(task, settings)


class BabblesOfAnother(Babbles):
    content = b'{"name":"condenses","outcome":"passed","text":"","seconds":0,"traceback":""}\n'


class BabblesMore(Babbles):
    content = b'{"name":"three-channels","outcome":"passed","more":1}\n'


class BabblesDeep(Babbles):
    content = b"[" * 20_000 + b"\n"


class BabblesHalf(Babbles):
    content = b"\x7f\xff\xff\xff{"

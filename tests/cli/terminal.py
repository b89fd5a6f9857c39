# SPDX-License-Identifier: GPL-3.0-or-later
"""The program on a terminal of a given width: what it prints there, colours included."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import unicodedata
from typing import Sequence

from helper import SANITIZER_EXIT, environment, plain

COLOUR = re.compile(r"\033\[[0-9;]*m")


def on_terminal(command: Sequence[str], columns: int, **more: str) -> str:
    """What the command prints, with the line ends that it wrote."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    variables = {"TERM": "xterm", **environment(**more)}
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=variables)
    os.close(theirs)
    said = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
        if not part:
            break
        said += part
    os.close(ours)
    if process.wait() < 0 or process.returncode == SANITIZER_EXIT:
        raise AssertionError(f"the program has a bug:\n{said.decode()}")
    return plain(said.decode().replace("\r\n", "\n"))


def uncoloured(text: str) -> str:
    return COLOUR.sub("", text)


def width(line: str) -> int:
    return sum(0 if unicodedata.combining(character) else 1 for character in uncoloured(line))

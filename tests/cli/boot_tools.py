# SPDX-License-Identifier: GPL-3.0-or-later
"""Tools of boot loaders in sysroots: programs that pass their arguments on, and who answers them.

What a tool does to its outputs is done here by the set-ups of boot_setups.py, which say what source each was
compared with. STAND_IN_TOOL is the program that asks; tests/run sets it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import threading
from typing import Callable, Iterator

from helper import STAND_IN_TOOL, Sysroot

# What a tool does with its arguments, without its name. What it raises is its complaint.
Tool = Callable[[list[str]], None]


def install(root: Sysroot, *programs: str, says: str = "") -> None:
    """Programs of the root, by their paths; `says` is what their real ones have in their text."""
    for program in programs:
        path = root.path / program
        path.parent.mkdir(parents=True, exist_ok=True)
        if STAND_IN_TOOL:
            shutil.copy(STAND_IN_TOOL, path)
        with open(path, "a", encoding="ascii") as file:
            file.write(says)
        path.chmod(0o755)


def answer(client: socket.socket, tools: dict[str, Tool], log: list[list[str]]) -> None:
    asked = b""
    while piece := client.recv(4096):
        asked += piece
    words = asked.decode().split("\0")[:-1]
    log.append(words)
    try:
        tools[words[0]](words[1:])
        client.sendall(b"\0")
    except Exception as error:  # told by the tool, as any program complains
        client.sendall(b"\1" + f"{words[0]}: {error!r}\n".encode())


@contextlib.contextmanager
def at_hand(root: Sysroot, tools: dict[str, Tool]) -> Iterator[list[list[str]]]:
    """While the tools of a root can be run in it. Gives the commands that were run so far."""
    log: list[list[str]] = []
    (root.path / "run").mkdir(exist_ok=True)
    directory = os.open(root.path / "run", os.O_PATH)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{directory}/stand-in")  # its own path may be longer than 107 bytes
        server.listen()

        def serve() -> None:
            while True:
                client = server.accept()[0]
                with client:
                    if client.recv(1, socket.MSG_PEEK) == b"\n":
                        return
                    answer(client, tools, log)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield log
        finally:
            with socket.socket(socket.AF_UNIX) as last:
                last.connect(f"/proc/self/fd/{directory}/stand-in")
                last.sendall(b"\n")
            thread.join()
            os.unlink(root.path / "run/stand-in")
            os.close(directory)



# SPDX-License-Identifier: GPL-3.0-or-later
"""Shells, typed at: what the Tab key makes of a line that begins with vfio-switch."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
import unittest
from pathlib import Path
from typing import Sequence

from helper import environment, run, tool

BASH_COMPLETION = "/usr/share/bash-completion/bash_completion"
MARK = "\x1e"  # what is typed is echoed, but never holds this
SECONDS = 30


class Interactive:
    """A shell on a terminal, where vfio-switch is a function that prints the words it was given."""

    def __init__(self, arguments: Sequence[str], home: Path, *start: str) -> None:
        self.terminal, theirs = pty.openpty()
        variables = environment(HOME=str(home), TERM="dumb", INPUTRC="/dev/null")
        self.process = subprocess.Popen(arguments, stdin=theirs, stdout=theirs, stderr=theirs, env=variables,
                                        cwd=home, start_new_session=True)  # fmt: skip
        os.close(theirs)
        self.seen = ""
        for line in [r"vfio-switch() { printf '\036%s' '' ${1+$@}; printf '\036\n'; }".replace("$@", '"$@"'), *start]:
            self.type(f"{line}\nprintf '\\036%s\\036\\n' ready\n")
            self.read_until(f"{MARK}ready{MARK}")

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def read_until(self, wanted: str) -> str:
        end = time.monotonic() + SECONDS
        while wanted not in self.seen:
            left = end - time.monotonic()
            if left < 0 or not select.select([self.terminal], [], [], left)[0]:
                raise AssertionError(f"the shell does not say {wanted!r}, but {self.seen[-300:]!r}")
            self.seen += os.read(self.terminal, 65536).decode(errors="replace")
        before, _, self.seen = self.seen.partition(wanted)
        return before

    def complete(self, line: str) -> list[str]:
        """The last word of the line after one Tab, in a list as the other shells give it."""
        self.type(f"{line}\t\n")
        said = self.read_until(f"{MARK}\r\n")
        return said.split(MARK)[-1:]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)


def bash(files: Path, home: Path) -> Interactive:
    if not os.path.exists(BASH_COMPLETION):
        raise unittest.SkipTest("bash-completion is not installed")
    return Interactive([tool("bash"), "--norc", "--noprofile", "-i"], home, f". {BASH_COMPLETION}",
                       f". {files}/vfio-switch", "bind 'set bell-style none'")  # fmt: skip


def zsh(files: Path, home: Path) -> Interactive:
    return Interactive([tool("zsh"), "-f", "-i"], home, f"fpath=({files} $fpath)", "autoload -U compinit",
                       "compinit -u -D", "unsetopt beep prompt_sp")  # fmt: skip


class Fish:
    """fish tells its completions without a terminal."""

    def __init__(self, files: Path, home: Path) -> None:
        self.command, self.files, self.home = tool("fish"), files, home

    def complete(self, line: str) -> list[str]:
        quoted = line.replace("\\", "\\\\").replace("'", "\\'")
        script = f"source {self.files}/vfio-switch.fish; complete -C '{quoted}'"
        done = run([self.command, "--no-config", "-c", script], cwd=self.home, HOME=str(self.home))
        if done.err or done.status != 0:
            raise AssertionError(str(done))
        return [candidate.split("\t")[0] for candidate in done.out.splitlines()]

    def close(self) -> None:
        pass

# SPDX-License-Identifier: GPL-3.0-or-later
"""Real modprobes: this machine's, and that of another Debian, from its packages."""

from __future__ import annotations

import functools
import inspect
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "cli"), str(HERE.parent / "vm")]
import root as vm_root  # noqa: E402
from helper import clean_name, environment, tool  # noqa: E402
from trees import DIRECTORIES  # noqa: E402

LIBRARIES = "usr/lib/x86_64-linux-gnu"
# By the release of kmod: LIBKMOD_CURRENT and its like in its Makefile.am, the version in its meson.build.
LIBRARY = {29: "2.3.7", 30: "2.4.0", 31: "2.4.1", 32: "2.4.2", 33: "2.5.0", 34: "2.5.1"}
DEEPEST = 8  # commands that call each other


class NotFollowed(Exception):
    """Install commands that call each other for ever, or that take a shell to understand."""


class Asked(NamedTuple):
    """What a modprobe would insert, each module once, and with which parameters."""

    modules: list[str]
    parameters: dict[str, str]


class Modprobe:
    """`command` runs one, and `library` is the file of its libkmod, which it need not be linked with."""

    def __init__(self, command: list[str]) -> None:
        self.command = command
        said = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True).stdout
        self.version = int(re.search(r"version (\d+)", said)[1])
        if self.version not in LIBRARY:
            raise unittest.SkipTest(f"nothing is known here of kmod {self.version}")
        self.library = f"{LIBRARIES}/libkmod.so.{LIBRARY[self.version]}"

    def lines(self, root: Path, kernel: str, words: list[str]) -> list[str]:
        where = [word for directory in DIRECTORIES for word in ("-C", str(root / directory))]
        done = subprocess.run([*self.command, "-n", "-v", "-d", str(root), "-S", kernel, *where, *words],
                              capture_output=True, env=environment(), check=False)  # fmt: skip
        return [line for line in done.stdout.decode(errors="surrogateescape").split("\n") if line]

    def drivers(self, root: Path, kernel: str, modalias: str) -> list[str]:
        """The modules that say of themselves that they are for a device."""
        done = subprocess.run([*self.command, "-R", "-d", str(root), "-S", kernel, "-C", "/dev/null", modalias],
                              capture_output=True, text=True, env=environment(), check=True)  # fmt: skip
        return done.stdout.split()

    def ask(self, root: Path, kernel: str, name: str, *options: str) -> Asked:
        asked = Asked([], {})
        self.add(asked, root, kernel, [*options, name], 0)
        return asked

    def add(self, asked: Asked, root: Path, kernel: str, words: list[str], depth: int) -> None:
        if depth > DEEPEST:
            raise NotFollowed
        for line in self.lines(root, kernel, words):
            kind, _, rest = line.partition(" ")
            if kind == "install":
                for call in calls(rest):
                    self.add(asked, root, kernel, call, depth + 1)
            elif kind == "insmod":
                path, _, parameters = rest.partition(" ")
                module = clean_name(path)
                if module not in asked.parameters:
                    asked.modules.append(module)
                    asked.parameters[module] = parameters
            elif kind != "builtin":
                raise AssertionError(f"modprobe said {line!r}")


def calls(command: str) -> list[list[str]]:
    """The calls of modprobe in one of the commands that trees.py makes."""
    found = []
    for part in re.split(r"[;&]", command):
        program, *words = re.findall(r"[^ \t\n]+", part) or [":"]
        if program in (":", "/bin/true"):
            continue
        names = [word for word in words if not word.startswith(("-", "$")) and "=" not in word]
        if program not in ("modprobe", "/sbin/modprobe") or re.search(r"[][\\*?]", "".join(names[:1])):
            raise NotFollowed
        options = [word for word in words if word == "-i"]
        found += [[*options, names[0]]] if names else []
    return found


def this_machines() -> Modprobe:
    return Modprobe([tool("modprobe")])


def unpack(suite: str, archive: Path, scratch: Path) -> None:
    sources = vm_root.write_sources(scratch, suite)
    root = scratch / "root"
    vm_root.run("mmdebstrap", "--variant=extract", "--mode=root", "--format=directory", "--quiet", "--include=kmod",
                suite, root, *sources)  # fmt: skip
    wanted = re.compile(r"ld-linux.*|lib(c|crypto|z|zstd|lzma)\.so.*")
    libraries = [path for path in (root / "usr/lib").glob("*/*") if wanted.fullmatch(path.name)]
    kept = [str(path.relative_to(root)) for path in [*libraries, root / "usr/bin/kmod"]]
    vm_root.run("tar", "-C", root, "-cf", archive, *kept)


def of_debian(suite: str, scratch: Path) -> Modprobe:
    """That of another release, run by its own loader with its own libraries."""
    tool("mmdebstrap")
    try:
        recipe = inspect.getsource(unpack)
        archive = vm_root.cached(f"modprobe-{suite}", "", ".tar", recipe, functools.partial(unpack, suite))
    except vm_root.BuildError as error:
        raise unittest.SkipTest(f"the modprobe of {suite} cannot be had: {error}")
    vm_root.run("tar", "-C", scratch, "-xf", archive)
    directory = next((scratch / "usr/lib").glob("*/ld-linux*")).parent
    loader = next(directory.glob("ld-linux*"))
    command = [str(loader), "--library-path", str(directory), "--argv0", "modprobe", str(scratch / "usr/bin/kmod")]
    return Modprobe(command)

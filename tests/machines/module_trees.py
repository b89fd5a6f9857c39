# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernels' module trees: thousands of empty files, which sysroots take over from each other.

To make such a tree and to delete it takes longer than most tests. Where VFIO_SWITCH_MODULE_TREES names a directory
(tests/run makes one), a tree that a test leaves as it was is moved there, and from there into the next sysroot.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Iterable, Optional

TIME = 1_700_000_000  # of every file, so that two builds are equal
KERNEL = "usr/lib/modules/{}/kernel"
FILE, DIRECTORY = 0o100644, 0o40755
NUMBERS = itertools.count()


class Tree:
    """What a kernel's tree has to look like."""

    def __init__(self, files: Iterable[str]) -> None:
        self.files = tuple(files)
        parents = {file.rpartition("/")[0] for file in self.files}
        every = {"/".join(path.split("/")[:depth]) for path in parents for depth in range(len(path.split("/")) + 1)}
        self.directories = tuple(sorted(every))

    def make(self, path: str) -> None:
        """All files are one, of many names, which takes a third of the time."""
        for directory in self.directories:
            os.makedirs(f"{path}/{directory}", exist_ok=True)
        first = f"{path}/{self.files[0]}"
        os.close(os.open(first, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
        os.utime(first, (TIME, TIME))
        for file in self.files[1:]:
            os.link(first, f"{path}/{file}")
        for directory in self.directories:
            os.utime(f"{path}/{directory}", (TIME, TIME))

    def is_at(self, path: str) -> bool:
        """Whether it stands there untouched. Who adds, takes away or replaces a file changes the time of its
        directory; who writes to one, or changes its mode or owner, does so with all of them."""
        owner = (os.geteuid(), os.getegid())
        try:
            file = os.lstat(f"{path}/{self.files[0]}")
            if (file.st_mode, file.st_size, file.st_nlink) != (FILE, 0, len(self.files)):
                return False
            for status in (file, *(os.lstat(f"{path}/{directory}") for directory in self.directories)):
                if status.st_mode not in (FILE, DIRECTORY) or status.st_mtime_ns != TIME * 10**9:
                    return False
                if (status.st_uid, status.st_gid) != owner:
                    return False
        except OSError:
            return False
        return True


def pool() -> Optional[str]:
    return os.environ.get("VFIO_SWITCH_MODULE_TREES")


TREES: dict[str, Tree] = {}  # of the kernels that this process has placed


def place(root: str, release: str, files: Iterable[str]) -> None:
    """Puts the modules of a kernel into a sysroot; their paths begin below its kernel/."""
    if release not in TREES:
        TREES[release] = Tree(files)
    tree = TREES[release]
    target = f"{root}/{KERNEL.format(release)}"
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if (kept := pool()) and os.path.isdir(f"{kept}/{release}"):
        for name in os.listdir(f"{kept}/{release}"):
            try:
                os.rename(f"{kept}/{release}/{name}", target)
                return
            except OSError:  # another test was faster, or it is on another file system
                continue
    tree.make(target)


def untouched(root: str, release: str) -> Optional[Tree]:
    """The kernel's tree, where it stands in a sysroot as it was placed there."""
    tree = TREES.get(release)
    return tree if tree and tree.is_at(f"{root}/{KERNEL.format(release)}") else None


def give_back(root: Path) -> None:
    """Takes the trees out of a sysroot that is no longer needed."""
    kept = pool()
    for release in TREES if kept else ():
        if untouched(str(root), release):
            os.makedirs(f"{kept}/{release}", exist_ok=True)
            try:
                os.rename(f"{root}/{KERNEL.format(release)}", f"{kept}/{release}/{os.getpid()}-{next(NUMBERS)}")
            except OSError:  # on another file system
                pass

# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a package, out of a build directory in which they are compiled already.

The options that the package's recipe gives to meson say what is installed, and where; no object file
depends on them.
"""

from __future__ import annotations

import fcntl
import json
import re
import subprocess
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]


def install(build: Path, recipe: Path, directory: Path) -> Path:
    """Sets a recipe's options in `build`, and installs it as /usr of `directory`; one caller after the other."""
    with open(build / "payload.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _install(build, recipe, directory)


def _install(build: Path, recipe: Path, directory: Path) -> Path:
    declared = re.findall(r"^option\('([\w-]+)', type: '\w+', value: '?([\w/-]+)", (TREE / "meson_options.txt").read_text(),
                          re.MULTILINE)  # fmt: skip
    name = re.search(r"^Name:\s*(\S+)|^pkgname=(\S+)", recipe.read_text(), re.MULTILINE)
    given = dict(re.findall(r"^\s+-D([a-z-]+)=(\S+)", recipe.read_text(), re.MULTILINE))
    if not name or not given.keys() <= dict(declared).keys() | {"b_pie"}:
        raise ValueError(f"{recipe}: not understood: {given}")
    # Whether the tests are built as well is the build directory's own affair, and pie is the compiler's.
    options = {option: given.get(option, value).replace("%{name}", name[1] or name[2])
               for option, value in declared if option not in ("tests", "fuzzers")}  # fmt: skip
    # Which may be a copy: dpkg-buildpackage compiles one.
    source = json.loads((build / "meson-info/meson-info.json").read_text())["directories"]["source"]
    # What was looked for before, and not found, may have been installed since.
    _run("meson", "configure", "--clearcache", build)
    _run("meson", "setup", "--reconfigure", "-Dprefix=/usr", *(f"-D{o}={v}" for o, v in options.items()), build, source)
    targets = json.loads(_run("meson", "introspect", "--targets", build))
    installed = [Path(target["filename"][0]).relative_to(build.resolve()) for target in targets if target["installed"]]
    _run("ninja", "-C", build, *installed)
    _run("meson", "install", "-C", build, "--destdir", directory.resolve(), "--no-rebuild")
    return directory


def _run(*command: object) -> str:
    words = [str(word) for word in command]
    done = subprocess.run(words, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: exit {done.returncode}\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout

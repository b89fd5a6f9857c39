# SPDX-License-Identifier: GPL-3.0-or-later
"""Random configurations of modprobe: files of four directories, with every odd form that libkmod has a rule for."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

# In the order in which libkmod looks through them.
DIRECTORIES = ["etc/modprobe.d", "run/modprobe.d", "usr/local/lib/modprobe.d", "lib/modprobe.d"]
NAMES = [
    "00-first.conf", "10-card.conf", "B.conf", "a.conf", "a.conf", "nvidia.conf", "nvidia.conf", "modules.conf",
    "vfio.conf", "vfio.conf", "zz-last.conf", "zz-last.conf", ".hidden.conf", "old.alias", "nvidia.alias",
    "a.conf.bak", "README", "x.conf~", "1.conf",
]  # fmt: skip
MODULES = [
    "nouveau", "nvidia", "nvidia-drm", "nvidia_drm", "nvidia-modeset", "nvidia-current", "nvidia_current",
    "nvidia-current-drm", "snd_hda_intel", "snd-hda-intel", "drm", "video", "i2c_nvidia_gpu", "snd", "vfio",
    "vfio-pci", "vfio_pci", "vfio_pci_core", "vfio_iommu_type1", "nosuch",
]  # fmt: skip
GLOBS = [
    "n*", "nvidia*", "nv[a-i]dia", "snd?hda?intel", "snd-*", "*", "vfio[_]pci", "no[tu-v]veau", "nouveau[", "d]rm",
    "?rm",
]  # fmt: skip
ALIASES = [
    "pci:v000010DEd00001D01sv*sd*bc03sc00i00*", "pci:v000010DEd*", "pci:*", "pci:v000010DEd00000FB8sv*sd*bc04sc03i00*",
    "pci:v000010DEd[0-9]*bc03*", "char-major-195*", "nouveau", "nvidia", "card",
]  # fmt: skip
COMMANDS = [
    "modprobe -i {}", "/sbin/modprobe -i {} $CMDLINE_OPTS", "modprobe -q vfio-pci; modprobe -i {}",
    "modprobe nvidia ; modprobe -i nvidia-current $CMDLINE_OPTS", "/bin/true", "modprobe snd && modprobe -i {}", ":",
]  # fmt: skip
NOTHING = ["", "  ", "\t", "softdep", "softdep nouveau", "alias x", "include a", "SOFTDEP nouveau pre: vfio-pci"]
IDS = ["ids=10de:1d01,10de:0fb8", "ids=10de:1d01", "ids=10de:0fb8", "ids=1002:67df", "disable_vga=1", "ids="]


class Tree:
    """One such configuration, written below a root."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(f"modprobe {seed}")
        self.dangling: list[str] = []  # paths

    def module(self) -> str:
        return self.random.choice(MODULES)

    def modules(self) -> str:
        blank = self.random.choice([" ", " ", " ", "  ", "\t"])
        favourite = ["vfio-pci"] if self.random.random() < 0.6 else []
        return blank.join([*favourite, *(self.module() for _ in range(self.random.randrange(3)))])

    def pattern(self) -> str:
        return self.random.choice(GLOBS) if self.random.random() < 0.2 else self.module()

    def softdep(self) -> str:
        kinds = self.random.sample(["pre:", "post:"], self.random.choice([1, 1, 2]))
        parts = [f"{kind} {self.modules()}" for kind in kinds]
        return f"softdep {self.pattern()}{self.random.choice([' ', ' ', ' ', '  ', '   ', chr(9)])}{' '.join(parts)}"

    def install(self) -> str:
        module = self.pattern()
        return f"install {module} {self.random.choice(COMMANDS).format(module if '*' not in module else 'drm')}"

    def line(self) -> str:
        kinds = {
            self.softdep: 10,
            lambda: f"options {self.random.choice(['vfio-pci', 'vfio_pci', 'nvidia'])} {self.random.choice(IDS)}": 5,
            self.install: 2,
            lambda: f"blacklist {self.pattern()}": 2,
            lambda: f"alias {self.random.choice(ALIASES)} {self.module()}": 1,
            lambda: f"# softdep {self.module()} pre: vfio-pci": 1,
            lambda: f" # {self.softdep()}": 1,
            lambda: f"weakdep {self.module()} {self.module()}": 1,
            lambda: f"remove {self.module()} /bin/false": 1,
            lambda: self.random.choice(NOTHING): 2,
        }
        return self.random.choices(list(kinds), list(kinds.values()))[0]()

    def spoiled(self, line: str) -> str:
        """With one of the forms that a parser may take otherwise."""
        at = self.random.randrange(len(line) + 1)
        blank = line.find(" ", at)
        forms = [
            lambda: f"{line}\r", lambda: f"  {line}", lambda: f"\t{line}", lambda: f"{line}  ", lambda: f"{line} # why",
            lambda: f"{line[:at]}\\\n{line[at:]}", lambda: f"{line[:at]}\\{line[at:]}", lambda: f"{line}\\",
            lambda: f"{line[:blank]}\\\n{line[blank:]}", lambda: f"{line[:blank]} \\\n {line[blank:]}",
            lambda: f"# {line} \\", lambda: f"{line} \\", lambda: line.replace(" ", "\t"), lambda: f"{line}\\\\",
            lambda: line.replace("-", "_"), lambda: line[:at], lambda: f"{line[:at]}\0{line[at:]}",
            lambda: line.replace(" ", "  ", 1), lambda: f"{line[:at]}\v{line[at:]}",
            lambda: f"\ufeff{line}",
        ]  # fmt: skip
        return self.random.choice(forms)()

    def text(self) -> str:
        lines = [self.line() for _ in range(self.random.randrange(1, 6))]
        lines = [self.spoiled(line) if self.random.random() < 0.2 else line for line in lines]
        return "\n".join(lines) + self.random.choice(["\n", "\n", "\n", "", "\\", "\\\n", "\\\\", "\n\\"])

    def write(self, root: Path) -> None:
        for directory in DIRECTORIES:
            shutil.rmtree(root / directory, ignore_errors=True)
        for _ in range(self.random.randrange(1, 8)):
            directory = root / self.random.choice(DIRECTORIES)
            directory.mkdir(parents=True, exist_ok=True)
            path = directory / self.random.choice(NAMES)
            if not os.path.lexists(path):
                self.place(root, path)

    def place(self, root: Path, path: Path) -> None:
        kind = self.random.choices(["text", "mask", "link", "dangling", "directory"], [20, 2, 2, 2, 1])[0]
        if kind == "text":
            path.write_text(self.text())
        elif kind == "directory":
            path.mkdir()
        elif kind == "mask":
            path.symlink_to("/dev/null")
        elif kind == "link":  # one of a modprobe that does not see the root as its own must be relative
            target = root / "etc" / f"{len(path.parents)}{path.parent.parent.name}-{path.name}.target"
            target.write_text(self.text())
            path.symlink_to(os.path.relpath(target, path.parent.resolve()))
        else:
            self.dangling.append(f"/{path.relative_to(root)}")
            path.symlink_to(self.random.choice(["nowhere", "../nowhere.conf", path.name]))

    def has_a_gamble(self, root: Path) -> bool:
        """True where a dangling link has the name of a file in a directory behind its own."""
        for link in self.dangling:
            directory, _, name = link[1:].rpartition("/")
            behind = DIRECTORIES[DIRECTORIES.index(directory) + 1 :]
            if not name.startswith(".") and any((root / other / name).is_file() for other in behind):
                return True
        return False


def shown(root: Path) -> str:
    """The files of a tree, for people."""
    told = []
    for directory in DIRECTORIES:
        for path in sorted((root / directory).glob("*")) + sorted((root / directory).glob(".h*")):
            what = f"-> {os.readlink(path)} " if path.is_symlink() else ""
            what += repr(path.read_bytes()) if path.is_file() else "(directory)" if path.is_dir() else ""
            told.append(f"{directory}/{path.name}: {what}")
    return "\n".join(told)

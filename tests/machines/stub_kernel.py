# SPDX-License-Identifier: GPL-3.0-or-later
"""A kernel of a few modules without code, indexed by the real depmod: for drivers that no recorded kernel has."""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import Mapping, Sequence

EVERY_PCI_DEVICE = "v*d*sv*sd*bc*sc*i*"


def stub_module(name: str, aliases: Sequence[str]) -> bytes:
    """An ELF object with nothing but what depmod reads of a module: its .modinfo."""
    words = ["license=GPL", f"name={name}", *(f"alias={alias}" for alias in aliases)]
    modinfo = b"".join(f"{word}\0".encode() for word in words)
    names = b"\0.modinfo\0.shstrtab\0"
    contents = [(1, 1, modinfo), (10, 3, names)]  # name, type (PROGBITS, STRTAB) and bytes of each section
    header = struct.Struct("<16sHHIQQQIHHHHHH")
    section = struct.Struct("<IIQQQQIIQQ")
    at = header.size
    table = [section.pack(*[0] * 10)]
    for place, kind, content in contents:
        table.append(section.pack(place, kind, 0, 0, at, len(content), 0, 0, 1, 0))
        at += len(content)
    identity = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    start = header.pack(identity, 1, 62, 1, 0, 0, at, 0, header.size, 0, 0, section.size, len(table), len(table) - 1)
    return start + b"".join(content for _, _, content in contents) + b"".join(table)


def place(root: Path, release: str, modules: Mapping[str, Sequence[str]], depmod: str) -> None:
    """Puts a kernel with `modules`, by their aliases, below `root`; vfio_pci is one of them. Which of several that
    claim a device is loaded first follows their order."""
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch) / "lib/modules" / release
        (directory / "kernel").mkdir(parents=True)
        every = {"vfio_pci": [f"vfio_pci:{EVERY_PCI_DEVICE}"], **modules}
        for name, aliases in every.items():
            (directory / f"kernel/{name}.ko").write_bytes(stub_module(name, aliases))
        (directory / "modules.order").write_text("".join(f"kernel/{name}.ko\n" for name in every), encoding="ascii")
        (directory / "modules.builtin").write_bytes(b"")
        (directory / "modules.builtin.modinfo").write_bytes(b"")
        subprocess.run([depmod, "-b", scratch, release], check=True)
        shutil.copytree(directory, root / "usr/lib/modules" / release)

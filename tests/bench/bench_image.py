#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading and proving a 60 MB zstd image, with all that status does, against lsinitramfs on the same image."""

from __future__ import annotations

import json
import random
import sys
import subprocess
import tempfile
from pathlib import Path

from bench import Contender, Report, helper, main, race_for

MACHINE = "z370-gt1030-no-param"
KERNEL = "6.1.0-56-amd64"
SIZE = 71_000_000  # of which zstd makes 60
FILES = 4000


def member(name: str, content: bytes = b"", directory: bool = False) -> bytes:
    """One member of a cpio archive (newc)."""
    mode = 0o40755 if directory else 0o100644
    fields = (1, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    header = b"070701" + b"".join(b"%08X" % value for value in fields) + name.encode() + b"\0"
    return header + bytes(-len(header) % 4) + content + bytes(-len(content) % 4)


def fill(image: Path, root: Path) -> None:
    """An image as mkinitramfs lays it out: this root's configuration, indices and modules, the latter with
    contents that compress to a third, as real ones do."""
    chance = random.Random(1)
    modules = Path("usr/lib/modules", KERNEL)
    names = [str(modules / line.partition(":")[0]) for line in (root / modules / "modules.dep").read_text().splitlines()]
    needed = [name for name in names if "vfio" in name or "irqbypass" in name]
    names = [*names[: FILES - len(needed)], *needed]
    wanted = SIZE // len(names)
    found = {str(file.relative_to(root)): file.read_bytes() for folder in ("etc/modprobe.d", str(modules))
             for file in (root / folder).glob("*") if file.is_file()}  # fmt: skip
    found |= {"conf/modules": b"vfio-pci\n", "scripts/functions": b"", "scripts/init-top/udev": b""}
    # Random bytes of six bits each, doubled: entropy of about a third.
    noise = bytes(64 + byte % 64 for byte in chance.randbytes(wanted * 4))
    for name in names:
        start = chance.randrange(wanted * 3)
        text = bytes(chance.randbytes(wanted * 8 // 10))
        found[name] = text + noise[start : start + wanted] * 2
    folders = sorted({str(parent) for name in found for parent in Path(name).parents if str(parent) != "."})
    with subprocess.Popen(["zstd", "-q", "-3", "-T0", "-o", str(image)], stdin=subprocess.PIPE) as zstd:
        assert zstd.stdin is not None
        for folder in folders:
            zstd.stdin.write(member(folder, directory=True))
        for name, content in found.items():
            zstd.stdin.write(member(name, content))
        zstd.stdin.write(member("TRAILER!!!"))
        zstd.stdin.close()
        if zstd.wait() != 0:
            raise RuntimeError("zstd failed")


# 1/3 until each entry of the menu was proved: libkmod is asked once for every command line that it is started with.
# 0.42 measured.
LIMIT = 0.8


def against_lsinitramfs(report: Report) -> None:
    lsinitramfs = helper.tool("lsinitramfs")
    with tempfile.TemporaryDirectory(dir=helper.memory()) as scratch:
        root = helper.Sysroot(Path(scratch, "root"), MACHINE, "--kernel", KERNEL)
        enabled = root.run("enable")
        if enabled.status != 0:
            raise RuntimeError(str(enabled))
        image = root.path / f"boot/initrd.img-{KERNEL}"
        image.unlink()
        fill(image, root.path)
        status = json.loads(root.run("status", "--json").out)
        if status["kernels"][0]["staged"] is not True:
            raise RuntimeError(f"the image is not proved: {status['kernels']}")
        ours, theirs = race_for(
            LIMIT, Contender([helper.VFIO_SWITCH, "--sysroot", str(root.path), "status"]),
            Contender([lsinitramfs, str(image)]), rounds=10,
        )  # fmt: skip
        size = image.stat().st_size / 1e6
    ratio = ours.seconds / theirs.seconds
    report.ratio(f"status against lsinitramfs, an image of {size:.0f} MB (zstd)", ratio, LIMIT,
                 f"{ours} against {theirs}")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main([against_lsinitramfs]))

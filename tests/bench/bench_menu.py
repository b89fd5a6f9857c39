#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""`vfio-switch status` with a boot menu of two hundred entries, most of them snapshots, against one of five."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from bench import Contender, Report, helper, main, race_for

MENU = "boot/grub/grub.cfg"
ENTRIES = 200


def with_snapshots(text: str, count: int) -> str:
    """The menu with a submenu behind it, as grub-btrfs writes one: the first entry's kernel in each snapshot."""
    start = text.index("menuentry ")
    first = text[start : text.index("\n}\n", start) + 3]
    snapshots = ""
    for number in range(count):
        place = f"/@/.snapshots/{number}/snapshot"
        entry = first.replace("menuentry '", f"menuentry 'snapshot {number}: ", 1)
        entry = entry.replace("/boot/", f"{place}/boot/").replace(" quiet", f" rootflags=subvol={place[1:]} quiet")
        snapshots += entry
    return text + f"submenu 'Snapshots' {{\n{snapshots}}}\n"


def long_menu(report: Report) -> None:
    with tempfile.TemporaryDirectory(dir=helper.memory()) as scratch:
        contenders = []
        for name in ("short", "long"):
            kernels = [word for kernel in helper.KERNELS for word in ("--kernel", kernel)]
            root = helper.Sysroot(Path(scratch, name), helper.DESKTOP, *kernels)
            if root.run("enable").status != 0:
                raise RuntimeError("enable failed")
            found = len(json.loads(root.run("status", "--json").out)["entries"])
            if name == "long":
                root.write(MENU, with_snapshots(root.read(MENU), ENTRIES - found))
                entries = json.loads(root.run("status", "--json").out)["entries"]
                kinds = [entry["kind"] for entry in entries]
                if (len(entries), kinds.count("snapshot")) != (ENTRIES, ENTRIES - found):
                    raise RuntimeError(f"{len(entries)} entries: {kinds}")
            contenders.append(Contender([helper.VFIO_SWITCH, "--sysroot", str(root.path), "status"]))
        limit = 2.0
        long, short = race_for(limit, *reversed(contenders), rounds=10)
    report.ratio(f"status, a menu of {ENTRIES} entries against {found}", long.seconds / short.seconds, limit,
                 f"{long} against {short}")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main([long_menu]))

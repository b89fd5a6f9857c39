#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""`vfio-switch plan` against `lspci -nnk` on the same sysfs tree, and against itself on a hundred times as much."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from bench import Contender, Report, helper, main, race, race_for

MACHINE = "x399-1900x-gtx1080-gtx1060"  # the largest of tests/machines: 67 functions, two NVIDIA cards
KERNELS = ["6.1.0-56-amd64", "6.1.0-56-amd64-nvidia", "6.12.117+deb12-amd64"]


def add_functions(root: Path, wanted: int) -> None:
    """Copies of the machine's NVMe drive, each in a group of its own, until there are `wanted` functions."""
    devices, groups = root / "sys/bus/pci/devices", root / "sys/kernel/iommu_groups"
    present, group = len(os.listdir(devices)), len(os.listdir(groups))
    original = next(d.resolve() for d in devices.iterdir() if (d / "class").read_text().startswith("0x0108"))
    attributes = [file for file in original.iterdir() if file.is_file() and not file.is_symlink()]
    driver = (original / "driver").resolve()
    for number in range(wanted - present):
        # One on a bus, as behind a root port; a domain of its own for every 256 buses.
        address = f"{0x1000 + number // 256:04x}:{number % 256:02x}:00.0"
        device = root / f"sys/devices/pci{address[:4]}:00/{address}"
        device.mkdir(parents=True)
        for file in attributes:
            os.link(file, device / file.name)  # ten thousand copies would take half a gigabyte
        of_group = groups / str(1000 + group + number)
        (of_group / "devices").mkdir(parents=True)
        for link, target in (
            (devices / address, device), (device / "driver", driver), (device / "iommu_group", of_group),
            (of_group / "devices" / address, device),
        ):  # fmt: skip
            link.symlink_to(os.path.relpath(target, link.parent))


def machine(scratch: Path, functions: int) -> Path:
    root = scratch / str(functions)
    helper.Sysroot(root, MACHINE, *(word for kernel in KERNELS for word in ("--kernel", kernel)))
    add_functions(root, functions)
    return root


def plan(root: Path) -> list[str]:
    return [helper.VFIO_SWITCH, "--sysroot", str(root), "plan"]


def with_modules(root: Path) -> list[str]:
    """What runs a command with one of the root's kernels in place of the running one: lspci asks libkmod for it.

    Both run within, so that both find their libraries where the other does.
    """
    place = root.parent / "lib"
    (place / "modules").mkdir(parents=True)
    (place / "modules" / os.uname().release).symlink_to(root / "usr/lib/modules" / KERNELS[0])
    script = 'mount -t overlay -o "lowerdir=$0:/usr/lib" none /usr/lib && exec "$@"'
    return [*helper.as_root(), "unshare", "--mount", "sh", "-c", script, str(place)]


def against_lspci(report: Report) -> None:
    lspci = helper.tool("lspci")
    with tempfile.TemporaryDirectory(dir=helper.memory()) as scratch:
        root = machine(Path(scratch), 80)
        within = with_modules(root)
        theirs = [lspci, "-O", f"sysfs.path={root}/sys/bus/pci", "-nnk"]
        ours, others = race_for(1.0, Contender(plan(root), within), Contender(theirs, within), rounds=40)
    ratio, what = ours.seconds / others.seconds, f"{ours} against {others}"
    # 1.0 until each kernel's indices were checked whole before libkmod reads them: to be had again by a cheaper check.
    report.ratio("plan against lspci -nnk, 80 functions and 3 kernels", ratio, 2.5, what)


def growth(report: Report) -> None:
    few, many = 100, 10_000
    with tempfile.TemporaryDirectory(dir=helper.memory()) as scratch:
        roots = {functions: machine(Path(scratch), functions) for functions in (few, many)}
        costs = dict(zip(roots, race(*(Contender(plan(root)) for root in roots.values()), rounds=5)))
    each = {functions: cost.seconds / functions for functions, cost in costs.items()}
    report.ratio(f"plan, a function's cost at {many} against {few}", each[many] / each[few], 1.3,
                 f"{costs[many]} against {costs[few]}")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main([against_lspci, growth]))

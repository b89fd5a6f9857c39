#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program's order of modules against the real modprobe's, for random configurations.

VFIO_SWITCH_ALL=1 tries ten thousand, VFIO_SWITCH_FAST=1 a few; VFIO_SWITCH_TREE=N the one of that number, and shows it.
"""

from __future__ import annotations

import os
import re
import sys
import unittest
from pathlib import Path
from typing import Any, Optional

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / part) for part in ("cli", "machines")]
from helper import CARD, DESKTOP, Sysroot, SysrootCase  # noqa: E402
from modprobes import Modprobe, NotFollowed, of_debian, this_machines  # noqa: E402
from trees import Tree, shown  # noqa: E402

KERNELS = ["6.1.0-56-amd64", "6.1.0-56-amd64-nvidia", "6.1.0-56-amd64-nvidia-current"]
TREES = 10_000 if os.environ.get("VFIO_SWITCH_ALL") == "1" else 10 if os.environ.get("VFIO_SWITCH_FAST") == "1" else 200
SUITE = "trixie"

IDS = {CARD[0]: "10de:1d01", CARD[1]: "10de:0fb8"}


def first_to_bind(device: str, modules: list[str], drivers: list[str], parameters: str) -> Optional[str]:
    """The driver that would have the function, with vfio-pci's parameters; the last of a name counts."""
    given = [word.removeprefix("ids=") for word in parameters.split(" ") if word.startswith("ids=")]
    # The kernel takes what begins like an id (vfio_pci_fill_ids).
    ids = [found[0] for one in ",".join(given[-1:]).split(",") if (found := re.match("[0-9a-f]+:[0-9a-f]+", one))]
    for module in modules:
        if module == "vfio_pci" and IDS[device] in ids:
            return "vfio-pci"
        if module in drivers:
            return module
    return None


class AgainstModprobe(SysrootCase):
    def compare_all(self, modprobe: Modprobe) -> None:
        roots = {kernel: self.machine(DESKTOP, "--kernel", kernel, to=kernel) for kernel in KERNELS}
        for root in roots.values():
            library = root.write(modprobe.library, "")
            library.with_name("libkmod.so.2").symlink_to(library.name)
            root.write("etc/modules-load.d/mine.conf", "vfio-pci\n")
        only = os.environ.get("VFIO_SWITCH_TREE")
        differing, followed = [], 0
        for seed in [int(only)] if only else range(TREES):
            kernel = KERNELS[seed % len(KERNELS)]
            tree, root = Tree(seed), roots[kernel]
            tree.write(root.path)
            if only:
                print(shown(root.path), file=sys.stderr)
            difference, known = self.compare(modprobe, tree, root, kernel)
            followed += known
            if difference:
                differing.append(f"VFIO_SWITCH_TREE={seed} ({kernel}): {difference}\n{shown(root.path)}")
        self.assertFalse(differing, f"{len(differing)} of {TREES} trees\n" + "\n\n".join(differing[:5]))
        # Of the rest it is not known, and the program says so.
        self.assertGreaterEqual(followed, 0 if only else 0.8 * TREES)

    def compare(self, modprobe: Modprobe, tree: Tree, root: Sysroot, kernel: str) -> tuple[Optional[str], bool]:
        """What differs, and whether the program knew the order."""
        done = root.run("status", "--json")
        self.assert_status(done, 0)
        orders = {order["device"]: order for order in done.json["load_order"]}
        known = True
        for card in CARD:
            order = orders[card]
            if not order["proved"] and order["reason"]["cause"] == "file-unread":
                gamble = modprobe.version < 34 and tree.has_a_gamble(root.path)
                return None if gamble else f"{card}: {order['reason']}", False
            difference = self.difference(modprobe, root, kernel, order)
            if difference:
                return f"{card}: {difference}", True
            # That a list and udev race is known as well.
            known = known and (order["proved"] or order["reason"]["cause"] == "nothing-orders")
        return None, known

    def difference(self, modprobe: Modprobe, root: Sysroot, kernel: str, order: dict[str, Any]) -> Optional[str]:
        try:
            asked = modprobe.ask(root.path, kernel, root.modalias(order["device"]), "-b")
        except NotFollowed:
            return "not followed, and yet proved" if order["proved"] else None
        try:
            vfio = modprobe.ask(root.path, kernel, "vfio-pci")
            # systemd-modules-load heeds a blacklist, as -b does.
            by_list = modprobe.ask(root.path, kernel, "vfio-pci", "-b").modules
        except NotFollowed:
            wrong = order["proved"] and order["winner"] == "vfio-pci"
            return "vfio-pci is not followed, and yet proved" if wrong else None
        drivers = modprobe.drivers(root.path, kernel, root.modalias(order["device"]))
        # What a list loads is of interest where vfio-pci is among it.
        listed = by_list if "vfio_pci" in by_list else []
        expected = asked.modules + [module for module in listed if module not in asked.modules]
        if "vfio_pci" not in expected and "vfio_pci" in order["modules"]:
            expected += self.brought_along(modprobe, root, kernel, [*expected, *drivers])
        if order["modules"] != expected and order["stage"] == "root":
            return f"\nprogram  {order['modules']}\nmodprobe {expected}"
        winner = first_to_bind(order["device"], expected, drivers, vfio.parameters.get("vfio_pci", ""))
        # A module that an alias of the configuration leads to counts as a driver, whatever it has ids for.
        if order["winner"] != winner and "pci:" not in shown(root.path):
            return f"\nprogram  {order['winner']}\nmodprobe {winner} of {expected}"
        return None

    def brought_along(self, modprobe: Modprobe, root: Sysroot, kernel: str, known: list[str]) -> list[str]:
        """What the first device loads whose driver has vfio-pci loaded, but what is in `known`."""
        for device in sorted((root.path / "sys/bus/pci/devices").iterdir()):
            modules = modprobe.ask(root.path, kernel, root.modalias(device.name), "-b").modules
            if "vfio_pci" in modules:
                return [module for module in modules if module not in known]
        return []

    def test_this_machines_modprobe(self) -> None:
        self.compare_all(this_machines())

    def test_the_next_debians_modprobe(self) -> None:
        modprobe = of_debian(SUITE, self.scratch)
        if modprobe.version == this_machines().version:
            self.skipTest("this machine has the same")
        self.compare_all(modprobe)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machines load, their topology is what their owners describe, and a sysroot looks like the kernel's /sys."""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path
from typing import Callable

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli")]

import module_trees  # noqa: E402
import sysroot  # noqa: E402
from helper import memory  # noqa: E402
from machine import Function, Machine, MachineError, Topology, load, load_overlay, variants  # noqa: E402

LISTINGS = sorted(HERE.glob("*.json"))


def machine(name: str) -> Machine:
    return load(HERE / f"{name}.json")


def path(of: Machine, address: str) -> str:
    """Where the function hangs, without the 0000: of every component."""
    function = next(f for f in of.functions if f.address == address)
    return of.topology.path(function).replace("/0000:", "/")


def bridge(address: str) -> Function:
    return Function(address, 0x8086, 0x1901, 0, 0, 0x060400, 0, None, None)


def endpoint(address: str, class_code: int = 0x030000) -> Function:
    return Function(address, 0x10DE, 0x1B80, 0, 0, class_code, 0, None, None)


class TopologyRule(unittest.TestCase):
    def derive(self, *functions: Function, complete: bool = True, **fixed: str) -> Topology:
        return Topology.derive(list(functions), complete, {f"0000:{bus[1:]}": at for bus, at in fixed.items()})

    def test_siblings_take_the_next_number_after_what_is_below_the_first(self) -> None:
        functions = [bridge("0000:00:01.0"), bridge("0000:00:02.0"), bridge("0000:01:00.0"), endpoint("0000:03:00.0")]
        topology = self.derive(*functions)
        self.assertIs(topology.parent(functions[3]), functions[1])
        self.assertEqual(topology.subordinate["0000:00:01.0"], 2)

    def test_the_order_of_the_listing_does_not_matter(self) -> None:
        functions = [endpoint("0000:02:00.0"), bridge("0000:00:02.0"), bridge("0000:00:01.0")]
        self.assertIs(self.derive(*functions).parent(functions[0]), functions[1])

    def test_a_number_kept_free_needs_an_overlay_in_a_complete_listing(self) -> None:
        functions = [bridge("0000:00:01.0"), bridge("0000:00:02.0"), endpoint("0000:38:00.0")]
        with self.assertRaisesRegex(MachineError, "no bridge owns bus 0000:38"):
            self.derive(*functions)
        self.assertIs(self.derive(*functions, b38="0000:00:02.0").parent(functions[2]), functions[1])

    def test_counting_goes_on_from_a_named_bridge(self) -> None:
        functions = [bridge("0000:00:01.0"), bridge("0000:00:02.0"), endpoint("0000:39:00.0")]
        self.assertIs(self.derive(*functions, b38="0000:00:01.0").parent(functions[2]), functions[1])

    def test_no_bridge_is_invented_for_an_incomplete_listing(self) -> None:
        gpu = endpoint("0000:41:00.0")
        topology = self.derive(gpu, complete=False)
        self.assertIsNone(topology.parent(gpu))
        self.assertEqual(topology.path(gpu), "pci0000:00/0000:41:00.0")

    def test_a_host_bridge_makes_a_root_bus(self) -> None:
        host = endpoint("0000:40:01.0", 0x060000)
        self.assertEqual(self.derive(host).path(host), "pci0000:40/0000:40:01.0")

    def test_two_owners_are_an_error(self) -> None:
        with self.assertRaisesRegex(MachineError, "two bridges own bus"):
            self.derive(bridge("0000:00:01.0"), bridge("0000:00:02.0"), b01="0000:00:02.0")


class TopologyOfMachines(unittest.TestCase):
    def check(self, name: str, paths: dict[str, str]) -> None:
        of = machine(name)
        for address, expected in paths.items():
            self.assertEqual(path(of, address), expected)

    def test_a_card_behind_its_own_switch(self) -> None:
        self.check("b650e-7600x-rx7900xt", {
            "0000:03:00.0": "pci0000:00/00:01.1/01:00.0/02:00.0/03:00.0",
            "0000:03:00.1": "pci0000:00/00:01.1/01:00.0/02:00.0/03:00.1",
            "0000:0a:00.0": "pci0000:00/00:02.1/05:00.0/06:0a.0/0a:00.0",
            "0000:0e:00.0": "pci0000:00/00:02.2/0e:00.0",
            "0000:0f:00.0": "pci0000:00/00:08.1/0f:00.0",
        })  # fmt: skip
        self.check("nobara-adl-rx6600-iommu-off", {
            "0000:03:00.0": "pci0000:00/00:01.0/01:00.0/02:00.0/03:00.0",
            "0000:04:00.0": "pci0000:00/00:06.0/04:00.0",
            "0000:08:00.0": "pci0000:00/00:1d.0/08:00.0",
        })  # fmt: skip

    def test_thunderbolt(self) -> None:
        self.check("z170-tb3-gtx1070", {
            "0000:01:00.0": "pci0000:00/00:01.0/01:00.0",
            "0000:09:00.0": "pci0000:00/00:1c.0/05:00.0/06:02.0/09:00.0",
        })  # fmt: skip
        self.check("xps15-9500-gtx1650ti", {
            "0000:38:00.0": "pci0000:00/00:1c.0/02:00.0/03:02.0/38:00.0",
            "0000:6c:00.0": "pci0000:00/00:1c.6/6c:00.0",
            "0000:6d:00.0": "pci0000:00/00:1d.0/6d:00.0",
        })  # fmt: skip
        self.check("thinkpad-p53-rtx4000", {
            "0000:2c:00.0": "pci0000:00/00:1c.0/04:00.0/05:02.0/2c:00.0",
            "0000:55:00.0": "pci0000:00/00:1d.0/55:00.0",
        })  # fmt: skip

    def test_two_root_complexes(self) -> None:
        self.check("x399-1900x-gtx1080-gtx1060", {
            "0000:08:00.0": "pci0000:00/00:03.1/08:00.0",
            "0000:05:00.0": "pci0000:00/00:01.1/01:00.2/02:05.0/05:00.0",
            "0000:40:01.0": "pci0000:40/40:01.0",
            "0000:43:00.0": "pci0000:40/40:03.1/43:00.0",
        })  # fmt: skip

    def test_switch_ports_that_are_only_partly_listed(self) -> None:
        self.check("kata-rtx2080ti-x8", {
            "0000:1b:00.3": "pci0000:00/19:0c.0/1b:00.3",
            "0000:1d:00.0": "pci0000:00/19:14.0/1d:00.0",
            "0000:3d:00.0": "pci0000:00/3d:00.0",
            "0000:40:00.1": "pci0000:00/3c:14.0/40:00.1",
        })  # fmt: skip

    def test_another_domain(self) -> None:
        self.assertEqual(path(machine("rpi5-gtx1050ti-domain1"), "0001:01:00.0"), "pci0001:00/0001:01:00.0")


class Overlays(unittest.TestCase):
    def test_every_machine_loads_in_every_variant(self) -> None:
        self.assertEqual(len(LISTINGS), 27)
        for listing in LISTINGS:
            self.assertTrue(variants(listing), listing.name)
            for variant in variants(listing):
                with self.subTest(machine=listing.stem, variant=variant):
                    self.check(listing, variant)

    def check(self, listing: Path, variant: str) -> None:
        loaded = load(listing, variant)
        overlay = load_overlay(listing, variant)
        functions = {f.address: f for f in loaded.functions}
        self.assertEqual(loaded.name, listing.stem)
        self.assertTrue(overlay["why"])
        if loaded.boot_vga is not None:
            self.assertTrue(functions[loaded.boot_vga].is_vga, "only a VGA device can boot")
        for key in ("iommu_groups", "connectors", "virtual_functions", "drivers"):
            self.assertLessEqual(set(overlay.get(key, {})), set(functions), key)
        for bridge_address in overlay.get("parents", {}).values():
            self.assertTrue(functions[bridge_address].is_bridge)

    def test_every_overlay_has_a_machine(self) -> None:
        self.assertEqual({p.name for p in (HERE / "overlays").iterdir()}, {p.name for p in LISTINGS})

    def test_an_unknown_variant_names_the_known_ones(self) -> None:
        with self.assertRaisesRegex(MachineError, "igpu-boots, dgpu-boots"):
            load(HERE / "z370-gt1030-no-param.json", "bmc-boots")


class Sysroot(unittest.TestCase):
    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory(dir=memory())
        self.addCleanup(scratch.cleanup)
        self.scratch = Path(scratch.name)

    def build(self, name: str, *options: str, to: str = "root") -> Path:
        root = self.scratch / to
        command = [sys.executable, str(HERE / "build-sysroot"), name, str(root), *options]
        subprocess.run(command, check=True, capture_output=True, text=True)
        return root

    def test_attributes_and_links_of_a_gpu(self) -> None:
        root = self.build("nobara-adl-rx6600-iommu-off", "--kernel", "none")
        gpu = root / "sys/bus/pci/devices/0000:03:00.0"
        above = root / "sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/0000:02:00.0"
        self.assertEqual(gpu.resolve(), above / "0000:03:00.0")
        for name, value in {
            "vendor": "0x1002", "device": "0x73ff", "class": "0x030000", "revision": "0xc7", "boot_vga": "1",
            "modalias": "pci:v00001002d000073FFsv00001EAEsd00006505bc03sc00i00", "driver_override": "(null)",
        }.items():  # fmt: skip
            self.assertEqual((gpu / name).read_text(), value + "\n")
        self.assertEqual((gpu / "driver/module").resolve(), root / "sys/module/amdgpu")
        self.assertEqual((gpu / "driver/0000:03:00.0").resolve(), gpu.resolve())
        self.assertFalse((gpu / "iommu_group").exists())
        self.assertFalse((root / "sys/bus/pci/devices/0000:03:00.1/boot_vga").exists())
        self.assertEqual((root / "sys/class/drm/card0-HDMI-A-1/status").read_text(), "connected\n")
        self.assertEqual((root / "sys/bus/pci/drivers/xhci_hcd/module").resolve(), root / "sys/module/xhci_pci")
        self.assertFalse((root / "sys/bus/pci/drivers/pcieport/module").exists())
        self.assertEqual(list((root / "sys/firmware/acpi/tables").iterdir()), [])

    def test_iommu_groups(self) -> None:
        root = self.build("z370-gt1030-no-param", "--kernel", "none")
        members = sorted(p.name for p in (root / "sys/bus/pci/devices/0000:01:00.0/iommu_group/devices").iterdir())
        self.assertEqual(members, ["0000:00:01.0", "0000:01:00.0", "0000:01:00.1"])
        self.assertTrue((root / "sys/class/iommu/dmar0").is_dir())
        self.assertEqual(sum((root / "sys/firmware/acpi/tables/DMAR").read_bytes()) % 256, 0)

    def test_virtual_functions_point_to_a_physical_one(self) -> None:
        root = self.build("rtxpro6000-domain1-vf", "--kernel", "none")
        target = root / "sys/bus/pci/devices/0001:c8:01.0/physfn"
        self.assertEqual(target.resolve().name, "0001:c8:00.0")
        self.assertTrue(target.is_dir())
        self.assertFalse((root / "sys/bus/pci/devices/0001:c8:00.0").exists())

    def test_no_link_leads_out_and_none_dangles(self) -> None:
        for system in ("debian", "arch", "fedora"):
            kernel = ["--kernel", "none"] if system == "fedora" else []
            root = self.build("x399-1900x-gtx1080-gtx1060", "--os", system, *kernel, to=system)
            for link in (p for p in root.rglob("*") if p.is_symlink()):
                self.assertTrue(link.exists(), link)
                self.assertTrue(link.resolve().is_relative_to(root.resolve()), link)

    def test_two_builds_are_equal(self) -> None:
        roots = [self.build("z170-tb3-gtx1070", to=name) for name in ("one", "two")]
        trees = [{p.relative_to(root): p.lstat() for p in root.rglob("*")} for root in roots]
        self.assertEqual(trees[0].keys(), trees[1].keys())
        for name, status in trees[0].items():
            self.assertEqual((status.st_mode, status.st_mtime_ns), (trees[1][name].st_mode, trees[1][name].st_mtime_ns))
            if (roots[0] / name).is_file():
                self.assertTrue(filecmp.cmp(roots[0] / name, roots[1] / name, shallow=False), name)

    def test_several_kernels_and_a_configuration_file(self) -> None:
        releases = sorted(p.name[: -len(".tar.xz")] for p in (HERE / "kernels").glob("*.tar.xz"))
        self.assertEqual(len(releases), 4)
        conf = HERE / "config/debian-nvidia.conf"
        options = [word for release in releases for word in ("--kernel", release)]
        root = self.build("z170-tb3-gtx1070", *options, "--config", f"{conf}:etc/modprobe.d/nvidia.conf")
        for release in releases:
            modules = root / "lib/modules" / release
            for line in (modules / "modules.dep").read_text().splitlines():
                self.assertTrue((modules / line.partition(":")[0]).is_file(), line)
            self.assertTrue((root / f"boot/initrd.img-{release}").is_file())
            self.assertIn("CONFIG_VFIO_PCI=m\n", (root / f"boot/config-{release}").read_text())
        self.assertEqual((root / "etc/modprobe.d/nvidia.conf").read_bytes(), conf.read_bytes())

    def test_the_boot_display_can_be_chosen(self) -> None:
        cases: list[tuple[list[str], tuple[str, str]]] = [
            ([], ("1", "0")),
            (["--variant", "dgpu-boots"], ("0", "1")),
            (["--boot-vga", "0000:01:00.0"], ("0", "1")),
            (["--boot-vga", "none"], ("0", "0")),
        ]
        for number, (options, expected) in enumerate(cases):
            root = self.build("z170-tb3-gtx1070", "--kernel", "none", *options, to=str(number))
            for address, value in zip(("0000:00:02.0", "0000:01:00.0"), expected):
                self.assertEqual((root / f"sys/bus/pci/devices/{address}/boot_vga").read_text(), value + "\n")


class ModuleTrees(unittest.TestCase):
    """A sysroot is given a kernel's modules by another one only as long as nobody touched them."""

    KERNEL = "6.1.0-56-amd64"
    MODULE = "drivers/vfio/pci/vfio-pci.ko"

    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory(dir=memory())
        self.addCleanup(scratch.cleanup)
        self.scratch = Path(scratch.name)
        self.pool = self.scratch / "pool"
        self.pool.mkdir()
        self.enterContext(unittest.mock.patch.dict(os.environ, VFIO_SWITCH_MODULE_TREES=str(self.pool)))

    def build(self, to: str) -> tuple[Path, Path]:
        """A root, and where its modules are."""
        root = self.scratch / to
        sysroot.build(sysroot.parse(["z170-tb3-gtx1070", str(root), "--kernel", self.KERNEL]))
        return root, root / "lib/modules" / self.KERNEL / "kernel"

    def kept(self) -> int:
        return len(list(self.pool.glob("*/*")))

    def test_an_untouched_tree_is_taken_over(self) -> None:
        root, modules = self.build("one")
        before = {p.relative_to(root): (p.lstat().st_mode, p.lstat().st_mtime_ns) for p in root.rglob("*")}
        inode = (modules / self.MODULE).stat().st_ino
        module_trees.give_back(root)
        self.assertEqual((self.kept(), modules.exists()), (1, False))
        root, modules = self.build("two")
        self.assertEqual((self.kept(), (modules / self.MODULE).stat().st_ino), (0, inode))
        after = {p.relative_to(root): (p.lstat().st_mode, p.lstat().st_mtime_ns) for p in root.rglob("*")}
        self.assertEqual(before, after)

    def test_one_that_was_touched_is_not(self) -> None:
        changes: dict[str, Callable[[Path], object]] = {
            "written to": lambda module: module.write_text("x"),
            "written and emptied": lambda module: module.write_text(""),
            "another mode": lambda module: module.chmod(0o600),
            "removed": lambda module: module.unlink(),
            "replaced": lambda module: (module.unlink(), module.touch()),
            "added": lambda module: module.with_name("other.ko").touch(),
            "its directory's mode": lambda module: module.parent.chmod(0o700),
            "its directory is gone": lambda module: shutil.rmtree(module.parent),
            "another owner": lambda module: os.chown(module.parent, 7, 7) if os.geteuid() == 0 else module.chmod(0),
        }
        for what, change in changes.items():
            with self.subTest(what):
                root, modules = self.build(what.replace(" ", "-"))
                change(modules / self.MODULE)
                module_trees.give_back(root)
                self.assertEqual(self.kept(), 0)


if __name__ == "__main__":
    unittest.main()

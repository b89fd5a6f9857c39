#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cards that ids cannot tell from what stays: bound by address; modprobe judges the order."""

import json
import os
import shutil
import unittest

from helper import BIND, KERNELS, OVERRIDE, VFIO_CONF, Sysroot, SysrootCase, clean_name, run, tool

TWINS = "truenas-twin-t400"
TWIN, OTHER_TWIN = "0000:17:00.0", "0000:65:00.0"
NVIDIA = "6.1.0-56-amd64-nvidia"
PAIR = "x399-1900x-gtx1080-gtx1060"


def lines(root: Sysroot, name: str) -> list[str]:
    return [line for line in root.read(name).splitlines() if not line.startswith("#")]


class ByAddress(SysrootCase):
    def twins(self, *kernels: str) -> Sysroot:
        options = [word for kernel in kernels or KERNELS for word in ("--kernel", kernel)]
        return self.machine(TWINS, "--variant", "card-boots", *options)

    def give_id(self, root: Sysroot, address: str, ids: str) -> None:
        """The function becomes another device."""
        function = (root.path / "sys/bus/pci/devices" / address).resolve()
        vendor, device = ids.split(":")
        old = (function / "vendor").read_text()[2:6], (function / "device").read_text()[2:6]
        (function / "vendor").write_text(f"0x{vendor}\n")
        (function / "device").write_text(f"0x{device}\n")
        modalias = (function / "modalias").read_text()
        for letter, was, now in (("v", old[0], vendor), ("d", old[1], device)):
            modalias = modalias.replace(f"{letter}0000{was.upper()}", f"{letter}0000{now.upper()}", 1)
        (function / "modalias").write_text(modalias)

    def assert_judged(self, root: Sysroot, kernel: str, functions: list[str]) -> None:
        """The real modprobe runs the script before it inserts any other driver of the card."""
        softdeps = [line.split()[1] for line in lines(root, VFIO_CONF) if line.startswith("softdep ")]
        claimants = {clean_name(name) for name in softdeps}
        self.assertTrue(claimants)
        for name in [*map(root.modalias, functions), *softdeps]:
            inserted = [module for module, _ in root.modprobe(kernel, name)]
            loaded = [module for module in inserted if module in claimants]
            if not loaded:  # another kernel's driver
                continue
            self.assertEqual(dict(root.modprobe(kernel, name)).get("vfio_pci"), BIND, name)
            self.assertLess(inserted.index("vfio_pci"), inserted.index(loaded[0]), f"{kernel} {name}: {inserted}")

    def test_twins(self) -> None:
        root = self.twins(*KERNELS, NVIDIA)
        plan = root.run("plan", "--json")
        self.assert_status(plan, 0)
        self.assertEqual(plan.json["functions"], [TWIN])
        self.assertEqual({(order["winner"], order["proved"]) for order in plan.json["load_order"]}, {("vfio-pci", True)})
        self.assert_status(root.run("enable"), 0)
        self.assertEqual(lines(root, OVERRIDE), [f"{TWIN} 10de:1ff2:17aa:1613"])
        self.assertNotIn("ids=", "".join(lines(root, VFIO_CONF)))
        for kernel in (*KERNELS, NVIDIA):
            self.assert_judged(root, kernel, [TWIN])

    def test_the_other_twin(self) -> None:
        root = self.machine(TWINS)
        self.assert_status(root.run("enable"), 3)
        self.assert_status(root.run("enable", "--device", OTHER_TWIN), 0)
        self.assertEqual(lines(root, OVERRIDE), [f"{OTHER_TWIN} 10de:1ff2:17aa:1613"])

    def test_a_card_that_shares_only_its_sound(self) -> None:
        root = self.machine(PAIR, *(word for kernel in KERNELS for word in ("--kernel", kernel)))
        plan = root.run("plan", "--json").json
        self.assertIn("options vfio-pci ids=", json.dumps(plan), "each has a sound of its own, so far")
        card = plan["functions"]
        devices = {device["address"]: device for device in root.run("devices", "--json").json["devices"]}
        (sound,) = (address for address in card if devices[address]["class"].startswith("0x0403"))
        (host,) = (address for address, device in devices.items() if address not in card
                   and device["class"].startswith("0x0403") and device["vendor_id"] == "0x10de")
        self.give_id(root, host, f"{devices[sound]['vendor_id'][2:]}:{devices[sound]['device_id'][2:]}")
        self.assertEqual(root.modalias(host)[:26], root.modalias(sound)[:26])
        done = root.run("enable", "--json")
        self.assert_status(done, 0)
        self.assertEqual(done.json["functions"], card)
        self.assertNotIn("ids=", "".join(lines(root, VFIO_CONF)))
        self.assertEqual([line.split()[0] for line in lines(root, OVERRIDE)], card)
        for kernel in KERNELS:
            self.assert_judged(root, kernel, card)

    def test_there_and_back(self) -> None:
        root = self.twins()
        before = root.snapshot()
        self.assert_status(root.run("enable"), 0)
        enabled = root.snapshot()
        self.assertEqual(root.run("enable", "--json").json["outcome"], "nothing")
        self.assert_status(root.run("disable"), 0)
        self.assertEqual(lines(root, OVERRIDE), [])
        self.assertEqual(lines(root, VFIO_CONF), [])
        self.assertEqual(root.run("status", "--json").json["next_boot"], "host")
        self.assert_status(root.run("enable"), 0)
        self.assert_same_tree(enabled, root.snapshot())
        self.assert_status(root.run("rollback"), 0)
        self.assert_same_tree(before, root.snapshot())

    def test_status_reads_the_override_file(self) -> None:
        root = self.twins()
        self.assert_status(root.run("enable"), 0)
        self.assertEqual(root.run("status", "--json").json["next_boot"], "vfio")
        for content in (None, f"{OTHER_TWIN} 10de:1ff2:17aa:1613\n", f"{TWIN} 10de:1ff2:17aa:0000\n"):
            with self.subTest(content=content):
                ours = root.read(OVERRIDE)
                (root.path / OVERRIDE).unlink() if content is None else root.write(OVERRIDE, content)
                self.assertEqual(root.run("status", "--json").json["next_boot"], "host")
                root.write(OVERRIDE, ours)

    def test_an_edited_override_file(self) -> None:
        root = self.twins()
        self.assert_status(root.run("enable"), 0)
        root.write(OVERRIDE, root.read(OVERRIDE).replace(TWIN, OTHER_TWIN))
        done = root.run("enable", "--json")
        self.assert_status(done, 3)
        self.assertEqual([refusal["code"] for refusal in done.json["refusals"]], ["user-edited"])
        kept = root.run("plan", "enable", "--keep-mine", "--json")
        self.assert_status(kept, 3)
        self.assertEqual({refusal["code"] for refusal in kept.json["refusals"]}, {"config-conflict"})
        self.assert_status(root.run("enable", "--force-ours"), 0)
        self.assertEqual(lines(root, OVERRIDE), [f"{TWIN} 10de:1ff2:17aa:1613"])

    def test_what_would_keep_the_script_from_running(self) -> None:
        root = self.twins()
        for line in ("softdep vfio-pci post: kvm", "install vfio-pci /bin/true", "blacklist vfio-pci",
                     "options vfio-pci ids=10de:1ff2"):
            with self.subTest(line=line):
                other = root.write("etc/modprobe.d/a-mine.conf", f"\n{line}\n")
                done = root.run("plan", "--json")
                self.assert_status(done, 3)
                self.assertIn("/etc/modprobe.d/a-mine.conf:2", done.json["refusals"][0]["message"])
                other.unlink()
        root.write("etc/modprobe.d/a-mine.conf", "options vfio-pci ids=8086:1572 disable_vga=1\n")
        self.assert_status(root.run("plan"), 0)

    def test_a_softdep_does_keep_modprobe_from_running_it(self) -> None:
        root = self.twins()
        self.assert_status(root.run("enable"), 0)
        root.write("etc/modprobe.d/a-mine.conf", "softdep vfio-pci post: kvm\n")
        self.assertEqual(root.run("status", "--json").json["next_boot"], "host")
        inserted = dict(root.modprobe(KERNELS[0], root.modalias(TWIN)))
        self.assertNotEqual(inserted["vfio_pci"], BIND)

    def test_ids_on_the_command_line(self) -> None:
        root = self.twins()
        root.write("proc/cmdline", "root=/dev/sda1 ro vfio-pci.ids=10de:1ff2\n")
        self.assert_status(root.run("plan", "--json"), 0)  # the default entry has no such word: this boot alone had it
        root.boot_with("vfio-pci.ids=10de:1ff2")
        done = root.run("plan", "--json")
        self.assert_status(done, 3)
        self.assertEqual([refusal["code"] for refusal in done.json["refusals"]], ["config-conflict"])

    def test_the_missing_script_is_said(self) -> None:
        root = self.twins()
        self.assertIn(f"{BIND}, which the vfio-switch package installs, does not exist", root.run("plan").out)
        root.write(BIND.lstrip("/"), "#!/bin/sh\n", 0o755)
        self.assertNotIn(f"{BIND}, which the vfio-switch package installs, does not exist", root.run("plan").out)


class BuiltIn(SysrootCase):
    """A driver of the card's that is built into a kernel: xhci_pci in Fedora's, for one."""

    def test_it_is_taken_by_address_in_the_image(self) -> None:
        kernel = KERNELS[0]
        root = self.machine("z370-gt1030-no-param", "--kernel", kernel)
        self.build_in(root, kernel, "kernel/sound/pci/hda/snd-hda-intel.ko")
        done = root.run("plan", "--json")
        self.assert_status(done, 0)
        order = {one["device"]: one for one in done.json["load_order"]}["0000:01:00.1"]
        self.assertEqual((order["winner"], order["stage"], order["proved"]), ("vfio-pci", "image", True))
        self.assert_status(root.run("enable"), 0)
        self.assertEqual([line.split()[0] for line in lines(root, OVERRIDE)], ["0000:01:00.0", "0000:01:00.1"])
        self.assertEqual(root.run("status", "--json").json["next_boot"], "vfio")
        (root.path / VFIO_CONF).unlink()
        self.assertEqual(root.run("status", "--json").json["next_boot"], "host")

    def test_a_bound_driver_without_a_module_is_built_in(self) -> None:
        """Only what takes parameters has an entry in /sys/module: 8250_pci, whose driver is serial, has none."""
        root = self.machine("z370-gt1030-no-param")
        function = (root.path / "sys/bus/pci/devices/0000:01:00.1").resolve()
        (root.path / "sys/bus/pci/drivers/serial").mkdir()
        (function / "driver").unlink()
        (function / "driver").symlink_to(os.path.relpath(root.path / "sys/bus/pci/drivers/serial", function))
        root.write(VFIO_CONF, "options vfio-pci ids=10de:1d01,10de:0fb8\n"
                   "softdep nouveau pre: vfio-pci\nsoftdep snd_hda_intel pre: vfio-pci\n")
        self.assertEqual(root.run("status", "--json").json["next_boot"], "mixed")
        self.assert_status(root.run("enable"), 0)
        self.assertEqual(len(lines(root, OVERRIDE)), 2)
        status = root.run("status", "--json").json
        self.assertEqual(status["next_boot"], "vfio")
        self.assert_status(root.run("disable"), 0)
        expected = {one["address"]: one["expected_driver"] for one in root.run("status", "--json").json["devices"]}
        self.assertEqual(expected["0000:01:00.1"], "serial")

    def build_in(self, root: Sysroot, kernel: str, file: str) -> None:
        """The module becomes part of the kernel, as depmod would write it."""
        modules = root.path / "usr/lib/modules" / kernel
        (modules / file).unlink()
        with open(modules / "modules.builtin", "a", encoding="ascii") as built_in:
            built_in.write(f"{file}\n")
        scratch = self.scratch / "depmod/lib/modules" / kernel
        scratch.mkdir(parents=True)
        shutil.copy(modules / "modules.builtin", scratch)
        self.assert_status(run([tool("depmod"), "-b", str(self.scratch / "depmod"), kernel]), 0)
        shutil.copy(scratch / "modules.builtin.bin", modules)


if __name__ == "__main__":
    unittest.main()

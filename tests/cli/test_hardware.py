#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hangs below the card, and drivers that are built into a kernel: no listing of tests/machines has them."""

import os
import shutil
import unittest

from helper import CARD, KERNELS, OVERRIDE, VFIO_CONF, Sysroot, SysrootCase, run, tool

OLD, NEW = KERNELS
USB = "0000:01:00.2"  # of TURING
TURING = "cometlake-gtx1660s-debian"
KEYBOARD = "402000000 3803078f800d001 feffffdfffefffff fffffffffffffffe\n"  # capabilities/key of a real one


def build_in(root: Sysroot, kernel: str, *files: str) -> None:
    """Makes modules ones that are built into the kernel: depmod's indices of built-in modules name them as well."""
    modules = root.path / "usr/lib/modules" / kernel
    scratch = root.path.parent / f"{root.path.name}-built-in-{kernel}"
    of_scratch = scratch / "lib/modules" / kernel
    of_scratch.mkdir(parents=True)
    builtin = (modules / "modules.builtin").read_text() + "".join(f"kernel/{file}\n" for file in files)
    for name, content in (("modules.builtin", builtin), ("modules.order", "")):
        (of_scratch / name).write_text(content)
    run([tool("depmod"), "-b", str(scratch), kernel])
    for name in ("modules.builtin", "modules.builtin.bin"):
        shutil.copy(of_scratch / name, modules / name)


def forget_aliases(root: Sysroot, kernel: str) -> None:
    """As in Debian 6.1, whose index of built-in modules has no PCI aliases."""
    (root.path / "usr/lib/modules" / kernel / "modules.alias.bin").unlink()


class Hardware(SysrootCase):
    def refusal(self, root: Sysroot, code: str, *options: str) -> str:
        """The message of the refusal with that code; nothing is offered, and nothing written."""
        before = root.snapshot(without=(), times=True)
        done = root.run("enable", "--json", *options)
        self.assert_status(done, 3)
        self.assert_same_tree(before, root.snapshot(without=(), times=True))
        self.assertEqual(done.json["changes"], [])
        messages = {refusal["code"]: refusal["message"] for refusal in done.json["refusals"]}
        self.assertIn(code, messages)
        return messages[code]

    def below(self, root: Sysroot, function: str, kind: str, name: str) -> str:
        """A device of a class, deep below a function as the kernel lays it out; its directory."""
        device = os.path.relpath((root.path / "sys/bus/pci/devices" / function).resolve(), root.path)
        place = f"{device}/usb3/3-1/3-1:1.0/{kind}/{name}"
        (root.path / place).mkdir(parents=True)
        (root.path / "sys/class" / kind).mkdir(exist_ok=True)
        (root.path / "sys/class" / kind / name).symlink_to(f"../../../{place}")
        return place

    def assert_taken_by_address(self, root: Sysroot, function: str) -> None:
        """No load order comes before a driver that is built in: the bind script takes the card from it."""
        done = root.run("plan", "--json")
        self.assert_status(done, 0)
        orders = {(one["kernel"], one["device"]): one for one in done.json["load_order"]}
        order = orders[NEW, function]
        self.assertEqual((order["winner"], order["stage"], order["proved"]), ("vfio-pci", "image", True))
        self.assert_status(root.run("enable"), 0)
        lines = [line.split()[0] for line in root.read(OVERRIDE).splitlines() if not line.startswith("#")]
        self.assertEqual(lines, CARD)
        self.assertNotIn("ids=", "".join(one for one in root.read(VFIO_CONF).splitlines() if one[0] != "#"))
        self.assertEqual(root.run("status", "--json").json["next_boot"], "vfio")
        (root.path / VFIO_CONF).unlink()
        self.assertEqual(root.run("status", "--json").json["next_boot"], "host")

    def test_a_claimant_that_is_bound_and_built_in(self) -> None:
        root = self.desktop()
        build_in(root, NEW, "sound/pci/hda/snd-hda-intel.ko")
        self.assert_taken_by_address(root, CARD[1])

    def test_a_claimant_that_only_another_kernel_tells_of(self) -> None:
        root = self.desktop()
        build_in(root, NEW, "drivers/gpu/drm/nouveau/nouveau.ko")
        forget_aliases(root, NEW)
        self.assert_taken_by_address(root, CARD[0])

    def test_vfio_pci_built_in(self) -> None:
        root = self.desktop()
        build_in(root, OLD, "drivers/vfio/pci/vfio-pci.ko")
        message = self.refusal(root, "boot-parameter")
        self.assertIn(f"vfio-pci is built into kernel {OLD}", message)
        self.assertIn("vfio-pci.ids=10de:0fb8,10de:1d01", message, "the exact words to add")

    def test_a_disk_below_the_card(self) -> None:
        root = self.machine(TURING, "--variant", "igpu-boots")
        self.below(root, USB, "block", "sdx")
        message = self.refusal(root, "in-use")
        self.assertIn("disk sdx", message)

    def test_the_only_keyboard_below_the_card(self) -> None:
        root = self.machine(TURING, "--variant", "igpu-boots")
        keyboard = self.below(root, USB, "input", "input7")
        root.write(f"{keyboard}/capabilities/key", KEYBOARD)
        message = self.refusal(root, "in-use")
        self.assertIn("the only keyboard", message)

    def test_a_card_that_showed_the_boot_and_is_no_vga_device(self) -> None:
        root = self.desktop()
        function = root.path / "sys/bus/pci/devices" / CARD[0]
        card = next((function / "drm").glob("card?"))
        vga = (function / "modalias").read_text()
        (function / "modalias").write_text(vga.replace("bc03sc00i00", "bc03sc80i00"))
        (function / "boot_vga").unlink()
        self.assert_status(root.run("plan", "enable"), 0)
        (card / "boot_display").write_text("1\n")
        self.assertIn("boot display", self.refusal(root, "boot-gpu"))

    def test_a_keyboard_elsewhere_as_well(self) -> None:
        root = self.machine(TURING, "--variant", "igpu-boots")
        for function, name in ((USB, "input7"), ("0000:00:14.0", "input8")):
            root.write(f"{self.below(root, function, 'input', name)}/capabilities/key", KEYBOARD)
        done = root.run("plan", "enable", "--json")
        self.assert_status(done, 0)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Fedora root: its profile, dracut's images wherever the layout has them, NVIDIA's softdeps."""

import os
import shutil
import unittest

from helper import BIND, CARD, DESKTOP, KERNELS, MODULES_LOAD, OVERRIDE, SOFTDEP_CONF, STAND_IN, VFIO_CONF
from helper import Sysroot, SysrootCase, as_root
from tap import slow

KERNEL = KERNELS[0]
NVIDIA = "6.1.0-56-amd64-nvidia"
TOKEN = "5f0c6f1e5bd44b6c9d3a2f7e8b1c4d60"
IMAGE = f"boot/initramfs-{KERNEL}.img"


class Fedora(SysrootCase):
    def root(self, *options: str, kernel: str = KERNEL, machine: str = DESKTOP, to: str = "root") -> Sysroot:
        return self.machine(machine, "--os", "fedora", "--kernel", kernel, *options, to=to)

    def images(self, root: Sysroot) -> list[str]:
        changes = root.run("plan", "enable", "--json").json["changes"]
        return [change["path"] for change in changes if change["kind"] == "rebuild-initramfs"]

    def test_the_image_is_where_the_layout_has_it(self) -> None:
        for path in (IMAGE, f"boot/{TOKEN}/{KERNEL}/initrd", f"efi/{TOKEN}/{KERNEL}/initrd",
                     f"boot/efi/EFI/Linux/{TOKEN}-{KERNEL}.efi", f"boot/EFI/Linux/{TOKEN}-{KERNEL}.efi"):  # fmt: skip
            with self.subTest(path):
                root = self.root(to=path.replace("/", "-"))
                (root.path / IMAGE).unlink()
                root.write("etc/machine-id", f"{TOKEN}\n")
                root.write(path, "an image\n")
                self.assertEqual(self.images(root), [f"/{path}"])

    def test_an_entry_token_takes_the_place_of_the_machine_id(self) -> None:
        root = self.root()
        (root.path / IMAGE).unlink()
        root.write("etc/machine-id", f"{TOKEN}\n")
        root.write("etc/kernel/entry-token", "fedora\n")
        root.write(f"boot/{TOKEN}/{KERNEL}/initrd", "an image\n")
        root.write(f"boot/fedora/{KERNEL}/initrd", "an image\n")
        self.assertEqual(self.images(root), [f"/boot/fedora/{KERNEL}/initrd"])

    def test_relatives(self) -> None:
        for release, image in (
            ('ID=nobara\nID_LIKE="rhel centos fedora"\n', IMAGE),
            ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', IMAGE),
            ('ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n', f"boot/initrd-{KERNEL}"),
            ('ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', f"boot/initrd-{KERNEL}"),
            ("ID=debian\n", f"boot/initrd.img-{KERNEL}"),
        ):
            with self.subTest(release):
                root = self.root(to=release.split()[0])
                (root.path / "usr/lib/os-release").write_text(release)
                root.write("etc/vfio-switch.conf", "initramfs = always\n")
                (root.path / IMAGE).rename(root.path / image)
                self.assertEqual(self.images(root), [f"/{image}"])

    def test_modules_load_d_is_not_written_where_dracut_would_copy_it(self) -> None:
        root = self.root()
        self.assert_status(root.run("enable"), 0)
        self.assertTrue(root.exists(VFIO_CONF))
        self.assertFalse(root.exists(MODULES_LOAD))

    def test_a_guides_modules_load_d_goes_and_comes_back(self) -> None:
        root = self.root()
        root.write(MODULES_LOAD, "vfio-pci\n")
        before = root.snapshot()
        self.assert_status(root.run("enable"), 0)
        self.assertFalse(root.exists(MODULES_LOAD))
        self.assert_status(root.run("rollback"), 0)
        self.assert_same_tree(before, root.snapshot())

    def stand_in(self, behaviour: str = "", to: str = "root") -> Sysroot:
        root = self.root("--kernel", KERNELS[1], to=to)
        (root.path / "usr/bin/dracut").unlink()
        shutil.copy(STAND_IN, root.path / "usr/bin/dracut")
        root.write("etc/stand-in-initramfs", behaviour)
        return root

    def hidden(self, root: Sysroot) -> list[str]:
        return sorted(path.name for path in (root.path / "boot").rglob("*") if ".vfio-" in path.name)

    @slow
    def test_a_build_takes_the_place_of_the_image(self) -> None:
        root = self.stand_in()
        for verb, staged in (("enable", True), ("disable", True), ("rollback", True)):
            done = root.run(verb, "--rebuild", prefix=as_root())
            self.assert_status(done, 0)
            kernels = root.run("status", "--json").json["kernels"]
            self.assertEqual([kernel["staged"] for kernel in kernels], [staged] * 2, verb)
            self.assertEqual(self.hidden(root), [])
        self.assertIn(b"built by the stand-in", (root.path / IMAGE).read_bytes())

    @slow
    def test_whatever_becomes_of_a_build_the_image_is_whole(self) -> None:
        for behaviour in (f"fail {KERNELS[1]}", f"fail {KERNELS[0]}", "half", "delete", "die", "forget TRAILER!!!"):
            with self.subTest(behaviour):
                root = self.stand_in(f"{behaviour}\n", to=behaviour.replace(" ", "-").strip("!"))
                before = root.snapshot(times=True)
                done = root.run("enable", "--rebuild", prefix=as_root())
                self.assert_status(done, 1)
                self.assertIn("All changes were undone", done.err)
                self.assert_same_tree(before, root.snapshot(times=True))
                self.assertEqual(self.hidden(root), [])

    def test_by_address_the_image_runs_the_script(self) -> None:
        """As with Fedora's USB_XHCI_PCI=y a function's driver is built in, and no load order comes before it."""
        root = self.stand_in()
        root.write(BIND[1:], "#!/bin/sh\n", 0o755)
        function = (root.path / "sys/bus/pci/devices" / CARD[1]).resolve()
        driver = root.path / "sys/bus/pci/drivers/built-in"  # it has no module
        driver.mkdir()
        (function / "driver").unlink()
        (function / "driver").symlink_to(os.path.relpath(driver, function))
        self.assert_status(root.run("enable", "--rebuild", prefix=as_root()), 0)
        self.assertTrue(root.exists(OVERRIDE))
        status = root.run("status", "--json").json
        self.assertEqual(([k["staged"] for k in status["kernels"]], status["next_boot"]), ([True, True], "vfio"))

    def nvidia(self, name: str, line: str) -> Sysroot:
        """NVIDIA's driver with a softdep in a file of its package."""
        root = self.root(kernel=NVIDIA, to=name)
        root.write(f"usr/lib/modprobe.d/{name}", f"blacklist nouveau\n{line}\n")
        # Of the softdeps that the module carries nothing is wanted here.
        softdeps = root.path / "usr/lib/modules" / NVIDIA / "modules.softdep"
        softdeps.write_text("".join(text for text in softdeps.read_text().splitlines(True) if " nvidia " not in text))
        return root

    def test_the_softdeps_of_nvidias_packages_do_not_shadow_ours(self) -> None:
        for name, line in (("nvidia.conf", "softdep nvidia post: nvidia-uvm nvidia-drm"),
                           ("nvidia-uvm.conf", "softdep nvidia post: nvidia-uvm")):  # fmt: skip
            with self.subTest(name):
                root = self.nvidia(name, line)
                self.assert_status(root.run("enable"), 0)
                kept = line.partition("softdep nvidia ")[2]
                self.assertIn(f"softdep nvidia pre: vfio-pci {kept}\n", root.read(SOFTDEP_CONF).replace("_", "-"))
                orders = root.run("status", "--json").json["load_order"]
                self.assertEqual({order["winner"] for order in orders}, {"vfio-pci"})
                # modprobe -C reads one directory: the judge is given both files there.
                shutil.copy(root.path / f"usr/lib/modprobe.d/{name}", root.path / "etc/modprobe.d" / name)
                modules = [module for module, _ in root.modprobe(NVIDIA, root.modalias(CARD[0]))]
                self.assertLess(modules.index("vfio_pci"), modules.index("nvidia"))
                self.assertLess(modules.index("nvidia"), modules.index("nvidia_uvm"))


if __name__ == "__main__":
    unittest.main()

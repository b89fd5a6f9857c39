#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Softdep lines that other files shadow: the guides' vfio.conf fails, ours works; modprobe judges."""

import unittest

from helper import CARD, DESKTOP, MACHINES, SOFTDEP_CONF, VFIO_CONF, Run, Sysroot, SysrootCase, clean_name

PLAIN = "6.1.0-56-amd64"
NVIDIA = "6.1.0-56-amd64-nvidia"
DEBIAN_NVIDIA = "6.1.0-56-amd64-nvidia-current"
IDS = "ids=10de:1d01,10de:0fb8"
VENDOR = "etc/modprobe.d/nvidia.conf"  # where modprobe -C finds it; the program reads every directory
VENDOR_LINES = "blacklist nouveau\nsoftdep nvidia post: nvidia-uvm nvidia-drm\n"


def guide(*drivers: str) -> str:
    """The vfio.conf that guides tell people to write."""
    lines = [f"softdep {driver} pre: vfio-pci" for driver in (*drivers, "snd_hda_intel")]
    return "\n".join([*lines, f"options vfio-pci {IDS}", ""])


class Shadowing(SysrootCase):
    def root(self, kernel: str, *options: str, to: str = "root") -> Sysroot:
        return self.machine(DESKTOP, "--kernel", kernel, *options, to=to)

    def order(self, root: Sysroot, kernel: str, name: str) -> list[str]:
        return [module for module, _ in root.modprobe(kernel, name)]

    def assert_first(self, root: Sysroot, kernel: str, name: str, first: str, then: str) -> None:
        modules = self.order(root, kernel, name)
        self.assertIn(first, modules, name)
        self.assertIn(then, modules, f"{name}: the host's driver must still load")
        self.assertLess(modules.index(first), modules.index(then), name)

    def check(self, kernel: str, driver: str, files: dict[str, str], merged: bool = True) -> Sysroot:
        """With `files`, the guides' vfio.conf loses the card to `driver`; the planned files win it."""
        by_guide = self.root(kernel, to="guide")
        ours = self.root(kernel, to="ours")
        for root in (by_guide, ours):
            for name, content in files.items():
                root.write(name, content)
        by_guide.write(VFIO_CONF, guide("nouveau", driver))
        modules = self.order(by_guide, kernel, by_guide.modalias(CARD[0]))
        self.assertIn(driver, modules)
        if "vfio_pci" in modules:
            self.assertLess(modules.index(driver), modules.index("vfio_pci"), "the counter-proof does not hold")

        self.assert_status(ours.run("enable"), 0)
        self.assertEqual(ours.exists(SOFTDEP_CONF), merged)
        for name in (ours.modalias(CARD[0]), driver):
            self.assert_first(ours, kernel, name, "vfio_pci", driver)
        self.assert_first(ours, kernel, ours.modalias(CARD[1]), "vfio_pci", "snd_hda_intel")
        self.assertEqual(dict(ours.modprobe(kernel, driver))["vfio_pci"], IDS)
        return ours

    def test_a_softdep_that_the_driver_carries(self) -> None:
        root = self.check(NVIDIA, "nvidia", {VENDOR: "blacklist nouveau\n"})
        self.assertIn("softdep nvidia pre: vfio-pci ecdh_generic ecdsa_generic\n", root.read(SOFTDEP_CONF))
        self.assert_first(root, NVIDIA, "nvidia-drm", "vfio_pci", "nvidia")

    def test_a_vendors_line_keeps_what_it_asks_for(self) -> None:
        # Named nvidia.conf it would be shadowed itself, by the line that the driver carries.
        root = self.check(NVIDIA, "nvidia", {"etc/modprobe.d/a-vendor.conf": VENDOR_LINES})
        modules = self.order(root, NVIDIA, "nvidia")
        self.assertIn("nvidia_uvm", modules)
        self.assertLess(modules.index("nvidia"), modules.index("nvidia_uvm"))

    def test_a_wildcard(self) -> None:
        self.check(NVIDIA, "nvidia", {VENDOR: "blacklist nouveau\nsoftdep nvidia* post: nvidia-uvm\n"})

    def test_a_users_own_line(self) -> None:
        root = self.check(PLAIN, "nouveau", {"etc/modprobe.d/a-mine.conf": "softdep nouveau pre: i2c-dev\n"})
        modules = self.order(root, PLAIN, "nouveau")
        self.assertLess(modules.index("i2c_dev"), modules.index("nouveau"))

    def test_a_line_that_sorts_behind_ours_is_not_merged(self) -> None:
        root = self.root(PLAIN)
        root.write("etc/modprobe.d/zz-mine.conf", "softdep nouveau pre: i2c-dev\n")
        self.assert_status(root.run("enable"), 0)
        self.assertFalse(root.exists(SOFTDEP_CONF))
        self.assert_first(root, PLAIN, root.modalias(CARD[0]), "vfio_pci", "nouveau")

    def test_a_line_that_sorts_before_the_merged_file_is_named(self) -> None:
        root = self.root(PLAIN)
        root.write("etc/modprobe.d/00-a.conf", "# mine\nsoftdep nouveau pre: i2c-dev\n")
        before = root.snapshot()
        done = root.run("enable")
        self.assert_status(done, 3)
        self.assertIn("/etc/modprobe.d/00-a.conf:2", done.out)
        self.assert_same_tree(before, root.snapshot())

    def test_the_merged_file_goes_when_nothing_is_shadowed_any_more(self) -> None:
        root = self.root(NVIDIA)
        vendor = root.write(VENDOR, "softdep snd_hda_intel post: snd-seq\n")
        self.assert_status(root.run("enable"), 0)
        self.assertIn("snd_hda_intel", root.read(SOFTDEP_CONF))
        vendor.unlink()
        self.assert_status(root.run("enable"), 0)
        self.assertNotIn("snd_hda_intel", root.read(SOFTDEP_CONF))


class InstallCommand(SysrootCase):
    """Debian loads its NVIDIA driver by an install command, which a softdep would switch off."""

    def root(self, to: str = "root") -> Sysroot:
        return self.machine(DESKTOP, "--kernel", DEBIAN_NVIDIA, "--config",
                            f"{MACHINES}/config/debian-nvidia.conf:/etc/modprobe.d/nvidia.conf", to=to)

    def inserted(self, root: Sysroot, name: str) -> list[str]:
        return [clean_name(module) for module, _ in root.modprobe(DEBIAN_NVIDIA, name)]

    def order(self, done: Run) -> dict:
        return {order["device"]: order for order in done.json["load_order"]}[CARD[0]]

    def test_the_guides_line_leaves_the_host_without_its_driver(self) -> None:
        root = self.root()
        root.write(VFIO_CONF, guide("nvidia"))
        inserted = root.modprobe(DEBIAN_NVIDIA, root.modalias(CARD[0]))
        self.assertEqual([line for line, _ in inserted if "nvidia" in line], [])

    def test_the_image_claims_the_card_and_the_host_keeps_its_driver(self) -> None:
        root = self.root()
        plan = root.run("plan", "--json")
        self.assert_status(plan, 0)
        order = self.order(plan)
        self.assertEqual((order["winner"], order["stage"], order["proved"]), ("vfio-pci", "image", True))
        self.assertLess(order["modules"].index("vfio_pci"), order["modules"].index("nvidia_current"))
        self.assert_status(root.run("enable"), 0)
        self.assertNotIn("softdep nvidia ", root.read(VFIO_CONF))
        commands = [line.strip() for line, _ in root.modprobe(DEBIAN_NVIDIA, root.modalias(CARD[0]))]
        self.assertEqual(commands, ["install modprobe -i nvidia-current $CMDLINE_OPTS"])

    def test_a_command_loads_a_blacklisted_module_by_its_name(self) -> None:
        """udev's -b is for what it asks for itself; the modprobe of a command skips only what an alias leads to."""
        root = self.root()
        root.write("etc/modprobe.d/a.conf", "blacklist nouveau\nblacklist i2c_dev\n"
                   "install nvidia modprobe i2c-dev; modprobe -i nvidia-current\n")
        modules = self.order(root.run("status", "--json"))["modules"]
        self.assertIn("i2c_dev", modules)
        self.assertLess(modules.index("i2c_dev"), modules.index("nvidia_current"))

    def test_a_list_that_loads_the_driver_in_the_image_is_named(self) -> None:
        root = self.root()
        root.write("etc/initramfs-tools/modules", "# early KMS\nnvidia\n")
        done = root.run("enable")
        self.assert_status(done, 3)
        self.assertIn("/etc/initramfs-tools/modules:2", done.out)

    def test_an_install_command_that_cannot_be_followed_is_not_known(self) -> None:
        root = self.machine(DESKTOP, "--kernel", PLAIN, to="strange")
        root.write("etc/modprobe.d/mine.conf", "install nouveau /usr/local/bin/load-it nouveau\n")
        done = root.run("plan", "--json")
        self.assert_status(done, 0)
        self.assertFalse(self.order(done)["proved"])
        (note,) = [note for note in done.json["notes"] if "not proved" in note]
        self.assertIn("load-it", note)

    def test_a_command_on_the_way_to_vfio_pci_that_cannot_be_followed(self) -> None:
        """Nothing but modules-load.d asks for vfio-pci."""
        root = self.machine(DESKTOP, "--kernel", PLAIN, to="strange")
        root.write("etc/modules-load.d/mine.conf", "vfio-pci\n")
        root.write("etc/modprobe.d/mine.conf", "blacklist nouveau\ninstall vfio_pci_core /usr/local/bin/load-it\n"
                   f"options vfio-pci {IDS}\n")
        order = self.order(root.run("status", "--json"))
        self.assertEqual((order["winner"], order["proved"]), ("vfio-pci", False))
        self.assertIn("load-it", order["reason"]["message"])


class OtherConfiguration(SysrootCase):
    """What defeats vfio.conf is found and named, with file and line."""

    def test_lines_that_work_against_us(self) -> None:
        root = self.machine(DESKTOP, "--kernel", PLAIN)
        for line in ("blacklist vfio-pci", "blacklist vfio_pci", "install vfio-pci /bin/false",
                     "options vfio-pci ids=8086:1572", "options vfio_pci disable_idle_d3=1 ids=8086:1572"):
            with self.subTest(line=line):
                other = root.write("etc/modprobe.d/other.conf", f"\n# mine\n{line}\n")
                done = root.run("plan", "--json")
                self.assert_status(done, 3)
                conflict = [refusal for refusal in done.json["refusals"] if refusal["code"] == "config-conflict"]
                self.assertIn("/etc/modprobe.d/other.conf:3", conflict[0]["message"])
                other.unlink()

    def test_lines_that_do_not(self) -> None:
        root = self.machine(DESKTOP, "--kernel", PLAIN)
        for line in ("options vfio-pci disable_vga=1", "blacklist floppy", "options vfio_iommu_type1 x=1"):
            with self.subTest(line=line):
                root.write("etc/modprobe.d/other.conf", f"{line}\n")
                self.assert_status(root.run("plan"), 0)

    def test_a_blacklisted_host_driver_is_named(self) -> None:
        root = self.machine(DESKTOP, "--kernel", PLAIN)
        root.write("etc/modprobe.d/blacklist.conf", "blacklist snd_hda_intel\nblacklist nouveau\n")
        done = root.run("plan", "--json")
        self.assert_status(done, 0)
        self.assertIn("/etc/modprobe.d/blacklist.conf:2", " ".join(done.json["notes"]))

    def test_ids_on_the_kernel_command_line(self) -> None:
        root = self.machine(DESKTOP, "--kernel", PLAIN)
        for parameter, status in (("vfio-pci.ids=8086:1572", 3), ("vfio_pci.ids=", 3),
                                  ("vfio-pci.ids=10de:1d01,10de:0fb8", 0)):
            with self.subTest(parameter=parameter):
                root.boot_with(parameter)
                done = root.run("plan")
                self.assert_status(done, status)
                if status == 3:
                    self.assertIn(parameter, done.out)


if __name__ == "__main__":
    unittest.main()

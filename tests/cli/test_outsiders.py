#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What decides about a driver beside modprobe: scripts of somebody's own, pci-stub, signatures, and booster's init."""

from __future__ import annotations

import struct
import unittest
from typing import Any

from early_case import DRIVERS, GIVES_IDS, HOST, IDS, KERNEL, UNKNOWN, VFIO, EarlyCase
from helper import CARD, DESKTOP, KERNELS, Sysroot, run, tool
from test_claimants import StubKernel
from test_hardware import build_in

OVERRIDES = f"echo vfio-pci > /sys/bus/pci/devices/{CARD[0]}/driver_override\n"
FOR_ALL = 'for i in $(lspci); do echo vfio-pci > "$i/driver_override"; done\n'
SOFTDEPS = GIVES_IDS + "softdep nouveau pre: vfio-pci\nsoftdep snd_hda_intel pre: vfio-pci\n"
FIRST_UNKNOWN = ("?", "snd_hda_intel")


class Scripts(EarlyCase):
    """What they do is not worked out; that they are there is."""

    def test_in_the_root(self) -> None:
        rule = 'KERNEL=="{}", SUBSYSTEM=="pci", ATTR{{driver_override}}="{}"\n'
        unit = "etc/systemd/system/vfio.service"
        wants = "etc/systemd/system/multi-user.target.wants/vfio.service"
        for files, config, expected in (
            ({"etc/udev/rules.d/10-vfio.rules": rule.format(CARD[0], "vfio-pci")}, GIVES_IDS, FIRST_UNKNOWN),
            ({"run/udev/rules.d/10-vfio.rules": rule.format(CARD[0], "vfio-pci")}, GIVES_IDS, FIRST_UNKNOWN),
            ({"etc/udev/rules.d/10-vfio.rules": f"# {rule.format(CARD[0], 'vfio-pci')}"}, GIVES_IDS, HOST),
            ({"etc/udev/rules.d/10-vfio.rules~": rule.format(CARD[0], "vfio-pci")}, GIVES_IDS, HOST),
            ({"etc/udev/rules.d/10-vfio.rules": rule.format("0000:09:00.0", "vfio-pci")}, GIVES_IDS, HOST),
            # It says what the order of loading says, or it does not.
            ({"etc/udev/rules.d/10-vfio.rules": rule.format(CARD[0], "vfio-pci")}, SOFTDEPS, VFIO),
            ({"etc/udev/rules.d/10-own.rules": rule.format(CARD[0], "nouveau")}, SOFTDEPS, ("?", "vfio-pci")),
            ({unit: f"[Service]\nExecStart=/bin/sh -c '{OVERRIDES.strip()}'\n", wants: ""}, GIVES_IDS, FIRST_UNKNOWN),
            ({unit: f"[Service]\nExecStart=/bin/sh -c '{OVERRIDES.strip()}'\n"}, GIVES_IDS, HOST),
            ({unit: "[Service]\nExecStart=-/usr/local/bin/give-it\n", wants: "", "usr/local/bin/give-it": FOR_ALL},
             GIVES_IDS, UNKNOWN),
            ({unit: "[Service]\nExecStart=/usr/bin/vfio-pci-override.sh\n", wants: "",
              "usr/bin/vfio-pci-override.sh": FOR_ALL}, GIVES_IDS, UNKNOWN),
            ({"etc/systemd/system/vfio@.service": "[Service]\nExecStart=/opt/give %i\n", "opt/give": FOR_ALL,
              "etc/systemd/system/multi-user.target.wants/vfio@0000:01:00.0.service": ""}, GIVES_IDS, UNKNOWN),
            ({unit: "[Service]\nExecStart=true\n", wants: "",
              f"{unit}.d/a.conf": "[Service]\nExecStartPre=/opt/give\n", "opt/give": FOR_ALL}, GIVES_IDS, UNKNOWN),
            ({"etc/udev/rules.d/10-vfio.rules": 'ACTION=="add", RUN+="/opt/give %k"\n', "opt/give": OVERRIDES},
             GIVES_IDS, FIRST_UNKNOWN),
            ({"etc/initcpio/hooks/vfio": f"run_hook() {{\n{OVERRIDES}}}\n",
              "etc/mkinitcpio.conf": "HOOKS=(base udev vfio)\n"}, GIVES_IDS, FIRST_UNKNOWN),
            ({"etc/initcpio/hooks/vfio": f"run_hook() {{\n{OVERRIDES}}}\n",
              "etc/mkinitcpio.conf": "HOOKS=(base udev)\n"}, GIVES_IDS, HOST),
        ):  # fmt: skip
            with self.subTest(files=files):
                root = self.root("", self.DRACUT, [], config)
                for name, content in files.items():
                    if content:
                        root.write(name, content)
                    else:
                        (root.path / name).parent.mkdir(parents=True)
                        (root.path / name).symlink_to("../vfio.service")
                self.check(expected, root)

    def test_in_an_image(self) -> None:
        for image, expected in (
            (self.TOOLS | {"scripts/init-top/bind_vfio": OVERRIDES}, FIRST_UNKNOWN),
            (self.TOOLS | {"scripts/init-top/00-vfio-switch": OVERRIDES}, HOST),  # ours
            (self.TOOLS | {"scripts/panic/bind_vfio": OVERRIDES}, HOST),
            (self.BUSYBOX | {"hooks/vfio": FOR_ALL}, UNKNOWN),
            (self.DRACUT | {"var/lib/dracut/hooks/pre-udev/00-vfio.sh": OVERRIDES}, FIRST_UNKNOWN),
            (self.DRACUT | {"etc/udev/rules.d/vfio.rules": f'RUN+="/bin/sh -c {OVERRIDES.strip()}"\n'}, FIRST_UNKNOWN),
        ):
            with self.subTest(image=image):
                self.check(expected, self.root("", image, DRIVERS))

    # Nothing orders a list against udev: what it runs may come first.
    def test_a_list_whose_command_is_not_understood(self) -> None:
        for name, expected in (("mine", UNKNOWN), ("other", VFIO)):
            with self.subTest(name=name):
                root = self.root("", self.DRACUT, [], SOFTDEPS + "install mine /opt/load-something\n")
                root.write("etc/modules-load.d/a.conf", f"{name}\n")
                self.check(expected, root)

    # A plan under it is no proof, and says which file it is.
    def test_a_plan_names_it(self) -> None:
        root = self.machine(DESKTOP, "--kernel", KERNEL)
        root.write("etc/udev/rules.d/10-own.rules", f'KERNEL=="{CARD[0]}", ATTR{{driver_override}}="nouveau"\n')
        done = root.run("plan", "enable", "--json")
        orders = {one["device"]: one for one in done.json["load_order"]}
        self.assertFalse(orders[CARD[0]]["proved"])
        self.assertEqual(orders[CARD[0]]["reason"]["cause"], "script-overrides")
        self.assertEqual(orders[CARD[0]]["reason"]["data"]["place"], {"path": "/etc/udev/rules.d/10-own.rules", "line": 1})
        self.assertTrue(orders[CARD[1]]["proved"])

    # Without a boot menu that is read, what a kernel would do is no better known.
    def test_status_without_a_menu(self) -> None:
        root = self.machine(DESKTOP, "--kernel", KERNEL)
        (root.path / "boot/grub/grub.cfg").unlink()
        self.assertEqual(self.status(root)["kernels"][0]["next_boot"], "host")
        root.write("etc/udev/rules.d/10-own.rules", f'KERNEL=="{CARD[0]}", ATTR{{driver_override}}="vfio-pci"\n')
        self.assertEqual(self.status(root)["kernels"][0]["next_boot"], "unknown")


class Stub(EarlyCase):
    WORD = f"pci-stub.ids={IDS}"

    def test_built_in_it_is_first(self) -> None:
        early = self.DRACUT | {"etc/cmdline": "rd.driver.pre=vfio_pci\n"}
        for words, expected in (
            (self.WORD, ("pci-stub", "pci-stub")),
            ("pci-stub.ids=10de:1d01", ("pci-stub", "vfio-pci")),
            ("pci_stub.ids=10de:1d01", ("pci-stub", "vfio-pci")),
            ("", VFIO),
        ):
            with self.subTest(words=words):
                root = self.root(words, early, [*DRIVERS, "vfio_pci"])
                build_in(root, KERNEL, "drivers/pci/pci-stub.ko")
                self.check(expected, root)

    # Debian's is a module: whether something loads it is not looked into.
    def test_as_a_module_it_may_be_first(self) -> None:
        self.check(UNKNOWN, self.root(f"{self.WORD} rd.driver.pre=vfio_pci", self.DRACUT, [*DRIVERS, "vfio_pci"]))

    def test_its_ids_in_a_file(self) -> None:
        root = self.root("", self.DRACUT, DRIVERS, GIVES_IDS + "options pci-stub ids=10de:1d01\n")
        self.check(FIRST_UNKNOWN, root)
        build_in(root, KERNEL, "drivers/pci/pci-stub.ko")  # modprobe.d does not reach it
        self.check(HOST, root)

    # initramfs-tools hands a line of its list to modprobe as it stands.
    def test_its_ids_in_a_list(self) -> None:
        vfio = f"vfio_pci ids={IDS}\n"
        bare = {"scripts/functions": ""}  # without udev
        for lines, expected in (
            ("pci-stub ids=10de:1d01\n" + vfio, ("?", "vfio-pci")),
            (vfio + "pci-stub ids=10de:1d01\n", VFIO),
            ("pci-stub ids=10de:1d01\nnouveau\n", FIRST_UNKNOWN),
            ("pci-stub\n" + vfio, VFIO),
        ):
            with self.subTest(lines=lines):
                self.check(expected, self.root("", bare | {"conf/modules": lines}, [*DRIVERS, "vfio_pci"]))

    def test_a_plan_names_the_list(self) -> None:
        root = self.machine(DESKTOP, "--kernel", KERNEL)
        root.write("etc/initramfs-tools/modules", "pci-stub ids=10de:1d01\n")
        orders = {one["device"]: one for one in root.run("plan", "enable", "--json").json["load_order"]}
        self.assertFalse(orders[CARD[0]]["proved"])
        self.assertEqual(orders[CARD[0]]["reason"]["data"]["place"], {"path": "/etc/initramfs-tools/modules", "line": 1})
        self.assertTrue(orders[CARD[1]]["proved"])

    # By address vfio-pci takes it from whoever has it.
    def test_what_enable_makes_of_it(self) -> None:
        root = self.machine(DESKTOP, "--kernel", KERNEL)
        build_in(root, KERNEL, "drivers/pci/pci-stub.ko")
        menu = root.path / "boot/grub/grub.cfg"
        menu.write_text(menu.read_text().replace(" ro ", f" ro {self.WORD} "))
        root.write("etc/default/grub", f'GRUB_CMDLINE_LINUX="quiet {self.WORD}"\n')
        root.write("usr/sbin/update-grub", "#!/bin/sh\n", 0o755)
        done = root.run("plan", "enable", "--json")
        winners = {one["device"]: one["winner"] for one in done.json["load_order"]}
        self.assertEqual(winners, {CARD[0]: "pci-stub", CARD[1]: "pci-stub"})
        self.assert_status(done, 3)
        edit, command = done.json["refusals"][0]["remedy"]["steps"]
        self.assertEqual((edit["path"], edit["to"]), ("/etc/default/grub", 'GRUB_CMDLINE_LINUX="quiet"'))
        self.assertEqual(command["command"], ["update-grub"])


class Signatures(StubKernel):
    """A kernel that Secure Boot has locked down: what has no signature takes nothing."""

    def sign(self, root: Sysroot, *modules: str) -> None:
        """As the kernel's scripts/sign-file does: a PKCS#7 message behind the module, its length, and a magic word."""
        key, certificate = self.scratch / "key.pem", self.scratch / "certificate.pem"
        if not key.exists():
            request = ["req", "-new", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test", "-days", "3"]
            self.assert_status(run([tool("openssl"), *request, "-keyout", str(key), "-out", str(certificate)]), 0)
        for name in modules:
            path = root.path / "usr/lib/modules" / KERNELS[0] / "kernel" / f"{name}.ko"
            signature = self.scratch / "signature"
            words = ["cms", "-sign", "-binary", "-noattr", "-nocerts", "-outform", "DER", "-md", "sha256"]
            files = ["-signer", str(certificate), "-inkey", str(key), "-in", str(path), "-out", str(signature)]
            self.assert_status(run([tool("openssl"), *words, *files]), 0)
            message = signature.read_bytes()
            end = struct.pack(">BBBBB3xI", 0, 0, 2, 0, 0, len(message)) + b"~Module signature appended~\n"
            path.write_bytes(path.read_bytes() + message + end)

    def orders(self, root: Sysroot, *words: str) -> dict[str, Any]:
        done = root.run(*words, "--json")
        return {one["device"]: one for one in done.json["load_order"]}

    def test_the_next_claimant_gets_the_card(self) -> None:
        for number, (sysfs, line, signed, expected) in enumerate((
            ("none [integrity] confidentiality", "", ("nouveau", "snd_hda_intel", "vfio_pci"), "nouveau"),
            ("none [integrity] confidentiality", "", ("nvidia", "nouveau", "snd_hda_intel", "vfio_pci"), "nvidia"),
            ("[none] integrity confidentiality", "", ("nouveau", "vfio_pci"), "nvidia"),
            ("[none] integrity confidentiality", "module.sig_enforce=1", ("nouveau", "vfio_pci"), "nouveau"),
            ("[none] integrity confidentiality", "module.sig_enforce=0", ("nouveau", "vfio_pci"), "nvidia"),
            ("[none] integrity confidentiality", "lockdown=confidentiality", ("nouveau", "vfio_pci"), "nouveau"),
            # A kernel of one's own, that signs nothing, checks nothing.
            ("none [integrity] confidentiality", "", (), "nvidia"),
        )):  # fmt: skip
            with self.subTest(sysfs=sysfs, line=line, signed=signed):
                root = self.with_drivers("nvidia", "nouveau", to=f"root-{number}")
                self.sign(root, *signed)
                root.write("sys/kernel/security/lockdown", f"{sysfs}\n")
                menu = root.path / "boot/grub/grub.cfg"
                menu.write_text(menu.read_text().replace(" ro ", f" ro {line} "))
                order = self.orders(root, "status")[CARD[0]]
                self.assertEqual((order["winner"], order["proved"]), (expected, True))
                refused = [link["data"] for link in order["chain"] if link["cause"] == "module-unsigned"]
                self.assertEqual(refused, [{"module": "nvidia"}] if expected == "nouveau" else [])

    def test_vfio_pci_itself(self) -> None:
        root = self.with_drivers("nouveau")
        self.sign(root, "nouveau", "snd_hda_intel")
        root.write("sys/module/module/parameters/sig_enforce", "Y\n")
        order = self.orders(root, "plan", "enable")[CARD[0]]
        self.assertEqual((order["winner"], order["proved"]), ("nouveau", True))


class Booster(EarlyCase):
    """Its images have one configuration for its init, and modules without directories."""

    def image(self, force: str, options: str, *modules: str) -> dict[str, str]:
        config = f"moduledependencies:\n    vfio_pci:\n        - vfio_pci_core\n{force}{options}kernel: {KERNEL}\n"
        return {"etc/booster.init.yaml": config} | {f"usr/lib/modules/{name}.ko": "" for name in modules}

    def test_what_its_init_loads(self) -> None:
        force = "modulesforceload:\n    - vfio_pci\n    - ext4\n"
        given = f"modprobeoptions:\n    snd: x=1\n    vfio_pci: ids={IDS} disable_vga=1\n"
        for image, words, expected in (
            (self.image(force, given, "vfio_pci"), "", VFIO),
            (self.image(force, given), "", HOST),  # the module is not in it
            (self.image("", given, "vfio_pci"), "", HOST),
            (self.image(force, "", "vfio_pci"), "", HOST),  # built before there were ids
            (self.image(force, "", "vfio_pci"), f"vfio-pci.ids={IDS}", VFIO),
            (self.image(force, given, "vfio_pci", "nouveau"), "module_blacklist=nouveau", VFIO),
            # Everything at once.
            (self.image(force, given, "vfio_pci", "nouveau"), "", ("?", "vfio-pci")),
            (self.image("", "", "nouveau"), "", HOST),
        ):
            with self.subTest(image=image, words=words):
                root = self.root(words, image, [], "softdep nouveau pre: vfio-pci\n")
                for path in (root.path / "etc/modprobe.d").glob("*"):
                    path.unlink()
                self.check(expected, root)


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: GPL-3.0-or-later
"""The set-ups of boot_setups.py whose loader is systemd-boot, which reads entries as they are."""

from __future__ import annotations

import hashlib
import re
import shlex
import subprocess

from boot_roots import efi_variable, put
from boot_setups import KERNEL, ROOT, SUSE, SetUp
from boot_tools import Tool, install
from sysroot import MACHINE_ID


class KernelInstall(SetUp):
    """Debian with systemd-boot: 90-loaderentry.install of systemd 255."""

    ENTRY = f"boot/efi/loader/entries/{MACHINE_ID}-{KERNEL}.conf"
    settings = ("etc/kernel/cmdline", ENTRY)  # a later kernel's entry is made of the one, and this kernel's stays
    regenerate = (["kernel-install", "add", KERNEL, f"/boot/vmlinuz-{KERNEL}", f"/boot/initrd.img-{KERNEL}"],)

    def make(self) -> None:
        efi_variable(self.root, "LoaderInfo", "systemd-boot 257")
        self.root.write("etc/machine-id", f"{MACHINE_ID}\n")
        self.root.write("etc/kernel/cmdline", f"{ROOT} ro {self.words}\n")
        self.root.write("boot/efi/loader/loader.conf", "timeout 5\n")
        self.root.write("boot/efi/loader/entries.srel", "type1\n")
        install(self.root, "usr/bin/kernel-install")
        self.add(["add", KERNEL, f"/boot/vmlinuz-{KERNEL}", f"/boot/initrd.img-{KERNEL}"])

    def tools(self) -> dict[str, Tool]:
        return {"kernel-install": self.add}

    def add(self, arguments: list[str]) -> None:
        verb, release, kernel, *initrds = arguments
        directory = f"{MACHINE_ID}/{release}"
        put(self.root, f"boot/efi/{directory}/linux", (self.root.path / kernel[1:]).read_bytes())
        names = [one.rpartition("/")[2] for one in initrds]
        for name, source in zip(names, initrds):
            put(self.root, f"boot/efi/{directory}/{name}", (self.root.path / source[1:]).read_bytes())
        self.root.write(self.ENTRY, f"# Boot Loader Specification type#1 entry\ntitle      Debian GNU/Linux 12 (bookworm)\n"
                        f"version    {release}\nsort-key   debian\noptions    {self.template()} systemd.machine_id={MACHINE_ID}\n"
                        f"linux      /{directory}/linux\n" + "".join(f"initrd     /{directory}/{name}\n" for name in names))  # fmt: skip

    def lines(self) -> list[str]:
        return self.option_lines()


class ByHand(SetUp):
    """Entries of systemd-boot that a person wrote."""

    system = "arch"
    settings = ("boot/loader/entries/*.conf",)

    def make(self) -> None:
        efi_variable(self.root, "LoaderInfo", "systemd-boot 257")
        self.root.write("boot/loader/loader.conf", "default arch.conf\n")
        text = f"title Arch Linux\nlinux /vmlinuz-linux\ninitrd /initramfs-linux.img\noptions {ROOT} ro\noptions {self.words}\n"
        self.root.write("boot/loader/entries/arch.conf", text)
        self.root.write("boot/loader/entries/older.conf", text.replace("title Arch", "title Older").replace("options quiet", "options  quiet"))

    def lines(self) -> list[str]:
        return self.option_lines()


class SdbootManage(SetUp):
    """CachyOS: sdboot-manage and its configuration of CachyOS-PKGBUILDS (systemd-boot-manager, generate_entries)."""

    system = "arch"
    generated = ("boot/loader/entries/*.conf",)
    settings = ("etc/sdboot-manage.conf", "etc/sdboot-manage.conf.d/*.conf")
    drop_ins = True
    regenerate = (["sdboot-manage", "gen"],)

    def make(self) -> None:
        efi_variable(self.root, "LoaderInfo", "systemd-boot 257")
        self.root.write("etc/sdboot-manage.conf", f'# Config file for sdboot-manage\n\nLINUX_OPTIONS="{self.words}"\n'
                        '#LINUX_FALLBACK_OPTIONS=""\nREMOVE_EXISTING="no"\nOVERWRITE_EXISTING="yes"\n')  # fmt: skip
        self.root.write("boot/loader/loader.conf", "timeout 3\n")
        says = "for file in /usr/lib/sdboot-manage.conf.d/*.conf /etc/sdboot-manage.conf.d/*.conf; do\n"
        install(self.root, "usr/bin/sdboot-manage", says=says if self.drop_ins else "")
        self.generate(["gen"])

    def tools(self) -> dict[str, Tool]:
        return {"sdboot-manage": self.generate}

    def generate(self, arguments: list[str]) -> None:
        if arguments != ["gen"]:
            raise ValueError(arguments)
        files = [self.root.path / "etc/sdboot-manage.conf"]
        files += sorted((self.root.path / "etc/sdboot-manage.conf.d").glob("*.conf")) if self.drop_ins else []
        script = "".join(f". {shlex.quote(str(path))}\n" for path in files) + 'echo "$LINUX_OPTIONS"'
        options = subprocess.run(["bash", "-e", "-c", script], check=True, capture_output=True, text=True).stdout.rstrip("\n")
        text = f"title Linux\noptions {ROOT} rw {options}\nlinux /vmlinuz-linux\ninitrd /initramfs-linux.img\n"
        self.root.write("boot/loader/entries/linux.conf", text)

    def lines(self) -> list[str]:
        return self.option_lines()


class SdbootManageOld(SdbootManage):
    """The version before, which reads one file."""

    drop_ins = False


class Sdbootutil(SetUp):
    """openSUSE with systemd-boot: sdbootutil (create_boot_options, install_kernel, update_entry_conf)."""

    system = "fedora"
    ENTRY = f"boot/efi/loader/entries/opensuse-tumbleweed-{KERNEL}-1.conf"
    DIRECTORY = f"opensuse-tumbleweed/{KERNEL}"
    generated = (ENTRY,)
    settings = ("etc/kernel/cmdline",)
    regenerate = (["sdbootutil", "mkinitrd"], ["sdbootutil", "update-all-entries"])

    def make(self) -> None:
        efi_variable(self.root, "LoaderInfo", "systemd-boot 257")
        self.root.write("usr/lib/os-release", SUSE)
        self.root.write("etc/kernel/entry-token", "opensuse-tumbleweed\n")
        self.root.write("etc/kernel/cmdline", f"{ROOT} {self.words}\n")
        kernel = (self.root.path / f"boot/vmlinuz-{KERNEL}").read_bytes()
        put(self.root, f"boot/efi/{self.DIRECTORY}/linux-{'a' * 40}", kernel)
        self.root.write("boot/efi/loader/loader.conf", "timeout 5\n")
        install(self.root, "usr/bin/sdbootutil")
        initrd = (self.root.path / f"boot/initramfs-{KERNEL}.img").read_bytes()
        (self.root.path / f"boot/initramfs-{KERNEL}.img").unlink()
        self.add_kernel(initrd)

    def tools(self) -> dict[str, Tool]:
        return {"sdbootutil": self.sdbootutil}

    def sdbootutil(self, arguments: list[str]) -> None:
        if arguments in (["--no-reuse-initrd", "add-kernel", KERNEL], ["mkinitrd"]):
            self.add_kernel(self.initramfs())
        elif arguments == ["update-all-entries"]:
            text = re.sub(r"(?m)^options\s.*$", f"options    {self.options()}", self.root.read(self.ENTRY))
            self.root.write(self.ENTRY, text)
        else:
            raise ValueError(arguments)

    def options(self) -> str:
        return " ".join(line for line in self.root.read("etc/kernel/cmdline").splitlines() if not line.startswith("#"))

    def add_kernel(self, initrd: bytes) -> None:
        """The image is named after its bytes."""
        name = f"/{self.DIRECTORY}/initrd-{hashlib.sha1(initrd).hexdigest()}"
        put(self.root, f"boot/efi{name}", initrd)
        self.root.write(self.ENTRY, "# Boot Loader Specification type#1 entry\ntitle      openSUSE Tumbleweed\n"
                        f"version    1@{KERNEL}\noptions    {self.options()}\nlinux      /{self.DIRECTORY}/linux-{'a' * 40}\n"
                        f"initrd     {name}\n")  # fmt: skip

    def lines(self) -> list[str]:
        return self.option_lines()

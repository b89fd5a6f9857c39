# SPDX-License-Identifier: GPL-3.0-or-later
"""How kernels get their command lines, one set-up for each tool or habit: its files, and what its tools do.

The tools are stand-ins: they write what the real ones write into the files that decide about command lines. What each
was compared with stands at its class.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from typing import Sequence

from boot_roots import arch_image, put
from boot_tools import Tool, install
from helper import VFIO_CONF, Sysroot
from sysroot import MACHINE_ID, UUID, fedora_entry, fedora_menu, grub_environment, grub_menu

KERNEL = "6.1.0-56-amd64"
ROOT = f"root=UUID={UUID}"
SUSE = 'ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\nPRETTY_NAME="openSUSE Tumbleweed"\n'


class SetUp:
    """One of them in a root; `words` are on its kernels' command line beside the usual ones."""

    system = "debian"
    settings: tuple[str, ...] = ()  # files that decide, and no tool makes
    generated: tuple[str, ...] = ()  # globs of what a tool writes, or the boot loader itself

    regenerate: tuple[list[str], ...] = ()  # what an upgrade of the kernel runs

    def __init__(self, root: Sysroot, words: str) -> None:
        self.root = root
        self.words = f"quiet {words}".strip()
        self.make()

    def make(self) -> None:
        raise NotImplementedError

    def tools(self) -> dict[str, Tool]:
        return {}

    def lines(self) -> list[str]:
        """The command line of every usual entry, the default one first."""
        raise NotImplementedError

    def matching(self, globs: Sequence[str]) -> dict[str, bytes]:
        paths = sorted(path for glob in globs for path in self.root.path.glob(glob) if path.is_file())
        return {str(path.relative_to(self.root.path)): path.read_bytes() for path in paths}

    def shut_down(self) -> None:
        """What a tool has left to do at the end of this boot."""

    def initramfs(self) -> bytes:
        """An initramfs as mkinitcpio builds it: with our configuration, where there is one."""
        ours = [VFIO_CONF] if self.root.exists(VFIO_CONF) else []
        return arch_image(self.root, KERNEL, [], ours, ["vfio_pci"] if ours else [])

    def build_image(self, image: str) -> None:
        put(self.root, image, self.initramfs())

    def option_lines(self, *entries: str) -> list[str]:
        """Of entries of the Boot Loader Specification."""
        texts = [self.root.read(name) for name in (entries or self.matching(self.generated + self.settings))
                 if name.endswith(".conf") and "/loader" in name and "/entries/" in name]  # fmt: skip
        return [" ".join(re.findall(r"(?m)^options\s+(.*)$", text)) for text in texts]

    def template(self) -> str:
        return self.root.read("etc/kernel/cmdline").strip()


class GrubDebian(SetUp):
    """update-grub, grub-mkconfig and 10_linux of Debian 12's GRUB: BOOT.md, "grub.cfg"."""

    settings = ("etc/default/grub", "etc/default/grub.d/*.cfg")
    generated = ("boot/grub/grub.cfg",)
    title, output, drop_ins = "Debian GNU/Linux", "boot/grub/grub.cfg", True
    regenerate = (["update-grub"],)
    program, kernel, image = "usr/sbin/grub-mkconfig", f"/boot/vmlinuz-{KERNEL}", f"/boot/initrd.img-{KERNEL}"

    def make(self) -> None:
        self.root.write("etc/default/grub", "# If you change this file, run 'update-grub' afterwards.\nGRUB_DEFAULT=0\n"
                        f'GRUB_CMDLINE_LINUX_DEFAULT="{self.words}"\nGRUB_CMDLINE_LINUX=""\n')  # fmt: skip
        says = "for x in ${sysconfdir}/default/grub.d/*.cfg ; do\n" if self.drop_ins else ""
        install(self.root, self.program, says=says)
        if self.drop_ins:
            install(self.root, "usr/sbin/update-grub")
        self.generate([])

    def tools(self) -> dict[str, Tool]:
        return {self.program.rpartition("/")[2]: self.generate, "update-grub": self.generate}

    def generate(self, arguments: list[str]) -> None:
        if arguments not in ([], ["-o", f"/{self.output}"]):
            raise ValueError(arguments)
        files = [self.root.path / "etc/default/grub"]
        files += sorted((self.root.path / "etc/default/grub.d").glob("*.cfg")) if self.drop_ins else []
        script = "".join(f". {shlex.quote(str(path))}\n" for path in files)
        script += 'echo "$GRUB_CMDLINE_LINUX"; echo "$GRUB_CMDLINE_LINUX_DEFAULT"'
        done = subprocess.run(["sh", "-e", "-c", script], check=True, capture_output=True, text=True)
        always, usual = done.stdout.splitlines()
        line = f"{ROOT} ro {always} {usual}".rstrip()
        menu = grub_menu([(KERNEL, self.kernel, self.image)], self.title, line)
        self.root.write(self.output, menu.replace(f"{line} single", f"{ROOT} ro single {always}"))

    def lines(self) -> list[str]:
        found = re.findall(r"(?m)^\s*linux\s+\S+ (.*)$", self.root.read(self.output))
        return [line for line in found if " single" not in line]


class GrubArch(GrubDebian):
    """grub-mkconfig of Arch Linux, which sources one file."""

    system = "arch"
    title, drop_ins, program = "Arch Linux", False, "usr/bin/grub-mkconfig"
    regenerate = (["grub-mkconfig", "-o", "/boot/grub/grub.cfg"],)
    kernel, image = "/boot/vmlinuz-linux", "/boot/initramfs-linux.img"


class GrubOpenSuse(GrubDebian):
    """grub2-mkconfig of openSUSE."""

    system = "fedora"
    generated = ("boot/grub2/grub.cfg",)
    title, output, drop_ins = "openSUSE Tumbleweed", "boot/grub2/grub.cfg", False
    program, image = "usr/sbin/grub2-mkconfig", f"/boot/initrd-{KERNEL}"
    regenerate = (["grub2-mkconfig", "-o", "/boot/grub2/grub.cfg"],)

    def make(self) -> None:
        self.root.write("usr/lib/os-release", SUSE)
        shutil.move(self.root.path / f"boot/initramfs-{KERNEL}.img", self.root.path / self.image[1:])
        super().make()


class Grubby(SetUp):
    """Fedora: grubby-bls of fedora-riscv/grubby (update_bls_fragment), which changes entries and both their sources."""

    system = "fedora"
    generated = ("boot/loader/entries/*.conf", "boot/grub2/grub.cfg")
    settings = ("etc/default/grub", "etc/kernel/cmdline")

    def make(self) -> None:
        line = f"{ROOT} ro {self.words}"
        self.root.write("etc/default/grub", f'GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX="{self.words}"\nGRUB_ENABLE_BLSCFG=true\n')
        self.root.write("etc/kernel/cmdline", f"{line}\n")
        self.root.write("etc/machine-id", f"{MACHINE_ID}\n")
        self.root.write("boot/grub2/grub.cfg", fedora_menu())
        put(self.root, "boot/grub2/grubenv", grub_environment(boot_success="1"))
        self.root.write(f"boot/loader/entries/{MACHINE_ID}-{KERNEL}.conf", fedora_entry(KERNEL, line))
        install(self.root, "usr/sbin/grubby")

    def tools(self) -> dict[str, Tool]:
        return {"grubby": self.grubby}

    def grubby(self, arguments: list[str]) -> None:
        given = dict(argument.split("=", 1) for argument in arguments)
        if given.pop("--update-kernel") != "ALL" or set(given) - {"--args", "--remove-args"}:
            raise ValueError(arguments)

        def changed(line: str) -> str:
            for word in given.get("--remove-args", "").split():
                with_value = word if "=" in word else rf"{word}(=\S*)?"
                line = re.sub(rf"(^|\s){with_value}(?=\s|$)", " ", line)
            for word in given.get("--args", "").split():
                line = re.sub(rf"(^|\s){word.partition('=')[0]}(=\S*)?(?=\s|$)", " ", line) + f" {word}"
            return " ".join(line.split())

        for name in self.matching(["boot/loader/entries/*.conf"]):
            text = re.sub(r"(?m)^options (.*)$", lambda found: f"options {changed(found[1])}", self.root.read(name))
            self.root.write(name, text)
        settings = self.root.read("etc/default/grub")
        value = re.search(r'(?m)^GRUB_CMDLINE_LINUX="(.*)"$', settings)[1]  # type: ignore[index]
        self.root.write("etc/default/grub", re.sub(r"(?m)^GRUB_CMDLINE_LINUX.*$", f'GRUB_CMDLINE_LINUX="{changed(value)}"', settings))
        self.root.write("etc/kernel/cmdline", f"{changed(self.template())}\n")

    def lines(self) -> list[str]:
        return self.option_lines()

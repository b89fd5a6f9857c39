# SPDX-License-Identifier: GPL-3.0-or-later
"""The rest of the set-ups: unified images, Limine, copies on other partitions, deployments; and the table of all."""

from __future__ import annotations

import json
import os
import re
import shutil

from boot_roots import efi_variable, put, unified_image
from boot_setups import KERNEL, ROOT, GrubArch, GrubDebian, GrubOpenSuse, Grubby, SetUp
from boot_tools import Tool, install
from entry_setups import ByHand, KernelInstall, Sdbootutil, SdbootManage, SdbootManageOld
from sysroot import MACHINE_ID, kernel_image


class Unified(SetUp):
    """Unified images that mkinitcpio builds: the preset's `default_uki`, with /etc/kernel/cmdline (BOOT.md, "UKI")."""

    system = "arch"
    IMAGE = "efi/EFI/Linux/arch-linux.efi"
    generated = (IMAGE,)
    settings = ("etc/kernel/cmdline",)
    regenerate = (["mkinitcpio", "-P"],)

    def make(self) -> None:
        efi_variable(self.root, "LoaderInfo", "systemd-boot 257")
        efi_variable(self.root, "StubInfo", "systemd-stub 257")
        self.root.write("etc/kernel/cmdline", f"{ROOT} ro {self.words}\n")
        self.root.write("efi/loader/loader.conf", "timeout 5\n")
        for path in [*(self.root.path / "boot").glob("init*"), *(self.root.path / "boot").glob("vmlinuz*")]:
            path.unlink()
        self.builder()
        self.build(self.IMAGE)

    def builder(self) -> None:
        self.root.write("etc/mkinitcpio.d/linux.preset", f"PRESETS=('default')\nALL_kver='/usr/lib/modules/{KERNEL}/vmlinuz'\n"
                        f"default_uki='/{self.IMAGE}'\n")  # fmt: skip
        install(self.root, "usr/bin/mkinitcpio")

    def tools(self) -> dict[str, Tool]:
        return {"mkinitcpio": self.mkinitcpio}

    def mkinitcpio(self, arguments: list[str]) -> None:
        self.build(arguments[arguments.index("-U") + 1][1:] if "-U" in arguments else self.IMAGE)

    def build(self, image: str) -> None:
        put(self.root, image, unified_image(KERNEL, self.template(), self.initramfs()))

    def lines(self) -> list[str]:
        image = (self.root.path / self.IMAGE).read_bytes()
        return [re.search(rb"root=UUID=[ -~]*", image)[0].decode()]  # type: ignore[index]


class UnifiedDracut(Unified):
    """The same by kernel-install, whose 50-dracut.install passes /etc/kernel/cmdline on."""

    system = "fedora"
    IMAGE = f"efi/EFI/Linux/{MACHINE_ID}-{KERNEL}.efi"
    generated = (IMAGE,)
    regenerate = (["kernel-install", "add", KERNEL, f"/usr/lib/modules/{KERNEL}/vmlinuz"],)

    def builder(self) -> None:
        self.root.write("etc/machine-id", f"{MACHINE_ID}\n")
        install(self.root, "usr/bin/kernel-install")

    def tools(self) -> dict[str, Tool]:
        return {"kernel-install": lambda arguments: self.build(self.IMAGE)}


class UnifiedSigned(Unified):
    """Secure Boot is on, so that the command line cannot be changed but by who signs the image."""

    def make(self) -> None:
        super().make()
        put(self.root, "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", b"\6\0\0\0\1")


class Limine(SetUp):
    """limine.conf as a person wrote it."""

    system = "arch"
    settings = ("boot/limine.conf",)

    def make(self) -> None:
        efi_variable(self.root, "LoaderInfo", "Limine 10.3.0")
        self.root.write("boot/limine.conf", "timeout: 5\n" + self.entry("Arch Linux", f"{ROOT} rw {self.words}"))

    def entry(self, title: str, line: str) -> str:
        return (f"\n/{title}\n    protocol: linux\n    path: boot():/vmlinuz-linux\n    cmdline: {line}\n"
                "    module_path: boot():/initramfs-linux.img\n")  # fmt: skip

    def lines(self) -> list[str]:
        return re.findall(r"(?m)^\s*cmdline: (.*)$", self.root.read("boot/limine.conf"))


class LimineEntryTool(Limine):
    """limine-entry-tool with limine-mkinitcpio: the rules of limine-entry-tool.conf (BOOT.md, "Limine")."""

    generated = ("boot/limine.conf",)
    settings = ("etc/default/limine", "etc/limine-entry-tool.d/*.conf")
    regenerate = (["limine-mkinitcpio"],)
    assignment = "+="

    def make(self) -> None:
        efi_variable(self.root, "LoaderInfo", "Limine 10.3.0")
        self.root.write("etc/default/limine", f'ESP_PATH="/boot"\nKERNEL_CMDLINE[default]{self.assignment}"{ROOT} rw {self.words}"\n')
        install(self.root, "usr/bin/limine-entry-tool", "usr/bin/limine-mkinitcpio")
        self.generate([])

    def tools(self) -> dict[str, Tool]:
        return {"limine-mkinitcpio": self.generate}

    def generate(self, arguments: list[str]) -> None:
        if arguments:
            raise ValueError(arguments)
        line = ""
        drop_ins = sorted((self.root.path / "etc/limine-entry-tool.d").glob("*.conf"))
        for path in [*drop_ins, self.root.path / "etc/default/limine"]:
            for plus, value in re.findall(r'(?m)^KERNEL_CMDLINE\[default\](\+?)="(.*)"$', path.read_text()):
                line = (line if plus else "") + value
        self.root.write("boot/limine.conf", f"timeout: 5\n{self.entry('Arch Linux', line.strip())}")
        self.build_image("boot/initramfs-linux.img")


class LimineReplacing(LimineEntryTool):
    """The same where /etc/default/limine replaces what drop-ins say."""

    assignment = "="


class Kernelstub(SetUp):
    """Pop!_OS: pop-os/kernelstub (application.py, installer.py, config.py)."""

    CONFIG = "etc/kernelstub/configuration"
    ENTRY = "boot/efi/loader/entries/Pop_OS-current.conf"
    generated = (ENTRY,)
    regenerate = (["kernelstub"],)

    def make(self) -> None:
        efi_variable(self.root, "LoaderInfo", "systemd-boot 252")
        user = {"kernel_options": self.words.split(), "esp_path": "/boot/efi", "setup_loader": True, "manage_mode": True,
                "force_update": False, "live_mode": False, "config_rev": 3}  # fmt: skip
        self.root.write(self.CONFIG, json.dumps({"default": user, "user": user}, indent=2))
        self.root.write("boot/efi/loader/loader.conf", "default Pop_OS-current\n")
        install(self.root, "usr/bin/kernelstub")
        self.kernelstub([])

    def tools(self) -> dict[str, Tool]:
        return {"kernelstub": self.kernelstub}

    def kernelstub(self, arguments: list[str]) -> None:
        config = json.loads(self.root.read(self.CONFIG))
        options = config["user"]["kernel_options"]
        for option, value in zip(arguments[::2], arguments[1::2]):
            if option in ("-a", "--add-options"):
                options += [word for word in value.split() if word not in options]
            elif option in ("-d", "--delete-options"):  # a set: their order is lost
                options = sorted(set(options) - set(value.split()))
            else:
                raise ValueError(arguments)
        config["user"]["kernel_options"] = options
        directory = f"EFI/Pop_OS-{ROOT[10:]}"
        for source, target in ((f"boot/vmlinuz-{KERNEL}", "vmlinuz.efi"), (f"boot/initrd.img-{KERNEL}", "initrd.img")):
            put(self.root, f"boot/efi/{directory}/{target}", (self.root.path / source).read_bytes())
        self.root.write(self.ENTRY, f"title Pop!_OS\nlinux /{directory}/vmlinuz.efi\ninitrd /{directory}/initrd.img\n"
                        f"options {ROOT} ro {' '.join(options)}\n")  # fmt: skip
        self.root.write(self.CONFIG, json.dumps(config, indent=2))

    def lines(self) -> list[str]:
        return self.option_lines()


class Proxmox(SetUp):
    """Proxmox VE on ZFS: zz-proxmox-boot of jiangcuo/proxmox-kernel-helper. Its ESP is mounted by the tool alone."""

    settings = ("etc/kernel/cmdline",)
    regenerate = (["proxmox-boot-tool", "refresh"],)

    def make(self) -> None:
        efi_variable(self.root, "LoaderInfo", "systemd-boot 252")
        self.root.write("etc/kernel/proxmox-boot-uuids", "A1B2-C3D4\n")
        self.root.write("etc/kernel/cmdline", f"root=ZFS=rpool/ROOT/pve-1 boot=zfs {self.words}\n")
        install(self.root, "usr/sbin/proxmox-boot-tool")
        self.refresh(["refresh"])

    def tools(self) -> dict[str, Tool]:
        return {"proxmox-boot-tool": self.refresh}

    def refresh(self, arguments: list[str]) -> None:
        first = self.root.read("etc/kernel/cmdline").splitlines()[0]
        if arguments != ["refresh"] or "root=" not in first:
            raise ValueError(arguments, first)
        self.entry = f"title    Proxmox Virtual Environment\nversion  {KERNEL}\noptions  {first}\n"

    def lines(self) -> list[str]:
        return re.findall(r"(?m)^options  (.*)$", self.entry)


class RpmOstree(SetUp):
    """Fedora Silverblue: rpm-ostree kargs makes a new deployment, whose entry comes first; the one before stays."""

    system = "fedora"
    generated = ("boot/loader/entries/*.conf", "boot/loader.*/entries/*.conf")
    BOOT = "boot/ostree/fedora-" + "0" * 64

    def make(self) -> None:
        for path in (self.root.path / "boot").iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        put(self.root, f"{self.BOOT}/vmlinuz-{KERNEL}", kernel_image(KERNEL))
        self.build_image(f"{self.BOOT}/initramfs-{KERNEL}.img")
        self.root.write("boot/grub2/grub.cfg", "blscfg\n")
        self.root.write("run/ostree-booted", "")
        (self.root.path / "boot/loader").symlink_to("loader.0")
        self.deploy([f"{ROOT} rw {self.words} ostree=/ostree/boot.1/fedora/{'0' * 64}/0"])
        install(self.root, "usr/bin/rpm-ostree")

    def tools(self) -> dict[str, Tool]:
        return {"rpm-ostree": self.kargs}

    def deploy(self, lines: list[str]) -> None:
        """Entries of the directory that is not in use; then the link leads there."""
        last = os.readlink(self.root.path / "boot/loader")
        now = "loader.1" if last == "loader.0" else "loader.0"
        shutil.rmtree(self.root.path / "boot" / now, ignore_errors=True)
        for number, line in zip(range(len(lines), 0, -1), lines):
            line = re.sub(r"ostree=/ostree/boot\.[01]", f"ostree=/ostree/boot.{now[-1]}", line)
            self.root.write(f"boot/{now}/entries/ostree-{number}.conf",
                            f"title Fedora Linux 42 (ostree:{len(lines) - number})\nversion {number}\noptions {line}\n"
                            f"linux /{self.BOOT[5:]}/vmlinuz-{KERNEL}\ninitrd /{self.BOOT[5:]}/initramfs-{KERNEL}.img\n")  # fmt: skip
        (self.root.path / "boot/loader").unlink()
        (self.root.path / "boot/loader").symlink_to(now)

    def kargs(self, arguments: list[str]) -> None:
        verb, *changes = arguments
        if verb == "initramfs":
            return self.build_image(f"{self.BOOT}/initramfs-{KERNEL}.img")
        if verb != "kargs":
            raise ValueError(arguments)
        before = self.deployments()
        words = before[0].split()
        for change in changes:
            option, word = change.split("=", 1)
            if option == "--append-if-missing" and word not in words:
                words.append(word)
            elif option == "--delete-if-present" and word in words:
                words.remove(word)
            elif option not in ("--append-if-missing", "--delete-if-present"):
                raise ValueError(arguments)
        if words != before[0].split():
            self.deploy([" ".join(words), before[0]])

    def deployments(self) -> list[str]:
        names = sorted((self.root.path / "boot/loader/entries").iterdir(), reverse=True)
        return [re.findall(r"(?m)^options (.*)$", path.read_text())[0] for path in names]

    def lines(self) -> list[str]:
        return self.deployments()[:1]


class Refind(SetUp):
    """rEFInd with refind_linux.conf beside the kernel."""

    system = "arch"
    settings = ("boot/refind_linux.conf",)

    def make(self) -> None:
        efi_variable(self.root, "LoaderInfo", "rEFInd 0.14.2")
        self.root.write("boot/refind_linux.conf", f'"Boot with standard options" "{ROOT} ro {self.words} initrd=boot\\initramfs-linux.img"\n'
                        f'"Boot to single-user mode" "{ROOT} ro single"\n')  # fmt: skip
        self.root.write("boot/EFI/refind/refind.conf", "timeout 20\n")

    def lines(self) -> list[str]:
        return re.findall(r'(?m)^"Boot with .*" "(.*)"$', self.root.read("boot/refind_linux.conf"))


class NoLoader(SetUp):
    """A kernel that somebody starts in a way that nothing tells of."""

    def make(self) -> None:
        self.started_with = f"{ROOT} ro {self.words}"

    def lines(self) -> list[str]:
        return [self.started_with]


ALL: tuple[type[SetUp], ...] = (
    GrubDebian, GrubArch, GrubOpenSuse, Grubby, KernelInstall, ByHand, SdbootManage, SdbootManageOld, Sdbootutil, Unified, UnifiedDracut,
    UnifiedSigned, Limine, LimineEntryTool, LimineReplacing, Kernelstub, Proxmox, RpmOstree, Refind, NoLoader,
)  # fmt: skip

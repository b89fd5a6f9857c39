# SPDX-License-Identifier: GPL-3.0-or-later
"""Boot menus and initramfs images for sysroots: what boot loaders read, and images that hold drivers."""

from __future__ import annotations

import shutil
import struct
from typing import Any, Sequence

from helper import DESKTOP, KERNELS, Sysroot, SysrootCase
from sysroot import UUID, kernel_image

LINE = f"root=UUID={UUID} ro quiet"


def archive(files: dict[str, bytes]) -> bytes:
    """A cpio archive (newc) with the directories that the files need."""
    names: dict[str, bytes | None] = {}
    for name in sorted(files):
        parts = name.split("/")
        for end in range(1, len(parts)):
            names.setdefault("/".join(parts[:end]), None)
        names[name] = files[name]
    data = b""
    for inode, (name, content) in enumerate([*names.items(), ("TRAILER!!!", b"")]):
        mode = 0o40755 if content is None else 0o100644
        size = len(content or b"")
        fields = (inode + 1, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, len(name) + 1, 0)
        entry = b"070701" + "".join(f"{value:08X}" for value in fields).encode() + name.encode() + b"\0"
        data += entry + bytes(-len(entry) % 4) + (content or b"") + bytes(-size % 4)
    return data + bytes(-len(data) % 512)


def module_files(root: Sysroot, kernel: str, modules: Sequence[str]) -> dict[str, bytes]:
    """The modules with what they need, and the kernel's indices."""
    tree = root.path / "usr/lib/modules" / kernel
    files = {f"lib/modules/{kernel}/{path.name}": path.read_bytes() for path in tree.glob("modules.*")}
    needed = {}
    for line in (tree / "modules.dep").read_text().splitlines():
        path, _, rest = line.partition(":")
        needed[path.rpartition("/")[2].partition(".ko")[0].replace("-", "_")] = [path, *rest.split()]
    for module in modules:
        for path in needed[module]:
            files[f"lib/modules/{kernel}/{path}"] = b""
    return files


def debian_image(root: Sysroot, kernel: str, modules: Sequence[str] = (), config: Sequence[str] = ()) -> bytes:
    """An image as mkinitramfs makes it: udev first, then conf/modules, which names nothing."""
    files = module_files(root, kernel, modules)
    files |= {"scripts/functions": b"", "scripts/init-top/udev": b"", "conf/modules": b""}
    files |= {name: (root.path / name).read_bytes() for name in config}
    return archive(files)


def arch_image(
    root: Sysroot, kernel: str, modules: Sequence[str] = (), config: Sequence[str] = (), early: Sequence[str] = ()
) -> bytes:
    """An image as mkinitcpio makes it with busybox: MODULES, then udev."""
    files = module_files(root, kernel, [*modules, *early])
    files["config"] = f'MODULES="{" ".join(early)}"\nEARLYHOOKS=""\nHOOKS="udev"\n'.encode()
    files |= {name: (root.path / name).read_bytes() for name in config}
    return archive(files)


def unified_image(kernel: str, line: str, initrd: bytes) -> bytes:
    """A unified kernel image: a PE program with the sections that systemd-stub reads."""
    sections = {
        ".osrel": b'ID=arch\nNAME="Arch Linux"\nPRETTY_NAME="Arch Linux"\n',
        ".uname": kernel.encode(),
        ".cmdline": line.encode(),
        ".linux": kernel_image(kernel),
        ".initrd": initrd,
    }
    optional = 240
    head = 0x80 + 24 + optional + 40 * len(sections)
    at = -(-head // 512) * 512
    table, body = b"", b""
    for name, content in sections.items():
        stored = -(-len(content) // 512) * 512
        table += struct.pack(
            "<8sIIIIIIHHI", name.encode(), len(content), at + len(body), stored, at + len(body), 0, 0, 0, 0, 0x40000040
        )
        body += content.ljust(stored, b"\0")
    stub = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x80)
    coff = struct.pack("<4sHHIIIHH", b"PE\0\0", 0x8664, len(sections), 0, 0, 0, optional, 0x22)
    header = stub.ljust(0x80, b"\0") + coff + struct.pack("<H", 0x20B).ljust(optional, b"\0") + table
    return header.ljust(at, b"\0") + body


def put(root: Sysroot, name: str, content: bytes) -> None:
    path = root.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def no_menu(root: Sysroot) -> None:
    for name in ("grub", "grub2"):
        shutil.rmtree(root.path / "boot" / name, ignore_errors=True)


def efi_variable(root: Sysroot, name: str, text: str) -> None:
    """One in which a boot loader says something of itself."""
    guid = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
    put(root, f"sys/firmware/efi/efivars/{name}-{guid}", b"\6\0\0\0" + text.encode("utf-16-le") + b"\0\0")


def systemd_boot(root: Sysroot, partition: str, **entries: str) -> None:
    """systemd-boot's menu on `partition` in place of GRUB's; the first entry is the default."""
    no_menu(root)
    efi_variable(root, "LoaderInfo", "systemd-boot 257")
    root.write(f"{partition}/loader/loader.conf", f"default {next(iter(entries))}.conf\ntimeout 5\n")
    for name, text in entries.items():
        root.write(f"{partition}/loader/entries/{name}.conf", text)


def winners(entry: dict[str, Any]) -> dict[str, Any]:
    """The driver of each function, where it is proved."""
    return {one["device"]: one["winner"] if one["proved"] else "?" for one in entry["functions"]}


class MenuCase(SysrootCase):
    def status(self, root: Sysroot) -> Any:
        done = root.run("status", "--json")
        self.assert_status(done, 0)
        return done.json

    def plan(self, root: Sysroot, status: int = 0) -> Any:
        done = root.run("plan", "enable", "--json")
        self.assert_status(done, status)
        return done.json

    def rebuilds(self, root: Sysroot) -> list[tuple[str, str]]:
        changes = self.plan(root)["changes"]
        return [(change["kernel"], change["path"]) for change in changes if change["kind"] == "rebuild-initramfs"]

    def codes(self, answer: Any) -> list[str]:
        return [note["code"] for note in answer["note_details"]]

    def arch(self, *kernels: str) -> Sysroot:
        words = [word for kernel in kernels or KERNELS[1:] for word in ("--kernel", kernel)]
        root = self.machine(DESKTOP, "--os", "arch", *words)
        root.write("usr/lib/initcpio/install/vfio-switch", "build() {\n    :\n}\n")
        return root

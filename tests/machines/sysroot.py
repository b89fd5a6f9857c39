# SPDX-License-Identifier: GPL-3.0-or-later
"""A root file system that looks like one of the real machines: /sys, /proc/cmdline, kernels, /etc."""

from __future__ import annotations

import argparse
import functools
import gzip
import hashlib
import os
import re
import struct
import sys
import tarfile
from pathlib import Path
from typing import Optional, Union

import module_trees
from machine import KMS_DRIVERS, Function, Machine, MachineError, load, variants
from module_trees import TIME

HERE = Path(__file__).resolve().parent
KERNELS = HERE / "kernels"
DEFAULT_KERNEL = "6.1.0-56-amd64"
UUID = "9f6bd5c1-7a57-4a5e-8f53-2f6ea1c05a11"
MACHINE_ID = "5f0c6f1e5bd44b6c9d3a2f7e8b1c4d60"
# Drivers whose module has another name; None where the driver is built into Debian's kernels.
MODULE_OF_DRIVER = {
    "pcieport": None, "skl_uncore": "intel_uncore", "xhci_hcd": "xhci_pci", "intel-lpss": "intel_lpss_pci",
    "i801_smbus": "i2c_i801", "proc_thermal": "processor_thermal_device", "rtw_8822be": "rtw88_8822be",
}  # fmt: skip

MERGED_USR = {
    "debian": {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"},
    "arch": {"bin": "usr/bin", "sbin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib", "usr/sbin": "bin"},
    "fedora": {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"},
}
DIRECTORIES = [
    "boot", "dev", "etc/modprobe.d", "etc/modules-load.d", "proc", "run", "sys/class", "tmp", "usr/bin",
    "usr/lib/modprobe.d", "usr/lib/modules", "usr/lib64", "var/lib",
]  # fmt: skip
DIRECTORIES_OF_OS = {
    "debian": ["usr/sbin", "etc/initramfs-tools/conf.d", "etc/initramfs-tools/hooks", "etc/initramfs-tools/scripts"],
    "arch": ["etc/mkinitcpio.conf.d", "usr/lib/initcpio/install", "usr/lib/initcpio/hooks"],
    "fedora": ["usr/sbin", "etc/dracut.conf.d", "usr/lib/dracut/dracut.conf.d", "boot/loader/entries"],
}


class Root:
    """A directory that is filled with files, directories and links inside it."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.made: set[str] = set()

    def directory(self, name: str) -> None:
        if name not in self.made:
            os.makedirs(f"{self.path}/{name}", exist_ok=True)
            self.made.add(name)

    def file(self, name: str, content: Union[str, bytes] = b"", mode: int = 0o644) -> None:
        self.directory(os.path.dirname(name))
        data = content.encode() if isinstance(content, str) else content
        descriptor = os.open(f"{self.path}/{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        os.write(descriptor, data)
        os.close(descriptor)

    def link(self, name: str, target: str) -> None:
        """A relative link at `name` to `target`; both are paths in the root."""
        self.directory(os.path.dirname(name))
        os.symlink(os.path.relpath(target, os.path.dirname(name)), f"{self.path}/{name}")

    def settle(self) -> None:
        """Fixed times everywhere; a kernel's modules have them already."""
        for where, directories, files in os.walk(self.path):
            for name in files + directories:
                os.utime(f"{where}/{name}", (TIME, TIME), follow_symlinks=False)
            if os.path.dirname(where).endswith("/usr/lib/modules") and "kernel" in directories:
                directories.remove("kernel")
        os.utime(self.path, (TIME, TIME))


def config_space(function: Function, machine: Machine) -> bytes:
    """The standard header of the configuration space: what lspci reads."""
    f = function
    shared = any(o is not f and (o.bus, o.slot[0]) == (f.bus, f.slot[0]) for o in machine.functions)
    kind = (1 if f.is_bridge else 0) | (0x80 if shared else 0)
    header = struct.pack(
        "<HHHHB3sBBBB", f.vendor, f.device, 0x0007, 0, f.revision, f.class_code.to_bytes(3, "little"), 0, 0, kind, 0
    )
    if f.is_bridge:
        below = machine.topology.secondary(f)
        header = header.ljust(0x18, b"\0") + bytes([f.bus[1], below, machine.topology.subordinate.get(f.address, below)])
    else:
        header = header.ljust(0x2C, b"\0") + struct.pack("<HH", f.subvendor, f.subdevice)
    return header.ljust(64, b"\0")


def acpi_table(signature: str) -> bytes:
    """An ACPI table of the right shape (header and checksum) with nothing useful in it."""
    names = (b"VFIOSW", b"MACHINE ", 1, b"TEST", 1)
    table = bytearray(struct.pack("<4sIBB6s8sI4sI12x", signature.encode(), 48, 1, 0, *names))
    table[9] = -sum(table) & 0xFF
    return bytes(table)


def write_function(root: Root, machine: Machine, function: Function, where: str, boot_vga: Optional[str]) -> None:
    """One PCI function: its directory, the attributes, and the links to and from it."""
    root.link(f"sys/bus/pci/devices/{function.address}", where)
    attributes = {
        "vendor": f"0x{function.vendor:04x}", "device": f"0x{function.device:04x}",
        "subsystem_vendor": f"0x{function.subvendor:04x}", "subsystem_device": f"0x{function.subdevice:04x}",
        "class": f"0x{function.class_code:06x}", "revision": f"0x{function.revision:02x}",
        "modalias": function.modalias, "driver_override": "(null)",
        "enable": "1" if function.driver else "0", "irq": "0",
    }  # fmt: skip
    if function.is_vga:
        attributes["boot_vga"] = "1" if function.address == boot_vga else "0"
    if machine.recorded and function.address in machine.recorded.reset_methods:
        attributes["reset_method"] = machine.recorded.reset_methods[function.address]
    for name, value in attributes.items():
        root.file(f"{where}/{name}", value + "\n")
    root.file(f"{where}/resource", "0x0000000000000000 0x0000000000000000 0x0000000000000000\n" * 13)
    root.file(f"{where}/config", config_space(function, machine))
    root.link(f"{where}/subsystem", "sys/bus/pci")

    if function.driver:
        driver = f"sys/bus/pci/drivers/{function.driver}"
        root.link(f"{where}/driver", driver)
        root.link(f"{driver}/{function.address}", where)
        module = MODULE_OF_DRIVER.get(function.driver, function.driver.replace("-", "_"))
        if machine.recorded:
            module = function.module
        if module and not os.path.lexists(f"{root.path}/{driver}/module"):
            root.directory(f"sys/module/{module}")
            root.link(f"{driver}/module", f"sys/module/{module}")
    if function.group is not None:
        group = f"sys/kernel/iommu_groups/{function.group}"
        root.link(f"{where}/iommu_group", group)
        root.link(f"{group}/devices/{function.address}", where)
        root.file(f"{group}/type", "DMA-FQ\n")
    if function.address in machine.virtual_functions:
        # The listing shows no physical function: only the link's target is there, on no bus.
        # A recorded one does.
        physical = f"{os.path.dirname(where)}/{machine.virtual_functions[function.address]}"
        root.directory(physical)
        root.link(f"{where}/physfn", physical)


def by_boot_display(function: Function, boot_vga: Optional[str]) -> bool:
    """Whether it drove the display at boot and only its DRM card says so (Linux, drivers/gpu/drm/drm_sysfs.c)."""
    return function.address == boot_vga and not function.is_vga


def write_displays(root: Root, machine: Machine, places: dict[str, str], boot_vga: Optional[str]) -> None:
    """/sys/class/drm. Where the overlay names no connectors, the boot display's one is connected."""
    displays = [f for f in machine.functions if f.is_display and f.driver in KMS_DRIVERS]
    if machine.recorded:
        displays = [f for f in machine.functions if machine.connectors.get(f.address) or by_boot_display(f, boot_vga)]
    for number, function in enumerate(displays):
        usual = {"HDMI-A-1": "connected" if function.address == boot_vga else "disconnected"} if function.is_vga else {}
        card = f"{places[function.address]}/drm/card{number}"
        root.link(f"{card}/device", places[function.address])
        root.link(f"sys/class/drm/card{number}", card)
        if by_boot_display(function, boot_vga):
            root.file(f"{card}/boot_display", "1\n")
        for name, status in machine.connectors.get(function.address, usual).items():
            connector = f"{card}/card{number}-{name}"
            root.file(f"{connector}/status", status + "\n")
            root.file(f"{connector}/enabled", ("enabled" if status == "connected" else "disabled") + "\n")
            root.link(f"sys/class/drm/card{number}-{name}", connector)


def write_uses(root: Root, machine: Machine, places: dict[str, str]) -> None:
    """The disks and keyboards that a recorded machine has below its PCI functions."""
    if not machine.recorded:
        return
    for number, address in enumerate(machine.recorded.disks):
        root.directory(f"{places[address]}/block/disk{number}")
        root.link(f"sys/class/block/disk{number}", f"{places[address]}/block/disk{number}")
    keyboards = [places[address] for address in machine.recorded.keyboards]
    if machine.recorded.keyboard_elsewhere:
        keyboards.append("sys/devices/platform/keyboard")
    for number, place in enumerate(keyboards):
        root.file(f"{place}/input/input{number}/capabilities/key", "fffffffffffffffe\n")
        root.link(f"sys/class/input/input{number}", f"{place}/input/input{number}")


def write_sys(root: Root, machine: Machine, boot_vga: Optional[str], flat: bool) -> None:
    """/sys, as far as it tells about PCI functions, IOMMU groups and displays."""
    places = {}
    for function in machine.functions:
        path = f"pci{function.bus[0]:04x}:00/{function.address}" if flat else machine.topology.path(function)
        places[function.address] = f"sys/devices/{path}"
    for function in machine.functions:
        write_function(root, machine, function, places[function.address], boot_vga)
    write_displays(root, machine, places, boot_vga)
    write_uses(root, machine, places)
    root.directory("sys/bus/pci/drivers")
    root.directory("sys/kernel/iommu_groups")
    root.directory("sys/firmware/acpi/tables")
    root.directory("sys/class/iommu")
    root.directory("sys/class/drm")
    for table in machine.acpi_tables:
        root.file(f"sys/firmware/acpi/tables/{table}", acpi_table(table), 0o400)
        if machine.iommu_on:
            unit = {"DMAR": "dmar0", "IVRS": "ivhd0"}[table]
            root.directory(f"sys/devices/virtual/iommu/{unit}")
            root.link(f"sys/class/iommu/{unit}", f"sys/devices/virtual/iommu/{unit}")


@functools.cache
def read_kernel(release: str) -> dict[str, bytes]:
    """The module indices of a kernel here, and its config, by name."""
    archive = KERNELS / f"{release}.tar.xz"
    if not archive.exists():
        known = ", ".join(sorted(path.name[: -len(".tar.xz")] for path in KERNELS.glob("*.tar.xz")))
        raise MachineError(f"no kernel {release}; there are: {known}")
    with tarfile.open(archive) as tar:
        members = [member for member in tar if member.isfile()]
        return {os.path.basename(m.name): tar.extractfile(m).read() for m in members}  # type: ignore[union-attr]


@functools.cache
def module_files(release: str) -> tuple[list[str], list[str]]:
    """A kernel's modules: the paths of the usual ones below its kernel/, and the others."""
    names = [line.partition(":")[0] for line in read_kernel(release)["modules.dep"].decode().splitlines()]
    usual = [name.removeprefix("kernel/") for name in names if name.startswith("kernel/")]
    return usual, [name for name in names if not name.startswith("kernel/")]


@functools.cache
def initramfs() -> bytes:
    """A small image: a gzip'ed cpio archive (newc) that holds a few empty directories and nothing else."""
    archive = b""
    directories = [(name, 0o40755) for name in ("conf", "conf/conf.d", "etc", "etc/modprobe.d")]
    for inode, (name, mode) in enumerate([*directories, ("TRAILER!!!", 0)]):
        fields = (inode + 1, mode, 0, 0, 2 if mode else 1, 0, 0, 0, 0, 0, 0, len(name) + 1, 0)
        header = "070701" + "".join(f"{value:08X}" for value in fields)
        entry = header.encode() + name.encode() + b"\0"
        archive += entry + bytes(-len(entry) % 4)
    return gzip.compress(archive + bytes(-len(archive) % 512), mtime=0)


def kernel_image(release: str) -> bytes:
    """A bzImage, as far as its header says the release (Linux, Documentation/arch/x86/boot.rst)."""
    image = bytearray(0x300)
    struct.pack_into("<4s", image, 0x202, b"HdrS")
    struct.pack_into("<H", image, 0x20E, 0x100)
    return bytes(image) + f"{release} (build@host) #1 SMP".encode().ljust(0x100, b"\0")


def grub_menu(names: list[tuple[str, str, str]], title: str, line: str, fallback: bool = False) -> str:
    """What grub-mkconfig writes for kernels of the root's own file system: (version, kernel, image).

    With `fallback` each kernel has mkinitcpio's second image, too.
    """
    text = (
        "#\n# DO NOT EDIT THIS FILE\n#\nif [ -s $prefix/grubenv ]; then\n  set have_grubenv=true\n  load_env\nfi\n"
        'if [ "${next_entry}" ] ; then\n   set default="${next_entry}"\n   set next_entry=\n   save_env next_entry\n'
        'else\n   set default="0"\nfi\n\n'
        'if [ x"${feature_menuentry_id}" = xy ]; then\n  menuentry_id_option="--id"\nelse\n'
        '  menuentry_id_option=""\nfi\n\nexport menuentry_id_option\n\nset timeout=5\n'
    )

    def entry(indent: str, name: str, ident: str, kernel: str, image: str, words: str) -> str:
        return (
            f"{indent}menuentry '{name}' --class gnu-linux --class os $menuentry_id_option '{ident}' {{\n"
            f"{indent}\tinsmod ext2\n{indent}\tsearch --no-floppy --fs-uuid --set=root {UUID}\n"
            f"{indent}\techo\t'Loading Linux ...'\n{indent}\tlinux\t{kernel} {words}\n"
            f"{indent}\tinitrd\t{image}\n{indent}}}\n"
        )

    if not names:
        return text
    newest = names[0]
    text += entry("", title, f"gnulinux-simple-{UUID}", newest[1], newest[2], line)
    text += f"submenu 'Advanced options for {title}' $menuentry_id_option 'gnulinux-advanced-{UUID}' {{\n"
    for release, kernel, image in names:
        text += entry("\t", f"{title}, with Linux {release}", f"gnulinux-{release}-advanced-{UUID}", kernel, image, line)
        if title.startswith("Debian"):
            text += entry("\t", f"{title}, with Linux {release} (recovery mode)",
                          f"gnulinux-{release}-recovery-{UUID}", kernel, image, f"{line} single")  # fmt: skip
        if fallback:
            text += entry("\t", f"{title}, with Linux {release} (fallback initramfs)",
                          f"gnulinux-{release}-fallback-{UUID}", kernel, image.replace(".img", "-fallback.img"), line)  # fmt: skip
    return text + "}\n"


def fedora_menu() -> str:
    """What grub2-mkconfig writes for a machine whose /boot is on its root: it leaves the entries to blscfg."""
    text = (HERE.parent / "unit/core/boot/menus/grub-fedora/root/boot/grub2/grub.cfg").read_text()
    for old, new in (("insmod fat", "insmod ext2"), ("EFEF-0000", UUID), ("5555", UUID), ("2222", UUID)):
        text = text.replace(old, new)
    return text


def fedora_entry(release: str, line: str) -> str:
    """The entry that GRUB's plugin of kernel-install writes."""
    return (
        f"title Fedora Linux ({release}) 42 (Workstation Edition)\nversion {release}\nlinux /boot/vmlinuz-{release}\n"
        f"initrd /boot/initramfs-{release}.img\noptions {line}\ngrub_users $grub_users\n"
        "grub_arg --unrestricted\ngrub_class fedora\n"
    )


def grub_environment(**values: str) -> bytes:
    lines = "".join(f"{name}={value}\n" for name, value in values.items())
    return f"# GRUB Environment Block\n{lines}".encode().ljust(1024, b"#")


def tell_loader(sys: Path, info: str) -> None:
    """The variable in which a boot loader says which it is: attributes, then UTF-16."""
    variables = sys / "firmware/efi/efivars"
    variables.mkdir(parents=True)
    content = b"\6\0\0\0" + f"{info}\0".encode("utf-16-le")
    (variables / "LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f").write_bytes(content)


def write_menu(root: Root, system: str, kernels: list[str], line: str) -> None:
    """GRUB's menu of all kernels, the newest first."""
    words = [word for word in line.replace("<removed>", UUID).split() if not word.startswith(("BOOT_IMAGE=", "initrd="))]
    if system == "fedora":
        root.file("boot/grub2/grub.cfg", fedora_menu(), 0o600)
        root.file("boot/grub2/grubenv", grub_environment(boot_success="1"))
        for release in kernels:
            root.file(f"boot/loader/entries/{MACHINE_ID}-{release}.conf", fedora_entry(release, " ".join(words)))
        return
    names = []
    for number, release in enumerate(kernels):
        package = ["linux", "linux-lts", "linux-zen", "linux-hardened"][number] if system == "arch" else release
        image = f"initramfs-{package}.img" if system == "arch" else f"initrd.img-{package}"
        names.append((release, f"/boot/vmlinuz-{package}", f"/boot/{image}"))
    names.sort(key=lambda name: [int(part) for part in re.findall(r"\d+", name[0])], reverse=True)
    title = {"debian": "Debian GNU/Linux", "arch": "Arch Linux"}[system]
    root.file("boot/grub/grub.cfg", grub_menu(names, title, " ".join(words)), 0o600)


def write_kernel(root: Root, release: str, number: int, system: str) -> None:
    """One kernel: its module indices, an empty file for each module, and what lies in /boot."""
    modules = f"usr/lib/modules/{release}"
    indices = dict(read_kernel(release))
    config = indices.pop("config", b"")
    for name, content in indices.items():
        root.file(f"{modules}/{name}", content)
    # libkmod drops a dependency whose file is not there.
    usual, others = module_files(release)
    module_trees.place(root.path, release, usual)
    for name in others:
        root.file(f"{modules}/{name}")

    kernel, image = kernel_image(release), initramfs()
    if system == "debian":
        root.file(f"boot/vmlinuz-{release}", kernel)
        root.file(f"boot/config-{release}", config)
        root.file(f"boot/initrd.img-{release}", image)
        digest = hashlib.sha1(image).hexdigest()
        root.file(f"var/lib/initramfs-tools/{release}", f"{digest}  /boot/initrd.img-{release}\n")
    elif system == "arch":
        package = ["linux", "linux-lts", "linux-zen", "linux-hardened"][number]
        root.file(f"{modules}/vmlinuz", kernel)
        root.file(f"{modules}/pkgbase", f"{package}\n")
        root.file(f"boot/vmlinuz-{package}", kernel)
        root.file(f"boot/initramfs-{package}.img", image)
        preset = (HERE / "os/arch/etc/mkinitcpio.d/linux.preset").read_text()
        text = preset.replace("'linux'", f"'{package}'").replace("-linux", f"-{package}")
        root.file(f"etc/mkinitcpio.d/{package}.preset", text)
    else:
        root.file(f"{modules}/vmlinuz", kernel)
        root.file(f"boot/vmlinuz-{release}", kernel)
        root.file(f"boot/config-{release}", config)
        root.file(f"boot/initramfs-{release}.img", image, 0o600)


def write_system(root: Root, machine: Machine, system: str, kernels: list[str], menu: bool) -> None:
    """Everything but /sys."""
    for directory in DIRECTORIES + DIRECTORIES_OF_OS[system]:
        root.directory(directory)
    for name, target in MERGED_USR[system].items():
        root.link(name, target if "/" not in name else f"usr/{target}")
    skeleton = HERE / "os" / system
    for path in sorted(skeleton.rglob("*")):
        if path.is_file():
            name = str(path.relative_to(skeleton))
            root.file(name, path.read_bytes(), 0o755 if "/bin/" in name or "/sbin/" in name else 0o644)
    root.link("etc/os-release", "usr/lib/os-release")
    if machine.recorded:
        for name, lines in machine.recorded.files.items():
            root.file(name.lstrip("/"), "".join(f"{line}\n" for line in lines))
    plain = f"BOOT_IMAGE=/boot/vmlinuz-{kernels[0] if kernels else DEFAULT_KERNEL} root=UUID={UUID} ro quiet"
    root.file("proc/cmdline", (machine.cmdline or plain) + "\n")
    for number, release in enumerate(kernels):
        write_kernel(root, release, number, system)
    if menu and kernels:
        write_menu(root, system, kernels, machine.cmdline or plain)


def system_of(machine: Machine) -> str:
    """The system that is nearest to a recorded machine's, by its os-release."""
    lines = machine.recorded.files.get("/usr/lib/os-release", []) if machine.recorded else []
    words = " ".join(line.partition("=")[2].strip('"') for line in lines if line.startswith(("ID=", "ID_LIKE="))).split()
    return next((word for word in words if word in MERGED_USR), "debian")


def fill(options: argparse.Namespace) -> None:
    machine = load(options.machine, options.variant)
    options.os = options.os or system_of(machine)
    boot_vga = {None: machine.boot_vga, "none": None}.get(options.boot_vga, options.boot_vga)
    can_boot = [f for f in machine.functions if f.is_vga or (machine.recorded and f.is_display)]
    if boot_vga and not any(f.address == boot_vga for f in can_boot):
        raise MachineError(f"{boot_vga} is no VGA function of {machine.name}")
    options.directory.mkdir(parents=True, exist_ok=True)
    if any(options.directory.iterdir()):
        raise MachineError(f"{options.directory} is not empty")
    root = Root(options.directory)
    usual = [r for r in machine.recorded.kernels if (KERNELS / f"{r}.tar.xz").exists()] if machine.recorded else []
    kernels = [release for release in options.kernel or usual or [DEFAULT_KERNEL] if release != "none"]
    write_system(root, machine, options.os, kernels, options.menu)
    write_sys(root, machine, boot_vga, options.no_topology)
    for source, colon, name in (pair.rpartition(":") for pair in options.config):
        if not colon:
            raise MachineError(f"--config {name}: FILE:PATH is needed")
        root.file(name.lstrip("/"), Path(source).read_bytes())
    root.settle()


def build(options: argparse.Namespace) -> None:
    """What parse() gave, with the modes that it would have from any shell."""
    umask = os.umask(0o022)
    try:
        fill(options)
    finally:
        os.umask(umask)


def parse(arguments: Optional[list[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("machine", type=Path, metavar="MACHINE.json", help="a path, or the name of a machine here")
    parser.add_argument("directory", type=Path, nargs="?", metavar="DIR", help="must be absent or empty")
    kernel = f"may be repeated; `none`: no kernel; default: {DEFAULT_KERNEL}, or those recorded that are here"
    parser.add_argument("--kernel", action="append", metavar="RELEASE", help=kernel)
    parser.add_argument("--variant", metavar="NAME", help="of the machine's overlay; default: its first")
    parser.add_argument("--boot-vga", metavar="ADDRESS", help="instead of the variant's; `none`: no listed GPU")
    parser.add_argument("--os", choices=sorted(MERGED_USR), help="default: that of a recorded machine, else debian")
    parser.add_argument("--no-topology", action="store_true", help="every function directly below the root complex")
    parser.add_argument("--menu", action="store_true", help="GRUB, with a menu of all kernels; default: no boot loader")
    parser.add_argument("--config", action="append", default=[], metavar="FILE:PATH", help="copy FILE to PATH inside")
    parser.add_argument("--list-variants", action="store_true", help="print the machine's variants and stop")
    options = parser.parse_args(arguments)
    if options.machine.suffix != ".json":
        options.machine = HERE / f"{options.machine}.json"
    if not options.list_variants and options.directory is None:
        parser.error("DIR is missing")
    return options


def main() -> int:
    options = parse()
    try:
        if options.list_variants:
            print(*variants(options.machine), sep="\n")
        else:
            build(options)
    except (MachineError, OSError) as error:
        print(f"build-sysroot: {error}", file=sys.stderr)
        return 1
    return 0

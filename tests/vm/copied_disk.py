# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest whose boot loader starts copies: a hook puts kernels and images onto the EFI system partition, as kernelstub
does, and writes the entries."""

from __future__ import annotations

from loader_disk import ESP_SERIAL, HOST_WORD, EfiGuest

# kernelstub(8) as Pop!_OS's hooks run it, in a few lines (pop-os/kernelstub 3fb4e06): the newest kernel and the one
# before it, under names that tell no version. Written for the test; the entry for the host is what a person adds.
KERNELSTUB = f"""\
#!/bin/sh
set -eu
files=/efi/EFI/Debian-test
mkdir -p "$files" /efi/loader/entries
entry() {{ # NAME KERNEL IMAGE WORDS
    printf 'title %s\\nlinux /EFI/Debian-test/%s\\ninitrd /EFI/Debian-test/%s\\noptions %s%s\\n' \\
        "$1" "$2" "$3" "$(cat /etc/kernel/cmdline)" "$4" >"/efi/loader/entries/$1.conf"
}}
copy() {{ # RELEASE SUFFIX-OF-KERNEL SUFFIX-OF-IMAGE
    [ -e "/boot/initrd.img-$1" ] || return 0
    cp "/boot/vmlinuz-$1" "$files/vmlinuz$2.efi"
    cp "/boot/initrd.img-$1" "$files/initrd.img$3"
}}
set -- $(ls /boot/vmlinuz-* | sed 's,.*/vmlinuz-,,' | sort -rV)
copy "$1" "" ""
entry Debian-current vmlinuz.efi initrd.img ""
entry Debian-host vmlinuz.efi initrd.img " {HOST_WORD}"
rm -f /efi/loader/entries/Debian-oldkern.conf
if [ $# -gt 1 ]; then
    copy "$2" -previous -previous
    entry Debian-oldkern vmlinuz-previous.efi initrd.img-previous ""
fi
"""
HOOK = "#!/bin/sh\nexec kernelstub >&2\n"
IMAGE = "/efi/EFI/Debian-test/initrd.img"


# proxmox-boot-tool(8): the same for ESPs that are mounted only while it writes (jiangcuo/proxmox-kernel-helper 7007b33,
# proxmox-boot/zz-proxmox-boot). ESP says where one is mounted already.
PROXMOX_BOOT_TOOL = """\
#!/bin/sh
set -eu
[ "$1" = refresh ]
refresh() { # DIRECTORY
    mkdir -p "$1/loader/entries"
    rm -rf "$1/EFI/proxmox" "$1"/loader/entries/proxmox-*
    printf 'timeout 1\\ndefault proxmox-*\\n' >"$1/loader/loader.conf"
    for kernel in /boot/vmlinuz-*; do
        release=${kernel#/boot/vmlinuz-} files=EFI/proxmox/${kernel#/boot/vmlinuz-}
        mkdir -p "$1/$files"
        cp "$kernel" "/boot/initrd.img-$release" "$1/$files"
        printf 'title Proxmox Virtual Environment\\nversion %s\\noptions %s\\nlinux /%s\\ninitrd /%s\\n' "$release" \
            "$(cat /etc/kernel/cmdline)" "$files/vmlinuz-$release" "$files/initrd.img-$release" \
            >"$1/loader/entries/proxmox-$release.conf"
    done
}
[ -z "${ESP:-}" ] || { refresh "$ESP"; exit; }
while read -r uuid; do
    directory=/var/tmp/espmounts/$uuid
    mkdir -p "$directory"
    mount -t vfat "/dev/disk/by-uuid/$uuid" "$directory"
    refresh "$directory"
    umount "$directory"
done </etc/kernel/proxmox-boot-uuids
"""


def switch_off_debians_hooks(machine: EfiGuest) -> None:
    for hook in ("kernel/postinst.d/zz-systemd-boot", "kernel/postrm.d/zz-systemd-boot",
                 "initramfs/post-update.d/systemd-boot"):  # fmt: skip
        (machine.root / "etc" / hook).chmod(0o644)


class CopyGuest(EfiGuest):
    """OVMF and systemd-boot, whose entries are made by the hook; Debian's own hooks are switched off."""

    def __init__(self, name: str):
        super().__init__(name, entries=True, unified=False)

    def prepare(self) -> None:
        self.write_file("/usr/bin/kernelstub", KERNELSTUB, 0o755)
        self.write_file("/etc/kernelstub/configuration", '{"user": {"manage_mode": true}}\n')
        switch_off_debians_hooks(self)
        for directory in ("kernel/postinst.d", "kernel/postrm.d", "initramfs/post-update.d"):
            self.write_file(f"/etc/{directory}/zz-kernelstub", HOOK, 0o755)
        super().prepare()

    def install_loader(self, release: str) -> None:
        self.chroot("sh", "-euc", """
            bootctl --esp-path=/efi --no-variables install
            printf 'timeout 1\\ndefault Debian-current.conf\\n' >/efi/loader/loader.conf
            kernelstub""")


class ProxmoxGuest(EfiGuest):
    """OVMF and systemd-boot on an ESP that is not mounted."""

    def __init__(self, name: str):
        super().__init__(name, entries=True, unified=False)

    def prepare(self) -> None:
        self.write_file("/usr/sbin/proxmox-boot-tool", PROXMOX_BOOT_TOOL, 0o755)
        self.write_file("/etc/kernel/proxmox-boot-uuids", f"{ESP_SERIAL[:4]}-{ESP_SERIAL[4:]}\n")
        switch_off_debians_hooks(self)
        self.write_file("/etc/initramfs/post-update.d/proxmox-boot-sync",
                        "#!/bin/sh\nexec proxmox-boot-tool refresh >&2\n", 0o755)
        super().prepare()

    def install_loader(self, release: str) -> None:
        self.chroot("sh", "-euc", """
            bootctl --esp-path=/efi --no-variables install
            ESP=/efi proxmox-boot-tool refresh
            sed -i '/vfat/d' /etc/fstab""")

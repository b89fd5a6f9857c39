# SPDX-License-Identifier: GPL-3.0-or-later
"""How a directory becomes the root of a machine: mounted from a disk of its own.

A boot menu names the files of a file system. Of a directory in the middle of another one it would name nothing.
"""

# For a shell in a mount namespace of its own. All of an overlay without a lower layer is in the upper one, that is,
# the directory itself. It is volatile: nothing waits for the disk of the machine that runs this.
MOUNT_DISKS = r"""
mount_disk() { # DISK DIRECTORY PLACE SCRATCH
    mkdir -p "$3" "$4/lower" "$4/work"
    mount -t overlay -o "lowerdir=$4/lower,upperdir=$2,workdir=$4/work,volatile" "$1" "$3"
}
# The root, from /dev/vda, and what /etc/fstab has from /dev/vdb.
mount_disks() { # ROOT
    rm -rf "$1.disks"
    second=$(sed -n 's,^/dev/vdb \(/[^ ]*\) .*,\1,p' "$1/etc/fstab" 2>/dev/null) || second=
    [ -z "$second" ] || mount_disk /dev/vdb "$1$second" "$1.disks/b/mounted" "$1.disks/b"
    mount_disk /dev/vda "$1" "$1" "$1.disks/a"
    [ -z "$second" ] || mount --bind "$1.disks/b/mounted" "$1$second"
}
"""

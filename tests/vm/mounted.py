# SPDX-License-Identifier: GPL-3.0-or-later
"""How a directory becomes the root of a machine: mounted from a disk, /dev/vda, as /etc/fstab says.

A boot menu names the files of a file system. Of a directory in the middle of another one it would name nothing.
"""

# In a mount namespace of its own: an overlay without a lower layer, so that all is in the directory itself. It is
# volatile, that is, nothing waits for the disk of the machine that runs this.
MOUNT_ROOT = r"""
rm -rf "$root/../work"
mkdir -p "$root/../lower" "$root/../work"
mount -t overlay -o "lowerdir=$root/../lower,upperdir=$root,workdir=$root/../work,volatile" /dev/vda "$root"
"""

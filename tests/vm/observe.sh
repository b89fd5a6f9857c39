#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Runs in the guest. One line for each display, audio and serial function of the PCI bus:
#   function address=0000:01:00.0 id=1002:5159 class=0x030000 boot_vga=0 group=6 driver=radeon module=radeon
# ("-" where there is none), then facts about the whole boot:
#   claimed-in=initramfs|realroot|none   when vfio-pci first took or was given a device
#   vfio-loaded=initramfs|realroot|none  when the vfio module came up
#   vfio-groups=6                        entries of /dev/vfio, without the control node
# "driver" proves who owns the function; "claimed-in" proves from where.
set -u

attribute() {
    value=-
    [ ! -r "$1" ] || read -r value <"$1"
    printf '%s' "$value"
}

target() {
    if [ -e "$1" ]; then
        link=$(readlink -f "$1")
        printf '%s' "${link##*/}"
    else
        printf -- '-'
    fi
}

for device in /sys/bus/pci/devices/*; do
    class=$(attribute "$device/class")
    case $class in
        0x0300* | 0x0302* | 0x0380* | 0x0401* | 0x0403* | 0x0700*) ;;
        *) continue ;;
    esac
    vendor=$(attribute "$device/vendor")
    id=$(attribute "$device/device")
    echo "function address=${device##*/} id=${vendor#0x}:${id#0x} class=$class" \
        "boot_vga=$(attribute "$device/boot_vga") group=$(target "$device/iommu_group")" \
        "driver=$(target "$device/driver") module=$(target "$device/driver/module")"
done

# The order of the kernel's messages says more than their times do.
dmesg | awk '
    /EXT4-fs \(vda[0-9]*\): mounted filesystem/ { mounted = 1 }
    /vfio_pci: add \[|vfio-pci [0-9a-f]+:[0-9a-f]+:/ && claimed == "" { claimed = mounted ? "realroot" : "initramfs" }
    /VFIO - User Level meta-driver/ && loaded == "" { loaded = mounted ? "realroot" : "initramfs" }
    END {
        print "claimed-in=" (claimed == "" ? "none" : claimed)
        print "vfio-loaded=" (loaded == "" ? "none" : loaded)
    }'

groups=
for node in /dev/vfio/*; do
    case ${node##*/} in
        vfio | '*') ;;
        *) groups="$groups${groups:+,}${node##*/}" ;;
    esac
done
echo "vfio-groups=$groups"

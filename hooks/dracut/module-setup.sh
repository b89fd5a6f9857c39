#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# dracut module: while passthrough is enabled, vfio-pci is put into the image, with the configuration
# that makes it take the card, and is loaded there before udev looks for drivers.
#
# dracut sources this file and calls its functions. It sets dracutsysrootdir, initdir and moddir, and
# has sourced its configuration and read its command line in the same shell.

vfio_switch_list=/etc/vfio-switch/override
vfio_switch_facts=/var/lib/vfio-switch/for-hooks

# A rescue or a dump image is the way out where the others fail: it holds nothing of ours. That one
# is being built shows in dracut's module list, or in --no-hostonly on its command line (EndeavourOS's
# fallback image, dracut 059's rescue image). dracut_rescue_image does not tell: Fedora sets it for
# every image.
vfio_switch_is_way_out() {
    # shellcheck disable=SC2154  # dracut sets them
    local wanted=" $dracutmodules $add_dracutmodules $force_add_dracutmodules "
    # shellcheck disable=SC2154
    [[ $hostonly_l == no || $wanted =~ \ (kdump|kdumpbase)\  ]] ||
        [[ ! $hostonly && $wanted == *" rescue "* ]]
}

vfio_switch_by_address() {
    # shellcheck disable=SC2154
    grep -qsx binding=address "$dracutsysrootdir$vfio_switch_facts"
}

check() {
    # shellcheck disable=SC2154
    [[ $mount_needs ]] && return 1
    vfio_switch_is_way_out && return 1
    grep -qsx intent=enabled "$dracutsysrootdir$vfio_switch_facts" || return 1
}

depends() {
    return 0
}

installkernel() {
    # Also where the running hardware does not ask for it. A kernel without the module gets an image
    # without it: its own drivers take the card.
    hostonly='' instmods vfio_pci
    return 0
}

install() {
    # dracut itself copies them into host-only images alone.
    inst_multiple -o /etc/modprobe.d/vfio.conf /etc/modprobe.d/00-vfio-softdep.conf
    if vfio_switch_by_address; then
        inst_multiple -o "$vfio_switch_list" /usr/lib/vfio-switch/bind
        # shellcheck disable=SC2154
        inst_hook pre-udev 00 "$moddir/vfio-switch-bind.sh"
    else
        # shellcheck disable=SC2154
        mkdir -p "$initdir/etc/cmdline.d"
        echo rd.driver.pre=vfio_pci >"$initdir/etc/cmdline.d/20-vfio-switch.conf"
    fi
}

# SPDX-License-Identifier: GPL-3.0-or-later
"""A vendor's softdep that sorts before vfio.conf: the guides' file loses the card, ours wins it."""

import json

from guest import Guest, OBSERVE
from harness import NATIVE, TAKEN, VFIO_CONF
from package import PACKAGE, STATUS, status_of
from story import Stage, story

VENDOR = "/usr/lib/modprobe.d/a-vendor.conf"
VENDOR_CONF = "softdep radeon post: snd\nsoftdep snd_hda_intel post: snd\n"


@story("shadowed", needs_deb=True)
def shadowed(stage: Stage) -> None:
    """The prediction and sysfs agree, for the guides' vfio.conf and for ours."""
    with Guest("shadowed") as machine:
        record = stage.untouched().record
        (current,) = machine.kernels()
        machine.write_file("/etc/vfio-switch.conf", "device = none\n")
        machine.copy_in(stage.deb, PACKAGE)
        machine.chroot("apt-get", "install", "-y", PACKAGE, record=record)
        machine.remove("/etc/vfio-switch.conf")
        machine.write_file(VENDOR, VENDOR_CONF)
        machine.write_file("/etc/modprobe.d/vfio.conf", VFIO_CONF)

        predicted = status_of(machine.chroot("sh", "-c", STATUS, record=record).stdout)
        winners = {device["address"]: device["expected_driver"] for device in predicted["devices"]}
        boot = stage.boot(machine, OBSERVE)
        stage.drivers(boot, NATIVE, "the guides' vfio.conf, shadowed")
        stage.as_expected(boot, winners, current, "the guides' vfio.conf")

        plan = json.loads(machine.chroot("vfio-switch", "plan", "--json", record=record).stdout)
        stage.check("/etc/modprobe.d/00-vfio-softdep.conf" in [change["path"] for change in plan["changes"]],
                    "the plan adds the merged lines", json.dumps(plan, indent=1))
        machine.chroot("vfio-switch", "enable", record=record)
        boot = stage.boot(machine, OBSERVE + STATUS, predict=record, when="enabled")
        stage.drivers(boot, TAKEN, "enabled, with the vendor's softdep")

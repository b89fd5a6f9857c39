# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that fall short: what status says of them before the boot, and what the boot shows."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from guest import Guest, OBSERVE, unpack_record
from harness import AUDIO, GPU
from package import PACKAGE
from story import Stage, story

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "images"))
import roots  # noqa: E402

EVERYTHING = os.environ.get("VFIO_SWITCH_ALL_IMAGES") == "1"
EARLY = "/etc/initramfs-tools/modules"
CONFS = "/etc/modprobe.d/*.conf"
DRIVERS = {"radeon": "radeon", "snd_hda_intel": "snd_hda_intel", "vfio-pci": "vfio_pci", None: None}


@dataclass(frozen=True)
class Scenario:
    """How an image is built that falls short: shell, in the guest's root. What it changes beside the
    image it takes back, as if it had been so once."""

    name: str
    script: str
    staged: bool
    stages: tuple[str, str]     # of the graphics function and of the audio function
    always: bool = False        # not only with --all
    dracut: bool = False


SCENARIOS = [
    Scenario("stale image", f"""
        cp {CONFS} /root; sed -i 's/ids=.*/ids=1002:ffff/' /etc/modprobe.d/vfio.conf
        update-initramfs -u; cp /root/*.conf /etc/modprobe.d; rm /root/*.conf
    """, False, ("root", "root"), always=True),
    Scenario("image without modprobe.d", f"mv {CONFS} /root; update-initramfs -u; mv /root/*.conf /etc/modprobe.d",
             False, ("root", "root")),
    Scenario("native driver forced early", f"""
        mv {CONFS} /root; cp {EARLY} /root/early; echo snd_hda_intel >>{EARLY}
        update-initramfs -u; mv /root/*.conf /etc/modprobe.d; mv /root/early {EARLY}
    """, False, ("root", "image")),
    Scenario("a vendor's softdep shadows ours in the image", f"""
        cp {EARLY} /root/early; echo snd_hda_intel >>{EARLY}
        echo 'softdep snd_hda_intel post: snd' >/etc/modprobe.d/a-vendor.conf
        update-initramfs -u; rm /etc/modprobe.d/a-vendor.conf; mv /root/early {EARLY}
    """, False, ("image", "image"), always=True),
    Scenario("vfio-pci missing from the image only", """
        file=$(find /usr/lib/modules -name 'vfio-pci.ko*'); mv "$file" /root; depmod "$(ls /usr/lib/modules)"
        update-initramfs -u; mv /root/vfio-pci.ko* "$file"; depmod "$(ls /usr/lib/modules)"
    """, True, ("root", "root")),
    Scenario("dracut image without host-only", """
        dracut --force --no-hostonly --add-drivers 'virtio_blk virtio_pci ext4' --force-drivers vfio_pci \
            --kver "$(ls /usr/lib/modules)" "/boot/initrd.img-$(ls /usr/lib/modules)"
    """, False, ("root", "root"), dracut=True),
]  # fmt: skip


def status(machine: Guest, record: Path) -> dict:
    return json.loads(machine.chroot("vfio-switch", "status", "--json", record=record).stdout)


def with_dracut(machine: Guest, scratch: Path) -> None:
    packages = scratch / "packages"
    packages.mkdir()
    roots.vm_root.run("apt-get", "-o", "APT::Sandbox::User=root", "download", *roots.PACKAGES, cwd=packages)
    for package in packages.iterdir():
        machine.copy_in(package, f"/root/{package.name}")
    machine.chroot("sh", "-euc", "dpkg --unpack --no-triggers --force-depends /root/[!v]*.deb; rm /root/[!v]*.deb")


def compare(stage: Stage, machine: Guest, record: Path, scenario: Scenario) -> None:
    """One row for each function: what was predicted, and what the boot shows."""
    before = status(machine, record)
    (kernel,) = before["kernels"]
    stage.equal(kernel["staged"], scenario.staged, f"{scenario.name}: staged, or not ({kernel['reason']})")
    orders = {order["device"]: order for order in before["load_order"]}
    stage.equal(tuple(orders[address]["stage"] for address in (GPU, AUDIO)), scenario.stages,
                f"{scenario.name}: where it is decided")
    boot = stage.boot(machine, OBSERVE)
    for address in (GPU, AUDIO):
        predicted = orders[address]["winner"]
        observed = boot.functions[address].module
        row = (scenario.name, kernel["release"], address, DRIVERS.get(predicted, predicted), observed)
        stage.check(row[3] == row[4], "prediction " + " | ".join(map(str, row)), boot.output)
    winners = {orders[address]["winner"] for address in (GPU, AUDIO)}
    summary = "vfio" if winners == {"vfio-pci"} else "mixed" if "vfio-pci" in winners else "host"
    stage.equal(before["next_boot"], summary, f"{scenario.name}: next_boot says the same")


def tell(stage: Stage, scenarios: list[Scenario], prepare: Callable[[Guest, Path], None] | None = None) -> None:
    with Guest("images") as machine, tempfile.TemporaryDirectory(prefix="vm-record-") as scratch:
        boot = stage.boot(machine, record_sysfs=True)
        record = unpack_record(boot.sysfs, Path(scratch))
        machine.copy_in(stage.deb, PACKAGE)
        machine.chroot("apt-get", "install", "-y", PACKAGE, record=record)
        if prepare is not None:
            prepare(machine, Path(scratch))
        for scenario in scenarios:
            machine.chroot("sh", "-euc", scenario.script, record=record)
            compare(stage, machine, record, scenario)


@story("images", needs_deb=True)
def images(stage: Stage) -> None:
    """Who gets the card, predicted from the image and observed after the boot, for images that fall short."""
    chosen = [scenario for scenario in SCENARIOS if EVERYTHING or scenario.always]
    tell(stage, chosen, with_dracut if any(scenario.dracut for scenario in chosen) else None)
    if not EVERYTHING:
        names = ", ".join(scenario.name for scenario in SCENARIOS if not scenario.always)
        stage.skip(names, "contrib/check --all has them")

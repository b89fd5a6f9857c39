# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that fall short: what status says of them before the boot, and what the boot shows."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from guest import BEGIN_WITHIN, Guest, OBSERVE
from harness import AUDIO, GPU
from package import PACKAGE
from story import Stage, story

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "images"))
import roots  # noqa: E402

EVERYTHING = os.environ.get("VFIO_SWITCH_ALL") == "1"
EARLY = "/etc/initramfs-tools/modules"
CONFS = "/etc/modprobe.d/*.conf"


@dataclass(frozen=True)
class Scenario:
    """How an image is built that falls short: shell, in the guest's root. What it changes beside the
    image it takes back, as if it had been so once."""

    name: str
    script: str
    staged: bool
    stages: tuple[str, str]     # of the graphics function and of the audio function
    begin_within: float = BEGIN_WITHIN
    only_all: bool = False


def dracut(options: str) -> str:
    return f"""
        dracut --force --no-hostonly --add-drivers 'virtio_blk virtio_pci ext4' --force-drivers vfio_pci {options} \
            --kver "$(ls /usr/lib/modules)" "/boot/initrd.img-$(ls /usr/lib/modules)"
    """


SCENARIOS = [
    Scenario("stale image", f"""
        cp {CONFS} /root; sed -i 's/ids=.*/ids=1002:ffff/' /etc/modprobe.d/vfio.conf
        update-initramfs -u; cp /root/*.conf /etc/modprobe.d; rm /root/*.conf
    """, False, ("root", "root")),
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
    """, False, ("image", "image")),
    Scenario("vfio-pci missing from the image only", """
        file=$(find /usr/lib/modules -name 'vfio-pci.ko*'); mv "$file" /root; depmod "$(ls /usr/lib/modules)"
        update-initramfs -u; mv /root/vfio-pci.ko* "$file"; depmod "$(ls /usr/lib/modules)"
    """, True, ("root", "root")),
    Scenario("dracut image without host-only", dracut("--omit 'systemd systemd-initrd dracut-systemd'"),
             False, ("root", "root")),
    # Systemd takes twice as long to start in the emulated machine.
    Scenario("dracut image without host-only, with systemd", dracut("--add systemd"), False, ("root", "root"),
             begin_within=200, only_all=True),
]  # fmt: skip


def status(machine: Guest, record: Path) -> dict:
    return json.loads(machine.chroot("vfio-switch", "status", "--json", record=record).stdout)


def with_dracut(machine: Guest) -> None:
    machine.copy_in(roots.dracut_packages(), "/root/packages.tar")
    machine.chroot("sh", "-euc", "mkdir /root/packages; tar -C /root/packages -xf /root/packages.tar; "
                   "dpkg --unpack --no-triggers --force-depends /root/packages/*.deb; rm -r /root/packages*")


def compare(stage: Stage, machine: Guest, record: Path, scenario: Scenario) -> None:
    """One row for each function: what was predicted, and what the boot shows."""
    before = status(machine, record)
    (kernel,) = before["kernels"]
    stage.equal(kernel["staged"], scenario.staged, f"{scenario.name}: staged, or not ({kernel['reason']})")
    orders = {order["device"]: order for order in before["load_order"]}
    stage.equal(tuple(orders[address]["stage"] for address in (GPU, AUDIO)), scenario.stages,
                f"{scenario.name}: where it is decided")
    boot = stage.boot(machine, OBSERVE, begin_within=scenario.begin_within)
    winners = {address: orders[address]["winner"] for address in (GPU, AUDIO)}
    stage.as_expected(boot, winners, kernel["release"], scenario.name)
    taken = [winner == "vfio-pci" for winner in winners.values()]
    summary = "vfio" if all(taken) else "mixed" if any(taken) else "host"
    stage.equal(before["next_boot"], summary, f"{scenario.name}: next_boot says the same")


@story("images", needs_deb=True)
def images(stage: Stage) -> None:
    """Who gets the card, predicted from the image and observed after the boot, for images that fall short."""
    with Guest("images") as machine:
        record = stage.untouched().record
        machine.copy_in(stage.deb, PACKAGE)
        machine.chroot("apt-get", "install", "-y", PACKAGE, record=record)
        with_dracut(machine)
        for scenario in SCENARIOS:
            if scenario.only_all and not EVERYTHING:
                stage.skip(scenario.name, "contrib/check --all has it")
                continue
            machine.chroot("sh", "-euc", scenario.script, record=record)
            compare(stage, machine, record, scenario)

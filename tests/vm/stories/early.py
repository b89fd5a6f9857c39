# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that can load a driver early, or keep one away: each input flips who gets a function, as was said before."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from dracut import CONF, prepare
from guest import Guest, GuestError
from harness import AUDIO, GPU
from package import PACKAGE
from story import Stage, story

VFIO, RADEON, SND = "vfio-pci", "radeon", "snd_hda_intel"
IDS = "1002:5159,8086:2668"
LISTS = "/etc/initramfs-tools/modules"
CONFIG = "/etc/modprobe.d/mine.conf"
GIVES_IDS = f"options vfio-pci ids={IDS}\n"
AWAY = f"{GIVES_IDS}blacklist radeon\nblacklist snd_hda_intel\n"
# In the image, and loaded by nothing but udev.
IN_IMAGE = "#!/bin/sh\n[ \"$1\" = prereqs ] && exit 0\n. /usr/share/initramfs-tools/hook-functions\n" \
           "manual_add_modules radeon snd_hda_intel\n"  # fmt: skip
HOOK = "/etc/initramfs-tools/hooks/mine"
RULE = "/etc/udev/rules.d/10-mine.rules"
GIVE_BY_RULE = f'ACTION=="add", SUBSYSTEM=="pci", KERNEL=="{GPU}", ATTR{{driver_override}}="vfio-pci"\n'
LOAD = "/etc/modules-load.d/mine.conf"
MENU = "/boot/grub/grub.cfg"


@dataclass(frozen=True)
class Input:
    """Files, and words of the kernel command line, that are there for one boot; who has the two functions then."""

    name: str
    gpu: str | None
    audio: str | None
    files: dict[str, str] = field(default_factory=dict)
    words: str = ""
    known: bool = True  # that the program says so; else it has to say that it does not know
    init: str = "minimal"


INITRAMFS_TOOLS = [
    Input("nothing", RADEON, SND, {CONFIG: GIVES_IDS}),
    Input("a list with ids", VFIO, SND, {LISTS: "bochs\nvfio-pci ids=1002:5159\n"}),
    Input("the driver before it", RADEON, SND, {LISTS: "bochs\nradeon\nvfio-pci ids=1002:5159\n"}),
    Input("module_blacklist=vfio_pci", RADEON, SND, {LISTS: "bochs\nvfio-pci ids=1002:5159\n"}, "module_blacklist=vfio_pci"),
    Input("module_blacklist=vfio-pci", VFIO, SND, {LISTS: "bochs\nvfio-pci ids=1002:5159\n"}, "module_blacklist=vfio-pci"),
    Input("initcall_blacklist=", RADEON, SND, {LISTS: "bochs\nvfio-pci ids=1002:5159\n"},
          "initcall_blacklist=vfio_pci_init", known=False),
    Input("modprobe.blacklist= and module_blacklist=", None, None, {CONFIG: GIVES_IDS},
          "modprobe.blacklist=radeon module_blacklist=snd_hda_intel"),
    Input("udev in the image", RADEON, SND, {LISTS: f"bochs\nvfio-pci ids={IDS}\n", HOOK: IN_IMAGE}),
    Input("blacklist=", VFIO, SND, {LISTS: f"bochs\nvfio-pci ids={IDS}\n", HOOK: IN_IMAGE}, "blacklist=radeon"),
    Input("a rule that sets driver_override", VFIO, SND,
          {CONFIG: "softdep radeon pre: vfio-pci\n", RULE: GIVE_BY_RULE}, known=False),
    Input("nothing loads it", None, None, {CONFIG: AWAY}, init="systemd"),
    Input("modules-load.d", VFIO, VFIO, {CONFIG: AWAY, LOAD: "vfio-pci\n"}, init="systemd"),
    Input("/etc/modules", VFIO, VFIO, {CONFIG: AWAY, "/etc/modules": "vfio-pci\n"}, init="systemd"),
    Input("modules_load=", VFIO, VFIO, {CONFIG: GIVES_IDS},
          "modules_load=vfio-pci modprobe.blacklist=radeon,snd_hda_intel", init="systemd"),
    Input("driverctl", VFIO, None, {CONFIG: "options vfio-pci ids=\n", f"/etc/driverctl.d/pci-{GPU}": "vfio-pci\n",
                                    f"/etc/driverctl.d/pci-{AUDIO}": "none\n"}, init="systemd"),
]  # fmt: skip
DRACUT_CONF = "/etc/dracut.conf.d/20-mine.conf"
ALL_THERE = CONF + f'add_drivers+=" radeon snd_hda_intel vfio_pci "\ninstall_items+=" {CONFIG} "\n'
DRACUT = [
    Input("udev in dracut's image", RADEON, SND, {CONFIG: GIVES_IDS}),
    Input("rd.driver.pre=", VFIO, VFIO, {CONFIG: GIVES_IDS}, "rd.driver.pre=vfio_pci"),
    Input("force_drivers", VFIO, VFIO, {CONFIG: GIVES_IDS, DRACUT_CONF: 'force_drivers+=" vfio_pci "\n'}),
    # The dracut of Debian 12 keeps them away in the image alone.
    Input("rd.driver.blacklist=", RADEON, SND, {CONFIG: GIVES_IDS}, "rd.driver.blacklist=radeon,snd_hda_intel"),
    # The root file system is there before dracut comes to what waits for settled devices.
    Input("rd.driver.post=", RADEON, SND, {CONFIG: GIVES_IDS},
          "rd.driver.blacklist=radeon,snd_hda_intel rd.driver.post=vfio_pci", known=False),
    Input("rd.modules_load=", VFIO, VFIO, {CONFIG: GIVES_IDS},
          "rd.driver.blacklist=radeon,snd_hda_intel rd.modules_load=vfio_pci"),
]  # fmt: skip


def said_of(machine: Guest, record: Path, words: str) -> dict[str, dict]:
    """What the entry of the menu is said to do that starts next, and passes `words` as well."""
    menu = machine.read_file(MENU).decode()
    with_words = menu.replace("intel_iommu=on", f"intel_iommu=on {words}")
    if with_words == menu:
        raise GuestError("the menu passes no intel_iommu=on")
    machine.write_file(MENU, with_words)
    said = machine.chroot("vfio-switch", "status", "--json", record=record).stdout
    machine.write_file(MENU, menu)
    (entry,) = (entry for entry in json.loads(said)["entries"] if entry["default"])
    return {function["device"]: function for function in entry["functions"]}


def tell(stage: Stage, machine: Guest, record: Path, one: Input, build: str) -> None:
    """The files are there for this boot alone."""
    kept = {path: machine.read_file(path) if machine.exists(path) else None for path in one.files}
    for path, content in one.files.items():
        machine.write_file(path, content, 0o755 if path == HOOK else 0o644)
    machine.chroot("sh", "-euc", build, record=record)
    (release,) = machine.kernels()
    orders = said_of(machine, record, one.words)
    boot = stage.boot(machine, cmdline=one.words, init=one.init, begin_within=200 if build == BY_DRACUT else 0)
    stage.drivers(boot, {GPU: one.gpu, AUDIO: one.audio}, one.name)
    proved = {address: order["winner"] for address, order in orders.items() if order["proved"]}
    if one.known:
        # The audio function of a list is loaded by name, too: that nothing does is not proved.
        stage.as_expected(boot, {address: order["winner"] for address, order in orders.items()}, release, one.name)
    else:
        stage.check(GPU not in proved, f"{one.name}: that is not known", json.dumps(orders[GPU]))
        stage.as_expected(boot, {AUDIO: proved[AUDIO]} if AUDIO in proved else {}, release, one.name)
    for path, content in kept.items():
        machine.remove(path) if content is None else machine.write_file(path, content)


BY_INITRAMFS_TOOLS = "update-initramfs -u"
BY_DRACUT = 'dracut --force "/boot/initrd.img-$(ls /usr/lib/modules)" "$(ls /usr/lib/modules)"'


@story("early", needs_deb=True, minutes=12, why="whose inputs cli/test_early.py and cli/test_outsiders.py have on roots")
def early(stage: Stage) -> None:
    """Each input that loads a driver early or keeps one away, by initramfs-tools' image, the real root and dracut's."""
    record = stage.untouched().record
    with tempfile.TemporaryDirectory(prefix="vm-driverctl-") as scratch:
        # As any user could: apt's own user may not write here.
        words = ["apt-get", "-o", "APT::Sandbox::User=root", "download", "driverctl"]
        subprocess.run(words, cwd=scratch, check=True, stdout=subprocess.DEVNULL)
        (driverctl,) = Path(scratch).glob("*.deb")
        with Guest("early") as machine:
            for package, place in ((stage.deb, PACKAGE), (driverctl, "/opt/vm/driverctl.deb")):
                machine.copy_in(package, place)
            machine.chroot("sh", "-euc", f"dpkg -i {PACKAGE}; dpkg --force-depends -i /opt/vm/driverctl.deb",
                           record=record)
            machine.chroot("vfio-switch", "rollback", record=record)
            for one in INITRAMFS_TOOLS:
                tell(stage, machine, record, one, BY_INITRAMFS_TOOLS)
            prepare(machine, ALL_THERE)
            for one in DRACUT:
                tell(stage, machine, record, one, BY_DRACUT)

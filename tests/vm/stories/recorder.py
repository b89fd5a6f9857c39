# SPDX-License-Identifier: GPL-3.0-or-later
"""vfio-switch report in a real machine: a fixture that plans as the machine itself does."""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from guest import Guest, OBSERVE
from harness import GPU, NATIVE
from story import Stage, story

TOP = Path(__file__).resolve().parents[3]
PROGRAM = "/opt/vm/program/usr/bin/vfio-switch"
QUESTIONS = {"devices": "devices", "plan": "plan enable"}
JOB = (OBSERVE + "dpkg -x /opt/vm/vfio-switch.deb /opt/vm/program\necho RECORD; "
       f"{PROGRAM} report; echo END\n"
       + "".join(f"echo ASK-{name}; {PROGRAM} --json {words}; echo END\n" for name, words in QUESTIONS.items()))


def part(output: str, mark: str) -> str:
    return output.split(f"{mark}\n", 1)[1].split("END\n", 1)[0]


@story("recorder", needs_deb=True)
def recorder(stage: Stage) -> None:
    """A fixture recorded in the guest gives the same devices and the same plan as the guest."""
    with Guest("recorder") as machine, tempfile.TemporaryDirectory(prefix="vm-record-") as scratch:
        machine.copy_in(stage.deb, "/opt/vm/vfio-switch.deb")
        boot = stage.boot(machine, JOB)
        stage.drivers(boot, NATIVE, "recording")
        listing, built = Path(scratch) / "guest.json", Path(scratch) / "root"
        listing.write_text(part(boot.output, "RECORD"))
        recorded = json.loads(listing.read_text())
        stage.equal(recorded["kernels"], machine.kernels(), "the kernels are recorded")
        (card,) = (device for device in recorded["devices"] if device["address"] == GPU)
        stage.equal("radeon" in card["kernel_modules"], True, f"its claimants are recorded: {card['kernel_modules']}")
        subprocess.run([sys.executable, TOP / "tests/machines/build-sysroot", listing, built, "--menu"], check=True)
        # A listing holds no kernel and no image, and the guest's are trimmed ones: fewer modules claim
        # the card, and what the image loads comes before them in the load order.
        for taken in ("usr/lib/modules", "boot"):
            shutil.rmtree(built / taken)
        machine.extract_tree(["/usr/lib/modules", "/boot"], built)
        program = Path(scratch) / "program"
        subprocess.run(["dpkg", "-x", stage.deb, program], check=True)
        for name, words in QUESTIONS.items():
            said = subprocess.run([program / "usr/bin/vfio-switch", "--sysroot", built, "--json", *words.split()],
                                  stdout=subprocess.PIPE, text=True, check=False).stdout
            there, here = json.loads(part(boot.output, f"ASK-{name}")), json.loads(said)
            stage.equal(here, there, f"{name}: the fixture's answer is the guest's")
            if name == "plan":
                stage.equal(there["outcome"], "change", "the plan is one that changes something")

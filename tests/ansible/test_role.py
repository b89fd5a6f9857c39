#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Ansible role, over several machines at once: real machines' listings as roots, and the built program.

Takes a minute: VFIO_SWITCH_ALL=1, which contrib/check --all sets.
"""

import json
import os
import re
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cli"))
from helper import CARD, DESKTOP, VFIO_CONF, VFIO_SWITCH, Run, Sysroot, SysrootCase, run, tool  # noqa: E402

ROLES = HERE.parent.parent / "contrib/ansible/roles"
TWO = "x370-pro-rx570-gtx970-rx550"
ONE = "ich6-radeon-x300"


class Role(SysrootCase):
    def setUp(self) -> None:
        if os.environ.get("VFIO_SWITCH_ALL") != "1":
            self.skipTest("takes a minute; contrib/check --all")
        tool("ansible-playbook")
        super().setUp()
        self.roots: dict[str, Sysroot] = {}
        self.inventory: list[str] = []

    def host(self, name: str, machine: str, variables: str = "") -> Sysroot:
        self.roots[name] = self.machine(machine, to=name)
        self.inventory.append(f"{name} vfio_switch_sysroot={self.roots[name].path} {variables}\n")
        return self.roots[name]

    def play(self, *options: str) -> "tuple[dict[str, dict[str, int]], Run]":
        """Runs the role on every host: their counts, as Ansible's recap has them."""
        (self.scratch / "inventory").write_text("".join(self.inventory))
        play = [{"hosts": "all", "gather_facts": False, "roles": ["vfio_switch"]}]
        (self.scratch / "site.yml").write_text(json.dumps(play))
        command = [tool("ansible-playbook"), "-c", "local", "-i", str(self.scratch / "inventory"), *options,
                   "-e", f"ansible_python_interpreter={sys.executable}", str(self.scratch / "site.yml")]  # fmt: skip
        path = f"{Path(VFIO_SWITCH).parent}:/usr/sbin:/usr/bin:/sbin:/bin"
        done = run(command, PATH=path, HOME=str(self.scratch), ANSIBLE_ROLES_PATH=str(ROLES), ANSIBLE_NOCOLOR="1",
                   ANSIBLE_LOCAL_TEMP=str(self.scratch / "tmp"), ANSIBLE_REMOTE_TEMP=str(self.scratch / "tmp"))  # fmt: skip
        counts = {}
        for name, text in re.findall(r"^(\w+) +: (ok=.*)$", done.out, re.MULTILINE):
            counts[name] = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", text)}
        return counts, done

    def test_check_then_apply_then_nothing_to_do(self) -> None:
        desktop = self.host("desktop", DESKTOP)
        named = self.host("named", TWO, "vfio_switch_device=09:00.0")
        off = self.host("off", DESKTOP, "vfio_switch_mode=disabled")
        before = {name: root.snapshot(without=(), times=True) for name, root in self.roots.items()}

        counts, done = self.play("--check")
        self.assert_status(done, 0)
        # Its settings, and what the plan says.
        self.assertEqual({name: count["changed"] for name, count in counts.items()}, {"desktop": 2, "named": 2, "off": 1})
        self.assertIn(f"write /{VFIO_CONF}", done.out)
        for name, root in self.roots.items():
            self.assert_same_tree(before[name], root.snapshot(without=(), times=True))

        counts, done = self.play()
        self.assert_status(done, 0)
        self.assertEqual({name: count["changed"] for name, count in counts.items()}, {"desktop": 2, "named": 2, "off": 1})
        self.assertIn("10de:1d01", desktop.read(VFIO_CONF))
        self.assertEqual(desktop.run("status", "--json").json["intent"], "enabled")
        self.assertEqual(named.run("plan", "--json").json["functions"], ["0000:09:00.0", "0000:09:00.1"])
        self.assertEqual(named.read("etc/vfio-switch.conf"), "device = 09:00.0\n")
        self.assertFalse(off.exists(VFIO_CONF))

        for options in ((), ("--check",)):
            counts, done = self.play(*options)
            self.assert_status(done, 0)
            self.assertEqual({count["changed"] for count in counts.values()}, {0}, "a second run changes nothing")

    def test_back_to_the_host(self) -> None:
        root = self.host("desktop", DESKTOP, "vfio_switch_mode=disabled")
        self.assert_status(root.run("enable"), 0)
        self.assertEqual([d["address"] for d in root.run("status", "--json").json["devices"]], CARD)
        counts, done = self.play()
        self.assert_status(done, 0)
        self.assertEqual(root.run("status", "--json").json["intent"], "disabled")
        self.assertEqual(self.play()[0]["desktop"]["changed"], 0)

    def test_one_that_cannot_does_not_stop_the_others(self) -> None:
        self.host("desktop", DESKTOP)
        alone = self.host("alone", ONE)
        counts, done = self.play()
        self.assertNotEqual(done.status, 0)
        self.assertEqual({name: count["failed"] for name, count in counts.items()}, {"desktop": 0, "alone": 1})
        self.assertIn("is the only display: without it the host has no screen", done.out)
        self.assertFalse(alone.exists(VFIO_CONF))
        self.assertTrue(self.roots["desktop"].exists(VFIO_CONF))

    def test_other_settings_stay(self) -> None:
        root = self.host("desktop", DESKTOP)
        root.write("etc/vfio-switch.conf", "# ours\ndevice = none\n")
        self.assert_status(self.play()[1], 0)
        self.assertEqual(root.read("etc/vfio-switch.conf"), "# ours\ndevice = auto\n")

    def test_a_risk_is_accepted_by_its_name(self) -> None:
        self.host("desktop", DESKTOP, "vfio_switch_device=00:02.0 vfio_switch_accept='[\"boot-gpu\", \"display-in-use\"]'")
        done = self.play("--check", "-v")[1]
        self.assertIn("--allow-boot-gpu", done.out)
        self.assertIn("--allow-display-in-use", done.out)


if __name__ == "__main__":
    unittest.main()

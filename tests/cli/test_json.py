#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""--json: every key of the schemas, with its type; other programs rely on it."""

import re
import unittest
from typing import Any

from helper import CARD, KERNELS, STATE, Run, SysrootCase, vfio_switch

ADDRESS = re.compile(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
HEX = {"vendor_id": re.compile(r"0x[0-9a-f]{4}"), "device_id": re.compile(r"0x[0-9a-f]{4}")}
NONE = type(None)

REFUSAL_CODES = {
    "no-gpu", "only-gpu", "boot-gpu", "integrated", "host-display", "virtual-function", "display-in-use", "in-use",
    "group-shared", "ids-shared", "ambiguous", "iommu-off", "no-vfio-module", "not-found", "config-conflict",
    "boot-parameter", "foreign-environment", "boot-menu-unknown", "not-automatic", "cmdline-locked", "boot-not-mounted", "user-edited", "interrupted",
}  # fmt: skip
REMEDY = ({"text": str, "steps": [{"kind": {"run", "edit", "by-hand", "or"}}]}, NONE)
CAUSE = re.compile(r"[a-z]+(-[a-z]+)*")
REFUSAL = {
    "code": REFUSAL_CODES, "cause": CAUSE, "message": str, "data": dict, "remedy": REMEDY, "devices": [ADDRESS],
    "difference": (str, NONE),
}  # fmt: skip
REASON = ({"cause": CAUSE, "message": str, "data": dict}, NONE)
NOTES = {"notes": [str], "note_details": [{"code": CAUSE, "cause": CAUSE, "message": str, "data": dict, "remedy": REMEDY}]}
DEVICES = {
    "schema": {1}, "iommu_enabled": bool,
    "devices": [{
        "address": ADDRESS, "vendor_id": HEX["vendor_id"], "device_id": HEX["device_id"],
        "class": re.compile(r"0x[0-9a-f]{6}"), "name": (str, NONE), "driver": (str, NONE), "iommu_group": (int, NONE),
        "boot_vga": (bool, NONE), "modalias": re.compile(r"pci:v[0-9A-F]{8}d.*"),
    }],
    "gpus": [{
        "address": ADDRESS, "functions": [ADDRESS], "eligible": bool, "selected": bool, "refusals": [REFUSAL],
    }],
    "extra_devices": ([{"address": ADDRESS, "eligible": bool, "selected": bool, "refusals": [REFUSAL]}], NONE),
}  # fmt: skip
PLAN = {
    "schema": {1}, "intent": {"enabled", "disabled"}, "outcome": {"change", "nothing", "refused"},
    "refusals": [REFUSAL], "functions": [ADDRESS],
    "changes": [{
        "kind": {"write", "remove", "rebuild-initramfs", "boot-parameters"}, "path": (str, NONE),
        "content": (str, NONE), "kernel": (str, NONE), "command": ([str], NONE),
        "reason": (str, NONE), "reason_details": REASON,
    }],
    "load_order": [{
        "kernel": str, "device": ADDRESS, "modules": [re.compile(r"[^-]+")], "winner": (str, NONE),
        "stage": {"image", "root"}, "proved": bool, "reason": REASON,
    }],
    "no_build": (str, NONE), **NOTES,
}  # fmt: skip
STATUS = {
    "schema": {1}, "intent": {"enabled", "disabled", None},
    "kernels": [{
        "release": str, "image": (str, NONE), "staged": (bool, NONE), "reason": (str, NONE),
        "reason_details": REASON, "files_staged": bool,
        "image_staged": (bool, NONE), "image_needed": bool, "running": bool, "next_boot": {"vfio", "host", "mixed"},
    }],
    "devices": [{"address": ADDRESS, "driver": (str, NONE), "expected_driver": (str, NONE), "active": bool}],
    "next_boot": {"vfio", "host", "mixed"}, "load_order": PLAN["load_order"], "command_line": (str, NONE),
    "parameters": [{"parameter": str, "effect": str, "effect_details": REASON, "keeps_host": bool}], "set_up_pending": (str, NONE),
    "boot_check": (dict, NONE),
}  # fmt: skip
ERROR = {"schema": {1}, "error": {"message": str, "remedy": (str, NONE)}}


def misfits(value: Any, schema: Any, where: str = "$") -> list[str]:
    """What in `value` is not as `schema` says. More keys are allowed; a missing one never is."""
    if isinstance(schema, dict):
        if not isinstance(value, dict):
            return [f"{where}: not an object"]
        found = [f"{where}.{key}: missing" for key in schema if key not in value]
        found += [f"{where}.{key}: not snake_case" for key in value if not re.fullmatch(r"[a-z_]+", key)]
        return found + [m for key in schema if key in value for m in misfits(value[key], schema[key], f"{where}.{key}")]
    if isinstance(schema, list):
        if not isinstance(value, list):
            return [f"{where}: not a list"]
        return [m for i, item in enumerate(value) for m in misfits(item, schema[0], f"{where}[{i}]")]
    if isinstance(schema, re.Pattern):
        return [] if isinstance(value, str) and schema.fullmatch(value) else [f"{where}: {value!r}"]
    if isinstance(schema, set):
        return [] if any(value == one and type(value) is type(one) for one in schema) else [f"{where}: {value!r}"]
    if isinstance(schema, tuple):
        fits = any(not misfits(value, one, where) for one in schema)
        return [] if fits else [f"{where}: {value!r} is none of {len(schema)} kinds"]
    return [] if type(value) is schema else [f"{where}: {value!r} is a {type(value).__name__}"]


class Json(SysrootCase):
    def assert_schema(self, done: Run, schema: Any) -> Any:
        self.assertTrue(done.out.startswith("{") and done.out.endswith("}\n"), done.out)
        value = done.json  # fails where anything stands beside the object
        self.assertEqual(misfits(value, schema), [])
        return value

    def assert_sorted(self, addresses: list[str]) -> None:
        self.assertEqual(addresses, sorted(set(addresses)))

    def test_devices(self) -> None:
        value = self.assert_schema(self.desktop().run("devices", "--all", "--json"), DEVICES)
        self.assertTrue(value["extra_devices"])
        self.assert_sorted([device["address"] for device in value["devices"]])
        self.assert_sorted([gpu["address"] for gpu in value["gpus"]])
        self.assertEqual([gpu["address"] for gpu in value["gpus"]], ["0000:00:02.0", "0000:01:00.0"])
        card = value["gpus"][1]
        self.assertEqual((card["functions"], card["eligible"], card["selected"]), (CARD, True, True))
        device = next(d for d in value["devices"] if d["address"] == CARD[0])
        self.assertEqual(
            (device["vendor_id"], device["device_id"], device["class"], device["driver"], device["boot_vga"]),
            ("0x10de", "0x1d01", "0x030000", "nouveau", False),
        )
        self.assertIsNone(next(d for d in value["devices"] if d["address"] == CARD[1])["boot_vga"])
        self.assertTrue(value["iommu_enabled"])

    def test_devices_are_every_function_of_the_machine(self) -> None:
        root = self.desktop()
        names = sorted(path.name for path in (root.path / "sys/bus/pci/devices").iterdir())
        value = root.run("devices", "--json").json
        self.assertEqual([device["address"] for device in value["devices"]], names)

    def test_plan(self) -> None:
        root = self.desktop()
        value = self.assert_schema(root.run("plan", "--json"), PLAN)
        self.assertEqual([change["kind"] for change in value["changes"]], ["write", "write"])
        self.assertIn("initramfs rebuild not needed", value["no_build"])
        root.write("etc/vfio-switch.conf", "initramfs = always\n")
        value = self.assert_schema(root.run("plan", "--json"), PLAN)
        self.assertIsNone(value["no_build"])
        self.assertEqual((value["intent"], value["outcome"], value["functions"]), ("enabled", "change", CARD))
        kinds = [change["kind"] for change in value["changes"]]
        self.assertEqual(kinds, ["write", "write", "rebuild-initramfs", "rebuild-initramfs"])
        for change in value["changes"]:
            rebuild = change["kind"] == "rebuild-initramfs"
            self.assertEqual((change["kernel"] is None, change["content"] is None), (not rebuild, rebuild))

    def test_enable_disable_and_rollback_print_the_plan(self) -> None:
        root = self.desktop()
        for verb, intent in (("enable", "enabled"), ("disable", "disabled"), ("rollback", "disabled")):
            with self.subTest(verb=verb):
                dry = self.assert_schema(root.run(verb, "--json", "--dry-run"), PLAN)
                value = self.assert_schema(root.run(verb, "--json"), PLAN)
                self.assertEqual(dry, value)
                self.assertEqual((value["intent"], value["outcome"]), (intent, "change"))
                again = self.assert_schema(root.run(verb, "--json"), PLAN)
                self.assertEqual((again["outcome"], again["changes"]), ("nothing", []))

    def test_the_plan_of_disable_says_who_gets_the_card(self) -> None:
        root = self.desktop()
        self.assert_status(root.run("enable"), 0)
        value = self.assert_schema(root.run("plan", "disable", "--json"), PLAN)
        self.assertEqual({order["winner"] for order in value["load_order"]}, {"nouveau", "snd_hda_intel"})

    def test_a_refused_plan(self) -> None:
        value = self.assert_schema(self.machine("lenovo-14acn6-apu").run("plan", "--json"), PLAN)
        self.assertEqual(value["outcome"], "refused")
        self.assertTrue(value["refusals"])

    def test_status(self) -> None:
        root = self.desktop()
        value = self.assert_schema(root.run("status", "--json"), STATUS)
        self.assertEqual((value["intent"], value["next_boot"]), (None, "host"))
        self.assert_status(root.run("enable"), 0)
        value = self.assert_schema(root.run("status", "--json"), STATUS)
        self.assertEqual((value["intent"], value["next_boot"]), ("enabled", "vfio"))
        self.assertEqual(sorted(kernel["release"] for kernel in value["kernels"]), sorted(KERNELS))
        self.assertEqual([device["address"] for device in value["devices"]], CARD)
        self.assertEqual({device["expected_driver"] for device in value["devices"]}, {"vfio-pci"})
        self.assert_status(root.run("disable"), 0)
        value = self.assert_schema(root.run("status", "--json"), STATUS)
        self.assertEqual((value["intent"], value["next_boot"]), ("disabled", "host"))
        self.assertEqual([d["expected_driver"] for d in value["devices"]], ["nouveau", "snd_hda_intel"])
        self.assertEqual([d["active"] for d in value["devices"]], [True, True])

    def test_verify_prints_the_status_and_its_exit_status_tells(self) -> None:
        root = self.desktop()
        self.assert_status(root.run("verify", "--json"), 0)
        self.assert_status(root.run("enable"), 0)
        done = root.run("verify", "--json")
        self.assert_schema(done, STATUS)
        self.assert_status(done, 5)

    def test_a_machine_that_has_booted_with_it_is_active(self) -> None:
        root = self.desktop()
        self.assert_status(root.run("enable"), 0)
        (root.path / "sys/bus/pci/drivers/vfio-pci").mkdir()
        (root.path / "sys/module/vfio_pci").mkdir()
        (root.path / "sys/bus/pci/drivers/vfio-pci/module").symlink_to("../../../../module/vfio_pci")
        for address in CARD:
            driver = root.path / f"sys/bus/pci/devices/{address}/driver"
            driver.unlink()
            driver.symlink_to("../../../../bus/pci/drivers/vfio-pci")
        status = root.run("status", "--json").json
        self.assertEqual([(d["driver"], d["active"]) for d in status["devices"]], [("vfio-pci", True)] * 2)

    def test_errors(self) -> None:
        root = self.desktop()
        damaged = self.machine("ich6-radeon-x300", to="damaged")
        damaged.write(f"{STATE}/state.json", "{")
        cases = [
            (vfio_switch("--json", "frobnicate"), 2),
            (vfio_switch("devices", "--sysroot", f"{self.scratch}/nowhere", "--json"), 1),
            (root.run("enable", "--json", "--device", "nonsense"), 2),
            (damaged.run("status", "--json"), 1),
        ]
        for done, status in cases:
            with self.subTest(command=done.command[1:]):
                self.assert_status(done, status)
                self.assertEqual(done.err, "")
                self.assert_schema(done, ERROR)

    def test_bytes_that_are_not_text(self) -> None:
        root = self.desktop()
        (root.path / "etc/modprobe.d/vfio.conf").write_bytes(b"options vfio-pci \xff\xfe\n")
        self.assert_schema(root.run("plan", "--json", "--force-ours"), PLAN)


class Text(SysrootCase):
    """What goes where without --json."""

    def test_answers_go_to_standard_output(self) -> None:
        root = self.desktop()
        for command in (["devices"], ["status"], ["verify"], ["plan"], ["enable", "--dry-run"]):
            with self.subTest(command=command):
                done = root.run(*command)
                self.assertTrue(done.out)
                self.assertEqual(done.err, "")

    def test_progress_and_errors_go_to_standard_error(self) -> None:
        done = self.desktop().run("enable")
        self.assertIn("write /etc/modprobe.d/vfio.conf", done.err)
        self.assertNotIn("write /etc", done.out)
        done = vfio_switch("frobnicate")
        self.assertEqual(done.out, "")
        self.assertTrue(done.err)

    def test_nothing_is_coloured_and_no_line_is_redrawn_without_a_terminal(self) -> None:
        root = self.desktop()
        for command in (["devices"], ["plan"], ["enable"], ["status"], ["rollback"]):
            done = root.run(*command)
            self.assertNotRegex(done.out + done.err, "[\x1b\r]")


if __name__ == "__main__":
    unittest.main()

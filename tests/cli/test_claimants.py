#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which drivers could take the card, and which will: new drivers beside old ones, and vfio-pci's variants."""

import os
import shutil
import unittest
from typing import Any, Optional

from helper import CARD, DESKTOP, KERNELS, STAND_IN, VFIO_SWITCH, Run, Sysroot, SysrootCase
from helper import as_root, environment, run, tool
import stub_kernel  # noqa: E402  (helper makes its directory known)

GPU, SOUND = CARD
NVIDIA_DISPLAYS = ["pci:v000010DEd*sv*sd*bc03sc00i*", "pci:v000010DEd*sv*sd*bc03sc02i*"]
HDA = {"snd_hda_intel": ["pci:v000010DEd*sv*sd*bc04sc03i00*"]}


class FoundOnce(SysrootCase):
    """Only who looks for claimants reads a kernel's modules.dep; images have one of their own."""

    def reads(self, root: Sysroot, *arguments: str) -> int:
        log = self.scratch / "trace"
        trace = [tool("strace"), "-y", "-o", str(log), "-e", "trace=openat"]
        command = [*as_root(), *trace, VFIO_SWITCH, "--sysroot", str(root.path), *arguments]
        done = run(command, ASAN_OPTIONS=environment()["ASAN_OPTIONS"] + ":detect_leaks=0")
        opened = [line for line in log.read_text().splitlines() if line.startswith("openat(")]
        if not opened:
            self.skipTest(f"strace cannot trace here: {done.err.strip()}")
        self.assertIn(done.status, (0, 3, 5), f"\n{done}")
        return sum('"modules.dep"' in line and f"<{root.path}/usr/lib/modules/" in line for line in opened)

    def two_kernels(self) -> Sysroot:
        root = self.machine("z370-gt1030-no-param", *(word for kernel in KERNELS for word in ("--kernel", kernel)))
        shutil.copy(STAND_IN, root.path / "usr/sbin/update-initramfs")
        root.write("etc/vfio-switch.conf", "initramfs = always\n")
        root.write("etc/stand-in-initramfs", "")
        return root

    def test_for_a_plan_not_for_each_image(self) -> None:
        root = self.two_kernels()
        self.assertEqual(self.reads(root, "plan", "enable"), len(KERNELS))
        planned_twice = 2 * len(KERNELS)  # the second time behind the lock
        self.assertEqual(self.reads(root, "enable", "--rebuild"), planned_twice)
        self.assertEqual(self.reads(root, "disable", "--rebuild"), planned_twice)

    def test_for_a_status_and_a_diagnosis(self) -> None:
        root = self.two_kernels()
        for command in (["status"], ["doctor"]):
            self.assertEqual(self.reads(root, *command), len(KERNELS), command)


class StubKernel(SysrootCase):
    def with_drivers(self, *names: str, more: Optional[dict[str, list[str]]] = None, to: str = "root") -> Sysroot:
        """A kernel in which `names` claim every display of NVIDIA's; the first that modules.alias names comes first."""
        root = self.machine(DESKTOP, to=to)
        shutil.rmtree(root.path / "usr/lib/modules" / KERNELS[0])
        drivers = {name: NVIDIA_DISPLAYS for name in names}
        stub_kernel.place(root.path, KERNELS[0], {**drivers, **HDA, **(more or {})}, tool("depmod"))
        return root

    def plan(self, root: Sysroot, intent: str) -> Any:
        done = root.run("plan", intent, "--json")
        self.assert_status(done, 0)
        return done.json

    def winners(self, plan: Any) -> dict[str, Optional[str]]:
        self.assertEqual([one["device"] for one in plan["load_order"] if not one["proved"]], [])
        return {one["device"]: one["winner"] for one in plan["load_order"]}

    def bind(self, root: Sysroot, address: str, driver: str) -> None:
        """The function gets a driver, which is a module of the same name."""
        module = driver.replace("-", "_")
        home = root.path / "sys/bus/pci/drivers" / driver
        home.mkdir(parents=True, exist_ok=True)
        (root.path / "sys/module" / module).mkdir(parents=True, exist_ok=True)
        if not (home / "module").is_symlink():
            (home / "module").symlink_to(f"../../../../module/{module}")
        link = (root.path / "sys/bus/pci/devices" / address).resolve() / "driver"
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.relpath(home, link.parent))


class Claimants(StubKernel):
    def test_every_driver_of_a_new_kernel_waits_for_vfio_pci(self) -> None:
        root = self.with_drivers("nouveau", "nova_core", "nvidia")
        self.assertEqual(self.winners(self.plan(root, "enable")), {GPU: "vfio-pci", SOUND: "vfio-pci"})
        self.assert_status(root.run("enable"), 0)
        conf = root.read("etc/modprobe.d/vfio.conf")
        for name in ("nouveau", "nova_core", "nvidia"):
            self.assertIn(f"softdep {name} pre: vfio-pci\n", conf)

    def test_xe_beside_i915(self) -> None:
        root = self.machine("arc-a770-5600g")
        shutil.rmtree(root.path / "usr/lib/modules" / KERNELS[0])
        alias = ["pci:v00008086d000056A0sv*sd*bc03sc*i*"]
        stub_kernel.place(root.path, KERNELS[0], {"i915": alias, "xe": alias, **HDA}, tool("depmod"))
        plan = root.run("plan", "enable", "--json", "--device", "8086:56a0").json  # the only display
        (gpu,) = [one for one in plan["load_order"] if "i915" in one["modules"]]
        self.assertEqual((gpu["winner"], gpu["modules"]), ("vfio-pci", ["vfio_pci", "i915", "xe"]))

    def test_a_configuration_of_before_nova(self) -> None:
        """Written by hand for the drivers of an older kernel; of the new one's nobody thought."""
        root = self.with_drivers("nouveau", "nova_core")
        root.write("etc/modprobe.d/blacklist-nouveau.conf", "blacklist nouveau\noptions nouveau modeset=0\n")
        root.write("etc/modprobe.d/vfio.conf", "softdep nouveau pre: vfio-pci\nsoftdep nvidia pre: vfio-pci\n"
                   "softdep snd_hda_intel pre: vfio-pci\noptions vfio-pci ids=10de:1d01,10de:0fb8\n")  # fmt: skip
        status = root.run("status", "--json").json
        self.assertEqual(self.winners(status), {GPU: "nova_core", SOUND: "vfio-pci"})
        self.assertRegex(root.run("status").out, "nova_core will bind 0000:01:00.0 and vfio-pci will bind 0000:01:00.1")
        found = {one["code"]: one for one in root.run("doctor", "--json").json["findings"]}
        lost = found["passthrough-lost"]
        self.assertEqual(lost["devices"], [GPU])
        self.assertIn("nova_core is loaded before vfio-pci", lost["message"])
        self.assertEqual(self.winners(self.plan(root, "enable")), {GPU: "vfio-pci", SOUND: "vfio-pci"})


class AfterDisable(StubKernel):
    def disabled(self, root: Sysroot) -> Run:
        self.assert_status(root.run("enable"), 0)
        self.plan_then = self.plan(root, "disable")
        done = root.run("disable")
        self.assert_status(done, 0)
        return done

    def test_another_driver_than_before_is_said_by_name(self) -> None:
        root = self.with_drivers("nova_core", "nvidia")
        self.bind(root, GPU, "nvidia")
        done = self.disabled(root)
        self.assertEqual(self.winners(self.plan_then), {GPU: "nova_core", SOUND: "snd_hda_intel"})
        self.assertIn("At the next boot nova_core will take 0000:01:00.0 and snd_hda_intel will take 0000:01:00.1",
                      done.out)  # fmt: skip
        self.assertIn("nova_core and snd_hda_intel will bind the card", root.run("status").out)

    def test_a_blacklist_counts_as_for_udev(self) -> None:
        root = self.with_drivers("nouveau", "nova_core")
        root.write("etc/modprobe.d/n.conf", "blacklist nouveau\n")
        self.disabled(root)
        self.assertEqual(self.winners(self.plan_then)[GPU], "nova_core")

    def test_nobody(self) -> None:
        root = self.with_drivers("nouveau", "nova_core")
        root.write("etc/modprobe.d/n.conf", "blacklist nouveau\ninstall nova-core /bin/false\n")
        said = ("no driver will bind 0000:01:00.0: /etc/modprobe.d/n.conf:1 and /etc/modprobe.d/n.conf:2 keep "
                "nouveau and nova_core from being loaded")  # fmt: skip
        done = self.disabled(root)
        self.assertEqual(self.winners(self.plan_then), {GPU: None, SOUND: "snd_hda_intel"})
        self.assertIn(said, self.plan_then["notes"])
        self.assertIn("At the next boot no driver will take 0000:01:00.0", done.out)
        status = root.run("status")
        self.assertIn(said, " ".join(status.out.split()))
        self.assertIn("no driver will bind 0000:01:00.0 and snd_hda_intel will bind", status.out)

    def test_a_module_that_the_command_line_refuses(self) -> None:
        root = self.with_drivers("nouveau")
        root.boot_with("module_blacklist=nouveau")
        self.disabled(root)
        self.assertEqual(self.winners(self.plan_then)[GPU], None)
        self.assertIn("no driver will bind 0000:01:00.0: module_blacklist=nouveau keeps nouveau from being loaded",
                      self.plan_then["notes"])  # fmt: skip


class Variants(StubKernel):
    VARIANT = {"nvgrace_gpu_vfio_pci": ["vfio_pci:v000010DEd00001D01sv*sd*bc*sc*i*"]}

    def test_one_that_knows_the_card_is_named(self) -> None:
        others = {"mlx5_vfio_pci": ["vfio_pci:v000015B3d*sv*sd*bc*sc*i*"]}
        root = self.with_drivers("nouveau", more={**self.VARIANT, **others})
        said = f"libvirt 10.0 and later binds {GPU} to nvgrace_gpu_vfio_pci instead of vfio-pci"
        plan = self.plan(root, "enable")
        self.assertEqual([note for note in plan["notes"] if "libvirt" in note and note.startswith(said)],
                         [note for note in plan["notes"] if "libvirt" in note])  # fmt: skip
        self.assertIn("variant-driver", [note["code"] for note in plan["note_details"]])
        self.assertEqual(self.winners(plan)[GPU], "vfio-pci", "a variant binds nothing by itself")
        self.assert_status(root.run("enable"), 0)
        self.assertIn(said, " ".join(root.run("status").out.split()))
        self.assertNotIn("softdep nvgrace", root.read("etc/modprobe.d/vfio.conf"))

    def test_no_other_card_has_one(self) -> None:
        root = self.with_drivers("nouveau", more={"xe_vfio_pci": ["vfio_pci:v00008086d0000E211sv*sd*bc03sc*i*"]})
        self.assertNotIn("libvirt", root.run("plan", "enable").out)

    def test_a_card_on_one_is_on_vfio(self) -> None:
        root = self.with_drivers("nouveau", more=self.VARIANT)
        self.assert_status(root.run("enable"), 0)
        self.bind(root, GPU, "nvgrace-gpu-vfio-pci")
        self.bind(root, SOUND, "vfio-pci")
        status = root.run("status", "--json").json
        self.assertEqual([one["active"] for one in status["devices"]], [True, True])
        self.assertIn("0000:01:00.0 nvgrace-gpu-vfio-pci", root.run("status").out)
        self.assertNotIn("expected", root.run("status").out)
        self.assertIn("nvgrace-gpu-vfio-pci", root.run("devices").out)

    def test_it_is_not_taken_for_a_driver_of_the_host(self) -> None:
        root = self.with_drivers("nouveau", more=self.VARIANT)
        self.bind(root, GPU, "nvgrace-gpu-vfio-pci")
        self.assert_status(root.run("enable"), 0)
        self.assertNotIn("softdep nvgrace", root.read("etc/modprobe.d/vfio.conf"))


if __name__ == "__main__":
    unittest.main()

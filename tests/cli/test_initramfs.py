#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""--rebuild: the initramfs tool of the sysroot is run, and its failure leaves nothing behind."""

import os
import shutil
import signal
import subprocess
import unittest

from helper import KERNELS, MODULES_LOAD, STAND_IN, VFIO_CONF, VFIO_SWITCH, Run, Sysroot, SysrootCase
from helper import as_root, environment, run
from tap import slow

WORDS = "W: Possible missing firmware, and other words of the tool"
IMAGES = {kernel: f"boot/initrd.img-{kernel}" for kernel in KERNELS}


class Rebuild(SysrootCase):
    def prepared(self, behaviour: str = "", to: str = "root") -> Sysroot:
        options = (word for kernel in KERNELS for word in ("--kernel", kernel))
        root = self.machine("z370-gt1030-no-param", *options, to=to)
        shutil.copy(STAND_IN, root.path / "usr/sbin/update-initramfs")
        root.write("etc/vfio-switch.conf", "initramfs = always\n")
        root.write("etc/stand-in-initramfs", behaviour)
        return root

    def rebuild(self, root: Sysroot, *arguments: str) -> Run:
        return root.run(*arguments, "--rebuild", prefix=as_root())

    def assert_built(self, root: Sysroot, kernel: str, why: str = "") -> None:
        image = (root.path / IMAGES[kernel]).read_bytes()
        self.assertIn(f"built by the stand-in for {kernel}\n".encode(), image, why)

    def test_success_replaces_every_image(self) -> None:
        root = self.prepared(f"say {WORDS}\n")
        done = self.rebuild(root, "enable")
        self.assert_status(done, 0)
        self.assertNotIn("stale", done.out)
        self.assertIn(WORDS, done.err, "the tool's output is shown as it comes")
        for number, kernel in enumerate(sorted(KERNELS, reverse=True), 1):
            self.assert_built(root, kernel)
            self.assertIn(f"rebuild /{IMAGES[kernel]}", done.err)
        for number in (1, 2):
            self.assertIn(f"({number} of 2)", done.err)
        self.assertEqual(sorted(p.name for p in (root.path / "boot").iterdir() if "vfio" in p.name), [])

    def test_whose_hardware_the_tool_sees_is_said(self) -> None:
        self.assertIn("hardware of this machine, not that of", self.rebuild(self.prepared(), "enable").err)

    def test_status_says_staged_afterwards(self) -> None:
        root = self.prepared()
        self.assertEqual(root.run("enable").status, 0)
        kernels = root.run("status", "--json").json["kernels"]
        self.assertEqual([k["staged"] for k in kernels], [False, False], "the images are stale")
        self.assert_status(self.rebuild(root, "enable"), 0)
        status = root.run("status", "--json").json
        self.assertEqual([k["staged"] for k in status["kernels"]], [True, True])
        self.assertEqual([d["active"] for d in status["devices"]], [False, False], "staged is not active")
        self.assertEqual(status["next_boot"], "vfio")
        self.assert_status(root.run("verify"), 5)

    @slow
    def test_images_are_stale_where_only_the_files_were_taken_back(self) -> None:
        for verb in ("disable", "rollback"):
            with self.subTest(verb=verb):
                root = self.prepared(to=verb)
                self.assert_status(self.rebuild(root, "enable"), 0)
                self.assert_status(root.run(verb), 0)
                status = root.run("status", "--json").json
                # After a rollback nothing is wanted that could be staged.
                self.assertEqual([k["staged"] for k in status["kernels"]], [verb == "rollback"] * 2)
                self.assertEqual(status["next_boot"], "vfio", "they hold the old configuration")

    @slow
    def test_disable_and_rollback_rebuild_too(self) -> None:
        root = self.prepared()
        without = ("var/lib/vfio-switch", "boot/initrd.img-*")
        before = root.snapshot(without)
        self.assert_status(self.rebuild(root, "enable"), 0)
        for verb in ("disable", "rollback"):
            for image in IMAGES.values():
                root.write(image, "an image with the old configuration\n")
            self.assert_status(self.rebuild(root, verb), 0)
            for kernel in KERNELS:
                self.assert_built(root, kernel, verb)
        self.assert_same_tree(before, root.snapshot(without))

    def test_the_sysroot_gets_no_mount_points_and_keeps_no_file_of_ours(self) -> None:
        root = self.prepared()
        without = ("var/lib/vfio-switch", "boot/initrd.img-*", VFIO_CONF, MODULES_LOAD)
        before = root.snapshot(without)
        self.assert_status(self.rebuild(root, "enable"), 0)
        self.assert_same_tree(before, root.snapshot(without))

    def test_a_failure_puts_everything_back(self) -> None:
        for number, failing in enumerate(KERNELS):
            with self.subTest(fails=failing):
                root = self.prepared(f"say {WORDS}\nfail {failing}\n", to=str(number))
                before = root.snapshot(times=True)
                done = self.rebuild(root, "enable")
                self.assert_status(done, 1)
                for words in (
                    f"update-initramfs failed for kernel {failing} with exit status 1",
                    f"cp: error writing '/boot/initrd.img-{failing}.new': No space left on device",
                    WORDS,
                    "All changes were undone",
                ):
                    self.assertIn(words, done.err)
                self.assertNotIn("Done.", done.out)
                self.assert_same_tree(before, root.snapshot(times=True))
                self.assertIsNone(root.run("status", "--json").json["intent"])

    def test_a_failing_disable_stays_enabled(self) -> None:
        root = self.prepared()
        self.assert_status(self.rebuild(root, "enable"), 0)
        root.write("etc/stand-in-initramfs", f"fail {KERNELS[0]}\n")
        before = root.snapshot()
        for verb in ("disable", "rollback"):
            with self.subTest(verb=verb):
                self.assert_status(self.rebuild(root, verb), 1)
                self.assert_same_tree(before, root.snapshot())
                self.assertEqual(root.run("status", "--json").json["intent"], "enabled")

    def test_after_a_failure_the_images_are_as_current_as_before(self) -> None:
        root = self.prepared()
        self.assert_status(self.rebuild(root, "enable"), 0)
        before = root.run("status", "--json").json
        self.assertEqual([k["staged"] for k in before["kernels"]], [True, True])
        root.write("etc/stand-in-initramfs", f"fail {KERNELS[0]}\n")
        self.assert_status(self.rebuild(root, "disable"), 1)
        self.assertEqual(root.run("status", "--json").json, before)

    def test_after_a_failure_the_next_try_works_and_rolls_back(self) -> None:
        root = self.prepared(f"fail {KERNELS[1]}\n")
        without = ("var/lib/vfio-switch", "boot/initrd.img-*", "etc/stand-in-initramfs")
        before = root.snapshot(without)
        self.assert_status(self.rebuild(root, "enable"), 1)
        root.write("etc/stand-in-initramfs", "")
        self.assert_status(self.rebuild(root, "enable"), 0)
        self.assert_status(self.rebuild(root, "rollback"), 0)
        self.assert_same_tree(before, root.snapshot(without))

    @slow
    def test_a_build_that_proves_nothing_is_a_failure(self) -> None:
        for what, behaviour, words in (
            ("no configuration", "forget etc/modprobe.d/", "lacks /etc/modprobe.d/vfio.conf"),
            ("the driver comes first", "early nouveau\nforget etc/modprobe.d", "loaded in the initramfs before vfio-pci"),
            ("vfio-pci without ids", "forget etc/modprobe.d", "lacks the configuration that binds the card"),
            ("no archive", "forget TRAILER!!!", "truncated"),
        ):
            with self.subTest(what):
                root = self.prepared(f"{behaviour}\n", to=what)
                before = root.snapshot(times=True)
                done = self.rebuild(root, "enable")
                self.assert_status(done, 1)
                # The image of the default entry is built last.
                self.assertIn(f"/{IMAGES[KERNELS[0]]} was rebuilt but does not do what is configured", done.err)
                self.assertIn(words, done.err)
                self.assertIn("All changes were undone", done.err)
                self.assert_same_tree(before, root.snapshot(times=True))

    def test_vfio_pci_missing_from_the_image_alone_leaves_it_to_the_real_root(self) -> None:
        root = self.prepared(f"forget lib/modules/{KERNELS[0]}/kernel/drivers/vfio\n")
        self.assert_status(self.rebuild(root, "enable"), 0)
        orders = root.run("plan", "enable", "--json").json["load_order"]
        stages = {order["kernel"]: order["stage"] for order in orders}
        self.assertEqual(stages, {KERNELS[0]: "root", KERNELS[1]: "image"})
        self.assertEqual({order["winner"] for order in orders}, {"vfio-pci"})

    @slow
    def test_status_and_verify_look_into_the_images(self) -> None:
        root = self.prepared()
        self.assert_status(self.rebuild(root, "enable"), 0)
        image = root.path / IMAGES[KERNELS[0]]
        content = image.read_bytes()
        for what, new, words in (
            ("truncated", content[: len(content) // 2], "truncated"),
            ("empty", b"", "is empty"),
            ("something else", b"hello\n", "not an initramfs"),
            ("padded", bytes(512) + content + bytes(8), None),
            ("stale", content.replace(b"ids=10de:1d01", b"ids=10de:1d02"), "stale"),
            ("missing", None, "this kernel has no initramfs"),
        ):
            with self.subTest(what):
                image.unlink()
                if new is not None:
                    image.write_bytes(new)
                for verb in ("status", "verify"):
                    done = root.run(verb, "--json")
                    self.assert_status(done, 5 if verb == "verify" else 0)
                    kernels = {kernel["release"]: kernel for kernel in done.json["kernels"]}
                    self.assertEqual(kernels[KERNELS[0]]["staged"], words is None)
                    self.assertTrue(kernels[KERNELS[1]]["staged"])
                    if words is not None:
                        self.assertIn(words, kernels[KERNELS[0]]["reason"])
                        self.assertIn(kernels[KERNELS[0]]["reason"], root.run(verb).out)
                image.write_bytes(content)

    def test_an_image_that_fell_short_is_built_anew_and_no_other(self) -> None:
        root = self.prepared()
        self.assert_status(self.rebuild(root, "enable"), 0)
        image = root.path / IMAGES[KERNELS[0]]
        image.write_bytes(image.read_bytes()[:4096])
        # Without --rebuild nothing may be built below a sysroot, so the plan is asked.
        plan = root.run("status", "--json").json
        self.assertEqual([k["staged"] for k in plan["kernels"]], [True, False])

    def test_next_boot_is_what_the_images_do(self) -> None:
        """The files on disk say vfio-pci; the images, which come first, say nouveau."""
        root = self.prepared()
        self.assert_status(self.rebuild(root, "enable"), 0)
        root.write("etc/stand-in-initramfs", "early nouveau\n")
        vfio_conf = root.read(VFIO_CONF)
        root.write(VFIO_CONF, "")
        subprocess.run([*as_root(), "unshare", "--root", str(root.path), "/usr/sbin/update-initramfs", "-u", "-k",
                        KERNELS[0]], check=True, capture_output=True)  # fmt: skip
        root.write(VFIO_CONF, vfio_conf)
        status = root.run("status", "--json").json
        # The default entry starts the newer kernel.
        self.assertEqual(status["next_boot"], "vfio")
        self.assertEqual([k["next_boot"] for k in status["kernels"]], ["vfio", "host"])
        self.assertEqual([entry["next_boot"] for entry in status["entries"]], ["vfio"] * 3 + ["host"] * 2)
        self.assertEqual([k["staged"] for k in status["kernels"]], [True, False])

    def test_an_image_for_root_alone_is_unknown_to_others(self) -> None:
        if os.geteuid() != 0:
            self.skipTest("needs a file of root's")
        root = self.prepared()
        self.assert_status(self.rebuild(root, "enable"), 0)
        (root.path / IMAGES[KERNELS[0]]).chmod(0o600)
        program = self.scratch / "vfio-switch"
        shutil.copy(VFIO_SWITCH, program)
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(program)]
        done = run([*command, "--sysroot", str(root.path), "status", "--json"])
        self.assert_status(done, 0)
        kernels = {kernel["release"]: kernel for kernel in done.json["kernels"]}
        self.assertIsNone(kernels[KERNELS[0]]["staged"])
        self.assertIn("only root can read it", kernels[KERNELS[0]]["reason"])
        if "only root can unpack" in (kernels[KERNELS[1]]["reason"] or ""):
            self.skipTest("no user namespace can be made here, as in a chroot")
        self.assertIs(kernels[KERNELS[1]]["staged"], True, f"libkmod works in a user namespace: {kernels[KERNELS[1]]}")

    def test_a_failure_as_json(self) -> None:
        root = self.prepared(f"say {WORDS}\nfail {KERNELS[0]}\n")
        done = self.rebuild(root, "enable", "--json")
        self.assert_status(done, 1)
        self.assertEqual(done.json["schema"], 1)
        self.assertIn("No space left on device", done.json["error"]["message"])
        self.assertIn("All changes were undone", done.json["error"]["remedy"])

    def test_a_root_without_the_tool(self) -> None:
        root = self.prepared()
        (root.path / "usr/sbin/update-initramfs").unlink()
        before = root.snapshot(times=True)
        done = self.rebuild(root, "enable")
        self.assert_status(done, 1)
        self.assertIn("no initramfs tool is installed; looked for update-initramfs", done.err)
        self.assert_same_tree(before, root.snapshot(times=True))

    def test_a_tool_that_does_not_start(self) -> None:
        root = self.prepared()
        root.write("usr/sbin/update-initramfs", "#!/no/such/interpreter\n", mode=0o755)
        before = root.snapshot(times=True)
        done = self.rebuild(root, "enable")
        self.assert_status(done, 1)
        self.assertIn("No such file or directory", done.err)
        self.assert_same_tree(before, root.snapshot(times=True))

    def test_an_image_that_is_a_link_out_of_the_root(self) -> None:
        root = self.prepared()
        image = root.path / IMAGES[KERNELS[0]]
        image.unlink()
        outside = self.scratch / "outside"
        outside.write_text("not ours\n")
        image.symlink_to(outside)
        self.rebuild(root, "enable")
        self.assertEqual(outside.read_text(), "not ours\n")

    def interrupted(self) -> Sysroot:
        """An enable that was killed while the tool was at work."""
        root = self.prepared("wait\n")
        command = [*as_root(), VFIO_SWITCH, "--sysroot", str(root.path), "enable", "--rebuild"]
        writer = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(), start_new_session=True
        )
        try:
            self.assertTrue(root.wait_for("run/stand-in-waits"))
            self.assertTrue(root.exists(VFIO_CONF))
        finally:
            os.killpg(writer.pid, signal.SIGKILL)
            writer.wait()
        (root.path / "run/stand-in-waits").unlink()
        return root

    def test_an_interrupted_run_is_taken_back_by_the_next(self) -> None:
        root = self.interrupted()
        root.write("etc/stand-in-initramfs", "")
        done = self.rebuild(root, "disable")
        self.assert_status(done, 0)
        self.assertIn("an interrupted 'enable' was undone", done.err)
        fresh = self.prepared(to="fresh")
        self.assert_same_tree(fresh.snapshot(times=False), root.snapshot(times=False))

    def test_taking_back_is_said_also_where_the_next_run_fails(self) -> None:
        root = self.interrupted()
        root.write("etc/stand-in-initramfs", f"fail {KERNELS[0]}\n")
        done = self.rebuild(root, "enable")
        self.assert_status(done, 1)
        fresh = self.prepared(f"fail {KERNELS[0]}\n", to="fresh")
        self.assert_same_tree(fresh.snapshot(), root.snapshot())
        self.assertIn("an interrupted 'enable' was undone", done.err)


if __name__ == "__main__":
    unittest.main()

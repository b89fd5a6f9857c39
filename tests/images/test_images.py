#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Genuine images, whole and damaged: what vfio-switch sees in them, and what it costs.

Environment: LIST_IMAGE, tests/images/list_image.cc built; MEASURE, tests/bench/measure.c built.
VFIO_SWITCH_ALL=1: every compression and every generator, not a few of them.
VFIO_SWITCH_FAST=1: none that takes a generator.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from typing import Optional

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli")]
import roots  # noqa: E402
from helper import environment, record  # noqa: E402
from tap import slow  # noqa: E402

LIST_IMAGE = os.environ.get("LIST_IMAGE", "")
EVERYTHING = os.environ.get("VFIO_SWITCH_ALL") == "1"
COMPRESSIONS = ["zstd", "gzip", "xz"] + (["lz4", "lzma", "bzip2"] if EVERYTHING else [])
COMPRESSORS = {
    "zstd": ["zstd", "-q", "-c"], "gzip": ["gzip", "-c"], "xz": ["xz", "-c", "--check=crc32"], "lz4": ["lz4", "-lc"],
    "lzma": ["xz", "-c", "--format=lzma"], "bzip2": ["bzip2", "-c"],
}  # fmt: skip
CONF = "etc/modprobe.d/vfio.conf"
DAMAGES = 200
SEED = 20261122
# Seconds for one image: of a processor, which a busy machine does not lengthen; and in all.
WORK, PATIENCE = 60, 300


def newc(members: list[tuple[str, Optional[bytes]]]) -> bytes:
    """A cpio archive; directories have no content."""
    archive = b""
    for inode, (name, content) in enumerate([*members, ("TRAILER!!!", b"")], 1):
        mode = 0o40755 if content is None else 0o100644
        fields = (inode, mode, 0, 0, 1, 0, len(content or b""), 0, 0, 0, 0, len(name) + 1, 0)
        archive += b"070701" + b"".join(b"%08X" % value for value in fields) + name.encode() + b"\0"
        archive += bytes(-len(archive) % 4) + (content or b"")
        archive += bytes(-len(archive) % 4)
    return archive


def link(name: str, target: str) -> bytes:
    """An archive with a symbolic link."""
    archive = bytearray(newc([(name, target.encode())]))
    archive[14:22] = b"%08X" % 0o120777
    return bytes(archive)


def hard_links(*names: str) -> bytes:
    """An archive with an empty file of several names."""
    archive = newc([(name, b"") for name in names])
    parts = []
    for part in archive.split(b"070701")[1:]:
        fields = bytearray(b"070701" + part)
        fields[6:14], fields[38:46] = b"%08X" % 1, b"%08X" % len(names)
        parts.append(bytes(fields))
    return b"".join(parts)


def conf(text: str) -> bytes:
    return newc([("etc", None), ("etc/modprobe.d", None), (CONF, text.encode())])


def compressed(how: str, data: bytes) -> bytes:
    return data if how == "raw" else subprocess.run(COMPRESSORS[how], input=data, check=True, capture_output=True).stdout


def unified(initrd: bytes) -> bytes:
    """A PE file with the sections .linux and .initrd, as ukify lays them out."""
    sections, data, at = b"", b"", 0x400
    for name, content in ((b".linux", b"MZ no kernel"), (b".initrd", initrd)):
        room = len(content) + -len(content) % 512
        sections += struct.pack("<8sIIIIIIHHI", name, len(content), at, room, at, 0, 0, 0, 0, 0x40000040)
        data += content.ljust(room, b"\0")
        at += room
    dos = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x80)
    header = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 2, 0, 0, 0, 240, 0x22) + bytes(240)
    return (dos.ljust(0x80, b"\0") + header + sections).ljust(0x400, b"\0") + data


class Listing:
    """What list-image said of an image."""

    def __init__(self, image: Path) -> None:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            started = time.monotonic()
            limited = ["sh", "-c", f'ulimit -t {WORK}; exec "$@"', "sh"]
            child = subprocess.Popen([*limited, LIST_IMAGE, str(image)], stdout=out, stderr=err, env=environment())
            timer = PATIENCE
            while (done := os.waitpid(child.pid, os.WNOHANG))[0] == 0:
                if time.monotonic() - started > timer:
                    child.kill()
                    os.waitpid(child.pid, 0)
                    raise AssertionError(f"{image}: no end after {timer} s")
                time.sleep(0.002)
            child.returncode = os.waitstatus_to_exitcode(done[1])
            self.status = child.returncode
            out.seek(0)
            err.seek(0)
            self.lines = out.read().decode(errors="replace").splitlines()
            self.error = err.read().decode(errors="replace").strip()
            record(self.error)
        if self.status not in (0, 1):
            raise AssertionError(f"{image}: exit status {self.status}\n{self.error}")

    @property
    def shown(self) -> list[str]:
        """The lines without digests."""
        return [re.sub(r"^(f \S+) .*", r"\1", line) for line in self.lines]

    @property
    def digests(self) -> dict[str, str]:
        return {words[1]: words[2] for line in self.lines if len(words := line.split()) == 3 and words[0] == "f"}


def expected(tree: Path) -> tuple[set[str], dict[str, str]]:
    """All paths of a tree as list-image writes them, without digests, and the digest of every file."""
    lines, digests = set(), {}
    for where, directories, files in os.walk(tree):
        for name in [*directories, *files]:
            path = Path(where, name)
            shown = "/" + str(path.relative_to(tree))
            if path.is_symlink():
                lines.add(f"l {shown} -> {os.readlink(path)}")
            elif path.is_dir():
                lines.add(f"d {shown}")
            elif path.is_file():
                lines.add(f"f {shown}")
                digests[shown] = hashlib.sha256(path.read_bytes()).hexdigest()
    return lines, digests


class ImageCase(unittest.TestCase):
    maxDiff = 2000

    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory(prefix="vfio-switch-images-")
        self.addCleanup(scratch.cleanup)
        self.scratch = Path(scratch.name)

    def listed(self, data: bytes) -> Listing:
        image = self.scratch / "image"
        image.write_bytes(data)
        return Listing(image)


class Genuine(ImageCase):
    """Built by the distribution's own tools."""

    @classmethod
    def setUpClass(cls) -> None:
        if os.geteuid() != 0:
            raise unittest.SkipTest("building images takes root")
        if os.environ.get("VFIO_SWITCH_FAST") == "1":
            raise unittest.SkipTest("building images takes a minute: left out by --fast")
        for tool in ("mmdebstrap", "unmkinitramfs"):
            if shutil.which(tool) is None:
                raise unittest.SkipTest(f"{tool} is not installed")
        roots.check_sources()
        scratch = tempfile.TemporaryDirectory(prefix="vfio-switch-images-")
        cls.addClassCleanup(scratch.cleanup)
        cls.root = roots.image_root(Path(scratch.name))
        (cls.root / CONF).write_text("options vfio-pci ids=1:2\n")
        with open(cls.root / "etc/initramfs-tools/modules", "a", encoding="ascii") as early:
            early.write("vfio-pci\n")
        cls.zstd = roots.update_initramfs(cls.root).read_bytes()

    def check(self, image: Path) -> None:
        listing = Listing(image)
        self.assertEqual((listing.status, listing.error), (0, ""))
        lines, digests = expected(roots.reference(image, self.scratch / "reference"))
        shutil.rmtree(self.scratch / "reference")
        seen = {" ".join(line.split()[:2]) if line.startswith("f ") else line for line in listing.lines}
        self.assertEqual({line for line in seen if not line.startswith("o ")}, lines)
        self.assertEqual(listing.digests, {path: digests[path] for path in listing.digests})
        kept = [path for path in listing.digests if "/modules." in path]
        self.assertTrue(kept, "the module indices are kept")

    def test_update_initramfs_in_every_compression(self) -> None:
        for compression in COMPRESSIONS:
            with self.subTest(compression):
                image = roots.update_initramfs(self.root, compression)
                self.check(image)
                self.assertIn(f"/{CONF}", Listing(image).digests)
                self.assertIn("/conf/modules", Listing(image).digests)

    def test_dracut_with_and_without_the_configuration(self) -> None:
        """Each has an early segment. Without host-only dracut copies no /etc/modprobe.d by itself."""
        for options, has_conf in ((("--install", f"/{CONF}"), True), ((), False)):
            with self.subTest(options):
                image = roots.dracut(self.root, "--early-microcode", "--no-hostonly", *options, "--add-drivers", "vfio-pci")
                self.check(image)
                self.assertEqual(f"/{CONF}" in Listing(image).digests, has_conf)

    def test_dracut_in_every_compression(self) -> None:
        if not EVERYTHING:
            self.skipTest("contrib/check --all does that")
        for compression in COMPRESSIONS:
            with self.subTest(compression):
                self.check(roots.dracut(self.root, "--no-hostonly", f"--{compression}"))

    def test_an_early_segment_and_a_unified_image(self) -> None:
        plain = self.listed(self.zstd)
        early = newc([("kernel", None), ("kernel/x86", None), ("kernel/x86/code", b"x" * 777)])
        for what, data in (
            ("early", early + bytes(1024) + self.zstd), ("two early", early + early + self.zstd),
            ("unified", unified(self.zstd)), ("unified, early", unified(early + self.zstd)),
        ):  # fmt: skip
            with self.subTest(what):
                listing = self.listed(data)
                self.assertEqual(listing.error, "")
                self.assertEqual([line for line in listing.lines if "/kernel/x86" not in line and line != "d /kernel"],
                                 plain.lines)  # fmt: skip

    def test_truncated_anywhere(self) -> None:
        chance = random.Random(SEED)
        for data in (self.zstd, unified(self.zstd)):
            for _ in range(DAMAGES // 2):
                cut = chance.randrange(len(data.rstrip(b"\0")))
                listing = self.listed(data[:cut])
                self.assertEqual(listing.status, 1, f"cut at {cut}")
                self.assertIn("/image: it ", listing.error)

    def test_bits_flipped_anywhere(self) -> None:
        chance = random.Random(SEED)
        with_cpio = subprocess.run(["zstd", "-dcq"], input=self.zstd, check=True, capture_output=True).stdout
        small = conf("options vfio-pci ids=1:2\n")
        # Of the large ones every reading takes its time; the formats themselves show in small ones.
        kinds = [self.zstd, with_cpio, unified(small), *(compressed(how, small) for how in COMPRESSORS)]
        for number in range(DAMAGES):
            data = bytearray(kinds[number % len(kinds)])
            for _ in range(chance.randrange(1, 8)):
                data[chance.randrange(min(len(data), 1 << chance.randrange(4, 25)))] ^= 1 << chance.randrange(8)
            self.listed(bytes(data))  # any answer will do, but no signal, no finding and no hang


class Composed(ImageCase):
    """Put together by hand, as boot loaders and users do."""

    def digest_after(self, *segments: bytes) -> Optional[str]:
        listing = self.listed(b"".join(segments))
        self.assertEqual(listing.error, "")
        return listing.digests.get(f"/{CONF}")

    @slow
    def test_of_any_two_segments_the_later_one_wins(self) -> None:
        old, new = conf("# old\n" * 99), conf("# new\n")
        wanted = hashlib.sha256(b"# new\n").hexdigest()
        for first in ("raw", *COMPRESSORS):
            for second in ("raw", *COMPRESSORS):
                # The kernel itself cannot tell where its form of lz4 ends, if what follows looks like a block.
                if first == "lz4" and second in ("gzip", "lzma"):
                    continue
                for padding in (b"", bytes(4), bytes(512)):
                    parts = [compressed(first, old), padding, compressed(second, new)]
                    if second == "raw":
                        parts[1] += bytes(-len(b"".join(parts[:2])) % 4)  # an archive begins at a multiple of four
                    with self.subTest(first=first, second=second, padding=len(padding)):
                        self.assertEqual(self.digest_after(*parts), wanted)

    def test_links_lead_where_the_kernel_would_go(self) -> None:
        directories = newc([("usr", None), ("usr/lib", None), ("usr/lib/modprobe.d", None)])
        text = b"options x y=1\n"
        for name in ("lib/modprobe.d/x.conf", "/lib/modprobe.d/x.conf", "./lib/../lib//modprobe.d/x.conf"):
            listing = self.listed(directories + link("lib", "usr/lib") + newc([(name, text)]))
            self.assertIn("f /usr/lib/modprobe.d/x.conf", "\n".join(listing.lines))
        self.assertEqual(self.listed(newc([("no/such/x.conf", text)])).lines, [], "its directory is missing")
        loop = link("a", "b") + link("b", "a") + newc([("a/x", text)])
        self.assertEqual(self.listed(loop).lines, ["l /a -> b", "l /b -> a"])
        up = newc([("../../etc", None), ("../etc/modprobe.d", None), ("etc/../../etc/modprobe.d/x.conf", text)])
        self.assertIn("f /etc/modprobe.d/x.conf", self.listed(up).lines)

    def test_where_a_path_leads_can_change_from_one_file_to_the_next(self) -> None:
        file = newc([("lib/x", b"")])
        places = newc([("a", None), ("b", None)])
        listing = self.listed(places + link("lib", "a") + file + link("lib", "b") + file)
        self.assertEqual(listing.shown, ["d /a", "f /a/x", "d /b", "f /b/x", "l /lib -> b"])
        # rmdir(2) takes away an empty directory only; what goes by way of it afterwards is lost.
        replaced = self.listed(newc([("lib", None), ("lib/../a", None), ("lib/../lib", b"text"), ("lib/../b", b"")]))
        self.assertEqual(replaced.shown, ["d /a", "f /lib"])
        kept = self.listed(newc([("lib", None), ("lib/x", b"")]) + hard_links("first", "lib"))
        self.assertEqual(kept.shown, ["f /first", "d /lib", "f /lib/x"], "it is not empty")

    def test_what_is_no_image_says_so(self) -> None:
        for data, words in (
            (b"", "is empty"), (bytes(4096), "is empty"), (b"hello", "not an initramfs"), (b"MZ", "unified"),
            (unified(b"")[:0x200], "truncated"), (conf("x") + b"junk", "does not understand"),
            (b"\x89LZO\0\r\n\x1a\n" + bytes(99), "LZO"), (conf("x")[:-200], "truncated"), (compressed("gzip", b"hello" * 99), "not a cpio archive"),
            (unified(b"").replace(b".initrd", b".no-one"), "an EFI program without an .initrd section"),
            (b"\x28\xb5\x2f\xfd\x20\x01\x07\0\0", "a zstd block has an unknown type"),
        ):  # fmt: skip
            with self.subTest(data[:16]):
                listing = self.listed(data)
                self.assertEqual(listing.status, 1)
                self.assertIn(words, listing.error)

    def test_what_is_made_to_exhaust_us_is_left_alone(self) -> None:
        mebibyte = bytes(1 << 20)
        for data, words in (
            (newc([("etc", None), ("etc/modprobe.d", None)])[: -len(newc([]))]
             + b"".join(newc([(f"etc/modprobe.d/{n}.conf", mebibyte)])[: -len(newc([]))] for n in range(70)) + newc([]),
             "too much configuration"),
            (newc([("x", b"")])[: -len(newc([]))] * 200_001 + newc([]), "too many files"),
        ):  # fmt: skip
            with self.subTest(words):
                self.assertIn(words, self.listed(data).error)

    def peak(self, data: bytes) -> int:
        """The most memory that reading it takes, as tests/bench/measure.c counts it."""
        image = self.scratch / "image"
        image.write_bytes(data)
        command = [os.environ["MEASURE"], LIST_IMAGE, str(image)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment())
        _, kib, status = map(int, done.stdout.split())
        self.assertEqual(status, 0)
        return kib << 10

    @slow
    def test_memory_stays_below_three_times_the_largest_member(self) -> None:
        megabyte = 1 << 20
        chance = random.Random(SEED)
        empty = self.peak(compressed("zstd", conf("x\n")))
        large = [chance.randbytes(24 * megabyte) for _ in range(4)]
        members = [(f"module{number}.ko", data) for number, data in enumerate(large)]
        archive = newc([*members, ("etc", None), ("etc/modprobe.d", None), (CONF, b"x\n")])
        for how in ("raw", *(COMPRESSORS if EVERYTHING else ("zstd", "gzip"))):
            with self.subTest(how):
                more = self.peak(compressed(how, archive)) - empty
                print(f"# {how}: {more / megabyte:.1f} MiB more than for a small image")
                self.assertLess(more, 3 * 24 * megabyte)


if __name__ == "__main__":
    if not LIST_IMAGE:
        raise SystemExit("LIST_IMAGE must name list-image; tests/run sets it")
    unittest.main()

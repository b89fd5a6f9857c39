# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of contrib/check: what each runs, what it needs, and what it may cost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional, Sequence

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests"))
import tap  # noqa: E402  (its directory is known only now)

# Minutes on two processors for all of it: without compiling, and with it where nothing is compiled yet.
IN_ALL = {"fast": (2, 5), "usual": (25, 35)}
COMPILERS = ("build", "release")


class Check:
    """One run: how thorough it is, and where it builds."""

    def __init__(self, mode: str, only: Sequence[str]) -> None:
        self.mode, self.only = mode, only
        named = os.environ.get("VFIO_SWITCH_BUILD") or f"build/{'fast' if mode == 'fast' else 'check'}"
        self.build = (TOP / named).resolve()
        self.release = self.build / "release"
        self.results = self.build / "results"
        self.said = self.build / "said"  # by the program, in the tests

    @property
    def debian(self) -> Path:
        return self.build / "deb"

    @property
    def packages(self) -> list[Path]:
        return sorted(self.debian.glob("*.deb"))


def package_of(check: Check) -> Path:
    (deb,) = (one for one in check.packages if one.name.startswith("vfio-switch_"))
    return deb


class Results(tap.Tap):
    """What a part finds."""

    def step(self, what: str, *command: object, **environment: str) -> bool:
        """One test: a command, of which is told what it says only where it fails."""
        words = [str(word) for word in command]
        done = subprocess.run(words, cwd=TOP, env=os.environ | environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
        self.result(done.returncode == 0, what, trouble=done.stdout.decode(errors="replace"))
        return done.returncode == 0

    def program(self, *command: object, **environment: str) -> None:
        """One that prints TAP itself."""
        words = [str(word) for word in command]
        with tempfile.TemporaryFile() as errors, subprocess.Popen(
            words, cwd=TOP, env=os.environ | environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=errors, text=True, errors="replace",
        ) as process:  # fmt: skip
            assert process.stdout

            def ending() -> tuple[int, str]:
                status = process.wait()
                errors.seek(0)
                return status, errors.read().decode(errors="replace")

            self.relay(" ".join(words[:1]).removeprefix(f"{TOP}/"), process.stdout, ending)

    def skip(self, what: str, why: str) -> None:
        self.result(True, what, why)

    def install(self, check: Check, *command: object) -> bool:
        """One part after the other: apt-get does not wait for another's lists."""
        return self.step("install-deps", "flock", check.build / "install.lock", *command)

    def is_root(self, what: str) -> bool:
        if os.geteuid() != 0:
            self.skip(what, "preparing roots takes root")
        return os.geteuid() == 0


def configured(out: Results, directory: Path, options: Sequence[str], compiler: Optional[str] = None) -> bool:
    if (directory / "build.ninja").exists():
        return True
    directory.mkdir(parents=True, exist_ok=True)
    return out.step(f"configure {directory.name}", "meson", "setup", *options, directory, **({"CXX": compiler} if compiler else {}))


def compiled(out: Results, directory: Path, options: Sequence[str], *targets: str, compiler: Optional[str] = None) -> None:
    """Sets a build directory up, and compiles; with ccache where that is installed, which meson sees to."""
    if configured(out, directory, options, compiler):
        out.step(f"compile {directory.name}", "ninja", "--quiet", "-C", directory, *targets)


def build(check: Check, out: Results) -> None:
    native = "fast" if check.mode == "fast" else "dev"
    # It compiles in half of the time, and warns of what GCC does not. GCC compiles what is released.
    compiler = shutil.which("clang++-19")
    # The second: what only tests need. meson 1.7 and newer do not count it to the first.
    fuzzers = ["-Dfuzzers=true"] if compiler and native == "dev" else []
    compiled(out, check.build, ["--native-file", f"contrib/{native}.ini", *fuzzers], "all", "meson-test-prereq",
             compiler=compiler)
    if check.mode == "all":
        compiled(out, check.build / "gcc", ["--native-file", "contrib/dev.ini", "-Db_pch=false"], "all",
                 "meson-test-prereq", compiler="g++")  # fmt: skip
    else:
        out.skip("GCC's warnings in what only tests need", "compiles everything once more: --all")
    if check.mode == "fast":
        out.skip("sanitizers", "left out by --fast: contrib/fast.ini")


def release(check: Check, out: Results) -> None:
    """As users get it: what dpkg-buildpackage makes of the commit. Its tests are those that are run before and after."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=TOP, stdout=subprocess.PIPE, text=True).stdout.strip()
    if not out.install(check, "contrib/install-deps", "--yes", "package"):
        return
    if subprocess.run(["git", "diff", "--quiet", "HEAD"], cwd=TOP).returncode != 0:
        out.skip("what is not committed", "it is no part of the package")
    built = check.debian / "commit"
    if check.only and "release" not in check.only and commit and built.exists() and built.read_text() == commit:
        out.skip("compile release", f"that of {commit[:7]} is there")
        return
    if not built_package(check, out, "compile release", check.debian, check.build / "package"):
        return
    (tree,) = (check.build / "package").glob("*/obj-*")
    check.release.unlink(missing_ok=True)
    check.release.symlink_to(tree)
    # What the tests of it need: small programs in C.
    tools = ("measure", "stand-in-initramfs", "stand-in-grub")
    if out.step("configure its tests", "meson", "configure", "-Dtests=true", tree):
        out.step("compile its tests", "ninja", "-C", tree, *(f"tests/{tool}" for tool in tools))
    built.write_text(commit)


def built_package(check: Check, out: Results, what: str, target: Path, work: Optional[Path] = None) -> bool:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    # Where GCC 12 optimizes, it warns of uninitialized variables that are none.
    environment = {"DEB_BUILD_OPTIONS": "nocheck", "DEB_CXXFLAGS_APPEND": "-Werror -Wno-maybe-uninitialized"}
    if check.mode != "all":  # what debuggers need takes a third of the time
        environment |= {"DEB_BUILD_OPTIONS": "nocheck noautodbgsym", "DEB_CXXFLAGS_STRIP": "-g"}
    return out.step(what, "pkg/debian/build", target, *([work] if work else []), **environment)


def style(check: Check, out: Results) -> None:
    kinds = ("*.cc", "*.h", "*.c")
    sources = sorted(path for place in ("src", "tests") for kind in kinds for path in (TOP / place).rglob(kind))
    out.step("commit subjects", TOP / "contrib/check-commits")
    out.step("conflict markers", "sh", "-c", f"! git -c safe.directory='{TOP}' -C '{TOP}' grep -nE '^(<{{7}}|>{{7}}) '")
    out.step("clang-format", "clang-format-19", "--dry-run", "-Werror", *sources)
    if check.mode == "all":
        out.step("clang-tidy", "contrib/tidy", "--anew", check.build)
        return
    out.skip("clang-tidy of every file", "takes 25 minutes on two processors: --all")
    if check.mode == "fast":
        out.skip("clang-tidy of what changed", "left out by --fast")
    else:
        out.step("clang-tidy of what changed", "contrib/tidy", "--changed", check.build)


def unit(check: Check, out: Results) -> None:
    out.program(TOP / "tests/run", "--build", check.build, "unit")
    # A tenth of the random cases is enough: it is the sentences that differ.
    out.program(TOP / "tests/run", "--build", check.build, "--pseudo", "unit", VFIO_SWITCH_FAST="1")


def suites(check: Check, out: Results) -> None:
    told = subprocess.run([TOP / "tests/run", "--list"], stdout=subprocess.PIPE, text=True, check=True).stdout
    folders = sorted({line.split()[0] for line in told.splitlines()} - {"bench", "fault"})
    out.program(TOP / "tests/run", "--build", check.build, *folders, "layering", "shell")
    if check.mode == "fast":
        out.skip("suites in a language that nobody speaks", "left out by --fast")
        return
    out.program(TOP / "tests/run", "--build", check.build, "--pseudo", "machines")
    if check.mode == "all":
        out.program(TOP / "tests/run", "--build", check.build, "--pseudo", "cli")
    else:
        out.skip("cli in a language that nobody speaks", "takes some minutes: --all")


def fault(check: Check, out: Results) -> None:
    """All of it takes minutes, and a build without sanitizers, which strace and thousands of starts would slow down."""
    if check.mode == "fast":
        out.program(TOP / "tests/run", "--build", check.build, "fault")
        out.skip("every point where a command can be killed", "left out by --fast, which tries a sample")
    else:
        whole = check.mode == "all"
        if not whole:
            out.skip("every error at every point", "one at each, in turn: --all")
        out.program(TOP / "tests/run", "--build", check.release, "fault", VFIO_SWITCH_FAULT="whole" if whole else "points")


def messages(check: Check, out: Results) -> None:
    if check.mode == "all":
        out.program(TOP / "tests/messages", check.said)
        return
    out.program(TOP / "tests/messages")
    out.skip("whether tests produce every message", "its exceptions are not known since messages are rows of tables: --all")


def bench(check: Check, out: Results) -> None:
    out.program(TOP / "tests/run", "--build", check.release, "bench")


def fuzz(check: Check, out: Results) -> None:
    seconds = 600 if check.mode == "all" else 60
    out.program(TOP / "tests/fuzz/run", "--seconds", seconds, "--build", check.build)


def package(check: Check, out: Results) -> None:
    out.step("lintian", "lintian", "--allow-root", "--fail-on", "error,warning", *check.debian.glob("*.changes"))
    out.step("mandoc -Tlint", "contrib/lint-man")
    check_units(check, out)
    if check.mode != "all":
        out.skip("packages are reproducible", "takes another build: --all")
        return
    again = check.build / "deb-again"
    if built_package(check, out, "build again", again):
        for one in check.packages:
            out.step(f"{one.name} is reproducible", "cmp", one, again / one.name)


def check_units(check: Check, out: Results) -> None:
    systemd = Path("/usr/lib/systemd/system")
    if not shutil.which("systemd-analyze") or not (systemd / "sysinit.target").exists():
        out.skip("systemd-analyze verify", "systemd is not installed")
        return
    unpacked = check.build / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    subprocess.run(["dpkg-deb", "-x", package_of(check), unpacked], check=True)
    units = unpacked / str(systemd)[1:]
    names = sorted(path.name for path in units.iterdir() if path.is_file())
    subprocess.run(["cp", "-rn", f"{systemd}/.", units], check=True)  # ours name some of systemd's own
    out.step("systemd-analyze verify", "systemd-analyze", "verify", "--man=no", f"--root={unpacked}", *names)


def debian(check: Check, out: Results) -> None:
    if out.is_root("Debian package"):
        out.program(TOP / "tests/packages/debian/run", "--package", package_of(check))


def arch(check: Check, out: Results) -> None:
    if out.is_root("Arch package") and out.install(check, "tests/packages/arch/install-deps"):
        given: list[object] = [] if check.mode == "all" else ["--built", check.release]
        if given:
            out.skip("makepkg compiles", "takes minutes; what is compiled already is packaged: --all")
        out.program(TOP / "tests/packages/arch/run", *given)


def fedora(check: Check, out: Results) -> None:
    if out.is_root("Fedora package") and out.install(check, "contrib/install-deps", "--yes", "fedora"):
        given: list[object] = ["--all"] if check.mode == "all" else ["--built", check.release]
        if check.mode != "all":
            out.skip("rpmbuild compiles", "takes minutes; what is compiled already is packaged: --all")
        out.program(TOP / "tests/packages/fedora/run", *given)


def chroots(check: Check, out: Results) -> None:
    out.program(TOP / "tests/chroots/run")


def coverage(check: Check, out: Results) -> None:
    if out.install(check, "contrib/install-deps", "--yes", "coverage"):
        out.program(TOP / "tests/coverage", "--build", check.build / "coverage")


def vm(check: Check, out: Results) -> None:
    if out.is_root("virtual machines") and out.install(check, "tests/vm/install-deps"):
        out.program(TOP / "tests/vm/run", "--deb", package_of(check))


@dataclass(frozen=True)
class Part:
    run: Callable[[Check, Results], None]
    minutes: dict[str, float]  # that it may take on two processors; it is left out where there are none
    needs: tuple[str, ...] = ()
    without: str = "left out by --fast"  # why it is left out
    beside: str = ""  # the part that it is run with at once, as one process each keeps one processor busy


PARTS = {
    "build": Part(build, {"fast": 4, "usual": 10, "all": 25}),
    "style": Part(style, {"fast": 0.5, "usual": 4, "all": 35}, ("build",)),
    "unit": Part(unit, {"fast": 1, "usual": 5, "all": 5}, ("build",), beside="suites"),
    "suites": Part(suites, {"fast": 1.6, "usual": 9, "all": 25}, ("build",)),
    "release": Part(release, {"usual": 5, "all": 7}),
    "fault": Part(fault, {"fast": 0.5, "usual": 5, "all": 5}, ("release",)),
    "messages": Part(messages, {"usual": 0.5, "all": 0.5}, without="some are by tests that --fast leaves out"),
    "bench": Part(bench, {"usual": 3, "all": 3}, ("release",)),
    "fuzz": Part(fuzz, {"usual": 3, "all": 14}, ("build",)),
    "package": Part(package, {"usual": 1, "all": 7}, ("release",)),
    "debian": Part(debian, {"usual": 1.5, "all": 1.5}, ("release",)),
    "arch": Part(arch, {"usual": 6, "all": 12}, ("release",), beside="fedora"),
    "fedora": Part(fedora, {"usual": 6, "all": 20}, ("release",)),
    "chroots": Part(chroots, {"all": 35}, without="clean roots of Debian 12 and 13, some minutes each: --all"),
    "coverage": Part(coverage, {"all": 25}, without="compiles and tests everything once more: --all"),
    "vm": Part(vm, {"usual": 12, "all": 38}, ("release",)),
}

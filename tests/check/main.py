# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the parts of contrib/check, measures what each costs, and holds them to it.

    python3 -B tests/check/main.py fast|usual|all [PART...]

Each part is a process of its own, whose results are in BUILD/results/PART.tap while it runs.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Sequence

sys.path.insert(0, str(Path(__file__).resolve().parent))
from parts import COMPILERS, IN_ALL, PARTS, TOP, Check, Results, tap  # noqa: E402  (its directory is known only now)

HANGS = 4  # times of what a part may take, after which it is stopped


def patience(mode: str) -> float:
    """The limits are for two processors, quick ones. Only the fast run is held to them as they stand: what the others
    cost is in the table at the end, and a machine may be half as quick before they fail."""
    usual = "1" if mode == "fast" else "2"
    return float(os.environ.get("VFIO_SWITCH_PATIENCE", usual)) * max(1.0, 2 / len(os.sched_getaffinity(0)))


def busy() -> float:
    """Seconds that all processors together have worked since the machine was started."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


@dataclass
class Running:
    name: str
    job: tap.Job
    limit: float  # seconds
    status: Optional[int] = None
    own: float = 0  # seconds that it takes on a machine that does nothing else


def run_part(check: Check, name: str) -> int:
    out = Results()
    try:
        PARTS[name].run(check, out)
    except Exception as error:  # the other parts go on
        out.result(False, f"{name} is run to its end", trouble=repr(error))
        raise
    finally:
        out.close()
    return 0


def run_at_once(check: Check, names: Sequence[str]) -> float:
    """Runs parts beside each other; the seconds that they took."""
    running = []
    for name in names:
        print(f"== {name}", flush=True)
        job = tap.Job(name, lambda name=name: run_part(check, name), said=open(check.results / f"{name}.tap", "w+b"))
        running.append(Running(name, job, PARTS[name].minutes[check.mode] * 60 * patience(check.mode)))
    begun, before = time.monotonic(), busy()
    try:
        for one in running:
            one.job.start()
        while any(one.status is None for one in running):
            for one in running:
                if one.status is None:
                    one.status = one.job.has_ended(one.limit * HANGS)
            time.sleep(tap.POLL)
    except BaseException:
        for one in running:
            one.job.stop()
        raise
    processors = os.cpu_count() or 1
    elsewhere = busy() - before - sum(one.job.work for one in running)
    share = min(max(elsewhere / processors / (time.monotonic() - begun), 0), 1)  # of the machine, that others had
    for one in running:
        one.own = max(one.job.work / processors, one.job.seconds * (1 - share))
        tell(check, one)
    return max(one.own for one in running)


def tell(check: Check, one: Running) -> None:
    """What a part came to, and what it cost."""
    path = check.results / f"{one.name}.tap"
    with open(path, "a", encoding="utf-8") as file:
        if one.own > one.limit:
            print(f"not ok - {one.name} takes at most {one.limit:.0f} s\n# it took {one.own:.0f} s", file=file)
        if one.status != 0:
            one.job.errors.seek(0)
            print(f"not ok - {one.name} is run to its end\n# exit status {one.status}", file=file)
            print("\n".join(f"# {line.decode(errors='replace').rstrip()}" for line in one.job.errors), file=file)
    cost = (one.name, *(round(seconds) for seconds in (one.job.seconds, one.job.work, one.own, one.limit)))
    with open(check.results / "costs.tsv", "a", encoding="utf-8") as file:
        print(*cost, sep="\t", file=file)
    lines = path.read_text(errors="replace").splitlines()
    print("".join(f"{line}\n" for line in lines if line.startswith("not ok")), end="")
    print(f"   {one.name}: {one.job.seconds:.0f} s, {one.job.work:.0f} s of a processor", flush=True)


def main() -> int:
    mode, *only = sys.argv[1:]
    if unknown := [name for name in only if name not in PARTS]:
        print(f"check: no part {', '.join(unknown)}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    check = Check(mode, only)
    for path in (check.results, check.said) if not only else (check.results,):
        shutil.rmtree(path, ignore_errors=True)
    for path in (check.results, check.said):
        path.mkdir(parents=True, exist_ok=True)
    (check.build / ".gitignore").write_text("*\n")
    os.environ["VFIO_SWITCH_SAID"] = str(check.said)
    os.environ.update({"fast": {"VFIO_SWITCH_FAST": "1"}, "all": {"VFIO_SWITCH_ALL": "1"}}.get(mode, {}))

    def is_wanted(name: str) -> bool:
        return not only or name in only or any(name in needed(part) for part in only)

    def needed(name: str) -> set[str]:
        return {"build"} if mode == "fast" and name == "fault" else set(PARTS[name].needs)

    tested = compiled = 0.0
    wanted = [name for name in PARTS if is_wanted(name)]
    while wanted:
        name = wanted.pop(0)
        if mode not in PARTS[name].minutes:
            (check.results / f"{name}.tap").write_text(f"ok - {name} # SKIP {PARTS[name].without}\n1..1\n")
            continue
        together = [name] + [other for other in wanted if other == PARTS[name].beside]
        wanted = [other for other in wanted if other not in together]
        took = run_at_once(check, together)
        if name in COMPILERS:
            compiled += took
        else:
            tested += took
        if name in COMPILERS and re.search("^not ok .* (configure|compile) ", (check.results / f"{name}.tap").read_text(), re.M):
            break  # nothing to test
    if not only and mode in IN_ALL:
        limits = [minutes * 60 * patience(mode) for minutes in IN_ALL[mode]]
        with open(check.results / "check.tap", "w", encoding="utf-8") as file:
            verdict = "ok" if tested <= limits[0] and tested + compiled <= limits[1] else "not ok"
            print(f"{verdict} - in all: {tested:.0f} s, at most {limits[0]:.0f}; with compiling {tested + compiled:.0f} s,"
                  f" at most {limits[1]:.0f}\n1..1", file=file)
    return subprocess.run([TOP / "contrib/count-tests", check.results]).returncode


if __name__ == "__main__":
    sys.exit(main())

"""Which statements of `vsrlib` the tests run, counting the processes that they start.

python tests/reliability/coverage_figure.py OUTPUT             all tests, as ./run_all.sh test runs them
python tests/reliability/coverage_figure.py OUTPUT "jittor"    only these, added to what OUTPUT/work/coverage holds

`statuses` says how pytest ended; tests that failed are a fault, for they may have run less than they should.
Left out: what runs on a GPU alone, which a machine without one cannot count.
"""

import os
import subprocess
import sys
from pathlib import Path

from vsrlib.common import provenance
from vsrlib.common.files import read_json, write_json
from vsrlib.common.provenance import PROJECT_ROOT

GROUPS = ("not jittor and not slow", "not jittor and not paddle and slow", "paddle", "jittor")
LEAST = 90.0  # per cent of the statements
_LOW = 75.0  # per cent; files below it are named
_SETTINGS = """[run]
source = {source}
data_file = {data}
parallel = true
patch =
    subprocess
    fork
    _exit
disable_warnings = no-data-collected,module-not-measured,module-not-imported
"""


def run(work: Path, marks: str) -> int:
    """Run the tests chosen by `marks` under coverage; returns pytest's exit status."""
    work.mkdir(parents=True, exist_ok=True)
    settings = work / "coveragerc"
    settings.write_text(_SETTINGS.format(source=PROJECT_ROOT / "vsrlib", data=work / "data"))
    alone = marks == "jittor"
    command = ["-m", "coverage", "run", f"--rcfile={settings}", "-m", "pytest", "-q", "-m", marks]
    command += [] if alone else ["-n", "2", "--dist", "loadfile"]
    threads = {} if alone else {"OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, *command], cwd=PROJECT_ROOT, env=os.environ | threads).returncode


def measure(output: Path, groups: tuple[str, ...] = GROUPS) -> None:
    """Run the tests of `groups` and write `output`/coverage.json of all groups that were run so far."""
    work = (output / "work" / "coverage").resolve()
    states = {marks: run(work, marks) for marks in groups}
    before = read_json(work / "states.json") if (work / "states.json").exists() else {}
    write_json(work / "states.json", before | states)
    _report(work, output, before | states)


def _report(work: Path, output: Path, states: dict[str, int]) -> None:
    coverage, given, found = [sys.executable, "-m", "coverage"], f"--rcfile={work / 'coveragerc'}", work / "found.json"
    combined = f"--data-file={work / 'combined'}"
    parts = sorted(str(path) for path in work.glob("data.*"))
    subprocess.run([*coverage, "combine", given, combined, "--keep", "-q", *parts], check=True)
    subprocess.run([*coverage, "json", given, combined, "-i", "-q", "-o", found], check=True)
    totals, files = (read_json(found)[key] for key in ("totals", "files"))
    low = {
        Path(path).relative_to(PROJECT_ROOT).as_posix() if Path(path).is_absolute() else path: one["summary"]
        for path, one in files.items()
        if one["summary"]["percent_covered"] < _LOW
    }
    broken = [] if totals["percent_covered"] >= LEAST else [f"less than {LEAST:.0f} % of the statements are run"]
    broken += [f"pytest ended with status {status} for {marks}" for marks, status in states.items() if status]
    result = {
        "percent": totals["percent_covered"],
        "statements": totals["num_statements"],
        "tests": "all tests" if set(states) >= set(GROUPS) else f"of the tests: {', '.join(states)}",
        "left_out": ", ".join(f"{name} ({one['percent_covered']:.0f} %)" for name, one in sorted(low.items())),
        "statuses": states,
        "broken": broken,
        "provenance": provenance.collect(),
    }
    write_json(output / "coverage.json", result)


if __name__ == "__main__":
    measure(Path(sys.argv[1]), tuple(sys.argv[2:]) or GROUPS)

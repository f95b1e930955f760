"""Which statements of `vsrlib` the fast tests run, counting the processes that they start.

python tests/reliability/coverage_figure.py OUTPUT

Left out: tests that are slow or import Jittor in the test process, so that the Jittor side and the long commands are
counted as not run.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from vsrlib import provenance
from vsrlib.files import read_json, write_json
from vsrlib.provenance import PROJECT_ROOT

_TESTS = "not jittor and not slow"
_LOW = 50.0  # per cent; files below it are named


def measure(output: Path) -> None:
    """Run the tests under coverage and write `output`/coverage.json."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = folder / "coveragerc"
        data, found = folder / "data", folder / "found.json"
        settings.write_text(f"[run]\nsource = {PROJECT_ROOT / 'vsrlib'}\npatch = subprocess\ndata_file = {data}\n")
        coverage = [sys.executable, "-m", "coverage"]
        given = f"--rcfile={settings}"
        tests = subprocess.run([*coverage, "run", given, "-m", "pytest", "-q", "-m", _TESTS], cwd=PROJECT_ROOT)
        subprocess.run([*coverage, "combine", given, "-q"], cwd=folder, check=False)
        subprocess.run([*coverage, "json", given, "-q", "-o", found], cwd=folder, check=True)
        totals, files = (read_json(found)[key] for key in ("totals", "files"))
    low = [Path(path).name for path, one in files.items() if one["summary"]["percent_covered"] < _LOW]
    result = {
        "percent": totals["percent_covered"],
        "statements": totals["num_statements"],
        "tests": f'tests chosen by -m "{_TESTS}"',
        "left_out": f"the other tests; below {_LOW:.0f} %: {', '.join(sorted(low)) or 'no file'}",
        "broken": [] if tests.returncode == 0 else [f"pytest ended with status {tests.returncode}"],
        "provenance": provenance.collect(),
    }
    write_json(output / "coverage.json", result)


if __name__ == "__main__":
    measure(Path(sys.argv[1]))

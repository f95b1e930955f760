"""Keep a run's results: the charts, the verdicts and the files they come from, without frames and weights."""

import shutil
import tempfile
from pathlib import Path

from vsrlib.claims import judge, results
from vsrlib.common import provenance
from vsrlib.common.errors import UserError
from vsrlib.common.files import MARKER, located, require_own, write_json
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.report.charts.draw import draw_all
from vsrlib.study import times

RESULTS = (
    "comparison.json",
    "comparison.md",
    "train.json",
    "inference.json",
    "environment.json",
    "log.jsonl",
    "ablation.json",
    "parity.json",
    "costs.json",
    "chart_ablation_effects.svg",
    "chart_time_three_ways.svg",
    "chart_ablation_rings.svg",
)


def publish(run_root: Path, output: Path) -> list[Path]:
    """Copy the result files of a finished study to `output`/results, and judge and draw them again in `output`.

    Beside them, times.json says how long the study's steps took, where its manifests are there. Returns the charts. The
    copies keep the run's layout, so that the paths inside them stay right. A folder `results` of an earlier call is
    replaced. UserError, before anything is written: the run has no comparison, one of the files that it was made from
    lies elsewhere or has changed since, or `output`/results was not made by this function.
    """
    run_root, target = Path(run_root), Path(output) / "results"
    comparison = Path("05_compare_frameworks") / "comparison.json"
    if not (run_root / comparison).is_file():
        raise UserError(f"{run_root} holds no comparison; run the study there first.")
    sources = sorted(path for name in RESULTS for path in run_root.glob(f"*/{name}"))
    found = results.read_comparison(run_root / comparison)
    for file in results.require_current(found, (run_root / comparison).parent):
        if file not in [located(str(source), Path()) for source in sources]:
            raise UserError(f"{file}, which the comparison was made from, is no result of the study in {run_root}.")
    if target.is_symlink() or target.is_file():
        raise UserError(f"{target} is no folder of results; choose another folder, or move it away.")
    require_own(target)
    # as it is before this function itself changes files that it tracks
    checkout = dict(zip(("commit", "dirty"), provenance.git_state(PROJECT_ROOT), strict=True))
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".results-", dir=target.parent) as folder:
        copies = Path(folder) / "results"
        copies.mkdir()
        (copies / MARKER).touch()
        for source in sources:
            copy = copies / source.relative_to(run_root)
            copy.parent.mkdir(exist_ok=True)
            shutil.copyfile(source, copy)
        if (taken := times.times(run_root)) is not None:
            write_json(copies / times.NAME, taken)
        if target.exists():
            shutil.rmtree(target)
        copies.rename(target)
    further = {
        name.removesuffix(".json"): next(iter(target.glob(f"*/{name}")), None)
        for name in ("ablation.json", "parity.json", "costs.json")
    }
    judge(target / comparison, Path(output), further, checkout=checkout)
    return draw_all(target / comparison, Path(output), checkout=checkout)

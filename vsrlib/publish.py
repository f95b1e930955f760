"""Keep a run's results: the charts, the verdicts and the files they come from, without frames and weights."""

import shutil
from pathlib import Path

from vsrlib.claims import judge
from vsrlib.errors import UserError
from vsrlib.figures import draw_all
from vsrlib.files import atomic_path

RESULTS = ("comparison.json", "comparison.md", "train.json", "inference.json", "environment.json", "log.jsonl")


def publish(run_root: Path, output: Path) -> list[Path]:
    """Copy the result files of a finished study to `output`/results, and judge and draw them again in `output`.

    Returns the charts. The copies keep the run's layout, so that the paths inside them stay right. UserError where
    the run has no comparison.
    """
    if not (run_root / "05_compare_frameworks" / "comparison.json").is_file():
        raise UserError(f"{run_root} holds no comparison; run the study there first.")
    target = output / "results"
    shutil.rmtree(target, ignore_errors=True)
    for source in sorted(path for name in RESULTS for path in run_root.glob(f"*/{name}")):
        with atomic_path(target / source.relative_to(run_root)) as temporary:
            shutil.copyfile(source, temporary)
    comparison = target / "05_compare_frameworks" / "comparison.json"
    judge(comparison, output)
    return draw_all(comparison, output)

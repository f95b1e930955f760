"""Keep a run's results without its frames and weights: charts, verdicts, the files they come from, how long it took."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from vsrlib.claims import results
from vsrlib.claims.judge import judge
from vsrlib.common import provenance
from vsrlib.common.errors import UserError
from vsrlib.common.files import located, read_json, replaced_whole, write_json
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.report.charts import ablation, experiments
from vsrlib.report.charts.draw import draw_all
from vsrlib.report.charts.speed import draw_two_clocks
from vsrlib.report.index import duration
from vsrlib.report.pages import MANIFEST, PARTIAL
from vsrlib.study import freshness, profiles

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
    "chart_time_two_clocks.svg",
    "chart_ablation_rings.svg",
)
_JUDGED = {
    "ablation": Path(profiles.ABLATION) / "ablation.json",
    "parity": Path(profiles.PARITY) / "parity.json",
    "costs": Path(profiles.COSTS) / "costs.json",
}
"""What the claims are judged from beside the comparison, as notebook 09 names it: no other framework's referee."""
TIMES = "times.json"
HISTORY = "history"
"""Folder of the verdicts of every published run, one file each."""


def publish(run_root: Path, output: Path) -> list[Path]:
    """Copy the result files of a finished study to `output`/results, and judge and draw them again in `output`.

    The verdicts are also kept in `output`/history, where those of earlier runs stay.
    Beside them, times.json says how long the study's steps took, where its manifests are there. Returns the charts. The
    copies keep the run's layout, so that the paths inside them stay right. A folder `results` of an earlier call is
    replaced. UserError, before anything is written: the run has no comparison, one of the files that it was made from
    lies elsewhere or has changed since, a step with results has not ended well the last time, or `output`/results was
    not made by this function.
    """
    run_root, target = Path(run_root), Path(output) / "results"
    comparison = Path("05_compare_frameworks") / "comparison.json"
    if not (run_root / comparison).is_file():
        raise UserError(f"{run_root} holds no comparison; run the study there first.")
    sources = sorted(path for name in RESULTS for path in run_root.glob(f"*/{name}"))
    _require_ended({path.parent for path in sources})
    compared = results.read_comparison(run_root / comparison)
    for file in results.require_current(compared, (run_root / comparison).parent):
        if file not in [located(str(source), Path()) for source in sources]:
            raise UserError(f"{file}, which the comparison was made from, is no result of the study in {run_root}.")
    if target.is_symlink() or target.is_file():
        raise UserError(f"{target} is no folder of results; choose another folder, or move it away.")
    checkout = _checkout()
    target.parent.mkdir(parents=True, exist_ok=True)
    with replaced_whole(target, "copy of results") as copies:
        for source in sources:
            copy = copies / source.relative_to(run_root)
            copy.parent.mkdir(exist_ok=True)
            shutil.copyfile(source, copy)
        if (taken := times(run_root)) is not None:
            write_json(copies / TIMES, taken)
    further = {name: file if (file := target / path).is_file() else None for name, path in _JUDGED.items()}
    experiments = Path(output) / "experiments"
    found = judge(
        target / comparison, Path(output), further, experiments if experiments.is_dir() else None, checkout=checkout
    )
    _remember(found, Path(output) / HISTORY)
    return draw_all(target / comparison, Path(output), checkout=checkout)


def redraw(output: Path) -> list[Path]:
    """Draw the charts of a folder that `publish` and `vsrlib experiment` filled again, from the files that lie there.

    For a change of how they look: nothing is measured, judged or copied. Returns the charts. UserError: no comparison.
    """
    output = Path(output)
    comparison = output / "results" / "05_compare_frameworks" / "comparison.json"
    if not comparison.is_file():
        raise UserError(f"{output} holds no published run; give the folder that vsrlib publish has filled.")
    drawn = draw_all(comparison, output, checkout=_checkout())
    for file in sorted(output.rglob("ablation.json")):
        ablation.draw(read_json(file), file.parent)
    for file in sorted((output / "results").glob("*/costs.json")):
        draw_two_clocks(read_json(file), file.parent)
    for name in experiments.CHARTS:
        if (output / "experiments" / f"{name}.json").is_file():
            experiments.draw(name, read_json(output / "experiments" / f"{name}.json"), output / "experiments")
    for file in (output / "results").rglob("chart_*.png"):  # a published run keeps the SVG alone
        file.unlink()
    return drawn


def _require_ended(steps: Iterable[Path]) -> None:
    """UserError for a step that failed, was interrupted or is running: its results may be those of a run before."""
    for step in sorted(steps):
        manifest = freshness.read(step)
        # While a step runs its manifest is gone, and what papermill has written so far is there.
        begun = manifest is None and (step / PARTIAL).exists()
        if begun or (manifest is not None and manifest["status"] == "failed"):
            how = "has not ended" if begun else "failed"
            raise UserError(
                f"Step {step.name} of {step.parent} {how} the last time, so that its results may be those of an "
                "earlier run; run the study to its end, or remove the step's folder."
            )


def _checkout() -> dict[str, Any]:
    """The project's own checkout as it is before files that it tracks are changed."""
    return dict(zip(("commit", "dirty"), provenance.git_state(PROJECT_ROOT), strict=True))


def times(run_root: Path) -> dict[str, Any] | None:
    """The seconds of each step in `run_root` that is done, in the order of their names; None where no step is.

    {"profile" (of all of them, None where it is not known), "steps": {step: {"seconds", "commit" (of the project when
    it ran), "created"}}, "seconds" (of all together), "longest" (a step), "not_done" (steps that failed or were
    skipped), "provenance" (of the step that ended last)}.
    """
    paths = sorted(Path(run_root).glob(f"*/{MANIFEST}"))
    found = {path.parent.name: one for path in paths if (one := freshness.read(path.parent)) is not None}
    done = {name: one for name, one in found.items() if one["status"] == "done"}
    if not done:
        return None
    seconds = {name: one["seconds"] for name, one in done.items()}
    return {
        "profile": _profile(done),
        "steps": {
            name: {"seconds": seconds[name], **{key: one["provenance"][key] for key in ("commit", "created")}}
            for name, one in done.items()
        },
        "seconds": sum(seconds.values()),
        "longest": max(seconds, key=lambda name: seconds[name]),
        "not_done": [name for name in found if name not in done],
        # One machine stands for all steps: on another processor the study runs every step again.
        "provenance": max((one["provenance"] for one in done.values()), key=lambda one: one["created"]),
    }


def _profile(done: Mapping[str, dict[str, Any]]) -> str | None:
    """The profile of which all steps are; None where they are of several, or do not say so.

    The manifests of earlier versions do not; of the profiles the quick one alone makes clips without a `test_root`.
    """
    parameters = done.get(profiles.DATA, {}).get("inputs", {}).get("parameters", {})
    earlier = "quick" if parameters.get("test_root", "unknown") is None else None
    told = {one.get("profile", earlier) for one in done.values()}
    return told.pop() if len(told) == 1 else None


def _remember(claims: Mapping[str, Any], folder: Path) -> None:
    """Keep the verdicts of a published run beside those of the earlier ones."""
    found = claims["provenance"]
    kept = ("id", "verdict", "figure", "unit", "interval", "n", "over")
    record = {
        "published": found["created"],
        "commit": found["commit"],
        "rules": f"docs/protocol.md, SHA-256 {found['protocol']}",
        "profile": claims["claims"][0]["profile"],
        "claims": [{key: one[key] for key in kept} for one in claims["claims"]],
    }
    write_json(folder / f"{found['created'][:16].replace(':', '')}_{str(found['commit'])[:7]}.json", record)


def sentence(found: Mapping[str, Any]) -> str:
    """How long the study took, on what, and which of its steps took longest, from the content of times.json.

    Steps of its profile that are not done are named, so that a part is never called the whole; nor is a study whose
    profile is not known. UserError: unknown profile.
    """
    profile = found.get("profile")
    if profile is None:
        absent, kind, whole = found["not_done"], "study", "The study"
    else:
        steps = [step.id for step in profiles.steps_of(profile, Path(), Path())]
        absent = [name for name in steps if name not in found["steps"]]
        kind, whole = f"{profile} study", f"The whole {profile} study"
    study = f"The {kind} without {', '.join(absent)}" if absent else whole
    machine = found["provenance"]["machine"]
    where = f"{machine['cores'] or 'unknown'} cores of {machine['processor'] or 'an unknown processor'}"
    longest = f"{found['longest']} ({duration(found['steps'][found['longest']]['seconds'])})"
    return f"{study} took {duration(found['seconds'])} on {where}; the longest step: {longest}."

"""How long the steps of a study took, from the manifests that it left, and one sentence about it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vsrlib.report.index import duration
from vsrlib.report.pages import MANIFEST
from vsrlib.study import freshness, profiles

NAME = "times.json"


def times(run_root: Path) -> dict[str, Any] | None:
    """The seconds of each step in `run_root` that is done, in the order of their names; None where no step is.

    {"steps": {step: {"seconds", "commit" (of the project when it ran), "created"}}, "seconds" (of all together),
    "longest" (a step), "not_done" (steps that failed or were skipped), "provenance" (of the step that ended last)}.
    """
    paths = sorted(Path(run_root).glob(f"*/{MANIFEST}"))
    found = {path.parent.name: one for path in paths if (one := freshness.read(path.parent)) is not None}
    done = {name: one for name, one in found.items() if one["status"] == "done"}
    if not done:
        return None
    seconds = {name: one["seconds"] for name, one in done.items()}
    return {
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


def sentence(found: Mapping[str, Any], profile: str = "quick") -> str:
    """How long the study took, on what, and which of its steps took longest, from the content of times.json.

    Steps of the profile that are not done are named, so that a part is never called the whole. UserError: unknown
    profile.
    """
    steps = [step.id for step in profiles.steps_of(profile, Path(), Path())]
    absent = [name for name in steps if name not in found["steps"]]
    study = f"The {profile} study without {', '.join(absent)}" if absent else f"The whole {profile} study"
    machine = found["provenance"]["machine"]
    where = f"{machine['cores'] or 'unknown'} cores of {machine['processor'] or 'an unknown processor'}"
    longest = f"{found['longest']} ({duration(found['steps'][found['longest']]['seconds'])})"
    return f"{study} took {duration(found['seconds'])} on {where}; the longest step: {longest}."

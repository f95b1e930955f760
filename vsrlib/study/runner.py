"""Runs the notebooks of a study in order: what is run in which folders, and that nothing else uses them meanwhile.

The study stops at the first step that fails; the same command resumes there.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from vsrlib.common.errors import UserError
from vsrlib.common.files import lock, require_folder
from vsrlib.common.names import FRAMEWORKS
from vsrlib.common.provenance import ALONE, PROJECT_ROOT
from vsrlib.study import profiles
from vsrlib.study.plan import Planned, plan
from vsrlib.study.settings import NOTEBOOKS, DataSettings
from vsrlib.study.state import Study


def run(
    profile: str,
    run_root: Path,
    data_root: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    only: Sequence[str] | None = None,
    force: bool = False,
    dry_run: bool = False,
    frameworks: profiles.Frameworks = FRAMEWORKS,
) -> int:
    """Run a profile's study in the folder `run_root`; results, reports and index.html go there.

    `data_root`: where data sets are read and written; None for the project's data folder.
    `overrides` and `only` as in `vsrlib.study.plan.plan`; what the chosen steps read from others must be up to date.
    `force`: run the chosen steps even if they are up to date.
    `dry_run`: say what would be run, and run nothing. `frameworks`: those of the study, PyTorch among them.
    Returns the exit status: 0 if every chosen step is done or skipped for a stated reason, 1 if one failed,
    130 if the study was interrupted. UserError: a library without its project, a parameter, step, profile or input that
    is wrong, a result that is needed and not up to date, or a study already running in this folder or making data in
    the same data folder.
    """
    if ALONE:
        raise UserError(
            "A study runs the project's notebooks, and vsrlib was installed without them; run ./run_all.sh in a clone "
            "of the project."
        )
    run_root = Path(run_root).absolute()
    data = PROJECT_ROOT / "data" if data_root is None else Path(data_root).absolute()
    steps = profiles.steps_of(profile, run_root, data, frameworks)
    planned = plan(steps, PROJECT_ROOT / "notebooks", NOTEBOOKS, overrides, only)
    return execute(planned, run_root, profile, force, dry_run)


def execute(
    planned: Sequence[Planned], run_root: Path, profile: str, force: bool = False, dry_run: bool = False
) -> int:
    """Run planned steps in the folder `run_root`; for arguments and exit status see `run`."""
    if dry_run:
        return Study(planned, run_root, profile).preview(force)
    folders = {run_root.resolve(): "run folder"}
    for one in planned:
        # Two studies with one data folder would exchange the data sets under each other.
        if isinstance(one.settings, DataSettings):
            folders.setdefault(one.settings.folder.resolve(), "data folder")
    for folder in folders:
        require_folder(folder)
    with ExitStack() as stack:
        held = [stack.enter_context(lock(folder, "study", kind)) for folder, kind in folders.items()]
        study = Study(planned, run_root, profile, held)
        try:
            study.require_what_is_read(force)
            return study.run(force)
        except KeyboardInterrupt:
            return study.interrupted()
        finally:
            study.digests.save()

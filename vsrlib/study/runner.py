"""Runs the notebooks of a study in order, each in processes of its own, and keeps what is up to date.

A step is done only if its process exited with 0, every code cell of the executed notebook has run to its end, and its
manifest was written after everything else. The study stops at the first step that fails; the same command resumes
there. A step that is not chosen and no longer up to date is stale: it is shown as that, and no chosen step reads it.
"""

import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from html import unescape
from pathlib import Path
from typing import Any, TextIO

from vsrlib.common import provenance
from vsrlib.common.errors import INTERRUPTED, UserError
from vsrlib.common.files import lock, require_folder, shown, write_json
from vsrlib.common.names import FRAMEWORKS, TRAINERS
from vsrlib.common.provenance import ALONE, PROJECT_ROOT
from vsrlib.report import index
from vsrlib.report.index import Overview, Picture, Row
from vsrlib.report.pages import (
    ERROR,
    EXECUTED,
    MANIFEST,
    PARTIAL,
    REPORT,
    REPORT_CODE,
    THUMBNAIL,
    description,
    write_pages,
)
from vsrlib.study import freshness, headlines, profiles, step
from vsrlib.study.freshness import Digests, why_run
from vsrlib.study.plan import Planned, plan
from vsrlib.study.settings import NOTEBOOKS, DataSettings

FAILED = 1
_ABLATION_CHART = "chart_ablation_effects.svg"
_BEHIND = ("stale", "not run", "failed", "interrupted")


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
        return _Study(planned, run_root, profile).preview(force)
    folders = {run_root.resolve(): "run folder"}
    for one in planned:
        # Two studies with one data folder would exchange the data sets under each other.
        if isinstance(one.settings, DataSettings):
            folders.setdefault(one.settings.folder.resolve(), "data folder")
    for folder in folders:
        require_folder(folder)
    with ExitStack() as stack:
        held = [stack.enter_context(lock(folder, "study", kind)) for folder, kind in folders.items()]
        study = _Study(planned, run_root, profile, held)
        try:
            study.require_what_is_read(force)
            return study.run(force)
        except KeyboardInterrupt:
            return study.interrupted()
        finally:
            study.digests.save()


class _Study:
    """The state of one run: what has become of each step, and what stays open while it runs."""

    def __init__(self, planned: Sequence[Planned], run_root: Path, profile: str, held: Sequence[TextIO] = ()) -> None:
        self.planned = planned
        self.run_root = run_root
        self.profile = profile
        self.held = held
        self.digests = Digests(run_root / ".digests.json")
        self.rows = {one.step.id: Row(one.step.id, "waiting") for one in planned}
        self.origin = provenance.collect()
        self.skipped: dict[str, str] = {}
        self.done: set[str] = set()

    def require_what_is_read(self, force: bool) -> None:
        """UserError if a chosen step reads what a step that is not chosen has not made, or made of something else."""
        if all(one.selected for one in self.planned):
            return
        behind: dict[str, str] = {}
        chosen = {one.step.id for one in self.planned if one.selected}
        for one in self.planned:
            if self._stays_skipped(one):
                continue
            late = [name for name in one.reads if name in behind]
            missing = [name for name in late if name not in chosen] if one.selected else []
            if missing:
                raise UserError(
                    f"Step {one.step.id} reads the result of step {missing[0]}, which is not chosen and not up to date "
                    f"because {behind[missing[0]]}: choose {missing[0]} as well, or all steps."
                )
            why = self._why_run(one, self._inputs(one), force and one.selected)
            if why is None and late:
                why = f"step {late[0]} has to be run before it"
            if why is not None:
                behind[one.step.id] = why
        self.skipped.clear()

    def run(self, force: bool) -> int:
        failed = None
        for one in self.planned:
            row = self.rows[one.step.id]
            if not one.selected:
                self._leave_out(one, row)
            elif failed is not None:
                row.status, row.message = "not run", f"because step {failed} failed"
            else:
                self._run_step(one, row, force)
                failed = row.id if row.status == "failed" else None
            _say(row)
            self._write_index()
        print(f"report: {shown(self.run_root / 'index.html')}", flush=True)
        return 0 if failed is None else FAILED

    def preview(self, force: bool) -> int:
        """Say what would be run. A step after one that would run may turn out to be up to date all the same."""
        self.require_what_is_read(force)
        for one in self.planned:
            why = self._why_run(one, self._inputs(one), force) if one.selected else None
            words = "not selected" if not one.selected else f"would run, because {why}" if why else "up to date"
            print(f"{one.step.id:<32} {words}", flush=True)
        return 0

    def interrupted(self) -> int:
        for one in self.planned:
            row = self.rows[one.step.id]
            if row.status == "running":
                row.status, row.message, row.links = "interrupted", "", _links(self._folder(one))
            elif row.status == "waiting" and one.selected:
                row.status, row.message = "not run", "because the study was interrupted"
            elif row.status == "waiting":
                self._leave_out(one, row)
        self._write_index()
        print("Interrupted: the same command goes on with the step that was running.", file=sys.stderr, flush=True)
        return INTERRUPTED

    def _run_step(self, one: Planned, row: Row, force: bool) -> None:
        reason = self._why_skipped(one)
        if reason is not None:
            self._skip(one, row, reason)
            for other in self.planned:
                if other.step.notebook == profiles.ENVIRONMENT and not other.selected:
                    row.message += f"; choose {other.step.id} as well to look again"
            return
        inputs = self._inputs(one)
        why = self._why_run(one, inputs, force)
        if why is None:
            found = freshness.read(self._folder(one))
            assert found is not None, "a step that is up to date has a manifest"
            self._finish(one, row, "up to date", found["seconds"])
            return
        row.status, row.message = "running", why
        self._write_index()
        print(f"{row.id}: running, because {why}", file=sys.stderr, flush=True)
        start = time.monotonic()
        problem = self._launch(one)
        row.seconds, row.message = time.monotonic() - start, ""
        result = {} if problem else headlines.result_of(one.step.notebook, one.settings)
        if problem is not None:
            self._fail(one, row, problem, inputs)
        elif "skipped" in result:
            self._skip(one, row, str(result["skipped"]))
            row.links = _links(self._folder(one))
        else:
            self._write_manifest(one, row, inputs, status="done", outputs=self._outputs(one))
            self._finish(one, row, "done", row.seconds)

    def _launch(self, one: Planned) -> str | None:
        """Execute the notebook in a process of its own; the reason why the step failed, or None."""
        folder = self._folder(one)
        folder.mkdir(parents=True, exist_ok=True)
        # The manifest goes first: from here on, and until the end, this step is not done.
        for name in (MANIFEST, REPORT, REPORT_CODE, THUMBNAIL, EXECUTED, PARTIAL, ERROR):
            (folder / name).unlink(missing_ok=True)
        partial, error = folder / PARTIAL, folder / ERROR
        files = {"notebook": one.notebook, "output": partial, "error": error}
        task = {**{name: str(path) for name, path in files.items()}, "parameters": one.parameters}
        problem = step.problem(step.in_own_process(task, self.held), partial, error)
        if problem is None:
            os.replace(partial, folder / EXECUTED)
        if (written := folder / (PARTIAL if problem else EXECUTED)).exists():
            write_pages(written)
        return problem

    def _why_run(self, one: Planned, inputs: dict[str, Any], force: bool) -> str | None:
        if force:
            return "it was asked for"
        why = why_run(self._folder(one), inputs, self._outputs(one))
        if why is None and any(entry.get("usable") is False for entry in self._environment(one).values()):
            return "a framework could not be used the last time"
        return why

    def _environment(self, one: Planned) -> dict[str, dict]:
        result = headlines.result_of(profiles.ENVIRONMENT, one.settings)
        return {name: entry for name, entry in result.items() if isinstance(entry, dict)}

    def _why_skipped(self, one: Planned) -> str | None:
        framework = one.step.parameters.get("framework", "")
        for other in self.planned:
            if other.step.notebook == profiles.ENVIRONMENT:
                entry = self._environment(other).get(framework, {})
                if entry.get("usable") is False:
                    return f"because {framework} cannot be used here: {entry['reason']}"
        missing = next((name for name in one.step.needs if name in self.skipped), None)
        return f"because step {missing} was skipped" if missing else None

    def _skip(self, one: Planned, row: Row, reason: str) -> None:
        row.status, row.message = "skipped", reason
        self.skipped[row.id] = reason
        # The comparison reads this in place of a result, and says so.
        of = {name: given for name, given in one.step.parameters.items() if name in ("framework", "blur", "second")}
        stub = {"skipped": reason} | of
        if (file := headlines.result_file(one.step.notebook, one.settings)) is not None:
            write_json(file, stub)
        self._write_manifest(one, row, {}, status="skipped", reason=reason)

    def _fail(self, one: Planned, row: Row, problem: str, inputs: dict[str, Any]) -> None:
        evidence = self._folder(one) / PARTIAL
        kept = f" (as far as it came: {shown(evidence)})" if evidence.exists() else ""
        row.status, row.message = "failed", f"{problem}{kept}"
        row.links = _links(self._folder(one))
        partial = shown(evidence) if kept else None
        self._write_manifest(one, row, inputs, status="failed", error=problem, partial=partial)

    def _finish(self, one: Planned, row: Row, status: str, seconds: float) -> None:
        folder = self._folder(one)
        if not all((folder / name).exists() for name in (REPORT, REPORT_CODE)):
            write_pages(folder / EXECUTED)
        row.status, row.seconds = status, seconds
        row.headline = headlines.headline(one.step.notebook, one.settings)
        row.links, row.picture = _links(self._folder(one)), _picture(self._folder(one))
        self.done.add(row.id)

    def _leave_out(self, one: Planned, row: Row) -> None:
        found = freshness.read(self._folder(one))
        if found is None or found["status"] == "failed":
            row.status, row.message = "not run", "because it was not chosen"
            return
        row.links = _links(self._folder(one))
        if self._stays_skipped(one):
            row.status, row.message = "skipped", found["reason"]
            return
        late = [f"step {name} is {self.rows[name].status}" for name in one.reads if self.rows[name].status in _BEHIND]
        why = why_run(self._folder(one), self._inputs(one), self._outputs(one)) or next(iter(late), None)
        if why is not None:
            row.status, row.message = "stale", f"because {why}; not chosen this time"
            return
        self._finish(one, row, "done", found["seconds"])
        row.message = "not chosen this time"

    def _stays_skipped(self, one: Planned) -> bool:
        """Whether the step was skipped for a reason that still holds; if so, what needs it is skipped, too."""
        reason = self._why_skipped(one)
        found = freshness.read(self._folder(one))
        if reason is None or found is None or found.get("reason") != reason:
            return False
        self.skipped[one.step.id] = reason
        return True

    def _write_manifest(self, one: Planned, row: Row, inputs: dict[str, Any], **found: Any) -> None:
        common = {"profile": self.profile, "step": one.step.id, "seconds": row.seconds, "inputs": inputs}
        write_json(self._folder(one) / MANIFEST, {**common, **found, "provenance": provenance.collect()})
        self.digests.save()

    def _inputs(self, one: Planned) -> dict[str, Any]:
        machine = self.origin["machine"]
        # A framework that a step has nothing to do with may be installed, brought up to date or removed.
        foreign = set(TRAINERS) - one.frameworks
        return {
            "notebook": freshness.notebook_digest(one.notebook),
            "parameters": one.parameters,
            "files": {shown(path): self.digests.of(path) for path in one.settings.inputs().values()},
            "library": freshness.library_digest(one.notebook),
            "versions": {name: found for name, found in self.origin["versions"].items() if name not in foreign},
            "machine": {name: machine[name] for name in ("processor", "gpu")},
        }

    def _outputs(self, one: Planned) -> dict[str, str | None]:
        folder = self._folder(one)
        return self.digests.of_results([*one.settings.outputs(), folder / EXECUTED], folder)

    def _folder(self, one: Planned) -> Path:
        return self.run_root / one.step.id

    def _write_index(self) -> None:
        """What an earlier run left of steps that are not done is not shown beside the results of this one."""
        found = {one.step.notebook: one for one in self.planned if one.step.id in self.done}
        claims, ablation, figures = map(found.get, (profiles.CLAIMS, profiles.ABLATION, profiles.FIGURES))
        overview = Overview(
            claims=headlines.result_of(profiles.CLAIMS, claims.settings) if claims else None,
            claims_folder=_from(self.run_root, claims.settings.folder) if claims else ".",
            ablation=_ablation(ablation, self.run_root) if ablation else None,
            charts=_charts(figures, self.run_root) if figures else (),
        )
        rows = list(self.rows.values())
        index.write_index(self.run_root / "index.html", self.profile, rows, self.origin, overview)


def _say(row: Row) -> None:
    words = "; ".join(text for text in (row.headline, row.message) if text)
    print(f"{row.id:<32} {row.status:<11} {index.duration(row.seconds):>12}  {words}".rstrip(), flush=True)


def _links(folder: Path) -> tuple[str, ...]:
    """What there is to open of the step in this folder, as seen from the index beside it."""
    names = (REPORT, REPORT_CODE, EXECUTED, PARTIAL, MANIFEST)
    return tuple(f"{folder.name}/{name}" for name in names if (folder / name).exists())


def _picture(folder: Path) -> Picture | None:
    """The small picture of the step in this folder, as seen from the index beside it; None if it has none."""
    path = folder / THUMBNAIL
    return Picture(f"{folder.name}/{THUMBNAIL}", "", description(path)) if path.exists() else None


def _charts(one: Planned, run_root: Path) -> list[Picture]:
    folder = _from(run_root, one.settings.folder)
    charts = headlines.result_of(profiles.FIGURES, one.settings).get("charts", {})
    return [Picture(f"{folder}/{name}.svg", about["title"], about["alt"]) for name, about in charts.items()]


def _ablation(one: Planned, run_root: Path) -> Picture | None:
    path = one.settings.folder / _ABLATION_CHART
    if not path.is_file():
        return None
    spoken = re.search(r"<title>(.*?)</title>\s*<desc>(.*?)</desc>", path.read_text(encoding="utf-8"), re.DOTALL)
    if spoken is None:
        raise ValueError(f"{path} has no title and description")
    title, alt = map(unescape, spoken.groups())
    return Picture(_from(run_root, path), title, alt)


def _from(run_root: Path, path: Path) -> str:
    return Path(os.path.relpath(path, run_root)).as_posix()

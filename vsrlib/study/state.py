"""The state of a study that runs: what has become of each step, each of which runs in processes of its own.

A step is done only if its process exited with 0, every code cell of the executed notebook has run to its end, and its
manifest was written after everything else. A step that is not chosen and no longer up to date is stale: it is shown as
that, and no chosen step reads it.
"""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from vsrlib.common import provenance
from vsrlib.common.errors import INTERRUPTED, UserError
from vsrlib.common.files import shown, write_json
from vsrlib.common.names import TRAINERS
from vsrlib.report.index import Row
from vsrlib.report.pages import ERROR, EXECUTED, MANIFEST, PARTIAL, REPORT, REPORT_CODE, THUMBNAIL, write_pages
from vsrlib.study import freshness, headlines, overview, profiles, step
from vsrlib.study.freshness import Digests, why_run
from vsrlib.study.plan import Planned

FAILED = 1
_BEHIND = ("stale", "not run", "failed", "interrupted")


class Study:
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
            overview.say(row)
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
                row.status, row.message, row.links = "interrupted", "", overview.links(self._folder(one))
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
            row.links = overview.links(self._folder(one))
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
        row.links = overview.links(self._folder(one))
        partial = shown(evidence) if kept else None
        self._write_manifest(one, row, inputs, status="failed", error=problem, partial=partial)

    def _finish(self, one: Planned, row: Row, status: str, seconds: float) -> None:
        folder = self._folder(one)
        if not all((folder / name).exists() for name in (REPORT, REPORT_CODE)):
            write_pages(folder / EXECUTED)
        row.status, row.seconds = status, seconds
        row.headline = headlines.headline(one.step.notebook, one.settings)
        row.links, row.picture = overview.links(self._folder(one)), overview.picture(self._folder(one))
        self.done.add(row.id)

    def _leave_out(self, one: Planned, row: Row) -> None:
        found = freshness.read(self._folder(one))
        if found is None or found["status"] == "failed":
            row.status, row.message = "not run", "because it was not chosen"
            return
        row.links = overview.links(self._folder(one))
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
        done = {one.step.notebook: one for one in self.planned if one.step.id in self.done}
        overview.write(self.run_root, self.profile, list(self.rows.values()), self.origin, done)

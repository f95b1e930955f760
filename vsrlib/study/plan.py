"""What a study would run: its steps with checked parameters. Nothing is launched before all of this has passed."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import NoneType
from typing import Any, get_args

import nbformat

from vsrlib.common.errors import UserError
from vsrlib.common.files import shown
from vsrlib.common.names import TRAINERS
from vsrlib.common.options import nearest
from vsrlib.study.profiles import Step
from vsrlib.study.settings import Settings


@dataclass(frozen=True)
class Planned:
    """A step whose parameters were checked. `selected`: it is to be run. `reads`: steps whose results it reads."""

    step: Step
    notebook: Path
    settings: Settings
    selected: bool = True
    reads: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict[str, Any]:
        """Every parameter of the notebook with its value."""
        return {entry.name: getattr(self.settings, entry.name) for entry in fields(self.settings)}

    @property
    def frameworks(self) -> set[str]:
        """What the notebook may compute with: the frameworks that its parameters name, and PyTorch, the reference."""
        given = self.parameters
        named = {given.get("framework"), given.get("second"), *given.get("frameworks", ())}
        return {name for name in TRAINERS if name in named | {"torch"}}


def plan(
    steps: Sequence[Step],
    notebooks: Path,
    classes: Mapping[str, type[Settings]],
    overrides: Mapping[str, Any] | None = None,
    only: Sequence[str] | None = None,
) -> list[Planned]:
    """Check the parameters of all steps and return them ready to run.

    `overrides`: parameter -> value, for every step that has it; `step.parameter`, where `step` begins the step's
    name, sets it in those steps alone. Text is converted to the parameter's type.
    `only`: the steps to run, by name or beginning of a name; None for all.
    UserError: an unknown parameter or step, a value that is refused, an input that is missing and that no step makes,
    two steps that would write to the same folder.
    """
    steps = _override(steps, classes, overrides or {})
    chosen = _choose(steps, only)
    planned = []
    for step in steps:
        notebook = notebooks / f"{step.notebook}.ipynb"
        settings = classes[step.notebook](**step.parameters)
        _require_parameters(notebook, [entry.name for entry in fields(settings)])
        planned.append(Planned(step, notebook, settings, step.id in chosen))
    makers = _makers(planned)
    _require_inputs(planned, makers)
    return [replace(one, reads=_read_by(one, makers)) for one in planned]


def parameters_cell(notebook: Path) -> dict[str, Any]:
    """Names and default values in the cell tagged `parameters`. UserError unless there is exactly one such cell."""
    if not notebook.is_file():
        raise UserError(f"The notebook {shown(notebook)} is missing: restore it.")
    cells = nbformat.read(notebook, as_version=4).cells
    tagged = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    if len(tagged) != 1:
        raise UserError(f"{shown(notebook)} has {len(tagged)} cells tagged `parameters`: tag exactly one.")
    found = {}
    for node in ast.parse(tagged[0].source).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if not isinstance(target, ast.Name) or node.value is None:
            raise UserError(f"The parameters cell of {shown(notebook)} may only hold lines such as `seed = 0`.")
        found[target.id] = ast.literal_eval(node.value)
    return found


def _require_parameters(notebook: Path, names: Sequence[str]) -> None:
    # papermill passes over a parameter that the notebook does not have, and exits with 0.
    known = list(parameters_cell(notebook))
    for name in names:
        if name not in known:
            raise UserError(f"{shown(notebook)} has no parameter {name!r}; the nearest is {nearest(name, known)!r}.")


def _override(steps: Sequence[Step], classes: Mapping[str, type[Settings]], overrides: Mapping[str, Any]) -> list[Step]:
    steps = list(steps)
    for key, value in overrides.items():
        scope, _, name = key.rpartition(".")
        inside = [step for step in steps if step.id.startswith(scope)]
        if not inside:
            raise UserError(f"There is no step {scope!r}; the nearest is {nearest(scope, [s.id for s in steps])!r}.")
        types = {step.id: {entry.name: entry.type for entry in fields(classes[step.notebook])} for step in inside}
        having = [step for step in inside if name in types[step.id]]
        if not having:
            names = sorted({known for one in types.values() for known in one})
            raise UserError(f"There is no parameter {name!r}; the nearest is {nearest(name, names)!r}.")
        told_apart = {repr(step.parameters[name]) for step in having if name in step.parameters}
        if not scope and len(told_apart) > 1:
            raise UserError(f"{name} tells the steps apart; name the step as well, as in {having[0].id}.{name}=...")
        for step in having:
            parameters = {**step.parameters, name: _converted(name, value, types[step.id][name])}
            steps[steps.index(step)] = replace(step, parameters=parameters)
    return steps


def _converted(name: str, value: Any, kind: Any) -> Any:
    """A value as the parameter's type wants it; text that does not fit is left for the settings to refuse."""
    if not isinstance(value, str):
        return value
    if "None" in str(kind) and value in ("None", "none", ""):
        return None
    members = [member for member in get_args(kind) if member is not NoneType]
    if NoneType in get_args(kind) and len(members) == 1:  # `bool | None` wants what `bool` wants
        kind = members[0]
    if "list" in str(kind):
        parts = [part.strip() for part in value.split(",") if part.strip()]
        return [int(part) if part.isdecimal() else part for part in parts] if "int" in str(kind) else parts
    if kind is bool:
        return {"true": True, "false": False}.get(value.lower(), value)
    if kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            return value
    return value


def _choose(steps: Sequence[Step], only: Sequence[str] | None) -> set[str]:
    names = [step.id for step in steps]
    if only is None:
        return set(names)
    for wanted in only:
        if not any(name.startswith(wanted) for name in names):
            raise UserError(f"There is no step {wanted!r}; the nearest is {nearest(wanted, names)!r}.")
    return {name for name in names if name.startswith(tuple(only))}


def _makers(planned: Sequence[Planned]) -> dict[Path, str]:
    makers: dict[Path, str] = {}
    for one in planned:
        for path in one.settings.outputs():
            if path in makers:
                both = f"both {makers[path]} and {one.step.id}"
                raise UserError(f"{shown(path)} would be written by {both}: give two folders.")
            makers[path] = one.step.id
    return makers


def _read_by(one: Planned, makers: Mapping[Path, str]) -> tuple[str, ...]:
    paths = one.settings.inputs().values()
    return tuple(dict.fromkeys(
        step for path in paths for folder, step in makers.items() if path.is_relative_to(folder)
    ))  # fmt: skip


def _require_inputs(planned: Sequence[Planned], makers: Mapping[Path, str]) -> None:
    made: set[Path] = set()
    for one in planned:
        if not one.selected:
            continue
        for name, path in one.settings.inputs().items():
            if path.exists() or any(path.is_relative_to(folder) for folder in made):
                continue
            if any(path.is_relative_to(folder) for folder in makers):
                raise UserError(one.settings.missing(name, path))
            parameter = name.split("[")[0]
            raise UserError(
                f"{parameter} of step {one.step.id} is {shown(path)}, which does not exist, and no step makes it: "
                f"put {one.step.yours.get(parameter, 'it')} there, or give {parameter} another path."
            )
        made |= set(one.settings.outputs())

"""An option's name, default and help are typed once: command line, notebook and library take them from its class."""

import argparse
import ast
from collections.abc import Iterator
from dataclasses import MISSING, fields

import pytest

from vsrlib import cli
from vsrlib.bench.options import CostsOptions, Options
from vsrlib.claims.ablation.options import AblationOptions
from vsrlib.claims.results import TRAINED_BY
from vsrlib.common.options import JobOptions
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.data.degradation import Further
from vsrlib.data.degrade import DegradeOptions
from vsrlib.data.synthetic.sets import ClipsOptions, SetsOptions
from vsrlib.experiments.options import (
    MemoryOptions,
    OutputOptions,
    ProcessesOptions,
    SceneOptions,
    SeedsOptions,
    TrainingFaultsOptions,
)
from vsrlib.parity.options import CheckOptions, ParityOptions
from vsrlib.restoration.options import InferOptions
from vsrlib.study.plan import parameters_cell
from vsrlib.training.flow.options import FlowOptions
from vsrlib.training.options import AdaptOptions, TrainOptions

Jobs = tuple[type[JobOptions], ...]
COMMANDS: dict[str, Jobs] = {
    "degrade": (DegradeOptions, Further),
    "clips": (ClipsOptions,),
    "train": (TrainOptions,),
    "adapt": (AdaptOptions,),
    "train-flow": (FlowOptions,),
    "infer": (InferOptions,),
    "bench": (Options,),
    "costs": (CostsOptions,),
    "ablate": (AblationOptions,),
    "parity": (ParityOptions,),
    "parity-check": (CheckOptions,),
}
# The command line asks for these in another way: --size, --framework both, --unsynchronised, and suites by position.
ASKED_OTHERWISE = {
    "parity": {"height", "width"},
    "costs": {"height", "width", "frameworks"},
    "bench": {"size", "frameworks", "synchronised", "suites"},
}
UNTIL_GIVEN = {"train": {entry.name for entry in fields(TrainOptions)}, "infer": {"preset"},
               "ablate": {"weights_gaussian_false", "weights_realistic_false"}}  # fmt: skip
"""None on the command line, which tells a value that is given from one that a template or other weights imply."""

NOTEBOOK_OF: dict[str, Jobs] = {
    "03_train_network": (TrainOptions,),
    "04_infer_clips": (InferOptions,),
    "06_prove_parity": (ParityOptions,),
    "07_ablate_alignment": (AblationOptions,),
    "08_measure_costs": (CostsOptions,),
    "02_generate_data": (SetsOptions,),
}
OF_THE_STUDY = {
    "03_train_network": {"device": "cpu"},
    "04_infer_clips": {"device": "cpu", "blur": "Realistic", "timing_repeats": 10},
    "07_ablate_alignment": {"device": "cpu"},
}
"""The defaults that the study means to be others: it compares the frameworks, on the CPU."""

ROOMS: dict[str, Jobs] = {
    "training/*.py": (TrainOptions, AdaptOptions),
    "training/flow/*.py": (FlowOptions,),
    "restoration/*.py": (InferOptions,),
    "claims/ablation/*.py": (AblationOptions,),
    "parity/*.py": (ParityOptions, CheckOptions),
    "bench/*.py": (Options, CostsOptions),
    "experiments/*.py": (
        *(SceneOptions, SeedsOptions, TrainingFaultsOptions),
        *(ProcessesOptions, OutputOptions, MemoryOptions),
    ),
    "data/degrade.py": (DegradeOptions,),
    "data/synthetic/sets.py": (ClipsOptions, SetsOptions),
    "cli/bench.py": (Options, CostsOptions),
    "cli/compare.py": (AblationOptions, ParityOptions, CheckOptions),
    "cli/infer.py": (InferOptions,),
    "cli/train.py": (TrainOptions, AdaptOptions, FlowOptions),
    "study/settings/jobs.py": tuple(job for jobs in NOTEBOOK_OF.values() for job in jobs),
}
"""Where a job is done -> its options. No file there but options.py gives one of them a default of its own."""
BY_THEMSELVES = {
    "engines.py": {"make(tile)", "make(convolution)", "__init__(tile)", "__init__(convolution)"},
    "protocol.py": {"compare(synchronised)"},
    "evaluation.py": {"heldout_pairs(max_shift)"},
}
"""What is the same word of something else: an engine, a comparison of calls, and the held-out pairs, which no training
changes."""


def defaults(job: type[JobOptions]) -> dict[str, object]:
    return {
        entry.name: entry.default if entry.default_factory is MISSING else entry.default_factory()
        for entry in fields(job)
    }


def arguments(command: str) -> dict[str, argparse.Action]:
    parser = cli.build_parser()
    (commands,) = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    return {action.dest: action for action in commands.choices[command]._actions}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_line_has_every_option_with_the_default_and_help_of_its_class(command: str) -> None:
    found = arguments(command)
    for job in COMMANDS[command]:
        for entry in fields(job):
            if entry.name in ASKED_OTHERWISE.get(command, ()):
                continue
            action = found[entry.name]
            assert action.option_strings[0] == f"--{entry.name.replace('_', '-')}"
            default = None if entry.name in UNTIL_GIVEN.get(command, ()) else defaults(job)[entry.name]
            assert action.default == default and entry.metadata["help"] in action.help


def test_what_is_asked_otherwise_has_the_defaults_of_its_class() -> None:
    assert arguments("parity")["size"].default == f"{ParityOptions.height}x{ParityOptions.width}"
    assert arguments("costs")["size"].default == f"{CostsOptions.height}x{CostsOptions.width}"
    assert arguments("bench")["size"].default == "x".join(map(str, Options.size))
    assert arguments("bench")["synchronised"].default is Options.synchronised


@pytest.mark.parametrize("notebook", NOTEBOOK_OF)
def test_the_notebooks_have_the_defaults_of_their_job_but_for_those_of_the_study(notebook: str) -> None:
    (job,) = NOTEBOOK_OF[notebook]
    cell = parameters_cell(PROJECT_ROOT / "notebooks" / f"{notebook}.ipynb")
    shared = defaults(job).keys() & cell.keys()
    assert {name: cell[name] for name in shared} == {
        name: OF_THE_STUDY.get(notebook, {}).get(name, defaults(job)[name]) for name in shared
    }


def test_a_training_is_compared_by_options_that_it_records() -> None:
    made = {"initial_weights", "flow_weights", "align_corners", "batches", "validation_clips"}  # of what was given
    assert set(TRAINED_BY) - made <= TrainOptions().recorded().keys()


def typed_again(source: str, names: set[str]) -> Iterator[str]:
    """Parameters, arguments of a command and fields of a class in `source` that give a name a default of their own.

    None is no default but says that nothing was given.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = node.args.posonlyargs + node.args.args
            pairs = [
                *zip(reversed(given), reversed(node.args.defaults)),
                *zip(node.args.kwonlyargs, node.args.kw_defaults),
            ]
            yield from (f"{node.name}({one.arg})" for one, value in pairs if one.arg in names and _literal(value))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("add_argument"):
            name = ast.literal_eval(node.args[0]) if isinstance(node.args[0], ast.Constant) else ""
            if name.lstrip("-").replace("-", "_") in names:
                yield from (
                    f"add_argument({name})" for one in node.keywords if one.arg == "default" and _literal(one.value)
                )
        elif isinstance(node, ast.ClassDef):
            yield from (
                f"{node.name}.{one.target.id}"
                for one in node.body
                if isinstance(one, ast.AnnAssign)
                and isinstance(one.target, ast.Name)
                and one.target.id in names
                and _literal(one.value)
            )


def _literal(value: ast.expr | None) -> bool:
    try:
        return value is not None and ast.literal_eval(value) is not None
    except ValueError:
        return False


@pytest.mark.parametrize("files", ROOMS)
def test_no_default_is_typed_again_where_the_job_is_done(files: str) -> None:
    names = {entry.name for job in ROOMS[files] for entry in fields(job)}
    paths = sorted((PROJECT_ROOT / "vsrlib").glob(files))
    assert paths
    found = {
        path.name: set(typed_again(path.read_text(encoding="utf-8"), names)) - BY_THEMSELVES.get(path.name, set())
        for path in paths
        if path.name != "options.py"
    }
    assert {name: again for name, again in found.items() if again} == {}


@pytest.mark.parametrize(
    "planted, found",
    [
        ("def train(clips, steps: int = 250): ...", "train(steps)"),
        ("def train(clips, *, steps=250, output='x'): ...", "train(steps)"),
        ("parser.add_argument('--halve-every', type=int, default=0)", "add_argument(--halve-every)"),
        ("class Settings:\n    seed: int = 1\n    steps: int = Options.steps", "Settings.seed"),
        ("def infer(seed=None, output=3, steps=TrainOptions.steps): ...", None),
        ("parser.add_argument('--steps', default=None)", None),
    ],
)
def test_a_default_that_is_planted_is_found(planted: str, found: str | None) -> None:
    names = {entry.name for entry in fields(TrainOptions)}
    assert list(typed_again(planted, names)) == ([] if found is None else [found])


def test_a_default_that_drifts_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "vsrlib.cli.compare.ParityOptions.add_arguments",
        lambda parser, *names: [parser.add_argument(f"--{name}", default=100, help="steps") for name in names],
    )
    with pytest.raises(AssertionError):
        test_the_command_line_has_every_option_with_the_default_and_help_of_its_class("parity")

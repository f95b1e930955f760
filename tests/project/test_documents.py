"""The documents are true: commands parse and run, links lead somewhere, and messages exist."""

import argparse
import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import documents
import numpy as np
import pytest
import results_fixture
from document_commands import APPENDED, ELSEWHERE, NOT_RUN
from documents import DOCUMENTS, ENGLISH

from vsrlib import cli
from vsrlib.claims import comparison
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.data.clips import Clip, write_clip
from vsrlib.kernels import jittor_env
from vsrlib.networks import architecture
from vsrlib.networks.weights import weights_file
from vsrlib.study.plan import parameters_cell

TESTS = Path(__file__).resolve().parents[1]
IDS = [str(path.relative_to(PROJECT_ROOT)) for path in DOCUMENTS]


def mention(command: str) -> bool:
    """Whether a command is no more than its own name, such as `vsrlib infer` in running text."""
    words = command.split()
    return words[0] == "vsrlib" and all(re.fullmatch(r"[a-z-]+", word) for word in words[1:]) and len(words) <= 3


def known(command: str) -> bool:
    return command in APPENDED or command in ELSEWHERE or any(command.startswith(begin) for begin in NOT_RUN)


def unknown_commands(document: Path) -> list[str]:
    return [one for one in documents.commands(document) if not known(one) and not (mention(one) and _parses(one))]


def broken_links(document: Path) -> list[str]:
    broken = []
    for link in documents.links(document):
        target, _, name = link.partition("#")
        if re.match(r"https?:|mailto:", link):
            continue
        path = (document.parent / target) if target else document
        named = name and path.exists() and name not in map(documents.anchor, documents.headings(path))
        if not path.exists() or named:
            broken.append(link)
    return broken


def missing_paths(document: Path) -> list[str]:
    """Files and names of modules that running text has and the project has not."""
    return [path for path in documents.paths(document) if not (_named(path) or "paddle" in path)]


def _named(path: str) -> bool:
    if path.startswith("vsrlib."):
        parts = path.split(".")
        module = next(
            (file for n in (1, 2) if (file := PROJECT_ROOT.joinpath(*parts[:-n]).with_suffix(".py")).exists()), None
        )
        return module is not None and re.search(rf"\b{parts[-1]}\b", module.read_text(encoding="utf-8")) is not None
    return (PROJECT_ROOT / path).exists() or any(f"/{file}".endswith(f"/{path}") for file in SOURCES)


SOURCES = [str(path) for folder in ("vsrlib", "tests") for path in (PROJECT_ROOT / folder).rglob("*.*")]


def unknown_options(document: Path) -> list[str]:
    """Options in running text, such as `--tile 128`, that no command has."""
    text = "".join(_helps()) + (PROJECT_ROOT / "run_all.sh").read_text(encoding="utf-8")
    wanted = [span.split()[0].rstrip(",") for span in documents.spans(document) if span.startswith("--")]
    return [option for option in wanted if not re.search(rf"{re.escape(option)}\b", text) and option not in FOREIGN]


FOREIGN = {"--help-notebook", "--cores", "--editable"}
"""Options of other programs that documents name."""


def _parses(command: str) -> bool:
    words = shlex.split(command)[1:]
    if mention(command):
        words = [*words, "--help"]
    try:
        cli.build_parser().parse_args(words)
    except SystemExit as stopped:
        return stopped.code == 0
    return True


def _helps() -> Iterator[str]:
    """The help of every command, and of the commands in those."""

    def walk(parser) -> Iterator[str]:
        yield parser.format_help()
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for one in action.choices.values():
                    yield from walk(one)

    yield from walk(cli.build_parser())


@pytest.mark.parametrize("document", ENGLISH, ids=lambda path: str(path.relative_to(PROJECT_ROOT)))
def test_every_command_is_known(document: Path, capsys: pytest.CaptureFixture) -> None:
    assert unknown_commands(document) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_every_link_leads_somewhere(document: Path) -> None:
    assert broken_links(document) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_every_file_that_is_named_exists(document: Path) -> None:
    assert missing_paths(document) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_every_option_exists(document: Path) -> None:
    assert unknown_options(document) == []


@pytest.mark.parametrize("command", [one for one in ELSEWHERE if one.startswith("vsrlib ")])
def test_commands_that_are_run_elsewhere_parse(command: str, capsys: pytest.CaptureFixture) -> None:
    if "Defocus" in command or "COMMAND" in command:
        pytest.skip("a choice that the documents add, or a placeholder of a command")
    assert _parses(command)


@pytest.mark.parametrize("test", sorted(set(ELSEWHERE.values())))
def test_the_tests_that_are_named_exist(test: str) -> None:
    file, name = test.split("::")
    assert re.search(rf"def {name}\(", (TESTS / file).read_text(encoding="utf-8"))


def test_the_tables_hold_nothing_that_no_document_says() -> None:
    said = {command for document in DOCUMENTS for command in documents.commands(document)}
    assert set(APPENDED) | set(ELSEWHERE) <= said
    assert not set(APPENDED) & set(ELSEWHERE)
    assert all(any(command.startswith(begin) for command in said) for begin in NOT_RUN)


def test_planted_mistakes_are_found(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A page\n[away](missing.md), [here](#a-page), [nowhere](#b)\n`--tilt 128`, `--tile 128`\n"
        "`vsrlib/shed.py`, `vsrlib/data/`, `data/frames.py`, `data/shed.py`\n"
        "`vsrlib.common.files.sha256_file(path)`, `vsrlib.common.files.door`\n"
        "`vsrlib infir`, `vsrlib infer`, `vsrlib infer CLIPS OUTPUT --weight X`\n"
        "1. in a list\n   ```\n   vsrlib degrade HR \\\n       SET --blurr Gaussian   # a comment\n"
        "   make tea\n   ```\n"
    )
    assert broken_links(page) == ["missing.md", "#b"]
    assert missing_paths(page) == ["vsrlib/shed.py", "data/shed.py", "vsrlib.common.files.door"]
    assert unknown_options(page) == ["--tilt"]
    assert unknown_commands(page) == [
        "vsrlib degrade HR SET --blurr Gaussian",
        "make tea",
        "vsrlib infir",
        "vsrlib infer CLIPS OUTPUT --weight X",
    ]


PINNED = ("requirements.lock", "environment.yml", "tests/requirements.txt")


def test_pinned_packages_are_those_of_the_environment() -> None:
    pinned = "".join((PROJECT_ROOT / name).read_text() for name in PINNED)
    for document in DOCUMENTS:
        for command in documents.commands(document):
            for package in re.findall(r"[\w-]+==[\w.]+", command):
                assert package in pinned, f"{document.name}: {package}"


def test_an_extra_is_installed_into_a_clone_that_stays_one() -> None:
    """Without --editable pip puts a copy of the library in the clone's place, and the study finds no notebooks."""
    said = [one for document in DOCUMENTS for one in documents.commands(document) if ".[" in one]
    assert len(said) >= 3 and [one for one in said if "--editable" not in one] == []


def test_papermill_gets_parameters_that_the_notebook_has() -> None:
    commands = [one for document in ENGLISH for one in documents.commands(document) if one.startswith("papermill ")]
    assert commands
    for words in map(str.split, commands):
        given = {name for option, name in zip(words, words[1:]) if option in ("-p", "-r", "--parameters")}
        assert given or "--help-notebook" in words
        (notebook,) = [word for word in words[1:3] if word.startswith("notebooks/")]
        assert given <= set(parameters_cell(PROJECT_ROOT / notebook))


def test_messages_of_this_project_exist() -> None:
    document = PROJECT_ROOT / "docs" / "troubleshooting.md"
    section = document.read_text(encoding="utf-8").split("\n## ")[1]
    messages = re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)
    assert len(messages) > 25
    said = _messages()
    assert [one for one in messages if not _said(one, said)] == []
    assert not _said("No weights are given, and nothing happens", said)
    assert not _said("lacks part ...; bring it first", said)


def _said(message: str, said: list[str]) -> bool:
    parts = [re.escape(part.strip()) for part in message.split("...")]
    pattern = re.compile(".*".join(parts), re.DOTALL)
    return any(pattern.search(one) for one in said)


def _messages() -> list[str]:
    """Every text that the library or run_all.sh can say; what is filled in is one sign that no message has."""
    found = [(PROJECT_ROOT / "run_all.sh").read_text(encoding="utf-8")]
    for path in (PROJECT_ROOT / "vsrlib").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                found.append("".join(str(one.value) if isinstance(one, ast.Constant) else "\0" for one in node.values))
    return found


def test_the_method_has_the_codes_constants() -> None:
    from vsrlib.networks.losses import WEIGHTS

    text = (PROJECT_ROOT / "docs" / "method.md").read_text(encoding="utf-8")
    for name, weight in WEIGHTS.items():
        factor = "" if weight == 1 else rf"{weight:g}\\,"
        assert re.search(rf"[=+]\s{factor}\\mathcal{{L}}_{{{name}}}", text), name
    layers = architecture.layers(architecture.preset("published"))
    refiner = [layer.dilation for name, layer in layers.items() if "moduleRefiner" in name]
    assert f"dilations {', '.join(map(str, refiner))} " in text


def test_the_method_says_where_a_sampler_reads() -> None:
    """p' = q + q / (W - 1) - 1/2 with the changed default, and q itself with align_corners=True."""
    import torch

    from vsrlib.networks.torch_ops import sample

    width, places = 9, torch.linspace(1.0, 7.0, 13)
    ramp = torch.arange(width, dtype=torch.float32).reshape(1, 1, 1, width)
    flow = torch.zeros(1, 2, 1, width)
    for place in places:
        flow[0, 0] = place - torch.arange(width)
        assert float(sample(ramp, flow, "border", True)[0, 0, 0, 0]) == pytest.approx(float(place), abs=1e-5)
        expected = float(place + place / (width - 1) - 0.5)
        assert float(sample(ramp, flow, "border", False)[0, 0, 0, 0]) == pytest.approx(expected, abs=1e-5)


WORDS = {
    "WEIGHTS": "given.safetensors",
    "SOURCE": "given.safetensors",
    "TARGET": "target.npz",
    "FLOW_WEIGHTS": "flow.safetensors",
    "COUNT": "2",
    "FRAMES": "HR",
    "LR": "DATASET/LR_blurdown_x4",
    "tests/helpers/damage_images.py": str(TESTS / "helpers" / "damage_images.py"),
}
"""Placeholders of files -> what is given for them; those of folders are folders of the workspace."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips, sets, weights and a run that never took place, under the documents' own names, to be copied."""
    root = tmp_path_factory.mktemp("prepared")
    rng = np.random.default_rng(0)
    for part, clips in (("HR", "ab"), ("VALIDATION", "c")):
        for name in clips:
            write_clip(root / part / name, Clip(name, rng.integers(0, 256, (5, 64, 80, 3), dtype=np.uint8)))
    for name in ("DATASET", "DATA", "PATH", "data/SET"):
        assert cli.main(["degrade", str(root / "HR"), str(root / name)]) == 0
    shutil.copytree(root / "DATASET" / "LR_blurdown_x4", root / "CLIPS")
    weights = weights_file.read("study-realistic")
    shutil.copyfile(weights_file.path_of("study-realistic"), root / "given.safetensors")
    weights_file.write(root / "OLD.pt", weights)
    flow = {name: value for name, value in weights.items() if name.startswith("flow_net.")}
    weights_file.write(root / "flow.safetensors", flow)
    (root / "FLOW").mkdir()
    shutil.copyfile(root / "flow.safetensors", root / "FLOW" / "flow.safetensors")
    inference, training = results_fixture.write_run(root / "RUN")
    comparison.compare(inference, training, root / "RUN" / "05_compare_frameworks")
    return root


@pytest.mark.slow
@pytest.mark.parametrize("document", ENGLISH, ids=lambda path: str(path.relative_to(PROJECT_ROOT)))
def test_every_command_runs(
    document: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    workspace = shutil.copytree(prepared, tmp_path / "workspace")
    monkeypatch.chdir(workspace)
    for command in documents.commands(document):
        if command in APPENDED:
            status, said = _run([_filled_in(word) for word in shlex.split(f"{command} {APPENDED[command]}")])
            assert status == 0, f"{command}\n{said or capsys.readouterr().err}"


def _filled_in(word: str) -> str:
    """A word with its placeholder replaced; a study takes relative paths from the project's folder, so not here."""
    name, equals, value = word.partition("=")
    return f"{name}={Path(value).absolute()}" if equals and value.isupper() else WORDS.get(word, word)


def _run(words: list[str]) -> tuple[int, str]:
    """Run a command in this process, or in one of its own where it imports Jittor or is no command of vsrlib."""
    if words[0] == "vsrlib" and "jittor" not in words:
        try:
            return cli.main(words[1:]), ""
        except SystemExit as stopped:
            return int(stopped.code or 0), ""
    if "jittor" in words and jittor_env.why_unusable() is not None:
        return 0, "Jittor is unusable here"
    program = ["-m", *words] if words[0] == "vsrlib" else words[1:]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    done = subprocess.run([sys.executable, *program], capture_output=True, text=True, env=environment)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("document", DOCUMENTS, ids=IDS)
def test_python_in_documents_runs(document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import vsrlib

    published = vsrlib.load_network

    def small(framework: str, weights: object = None, **options: object) -> object:
        """Names of files that are not here stand for initial values, and the small network for the published one."""
        whole = {name: value for name, value in options.items() if name not in ("preset", "flow_weights")}
        return published(framework, weights if weights in weights_file.NAMES else None, "study", **whole)

    monkeypatch.setattr(vsrlib, "load_network", small)
    clip = Clip("clip", np.random.default_rng(0).integers(0, 256, (6, 16, 20, 3), dtype=np.uint8))
    write_clip(tmp_path / "CLIPS" / "clip", clip)
    monkeypatch.chdir(tmp_path)
    for block in documents.blocks(document):
        if block.label == "python":
            frames = np.random.default_rng(0).random((5, 3, 16, 20), dtype=np.float32)
            names: dict[str, object] = {"vsrlib": vsrlib, "frames": frames}
            exec(compile(block.text, document.name, "exec"), names)
            if "restored" in names:
                assert names["restored"].shape == (3, 64, 80)
            if "image" in names:  # README's own frames, and not those that a document may take as given
                assert np.allclose(names["frames"][2].transpose(1, 2, 0) * 255, clip.frames[2], atol=1e-3)
                assert names["image"].shape == (64, 80, 3) and names["image"].dtype == np.uint8

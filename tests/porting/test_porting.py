"""docs/porting.md says what both frameworks do: each row is measured again, and no number stands there on trust."""

import importlib.util
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import FRAMEWORKS, LOCKED, PADDLE_FAULT

from porting import page, worker
from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.kernels import native

TEXT = page.PAGE.read_text(encoding="utf-8")
ROWS = page.rows(TEXT)
# Numbers of advice that are computed from the row's answers.
COMPUTED = {
    "adam-epsilon": lambda torch, jittor: f"{float(torch) / float(jittor):.0f} times less",
    "bce-of-zero": lambda torch, jittor: f"at -{torch}",
    "seeds-related": lambda torch, jittor: "seed k are k times those of seed 1" if float(jittor) == 1 / 2 else "?",
}
# What PyTorch answers from 2.14 on, where that is not what the page says of the lock's; the row's advice names it.
SINCE_2_14 = {"clamp-at-bound": "0, 0, 1, 0, 0"}
# Words with a digit that are no measurement.
WORDS = r"`[^`]*`|from 2.14 on|n - 1|8 bits|32 bits|64 bits|\b0\b"
# PSNR of the earlier report, PyTorch and Jittor, by clip of REDS4.
REPORTED = {"000": (24.775, 25.421), "011": (27.615, 29.270), "015": (29.680, 31.081), "020": (26.229, 27.309)}
ROWS_OF_THE_REPORT = (
    *("device", "seed", "save and load", "Adam", "L1 loss", "backward", "clipping", "schedule"),
    *("progress", "warm-up", "stability"),
)


def section(title: str) -> str:
    found = re.search(rf"^## {title}$(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, f"the page has no section {title}"
    return found[1]


def named(text: str) -> set[str]:
    """The rows that a text names."""
    return {name for name in re.findall(r"`([a-z0-9-]+)`", text) if name in worker.probes()}


def report_rows() -> dict[str, list[str]]:
    lines = [line for line in section("What the earlier report says").splitlines() if line.startswith("| ")][1:]
    return {re.split(r"[:|]", line[2:])[0].strip(): line.strip("| ").split(" | ") for line in lines}


def measured(framework: str) -> dict[str, str]:
    """Of one process; on one thread, for the order of a sum shows in it."""
    python_path = os.pathsep.join([str(PROJECT_ROOT / "tests"), str(PROJECT_ROOT)])
    return page.answers(framework, dict(os.environ, OMP_NUM_THREADS="1", PYTHONPATH=python_path))


@pytest.fixture(scope="module", params=FRAMEWORKS[:2])
def pair(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def answers(pair: str) -> dict[str, str]:
    return measured(pair)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_says_what_the_framework_does(name: str, pair: str, answers: dict[str, str]) -> None:
    told = ROWS[name].answers[pair]
    if pair == "torch" and tuple(map(int, answers["version"].split(".")[:2])) >= (2, 14):
        told = SINCE_2_14.get(name, told)
    assert told == answers[name]


@pytest.mark.paddle
@pytest.mark.slow
@pytest.mark.skipif(PADDLE_FAULT is not None, reason=f"PaddlePaddle is unusable here because {PADDLE_FAULT}")
def test_the_rows_of_paddlepaddle_say_what_it_does() -> None:
    told, found = page.paddle_rows(TEXT), measured("paddle")
    assert len(told) > 20 and {name: row.answers["paddle"] for name, row in told.items()} == {n: found[n] for n in told}
    assert f"PaddlePaddle {found['version']} |" in section("PaddlePaddle")
    same = sum(found[name] == row.answers["torch"] for name, row in ROWS.items())
    assert same >= int(re.search(r"In (\d+) it answers as", section("PaddlePaddle"))[1])


def test_the_rows_of_paddlepaddle_repeat_those_of_pytorch() -> None:
    for name, row in page.paddle_rows(TEXT).items():
        assert (row.asked, row.answers["torch"]) == (page.asked(name), ROWS[name].answers["torch"])
        assert row.answers["paddle"] != row.answers["torch"]


@LOCKED
def test_the_measured_version_is_that_of_the_page(pair: str, answers: dict[str, str]) -> None:
    lock = (PROJECT_ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert f"\n{pair}=={answers['version'].partition('+')[0]}\n" in lock


def test_the_page_names_the_versions_of_the_lock() -> None:
    lock = dict(re.findall(r"^(torch|jittor)==(\S+)$", (PROJECT_ROOT / "requirements.lock").read_text(), re.MULTILINE))
    assert set(re.findall(r"PyTorch (\d[\d.]*\d)", TEXT)) == {lock["torch"]}
    assert set(re.findall(r"Jittor (\d[\d.]*\d)", TEXT)) == {lock["jittor"]}


def test_no_row_without_a_measurement_and_none_measured_without_a_row() -> None:
    assert set(ROWS) == set(worker.probes())
    assert TEXT.count("\n| `") == len(ROWS) + TEXT.count("\n| `paddle:"), "a row stands twice"


@pytest.mark.parametrize("name", ROWS)
def test_a_row_asks_what_its_probe_says(name: str) -> None:
    assert ROWS[name].asked == page.asked(name)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_stands_in_its_table_and_its_numbers_are_computed(name: str) -> None:
    row = ROWS[name]
    assert (row.answers["torch"] != row.answers["jittor"]) == bool(row.advice), "what differs has advice, and only that"
    told = COMPUTED[name](**row.answers) if name in COMPUTED else ""
    assert told in row.advice
    assert re.findall(r"\d", re.sub(WORDS, "", row.advice.replace(told, ""))) == []
    assert row.touches in (("yes", "**yes**", "no") if row.advice else ("",))


def test_what_touches_the_training_is_what_is_dealt_with() -> None:
    touching = {name for name, row in ROWS.items() if row.touches == "**yes**"}
    assert named(section("What this means for Self-Blind-VSR")) == touching


def test_every_row_that_is_named_exists() -> None:
    of_this_page = set(re.findall(r"`([a-z][a-z0-9]*(?:-[a-z0-9]+)+)`", TEXT))
    assert of_this_page <= set(ROWS)


def test_every_row_of_the_report_is_judged() -> None:
    assert tuple(report_rows()) == ROWS_OF_THE_REPORT
    for title, cells in report_rows().items():
        assert title == "stability" or named(cells[2]), f"{title} is judged without a measurement"
        touching = any(ROWS[name].touches == "**yes**" for name in named(cells[2]))
        assert cells[4].startswith("yes" if touching else "no"), title


def test_the_report_s_stability_is_counted_from_its_own_figures() -> None:
    gains = [round(jittor - torch, 3) for torch, jittor in REPORTED.values()]
    assert statistics.mean(gains) == pytest.approx(1.195, abs=1e-3)
    told = f"{min(gains):+.3f} to {max(gains):+.3f} dB a clip, {max(gains) / min(gains):.1f} times as much"
    assert told in report_rows()["stability"][2]


def test_a_planted_answer_is_mended_and_a_row_in_the_wrong_table_refused() -> None:
    right = {framework: {name: row.answers[framework] for name, row in ROWS.items()} for framework in page.FRAMEWORKS}
    assert page.filled(TEXT, right) == TEXT
    planted = TEXT.replace("| 0.003152 |", "| 0.09 |")
    assert planted != TEXT and page.filled(planted, right) == TEXT
    right["jittor"]["adam-usual"] = "0"
    with pytest.raises(ValueError, match="the row adam-usual stands in the wrong table"):
        page.filled(TEXT, right)


def test_the_flags_that_jittor_takes_by_itself_change_numpy(tmp_path: Path) -> None:
    """Without Jittor, which would be compiled anew: its flag in a library of ours."""
    spec = importlib.util.find_spec("jittor")
    if spec is None or spec.origin is None:
        pytest.skip("Jittor is not installed")
    assert '" -Ofast "' in (Path(spec.origin).parent / "compiler.py").read_text(encoding="utf-8")
    compiler = native.compiler()
    if compiler is None:
        pytest.skip("there is no g++")
    version = subprocess.run([compiler, "-dumpversion"], capture_output=True, text=True, check=True).stdout
    (tmp_path / "nothing.cc").write_text('extern "C" void nothing() {}\n', encoding="utf-8")
    program = (
        "import ctypes, sys, numpy as np\n"
        "small = lambda: bool(np.float32(1e-30) * np.float32(1e-10) > 0)\n"
        "before = small(); ctypes.CDLL(sys.argv[1]); print(before, small())"
    )
    kept = {}
    for flag in ("-O3", "-Ofast"):
        library = tmp_path / f"nothing{flag}.so"
        subprocess.run(
            [compiler, flag, "-shared", "-fPIC", str(tmp_path / "nothing.cc"), "-o", str(library)], check=True
        )
        done = subprocess.run([sys.executable, "-c", program, str(library)], capture_output=True, text=True, check=True)
        kept[flag] = done.stdout.split()
    assert kept["-O3"] == ["True", "True"]
    assert kept["-Ofast"] == ["True", "False" if int(version.split(".")[0]) < 13 else "True"]

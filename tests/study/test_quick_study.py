"""The whole study as a newcomer runs it, cut to a few steps and frames: every notebook, both frameworks."""

import re
from pathlib import Path

import nbformat
import pytest
import shown_record
from browser import chromium, crawl
from costs_fixture import require_costs
from shown import faults
from small_study import study

from vsrlib.claims.ten_claims import CLAIMS
from vsrlib.common.files import read_json, sha256_file
from vsrlib.kernels import jittor_env, paddle_env
from vsrlib.networks.weights import weights_file
from vsrlib.report.charts.draw import CHARTS

pytestmark = [
    pytest.mark.jittor,
    pytest.mark.slow,
    pytest.mark.skipif(jittor_env.why_unusable() is not None, reason="Jittor is unusable here"),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one study, run once for all tests of it; what it printed is in stdout.txt."""
    root = tmp_path_factory.mktemp("study")
    first = study(root)
    assert first.returncode == 0, first.stdout + first.stderr
    (root / "stdout.txt").write_text(first.stdout, encoding="utf-8")
    return root


def test_the_study_runs_and_a_second_call_runs_nothing(root: Path) -> None:
    printed = (root / "stdout.txt").read_text(encoding="utf-8")
    assert len(re.findall(r"\bdone\b", printed)) >= 16 and "skipped" not in printed
    run = root / "run"
    assert (run / "index.html").is_file()
    assert {path.stem for path in (run / "figures").glob("*.svg")} == set(CHARTS)
    for path in run.glob("*/executed.ipynb"):
        cells = [cell.outputs for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        assert [fault for cell in cells for fault in faults(cell)] == [], path
    for page in [run / "index.html", *run.glob("*/report*.html")]:
        assert not re.findall(r'(?:src|href)="?https?:', page.read_text()), page
    comparison = read_json(run / "05_compare_frameworks" / "comparison.json")
    for blur in ("Gaussian", "Realistic"):
        results = [read_json(run / f"04_infer_clips_{name}_{blur}" / "inference.json") for name in ("torch", "jittor")]
        assert results[0]["weights"]["sha256"] == results[1]["weights"]["sha256"]
        assert results[0]["weights"]["sha256"] == sha256_file(weights_file.path_of(f"study-{blur.lower()}"))
        assert results[0]["input_digest"] == results[1]["input_digest"]
        # the same network and weights: a value near a half may be rounded the other way, hardly ever by more
        assert comparison["blurs"][blur]["outputs"]["largest"] <= 2
        quality = comparison["blurs"][blur]["quality"]
        assert abs(quality["filmed"]["difference"]["psnr"]["value"]) < 1e-3
        assert (quality["filmed"]["total"]["scenes"], quality["made"]["total"]["scenes"]) == (8, 2)
    claims = read_json(run / "09_judge_claims" / "claims.json")["claims"]
    assert [claim["id"] for claim in claims] == list(CLAIMS)
    losses = [read_json(run / f"03_train_network_{name}" / "train.json")["last_loss"] for name in ("torch", "jittor")]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)

    second = study(root)
    assert second.returncode == 0, second.stdout + second.stderr
    assert len(re.findall("up to date", second.stdout)) >= 16


def test_every_notebook_shows_what_it_showed(root: Path) -> None:
    """No figure, caption or table is missing, and no number is out of its tolerance: tests/study/notebooks.json."""
    assert shown_record.faults(shown_record.read(), shown_record.record(root / "run")) == []


def test_every_page_of_the_study_passes_in_a_browser(root: Path) -> None:
    with chromium() as browser:
        found = crawl(browser, root / "run" / "index.html")
        steps = [path.name for path in (root / "run").iterdir() if (path / "executed.ipynb").is_file()]
        for step in steps:
            assert {root / "run" / step / name for name in ("report.html", "report_code.html")} < set(found), step
        assert len(steps) >= 16 and {path: faults for path, faults in found.items() if faults} == {}


@pytest.mark.parametrize("measured", ["torch", "jittor"])
def test_the_costs_of_both_frameworks_are_measured(root: Path, measured: str) -> None:
    step = root / "run" / "08_measure_costs"
    require_costs(read_json(step / "costs.json"), measured, read_json(step / "manifest.json")["seconds"])


@pytest.mark.parametrize("blur", ["Gaussian", "Realistic"])
def test_the_frames_are_shown_in_both_frameworks(root: Path, blur: str) -> None:
    shown = read_json(root / "run" / f"12_show_frames_{blur}" / "show.json")
    assert set(shown["restored"]) == {"torch", "jittor"} and shown["difference"]["largest"] <= 2
    assert shown["kernel"]["psnr"] > 0 and shown["absent"] == {}


@pytest.mark.skipif(paddle_env.why_unusable() is not None, reason="PaddlePaddle is unusable here")
def test_a_third_framework_adds_its_steps_and_changes_none(root: Path) -> None:
    """Last, for it adds to the run: what is there stays, and what is added is shown as everything else is."""
    done = study(root, "--frameworks", "torch,jittor,paddle")
    assert done.returncode == 0, done.stdout + done.stderr
    ran = set(re.findall(r"^(\w+): running, because", done.stderr, re.MULTILINE))
    assert {name for name in ran if "paddle" not in name} == {"01_check_environment", "14_compare_every_pair"}
    step = root / "run" / "14_compare_every_pair"
    found = read_json(step / "every_pair.json")
    assert found["frameworks"] == ["torch", "jittor", "paddle"]
    for blur in found["blurs"].values():
        assert [one["pair"][1] for one in blur["pairs"]] == ["jittor", "paddle", "paddle"]
        assert all(one["outputs"]["largest"] <= 2 for one in blur["pairs"])
        assert all(abs(one["difference"]["psnr"]["value"]) < 1e-3 for one in blur["pairs"])
    assert [(one["pair"][1], one["agree"]) for one in found["parity"]] == [("jittor", True), ("paddle", True)]
    assert all(one["agreement"]["smoothed"]["largest"] < 1e-4 for one in found["training"]["Realistic"])
    cells = nbformat.read(step / "executed.ipynb", as_version=4).cells
    assert [fault for cell in cells if cell.cell_type == "code" for fault in faults(cell.outputs)] == []
    with chromium() as browser:
        pages = crawl(browser, root / "run" / "index.html")
        assert step / "report.html" in pages and {path: said for path, said in pages.items() if said} == {}

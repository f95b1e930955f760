"""The sweep's plan, as Snakemake shows it; nothing of it is run."""

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.study.plan import parameters_cell

SWEEP = PROJECT_ROOT / "notebooks" / "sweep"
needs_snakemake = pytest.mark.skipif(
    importlib.util.find_spec("snakemake") is None, reason="Snakemake is optional and not installed here"
)


def planned(folder: Path, *options: str) -> list[dict[str, str]]:
    """The papermill commands that a dry run shows: notebook, output and parameters of each."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", SWEEP / "Snakefile", "--directory", folder]
    run = subprocess.run(
        [*command, "--cores", "2", "--dry-run", "--printshellcmds", *options], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
    found = []
    for line in re.findall(r"papermill notebooks.*", run.stdout + run.stderr):
        words = shlex.split(line)
        given = [words[i + 1 : i + 3] for i, word in enumerate(words) if word == "-p"]
        given += [words[i + 1].split(": ") for i, word in enumerate(words) if word == "-y"]
        found.append({"notebook": words[1], "executed": words[2], **dict(given)})
    return found


@needs_snakemake
@pytest.mark.slow
def test_every_combination_is_planned_with_parameters_that_the_notebooks_have(tmp_path: Path) -> None:
    (tmp_path / "data/Mine_BlurDown_Gaussian/LR_blurdown_x4").mkdir(parents=True)
    (tmp_path / "data/Mine_BlurDown_Realistic/LR_blurdown_x4").mkdir(parents=True)
    jobs = planned(tmp_path, "--config", "sets=Embedded,Mine", "parameters=-p timing_repeats 0")
    for job in jobs:
        notebook = PROJECT_ROOT / job["notebook"]
        assert set(job) - {"notebook", "executed"} <= set(parameters_cell(notebook)), job
    of = {name: [job for job in jobs if name in job["notebook"]] for name in ("02_", "04_", "05_")}
    assert {name: len(found) for name, found in of.items()} == {"02_": 1, "04_": 8, "05_": 2}
    assert {(job["framework"], job["input_path"]) for job in of["04_"]} == {
        (framework, f"data/{name}_BlurDown_{blur}/LR_blurdown_x4")
        for framework, name, blur in product(("torch", "jittor"), ("Embedded", "Mine"), ("Gaussian", "Realistic"))
    }
    for job in of["04_"]:
        assert f"_BlurDown_{job['blur']}/" in job["input_path"] and job["timing_repeats"] == "0"
        # The comparison finds it by this pattern.
        assert re.fullmatch(r"runs/sweep/(Embedded|Mine)/04_infer_clips_\w+", job["output"])
    assert {job["run_folder"] for job in of["05_"]} == {"runs/sweep/Embedded", "runs/sweep/Mine"}


@needs_snakemake
@pytest.mark.slow
def test_the_profile_for_a_cluster_gives_the_same_plan(tmp_path: Path) -> None:
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        pytest.skip("Snakemake's plugin for Slurm is not installed here")
    jobs = planned(tmp_path, "--profile", str(SWEEP / "slurm"), "--config", "frameworks=torch")
    assert [job["notebook"][10:12] for job in jobs].count("04") == 2


@needs_snakemake
@pytest.mark.slow
def test_a_call_with_other_options_does_again_what_they_change_and_compares_no_more_than_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data/Mine_BlurDown_Gaussian/LR_blurdown_x4").mkdir(parents=True)
    stand_in = tmp_path / "bin/papermill"  # leaves the files that the two notebooks leave
    stand_in.parent.mkdir()
    folder = '$(dirname "$2")'
    stand_in.write_text(f'#!/bin/sh\ntouch "$2" "{folder}/inference.json" "{folder}/comparison.json"\n')
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(stand_in.parent), prepend=os.pathsep)
    command = [sys.executable, "-m", "snakemake", "--snakefile", SWEEP / "Snakefile", "--directory", tmp_path]
    given = ["--config", "sets=Mine", "blurs=Gaussian"]
    done = subprocess.run([*command, "--cores", "1", *given], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert planned(tmp_path, *given) == []
    other = planned(tmp_path, *given, "parameters=-p border True")
    assert [(job["notebook"][10:12], job.get("border")) for job in other] == [("04", "True")] * 2 + [("05", None)]
    (fewer,) = planned(tmp_path, *given, "frameworks=torch")
    assert fewer["inference_files"] == "[runs/sweep/Mine/04_infer_clips_torch_Gaussian/inference.json]"

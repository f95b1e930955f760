"""`vsrlib doctor`: each fault is planted, and the line, the remedy and what it makes impossible are looked at."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vsrlib.cli import study as cli_study
from vsrlib.study.doctor import FAULT, Finding, examine, fault, machine, ok, packages, warning

HERE = Path(__file__).resolve().parents[1]
NONE = Path("/none/at/all")
SOME = {"cupy-cuda12x": "13.6.0"}
GPU = "NVIDIA H100"


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("finding", "status", "stops", "says", "remedy"),
    [
        (packages.python((3, 11)), "ok", None, "3.11", None),
        (packages.python((3, 14)), "ok", None, "3.14", None),
        (packages.python((3, 10)), "fault", "study", "3.10", "./run_all.sh"),
        (packages.python((3, 15)), "fault", "study", "3.15", "./run_all.sh"),
        (packages.numpy("1.26.4"), "ok", None, "1.26.4", None),
        (packages.numpy("2.1.0"), "fault", "jittor", "Jittor needs numpy 1", "pip install numpy==1.26.4"),
        (packages.numpy("2.1.0", with_jittor=False), "ok", None, "2.1.0", None),
        (packages.numpy(None), "fault", "study", "not installed", "pip install numpy==1.26.4"),
        (packages.torch("2.13.0", None), "ok", None, "2.13.0", None),
        (packages.torch(None, None), "fault", "torch", "not installed", "pip install torch"),
        (packages.torch("2.13.0", "libc10.so: cannot open"), "fault", "torch", "libc10", "--force-reinstall --no-deps"),
        (packages.cuda(None, None, False), "ok", None, "no NVIDIA GPU", None),
        (packages.cuda(GPU, "12.8", True), "ok", None, "CUDA 12.8", None),
        (packages.cuda(GPU, None, False), "warning", None, "build for CPUs", "pip install --force-reinstall"),
        (packages.cuda(GPU, "12.8", False), "warning", None, "driver is too old", "nvidia-smi"),
        (packages.cupy(None, {}, None, "1.26.4", None), "ok", None, "nothing uses it", None),
        (packages.cupy(GPU, SOME, "12.8", "1.26.4", None), "ok", None, "compiles", None),
        (packages.cupy(GPU, {}, "12.8", "1.26.4", None), "warning", None, "slower", "install cupy-cuda12x==13.6.0"),
        (
            packages.cupy(GPU, {"cupy-cuda12x": "14.0.1"}, "12.8", "1.26.4", None),
            *("fault", "torch", "needs numpy 2", "install cupy-cuda12x==13.6.0"),
        ),
        (
            packages.cupy(GPU, {"cupy-cuda11x": "13.6.0"}, "12.8", "1.26.4", "libnvrtc.so.11.2"),
            *("fault", "torch", "libnvrtc.so.11.2", "install cupy-cuda12x==13.6.0"),
        ),
        (
            packages.cupy(GPU, SOME, "13.0", "1.26.4", "libnvrtc.so.12"),
            *("fault", "torch", "CUDA 13.0", "install cupy-cuda13x==13.6.0"),
        ),
        (
            packages.cupy(None, {"cupy-cuda11x": "13.6.0", **SOME}, None, "1.26.4", None),
            *("fault", "torch", "only one", "uninstall --yes cupy-cuda12x"),
        ),
        (packages.jittor("1.3.11.0", None, True), "ok", None, "has compiled itself", None),
        (packages.jittor("1.3.11.0", None, False), "ok", None, "3 to 6 minutes", None),
        (packages.jittor(None, None, False), "fault", "jittor", "not installed", "pip install jittor==1.3.11.0"),
        (packages.jittor(None, None, False, (3, 12)), "fault", "jittor", "this Python is 3.12", "./run_all.sh"),
        (
            packages.jittor("1.3.11.0", "no g++ was found", False),
            "fault",
            "jittor",
            "because no g++",
            "apt install g++",
        ),
        (packages.jittor("1", "oneDNN is gone", False), "fault", "jittor", "oneDNN is gone", "onednn-devel-cpu-gomp"),
        (packages.onednn(None), "fault", "jittor", "would download", "onednn-devel-cpu-gomp==2022.2.1"),
        (packages.codecs(frozenset({"libx264", "ffv1"}), frozenset(packages._DECODERS)), "ok", None, "H.264", None),
        (packages.codecs(frozenset({"ffv1"}), frozenset(packages._DECODERS)), "warning", None, "libx264", "install"),
        (packages.jittor_settings({}, NONE), "ok", None, "the project's own", None),
        (
            packages.jittor_settings({"JITTOR_HOME": "/x"}, NONE),
            "ok",
            None,
            "JITTOR_HOME of this shell set aside",
            None,
        ),
        (packages.jittor_settings({"nvcc_path": "/x"}, NONE), "ok", None, "nvcc_path", None),
        (
            packages.jittor_settings({"cc_path": "x", "debug": "1"}, NONE),
            "warning",
            None,
            "debug",
            "unset cc_path debug",
        ),
        (machine.system("Linux", "6.1", "x86_64"), "ok", None, "Linux 6.1", None),
        (machine.system("Windows", "11", "AMD64"), "fault", "study", "WSL 2", "wsl --install"),
        (machine.system("Linux", "6.1", "aarch64"), "fault", "jittor", "x86_64", "run_all.sh"),
        (machine.compiler(None, HERE), "fault", "jittor", "no g++", "apt install g++"),
        (machine.compiler(str(NONE), HERE), "fault", "jittor", "does not run", "apt install g++"),
        (machine.headers(NONE, Path(sys.executable)), "fault", "jittor", "all missing", "apt install python3.11-dev"),
        (machine.cpu(frozenset({"avx2", "avx512f"}), 4, {}), "ok", None, "4 cores, avx512f, 4 threads", None),
        (machine.cpu(frozenset(), 4, {}), "ok", None, "no AVX2", None),
        (
            machine.cpu(frozenset(), 4, {"OMP_NUM_THREADS": "16"}),
            "warning",
            None,
            "16 threads",
            "unset OMP_NUM_THREADS",
        ),
        (machine.memory(16.0), "ok", None, "16.0 GiB", None),
        (machine.memory(1.5), "warning", None, "1.5 GiB", "--tile 64"),
        (machine.disk("run folder", HERE / "not" / "there", 1, "mend it", 2.0), "ok", None, f"free in {HERE}", None),
        (machine.disk("run folder", HERE, 1, "mend it", 0.2), "fault", "study", "0.20 GiB free", "mend it"),
        (
            machine.disk("run folder", HERE / "conftest.py" / "x", 1, "m", 9),
            "fault",
            "study",
            "cannot be",
            "chmod u+rwx",
        ),
        (machine.temporary(HERE, 0.1), "fault", "study", "0.10 GiB free", "export TMPDIR=/var/tmp"),
        (machine.encoding("utf-8", "UTF-8"), "ok", None, "UTF-8", None),
        (machine.encoding("utf-8", "ANSI_X3.4-1968"), "warning", None, "ANSI_X3.4-1968", "export LC_ALL=C.UTF-8"),
        (machine.chromium(None), "warning", None, "only the tests", "apt install chromium"),
        (machine.checkout(None, None), "warning", None, "none", "git init"),
        (machine.checkout("0" * 40, True), "warning", None, "changed since", "git status"),
        (machine.checkout("0" * 40, False), "ok", None, "0" * 12, None),
    ],
)
def test_what_is_planted_is_told(
    finding: Finding, status: str, stops: str | None, says: str, remedy: str | None
) -> None:
    assert (finding.status, finding.stops) == (status, stops)
    assert says in finding.says
    assert finding.remedy is None if remedy is None else remedy in str(finding.remedy)


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("echo 'fatal error: no input' >&2; exit 1", "cannot compile a line: fatal error: no input"),
        ("exit 1", "no reason given"),
        ('while [ $# -gt 1 ]; do shift; done; echo junk > "$1"', "cannot be loaded"),
    ],
)
def test_a_compiler_that_does_not_compile_is_found(program: str, says: str, tmp_path: Path) -> None:
    found = machine.compiler(script(tmp_path / "g++", program), tmp_path)
    assert found.status != "ok" and says in found.says
    assert [path.name for path in tmp_path.iterdir()] == ["g++"]


def test_a_folder_for_temporary_files_outside_ascii_is_told(tmp_path: Path) -> None:
    (tmp_path / "Büro").mkdir()
    found = machine.temporary(tmp_path / "Büro", 9.0)
    assert found.status == "warning" and found.remedy == "export TMPDIR=/var/tmp"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    found = machine.disk("run folder", tmp_path / "run", 0.1, "mend it")
    assert found.status == "fault" and found.remedy == f"chmod u+rwx {tmp_path}"


@pytest.mark.parametrize(
    ("content", "status"), [('{"JITTOR_HOME": "/x"}', "fault"), ("junk", "fault"), ("[]", "fault"), ("{}", "ok")]
)
def test_a_settings_file_that_leads_elsewhere_is_told(content: str, status: str, tmp_path: Path) -> None:
    stored = tmp_path / ".cache" / "jittor" / "config.json"
    stored.parent.mkdir(parents=True)
    stored.write_text(content)
    found = packages.jittor_settings({}, stored)
    assert found.status == status and (status == "ok" or found.remedy == f"rm {stored}")
    stored.write_text(json.dumps({"JITTOR_HOME": str(tmp_path)}))
    assert packages.jittor_settings({}, stored).status == "ok"


@pytest.mark.parametrize(
    ("stops", "left"),
    [
        ([], ("torch", "jittor")),
        (["jittor"], ("torch",)),
        (["torch"], ("jittor",)),
        (["torch", "jittor"], ()),
        (["study"], ()),
    ],
)
def test_what_is_left_decides_the_exit_status(
    stops: list[str], left: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys
) -> None:
    found = [ok("one", "fine"), warning("two", "so so", "mend two")]
    found += [fault(f"no {name}", "gone", f"mend {name}", stops=name) for name in stops]
    monkeypatch.setattr(examine, "examine", lambda run_root, data, use: found)
    parser = argparse.ArgumentParser()
    cli_study.doctor_arguments(parser)
    status = cli_study.run_doctor(parser.parse_args(["--json", str(tmp_path / "found.json")]))
    assert status == (0 if left else 1)
    told, kept = capsys.readouterr().out, json.loads((tmp_path / "found.json").read_text())
    assert all(one.says in told and (one.remedy or "") in told for one in found)
    assert ("cannot be run here" in told) == (not left)
    assert kept["study"] == bool(left) and kept["frameworks"] == list(left) and kept["provenance"]["versions"]["python"]
    assert [Finding(**one) for one in kept["findings"]] == found


@pytest.mark.parametrize(
    "values", [("a", "fault", "b", "c", None), ("a", "fault", "b", None, "study"), ("a", "ok", "b", "c", None)]
)
def test_a_fault_without_a_remedy_is_a_defect(values: tuple) -> None:
    with pytest.raises(ValueError, match="has a remedy"):
        Finding(*values)


def test_it_runs_on_this_machine_and_looks_at_everything(tmp_path: Path) -> None:
    """In a process of its own; none of the frameworks' steps is run, and no check breaks where the others work."""
    file = tmp_path / "found.json"
    done = subprocess.run(
        [sys.executable, "-m", "vsrlib", "doctor", "--json", str(file), "--run", str(tmp_path / "runs")],
        capture_output=True,
        text=True,
    )
    kept = json.loads(file.read_text())
    assert done.returncode == (0 if kept["study"] else 1), done.stderr
    assert "torch" in kept["frameworks"] and len(kept["findings"]) >= 18
    by_name = {one["what"]: one for one in kept["findings"]}
    assert by_name["C++ compiler"]["status"] == "ok" and str(tmp_path) in by_name["run folder"]["says"]


def test_a_framework_that_was_used_and_failed_is_a_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tried = {
        "torch": {"usable": True, "device": "cpu", "seconds": 1.0, "reason": None},
        "jittor": {"usable": False, "device": None, "seconds": 2.0, "reason": "it crashed"},
    }
    monkeypatch.setattr(examine, "_checks", lambda run_root, data: [ok("one", "fine")])
    monkeypatch.setattr(examine.frameworks, "check", lambda names: tried)
    found = examine.examine(tmp_path, tmp_path, use=True)
    assert examine.frameworks_left(found) == ("torch",)
    assert found[-1].status == FAULT and "it crashed" in found[-1].says

"""What bash offers at the tabulator is what the parsers know, tried in a bash."""

import subprocess

import pytest

from vsrlib.cli import build_parser
from vsrlib.cli.completion import script


@pytest.fixture(scope="module")
def offered():
    text = script(build_parser())

    def ask(*words: str) -> list[str]:
        quoted = " ".join(f"'{word}'" for word in words)
        asked = (
            f"{text}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _vsrlib; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        )
        done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return [word for word in done.stdout.split("\n") if word]

    return ask


def test_commands_and_their_options(offered) -> None:
    assert offered("vsrlib", "inf") == ["infer"]
    assert {"study", "infer", "publish"} <= set(offered("vsrlib", ""))
    assert offered("vsrlib", "infer", "--wei") == ["--weights"]
    assert offered("vsrlib", "infer", "CLIPS", "OUT", "--bord") == ["--border"]


def test_files_where_no_option_is_begun(offered) -> None:
    for words in [("",), ("C",), ("CLIPS", ""), ("CLIPS", "OUT", "--weights", ""), ("CLIPS", "--gt", "H")]:
        assert offered("vsrlib", "infer", *words) == []  # then bash offers files
    assert {"--weights", "--gt"} <= set(offered("vsrlib", "infer", "-"))
    assert set(offered("vsrlib", "--")) == {"--help", "--version"}


def test_the_words_that_an_option_takes(offered) -> None:
    assert offered("vsrlib", "infer", "--framework", "t") == ["torch"]
    assert offered("vsrlib", "infer", "--blur", "") == ["Gaussian", "Realistic"]
    assert offered("vsrlib", "study", "--profile", "qu") == ["quick"]


def test_commands_within_a_command(offered) -> None:
    assert "precision" in offered("vsrlib", "experiment", "")
    assert "--scenes" in offered("vsrlib", "experiment", "precision", "--")
    assert offered("vsrlib", "nothing", "--x") == []

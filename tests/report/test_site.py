"""A site holds what its index leads to, with no link into nothing, and nothing that no page leads to."""

import errno
import re
from pathlib import Path

import pytest

from vsrlib.cli import main
from vsrlib.common.errors import UserError
from vsrlib.report.site import write_site

PAGE = (
    '<a href="../index.html">all</a> <a href="https://example.org">away</a> <img src="data:image/png;base64,A" alt="">'
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    root = tmp_path / "run"
    for name, text in {
        "index.html": '<a href="a b/report.html#top">a</a> <a href="c/x.json">c</a> '
        '<a href="../out.json">out &amp; away'
        '</a> <a href="a b/executed.ipynb">notebook</a> <a href="#s01">here</a> <img src="a%20b/chart.svg" alt="x">',
        "a b/report.html": PAGE,
        "a b/chart.svg": "<svg/>",
        "a b/executed.ipynb": "{}",
        "a b/frames.bin": "nobody leads here",
        "c/x.json": "{}",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    (tmp_path / "out.json").write_text("{}")
    return root


def test_what_the_index_leads_to_is_copied_and_nothing_else(run: Path, tmp_path: Path) -> None:
    written = write_site(run, tmp_path / "site")
    names = {str(path.relative_to(tmp_path / "site")) for path in written}
    assert names == {"index.html", "a b/report.html", "a b/chart.svg", "c/x.json"}
    assert (tmp_path / "site/a b/report.html").read_text() == PAGE
    index = (tmp_path / "site/index.html").read_text()
    assert "out &amp; away" in index and "out.json" not in index and 'href="#s01"' in index
    for link in re.findall(r'href="([^"#]+)', index):
        assert (tmp_path / "site" / link).exists()


def test_a_site_is_replaced_and_nobody_elses_folder(run: Path, tmp_path: Path) -> None:
    write_site(run, tmp_path / "site")
    (run / "index.html").write_text("nothing")
    assert [path.name for path in write_site(run, tmp_path / "site")] == ["index.html"]
    assert not (tmp_path / "site/c").exists()
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="theirs holds files"):
        write_site(run, tmp_path / "theirs")
    with pytest.raises(UserError, match=r"holds no index\.html"):
        write_site(tmp_path, tmp_path / "other")


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_an_interruption_leaves_the_site_that_was_there(
    fault: BaseException, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    site, command = tmp_path / "site", ["site", str(run), str(tmp_path / "site")]

    def held() -> dict[str, str]:
        return {str(path.relative_to(site)): path.read_text() for path in site.rglob("*") if path.is_file()}

    def break_off(*_: object) -> None:
        raise fault

    write_site(run, site)
    before = held()
    (run / "a b/chart.svg").write_text("<svg>new</svg>")
    with monkeypatch.context() as patch:
        patch.setattr("vsrlib.report.site.shutil.copyfile", break_off)
        assert main(command) in (2, 130)
        assert held() == before and {path.name for path in tmp_path.iterdir()} == {"run", "out.json", "site"}
        with pytest.raises(type(fault)):
            write_site(run, tmp_path / "first")
        assert not (tmp_path / "first").exists()
    moved, rename = [], Path.rename

    def interrupted_move(path: Path, target: Path) -> Path:
        moved.append(path)
        if len(moved) == 2:  # the old one is away and the new one not yet there
            raise fault
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", interrupted_move)
        assert main(command) in (2, 130) and len(moved) == 3
    assert held() == before and {path.name for path in tmp_path.iterdir()} == {"run", "out.json", "site"}
    assert main(command) == 0 and held()["a b/chart.svg"] == "<svg>new</svg>"


def test_after_a_kill_nothing_is_lost_and_the_same_command_makes_the_site(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the two moves the old one lies beside its place, and there alone."""
    site, beside = tmp_path / "site", tmp_path / ".site.unfinished"
    write_site(run, site)

    def killed() -> None:
        beside.mkdir()
        site.rename(beside / "old")
        (beside / "new").mkdir()

    killed()
    with monkeypatch.context() as patch:
        patch.setattr("vsrlib.report.site._copy", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            write_site(run, site)
    assert (site / "c/x.json").is_file() and not beside.exists()
    killed()
    write_site(run, site)
    assert (site / "c/x.json").is_file() and not beside.exists()


def test_a_link_to_a_folder_stays_one(run: Path, tmp_path: Path) -> None:
    (tmp_path / "served").mkdir()
    (tmp_path / "site").symlink_to("served")
    for _ in range(2):
        write_site(run, tmp_path / "site")
    assert (tmp_path / "site").is_symlink() and (tmp_path / "served/index.html").is_file()


def test_the_command_says_where_it_is(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["site", str(run), str(tmp_path / "site")]) == 0
    assert f"{tmp_path / 'site'}/index.html" in capsys.readouterr().out

"""A site holds what its index leads to, with no link into nothing, and nothing that no page leads to."""

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


def test_the_command_says_where_it_is(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["site", str(run), str(tmp_path / "site")]) == 0
    assert f"{tmp_path / 'site'}/index.html" in capsys.readouterr().out

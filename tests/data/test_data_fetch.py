"""Downloads from a local server: whole, cut off, tampered with, missing; and what can only be had by hand."""

import hashlib
import io
import re
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from vsrlib import cli
from vsrlib.common.errors import UserError
from vsrlib.data.sets import addresses
from vsrlib.data.sets.addresses import Source
from vsrlib.data.sets.fetch import fetch

CONTENT = np.random.default_rng(0).bytes(3_000_000)


class Server:
    """Serves `files`; `cut` bytes at most come of an answer, `failures` answers are 503, `ranges`: parts are given.

    `told` are headers of each answer, such as an ETag; `if_range`: a part is given only of the version asked for.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cut: list[int] = []
        self.failures, self.ranges, self.if_range = 0, True, True
        self.told: dict[str, str] = {}
        self.asked: list[tuple[str, str | None]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *_: object) -> None:
                """Nothing on the terminal."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.asked.append((request.path, wanted))
        if self.failures:
            self.failures -= 1
            return request.send_error(503)
        content = self.files.get(request.path)
        if content is None:
            return request.send_error(404)
        version = request.headers.get("If-Range")
        partial = wanted and self.ranges and (not self.if_range or version in (None, *self.told.values()))
        begin = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if partial else 0
        if begin and begin >= len(content):
            return request.send_error(416)
        request.send_response(206 if begin else 200)
        request.send_header("Content-Length", str(len(content) - begin))
        for name, value in self.told.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(content[begin:][: self.cut.pop(0) if self.cut else None])


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server()
    thread = Thread(target=one.http.serve_forever)
    thread.start()
    yield one
    one.http.shutdown()
    thread.join()
    one.http.server_close()


@pytest.fixture
def offered(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    server.files["/file.bin"] = CONTENT
    digest = hashlib.sha256(CONTENT).hexdigest()
    table = {
        "known": Source("a file", "CC0", "Set/file.bin", f"{server.url}/file.bin", digest, len(CONTENT)),
        "unknown": Source("a file", "CC0", "Set/other.bin", f"{server.url}/file.bin"),
        "gone": Source("a file", "CC0", "gone.bin", f"{server.url}/gone.bin"),
        "hand": Source("a set", "research use", "Hand", by_hand="its page links to it"),
    }
    monkeypatch.setattr("vsrlib.data.sets.fetch.SOURCES", table)
    monkeypatch.setattr("vsrlib.data.sets.fetch._PAUSE", 0.0)
    return server


def test_a_whole_file_is_verified_and_not_fetched_again(offered: Server, tmp_path: Path) -> None:
    said: list[str] = []
    path = fetch("known", tmp_path, said.append)
    assert path == tmp_path / "Set" / "file.bin" and path.read_bytes() == CONTENT
    assert "licence: CC0" in said[0] and said[-1].endswith("(verified)")
    assert fetch("known", tmp_path, said.append) == path and len(offered.asked) == 1
    assert [p.name for p in (tmp_path / "Set").iterdir()] == ["file.bin"]


def test_the_licence_comes_before_the_download(offered: Server, tmp_path: Path) -> None:
    def say(text: str) -> None:
        assert offered.asked or not (tmp_path / "Set").exists()
        said.append((text, len(offered.asked)))

    said: list[tuple[str, int]] = []
    fetch("known", tmp_path, say)
    assert next(asked for text, asked in said if "CC0" in text) == 0


def test_no_checksum_is_said_to_be_none(offered: Server, tmp_path: Path) -> None:
    said: list[str] = []
    assert fetch("unknown", tmp_path, said.append).read_bytes() == CONTENT
    assert "NOT VERIFIED: no checksum is published" in said[-1] and hashlib.sha256(CONTENT).hexdigest() in said[-1]


def begin(wanted: str | None) -> int:
    return int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])


def test_what_breaks_off_is_gone_on_with(offered: Server, tmp_path: Path) -> None:
    offered.cut = [1_000_000, 1_500_000]
    assert fetch("known", tmp_path, lambda _: None).read_bytes() == CONTENT
    first, second, third = (wanted for _, wanted in offered.asked)
    assert first is None and 900_000 < begin(second) <= 1_000_000 and 2_300_000 < begin(third) <= 2_500_000


def test_the_next_call_goes_on_too(offered: Server, tmp_path: Path) -> None:
    offered.cut = [700_000]
    with pytest.raises(UserError, match="did not come whole.*goes on where it broke off"):
        fetch("known", tmp_path, lambda _: None, retries=0)
    assert [path.name for path in (tmp_path / "Set").iterdir()] == ["file.bin.part"]
    assert fetch("known", tmp_path, lambda _: None).read_bytes() == CONTENT
    assert 600_000 < begin(offered.asked[-1][1]) <= 700_000


def other_version(server: Server, tmp_path: Path, name: str, told: dict[str, str], later: dict[str, str]) -> bytes:
    """Fetch `name`, of which 700000 bytes came before the file changed on the server; returns what lies there."""
    server.told, server.cut = told, [700_000]
    with pytest.raises(UserError, match="did not come whole"):
        fetch(name, tmp_path, lambda _: None, retries=0)
    server.files["/file.bin"], server.told = CONTENT[::-1], later
    return fetch(name, tmp_path, lambda _: None).read_bytes()


@pytest.mark.parametrize("if_range", [True, False])
@pytest.mark.parametrize(
    "told, later",
    [
        ({"ETag": '"1"'}, {"ETag": '"2"'}),
        ({"Last-Modified": "Mon, 05 Jan 2026 10:00:00 GMT"}, {"Last-Modified": "Tue, 06 Jan 2026 10:00:00 GMT"}),
        ({"ETag": 'W/"1"'}, {"ETag": 'W/"1"'}),  # a weak one may stay the same when bytes change
        ({}, {}),
    ],
)
def test_a_file_that_changed_is_begun_again(
    offered: Server, tmp_path: Path, told: dict[str, str], later: dict[str, str], if_range: bool
) -> None:
    offered.if_range = if_range
    assert other_version(offered, tmp_path, "unknown", told, later) == CONTENT[::-1]
    assert [path.name for path in (tmp_path / "Set").iterdir()] == ["other.bin"]


@pytest.mark.parametrize("told", [{"ETag": '"1"'}, {"ETag": 'W/"1"', "Last-Modified": "Mon, 05 Jan 2026 10:00:00 GMT"}])
def test_a_file_that_did_not_change_is_gone_on_with_without_a_checksum(
    offered: Server, tmp_path: Path, told: dict[str, str]
) -> None:
    offered.told, offered.cut = told, [700_000]
    assert fetch("unknown", tmp_path, lambda _: None).read_bytes() == CONTENT
    assert [wanted is None for _, wanted in offered.asked] == [True, False]
    assert [path.name for path in (tmp_path / "Set").iterdir()] == ["other.bin"]


def test_a_mixture_of_two_versions_is_found_by_the_checksum(offered: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has another sha256 than"):
        other_version(offered, tmp_path, "known", {}, {})
    assert not list((tmp_path / "Set").iterdir())


def test_each_retry_waits_longer(offered: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("vsrlib.data.sets.fetch._PAUSE", 1.0)
    monkeypatch.setattr("vsrlib.data.sets.fetch.time.sleep", waited.append)
    offered.failures = 2
    fetch("known", tmp_path, lambda _: None)
    assert [seconds for seconds in waited if seconds >= 1] == [1.0, 2.0]


def test_a_server_that_cannot_go_on_begins_again(offered: Server, tmp_path: Path) -> None:
    offered.cut, offered.ranges = [900_000], False
    assert fetch("known", tmp_path, lambda _: None).read_bytes() == CONTENT and len(offered.asked) == 2


def test_a_part_that_is_longer_than_the_file(offered: Server, tmp_path: Path) -> None:
    (tmp_path / "Set").mkdir()
    (tmp_path / "Set" / "file.bin.part").write_bytes(CONTENT + b"more")
    assert fetch("known", tmp_path, lambda _: None).read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(offered: Server, tmp_path: Path) -> None:
    offered.failures = 3
    assert fetch("known", tmp_path, lambda _: None).read_bytes() == CONTENT and len(offered.asked) == 4
    offered.failures = 9
    with pytest.raises(UserError, match="answers 503"):
        fetch("unknown", tmp_path, lambda _: None)


def test_a_tampered_file_is_not_kept(offered: Server, tmp_path: Path) -> None:
    offered.files["/file.bin"] = CONTENT[:-1] + b"x"
    with pytest.raises(UserError, match="has another sha256 than"):
        fetch("known", tmp_path, lambda _: None)
    assert not list((tmp_path / "Set").iterdir())
    offered.files["/file.bin"] = CONTENT
    assert fetch("known", tmp_path, lambda _: None).read_bytes() == CONTENT


def test_a_tampered_file_on_disk_is_fetched_again(offered: Server, tmp_path: Path) -> None:
    fetch("known", tmp_path, lambda _: None).write_bytes(b"spoiled")
    assert fetch("known", tmp_path, lambda _: None).read_bytes() == CONTENT and len(offered.asked) == 2


def test_a_missing_file_is_not_asked_for_again(offered: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="gone.bin answers 404: look for the file"):
        fetch("gone", tmp_path, lambda _: None)
    assert len(offered.asked) == 1 and not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_no_server(offered: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = {"dead": Source("a file", "CC0", "a.bin", "http://127.0.0.1:9/a.bin")}
    monkeypatch.setattr("vsrlib.data.sets.fetch.SOURCES", table)
    with pytest.raises(UserError, match="did not come whole .ConnectionError"):
        fetch("dead", tmp_path, lambda _: None)


def test_by_hand(offered: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="hand can only be had by hand: its page links to it; put it at .*Hand"):
        fetch("hand", tmp_path, lambda _: None)
    with pytest.raises(UserError, match="no data set 'none'; choose one of: known"):
        fetch("none", tmp_path, lambda _: None)
    assert not offered.asked


def spoilt_archive() -> bytes:
    """A packed file whose coded bytes are none."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.txt", "text " * 100)
    data = bytearray(buffer.getvalue())
    data[35:40] = b"\xff" * 5  # after the header of 30 bytes and the name
    return bytes(data)


@pytest.mark.parametrize(
    "names, words",
    [
        (["Vid4/a.png", "b.txt"], None),
        (["../out.png"], "would lie outside"),
        (None, "no whole archive"),
        (["damaged"], "no whole archive"),  # of which nothing tells before it is unpacked
    ],
)
def test_archives(
    offered: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str] | None, words: str | None
) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in names or []:
            file.writestr(name, name)
    offered.files["/set.zip"] = buffer.getvalue() if names else b"no archive"
    if names == ["damaged"]:
        offered.files["/set.zip"] = spoilt_archive()
    monkeypatch.setattr(
        "vsrlib.data.sets.fetch.SOURCES", {"zip": Source("a set", "CC0", "Sets/set.zip", f"{offered.url}/set.zip")}
    )
    if words is None:
        assert fetch("zip", tmp_path, lambda _: None) == tmp_path / "Sets"
        assert (tmp_path / "Sets" / "Vid4" / "a.png").read_text() == "Vid4/a.png"
    else:
        with pytest.raises(UserError, match=words):
            fetch("zip", tmp_path, lambda _: None)
        assert not (tmp_path / "out.png").exists()


def test_the_table() -> None:
    for name, source in addresses.SOURCES.items():
        assert source.what and source.licence and not Path(source.place).is_absolute()
        assert (source.url is None) == bool(source.by_hand), name
        assert source.sha256 is None or re.fullmatch("[0-9a-f]{64}", source.sha256)
    assert len({source.place for source in addresses.SOURCES.values()}) == len(addresses.SOURCES)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert cli.main(["data", "fetch", "weights-gaussian", "--data", str(tmp_path)]) == 2
    streams = capsys.readouterr()
    assert "licence:" in streams.out and "by hand" in streams.err and "self_blind_vsr_gaussian.pt" in streams.err
    with pytest.raises(SystemExit):
        cli.main(["data", "fetch", "--help"])
    assert "spmcs" in capsys.readouterr().out

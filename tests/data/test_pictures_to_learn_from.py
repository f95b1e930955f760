"""`vsrlib data pictures`: what lies in a package is written as it is, with its author and licence, or named."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from vsrlib import cli
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json
from vsrlib.data.frame_names import in_order
from vsrlib.data.frames import read_frame, write_frame
from vsrlib.data.sets import picture_table, pictures
from vsrlib.data.sets.manifest import credits_of
from vsrlib.data.sets.picture_table import Package, Source
from vsrlib.data.synthetic.pictures import PHOTOGRAPHS

PACKAGE = Package(
    "1-1",
    "usr/share/w",
    {
        "hill": Source("train", "nature/Hill.png", "A. B.", "CC0"),
        "lake": Source("validation", "Lake.png", "C. D.", "CC BY 4.0"),
    },
)


def archive(members: dict[str, bytes]) -> bytes:
    """An ar archive, as a .deb is one: 60 bytes of header a member, and members begin at even places."""
    parts = [b"!<arch>\n"]
    for name, content in members.items():
        parts.append(f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode())
        parts.append(content + b"\n" * (len(content) % 2))
    return b"".join(parts)


def deb(path: Path, files: dict[str, bytes]) -> None:
    """A package with these files, packed as Debian packs them."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    path.write_bytes(archive({"debian-binary": b"2.0\n", "control.tar.xz": b"odd", "data.tar.xz": packed.getvalue()}))


def noise(seed: int, size: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one package, which is the table's only one; of scikit-image's pictures one, and none drawn."""
    files = {}
    for name, seed, size in (("nature/Hill.png", 1, (64, 80)), ("Lake.png", 2, (72, 70))):
        write_frame(tmp_path / "one.png", noise(seed, size))
        files[f"usr/share/w/{name}"] = (tmp_path / "one.png").read_bytes()
    (tmp_path / "debs").mkdir()
    deb(tmp_path / "debs" / "hills_1-1_all.deb", files)
    monkeypatch.setattr(pictures, "PACKAGES", {"hills": PACKAGE})
    monkeypatch.setattr(pictures, "EMBEDDED", {"brick": picture_table.EMBEDDED["brick"]})
    monkeypatch.setattr(pictures, "LEAVES", {})
    return tmp_path / "debs"


def test_the_pictures_of_a_package_are_written_as_they_are(packages: Path, tmp_path: Path) -> None:
    assert cli.main(["data", "pictures", str(tmp_path / "out"), "--packages", str(packages)]) == 0
    manifest = read_json(tmp_path / "out" / "manifest.json")
    assert sorted(manifest["pictures"]) == ["train/brick", "train/hill", "validation/lake"]
    for place, picture in (("train/hill", noise(1, (64, 80))), ("validation/lake", noise(2, (72, 70)))):
        assert np.array_equal(read_frame(tmp_path / "out" / f"{place}.png"), picture)
    hill = manifest["pictures"]["train/hill"]
    assert hill["author"] == "A. B." and hill["licence"] == "CC0" and "nature/Hill.png" in hill["source"]
    assert manifest["packages"]["hills"]["file"] == "hills_1-1_all.deb"


def test_who_made_them_is_told_of_each_part(packages: Path, tmp_path: Path) -> None:
    pictures.write_pictures(tmp_path / "out", packages)
    assert credits_of(tmp_path / "out" / "train") == "A. B. (CC0), CC0Textures (CC0)"
    assert credits_of(tmp_path / "out" / "validation") == "C. D. (CC BY 4.0)"
    for other in ("", '{"clips": {}}', '{"pictures": 1}', '{"pictures": {"train/x": 1}}'):
        (tmp_path / "out" / "manifest.json").write_text(other)
        assert credits_of(tmp_path / "out" / "train") == ""
    assert credits_of(tmp_path / "debs") == ""


def test_large_pictures_are_halved(packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_LARGE", 70)
    pictures.write_pictures(tmp_path / "out", packages)
    whole = noise(2, (72, 70)).astype(float)
    mean = (whole[::2, ::2] + whole[1::2, ::2] + whole[::2, 1::2] + whole[1::2, 1::2]) / 4
    assert np.abs(read_frame(tmp_path / "out" / "validation" / "lake.png") - mean).max() <= 0.5
    assert read_frame(tmp_path / "out" / "train" / "hill.png").shape == (64, 80, 3)


def test_what_is_no_such_package_is_named(packages: Path, tmp_path: Path) -> None:
    path = packages / "hills_1-1_all.deb"
    for content in (b"", b"no archive", archive({"data.tar.xz": b"no tar"}), path.read_bytes()[:400]):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"hills_1-1_all.deb is not the package .* version 1-1"):
            pictures.write_pictures(tmp_path / "out", packages)
    deb(path, {"usr/share/w/Lake.png": b""})
    with pytest.raises(UserError, match=r"\(it has no file nature/Hill.png\)"):
        pictures.write_pictures(tmp_path / "out", packages)
    path.unlink()
    with pytest.raises(UserError, match="no hills_"):
        pictures.write_pictures(tmp_path / "out", packages)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_without_apt_the_remedy_is_said(packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="apt-get is not here: .*hills.*--packages"):
        pictures.write_pictures(tmp_path / "out")
    (tmp_path / "apt-get").write_text("#!/bin/sh\necho 'E: Unable to locate package hills' >&2\nexit 100\n")
    (tmp_path / "apt-get").chmod(0o755)
    with pytest.raises(UserError, match="Unable to locate package hills"):
        pictures.write_pictures(tmp_path / "out")


def test_a_manifest_of_another_program_is_refused_before_the_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(pictures, "_download", lambda folder: pytest.fail("it was downloaded"))
    (tmp_path / "manifest.json").write_text('{"name": "my web app"}')
    assert cli.main(["data", "pictures", str(tmp_path)]) == 2
    assert "manifest.json is no manifest of a set made here" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_the_table_is_of_clean_licences_and_of_no_picture_that_is_tested_on() -> None:
    free = ("CC0", "CC BY", "public domain")
    packaged = [one for package in picture_table.PACKAGES.values() for one in package.pictures.items()]
    table = [*picture_table.EMBEDDED.items(), *packaged]
    assert all(source.licence.startswith(free) and source.author for _, source in table)
    assert not {source.file for _, source in table} & {*PHOTOGRAPHS["test"], *PHOTOGRAPHS["validation"]}
    assert len(dict(table)) == len(table) == len({source.file for _, source in table}) > 20
    assert {source.part for _, source in table} == {"train", "validation"}
    assert not set(map(tuple, picture_table.LEAVES["train"])) & set(map(tuple, picture_table.LEAVES["validation"]))


def test_the_names_of_all_have_an_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one a folder of them would be refused as a clip."""
    monkeypatch.setattr(pictures, "dead_leaves", lambda rng: np.zeros((1, 1, 3), np.uint8))
    packaged = [one for package in picture_table.PACKAGES.values() for one in package.pictures.items()]
    named = [*packaged, *((name, source) for name, source, *_ in (*pictures._embedded(), *pictures._drawn()))]
    for part in ("train", "validation"):
        names = [name for name, source in named if source.part == part]
        assert in_order(names) == sorted(names) and len(set(names)) == len(names)

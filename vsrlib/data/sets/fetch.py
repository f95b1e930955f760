"""`vsrlib data fetch`: one file of the table, by pooch; resumed where it broke off, verified, unpacked."""

import shutil
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pooch
import requests

from vsrlib.common.errors import UserError
from vsrlib.common.files import require_folder, sha256_file
from vsrlib.data.sets.addresses import SOURCES, Source

RETRIES = 3
_TIMEOUT = 60  # seconds without a byte
_CHUNK = 1 << 16  # what is lost at most when a download breaks off
_PART = ".part"
_VERSION = ".version"  # beside the .part file: which version of the file on the server it is a part of
_PAUSE = 1.0  # seconds before the first retry, and as many more before each further one
_GONE = (401, 403, 404, 410)


def fetch(name: str, data_root: Path, say: Callable[[str], None] = print, retries: int = RETRIES) -> Path:
    """Download what the table calls `name` below `data_root`; returns the file, or the folder of an unpacked archive.

    The licence is said before anything is downloaded. What breaks off leaves a .part file, which the next attempt and
    the next call go on from, where the server allows and still has that version of it. A file that is there and
    verified is not downloaded again.
    UserError for an unknown name, for a set that can only be had by hand, for a file that the server does not have,
    that does not come whole, that has another checksum, or that is no archive; and for a place that is taken.
    """
    if name not in SOURCES:
        raise UserError(f"There is no data set {name!r}; choose one of: {', '.join(SOURCES)}.")
    source = SOURCES[name]
    target = Path(data_root) / source.place
    say(f"{name}: {source.what}\nlicence: {source.licence}")
    if source.url is None:
        raise UserError(f"{name} can only be had by hand: {source.by_hand}; put it at {target}.")
    say(f"from: {source.url}{f' ({source.size / 1e9:.2f} GB)' if source.size else ''}\nto: {target}")
    require_folder(target.parent)
    _download(source, target, retries)
    digest = source.sha256 or sha256_file(target)
    say(f"sha256 {digest} ({'verified' if source.sha256 else 'NOT VERIFIED: no checksum is published for this file'})")
    return _unpacked(target) if target.suffix == ".zip" else target


def _download(source: Source, target: Path, retries: int) -> None:
    """Leave the whole, verified file at `target`."""
    known = None if source.sha256 is None else f"sha256:{source.sha256}"
    downloader = _Resuming(target, retries, known is not None)
    try:
        pooch.retrieve(source.url, known, fname=target.name, path=target.parent, downloader=downloader)
    except requests.HTTPError as error:
        raise UserError(
            f"{source.url} answers {_status(error)}: look for the file at its publisher's, and put it at {target}."
        ) from error
    except requests.RequestException as error:
        raise UserError(
            f"{source.url} did not come whole ({type(error).__name__}): repeat the command, which goes on "
            "where it broke off, if the server allows."
        ) from error
    except ValueError as error:  # pooch's word for another checksum; a file that was there already is kept
        raise UserError(
            f"{source.url} has another sha256 than {source.sha256}: it was changed or damaged, and was not kept."
        ) from error


def _status(error: requests.HTTPError) -> int | None:
    return None if error.response is None else error.response.status_code


class _Resuming:
    """What pooch calls to download: into a .part file beside the target, going on from what is there.

    It goes on only from a part of the same version of the file: by the ETag or date that the server gave with the part.
    Without them it goes on where a checksum would find a mixture of two versions (`verified`), and begins again else.
    """

    def __init__(self, target: Path, retries: int, verified: bool) -> None:
        self._part, self._retries, self._verified = target.with_name(target.name + _PART), retries, verified
        self._version = self._part.with_name(self._part.name + _VERSION)

    def __call__(self, url: str, output_file: str, _pooch: object) -> None:
        for attempt in range(self._retries + 1):
            time.sleep(_PAUSE * attempt)
            try:
                self._go_on(url)
                break
            except requests.HTTPError as error:
                if _status(error) in _GONE or attempt == self._retries:
                    raise
            except requests.RequestException:
                if attempt == self._retries:
                    raise
        # Moved whether right or wrong: pooch removes a file with another checksum, so that it is not gone on from.
        shutil.move(self._part, output_file)
        self._version.unlink(missing_ok=True)

    def _go_on(self, url: str) -> None:
        have = self._part.stat().st_size if self._part.exists() else 0
        version = self._version.read_text() if self._version.exists() else ""
        if not version and not self._verified:
            have = 0
        # The bytes as they are, so that lengths can be compared.
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers |= {"Range": f"bytes={have}-"} | ({"If-Range": version} if version else {})
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
            partial = answer.status_code == requests.codes.partial_content
            told = _versions(answer)
            # Some servers do not know If-Range, and give a part of whatever is there.
            changed = partial and version and told and version not in told
            if have and (changed or answer.status_code == requests.codes.requested_range_not_satisfiable):
                self._part.unlink()  # of another version, longer than the file, or all of it: it is not known which
                return self._go_on(url)
            answer.raise_for_status()
            have = have if partial else 0
            with open(self._part, "ab" if have else "wb") as file:
                if not have:  # only now that the old part is emptied: a version never stands beside another's bytes
                    self._version.unlink(missing_ok=True)
                    if told:
                        self._version.write_text(told[0])
                for chunk in answer.iter_content(_CHUNK):
                    file.write(chunk)
            expected = answer.headers.get("Content-Length")
        came = self._part.stat().st_size - have
        if expected is not None and came != int(expected):
            raise requests.ConnectionError(f"{came} of {expected} bytes came")


def _versions(answer: requests.Response) -> list[str]:
    """What tells this version of the file from others, as If-Range takes it: the ETag, unless it is weak; the date."""
    found = (answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", ""))
    return [version for version in found if version and not version.startswith("W/")]


def _unpacked(archive: Path) -> Path:
    """Unpack beside the archive, which is kept. UserError for what is no archive or leads outside the folder."""
    folder = archive.parent
    try:
        with zipfile.ZipFile(archive) as file:
            for name in file.namelist():
                if not (folder / name).resolve().is_relative_to(folder.resolve()):
                    raise UserError(f"{archive} holds {name}, which would lie outside {folder}: it was not unpacked.")
            file.extractall(folder)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
        raise UserError(f"{archive} is no whole archive ({error}): move it away and fetch it again.") from error
    return folder

"""What is done of an experiment or a long study, so that an interrupted one goes on; and the file that it ends with."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from vsrlib.common import provenance
from vsrlib.common.errors import UserError
from vsrlib.common.files import read_json, sha256_bytes, write_json

_FOLDER = "parts"
_ASKED = "asked.json"
_LONGEST = 241  # bytes of a name, of the 255 that a file's may have: what tells it apart and the ending have the rest


class Parts:
    """The parts of one experiment that are done, OUTPUT/parts/NAME.json each: a scene, a process or a network.

    asked: everything that the parts depend on, as JSON values. UserError where OUTPUT holds parts of another question.
    """

    def __init__(self, output: Path, asked: Mapping[str, Any]) -> None:
        self._folder = Path(output) / _FOLDER
        self._taken: list[Path] = []
        file = self._folder / _ASKED
        if not file.exists():
            write_json(file, dict(asked))
            return
        before = read_json(file)
        differing = sorted(name for name in before.keys() | asked.keys() if before.get(name) != asked.get(name))
        if "experiment" in differing:
            raise UserError(
                f"{output} holds parts of the experiment {before.get('experiment')}, not {asked.get('experiment')}; "
                "give another folder."
            )
        if differing:
            name = differing[0]
            raise UserError(
                f"{output} holds parts of the same experiment with {name} {before.get(name)}, not {asked.get(name)}; "
                "give another folder."
            )

    def get(self, name: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The part of this name: read if it is done, else done now and kept with the commit that it was measured at."""
        file = self._file(name)
        if not file.exists():
            commit, dirty = provenance.git_state(provenance.PROJECT_ROOT)
            write_json(file, {"name": name, "commit": commit, "dirty": dirty, **work()})
        self._taken.append(file)
        return self._read(name)

    def done(self, name: str) -> dict[str, Any] | None:
        """The part of this name if it is done, else None."""
        file = self._file(name)
        if not file.exists():
            return None
        self._taken.append(file)
        return self._read(name)

    def forget(self) -> None:
        """Remove the parts that this object was asked for: what they were kept for is written."""
        for file in {*self._taken, self._folder / _ASKED}:
            file.unlink(missing_ok=True)
        if not any(self._folder.iterdir()):
            self._folder.rmdir()

    def finish(self, path: Path, result: Mapping[str, Any]) -> dict[str, Any]:
        """Write the experiment's file, with provenance and the commits of its parts, and return what it holds.

        Its parts are those that this object was asked for: an earlier call may have left some of other seeds.
        """
        parts = [read_json(file) for file in dict.fromkeys(self._taken)]
        commits = sorted({str(part["commit"]) + (" changed" if part["dirty"] else "") for part in parts})
        whole = dict(result) | {"provenance": provenance.collect(measured_at=commits)}
        write_json(path, whole)
        return whole

    def _file(self, name: str) -> Path:
        plain = re.sub(r"[^\w.=-]+", "_", name).encode()[:_LONGEST].decode(errors="ignore")
        told_apart = "" if plain == name else f"-{sha256_bytes(name.encode())[:8]}"  # from names that differ in these
        return self._folder / f"{plain}{told_apart}.json"

    def _read(self, name: str) -> dict[str, Any]:
        found = read_json(self._file(name))
        if found["name"] != name:
            raise ValueError(f"{name} and {found['name']} are kept in one file")
        return found

"""The page of licences: what packages say is found, what does not suit MIT is refused, and no package is left out."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from vsrlib.common.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
_SPEC = importlib.util.spec_from_file_location("licences", ROOT / ".ci" / "licences.py")
assert _SPEC is not None and _SPEC.loader is not None
licences = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(licences)


class About(dict):
    def get_all(self, name: str) -> Any:
        return self.get(name)


def package(**fields: object) -> Any:
    return SimpleNamespace(
        metadata=About({"Name": "one", **{k.replace("_", "-"): v for k, v in fields.items()}}), files=[]
    )


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ({"License_Expression": "MIT-0", "License": "other"}, "MIT-0"),
        ({"License": "BSD-3-Clause", "Classifier": ["License :: OSI Approved :: BSD License"]}, "BSD-3-Clause"),
        ({"License": "Copyright\nall of it", "Classifier": ["License :: OSI Approved :: MIT License"]}, "MIT License"),
        ({"License": "UNKNOWN", "Classifier": ["License :: OSI Approved :: ISC License (ISCL)"]}, "ISC License (ISCL)"),
    ],
)
def test_what_a_package_says_is_found(fields: dict[str, Any], licence: str) -> None:
    assert licences.licence_of(package(**fields)) == licence
    assert licences.kind_of("one", licence) == "permissive"


def test_a_package_that_says_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="one does not say what its licence is"):
        licences.licence_of(package(Classifier=["License :: OSI Approved"]))


@pytest.mark.parametrize("licence", ["GPL-3.0-or-later", "GNU Lesser General Public License", "AGPL-3.0", "Secret"])
def test_a_licence_that_does_not_suit_is_refused(licence: str) -> None:
    with pytest.raises(UserError, match="one is under"):
        licences.kind_of("one", licence)


def test_of_several_licences_one_may_be_chosen() -> None:
    assert licences.kind_of("one", "GPL-2.0-or-later OR MIT") == "permissive"
    assert licences.kind_of("one", "MPL-2.0 AND MIT") == "of each file (MPL 2.0)"
    with pytest.raises(UserError, match="one is under"):
        licences.kind_of("one", "GPL-2.0-or-later AND MIT")


def test_the_page_has_every_locked_package_in_its_version() -> None:
    locked = [line.split("==") for line in licences.LOCK.read_text().splitlines() if line and not line.startswith("#")]
    shown = [line.split(" | ")[:2] for line in (ROOT / "docs" / "licences.md").read_text().splitlines() if "|" in line]
    assert [[f"| {name}", version] for name, version in locked] == [row for row in shown if row[0][2:] in dict(locked)][
        : len(locked)
    ]

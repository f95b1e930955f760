"""What the comparison of every pair of frameworks means, in words that follow its numbers."""

from typing import Any

from vsrlib.claims.every_pair import words
from vsrlib.claims.results import is_skipped
from vsrlib.claims.ten_claims import GAIN, NEGLIGIBLE
from vsrlib.common.names import NAMES
from vsrlib.common.numbers import counted, fixed, significant
from vsrlib.report.html import Page
from vsrlib.report.said import beyond, paragraphs, too_few


def every_pair(result: dict[str, Any]) -> Page:
    """Whether any two frameworks differ, and which is the fastest, from the content of every_pair.json."""
    return paragraphs(*(_pairs(blur, one) for blur, one in result["blurs"].items()), _referees(result["parity"]))


def _pairs(blur: str, found: dict[str, Any]) -> str:
    compared = {
        words(one["pair"]): one["difference"]["psnr"]
        for one in found["pairs"]
        # Of other weights or frames the frameworks are no cause.
        if not is_skipped(one["difference"]) and one["outputs"]["same_weights"] and one["outputs"]["same_input"]
    }
    ends = {
        pair: max(abs(psnr[key]) for key in ("value", "low", "high") if psnr[key] is not None)
        for pair, psnr in compared.items()
        if psnr["value"] is not None
    }
    if not ends:
        return f"{blur} blur: no two of them are compared; the table says why."
    furthest = max(ends, key=lambda pair: ends[pair])
    least = NEGLIGIBLE * GAIN["psnr"]
    said = f"{blur} blur: of {counted(len(ends), 'pair')} the furthest apart are {furthest}, "
    claimed = f"a tenth of the claimed {GAIN['psnr']} dB is {least:.2f}"
    if compared[furthest]["low"] is None:
        said += f"by {fixed(ends[furthest], 4)} dB; {too_few(compared[furthest])}"
    else:
        said += f"with an interval that reaches {fixed(ends[furthest], 4)} dB"
        said += f", and {claimed}" if ends[furthest] < least else f", {beyond(compared[furthest])}: {claimed}"
    seconds = {name: one["seconds"] for name, one in found["each"].items() if one.get("seconds") is not None}
    if len(seconds) > 1:
        order = sorted(seconds, key=lambda name: seconds[name])
        named = ", ".join(f"{NAMES[name]} {significant(1000 * seconds[name])} ms" for name in order)
        said += f". A frame takes, the fastest first: {named}; of one process each, so that a few per cent say nothing"
    return f"{said}."


def _referees(found: list[dict[str, Any]]) -> str:
    judged = [one for one in found if not is_skipped(one)]
    apart = [words(one["pair"]) for one in judged if not one["agree"]]
    if not judged:
        return ""
    if apart:
        return f"Layer by layer {' and '.join(apart)} part: 06_prove_parity of that pair names the first step."
    return f"Layer by layer none departs, in {counted(len(judged), 'pair')}: they are roundings of one network."

"""Every pair of the frameworks that ran, compared as the two of the claims are.

The ten claims are about PyTorch and Jittor, and nothing here changes a verdict: it says what holds beside them.
"""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.claims import results
from vsrlib.claims.comparison import inputs, of_pair, published_outputs, statistics
from vsrlib.claims.quality import METRICS, decisive, difference_of, gains_of, totals_of
from vsrlib.claims.results import RUN_FIELDS, TRAINING_FIELDS, absence, is_skipped
from vsrlib.common import provenance
from vsrlib.common.errors import UserError
from vsrlib.common.files import atomic_path, write_json
from vsrlib.common.names import NAMES, TRAINERS
from vsrlib.common.numbers import counted, fixed, interval, markdown, number, percent, significant, units

RESULT, TABLE = "every_pair.json", "every_pair.md"

Pair = tuple[str, str]


def compare(
    inference_files: Sequence[Path],
    training_files: Sequence[Path],
    parity_files: Sequence[Path],
    output: Path,
    seed: int = 0,
    source: str | None = None,
    published: Path | None = None,
) -> dict[str, Any]:
    """Compare each two frameworks of a run; writes every_pair.json and every_pair.md into `output`.

    Returns what the former holds: "frameworks", in the order in which everything names them; "blurs": {blur: {"kind"
    of clips, "each": {framework: means, gain over bicubic, seconds per frame, peak memory}, "pairs": [{"pair",
    "difference" (second minus first), "outputs", "times" (first / second)}]}}; "training": {blur: [{"pair",
    "agreement"}]}; "parity": [what each referee found]; "statistics", "inputs", "source", "provenance". What was not
    measured or may not be compared is {"skipped": "because ..."}.
    `published`, `seed`: as for `vsrlib.claims.comparison.compare`. UserError: files as there, or of one framework.
    """
    output = Path(output)
    results.require_comparable([*inference_files, *training_files])
    runs = results.collect(inference_files, output, RUN_FIELDS, TRAINERS)
    results.require_scenes(runs)
    trainings = results.collect(training_files, output, TRAINING_FIELDS, TRAINERS)
    there = {framework for framework, _ in runs}
    frameworks = [name for name in TRAINERS if name in there]
    if len(frameworks) < 2:
        names = NAMES[frameworks[0]] if frameworks else "no framework"
        raise UserError(f"The results are of {names}; give those of two frameworks or more.")
    known = {} if published is None else published_outputs(published, inference_files)
    found = {
        pair: of_pair(runs, trainings, output, np.random.default_rng(seed), known, pair)
        for pair in combinations(frameworks, 2)
    }
    any_pair = next(iter(found.values()))  # of the same blurs as the others
    result = {
        "frameworks": frameworks,
        "blurs": {
            blur: _of_blur({pair: one["blurs"][blur] for pair, one in found.items()}) for blur in any_pair["blurs"]
        },
        "training": {
            blur: [{"pair": list(pair), "agreement": one["training"][blur]["agreement"]} for pair, one in found.items()]
            for blur in any_pair["training"]
        },
        "parity": [_referee(path) for path in parity_files],
        "statistics": statistics(seed),
        "inputs": inputs((*inference_files, *training_files, *parity_files), output),
        **({} if source is None else {"source": source}),
        "provenance": provenance.collect(seed=seed),
    }
    write_json(output / RESULT, result)
    with atomic_path(output / TABLE) as temporary:
        temporary.write_text(table(result), encoding="utf-8")
    return result


def _of_blur(found: dict[Pair, dict[str, Any]]) -> dict[str, Any]:
    each = {name: _alone(name, two) for pair, two in found.items() for name in pair}
    pairs = [
        {
            "pair": list(pair),
            "difference": difference_of(one["quality"]),
            "outputs": one["outputs"],
            "times": _synchronised(one["timing"]["ratio"]),
        }
        for pair, one in found.items()
    ]
    kinds = [decisive(one["quality"]) for one in found.values() if totals_of(one["quality"])]
    return {"kind": kinds[0] if kinds else None, "each": each, "pairs": pairs}


def _alone(framework: str, found: dict[str, Any]) -> dict[str, Any]:
    """What a comparison of two says of one of them."""
    run, timing = found["runs"][framework], found["timing"][framework]
    if is_skipped(run):
        return {"skipped": run["skipped"]}
    return {
        **{metric: totals_of(found["quality"])[framework][metric] for metric in METRICS},
        "gain_over_bicubic": gains_of(found["quality"])[framework]["psnr"],
        "seconds": None if is_skipped(timing) else timing["synchronised"]["total"],
        **{name: run[name] for name in ("engine", "convolution", "threads", "peak_memory_mib")},
    }


def _synchronised(ratio: dict[str, Any]) -> dict[str, Any]:
    return ratio if is_skipped(ratio) else dict(ratio["synchronised"]["total"])


def _referee(path: Path) -> dict[str, Any]:
    """What a parity.json says of its two frameworks."""
    found = results.read(path)
    pair = results.sides_of(found)
    if is_skipped(found):
        return {"pair": pair, "skipped": found["skipped"]}
    if "rule" not in found:
        raise UserError(f"{path} is no result of the referee; run 06_prove_parity again.")
    forward = found["ratios"]["forward"]
    return {
        "pair": pair,
        "agree": found["agree"],
        "departures": len(found["departures"]),
        **{name: forward[name] for name in ("count", "median", "largest")},
        "allowed": found["rule"]["k"],
    }


# In words


def table(result: dict[str, Any], title: str = "# Every pair of frameworks") -> str:
    """The whole comparison as Markdown; a notebook has its own title and has said where the results are from."""
    source = [f"Results: {result['source']}."] if title and "source" in result else []
    sections = [*([title] if title else []), *source]
    for blur, found in result["blurs"].items():
        sections += [f"## {blur} blur", _each_table(found), _pairs_table(found["pairs"])]
    drawn = result["statistics"]
    sections.append(
        f"In brackets after differences: {drawn['level']:.0%} bootstrap intervals over scenes, {drawn['draws']} draws, "
        f"seed {drawn['seed']}; after ratios of times, in parentheses, the smallest and largest of the repeats of one "
        "process."
    )
    for blur, pairs in result["training"].items():
        sections += [f"## Training, {blur} blur", *(_training_text(one) for one in pairs)]
    if result["parity"]:
        sections += ["## Layer by layer", *(_parity_text(one) for one in result["parity"])]
    return "\n\n".join(sections) + "\n"


def _each_table(found: dict[str, Any]) -> str:
    header = ["", "PSNR (dB)", "SSIM", "gain over bicubic (dB)", "ms a frame", "engine", "threads", "peak memory (MiB)"]
    rows = [
        [NAMES[name], absence(one), *[""] * 6]
        if is_skipped(one)
        else [
            NAMES[name],
            number(one["psnr"], 4),
            number(one["ssim"], 5),
            interval(one["gain_over_bicubic"], 3, signed=True),
            "not measured" if one["seconds"] is None else significant(1000 * one["seconds"]),
            one["engine"],
            str(one["threads"]),
            number(one["peak_memory_mib"], 0),
        ]
        for name, one in found["each"].items()
    ]
    clips = "" if found["kind"] is None else f"Means over the scenes of the {found['kind']} clips.\n\n"
    return clips + markdown(header, rows)


def _pairs_table(pairs: list[dict[str, Any]]) -> str:
    header = ["second minus first", "PSNR (dB)", "values that differ", "by at most", "time of the first / second"]
    rows = []
    for one in pairs:
        difference, outputs = one["difference"], one["outputs"]
        apart = (
            [absence(outputs), ""]
            if is_skipped(outputs)
            else [f"{percent(outputs['share'], 4)} of {outputs['frames']} pictures", str(outputs["largest"])]
        )
        rows.append(
            [
                " minus ".join(NAMES[name] for name in reversed(one["pair"])),
                absence(difference)
                if is_skipped(difference)
                else f"{interval(difference['psnr'], 5, signed=True)} ({units(difference['psnr'])})",
                *apart,
                absence(one["times"]) if is_skipped(one["times"]) else interval(one["times"], 2),
            ]
        )
    return markdown(header, rows)


def words(pair: Sequence[str]) -> str:
    """Both names."""
    return " and ".join(NAMES[name] for name in pair)


def _training_text(one: dict[str, Any]) -> str:
    agreement = one["agreement"]
    if is_skipped(agreement):
        return f"{words(one['pair'])}: {absence(agreement)}"
    return (
        f"{words(one['pair'])}: the total losses of {counted(agreement['steps'], 'step')} differ by at most "
        f"{percent(agreement['per_step']['largest'], 2)} in a step, and by at most "
        f"{percent(agreement['smoothed']['largest'], 2)} when smoothed over "
        f"{counted(agreement['smoothed']['window'], 'step')}."
    )


def _parity_text(one: dict[str, Any]) -> str:
    if is_skipped(one):
        return f"{words(one['pair'])} were not compared {one['skipped']}."
    verdict = "no layer departs" if one["agree"] else counted(one["departures"], "departure")
    return (
        f"{words(one['pair'])}: {verdict}. In {one['count']:,} comparisons they lie typically "
        f"{fixed(one['median'], 2)} times, at most {fixed(one['largest'], 2)} times as far from each other as the "
        f"nearer of them from float64; allowed are {one['allowed']:g} times."
    )

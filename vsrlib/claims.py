"""The earlier report's ten claims, judged by stated rules from comparison.json.

Its numbers stand here once, as data. The verdicts:
  confirmed          this run measured it and found what was claimed
  refuted            this run measured it and found otherwise
  artefact           the claimed figure appears only with the earlier report's way of measuring
  unsupported        the earlier report shows no measurement behind it, and this run holds none for it or against it
  not testable here  this run lacks what a test needs; the reason says what
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from vsrlib import comparison_table, provenance, results
from vsrlib.files import atomic_path, sha256_file, write_json
from vsrlib.results import FRAMEWORKS, is_skipped

VERDICTS = ("confirmed", "refuted", "artefact", "unsupported", "not testable here")

# The earlier report's figures (REDS4, Realistic blur, means over all frames).
GAIN = {"psnr": 1.195, "ssim": 0.0430}
FORWARD_RATIO = 6.6
TOTAL_SECONDS = {"torch": 1.73, "jittor": 1.66}
MODEL_MEBIBYTES = 72
# It says both "image output over 95 %" and "compute under 10 %"; the weaker figure is tested, in either direction.
POST_SHARE = 0.90

# Where a rule draws its line.
ENOUGH = 0.5  # of the claimed figure: what an interval must exclude, besides reaching the claim, to confirm it
NEGLIGIBLE = 0.1  # of the claimed gain: an interval wholly within it leaves nine tenths unexplained
SAME_LOSSES = 0.01  # largest relative difference of the smoothed losses of two trainings that agree


@dataclass(frozen=True)
class Claim:
    """What was claimed, what is known of it beforehand, and the rule by which this run judges it."""

    claim: str
    artefacts: str
    rule: str


@dataclass(frozen=True)
class Finding:
    """A verdict with what it rests on; `interval` is [low, high] in the unit of `figure`."""

    verdict: str
    reason: str
    figure: float | None = None
    unit: str | None = None
    interval: list[float] | None = None

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"{self.verdict!r} is no verdict")


CLAIMS = {
    "C1": Claim(
        "With the same weights Jittor is 1.195 dB PSNR and 0.0430 SSIM better, because of numerical precision.",
        "The two sides ran different networks: PyTorch's sampling took a changed default (align_corners), Jittor's "
        "flow refiner lost its dilations. No hash shows that weights and input frames were the same.",
        "Only for equal weights, input, ground truth, preset and engine. Jittor minus PyTorch, paired by frame. "
        "Confirmed if, for PSNR and for SSIM, the interval reaches the claimed gain and excludes anything below half "
        "of it; refuted as a matter of precision if both intervals lie wholly below a tenth of the claimed gain; "
        "otherwise unsupported.",
    ),
    "C2": Claim(
        "Jittor's forward pass is 6.6 times as fast.",
        "No timer waited for the device. Jittor's call returns before its work is done, and the work then runs inside "
        "what was timed as post-processing.",
        "Median forward time, PyTorch over Jittor, both under the same conditions. Artefact if, timed without waiting "
        "as the earlier report did, the interval lies at or above the claimed ratio, and synchronised wholly below it. "
        "Else, on a GPU: confirmed if the synchronised interval reaches the claimed ratio and excludes anything below "
        "half of it, refuted if it lies wholly below the claimed ratio, otherwise unsupported. Else, without a GPU, "
        "not testable here.",
    ),
    "C3": Claim(
        "Jittor's total time per frame is 4 % lower.",
        "One run on one machine without an interval. Image output and a threefold SSIM make up most of both totals.",
        "Saving in synchronised total time, both under the same conditions. On a GPU: confirmed if the interval "
        "reaches the claimed saving (a larger one does) and excludes anything below half of it, refuted if it lies "
        "wholly below the claimed saving, otherwise unsupported. Without a GPU not testable here.",
    ),
    "C4": Claim(
        "Image output takes over 95 % of the time and compute under 10 %.",
        "The time called post-processing holds the wait for the forward pass and SSIM computed three times over; "
        "PyTorch's own row of the table puts post-processing at 87 %.",
        "Share of post-processing in Jittor's total time, median over the repeats, against 90 %, the weaker of the two "
        "figures. On a CPU as on a GPU: confirmed if the synchronised interval lies above it; artefact if it lies "
        "below, and, timed without waiting as the earlier report did, above; refuted if it lies below and the earlier "
        "protocol does not show the claimed share either; otherwise unsupported.",
    ),
    "C5": Claim(
        "Training takes 8 GB in PyTorch and 6 GB in Jittor (a quarter less); inference about 2 GB in both.",
        "Nothing in the earlier code measured memory, and its own notes mention 8.386 GB for Jittor.",
        "Unsupported as long as no GPU memory of the published training is measured in both; the figure is Jittor's "
        "peak process memory over PyTorch's, in the same training.",
    ),
    "C6": Claim(
        "The model file is 72 MB in both.",
        "The published network has 18.9 million parameters of four bytes, which is 72.1 MiB.",
        "Size of the weights files that the two frameworks read, which may be one and the same. Only with the "
        "published preset: confirmed if each is within 1 MiB of 72 MiB, refuted otherwise.",
    ),
    "C7": Claim(
        "Jittor needs no compiler and installs as it is; PyTorch needs a CUDA compiler for the correlation.",
        "Jittor compiles its operators with a C++ compiler when it first runs. The earlier code offered a pure-tensor "
        "correlation for PyTorch that needs no compiler.",
        "Not testable here: the comparison does not install anything.",
    ),
    "C8": Claim(
        "The pure-tensor correlation costs about 20 % of the time and changes nothing else.",
        "Its gradients are zero in the earlier code, so training with it leaves the flow network as it was.",
        "Not testable here: the comparison runs one correlation.",
    ),
    "C9": Claim(
        "The two implementations are equivalent but for API names, and training gives the same results.",
        "They differ in sampling, dilations, masks, training kernels, learning rate and validation frames, and no run "
        "reported a validation PSNR.",
        "It is a claim about the earlier two implementations, of which the earlier report itself says that with the "
        "same weights they differ by 1.195 dB. Refuted if this run's two implementations show what equivalent ones "
        "do: with equal weights and input both intervals of the difference lie wholly within a tenth of that gain on "
        "either side, and where the same training ran in both, the smoothed losses agree to 1 %. Otherwise "
        "unsupported.",
    ),
    "C10": Claim(
        "Prefer Jittor for quality, speed and memory.",
        "It rests on C1, C2 and C5.",
        "Confirmed if C1, C2 and C5 are; refuted if none of them is confirmed and one at least is refuted or an "
        "artefact; otherwise unsupported.",
    ),
}


def judge(comparison_file: Path, output: Path) -> dict:
    """Judge the ten claims from comparison.json.

    Writes claims.json and claims.md (a table) into the folder `output`. Returns the content of claims.json:
    {"claims": [{"id", "claim", "artefacts", "verdict", "reason", "figure", "unit", "interval", "evidence", "rule",
    "profile", "provenance"}], "provenance"}; evidence are paths relative to `output`.
    UserError: no comparison, or one of the files that it was made from is missing or has changed since.
    """
    comparison_file, output = Path(comparison_file), Path(output)
    comparison = results.read_comparison(comparison_file)
    files = results.require_current(comparison, comparison_file.parent)
    findings = judge_comparison(comparison)
    source = {"path": results.relative(comparison_file, output), "sha256": sha256_file(comparison_file)}
    found = provenance.collect(comparison=source)
    claims = [
        {
            "id": name,
            **asdict(claim),
            **asdict(findings[name]),
            "evidence": [source["path"], *(results.relative(file, output) for file in files)],
            "profile": _profile(comparison),
            "provenance": {"comparison": source, "commit": found["commit"], "created": found["created"]},
        }
        for name, claim in CLAIMS.items()
    ]
    result = {"claims": claims, "provenance": found}
    write_json(output / "claims.json", result)
    with atomic_path(output / "claims.md") as temporary:
        temporary.write_text(table(result), encoding="utf-8")
    return result


def judge_comparison(comparison: dict) -> dict[str, Finding]:
    """The verdicts alone, by id. Realistic blur is judged where both frameworks have it, as in the earlier report."""
    both = [b for b in comparison["blurs"].values() if not any(is_skipped(run) for run in b["runs"].values())]
    if not both:
        reasons = [results.why_not_both(blur["runs"]).removeprefix("because ") for blur in comparison["blurs"].values()]
        found = {name: Finding("not testable here", reasons[-1]) for name in CLAIMS}
        return found | {"C5": _memory(comparison), "C7": _NO_INSTALL, "C8": _ONE_CORRELATION}
    blur = both[-1]
    rules: dict[str, Callable[[], Finding]] = {
        "C1": lambda: _quality(blur),
        "C2": lambda: _forward(blur),
        "C3": lambda: _total(blur),
        "C4": lambda: _image_output(blur),
        "C5": lambda: _memory(comparison),
        "C6": lambda: _model_size(blur),
        "C7": lambda: _NO_INSTALL,
        "C8": lambda: _ONE_CORRELATION,
        "C9": lambda: _equivalence(blur, comparison["training"]),
    }
    found = {name: rule() for name, rule in rules.items()}
    return found | {"C10": _recommendation(found)}


def table(result: dict) -> str:
    """The claims and their verdicts as a Markdown table."""
    rows = [
        [one["id"], one["claim"], f"**{one['verdict']}**", _figure(one), one["reason"]] for one in result["claims"]
    ]
    header = ["", "the earlier report's claim", "verdict", "this run", "because"]
    profile = result["claims"][0]["profile"]
    return f"{comparison_table.markdown(header, rows)}\n\nMeasured with {profile}.\n"


# The rules

_NO_INSTALL = Finding("not testable here", "the comparison does not install anything")
_ONE_CORRELATION = Finding("not testable here", "the comparison runs one correlation only")
_NO_GPU = "the claim is about a GPU and this run had none"


def _quality(blur: dict) -> Finding:
    unfit = _why_no_difference(blur)
    if unfit:
        return Finding("not testable here", unfit)
    difference = blur["quality"]["difference"]
    high = {metric: _bounds(difference[metric])[1] for metric in GAIN}
    if all(high[metric] < NEGLIGIBLE * gain for metric, gain in GAIN.items()):
        verdict, reason = "refuted", "with equal weights and input, two implementations of one network agree"
    elif all(_reaches(difference[metric], gain) for metric, gain in GAIN.items()):
        verdict, reason = "confirmed", "with equal weights and input the differences reach the claimed ones"
    else:
        verdict, reason = "unsupported", "the differences are neither negligible nor both as large as claimed"
    return _finding(verdict, f"{reason} (SSIM: {_numbers(difference['ssim'], 'SSIM')})", difference["psnr"], "dB")


def _forward(blur: dict) -> Finding:
    missing = _why_no_times(blur)
    if missing:
        return Finding("not testable here", missing)
    ratio, then = (blur["timing"]["ratio"][protocol]["forward"] for protocol in ("synchronised", "as_reported"))
    unit, high = "times as fast", _bounds(ratio)[1]
    if high < FORWARD_RATIO <= _bounds(then)[0]:
        reason = f"timed without waiting it seems to be {_numbers(then)}; this figure is synchronised"
        return _finding("artefact", reason, ratio, unit)
    if not _on_gpu(blur):
        return _finding("not testable here", f"{_NO_GPU}, nor does timing without waiting show it", ratio, unit)
    if high < FORWARD_RATIO:
        return _finding("refuted", "synchronised, the ratio lies below the claimed one", ratio, unit)
    if _reaches(ratio, FORWARD_RATIO):
        return _finding("confirmed", "synchronised, the ratio reaches the claimed one", ratio, unit)
    return _finding("unsupported", "the interval holds the claimed ratio and also less than half of it", ratio, unit)


def _total(blur: dict) -> Finding:
    missing = _why_no_times(blur)
    if missing:
        return Finding("not testable here", missing)
    saving = _saving(blur["timing"]["ratio"]["synchronised"]["total"])
    claimed = 100 * (1 - TOTAL_SECONDS["jittor"] / TOTAL_SECONDS["torch"])
    unit = "% less time"
    if not _on_gpu(blur):
        return _finding("not testable here", _NO_GPU, saving, unit)
    if _bounds(saving)[1] < claimed:
        return _finding("refuted", "the interval lies below the claimed saving", saving, unit)
    if _reaches(saving, claimed):
        return _finding("confirmed", "the interval reaches the claimed saving", saving, unit)
    return _finding("unsupported", "the interval holds the claimed saving and also less than half of it", saving, unit)


def _image_output(blur: dict) -> Finding:
    jittor = blur["timing"]["jittor"]
    if is_skipped(jittor):
        return Finding("not testable here", jittor["skipped"].removeprefix("because "))
    share, then = (_per_cent(jittor["post_share"][protocol]) for protocol in ("synchronised", "as_reported"))
    (low, high), then_low, limit = _bounds(share), _bounds(then)[0], 100 * POST_SHARE
    unit, shown = "% of the time", f"timed without waiting it seems to be {_numbers(then)} %"
    if low > limit:
        return _finding("confirmed", "synchronised, post-processing takes that much", share, unit)
    if high < limit < then_low:
        return _finding("artefact", f"{shown}; this figure is synchronised", share, unit)
    if high < limit:
        reason = f"synchronised, post-processing takes less than claimed; {shown}"
        return _finding("refuted", reason, share, unit)
    return _finding("unsupported", "the repeats do not tell the share from the claimed one", share, unit)


def _memory(comparison: dict) -> Finding:
    reason = "nothing was measured then, and this run does not measure GPU memory of the published training"
    for training in comparison["training"].values():
        if not is_skipped(training["agreement"]):
            peaks = [training[framework]["peak_memory_mib"] for framework in FRAMEWORKS]
            return Finding("unsupported", reason, peaks[1] / peaks[0], "of PyTorch's process memory, small training")
    return Finding("unsupported", reason)


def _model_size(blur: dict) -> Finding:
    runs = [blur["runs"][framework] for framework in FRAMEWORKS]
    weights = [run["weights"] for run in runs]
    if any(one["sha256"] is None for one in weights):
        return Finding("not testable here", "a framework drew its initial values and read no file")
    sizes = [one["bytes"] / 2**20 for one in weights]
    if weights[0]["sha256"] == weights[1]["sha256"]:
        measured = "both frameworks read one and the same file, of this size"
    else:
        measured = "PyTorch's file has {} MiB, Jittor's {} MiB".format(*map(comparison_table.significant, sizes))
    figure = max(sizes, key=lambda size: abs(size - MODEL_MEBIBYTES))
    if any(run["preset"] != "published" for run in runs):
        return Finding("not testable here", f"a smaller network than the published one; {measured}", figure, "MiB")
    fits = abs(figure - MODEL_MEBIBYTES) <= 1
    return Finding("confirmed" if fits else "refuted", measured, figure, "MiB")


def _equivalence(blur: dict, trainings: dict) -> Finding:
    unfit = _why_no_difference(blur)
    if unfit:
        return Finding("unsupported", unfit)
    difference = blur["quality"]["difference"]
    bounds = {metric: _bounds(difference[metric]) for metric in GAIN}
    if any(max(-bounds[metric][0], bounds[metric][1]) >= NEGLIGIBLE * gain for metric, gain in GAIN.items()):
        return _finding("unsupported", "this run's own two implementations differ", difference["psnr"], "dB")
    agreements = [one["agreement"] for one in trainings.values() if not is_skipped(one["agreement"])]
    apart = max((one["smoothed"]["largest"] for one in agreements), default=None)
    if apart is not None and apart > SAME_LOSSES:
        reason = f"this run's own two trainings differ, by up to {apart:.2%} of the smoothed loss"
        return _finding("unsupported", reason, difference["psnr"], "dB")
    losses = "no training was compared" if apart is None else f"smoothed training losses agree to {apart:.2%}"
    reason = (
        f"this run's two implementations are equivalent: with equal weights and input they differ by this figure, and "
        f"{losses}. The earlier two, which differ by {GAIN['psnr']} dB with what is called the same weights, were not"
    )
    return _finding("refuted", reason, difference["psnr"], "dB")


def _recommendation(found: dict[str, Finding]) -> Finding:
    verdicts = [found[name].verdict for name in ("C1", "C2", "C5")]
    reason = "C1 is {}, C2 {}, C5 {}".format(*verdicts)
    if all(verdict == "confirmed" for verdict in verdicts):
        return Finding("confirmed", reason)
    if "confirmed" not in verdicts and {"refuted", "artefact"} & set(verdicts):
        return Finding("refuted", reason)
    return Finding("unsupported", reason)


# What the rules ask


def _why_no_difference(blur: dict) -> str | None:
    """Why the runs give no difference in quality of one network on one input; None if they do."""
    outputs, difference = blur["outputs"], blur["quality"]["difference"]
    for section in (outputs, difference):
        if is_skipped(section):
            return section["skipped"].removeprefix("because ")
    differing = results.unlike_fields(blur["runs"], ("preset", "engine", "border"))
    if differing:
        return f"the two runs differ in {'; '.join(differing)}"
    if difference["left_out_in_one"]:
        return f"{difference['left_out_in_one']} frames equal the truth in one framework only, an infinite difference"
    return None if difference["psnr"]["n"] else "every frame equals the truth, so that PSNR is infinite"


def _why_no_times(blur: dict) -> str | None:
    ratio = blur["timing"]["ratio"]
    return ratio["skipped"].removeprefix("because ") if is_skipped(ratio) else None


def _on_gpu(blur: dict) -> bool:
    return all(blur["runs"][framework]["device_type"] == "cuda" for framework in FRAMEWORKS)


def _bounds(found: dict) -> tuple[float, float]:
    """The interval's ends; a value that could not be resampled has none, so nothing is told apart by it."""
    return (-float("inf"), float("inf")) if found["low"] is None else (found["low"], found["high"])


def _reaches(found: dict, claimed: float) -> bool:
    """Whether the interval reaches the claimed figure and excludes anything below half of it."""
    low, high = _bounds(found)
    return low > ENOUGH * claimed and high >= claimed


def _per_cent(found: dict) -> dict:
    return {key: None if found[key] is None else 100 * found[key] for key in ("value", "low", "high")}


def _saving(ratio: dict) -> dict:
    """PyTorch / Jittor as the share of time saved, in per cent."""
    return {key: None if ratio[key] is None else 100 * (1 - 1 / ratio[key]) for key in ("value", "low", "high")}


def _finding(verdict: str, reason: str, found: dict, unit: str) -> Finding:
    interval = None if found["low"] is None else [found["low"], found["high"]]
    return Finding(verdict, reason, found["value"], unit, interval)


def _profile(comparison: dict) -> str:
    runs = [run for blur in comparison["blurs"].values() for run in blur["runs"].values() if not is_skipped(run)]
    if not runs:
        return "no run at all"
    sets, presets = (", ".join(sorted({run[key] for run in runs})) for key in ("set", "preset"))
    devices = " and ".join(sorted({results.device_words(run) for run in runs}))
    gains = [gain for blur in comparison["blurs"].values() for gain in blur["quality"]["gain_over_bicubic"].values()]
    known = sorted(gain["psnr"]["value"] for gain in gains if gain["psnr"]["value"] is not None)
    against = f"; its PSNR minus bicubic's: {known[0]:+.2f} to {known[-1]:+.2f} dB" if known else ""
    return f"the {presets} network on {sets} ({devices}){against}"


def _figure(one: dict) -> str:
    if one["figure"] is None:
        return "-"
    low, high = one["interval"] or (None, None)
    return f"{_numbers({'value': one['figure'], 'low': low, 'high': high}, one['unit'])} {one['unit']}"


def _numbers(found: dict, unit: str = "") -> str:
    """value [low, high]: differences in dB and SSIM to a ten-thousandth, all else to three significant digits."""
    values = [found[key] for key in ("value", "low", "high") if found[key] is not None]
    if unit in ("dB", "SSIM"):
        if max(map(abs, values)) < 1e-4:
            return "less than 0.0001"
        return comparison_table.interval(found, 4, signed=True)
    value, *ends = map(comparison_table.significant, values)
    return f"{value} [{', '.join(ends)}]" if ends else value

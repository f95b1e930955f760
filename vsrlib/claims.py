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
PSNR_GAIN_DB = 1.195
FORWARD_RATIO = 6.6
TOTAL_SECONDS = {"torch": 1.73, "jittor": 1.66}
POST_SHARE = 0.95
MODEL_MEGABYTES = 72

# Where a rule draws its line.
NEGLIGIBLE = 0.1  # of the claimed gain: an interval wholly below it leaves nine tenths unexplained
MOVED = 0.5  # of the forward pass's time: more than this billed elsewhere makes the reported time an artefact


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
        "Only for equal weights, input, preset and engine. Jittor minus PyTorch, paired by frame: refuted as a matter "
        "of precision if the interval lies wholly below a tenth of the claimed gain, confirmed if it reaches the "
        "claimed gain and lies above that tenth, otherwise unsupported.",
    ),
    "C2": Claim(
        "Jittor's forward pass is 6.6 times as fast.",
        "No timer waited for the device. Jittor's call returns before its work is done, and the work then runs inside "
        "what was timed as post-processing.",
        "Median forward time, PyTorch over Jittor. Artefact if, synchronised, the interval lies below the claimed "
        "ratio and the earlier protocol does not see more than half of Jittor's forward time; else, on a GPU, "
        "confirmed if the interval lies above 1 and reaches the claimed ratio, refuted if it lies below the claimed "
        "ratio, otherwise unsupported; without a GPU not testable here.",
    ),
    "C3": Claim(
        "Jittor's total time per frame is 4 % lower.",
        "One run on one machine without an interval. Image output and a threefold SSIM make up most of both totals.",
        "Saving in synchronised total time. On a GPU: confirmed if the interval holds the claimed saving and lies "
        "above zero, refuted if it does not hold the claimed saving, otherwise unsupported. Without a GPU not testable "
        "here.",
    ),
    "C4": Claim(
        "Image output takes over 95 % of the time and compute under 10 %.",
        "The time called post-processing holds the wait for the forward pass and SSIM computed three times over; "
        "PyTorch's own row of the table puts post-processing at 87 %.",
        "Share of post-processing in Jittor's total. Confirmed if, synchronised, it is above 95 %. Artefact if it is "
        "not and the earlier protocol bills more than half of the forward pass to post-processing. Else refuted on a "
        "GPU and not testable here without one.",
    ),
    "C5": Claim(
        "Training takes 8 GB in PyTorch and 6 GB in Jittor (a quarter less); inference about 2 GB in both.",
        "Nothing in the earlier code measured memory, and its own notes mention 8.386 GB for Jittor.",
        "Unsupported as long as no GPU memory of the published training is measured in both; the figure is Jittor's "
        "peak process memory over PyTorch's, in trainings of equal batch and patch.",
    ),
    "C6": Claim(
        "The model file is 72 MB in both.",
        "The published network has 18.9 million parameters of four bytes, which is 72.1 MiB.",
        "Only with the published preset: confirmed if both files are within 1 MiB of 72, refuted otherwise.",
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
        "Two equivalent implementations with equal weights and input cannot differ by what the earlier table shows. "
        "Refuted if this run's interval of the difference lies wholly within a tenth of the earlier gain on either "
        "side, otherwise unsupported.",
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
    """
    comparison_file, output = Path(comparison_file), Path(output)
    comparison = results.read_comparison(comparison_file)
    findings = judge_comparison(comparison)
    source = {"path": results.relative(comparison_file, output), "sha256": sha256_file(comparison_file)}
    files = [results.located(one["path"], comparison_file.parent) for one in comparison["inputs"]]
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
        "C9": lambda: _equivalence(blur),
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


def _quality(blur: dict) -> Finding:
    unfit = _why_not_the_same_network(blur)
    difference = blur["quality"]["difference"]
    if unfit or is_skipped(difference):
        return Finding("not testable here", unfit or difference["skipped"].removeprefix("because "))
    psnr = difference["psnr"]
    low, high = _bounds(psnr)
    if high < NEGLIGIBLE * PSNR_GAIN_DB:
        verdict, reason = "refuted", "with equal weights and input, two implementations of one network agree"
    elif low > NEGLIGIBLE * PSNR_GAIN_DB and high >= PSNR_GAIN_DB:
        verdict, reason = "confirmed", "with equal weights and input the difference reaches the claimed one"
    else:
        verdict, reason = "unsupported", "the difference is neither negligible nor as large as claimed"
    return _finding(verdict, reason, psnr, "dB")


def _forward(blur: dict) -> Finding:
    missing = _why_no_times(blur)
    if missing:
        return Finding("not testable here", missing)
    ratio = blur["timing"]["ratio"]["synchronised"]["forward"]
    unseen = blur["timing"]["jittor"]["forward_unseen_share"]
    low, high = _bounds(ratio)
    if high < FORWARD_RATIO and unseen > MOVED:
        reason = f"the earlier protocol does not see {unseen:.1%} of Jittor's forward pass; this figure is synchronised"
        return _finding("artefact", reason, ratio, "times as fast")
    if not _on_gpu(blur):
        return _finding("not testable here", "the claim is about a GPU and this run had none", ratio, "times as fast")
    if high < FORWARD_RATIO:
        return _finding("refuted", "synchronised, the ratio lies below the claimed one", ratio, "times as fast")
    if low > 1:
        return _finding("confirmed", "synchronised, the ratio reaches the claimed one", ratio, "times as fast")
    return _finding("unsupported", "the repeats do not tell the ratio from 1", ratio, "times as fast")


def _total(blur: dict) -> Finding:
    missing = _why_no_times(blur)
    if missing:
        return Finding("not testable here", missing)
    saving = _saving(blur["timing"]["ratio"]["synchronised"]["total"])
    claimed = 100 * (1 - TOTAL_SECONDS["jittor"] / TOTAL_SECONDS["torch"])
    low, high = _bounds(saving)
    if not _on_gpu(blur):
        return _finding("not testable here", "the claim is about a GPU and this run had none", saving, "% less time")
    if not low <= claimed <= high:
        return _finding("refuted", "the interval does not hold the claimed saving", saving, "% less time")
    if low > 0:
        return _finding("confirmed", "the interval holds the claimed saving and excludes none", saving, "% less time")
    return _finding("unsupported", "the interval holds the claimed saving and also none at all", saving, "% less time")


def _image_output(blur: dict) -> Finding:
    jittor = blur["timing"]["jittor"]
    if is_skipped(jittor):
        return Finding("not testable here", jittor["skipped"].removeprefix("because "))
    share, reported = (100 * jittor[p]["post"] / jittor[p]["total"] for p in ("synchronised", "as_reported"))
    moved = jittor["forward_billed_to_post_share"]
    if share > 100 * POST_SHARE:
        return Finding("confirmed", "synchronised, post-processing takes that much", share, "% of the time")
    if moved > MOVED:
        reason = f"as timed then it seems to be {reported:.1f} %: it is billed {moved:.1%} of the forward pass"
        return Finding("artefact", reason, share, "% of the time")
    if _on_gpu(blur):
        return Finding("refuted", "synchronised, post-processing takes less than claimed", share, "% of the time")
    return Finding("not testable here", "the claim is about a GPU and this run had none", share, "% of the time")


def _memory(comparison: dict) -> Finding:
    reason = "nothing was measured then, and this run does not measure GPU memory of the published training"
    for training in comparison["training"].values():
        if not is_skipped(training["agreement"]):
            peaks = [training[framework]["peak_memory_mib"] for framework in FRAMEWORKS]
            return Finding("unsupported", reason, peaks[1] / peaks[0], "of PyTorch's process memory, small training")
    return Finding("unsupported", reason)


def _model_size(blur: dict) -> Finding:
    sizes = [blur["runs"][framework]["weights"]["bytes"] / 2**20 for framework in FRAMEWORKS]
    if any(blur["runs"][framework]["preset"] != "published" for framework in FRAMEWORKS):
        return Finding("not testable here", "this run used a smaller network than the published one", max(sizes), "MiB")
    fits = all(abs(size - MODEL_MEGABYTES) <= 1 for size in sizes)
    reason = "both files are of that size" if fits else "a file is of another size"
    return Finding("confirmed" if fits else "refuted", reason, max(sizes), "MiB")


def _equivalence(blur: dict) -> Finding:
    unfit = _why_not_the_same_network(blur)
    difference = blur["quality"]["difference"]
    if unfit or is_skipped(difference):
        return Finding("unsupported", unfit or difference["skipped"].removeprefix("because "))
    low, high = _bounds(difference["psnr"])
    if max(-low, high) < NEGLIGIBLE * PSNR_GAIN_DB:
        reason = f"equivalent implementations differ by the figure given, the earlier two by {PSNR_GAIN_DB} dB"
        return _finding("refuted", reason, difference["psnr"], "dB")
    return _finding("unsupported", "this run's own two implementations differ", difference["psnr"], "dB")


def _recommendation(found: dict[str, Finding]) -> Finding:
    verdicts = [found[name].verdict for name in ("C1", "C2", "C5")]
    reason = "C1 is {}, C2 {}, C5 {}".format(*verdicts)
    if all(verdict == "confirmed" for verdict in verdicts):
        return Finding("confirmed", reason)
    if "confirmed" not in verdicts and {"refuted", "artefact"} & set(verdicts):
        return Finding("refuted", reason)
    return Finding("unsupported", reason)


# What the rules ask


def _why_not_the_same_network(blur: dict) -> str | None:
    """Why the two runs do not compare one network on one input, or None if they do."""
    if is_skipped(blur["outputs"]):
        return blur["outputs"]["skipped"].removeprefix("because ")
    runs = [blur["runs"][framework] for framework in FRAMEWORKS]
    differing = [name for name in ("preset", "engine", "border") if runs[0][name] != runs[1][name]]
    return f"the two runs differ in {', '.join(differing)}" if differing else None


def _why_no_times(blur: dict) -> str | None:
    ratio = blur["timing"]["ratio"]
    return ratio["skipped"].removeprefix("because ") if is_skipped(ratio) else None


def _on_gpu(blur: dict) -> bool:
    return all("cuda" in blur["runs"][framework]["device"].lower() for framework in FRAMEWORKS)


def _bounds(found: dict) -> tuple[float, float]:
    """The interval's ends; a value that could not be resampled has none, so nothing is told apart by it."""
    return (-float("inf"), float("inf")) if found["low"] is None else (found["low"], found["high"])


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
    sets, presets, devices = (", ".join(sorted({run[key] for run in runs})) for key in ("set", "preset", "device"))
    return f"the {presets} network on {sets} ({devices})"


def _figure(one: dict) -> str:
    if one["figure"] is None:
        return "-"
    bounds = "" if one["interval"] is None else " [{:z.4g}, {:z.4g}]".format(*one["interval"])
    return f"{one['figure']:z.4g}{bounds} {one['unit']}"

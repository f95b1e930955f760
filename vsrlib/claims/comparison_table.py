"""A comparison as Markdown: what comparison.md holds and what the notebooks show."""

from vsrlib.claims.quality import SCENE, identical_in
from vsrlib.claims.results import absence, is_skipped, was_asked_for
from vsrlib.common.names import FILMED, FRAMEWORKS, KINDS, MADE, NAMES
from vsrlib.common.numbers import FEWEST, counted, interval, markdown, number, percent, plain, significant, units

_METHODS = {"bicubic": "bicubic", **NAMES}
_CLIPS = {FILMED: "Filmed scenes", MADE: "Made clips"}
_PROTOCOLS = {"synchronised": "synchronised", "as_reported": "unsynchronised, as in the earlier report"}
_ABOUT_TIMES = (
    "Times are taken by two protocols. *Synchronised* waits for the work to end before it reads the clock. "
    "*Unsynchronised, as in the earlier report* leaves that out, and nothing else: the earlier report also read files "
    "in *pre* and computed SSIM three times over in *post*, which is not repeated here."
)
_PARTS = ("pre", "forward", "post", "total")


def table(result: dict, title: str = "# Comparison") -> str:
    """The whole comparison as Markdown: quality, outputs, time, memory and training.

    A notebook has its own title and has said where the results are from; with an empty title both are left out.
    """
    source = [f"Results: {result['source']}."] if "source" in result else []
    sections = [*([title, *source] if title else []), _ABOUT_TIMES]
    for blur, found in result["blurs"].items():
        sections += [f"## {blur} blur", quality_table(found["quality"], result["statistics"])]
        sections += [outputs_text(found["outputs"]), timing_table(found["timing"]), memory_table(found["runs"])]
    for blur, found in result["training"].items():
        sections += [f"## Training, {blur} blur", training_table(found)]
    return "\n\n".join(sections) + "\n"


def quality_table(quality: dict, statistics: dict) -> str:
    """PSNR and SSIM per clip and over the scenes of each kind; in words the difference and the gain over bicubic."""
    methods = [method for method in _METHODS if any(method in clip for clip in quality["clips"])]
    if not methods:
        return absence(quality[FILMED])
    header = ["clip", "scene", "frames"] + [f"{_METHODS[m]} {unit}" for unit in ("PSNR (dB)", "SSIM") for m in methods]
    rows, words = [], []
    for kind in (one for one in KINDS if not is_skipped(quality[one])):
        total = quality[kind]["total"]
        named = [(plain(clip["name"]), plain(clip["scene"]), clip) for clip in quality["clips"] if clip["kind"] == kind]
        mean = f"**{kind}, mean over scenes**", counted(total["scenes"], SCENE), total
        rows += [
            [*names, str(clip["frames"])]
            + [number(clip[m]["psnr"], 3) for m in methods]
            + [number(clip[m]["ssim"], 4) for m in methods]
            for *names, clip in (*named, mean)
        ]
        words += [_difference_text(kind, quality[kind]), _gain_text(kind, quality[kind])]
    words += [_intervals_text(statistics), _identical_text(quality)]
    return "\n\n".join([markdown(header, rows), *(text for text in words if text)])


def _difference_text(kind: str, found: dict) -> str:
    difference = found["difference"]
    if is_skipped(difference):
        return f"{_CLIPS[kind]}, difference of the frameworks: {absence(difference)}"
    psnr, ssim = difference["psnr"], difference["ssim"]
    return (
        f"{_CLIPS[kind]}, Jittor minus PyTorch, paired by frame: {interval(psnr, 4, signed=True)} dB PSNR "
        f"({units(psnr)}), {interval(ssim, 6, signed=True)} SSIM ({units(ssim)})."
    )


def _gain_text(kind: str, found: dict) -> str:
    gains = [
        f"{NAMES[framework]} minus bicubic: {interval(gain['psnr'], 3, signed=True)} dB PSNR"
        + (", worse than bicubic" if gain["psnr"]["value"] < 0 else "")
        for framework, gain in found["gain_over_bicubic"].items()
        if gain["psnr"]["value"] is not None
    ]
    return f"{_CLIPS[kind]}, {'; '.join(gains)}." if gains else ""


def _intervals_text(statistics: dict) -> str:
    return (
        f"In brackets: {statistics['level']:.0%} bootstrap intervals over scenes, {statistics['draws']} draws, seed "
        f"{statistics['seed']}; there is none for fewer than {FEWEST} scenes. Made clips decide nothing about filmed "
        "ones."
    )


def _identical_text(quality: dict) -> str:
    counts = [f"{_METHODS[m]} {count}" for m, count in identical_in(quality).items()]
    if not counts:
        return ""
    return f"Frames identical to the truth have an infinite PSNR and are left out of it: {', '.join(counts)}."


def outputs_text(outputs: dict) -> str:
    """How far the two frameworks' written pictures agree, in words."""
    if is_skipped(outputs):
        return f"Outputs: {absence(outputs)}"
    besides = f" The runs differ in: {'; '.join(outputs['differs'])}." if outputs["differs"] else ""
    if outputs["identical"]:
        return f"Outputs, same weights and input: identical in all {outputs['frames']} pictures.{besides}"
    return (
        f"Outputs, same weights and input, {outputs['frames']} pictures: "
        f"largest difference {outputs['largest']} of 255, {percent(outputs['share'], 4)} of the values differ, "
        f"{outputs['psnr']:.2f} dB between the two.{besides}"
    )


def timing_table(timing: dict) -> str:
    """Median milliseconds per frame by part in both protocols, and the ratios."""
    rows = []
    for protocol, words in _PROTOCOLS.items():
        for framework in _asked(timing):
            if is_skipped(timing[framework]):
                rows.append([words, NAMES[framework], absence(timing[framework]), "", "", ""])
            else:
                medians = timing[framework][protocol]
                rows.append([words, NAMES[framework], *(significant(1000 * medians[part]) for part in _PARTS)])
        if not is_skipped(timing["ratio"]):
            ratios = timing["ratio"][protocol]
            rows.append([words, "PyTorch / Jittor", *(interval(ratios[part], 2) for part in _PARTS)])
    text = markdown(["median milliseconds per frame, clock", "", "pre", "forward", "post", "total"], rows)
    if is_skipped(timing["ratio"]):
        text += f"\n\nPyTorch / Jittor, time and memory: {absence(timing['ratio'])}."
    for framework in FRAMEWORKS:
        if not is_skipped(timing[framework]):
            one = timing[framework]
            text += (
                f"\n\n{NAMES[framework]}: without synchronisation, {_share(one['forward_unseen_share'])} of the "
                f"forward pass's time is missed, and {_share(one['forward_billed_to_post_share'])} appears as "
                f"post-processing ({one['repeats']} repeats in one process, whose smallest and largest ratios stand "
                f"in parentheses and say nothing of another process; warm-up of "
                f"{one['warm_up_seconds']:.1f} s not counted)."
            )
    return text


def _share(found: float) -> str:
    """A share of the forward pass's time; one below zero is none, made by the spread of the repeats."""
    return f"{max(found, 0.0):.1%}"


def memory_table(runs: dict) -> str:
    """Peak memory of each inference process and the size of its weights."""
    rows = [
        [NAMES[f], absence(run), "", "", "", ""]
        if is_skipped(run)
        else [NAMES[f], number(run["peak_memory_mib"], 0), number(run["import_memory_mib"], 0),
              number(run["weights"]["bytes"] / 2**20, 2), run["device"], str(run["threads"])]
        for f, run in runs.items() if was_asked_for(run)
    ]  # fmt: skip
    memory = ["peak memory (MiB)", "once the network is loaded (MiB)"]
    header = ["inference", *memory, "weights (MiB)", "device", "threads"]
    return markdown(header, rows)


def training_table(training: dict) -> str:
    """Both trainings beside each other and how far their losses agree."""
    header = ["", "first loss", "last loss", "falls", "validation PSNR (dB)", "s per step", "peak memory (MiB)"]
    rows = []
    for framework in _asked(training):
        run = training[framework]
        if is_skipped(run):
            rows.append([NAMES[framework], absence(run), *[""] * 5])
            continue
        psnr = " to ".join(number(run["validation"][i]["psnr"], 3) for i in (0, -1)) if run["validation"] else "none"
        rows.append(
            [NAMES[framework], number(run["first_loss"], 5), number(run["last_loss"], 5),
             "yes" if run["falls"] else "no", psnr, number(run["seconds_per_step"], 3),
             number(run["peak_memory_mib"], 0)]
        )  # fmt: skip
    agreement = training["agreement"]
    if is_skipped(agreement):
        return f"{markdown(header, rows)}\n\nAgreement: {absence(agreement)}"
    step, smoothed = agreement["per_step"], agreement["smoothed"]
    return (
        f"{markdown(header, rows)}\n\nThe total losses of {counted(agreement['steps'], 'step')} differ by at most "
        f"{percent(step['largest'], 2)} in a step (mean {percent(step['mean'], 2)}), and by at most "
        f"{percent(smoothed['largest'], 2)} when smoothed over {counted(smoothed['window'], 'step')} "
        f"(mean {percent(smoothed['mean'], 2)})."
    )


def _asked(records: dict) -> list[str]:
    """The frameworks that a run was of."""
    return [framework for framework in FRAMEWORKS if was_asked_for(records[framework])]

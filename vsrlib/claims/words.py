"""The verdicts as a table, and figures as a reader wants them."""

from pathlib import Path

from vsrlib import comparison_table, results
from vsrlib.results import is_skipped


def table(result: dict) -> str:
    """The claims and their verdicts as a Markdown table, and which framework to choose by use."""
    rows = [
        [
            one["id"],
            one["claim"],
            one["artefacts"],
            figure(one),
            f"**{one['verdict']}**: {one['reason']}",
            ", ".join(f"[{Path(path).name}]({path})" for path in one["evidence"]),
        ]
        for one in result["claims"]
    ]
    header = ["", "the earlier report's claim", "what its artefacts show", "this run", "verdict", "evidence"]
    profile = result["claims"][0]["profile"]
    uses = [[one["use"], one["choose"], one["because"]] for one in result["by_use"]]
    advice = f"\n\n{comparison_table.markdown(['use', 'choose', 'because'], uses)}" if uses else ""
    source = f" Results: {result['source']}." if "source" in result else ""
    return f"{comparison_table.markdown(header, rows)}\n\nMeasured with {profile}.{source}{advice}\n"


def profile_of(comparison: dict) -> str:
    """Which network on which clips and devices, and how far above bicubic it is."""
    runs = [run for blur in comparison["blurs"].values() for run in blur["runs"].values() if not is_skipped(run)]
    if not runs:
        return "no run at all"
    sets, presets = (", ".join(sorted({run[key] for run in runs})) for key in ("set", "preset"))
    devices = " and ".join(sorted({results.device_words(run) for run in runs}))
    gains = [gain for blur in comparison["blurs"].values() for gain in blur["quality"]["gain_over_bicubic"].values()]
    known = sorted(gain["psnr"]["value"] for gain in gains if gain["psnr"]["value"] is not None)
    against = f"; its PSNR minus bicubic's: {known[0]:+.2f} to {known[-1]:+.2f} dB" if known else ""
    return f"the {presets} network on {sets} ({devices}){against}"


def figure(one: dict) -> str:
    """The figure of a claim with its interval and unit; a dash where there is none."""
    if one["figure"] is None:
        return "-"
    low, high = one["interval"] or (None, None)
    return f"{numbers({'value': one['figure'], 'low': low, 'high': high}, one['unit'])} {one['unit']}"


def numbers(found: dict, unit: str = "") -> str:
    """value [low, high]: differences in dB and SSIM to a ten-thousandth, all else to three significant digits."""
    values = [found[key] for key in ("value", "low", "high") if found[key] is not None]
    if unit in ("dB", "SSIM"):
        if max(map(abs, values)) < 1e-4:
            return "less than 0.0001"
        return comparison_table.interval(found, 4, signed=True)
    if isinstance(found["value"], int):
        return str(found["value"])  # a count
    value, *ends = map(comparison_table.significant, values)
    return f"{value} [{', '.join(ends)}]" if ends else value

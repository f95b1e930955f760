"""The result file of each notebook, and the one number of it that a reader wants to see first."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vsrlib.claims.every_pair import words
from vsrlib.claims.quality import difference_of
from vsrlib.common.files import read_json
from vsrlib.common.names import FILMED, NAMES
from vsrlib.common.numbers import fixed
from vsrlib.study.settings import Settings


def result_file(notebook: str, settings: Settings) -> Path | None:
    """Where a notebook's result lies; None if it writes no single file."""
    return settings.folder / _OF_NOTEBOOK[notebook][0] if notebook in _OF_NOTEBOOK else None


def result_of(notebook: str, settings: Settings) -> dict[str, Any]:
    """The result of a notebook; empty if it has none (yet)."""
    path = result_file(notebook, settings)
    return read_json(path) if path is not None and path.is_file() else {}


def headline(notebook: str, settings: Settings) -> str:
    """The key number of a step that is done, with its unit; empty if the notebook has none."""
    if notebook == "02_generate_data":
        return _frames(settings.outputs())
    if notebook == "10_draw_figures":
        return f"{len(list(settings.folder.glob('*.svg')))} charts"
    result = result_of(notebook, settings)
    if "skipped" in result:
        return f"skipped, {result['skipped']}"
    _, told = _OF_NOTEBOOK.get(notebook, ("", None))
    return told(result) if result and told is not None else ""


def _environment(result: dict[str, Any]) -> str:
    found = {name: entry for name, entry in result.items() if isinstance(entry, dict) and "usable" in entry}
    return ", ".join(
        f"{name} {entry.get('version') or ''} on {entry.get('device') or 'cpu'}" if entry["usable"] else f"no {name}"
        for name, entry in found.items()
    )


def _frames(sets: list[Path]) -> str:
    frames = sum(1 for folder in sets for _ in (folder / "HR").glob("*/*.png"))
    return f"{frames} frames in {len(sets)} sets"


def _train(result: dict[str, Any]) -> str:
    loss = f"loss {result['first_loss']:.4f} -> {result['last_loss']:.4f}"
    if not result["validation"]:
        return loss
    last = result["validation"][-1]["psnr"]  # not an earlier one, which the weights that are left do not reach
    return f"{loss}, validation {'not finite' if last is None else f'{last:.2f} dB'}"


def _infer(result: dict[str, Any]) -> str:
    filmed = [clip for clip in result["clips"] if clip["kind"] == FILMED]
    apart = 0 < len(filmed) < len(result["clips"])  # made clips stand in no headline beside filmed ones
    frames = [frame for clip in (filmed if apart else result["clips"]) for frame in clip["frames"]]
    # A frame without ground truth has no PSNR, and neither has one that equals it.
    judged = [frame for frame in frames if frame["psnr"] is not None and frame["bicubic_psnr"] is not None]
    if not judged:
        same = any(frame.get("identical") or frame.get("bicubic_identical") for frame in frames)
        return f"{len(frames)} frames, {'no finite PSNR' if same else 'no ground truth'}"
    psnr, bicubic = (sum(frame[key] for frame in judged) / len(judged) for key in ("psnr", "bicubic_psnr"))
    return f"{psnr:.2f} dB (bicubic {bicubic:.2f}){' on filmed clips' if apart else ''}"


def _compare(result: dict[str, Any]) -> str:
    told = []
    for blur, found in result["blurs"].items():
        difference = difference_of(found["quality"])
        if "psnr" in difference and difference["psnr"]["value"] is not None:
            told.append(f"{blur} {fixed(difference['psnr']['value'], 4, signed=True)} dB")
    if told:
        return "Jittor minus PyTorch: " + ", ".join(told)
    runs = [found.get("runs", {}) for found in result["blurs"].values()]
    both = any(sum("skipped" not in run for run in one.values()) > 1 for one in runs)
    return "the frameworks are not compared" if both else "one framework only"


def _ablation(result: dict[str, Any]) -> str:
    costs = [f"{blur} {power['zero_flow_costs']:.2f} dB" for blur, power in result["power"].items() if power]
    return f"no flow costs: {', '.join(costs)}"


def _claims(result: dict[str, Any]) -> str:
    counts = Counter(claim["verdict"] for claim in result["claims"])
    return ", ".join(f"{number} {verdict}" for verdict, number in counts.most_common())


def _parity(result: dict[str, Any]) -> str:
    return "no layer departs" if result["agree"] else f"{len(result['departures'])} departures"


def _show(result: dict[str, Any]) -> str:
    which = f"clip {result['clip']}, frame {result['frame']}"
    apart = result["difference"]
    return which if apart is None else f"{which}: the frameworks differ by at most {apart['largest']} of 255"


def _every_pair(result: dict[str, Any]) -> str:
    pairs = [(blur, pair) for blur, found in result["blurs"].items() for pair in found["pairs"]]
    compared = [(blur, pair) for blur, pair in pairs if "skipped" not in pair["outputs"]]
    names = ", ".join(NAMES[name] for name in result["frameworks"])
    if not compared:
        return f"{names}: no two were compared"
    largest = max(pair["outputs"]["largest"] for _, pair in compared)
    if len(compared) == len(pairs):
        return f"{names}: no two differ by more than {largest} of 255"
    blurs: dict[str, list[str]] = {}
    for blur, pair in compared:
        blurs.setdefault(words(pair["pair"]), []).append(blur)
    these = "; ".join(f"{two} ({', '.join(of)})" for two, of in blurs.items())
    return f"{these}: differ by no more than {largest} of 255, no others were compared"


_Words = Callable[[dict[str, Any]], str]
_OF_NOTEBOOK: dict[str, tuple[str, _Words | None]] = {
    "00_start_here": ("restored.inference.json", _infer),
    "01_check_environment": ("environment.json", _environment),
    "03_train_network": ("train.json", _train),
    "04_infer_clips": ("inference.json", _infer),
    "05_compare_frameworks": ("comparison.json", _compare),
    "06_prove_parity": ("parity.json", _parity),
    "07_ablate_alignment": ("ablation.json", _ablation),
    "08_measure_costs": ("costs.json", None),
    "09_judge_claims": ("claims.json", _claims),
    "10_draw_figures": ("provenance.json", None),
    "12_show_frames": ("show.json", _show),
    "14_compare_every_pair": ("every_pair.json", _every_pair),
}
"""Notebook -> its result file, inside the settings' folder, and what makes the headline of its content."""

"""The result of a check as text for a terminal. Every fault has a line; clips alike are told in one."""

from typing import Any


def report(result: dict[str, Any]) -> str:
    """What `check` found, in lines."""
    lines = [f"{result['root']}{': ' + result['set'] if result['set'] else ''}", *_clips(result["clips"])]
    if result["kernels"]:
        lines.append(f"  {result['kernels']} kernel files")
    if result["beside"]:
        lines.append("  beside: " + ", ".join(f"{n} x {what}" for what, n in sorted(result["beside"].items())))
    for pair in result["pairs"]:
        told = f": {'; '.join(pair['notes'])}" if pair["notes"] else ""
        lines.append(f"  {pair['lr']} with {pair['hr']}, {pair['frames']} frames{told}")
    lines += [f"missing: {', '.join(result['missing'])}"] if result["missing"] else []
    lines += [f"note: {note}" for note in result["notes"]]
    lines += [f"FAULT {fault['path']} {fault['what']}" for fault in result["faults"]]
    lines.append(f"digest of the pixels: {result['digest']}")
    count = len(result["faults"])
    frames = sum(clip["frames"] for clip in result["clips"])
    lines.append(f"{count or 'no'} fault{'' if count == 1 else 's'} in {frames} frames of {len(result['clips'])} clips")
    return "\n".join(lines)


def _clips(clips: list[dict[str, Any]]) -> list[str]:
    alike: dict[tuple, list[str]] = {}
    for clip in clips:
        above = clip["name"].rpartition("/")[0]
        sizes = ", ".join(f"{width}x{height}" for height, width in clip["sizes"])
        alike.setdefault((above, clip["frames"], sizes, "; ".join(clip["kinds"])), []).append(clip["name"])
    lines = []
    for (above, frames, sizes, kinds), names in alike.items():
        which = names[0] if len(names) == 1 else f"{len(names)} clips in {above or 'it'}"
        count = f"{frames} frame{'s' * (frames != 1)}{' each' * (len(names) > 1)}"
        lines.append(f"  {which}: {count}, {sizes or 'of no known size'}, {kinds or 'none whole'}")
    return lines

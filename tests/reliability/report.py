"""Make docs/reliability.md of the result files of this folder's scripts.

python tests/reliability/report.py figures/reliability docs/reliability.md
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vsrlib.common.files import atomic_path, read_json
from vsrlib.common.numbers import markdown

Result = dict[str, Any]


def _damaged(one: Result) -> str:
    total = one["total"]
    return (
        f"{one['files']:,} files: {total['crash']} crashes, {total['hang']} hangs over 5 s of computing, "
        f"{total['silent skip']} silent skips; at most {one['peak_mib']} MiB of memory for a file"
    )


def _checkpoints(one: Result) -> str:
    ran = sum(entry["ran"] for entry in one["canaries"].values())
    return f"canaries in {', '.join(one['canaries'])}: {ran} ran. {_damaged(one)}"


def _kills(one: Result) -> str:
    where = ", ".join(f"{count} in {name}" for name, count in sorted(one["running_when_killed"].items()))
    torn = sum(sentence.startswith("kill ") for sentence in one["broken"])  # the others: how the runs ended
    unlisted = one["broken_count"] - len(one["broken"])  # of which nothing is known but their number
    return (
        f"{one['kills']} kills ({where}), after which {torn} files were found that were not whole; "
        f"ends reached afterwards: {_completed(one)}, each compared in {one['results_compared']} results, "
        f"of which {len(one['broken']) - torn} differed"
        + (f"; {unlisted} further faults are counted only" if unlisted else "")
    )


def _restorations(one: Result) -> str:
    return "; ".join(
        f"{kind}: {found['kills']} kills, {found['lost']} frames lost, {found['twice']} there twice, {found['ends']} "
        "ends, each equal to an uninterrupted one"
        for kind, found in one["kinds"].items()
    )


def _disk(one: Result) -> str:
    if "skipped" in one:
        return f"skipped, {one['skipped']}"
    stopped = sum(
        entry["status"] != 0 and not entry["lost"] for task in one["tasks"].values() for entry in task.values()
    )
    return f"{stopped} of {2 * len(one['tasks'])} stopped with an error and all good files: {', '.join(one['tasks'])}"


def _kernels(one: Result) -> str:
    failed = sum(entry["status"] == "failed" for entry in one["notebooks"].values())
    return f"{one['kernels_killed']} notebooks, {failed} `failed`, each partial notebook kept"


def _names(one: Result) -> str:
    return (
        f"{one['names']} odd names kept below the output and shown as text, {one['names_refused']} with control "
        f"characters refused, {one['shell_calls']} calls of a shell in the source"
    )


def _twice(one: Result) -> str:
    found = f"{one['rounds']} rounds: " + _counted(one["outcomes"])
    return f"{found}; {one['pairs_of_studies']} pairs of studies: {_counted(one['ends_of_studies'])}"


def _counted(ends: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(ends.items()))


def _long(one: Result) -> str:
    return "; ".join(
        f"{kind}: {entry['frames']} frames, {entry['mib_at_frame_100']:.0f} MiB at frame 100, "
        f"at most {max(entry['growth'], 0):.1%} more afterwards"
        for kind, entry in one["inputs"].items()
    )


def _wrong(one: Result) -> str:
    return ", ".join(f"{name}: {one['caught'][name]} of {tried} caught" for name, tried in one["tried"].items())


def _same(one: Result) -> str:
    listed = len(one.get("about_times", []))
    aside = f"; {listed} more are about times and listed, not compared" if listed else ""
    return (
        f"{one['compared']} results of two runs compared, {one['broken_count']} differ ({', '.join(one['of'])}){aside}"
    )


def _coverage(one: Result) -> str:
    return f"{one['percent']:.1f} % of {one['statements']:,} statements ({one['tests']})"


def _mutants(one: Result) -> str:
    total = one["total"]
    unexplained = sum(module["unexplained"] for module in one["modules"].values())
    untried = f", of which {total['not_tried']:,} were not tried yet" if total["not_tried"] else ""
    return (
        f"{total['mutants']:,} mutants of {len(one['modules'])} modules{untried}; {one['share']:.1%} killed, of the "
        f"survivors {total['equivalent']} with the reason why no test can notice them, {unexplained} without; "
        f"{one['planted_killed']} of {one['planted']} planted faults noticed"
    )


def _by_length(one: Result) -> str:
    commands = (
        f"{name}: {' and '.join(f'{one[key]} MiB' for key in one if key.startswith('mib'))}"
        for name, one in one["commands"].items()
    )
    count = one["asked"]["count"]
    return f"{count // 10} and {count} frames, {'; '.join(commands)}"


def _waiting(one: Result) -> str:
    shares = (
        f"{name}: " + ", ".join(f"{entry['share']:.0%} with {workers}" for workers, entry in found.items())
        for name, found in one["templates"].items()
    )
    return f"a step of {one['step_seconds']} s waits with 0 to 4 workers: {'; '.join(shares)}"


ROWS: dict[str, tuple[str, str, Callable[[Result], str]]] = {
    "images": (
        "hostile or damaged images and videos",
        "one error that names file and reason, limits on pixels, nothing skipped silently",
        _damaged,
    ),
    "checkpoints": ("hostile checkpoints", "nothing in a file is run, sizes are bounded", _checkpoints),
    "interruption": (
        "a study killed anywhere in its notebooks",
        "every file whole or absent, what is done stays done, the same end",
        _kills,
    ),
    "pipeline": ("data, training, inference killed in their work", "the same, without the notebooks", _kills),
    "training_kills": (
        "one training killed again and again",
        "a whole checkpoint after each kill, never an older one, and the same end",
        _kills,
    ),
    "restoration_kills": (
        "one restoration killed again and again",
        "the same command goes on, and the end is equal: frames and lossless video by byte, other video by frame",
        _restorations,
    ),
    "disk": ("a full or read-only disk", "stop, an exit status other than 0, last good files intact", _disk),
    "dead_kernels": ("a notebook that dies", "`failed`, never `completed`, partial notebook kept", _kernels),
    "names": ("paths and names", "outputs stay in their folder, names escaped in HTML, no shell", _names),
    "two_runs": ("two runs at once", "a lock: the second waits or says so", _twice),
    "long_clips": ("long clips", "memory within 5 % from frame 100 on", _long),
    "memory_by_length": (
        "ten times as many frames",
        "memory within 5 %: of the frames only digests, scores and names are kept",
        _by_length,
    ),
    "wrong_numbers": ("NaN and infinity", "caught at load, in training, in inference", _wrong),
    "determinism": ("the same run twice", "the same results but for times, memory and provenance", _same),
    "waiting": (
        "samples that take longer to make than a step",
        "with the four workers of the paper's templates steps wait less than 5 % of the time, given the cores",
        _waiting,
    ),
    "coverage": ("code that no test runs", "at least 90 % of the statements of vsrlib are run", _coverage),
    "mutation": (
        "small faults in the modules that compute",
        "the tests notice at least 90 %, and each that they do not is named with the reason",
        _mutants,
    ),
}
"""Result file -> the fault, the promise, and the figure in words."""

_RULES = """## Rules

- **Frames.** PNG and JPEG, 8 bits; `infer` restores 16 as they are, elsewhere they become the nearest of 8; grey is
  repeated; an opaque alpha channel is left out. Refused with a sentence: what is damaged as far as the file lets it be
  known (any changed byte of a PNG; of a JPEG what a strict decoder cannot follow), transparency, CMYK, an animated PNG,
  an EXIF orientation other than upright, more than 2^27 pixels (15360x8640 and hardly more), names with control
  characters or bytes that are no text.
- **Not found.** A changed byte of a JPEG, or of a video without check sums, that leaves another valid picture. The
  counts of `other pixels` in the result file say how often; the record of an earlier `vsrlib data check` (its
  `--json`, then `--against`) finds it.
- **One run to a folder.** A study locks its run and data folders; `infer`, `gather`, `degrade`, `clips`, `train`,
  `train-flow` and `adapt` lock their output. A second run waits for five seconds, and then says who is there.
- **Evidence.** `partial.ipynb` is written anew after each cell, in place, and `error.txt` too: a kill may leave half of
  one. They are never results; the next run of the step removes them.
- **A restoration that ended early**, whatever ended it, keeps what was done in hidden folders of the output (of a video
  the whole segments of 48 frames) until the same command has come to its end, or `--restart` begins anew.
- **A training without `--resume`** replaces what an earlier one left, from its first moment.
- **Hangs** are counted in the process's own computing time, because the machine may be busy with other things.
"""


def page(folder: Path) -> str:
    """The document as Markdown; a row without a result file says so."""
    rows, details = [], []
    for name, (fault, promise, words) in ROWS.items():
        path = folder / f"{name}.json"
        one = read_json(path) if path.exists() else None
        rows.append([fault, promise, words(one) if one else "not measured yet", _verdict(one)])
        details.append(_detail(name, one))
    heads = ["fault", "promise", "figure", "held"]
    return (
        "\n\n".join(
            [
                "# Reliability: faults tried on purpose",
                "What happens when something goes wrong. This page is made by "
                "`python tests/reliability/report.py figures/reliability docs/reliability.md` from the result files in "
                "[figures/reliability](../figures/reliability); a short version of each check is a test, and so is a "
                "planted fault that each must find.",
                markdown(heads, rows),
                _RULES.strip(),
                "## To do it again",
                "Each script writes its result file to the folder it is given.",
                "\n".join(details),
            ]
        )
        + "\n"
    )


def _verdict(one: Result | None) -> str:
    if one is None:
        return "-"
    if one.get("kills") and not _completed(one):
        return "as far as it came: none came to its end"  # so that nothing is known of the end
    return "skipped" if "skipped" in one else "no" if one.get("broken") else "yes"


def _completed(one: Result) -> int:
    """How many runs came to their end after kills."""
    return one.get("runs_completed_after_kills", one.get("studies_completed_after_kills", 0))


def _statuses(one: Result) -> str:
    return ", ".join(f"status {status} for `{marks}`" for marks, status in one["statuses"].items())


def _detail(name: str, one: Result | None) -> str:
    if name == "coverage":
        words = f" Least of all: {one['left_out']}. pytest ended with {_statuses(one)}." if one else ""
        return f"- `coverage`: `python tests/reliability/coverage_figure.py figures/reliability`.{words}"
    command = "tests/mutation.sh OUTPUT" if name == "mutation" else f"python tests/reliability/{name}.py OUTPUT"
    if one is None:
        return f"- `{command}`: no result yet."
    asked = " ".join(f"--{key} {value}" for key, value in one["asked"].items() if value)
    asked += " --first A --second B" if one.get("folders_given") else ""
    origin = one["provenance"]
    count = one.get("broken_count", len(one["broken"]))
    times = "once:**" if count == 1 else f"{count} times; the first:**"
    broken = f" **Did not hold, {times} {one['broken'][0]}." if count else ""
    machine = f"{origin['machine']['processor']}, {origin['machine']['cores']} cores"
    call = f"`{command} {asked}`: {one['seconds']:.0f} s on a busy machine"
    if name == "mutation":  # a call goes on where the one before stopped
        call = f"`{command}`: in several calls, the last"
    return f"- {call} ({machine}), commit {(origin['commit'] or 'none')[:12]}, {origin['created'][:10]}.{broken}"


if __name__ == "__main__":
    with atomic_path(Path(sys.argv[2])) as temporary:
        temporary.write_text(page(Path(sys.argv[1])), encoding="utf-8")

"""Small faults in the modules that compute: which of them do the tests notice?

tests/mutation.sh OUTPUT                    makes what this needs and runs it; goes on where the last call stopped
python tests/reliability/mutation.py OUTPUT --tool PYTHON [--only TEXT] [--count N]

PYTHON is one that has cosmic-ray. TEXT: part of a module's path, or "planted"; N: at most so many mutants.

judged_modules.toml names the modules, and for each the tests of continuous integration that judge it, quick ones first.
The mutants are those of cosmic-ray (see mutants.py) and the faults of planted_faults.toml. Each is put into a copy of
the project, and the module's tests are run until one fails. equivalent_mutants.toml has the mutants that no test can
notice, with the reason. OUTPUT/work keeps what is known; a module's results are thrown away when the module changes,
and a survivor is tried again when its tests change. Of a module of which OUTPUT/mutation.json knows every mutant, and
which has not changed since, nothing is tried again either.
"""

import hashlib
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import tomllib
from pathlib import Path
from typing import Any

import common
import mutants

from vsrlib.common.provenance import PROJECT_ROOT

HERE = Path(__file__).resolve().parent
LEAST = 0.9
"""Share of the mutants that must be killed."""
_MARKS = {"torch": "not jittor and not slow", "jittor": "jittor"}
_COMMON = ("pytest", "hypothesis.extra.numpy", "scipy.ndimage", "scipy.io", "scipy.stats", "cv2", "skimage.metrics")
_COMMON += ("av", "PIL.Image", "safetensors.numpy", "nbformat", "psutil", "tqdm", "requests")
_PACKAGES = {"torch": (*_COMMON, "torch.distributed", "safetensors.torch"), "jittor": _COMMON}
"""By group, what is imported once. Jittor is not: it does not survive a fork."""
_PLANTED = "planted: "

Mutant = dict[str, Any]
"""operator, line, old and new (see mutants.py); when tried also killed, by, tests (their digest) and seconds."""


class Module:
    """A module, its mutants, and the file of what is known about them.

    reasons: why no test can notice a mutant, by the lines that it replaces and those that it puts there.
    """

    def __init__(
        self, root: Path, name: str, group: str, tests: list[str], known: Path, reasons: dict[tuple[str, str], str]
    ) -> None:
        self.root, self.name, self.group, self.tests, self._reasons = root, name, group, tests, reasons
        self.source = (root / name).read_text(encoding="utf-8")
        self.digest = _digest(self.source)
        paths = [root / test.split("::")[0] for test in tests]
        self.tests_digest = _digest("".join(path.read_text(encoding="utf-8") for path in paths))
        self.mutants: list[Mutant] = []
        self._file = known / f"{name.replace('/', '.')}.{self.digest}.jsonl"
        self.usual_file = self._file.with_suffix(
            f".{self.tests_digest}.seconds"
        )  # that the tests take without a mutant
        self.lock = threading.Lock()
        for old in known.glob(f"{name.replace('/', '.')}.*"):
            if old not in (self._file, self.usual_file) or old.read_text() == "null":  # they failed: once more
                old.unlink()
        text = self._file.read_text() if self._file.exists() else ""
        whole = text[: text.rfind("\n") + 1]  # a kill may leave half a line
        if whole != text:
            self._file.write_text(whole)
        self._tried = {_key(one): one for one in map(json.loads, whole.splitlines())}

    def result(self, mutant: Mutant) -> Mutant | None:
        """What is known of a mutant; nothing of an unexplained survivor whose tests have changed."""
        one = self._tried.get(_key(mutant))
        if one and (one["killed"] or one["tests"] == self.tests_digest or self.reason(mutant)):
            return one
        return None

    def take_over(self, earlier: dict[str, Any]) -> None:
        """Know what an earlier result file says of this very module, where it tried all of its mutants.

        A fault that is planted is no mutant of the list, and is tried again.
        """
        one = earlier.get("modules", {}).get(self.name, {})
        if one.get("digest") != self.digest or one["not_tried"]:
            return
        survivors = {(one["where"], one["old"], one["new"]) for one in earlier["survivors"]}
        for mutant in self.mutants:
            named = (f"{self.name}:{mutant['line']}", _shown(mutant["old"]), _shown(mutant["new"]))
            # The file does not say by which tests a survivor was tried: without a reason it is tried again.
            found = {**mutant, "killed": named not in survivors, "by": None, "tests": None, "seconds": 0.0}
            self._tried.setdefault(_key(mutant), found)

    def reason(self, mutant: Mutant) -> str | None:
        """Why no test can notice the mutant, if that is known."""
        return self._reasons.get((_shown(mutant["old"]), _shown(mutant["new"])))

    def keep(self, mutant: Mutant, killed: bool, by: str | None, seconds: float) -> None:
        one = {**mutant, "killed": killed, "by": by, "tests": self.tests_digest, "seconds": seconds}
        self._tried[_key(mutant)] = one
        with self._file.open("a") as file:
            file.write(json.dumps(one) + "\n")

    def mutated(self, mutant: Mutant) -> str:
        """The source with the mutant in it."""
        lines, begin = self.source.splitlines(), mutant["line"] - 1
        end = begin + len(mutant["old"])
        assert lines[begin:end] == mutant["old"]
        return "\n".join([*lines[:begin], *mutant["new"], *lines[end:]]) + "\n"


class Copy:
    """A copy of the project's files, and a process for each group that runs tests in it."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder, self._processes = folder, {}
        shutil.rmtree(folder, ignore_errors=True)
        listed = subprocess.run(["git", "ls-files"], cwd=root, check=True, capture_output=True, text=True).stdout
        for name in listed.splitlines():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            if (root / name).is_file():
                shutil.copy2(root / name, folder / name)
        # A .pyc that belongs to its source by the digest: two mutants may be written within one tick of the clock.
        compile_all = ["-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "."]
        subprocess.run([sys.executable, *compile_all], cwd=folder, check=True)

    def untouched(self, module: Module) -> float | None:
        """Seconds that the tests take without a mutant; None if they fail then."""
        with module.lock:  # one copy measures
            if not module.usual_file.exists():
                answer = self._ask(module, 1200)
                module.usual_file.write_text(json.dumps(answer["seconds"] if answer["status"] == 0 else None))
            return json.loads(module.usual_file.read_text())

    def judge(self, module: Module, mutant: Mutant, usual: float) -> None:
        """Run the tests on a mutant and keep the answer."""
        path = self.folder / module.name
        path.write_text(module.mutated(mutant), encoding="utf-8")
        try:
            answer = self._ask(module, 5 * usual + 20)
        finally:
            path.write_text(module.source, encoding="utf-8")
        by = answer["by"] or {0: None, None: "time-out"}.get(answer["status"], f"status {answer['status']}")
        module.keep(mutant, answer["status"] != 0, by, answer["seconds"])

    def _ask(self, module: Module, seconds: float) -> dict[str, Any]:
        server = self._processes.get(module.group)
        if server is None:
            environment = {
                **os.environ,
                "PYTHONPATH": str(self.folder),
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                "OMP_NUM_THREADS": "1",
            }
            command = [sys.executable, str(HERE / "warm_tests.py"), *_PACKAGES[module.group]]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            server = subprocess.Popen(command, cwd=self.folder, env=environment, **pipes)  # type: ignore[call-overload]
            assert server.stdout.readline() == "ready\n"
            self._processes[module.group] = server
        asked = {"tests": module.tests, "marks": _MARKS[module.group], "seconds": seconds}
        server.stdin.write(json.dumps(asked) + "\n")
        server.stdin.flush()
        return json.loads(server.stdout.readline())

    def close(self) -> None:
        for server in self._processes.values():
            server.communicate()


def judged(root: Path, known: Path, settings: Path = HERE) -> list[Module]:
    """The modules of judged_modules.toml, in its order."""
    known.mkdir(parents=True, exist_ok=True)
    groups = tomllib.loads((settings / "judged_modules.toml").read_text(encoding="utf-8"))
    reasons: dict[str, dict[tuple[str, str], str]] = {}
    for one in tomllib.loads((settings / "equivalent_mutants.toml").read_text(encoding="utf-8")).get("mutant", []):
        lines = (_shown(one[key].splitlines()) for key in ("old", "new"))
        reasons.setdefault(one["module"], {})[tuple(lines)] = one["reason"]
    return [
        Module(root, name, group, tests, known, reasons.get(name, {}))
        for group, modules in groups.items()
        for name, tests in modules.items()
    ]


def list_mutants(modules: list[Module], tool: Path, known: Path) -> None:
    """Give each module its mutants; what cosmic-ray lists for it is kept by the module's digest and the operators."""
    listing = known / f"mutants_{_digest((HERE / 'mutants.py').read_text())}.json"
    lists = json.loads(listing.read_text()) if listing.exists() else {}
    for module in modules:
        if f"{module.name} {module.digest}" not in lists:
            command = [tool, str(HERE / "mutants.py"), module.name]
            done = subprocess.run(command, cwd=module.root, check=True, stdout=subprocess.PIPE)
            lists[f"{module.name} {module.digest}"] = json.loads(done.stdout)[module.name]
            listing.write_text(json.dumps(lists))
        module.mutants = list(lists[f"{module.name} {module.digest}"])


def plant(modules: list[Module], settings: Path = HERE) -> None:
    """Add the faults of planted_faults.toml to the modules' mutants, first."""
    by_name = {module.name: module for module in modules}
    for fault in reversed(tomllib.loads((settings / "planted_faults.toml").read_text(encoding="utf-8"))["fault"]):
        if fault["module"] in by_name:
            module = by_name[fault["module"]]
            if module.source.count(fault["old"]) != 1:
                raise ValueError(f"{fault['name']}: its old text is not once in {module.name}")
            lines = mutants.difference(module.source, module.source.replace(fault["old"], fault["new"]))
            module.mutants.insert(0, {"operator": _PLANTED + fault["name"], **lines})


def run(modules: list[Module], root: Path, work: Path, workers: int, only: str = "", most: int = 0) -> None:
    """Try the mutants of which nothing is known, `most` of them or all (0), in `workers` copies at a time.

    only: part of the module's path, or of the operator.
    """
    jobs: queue.SimpleQueue[tuple[Module, Mutant]] = queue.SimpleQueue()
    all_jobs = [(module, mutant) for module in modules for mutant in module.mutants]
    wanted = [(module, mutant) for module, mutant in all_jobs if only in f"{module.name} {mutant['operator']}"]
    untried = [(module, mutant) for module, mutant in wanted if module.result(mutant) is None]
    for job in untried[: most or None]:
        jobs.put(job)

    def work_on(number: int) -> None:
        copy = Copy(root, work / f"copy{number}")
        while True:
            try:
                module, mutant = jobs.get_nowait()
            except queue.Empty:
                return copy.close()
            usual = copy.untouched(module)
            if usual is not None:
                copy.judge(module, mutant, usual)

    needed = range(min(workers, jobs.qsize()))
    threads = [threading.Thread(target=work_on, args=(number,), daemon=True) for number in needed]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def report(modules: list[Module]) -> dict[str, Any]:
    """Counts by module, the survivors with their reasons, and in `broken` what does not hold.

    `share`: of the mutants that were tried, those that were killed.
    """
    counts, survivors, broken = {}, [], []
    planted = {"planted": 0, "planted_killed": 0}
    for module in modules:
        found = {"mutants": 0, "killed": 0, "equivalent": 0, "unexplained": 0, "not_tried": 0}
        for mutant in module.mutants:
            result = module.result(mutant)
            if mutant["operator"].startswith(_PLANTED):
                planted["planted"] += 1
                planted["planted_killed"] += bool(result and result["killed"])
                if not (result and result["killed"]):
                    broken.append(f"{mutant['operator']}: {'it survives' if result else 'not tried yet'}")
                continue
            found["mutants"] += 1
            old, new, reason = _shown(mutant["old"]), _shown(mutant["new"]), module.reason(mutant)
            if result is None:
                found["not_tried"] += 1
            elif result["killed"]:
                found["killed"] += 1
            else:
                found["equivalent" if reason else "unexplained"] += 1
                survivors.append({"where": f"{module.name}:{mutant['line']}", "old": old, "new": new, "reason": reason})
                broken += [] if reason else [f"{module.name}:{mutant['line']}: no test notices `{new}`"]
        counts[module.name] = {**found, "digest": module.digest}
        broken += [f"{module.name}: {found['not_tried']} mutants not tried yet"] if found["not_tried"] else []
    total = {key: sum(one[key] for one in counts.values()) for key in ("mutants", "not_tried", "killed", "equivalent")}
    share = total["killed"] / max(total["mutants"] - total["not_tried"], 1)
    if share < LEAST:
        broken.insert(0, f"{share:.1%} of the mutants are killed, fewer than {LEAST:.0%}")
    return {"share": share, "total": total, **planted, "modules": counts, "survivors": survivors, "broken": broken}


def check(work: Path, count: int, seed: int, tool: Path, only: str, workers: int) -> dict[str, Any]:
    """Try at most `count` mutants (0: all), see `run`, and report on all that is known."""
    modules = judged(PROJECT_ROOT, work / "mutation")
    list_mutants(modules, tool, work / "mutation")
    last = work.parent / "mutation.json"
    earlier = json.loads(last.read_text(encoding="utf-8")) if last.exists() else {}
    for module in modules:
        module.take_over(earlier)
    plant(modules)
    run(modules, PROJECT_ROOT, work, workers, only, count)
    return report(modules)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _shown(lines: list[str]) -> str:
    return "\n".join(line.strip() for line in lines)


def _key(mutant: Mutant) -> str:
    return json.dumps([mutant["line"], mutant["old"], mutant["new"]])


if __name__ == "__main__":
    common.main("mutation", check, count=0, tool=None, only="", workers=2)

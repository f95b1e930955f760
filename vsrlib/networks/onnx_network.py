"""The network in ONNX Runtime, which restores and does not train; neither PyTorch nor Jittor is imported for it.

Of weights the graphs are built in memory; an exported model (`vsrlib export`) is run as its files are.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.common.errors import UserError
from vsrlib.common.names import ONNX
from vsrlib.kernels.native import openmp_threads
from vsrlib.networks import architecture
from vsrlib.networks.architecture import NetworkConfig
from vsrlib.networks.backend import Values
from vsrlib.networks.network import Network, described
from vsrlib.networks.onnx_graph import package
from vsrlib.networks.onnx_model import ENDING, contents, path_of
from vsrlib.networks.onnx_net import FRAMES, KERNEL, RECONS, WINDOW
from vsrlib.networks.weights.weights_file import digest

Arrays = dict[str, np.ndarray]
Source = Callable[[str], bytes | Path]
"""Form -> the contents of its file, or where that is."""


def load(weights: str | Path | None, preset: str, seed: int = 0) -> "OnnxNetwork":
    """The network of weights or of an exported model.

    weights: a file or a name; the path of a model, which ends in .onnx; or None for initial values of `seed`.
    UserError for what cannot be had, for a model of another preset, and where a package is not installed.
    """
    if weights is None or Path(weights).suffix != ENDING:
        config, values = described(weights, preset, seed)
        return OnnxNetwork(config, lambda form: contents(form, config, values), digest(values), values)
    model = Path(weights)
    noted = notes(model)
    if noted["preset"] != preset:
        raise UserError(
            f"{model} was made of weights of the preset {noted['preset']}; give --preset {noted['preset']}."
        )
    config = replace(architecture.preset(preset), align_corners=noted["align_corners"] == "true")
    return OnnxNetwork(config, lambda form: path_of(model, form), noted["digest"])


def notes(model: Path) -> dict[str, str]:
    """The metadata of an exported model. UserError for a file that is none."""
    return _notes(_opened(model, optimised=False), WINDOW, model)


class OnnxNetwork(Network):
    """A network in ONNX Runtime, on the CPU: all that a restoration asks of a network, without modules and gradients.

    Tensors are arrays, and everything is computed when a call returns.
    """

    def __init__(self, config: NetworkConfig, source: Source, digest: str, values: Values | None = None) -> None:
        """digest: of the weights that every graph is to have been made of; values: what `state` tells."""
        self.framework, self.device, self.correlation = ONNX, "cpu", "pure"
        self.config = config
        self.not_compiled = {}
        self.version: str = package("onnxruntime").__version__
        self.digest = digest
        self._source, self._values = source, values or {}
        self._sessions: dict[str, Any] = {}

    def compute(self, form: str, inputs: Arrays) -> Arrays:
        """Run the graph of a form, one of `vsrlib.networks.onnx_net.FORMS`: inputs and outputs by their names there."""
        session = self._session(form)
        names = [output.name for output in session.get_outputs()]
        try:
            return dict(zip(names, session.run(names, inputs)))
        except Exception as error:  # ONNX Runtime's errors have no class of their own in common
            if "allocate" not in str(error).lower() and "bad_alloc" not in str(error):
                raise
            raise UserError(
                "There is not enough memory for frames of this size, which ONNX graphs restore whole; take PyTorch "
                "and a tile: --framework torch --tile 128."
            ) from error

    def run(self, window: np.ndarray) -> Arrays:
        frames = {FRAMES: window[0]}
        return {RECONS: self.compute(WINDOW, frames)[RECONS], "kernel": self.compute(KERNEL, frames)["kernel"]}

    def convolution(self, name: str = "auto") -> str:
        return "framework"

    def conditions(self) -> dict[str, Any]:
        return {
            "device": f"cpu, ONNX Runtime {self.version}",
            "device_type": self.device,
            "threads": openmp_threads(),
            "correlation": self.correlation,
            "not_compiled": self.not_compiled,
        }

    def peak_device_memory(self) -> None:
        return None

    def state(self) -> Values:
        """Every parameter by name, copied; of an exported model none."""
        return {name: value.copy() for name, value in self._values.items()}

    def synchronise(self) -> None:
        """Nothing is left to compute."""

    def download(self, tensor: np.ndarray) -> np.ndarray:
        return tensor

    def tensor(self, values: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(values, np.float32)

    def _session(self, form: str) -> Any:
        if form not in self._sessions:
            source = self._source(form)
            session = _opened(source)
            if isinstance(source, Path) and _notes(session, form, source)["digest"] != self.digest:
                raise UserError(f"{source} was made of other weights than the model; export the model again.")
            self._sessions[form] = session
        return self._sessions[form]


def _opened(source: bytes | Path, optimised: bool = True) -> Any:
    """A session of ONNX Runtime."""
    runtime = package("onnxruntime")
    if isinstance(source, Path) and not source.is_file():
        raise UserError(f"{source} does not exist, which belongs to the model; export the model again.")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = openmp_threads()  # else it also binds them to cores, which not every machine allows
    options.log_severity_level = 4  # what is wrong is in the exception as well
    if not optimised:
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return runtime.InferenceSession(
            source if isinstance(source, bytes) else str(source), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        reason = str(error).strip().splitlines()[0][:160].rstrip(". ")
        name = source if isinstance(source, Path) else "The graph of the weights"
        raise UserError(f"{name} was refused by ONNX Runtime ({reason}); export the model again.") from error


def _notes(session: Any, form: str, path: Path) -> dict[str, str]:
    """The metadata of a file of that form. UserError for a file that is no such export."""
    notes: dict[str, str] = session.get_modelmeta().custom_metadata_map
    if notes.get("preset") not in architecture.PRESETS or "digest" not in notes or "form" not in notes:
        raise UserError(f"{path} was not written by `vsrlib export`; export the weights that it is to have.")
    if notes["form"] != form:
        raise UserError(f"{path} is the form {notes['form']} of a model, and {form} is wanted; give the model itself.")
    return notes

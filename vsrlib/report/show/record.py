"""What was shown, with the digests of all of it."""

from pathlib import Path
from typing import Any

import numpy as np

from vsrlib.common import provenance
from vsrlib.common.files import relative, sha256_array, write_json
from vsrlib.data.blur_kernels import centre_error, kernel_psnr
from vsrlib.networks.weights.weights_file import entry
from vsrlib.report.show.chosen import Chosen, Estimate
from vsrlib.report.show.pictures import difference, full_colour

RESULT = "show.json"


def record(chosen: Chosen, found: Estimate, folder: Path) -> dict[str, Any]:
    """Write show.json into `folder`: clip and frame, digests of the pixels, and the figures under the pictures."""
    restored = {
        name: {
            "path": relative(path / f"{chosen.frame}.png", folder),
            "sha256": sha256_array(chosen.restored(name)),
        }
        for name, path in chosen.folders.items()
    }
    kernel: dict[str, Any] = {"estimated_sha256": sha256_array(found.kernel)}
    if chosen.kernel is not None:
        kernel |= {
            "true_sha256": sha256_array(chosen.kernel),
            "psnr": kernel_psnr(found.kernel, chosen.kernel),
            "centre_error": centre_error(found.kernel, chosen.kernel),
        }
    result = {
        "blur": chosen.blur,
        "clip": chosen.clip,
        "frame": chosen.frame,
        "box": list(chosen.box),
        "window_sha256": sha256_array(chosen.window),
        "truth_sha256": None if chosen.truth is None else sha256_array(chosen.truth),
        "restored": restored,
        "absent": chosen.skipped,
        "difference": _difference(chosen) if len(chosen.folders) == 2 else None,
        "weights": entry(chosen.weights, folder),
        "kernel": kernel,
        "flow": {"sha256": sha256_array(found.flow), "full_colour": full_colour(found.flow)},
    }
    write_json(Path(folder) / RESULT, result | {"provenance": provenance.collect()})
    return result


def _difference(chosen: Chosen) -> dict[str, float]:
    values = difference(chosen)
    return {"largest": int(values.max()), "share": float(np.count_nonzero(values) / values.size)}

"""Other people's implementations, asked as the project's own are defined."""

import numpy as np
from skimage.metrics import structural_similarity


def ssim(a: np.ndarray, b: np.ndarray, channel_axis: int | None = 2) -> float:
    """Mean SSIM of two pictures in [0, 255] with the Gaussian window of 11 pixels, where that lies inside."""
    given = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    return float(structural_similarity(a, b, channel_axis=channel_axis, **given))

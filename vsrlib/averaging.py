"""The exponential moving average of a network's weights, which wanders less than the weights themselves."""

import numpy as np

Values = dict[str, np.ndarray]


class Average:
    """average = decay * average + (1 - decay) * weights after every step; it begins at the weights it is given."""

    def __init__(self, decay: float, values: Values) -> None:
        self._decay = np.float32(decay)
        self.values = {name: value.copy() for name, value in values.items()}

    def update(self, values: Values) -> None:
        """Take in the weights of one more step."""
        for name, value in values.items():
            self.values[name] += (1 - self._decay) * (value - self.values[name])

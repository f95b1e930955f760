"""Arrays in files, each under the digest of its content: what is the same is kept once."""

import hashlib
from pathlib import Path

import numpy as np

from vsrlib.files import read_json, write_json


class Store:
    """A folder of arrays through which processes with one framework each, one after another, exchange what they have.

    Whoever writes has a file of its own there, NAME.bin, all arrays one behind the other, with NAME.json to find them.
    """

    def __init__(self, folder: Path, name: str | None = None) -> None:
        """name: that of the file to write, which `close` completes; None to read only."""
        self.folder, self.name = Path(folder), name
        self.folder.mkdir(parents=True, exist_ok=True)
        self._places: dict[str, tuple[np.ndarray, int, str, list[int]]] = {}
        for path in sorted(self.folder.glob("*.json")):
            data = np.memmap(path.with_suffix(".bin"), mode="r")
            self._places |= {digest: (data, *place) for digest, place in read_json(path).items()}
        self._own: dict[str, tuple[int, str, list[int]]] = {}
        self._file = None if name is None else (self.folder / f"{name}.bin").open("wb")

    def put(self, array: np.ndarray) -> str:
        """Keep an array; returns the name by which `get` finds it once the store is closed."""
        assert self._file is not None, "a store without a name is for reading"
        array = np.ascontiguousarray(array)
        digest = hashlib.blake2b(f"{array.dtype.str}{array.shape}".encode(), digest_size=12)
        digest.update(array.data)
        name = digest.hexdigest()
        if name not in self._places and name not in self._own:
            self._own[name] = (self._file.tell(), array.dtype.str, list(array.shape))
            self._file.write(array.data)
        return name

    def get(self, name: str) -> np.ndarray:
        """The array that was put under this name; read-only."""
        data, offset, kind, shape = self._places[name]
        return np.frombuffer(data, kind, int(np.prod(shape)), offset).reshape(shape)

    def close(self) -> None:
        """Complete the file that was written."""
        assert self._file is not None, "a store without a name is for reading"
        self._file.write(b"\0")  # an empty file cannot be mapped
        self._file.close()
        write_json(self.folder / f"{self.name}.json", self._own)

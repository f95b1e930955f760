"""Dictionaries of arrays out of pickles, such as Jittor and PaddlePaddle write, and nothing in them is run.

A pickle is a program for a small machine. `pickle.Unpickler` with a `find_class` that refuses names would not be
enough: one instruction of five bytes makes it clear 64 GiB for its memo, and a deeply nested tuple as a key overflows
the C stack. So `pickletools` decodes the instructions, and the few that arrays need are carried out here: none imports
anything, nothing of numpy's is called with the file's arguments, and every array's values are bytes of the file.

What a training program often writes beside its weights, such as an `argparse.Namespace`, is read as an empty object
that stands in for it, and never as the thing itself.
"""

import hashlib
import math
import pickletools
from typing import Any, TypeVar

import numpy as np

JITTOR_MARK = b"HCAJSLHD"
"""Ends a file of `jittor.save`, after the SHA-1 of the pickle before both."""

_SHA1_BYTES = 20
_MOST_INSTRUCTIONS = 1_000_000  # an array takes about twenty; more would only cost time
_NUMBERS_OF_NUMPY = ("f2", "f4", "f8", *(f"{sign}{size}" for sign in "iu" for size in (1, 2, 4, 8)), "b1")
_RECONSTRUCT = ("numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct")
_FROM_BUFFER = ("numpy.core.numeric _frombuffer", "numpy._core.numeric _frombuffer")
_SCALAR = ("numpy.core.multiarray scalar", "numpy._core.multiarray scalar")
_VAR = ("jittor jittor_core.Var",)
_ENCODE = "_codecs encode"  # how bytes stand in protocols before 3
# Instructions that put their own argument onto the stack.
_NUMBERS = ("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "INT", "LONG", "FLOAT")
_TEXTS = ("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE")
_BYTES = ("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8")
_T = TypeVar("_T")
_MAPPINGS = ("builtins dict", "collections OrderedDict")
_ASIDE = {  # of settings that programs keep beside their weights
    *("argparse Namespace", "types SimpleNamespace", "copy_reg _reconstructor", "copyreg _reconstructor"),
    *(f"pathlib{part} {kind}Path" for part in ("", "._local") for kind in ("", "Posix", "Windows")),
    *("datetime datetime", "datetime date", "datetime timedelta", "__builtin__ object", "builtins object"),
}
_ALLOWED = {*_RECONSTRUCT, *_FROM_BUFFER, *_SCALAR, *_VAR, *_MAPPINGS, *_ASIDE, _ENCODE}
_ALLOWED |= {"numpy dtype", "numpy ndarray", "builtins tuple", "builtins list", "builtins bytes", "__builtin__ bytes"}
STAND_INS = ("numpy dtype", "numpy ndarray", *_RECONSTRUCT, *_FROM_BUFFER, *_SCALAR, *sorted(_ASIDE))
"""What files of PyTorch may name beside tensors, as "module name"; for each an `Aside` is made in its place."""


class Aside:
    """Stands where a file asks for an object that is no weights; takes whatever it would be made of, and keeps nothing.

    A file cannot reach anything through it.
    """

    def __new__(cls, *_: Any) -> "Aside":
        return super().__new__(cls)

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


class Foreign(ValueError):
    """A whole file that asks for something that is not taken: another mistake than a damaged one."""


class _Name(str):
    """An allowed name, where an unpickler would hold what it stands for."""


class _Type:
    """A dtype; a pickle sets its byte order after making it."""

    def __init__(self, code: str) -> None:
        if code not in _NUMBERS_OF_NUMPY:
            raise Foreign(f"it holds values of type {code[:20]!r}, and weights are floating-point numbers")
        self.code, self.order = code, "<"


class _Array:
    """An array; a pickle fills it after making it."""

    values: np.ndarray | None = None


def seal(pickled: bytes) -> bytes:
    """A pickle as `jittor.save` would write it, with its checksum; `pickle.load` reads it as well."""
    return pickled + hashlib.sha1(pickled).digest() + JITTOR_MARK


def load(data: bytes) -> Any:
    """What a pickle of (nested) dictionaries of arrays holds; `jittor.Var` becomes an array.

    Numbers of numpy become arrays without dimensions, and settings an `Aside`. Raises ValueError with the reason for
    anything else, and for a checksum that is not right: `Foreign` where the file asks for what is not taken.
    """
    if data.endswith(JITTOR_MARK):
        data = data.removesuffix(JITTOR_MARK)
        data, checksum = data[:-_SHA1_BYTES], data[-_SHA1_BYTES:]
        if hashlib.sha1(data).digest() != checksum:
            raise ValueError("its checksum is not that of its content")
    try:
        return _plain(_run(data))
    except (IndexError, KeyError, OverflowError, RecursionError) as error:
        raise ValueError("its instructions make no sense") from error


def _run(data: bytes) -> Any:
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[int, Any] = {}
    copied = 0  # bytes

    def above_mark() -> list[Any]:
        start = marks.pop()
        items = stack[start:]
        del stack[start:]
        return items

    for count, (opcode, argument, position) in enumerate(pickletools.genops(data)):
        if count > _MOST_INSTRUCTIONS:
            raise ValueError("it holds more instructions than weights need")
        operand: Any = argument  # its type goes with the instruction
        match opcode.name:
            case "PROTO" | "FRAME":
                pass
            case "STOP":
                if position is None or position + 1 != len(data):
                    raise ValueError("something follows its end")
                return stack.pop()
            case "MARK":
                marks.append(len(stack))
            case name if name in (*_NUMBERS, *_TEXTS, *_BYTES):
                stack.append(argument)
            case "NONE":
                stack.append(None)
            case "NEWTRUE" | "NEWFALSE":
                stack.append(opcode.name == "NEWTRUE")
            case "EMPTY_DICT":
                stack.append({})
            case "DICT":
                items = above_mark()
                stack.append({})
                _set(stack[-1], items)
            case "LIST":
                stack.append(above_mark())
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_TUPLE":
                stack.append(())
            case "TUPLE":
                stack.append(tuple(above_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                size = int(opcode.name[-1])
                stack[-size:] = [tuple(stack[-size:])]
            case "APPEND":
                item = stack.pop()
                _as(list, stack[-1]).append(item)
            case "APPENDS":
                items = above_mark()
                _as(list, stack[-1]).extend(items)
            case "SETITEM":
                pair = stack[-2:]
                del stack[-2:]
                _set(stack[-1], pair)
            case "SETITEMS":
                pairs = above_mark()
                _set(stack[-1], pairs)
            case "BINPUT" | "LONG_BINPUT" | "PUT":
                memo[operand] = stack[-1]
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "BINGET" | "LONG_BINGET" | "GET":
                stack.append(memo[operand])
            case "GLOBAL":
                stack.append(_name(operand))
            case "STACK_GLOBAL":
                name, module = stack.pop(), stack.pop()
                stack.append(_name(f"{_as(str, module)} {_as(str, name)}"))
            case "REDUCE":
                arguments, function = stack.pop(), stack.pop()
                made = _make(_as(_Name, function), _as(tuple, arguments))
                copied += len(made) if isinstance(made, bytes) else 0
                if copied > len(data):  # one text encoded again and again
                    raise ValueError("it describes more values than it holds")
                stack.append(made)
            case "NEWOBJ":
                arguments, function = stack.pop(), stack.pop()
                _as(tuple, arguments)
                if _as(_Name, function) not in _ASIDE:
                    raise ValueError(f"it uses {function.replace(' ', '.')} in a way that arrays do not need")
                stack.append(Aside())
            case "BUILD":
                state = stack.pop()
                if not isinstance(stack[-1], Aside):
                    _fill(stack[-1], _as(tuple, state))
            case other:
                raise ValueError(f"it asks for {other}, which arrays do not need")
    raise ValueError("it has no end")


def _name(name: str) -> _Name:
    if name not in _ALLOWED:
        raise Foreign(f"it asks for {name.replace(' ', '.')[:60]!r}, which is not on the list of what is allowed")
    return _Name(name)


def _make(name: _Name, arguments: tuple) -> Any:
    match arguments:
        case (str(code), *_) if name == "numpy dtype":
            return _Type(code)
        case (_Name("numpy ndarray"), *_) if name in _RECONSTRUCT:
            return _Array()
        case (_Type() as kind, data) if name in _SCALAR:
            array = _Array()
            array.values = _values(data, kind, (), "C")
            return array
        case (str(text), "latin1") if name == _ENCODE:
            return text.encode("latin1")
        case () if name in ("builtins bytes", "__builtin__ bytes"):
            return b""
        case _ if name in _ASIDE:
            return Aside()
        case (data, _Type() as kind, tuple(shape), str(order)) if name in _FROM_BUFFER:
            array = _Array()
            array.values = _values(data, kind, shape, order)
            return array
        case (_Array() as array,) if name in _VAR:
            return array
        case ((str(), _Array() as array),) if name == "builtins tuple":  # a tensor of `paddle.save`, with its name
            return array
        case () if name in _MAPPINGS:
            return {}
        case () if name == "builtins list":
            return []
    raise ValueError(f"it uses {name.replace(' ', '.')} in a way that arrays do not need")


def _fill(made: Any, state: tuple) -> None:
    match made, state:
        case _Type(), (int(), str(order), *_) if order in ("<", ">", "|"):
            made.order = order
        case _Array(), (int(), tuple(shape), _Type() as kind, bool(fortran), data):
            made.values = _values(data, kind, shape, "F" if fortran else "C")
        case _:
            raise ValueError("it sets something that arrays do not have")


def _values(data: Any, kind: _Type, shape: tuple, order: Any) -> np.ndarray:
    dtype = np.dtype(kind.order + kind.code)
    sizes_fit = all(type(size) is int and size >= 0 for size in shape)
    if not (
        isinstance(data, (bytes, bytearray))
        and sizes_fit
        and order in ("C", "F")
        and math.prod(shape) * dtype.itemsize == len(data)
    ):
        raise ValueError("the bytes of an array do not fill its shape")
    values = np.frombuffer(data, dtype) if data else np.empty(0, dtype)
    return values.reshape(shape, order=order)


def _set(target: Any, pairs: list[Any]) -> None:
    for key, value in zip(pairs[::2], pairs[1::2], strict=True):
        _as(dict, target)[key if type(key) is int else _as(str, key)] = value  # ints: an optimiser's state


def _as(kind: type[_T], value: Any) -> _T:
    if not isinstance(value, kind):
        raise ValueError(f"there is a {type(value).__name__.strip('_')} where a {kind.__name__.strip('_')} belongs")
    return value


def _plain(found: Any, depth: int = 2) -> Any:
    """Arrays in place of what held them, in a dictionary and the dictionaries in it.

    No deeper: a pickle of some lines can nest dictionaries that hold each other twice so that walking them never ends.
    """
    if isinstance(found, _Array):
        if found.values is None:
            raise ValueError("it holds an array without values")
        return found.values
    if isinstance(found, dict) and depth:
        return {key: _plain(value, depth - 1) for key, value in found.items()}
    return found

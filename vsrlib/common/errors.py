"""The one exception that stands for a mistake of the user rather than of the program."""

import errno
import os
import re
import select
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from typing import Any


class UserError(Exception):
    """A mistake the user can mend.

    The message is one sentence that names the thing, the reason and the remedy;
    the command line prints it without a traceback and exits with status 2.
    """


class StartAgain(UserError):
    """What works when the same is started once more, in a new process."""


class Terminated(KeyboardInterrupt):
    """SIGTERM, as from a scheduler or from `timeout`, where it is taken as Ctrl-C is: see `as_interrupt`."""


INTERRUPTED = 130
UNREAD = 141
"""As a shell has it of a program that SIGPIPE ended."""
TERMINATED = 143
_REMEDIES = {
    errno.ENOSPC: "; free some space and run the same command again",
    errno.EROFS: "; choose a folder on a disk that can be written",
    errno.EACCES: "; choose a folder that you may write, or files that you may read",
}


@contextmanager
def as_interrupt() -> Iterator[None]:
    """SIGTERM raises Terminated within this, once, so that what Ctrl-C keeps is kept; in the main thread alone."""

    def terminate(*_: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # `timeout` sends it twice, and the second would end the keeping
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def interruption(error: BaseException | None) -> int:
    """The exit status that says by what a program was interrupted."""
    return TERMINATED if isinstance(error, Terminated) else INTERRUPTED


def reported(task: Callable[[], int]) -> int:
    """The exit status of `task`; what a user or the machine did wrong is one sentence on standard error.

    UNREAD, without a word, where whoever read standard output has had enough, as `| head` has.
    """
    try:
        status = task()
        if sys.stdout is not None:  # None: it was closed by `>&-`
            sys.stdout.flush()  # now: at the end of the process it is too late for a sentence
        return status
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        sentence = _not_installed(error.name or "")
        if sentence is None:
            raise
        print(f"error: {sentence}", file=sys.stderr)
        return 2
    except OSError as error:  # a full disk, a folder without permission: the environment's fault, not the program's
        unread = _is_unread()
        _drop_what_is_not_written()
        if isinstance(error, BrokenPipeError) and unread:
            return UNREAD
        remedy = _REMEDIES.get(error.errno or 0, "")
        print(f"error: {error.filename or 'The output'}: {error.strerror or error}{remedy}.", file=sys.stderr)
        return 2
    except KeyboardInterrupt as error:
        print("error: interrupted; what was not finished has not been written.", file=sys.stderr)
        return interruption(error)


def _is_unread() -> bool:
    """Whether standard output is a pipe that nobody reads any more."""
    try:
        poll = select.poll()
        poll.register(sys.stdout, 0)
        return any(events & select.POLLERR for _, events in poll.poll(0))
    except (OSError, TypeError, ValueError):  # closed, or no file at all
        return False


def _drop_what_is_not_written() -> None:
    """Else Python would try to write it at its end, fail again, complain in its own words, and have a status of 120."""
    try:
        sys.stdout.flush()
    except (OSError, AttributeError):  # the latter where it was closed
        if sys.stdout is not None:
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, sys.stdout.fileno())
            os.close(nothing)


def extras() -> dict[str, list[str]]:
    """What may be installed beside the base, by the names of pyproject.toml: {"notebooks": ["ipykernel", ...], ...}."""
    try:
        entries = metadata.requires("vsrlib") or []
    except metadata.PackageNotFoundError:  # a folder of sources
        return {}
    found: dict[str, list[str]] = {}
    for entry in entries:
        requirement, _, marker = entry.partition(";")
        if extra := re.search(r"extra == ['\"](\w+)['\"]", marker):
            found.setdefault(extra[1], []).append(requirement.strip())
    return found


def install(extra: str, package: str) -> str:
    """The command that brings an extra, in versions that go with the rest; in a folder of sources the package alone."""
    return shlex.join([sys.executable, "-m", "pip", "install", *(extras().get(extra) or [package])])


def _not_installed(module: str) -> str | None:
    """The sentence for a module that an extra brings; None for any other."""
    package = module.partition(".")[0].lower()
    for extra, requirements in extras().items():
        if any(re.match(rf"{package}(?![\w-])", one.lower()) for one in requirements):
            command = install(extra, package)
            return f"{module} is not installed, which this needs from vsrlib[{extra}]; install it: {command}"
    return None

"""The standard streams: what a terminal is, and what happens once nobody reads any more."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


class OutputFailed(Exception):
    """Standard output takes nothing more, for another reason than a reader that went away."""

    def __init__(self, error: OSError) -> None:
        super().__init__(
            f"Writing the result to standard output failed: {error.strerror}. What was done in "
            "the library is kept."
        )


def open_streams() -> None:
    """Names in any script are printed, escaped where the terminal cannot show them; what is
    printed to a stream that was closed at launch goes nowhere."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def to_stdout() -> Iterator[None]:
    """Writes to standard output. Raises `OutputFailed`.

    A reader may go away, as that of `reshelve items | head` does: what nobody reads any more is
    dropped, and the command goes on to its own exit code.
    """
    try:
        yield
    except BrokenPipeError:
        forget_stdout()
    except OSError as error:
        forget_stdout()
        raise OutputFailed(error) from error


def forget_stdout() -> None:
    """Further output goes nowhere, and the interpreter does not complain about it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def takes_styles(stream: TextIO) -> bool:
    """Whether rich would take it for a terminal."""
    asked = bool(os.environ.get("FORCE_COLOR")) or os.environ.get("TTY_COMPATIBLE") == "1"
    return asked or stream.isatty()

"""Where words go: results to standard output, progress and remarks to standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from adapters.cli.arguments import Arguments


class OutputFailed(Exception):
    """Standard output takes nothing more, for another reason than a reader that went away."""

    def __init__(self, error: OSError) -> None:
        super().__init__(
            f"Writing the result to standard output failed: {error.strerror}. What was done in "
            "the library is kept; `reshelve status` tells of it."
        )


class _Console(Console):
    """A console whose reader may go away, as that of `reshelve items | head` does."""

    def on_broken_pipe(self) -> None:
        """Drop what nobody reads any more; the command goes on to its own exit code."""
        self.quiet = True
        _forget_stdout()


class Output:
    """Writes for a person or, with `--json`, one document for a program.

    Paths and names are printed as they are: no markup, no emoji codes, no highlighting.
    """

    def __init__(self, arguments: Arguments) -> None:
        self.json = arguments.json
        self.quiet = arguments.quiet
        self.console = _Console(markup=False, emoji=False, highlight=False, soft_wrap=True)
        self.progress = Console(
            stderr=True, markup=False, emoji=False, highlight=False, quiet=arguments.quiet
        )

    def say(self, sentence: str) -> None:
        """A remark on what is going on, on standard error."""
        self.progress.print(Text(sentence), soft_wrap=True)

    def line(self, *parts: str | tuple[str, str]) -> None:
        """A line of the result; a part may carry a style."""
        try:
            self.console.print(Text.assemble(*parts), soft_wrap=True)
        except OSError as error:
            _forget_stdout()
            raise OutputFailed(error) from error

    def document(self, value: Any) -> None:
        """One JSON document."""
        self.raw(msgspec.json.encode(value) + b"\n")

    async def stream(self, name: str, pages: AsyncIterator[Iterable[Any]]) -> None:
        """One JSON document with one list, written page by page: memory does not grow."""
        self.raw(b"{")
        await self.array(name, pages)
        self.raw(b"}\n")

    async def array(self, name: str, pages: AsyncIterator[Iterable[Any]]) -> None:
        """One member of a document that is a list, page by page."""
        self.raw(msgspec.json.encode(name) + b":[")
        separator = b""
        async for page in pages:
            for value in page:
                self.raw(separator + msgspec.json.encode(value))
                separator = b","
        self.raw(b"]")

    def raw(self, data: bytes) -> None:
        """Bytes of a document."""
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            _forget_stdout()
        except OSError as error:
            _forget_stdout()
            raise OutputFailed(error) from error


def _forget_stdout() -> None:
    """Further output goes nowhere, and the interpreter does not complain about it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

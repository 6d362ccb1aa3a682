"""Where words go: results to standard output, progress and remarks to standard error."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from adapters.cli.streams import takes_styles, to_stdout

if TYPE_CHECKING:
    from rich.console import Console

    from adapters.cli.arguments import Arguments


class Output:
    """Writes for a person or, with `--json`, one document for a program.

    Paths and names are printed as they are: no markup, no emoji codes, no highlighting.
    """

    def __init__(self, arguments: Arguments) -> None:
        self.arguments = arguments
        self.json = arguments.json
        self.quiet = arguments.quiet

    # rich takes longer to import than a short command to run, and files take no styles.

    @cached_property
    def console(self) -> Console:
        """The terminal that results go to."""
        from adapters.cli.terminal import result_console

        return result_console()

    @cached_property
    def progress(self) -> Console:
        """Where progress goes."""
        from adapters.cli.terminal import progress_console

        return progress_console(quiet=self.quiet)

    def say(self, sentence: str) -> None:
        """A remark on what is going on, on standard error."""
        if self.quiet:
            return
        if not takes_styles(sys.stderr):
            print(sentence, file=sys.stderr, flush=True)  # noqa: T201
            return
        from rich.text import Text

        self.progress.print(Text(sentence), soft_wrap=True)

    def fail(self, sentence: str) -> None:
        """Why a command does nothing, on standard error, however quiet it is to be."""
        print(sentence, file=sys.stderr, flush=True)  # noqa: T201

    def suggest(self, sentence: str, *words: str) -> None:
        """A remark that ends in a command on the same library, as it can be pasted."""
        from adapters.cli.suggestions import suggested

        self.say(f"{sentence}  {suggested(self.arguments, *words)}")

    def line(self, *parts: str | tuple[str, str]) -> None:
        """A line of the result; a part may carry a style."""
        with to_stdout():
            self._print(parts)

    def _print(self, parts: tuple[str | tuple[str, str], ...]) -> None:
        if not takes_styles(sys.stdout):
            words = (part if isinstance(part, str) else part[0] for part in parts)
            print("".join(words), flush=True)  # noqa: T201
            return
        from rich.text import Text

        self.console.print(Text.assemble(*parts), soft_wrap=True)

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
        with to_stdout():
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()

"""Commands that are suggested: as they can be pasted, with the program and the library as given."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapters.cli.arguments import Arguments

NAME = "reshelve"


def suggested(arguments: Arguments, *words: str | os.PathLike[str]) -> str:
    """A command on the library that was given."""
    given = arguments.library_given
    return command(*words, *([f"--library={given}"] if given[:1] == "-" else ["--library", given]))


def command(*words: str | os.PathLike[str]) -> str:
    """A command of this program, quoted for the shell of this platform."""
    return " ".join((*_program(), *(quoted(os.fspath(word)) for word in words)))


def quoted(word: str) -> str:
    """A word as the shell of this platform takes it."""
    if os.name == "nt":
        import subprocess

        return subprocess.list2cmdline([word])
    import shlex

    return shlex.quote(word)


def _program() -> list[str]:
    """How this program was started, where its name alone would not be found, or be another's."""
    started = Path(sys.argv[0])
    if started.name == "__main__.py":
        return [quoted(sys.executable), "-m", NAME]
    if started.stem != NAME or _is_found(started):
        return [NAME]
    return [quoted(sys.argv[0])]


def _is_found(started: Path) -> bool:
    """Whether the shell finds this very program by its name."""
    for folder in os.get_exec_path():
        found = Path(folder, started.name)
        if found.is_file():
            try:
                return found.samefile(started)
            except OSError:
                return False
    return False

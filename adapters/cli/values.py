"""What options take: paths as people give them, folders of models, numbers in their bounds."""

from __future__ import annotations

import argparse
import os
from pathlib import Path


class Library(argparse.Action):
    """The library's folder, and how it was given: so it is named in commands to be pasted."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Keep both."""
        try:
            path, given = _path_and_text(str(values))
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentError(self, str(error)) from error
        if path.is_file():
            raise argparse.ArgumentError(
                self, f"{given} is a file; a library is the folder that holds it, {path.parent}"
            )
        namespace.library, namespace.library_given = path, given


def a_path(text: str) -> Path:
    """An absolute path: two routes to one database are one source."""
    return _path_and_text(text)[0]


def a_client(text: str) -> Path:
    """The folder of a built client."""
    folder = a_path(text)
    if not (folder / "index.html").is_file():
        raise argparse.ArgumentTypeError(f"{folder} is no folder with an index.html in it")
    return folder


def a_root(text: str) -> tuple[str, Path]:
    """A folder of models of one type."""
    name, separator, folder = text.partition("=")
    if not (name and separator and folder):
        raise argparse.ArgumentTypeError(f"{text} is not TYPE=DIR, such as loras=/models/loras")
    return name, a_path(folder)


def a_port(text: str) -> int:
    """A port; 0 takes a free one."""
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text} is no port from 0 to 65535")
    return int(text)


def a_subset(text: str) -> tuple[int, int]:
    """One of so many parts."""
    try:
        part, parts = (int(number) for number in text.split("/"))
    except ValueError:
        part, parts = 0, 0
    if not 1 <= part <= parts:
        raise argparse.ArgumentTypeError(f"{text} is not K/N, such as 1/10")
    return part, parts


def a_positive(text: str) -> int:
    """How many things at once."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 1 <= number <= 256:
        raise argparse.ArgumentTypeError(f"{text} is no number from 1 to 256")
    return number


def _path_and_text(text: str) -> tuple[Path, str]:
    """The path that was meant, absolute and free of links, and the text that says so."""
    if not text.strip():
        raise argparse.ArgumentTypeError("the path is empty")
    try:
        if not _is_there(text):
            text = _understood(text)
        return Path(text).expanduser().resolve(), text
    except (OSError, RuntimeError, ValueError) as error:
        # Nobody has such a home, no file can have such a name, or links go in a circle.
        reason = getattr(error, "strerror", None) or error
        raise argparse.ArgumentTypeError(f"{text} is no path that can be used: {reason}") from error


def _understood(text: str) -> str:
    from engine.errors import PathOfWindows  # only where there is nothing yet
    from engine.facts.paths import understood

    try:
        return understood(text, _is_there, on_windows=os.name == "nt")
    except PathOfWindows as error:
        raise argparse.ArgumentTypeError(
            f"{error} Give the path that the folder has here: C:\\ is /mnt/c in WSL, and a share "
            "is where it is mounted"
        ) from error


def _is_there(text: str) -> bool:
    return Path(text).expanduser().exists()

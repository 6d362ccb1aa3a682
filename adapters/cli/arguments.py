"""What can be asked on the command line: the parser of every command and option."""

from __future__ import annotations

import argparse
import os
import sys
from functools import cache
from pathlib import Path
from typing import NoReturn

from adapters.cli.values import Library, a_client, a_path, a_port, a_positive, a_root, a_subset

KINDS = ("hikaze1", "folders", "invokeai")
"""As in `adapters.composition`; a test compares."""

STATES = ("pending", "imported", "images_done", "promoted", "failed")
"""As in `engine.lifecycle`, without importing the state machine for `--help`; a test compares."""


class Arguments(argparse.Namespace):
    """The options of a command line; those of other commands are absent."""

    words: list[str]
    parser: argparse.ArgumentParser
    command: str | None
    json: bool
    quiet: bool
    workers: int
    backend: str
    library: Path
    library_given: str
    location: Path
    kind: str
    images: Path | None
    on_conflict: str | None
    state: str | None
    folder: Path | None
    promote: bool
    ids: list[int]
    all: bool
    root: list[tuple[str, Path]]
    map: list[str]
    hashes: str
    hash: bool
    subset: tuple[int, int] | None
    dry_run: bool
    host: str
    port: int
    frontend: Path | None
    allow_path: list[Path]
    allow_origin: list[str]
    token: Path | None
    no_auto_resume: bool


def parse(argv: list[str] | None) -> Arguments:
    """The arguments, or exit 2 with usage.

    There may be no command, and to a command the library may be missing: what is told then takes
    more than the line to know.
    """
    words = sys.argv[1:] if argv is None else argv
    named = next((word for word in words if not word.startswith("-")), "")
    arguments = _parser(named).parse_args(words, Arguments())
    arguments.words = list(words)
    return arguments


def processors() -> int:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _parser(named: str) -> argparse.ArgumentParser:
    """The command that was named with its options; all, without theirs, where none of them was.

    What is not asked for is not made: it would take longer than reading the rest of the line.
    """
    parser = argparse.ArgumentParser(
        prog="reshelve",
        formatter_class=_Help,
        description="Move a library of AI models from Hikaze Model Manager 1 to version 2, "
        "previews included. Can be stopped or killed at any moment; `resume` goes on.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and end")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", prog=parser.prog)
    for name, (text, add_options) in _COMMANDS.items():
        if named in _COMMANDS and named != name:
            continue
        command = commands.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
            formatter_class=_Help,
        )
        if name == named:
            add_options(command)
            _add_common_options(command)
            command.set_defaults(parser=command)
    return parser


class _Version(argparse.Action):
    """As the one of `argparse`, but the version is looked up only when it is asked for."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> NoReturn:
        from engine import __version__

        print(f"reshelve {__version__}")  # noqa: T201
        parser.exit()


class _Help(argparse.HelpFormatter):
    """Fits the terminal, as it would by itself; but then it would import compressors, by way of
    `shutil`."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


@cache
def _columns() -> int:
    try:
        return int(os.environ.get("COLUMNS", 0)) or os.get_terminal_size(1).columns or 80
    except (ValueError, OSError):
        return 80


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder",
        metavar="DIR",
        nargs="?",
        type=a_path,
        help="where (default: a new folder reshelve-demo)",
    )


def _migrate(parser: argparse.ArgumentParser) -> None:
    _library(parser)
    _location(parser)
    parser.add_argument(
        "--from",
        dest="kind",
        metavar="KIND",
        choices=KINDS,
        default="",
        help=f"what it is: {', '.join(KINDS)} (default: what it looks like)",
    )
    parser.add_argument(
        "--root",
        metavar="TYPE=DIR",
        action="append",
        default=[],
        type=a_root,
        help="another folder of models, of this type; may be given again",
    )
    parser.add_argument(
        "--images",
        metavar="DIR",
        type=a_path,
        help="version 1's images (default: the folder images beside its database), or LoRA "
        "Manager's folder of example images",
    )
    _map(parser)
    parser.add_argument(
        "--hashes",
        choices=("verify", "trust"),
        default="verify",
        help="hash files before a hash that other managers tell counts, or trust one that passes "
        "all checks (default: verify)",
    )
    parser.add_argument(
        "--on-conflict",
        choices=("merge", "override", "ignore"),
        default="merge",
        help="what to do when a model of the same content is there (default: merge)",
    )
    parser.add_argument("--promote", action="store_true", help="then promote all models that wait")


def _look(parser: argparse.ArgumentParser) -> None:
    _location(parser)
    parser.add_argument("--library", metavar="DIR", type=a_path, help="not needed")
    _map(parser)


def _location(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "location",
        metavar="LOCATION",
        type=a_path,
        help="a manager's folder or database, or any folder of models",
    )


def _map(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--map",
        metavar="OLD=NEW",
        action="append",
        default=[],
        help="where a folder of another machine lies on this one, such as "
        r"D:\models=/mnt/models; may be given again",
    )


def _library(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--library", metavar="DIR", action=Library, help="the version 2 library")


def _items(parser: argparse.ArgumentParser) -> None:
    _library(parser)
    parser.add_argument("--state", choices=STATES, help="only those in this state")


def _promote(parser: argparse.ArgumentParser) -> None:
    _library(parser)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("ids", metavar="ID", nargs="*", type=int, default=[], help="these models")
    which.add_argument("--all", action="store_true", help="all models that wait")
    parser.add_argument(
        "--on-conflict",
        choices=("override", "merge", "ignore", "delete"),
        help="what to do when a model of the same content is active (default: report it)",
    )


def _scan(parser: argparse.ArgumentParser) -> None:
    _library(parser)
    parser.add_argument(
        "--root",
        metavar="TYPE=DIR",
        action="append",
        required=True,
        type=a_root,
        help="a folder of models of this type; may be given again",
    )


def _verify(parser: argparse.ArgumentParser) -> None:
    _library(parser)
    parser.add_argument("--hash", action="store_true", help="hash the model files anew")
    parser.add_argument(
        "--subset", metavar="K/N", type=a_subset, help="with --hash: the K-th of N parts only"
    )


def _repair(parser: argparse.ArgumentParser) -> None:
    _library(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="tell what would be done, and change nothing"
    )


def _serve(parser: argparse.ArgumentParser) -> None:
    _library(parser)
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument("--port", type=a_port, default=8189, help="default: %(default)s")
    parser.add_argument(
        "--frontend", metavar="DIR", type=a_client, help="a built single-page client to serve at /"
    )
    parser.add_argument(
        "--root",
        metavar="TYPE=DIR",
        action="append",
        default=[],
        type=a_root,
        help="a folder of models of this type, for scans; may be given again",
    )
    parser.add_argument(
        "--allow-path",
        metavar="DIR",
        action="append",
        default=[],
        type=a_path,
        help="a folder that clients may name files in, beside the home folder, the working "
        "folder and the library",
    )
    parser.add_argument(
        "--allow-origin",
        metavar="URL",
        action="append",
        default=[],
        help="another site whose pages may call this server",
    )
    parser.add_argument(
        "--token",
        metavar="FILE",
        type=a_path,
        help="a file with the token that every request must carry; needed for other addresses",
    )
    parser.add_argument(
        "--no-auto-resume",
        action="store_true",
        help="leave interrupted runs to the resume button",
    )


def _add_common_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.add_argument(
        "--workers",
        metavar="N",
        type=a_positive,
        default=processors(),
        help="how many images to encode and files to hash at once (default: %(default)s)",
    )
    parser.add_argument(
        "--backend", choices=("asyncio", "trio"), default="asyncio", help="default: asyncio"
    )


_COMMANDS = {
    "demo": ("make a small legacy library and migrate it", _demo),
    "look": ("tell what lies at a location, change nothing", _look),
    "migrate": ("bring another manager's library in", _migrate),
    "resume": ("go on with what was interrupted", _library),
    "status": ("tell where the last run stands", _library),
    "items": ("list every item of the last run", _items),
    "pending": ("list what waits for promotion", _library),
    "promote": ("hash waiting models, make them active", _promote),
    "scan": ("find new model files", _scan),
    "verify": ("compare database and files, change nothing", _verify),
    "repair": ("mend what verify finds, where that is certain", _repair),
    "serve": ("serve the library over HTTP", _serve),
}
"""What each is for, and what adds its options."""

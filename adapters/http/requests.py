"""What a client sends: bodies and query values, checked and turned into what the engine takes."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence, Sized
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from anyio import to_thread

from adapters.http.errors import InvalidRequest, PathNotAllowed, SeveralDatabases, TooMany
from engine.facts.catalogue import ModelPatch
from engine.facts.codes import ProblemKind
from engine.facts.conflicts import ConflictStrategy
from engine.facts.files import Root
from engine.facts.paths import understood
from engine.facts.repair_report import RepairMode
from engine.facts.requests import ImportRequest
from engine.facts.source import HashClaims, SourceOptions, SourceRef
from engine.facts.states import ModelState

DatabasesIn = Callable[[Path], list[Path]]
"""Legacy databases in a folder, or where an application in it keeps them. Blocks."""


def nowhere(_: Path) -> list[Path]:
    """Databases of a server that looks into no folder."""
    return []


Many = TypeVar("Many", bound=Sized)

LEGACY = "hikaze1"
"""The kind of a source that is named by its database alone."""

LARGEST_PAGE = 1000

LONGEST_PATH = 32_767
"""Characters that a path can have on any system; following links costs the square of them."""

MOST = 10_000
"""How many ids or names one request may hold: what takes longer keeps others waiting."""


class AllowedPaths(msgspec.Struct, frozen=True):
    """The folders that a client may name files in; links are followed before the comparison."""

    folders: tuple[Path, ...]

    def beside(self, roots: Sequence[Root]) -> AllowedPaths:
        """These, and the folders of models that were named at launch."""
        return AllowedPaths((*self.folders, *(Path(root.folder).resolve() for root in roots)))

    def check_absolute(self, text: str) -> None:
        """As `check`, of a path that is kept and may be opened from another working folder."""
        if not Path(text).is_absolute():
            raise InvalidRequest("path must be absolute: from the root of this machine's disks")
        self.check(text)

    def named(self, text: str) -> Path:
        """As `check`, of what a person typed or pasted: quotes and `file://` are forgiven.

        Raises `PathOfWindows` besides.
        """
        return self.check(understood(text, self._is_there, on_windows=os.name == "nt"))

    def check(self, text: str) -> Path:
        """The path, free of links. Raises `PathNotAllowed`, `InvalidRequest`.

        Of a path outside nothing else is told: not whether it is there, nor who has a home here.
        """
        if len(text) > LONGEST_PATH:
            raise InvalidRequest(f"A path cannot have more than {LONGEST_PATH:,} characters.")
        if "\0" in text:
            raise InvalidRequest(f"{text!r} is no path.")
        path = Path(text)
        if not (self._is_other_home(path) or self._is_on_other_machine(path)):
            try:
                path = path.expanduser().resolve()
            except (OSError, RuntimeError, ValueError) as error:
                # A circle of links, or a name that no file can have.
                raise PathNotAllowed(text) from error
            if any(path.is_relative_to(folder) for folder in self.folders):
                return _possible(path)
        raise PathNotAllowed(text)

    def _is_there(self, text: str) -> bool:
        """Whether anything lies there; outside nothing does, and nothing is looked at."""
        try:
            return self.check(text).exists()
        except (PathNotAllowed, InvalidRequest, OSError, ValueError):
            return False

    def _is_other_home(self, path: Path) -> bool:
        """Whether it is `~name`, which would tell who has an account here."""
        first = path.parts[0] if path.parts else ""
        return first.startswith("~") and first != "~"

    def _is_on_other_machine(self, path: Path) -> bool:
        r"""Whether it is a share (`\\host\share`) that is not allowed; Windows would go and knock
        there, with the user's name and password."""
        known = {folder.drive.lower() for folder in self.folders}
        return path.drive.startswith(("\\\\", "//")) and path.drive.lower() not in known


def _possible(path: Path) -> Path:
    """The path, which a file can have. Raises `InvalidRequest`."""
    try:
        path.lstat()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise InvalidRequest("No file can have a path or a name that is so long.") from error
    return path


class SourceBody(msgspec.Struct, frozen=True):
    """Which source: where it lies, of which kind it is, and what is said of it beside; without a
    kind, it is looked at to learn it.

    `roots` are folders of model files, `images` is a folder of images, `map` translates paths of
    another machine, each written `OLD=NEW`. Each kind takes some of it.
    """

    location: str
    kind: str = ""
    roots: tuple[Root, ...] = ()
    images: str | None = None
    map: tuple[str, ...] = ()
    hashes: HashClaims = HashClaims.VERIFY

    def named(self, allowed: AllowedPaths, databases_in: DatabasesIn) -> SourceRef:
        """The source. Raises `InvalidRequest`, `PathNotAllowed`, `PathOfWindows`, `TooMany`."""
        location = allowed.named(required(self.location, "source.location"))
        images = str(allowed.named(self.images)) if self.images else ""
        if self.kind == LEGACY:
            location = _database(allowed, databases_in, location)
            images = images or str(_beside(allowed, location))
        roots = [Root(r.type, str(allowed.named(r.folder))) for r in few(self.roots, "roots")]
        options = SourceOptions(
            images=images,
            roots=tuple(roots),
            map=few(self.map, "map"),
            hashes=self.hashes,
        )
        return SourceRef(self.kind, str(location), options)


class MigrateBody(msgspec.Struct, frozen=True):
    """Which source, and what to do about two rows with one hash.

    A library of Hikaze Model Manager 1 can be named by its database and its images alone.
    """

    legacy_db_path: str | None = None
    legacy_images_dir: str | None = None
    source: SourceBody | None = None
    on_conflict: str | None = None

    async def request(self, allowed: AllowedPaths, databases_in: DatabasesIn) -> ImportRequest:
        """Stage 1 of this source.

        Raises `InvalidRequest`, `PathNotAllowed`, `PathOfWindows`, `TooMany`.
        """
        return await to_thread.run_sync(self._request, allowed, databases_in)

    def _request(self, allowed: AllowedPaths, databases_in: DatabasesIn) -> ImportRequest:
        strategy = one_strategy(self.on_conflict) or ConflictStrategy.MERGE
        if strategy is ConflictStrategy.DELETE:
            raise InvalidRequest("on_conflict must be merge, override or ignore")
        within = tuple(str(folder) for folder in allowed.folders)
        return ImportRequest(self._source(allowed, databases_in), strategy, within)

    def _source(self, allowed: AllowedPaths, databases_in: DatabasesIn) -> SourceRef:
        if self.source is not None:
            if self.legacy_db_path or self.legacy_images_dir:
                raise InvalidRequest("name the source once: by source, or by legacy_db_path")
            return self.source.named(allowed, databases_in)
        if not self.legacy_db_path:
            raise InvalidRequest("legacy_db_path is required")
        source = SourceBody(self.legacy_db_path, LEGACY, images=self.legacy_images_dir)
        return source.named(allowed, databases_in)


def _beside(allowed: AllowedPaths, database: Path) -> Path:
    """The folder of images beside a database; it may be a link, to a folder that is allowed."""
    return allowed.check(str((database if database.is_dir() else database.parent) / "images"))


def _database(allowed: AllowedPaths, databases_in: DatabasesIn, named: Path) -> Path:
    """The database that is named, or the one that lies in the folder that is named."""
    found = databases_in(named) if named.is_dir() else []
    if len(found) > 1:
        raise SeveralDatabases(named, found)
    return allowed.check(str(found[0])) if found else named


class ImportBody(msgspec.Struct, frozen=True):
    """Which pending models to promote, and what to do about conflicts."""

    id: Any = None
    conflict_strategy: Any = None

    def ids(self) -> list[object]:
        """The ids as they were given. Raises `InvalidRequest`."""
        if not isinstance(self.id, list) or not self.id:
            raise InvalidRequest("id must be a non-empty array")
        return few(self.id, "id")

    def strategy(self) -> ConflictStrategy | None:
        """The strategy; None reports conflicts. Raises `InvalidRequest`."""
        return one_strategy(self.conflict_strategy)


class RunBody(msgspec.Struct, frozen=True):
    """Which run; the unfinished one where none is named."""

    run_id: int | None = None


class RepairBody(msgspec.Struct, frozen=True):
    """Whether to mend, or only to tell what would be."""

    dry_run: bool = False

    @property
    def mode(self) -> RepairMode:
        """What is asked for."""
        return RepairMode.PLAN if self.dry_run else RepairMode.MEND


class RetryBody(msgspec.Struct, frozen=True):
    """Which failed items; all where none are named."""

    ids: tuple[int, ...] | None = None

    def items(self) -> tuple[int, ...] | None:
        """The ids of the items, None for all. Raises `TooMany`."""
        return None if self.ids is None else few(self.ids, "ids")


class TagsBody(msgspec.Struct, frozen=True):
    """Names of tags that should be there."""

    newtags: Any = None

    def names(self) -> list[str]:
        """The names among them; what is no text is passed over. Raises `InvalidRequest`."""
        if not isinstance(self.newtags, list):
            raise InvalidRequest("newtags must be an array")
        named = [name.strip() for name in few(self.newtags, "newtags") if isinstance(name, str)]
        return [name for name in named if name and "\0" not in name]


def edit_of(patch: ModelPatch) -> ModelPatch:
    """The edit as it was sent. Raises `TooMany`."""
    if patch.tags is not msgspec.UNSET:
        few(patch.tags, "tags")
    return patch


def few(values: Many, name: str, most: int = MOST) -> Many:
    """The values, which are not too many for one request. Raises `TooMany`."""
    if len(values) > most:
        raise TooMany(name, most)
    return values


def one_strategy(value: object) -> ConflictStrategy | None:
    """A conflict strategy by name; `null` and `"null"` are none. Raises `InvalidRequest`."""
    if value is None or value == "null":
        return None
    try:
        return ConflictStrategy(value)  # type: ignore[arg-type]  # anything else is refused
    except ValueError as error:
        raise InvalidRequest(
            "conflict_strategy must be override, merge, ignore, delete or null"
        ) from error


def required(value: str | None, name: str) -> str:
    """A query value that must be there. Raises `InvalidRequest`."""
    if not value:
        raise InvalidRequest(f"{name} is required")
    return value


def integer(value: str | None, name: str) -> int:
    """A query value that must be an integer. Raises `InvalidRequest`."""
    number = optional_integer(required(value, name), name)
    assert number is not None
    return number


def optional_integer(value: str | None, name: str) -> int | None:
    """A query value that is an integer where it is there. Raises `InvalidRequest`."""
    if value is None or value == "":
        return None
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 19):
        raise InvalidRequest(f"{name} must be an integer")
    return int(value)


def is_wanted(value: str | None) -> bool:
    """Whether what is told only on demand is wanted."""
    return value in {"true", "1"}


def page_size(value: str | None) -> int:
    """How many to list, at most `LARGEST_PAGE`. Raises `InvalidRequest`."""
    number = optional_integer(value, "limit")
    if number is None:
        return 100
    if number < 1:
        raise InvalidRequest("limit must be a positive integer")
    return min(number, LARGEST_PAGE)


def one_state(value: str | None) -> ModelState | None:
    """A state by name. Raises `InvalidRequest`."""
    if not value:
        return None
    try:
        return ModelState(value)
    except ValueError as error:
        names = ", ".join(ModelState)
        raise InvalidRequest(f"state must be one of {names}") from error


def one_kind(value: str | None) -> ProblemKind:
    """A kind of problem by name. Raises `InvalidRequest`."""
    try:
        return ProblemKind(required(value, "kind"))
    except ValueError as error:
        raise InvalidRequest("kind must be failure or warning") from error


def image_name(name: str) -> tuple[str, int]:
    """The hash and number in `<sha256>` (which means `_0`) or `<sha256>_<seq>`, with or without
    `.webp`; what is no such name has a hash that no model has."""
    sha256, _, seq = name.removesuffix(".webp").partition("_")
    if not seq:
        return sha256, 0
    number = seq.isascii() and seq.isdigit() and len(seq) < 10 and seq == str(int(seq))
    return (sha256, int(seq)) if number else ("", 0)

"""What the library holds: models, tags and images, read and edited one at a time.

Edits of images take the same durable path as migration: files first, then the commit that tells
of them, under the lock of the model's hash.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
from anyio import to_thread
from msgspec import UNSET

from engine.actors.writer import Commits
from engine.errors import InvalidEdit, InvalidImage, UnknownImage, UnknownModel, UnknownPending
from engine.facts.catalogue import ImageFile, ModelPatch, ModelSummary, TagReport
from engine.facts.previews import TIERS, UnusableImage, image_digest
from engine.facts.records import SHA256_HEX, ModelRecord, PendingModelRecord, Tag
from engine.facts.work import CarriedImage
from engine.library.preview_removal import Removals
from engine.ports.catalogue import CatalogueFiles
from engine.ports.changes import AddPreview, AddTags, ChangeTags, EditModel, EditPending
from engine.ports.journal import Reader
from engine.ports.queries import ActiveModel, AllTags, ModelsOfType, PendingModels, TypesInUse
from engine.runs.preview_sets import PreviewSets
from engine.runs.resources import WorkerResources

T = TypeVar("T")

log = logging.getLogger("reshelve.catalogue")


def anywhere(_: str) -> None:
    """The judge of paths for whoever may name any."""


class Catalogue:
    """Models, tags and images of one library."""

    def __init__(
        self,
        resources: WorkerResources,
        writer: Commits,
        reader: Reader,
        files: CatalogueFiles,
        types: Sequence[str],
    ) -> None:
        self._resources = resources
        self._writer = writer
        self._reader = reader
        self._files = files
        self._types = types
        self._removals = Removals(resources, reader, writer, files)

    async def models(self, type_name: str) -> list[ModelSummary]:
        """Active models of a type; `Others` for those of no known type."""
        return await self._reader.ask(ModelsOfType(type_name, await self.types()))

    async def types(self) -> list[str]:
        """The configured types, else those in the library."""
        return list(self._types) or await self._reader.ask(TypesInUse())

    async def model(self, sha256: str) -> ModelRecord:
        """An active model. Raises `UnknownModel`."""
        found = (
            await self._reader.ask(ActiveModel(sha256)) if SHA256_HEX.fullmatch(sha256) else None
        )
        if found is None:
            raise UnknownModel(sha256)
        return found

    async def edit(
        self, sha256: str, patch: ModelPatch, judge_path: Callable[[str], None] = anywhere
    ) -> ModelRecord:
        """Change fields of a model. Raises `UnknownModel`, `InvalidEdit`.

        `judge_path` is asked of a path that the model does not have already, and may raise.
        """
        _refuse_invalid(patch)
        if patch.path is not UNSET and patch.path != (await self.model(sha256)).path:
            judge_path(patch.path)
        return await self._writer.commit(EditModel(sha256, patch))

    async def edit_pending(
        self, pending_id: int, patch: ModelPatch, judge_path: Callable[[str], None] = anywhere
    ) -> PendingModelRecord:
        """Change fields of a model that waits. Raises `UnknownPending`, `InvalidEdit`, `InWork`.

        `judge_path` is asked of a path that the model does not have already, and may raise.
        """
        _refuse_invalid(patch)
        if patch.path is not UNSET and patch.path != (await self.pending_model(pending_id)).path:
            judge_path(patch.path)
        return await self._writer.commit(EditPending(pending_id, patch))

    async def change_tags(
        self, hashes: list[str], pending: list[int], add: Sequence[str], remove: Sequence[str]
    ) -> TagReport:
        """Tag and untag many models, in one step. Raises `InvalidEdit`."""
        added = [name.strip() for name in add]
        if not all(added):
            raise InvalidEdit("A tag's name cannot be empty.")
        _refuse_nul(added)
        return await self._writer.commit(ChangeTags(hashes, pending, added, [*remove]))

    async def tags(self) -> list[Tag]:
        """All tags by name."""
        return await self._reader.ask(AllTags())

    async def add_tags(self, names: Sequence[str]) -> list[Tag]:
        """Tags of these names, made where they are not there. Raises `InvalidEdit`."""
        stripped = list(dict.fromkeys(name.strip() for name in names))
        if not all(stripped):
            raise InvalidEdit("A tag's name cannot be empty.")
        _refuse_nul(stripped)
        return await self._writer.commit(AddTags(stripped))

    async def pending_model(self, pending_id: int) -> PendingModelRecord:
        """A model that waits. Raises `UnknownPending`."""
        found = await self._reader.ask(PendingModels(pending_id - 1, 1))
        if not found or found[0].id != pending_id:
            raise UnknownPending(pending_id)
        return found[0]

    async def images_count(self, sha256: str) -> int:
        """How many preview sets a model has; 0 where there is no such model."""
        try:
            return (await self.model(sha256)).meta_json.images_count
        except UnknownModel:
            return 0

    async def preview(self, sha256: str, seq: int, tier: str) -> ImageFile:
        """A preview of a model. Raises `UnknownImage`."""
        found = None
        if SHA256_HEX.fullmatch(sha256) and tier in {known.name for known in TIERS}:
            found = await self._thread(self._files.preview_file, sha256, seq, tier)
        return _image(found)

    async def pending_image(self, name: str) -> ImageFile:
        """An original of a model that waits: the first of the model with this id, or by name.

        Raises `UnknownImage`, `UnknownPending`.
        """
        if name.isascii() and name.isdigit() and len(name) < 19:
            names = (await self.pending_model(int(name))).meta_json.images
            if not names:
                raise UnknownImage
            name = names[0]
        return _image(await self._thread(self._files.original_file, name))

    async def upload(self, sha256: str, data: bytes) -> str:
        """Add a preview set to a model; returns its base name.

        Raises `UnknownModel`, `InvalidImage`.
        """
        await self.model(sha256)
        try:
            tiers = await self._resources.encoder.tiers(data)
        except UnusableImage as reason:
            raise InvalidImage(f"The upload cannot be used: {reason.detail}.") from reason
        image = CarriedImage("", await self._thread(image_digest, data))
        async with self._resources.locks.hold(sha256):
            await self._removals.finish(sha256)
            record = await self.model(sha256)
            sets = PreviewSets(self._resources, self._writer, sha256, record.meta_json.images_count)
            seq = await sets.add([tiers])
            for notice in sets.notices:
                log.warning("%s: %s", sha256, notice.detail)
            await self._writer.commit(AddPreview(sha256, sets.counted or seq + 1, image))
        return f"{sha256}_{seq}"

    async def remove_image(self, sha256: str, seq: int) -> None:
        """Remove a preview set; later ones move down. Raises `UnknownModel`, `UnknownImage`.

        Where the disk stopped an earlier removal, it is that one which is asked for again: it is
        finished, and as it moves the numbers, nothing else is removed.
        """
        await self.model(sha256)
        async with self._resources.locks.hold(sha256):
            if await self._removals.finish(sha256):
                return
            record = await self.model(sha256)
            await self._removals.remove(sha256, seq, record.meta_json.images_count)

    async def recover(self) -> None:
        """Finish removals that were interrupted, and clear away what uploads have left."""
        await self._removals.recover()

    async def _thread(self, function: Callable[..., T], *arguments: object) -> T:
        return await to_thread.run_sync(function, *arguments, limiter=self._resources.io)


def _image(found: ImageFile | None) -> ImageFile:
    if found is None:
        raise UnknownImage
    return found


def _refuse_invalid(patch: ModelPatch) -> None:
    """Raises `InvalidEdit` for a patch that no model can take, active or waiting."""
    if patch.path == "":
        raise InvalidEdit("The path of a model cannot be empty.")
    _refuse_nul(patch)


def _refuse_nul(edit: object) -> None:
    """Raises `InvalidEdit` where a text holds a NUL: databases and file systems end it there."""
    if isinstance(edit, str):
        if "\0" in edit:
            raise InvalidEdit("A text cannot hold a NUL character.")
    elif isinstance(edit, msgspec.Struct):
        _refuse_nul(msgspec.structs.astuple(edit))
    elif isinstance(edit, list | tuple):
        for part in edit:
            _refuse_nul(part)

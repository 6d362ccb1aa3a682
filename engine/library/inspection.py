"""How one model is looked at: its record, its file, its previews or originals; in a thread."""

from __future__ import annotations

import msgspec

from engine.facts.files import UnusableFile
from engine.facts.findings import Fault, Finding, RecordDefect, Sample, StoredModel, StoredPending
from engine.facts.preview_names import set_names
from engine.facts.previews import UnusableImage
from engine.facts.records import SHA256_HEX
from engine.facts.repairs import FillRecord, MendOriginal, MendPreviews, Remedy
from engine.ports.files import ModelFiles
from engine.ports.previews import PreviewCodec
from engine.ports.verification import StoredFiles


class Look(msgspec.Struct):
    """What was found, and how many images were read; `beyond` tells that complete sets lie behind
    the count of the record."""

    findings: list[Finding] = []
    images: int = 0
    beyond: bool = False

    def add(self, fault: Fault, remedy: Remedy | None = None) -> None:
        """Note a fault."""
        self.findings.append(Finding(fault, remedy))


class Inspection:
    """Looks at models one by one; changes nothing, and keeps nothing."""

    def __init__(
        self, files: StoredFiles, models: ModelFiles, codec: PreviewCodec, rehash: Sample | None
    ) -> None:
        self._files = files
        self._disk = models
        self._codec = codec
        self._rehash = rehash

    def active(self, model: StoredModel) -> Look:
        """An active model."""
        look = Look()
        _tell_defects(look, model.path, model.defects, FillRecord("models", model.number))
        there = self._tell_file(look, model.path)
        self._tell_previews(look, model)
        if there and self._is_sampled(model.sha256):
            self._tell_hash(look, model.path, model.sha256)
        return look

    def pending(self, model: StoredPending) -> Look:
        """A model that waits."""
        look = Look()
        _tell_defects(look, model.path, model.defects, FillRecord("pending_import", model.id))
        there = self._tell_file(look, model.path)
        for name in model.images:
            if not self._files.has_original(name):
                detail = f"the original {name} of pending model {model.id} is not there"
                fault = Fault("image_missing", model.path, detail)
                look.add(fault, MendOriginal(model.id, name))
        if there and (model.unread or self._is_sampled(model.sha256)):
            self._tell_hash(look, model.path, model.sha256)
        return look

    def hash_of(self, path: str) -> str:
        """The hash of a model file. Raises `UnusableFile`."""
        return self._disk.sha256(path, lambda _: None)[0]

    def _tell_file(self, look: Look, path: str) -> bool:
        if self._disk.sizes([path])[0] is not None:
            return True
        look.add(Fault("file_missing", path, "no such file"))
        return False

    def _tell_previews(self, look: Look, model: StoredModel) -> None:
        remedy = MendPreviews(model.sha256)
        complete, seq = 0, 0
        while seq < model.images_count or self.has_set(model.sha256, seq):
            found = [self._preview(look, name) for name in set_names(model.sha256, seq)]
            for fault in found:
                if fault is not None:
                    look.add(fault, remedy)
            complete += not any(f is not None and f.code == "image_missing" for f in found)
            seq += 1
        look.beyond = seq > max(model.images_count, 0)
        if complete != model.images_count:
            detail = f"images_count is {model.images_count}, on disk are {complete} complete sets"
            look.add(Fault("images_count_wrong", model.path, detail), remedy)

    def has_set(self, sha256: str, seq: int) -> bool:
        """Whether all tiers of a preview set are there."""
        return all(self._files.has_preview(name) for name in set_names(sha256, seq))

    def _preview(self, look: Look, name: str) -> Fault | None:
        path = self._files.path_of(name)
        try:
            data = self._files.preview(name)
            if data is None:
                return Fault("image_missing", path, "no such file")
            look.images += 1
            self._codec.check(data)
        except UnusableImage as reason:
            return Fault("image_unreadable", path, reason.detail)
        return None

    def _is_sampled(self, sha256: str) -> bool:
        if self._rehash is None or not SHA256_HEX.fullmatch(sha256):
            return False
        return self._rehash.holds(sha256)

    def _tell_hash(self, look: Look, path: str, sha256: str) -> None:
        try:
            found = self.hash_of(path)
        except UnusableFile as reason:
            look.add(Fault(reason.code, path, reason.message))
            return
        if found != sha256:
            detail = f"recorded {sha256}, found {found}"
            look.add(Fault("hash_mismatch", path, detail))


def _tell_defects(
    look: Look, path: str, defects: tuple[RecordDefect, ...], remedy: FillRecord
) -> None:
    for defect in defects:
        fault = Fault("record_invalid", path, defect.detail)
        look.add(fault, remedy if defect.missing else None)

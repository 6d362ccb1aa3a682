"""What a worker does with one item: previews of a hashed model, originals of an unhashed one.

CPU work runs in threads under the CPU limiter, disk work under the I/O limiter, so that encoding
and writing overlap. A bad image is a warning; only the item's own defect fails it, and only the
library's disk ends the run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from typing import TypeVar

import anyio
import msgspec
from anyio import CapacityLimiter, from_thread, to_thread

from engine.budget import PixelBudget
from engine.clock import Clock
from engine.errors import ReshelveError
from engine.files import ImageFiles, LibraryFiles
from engine.journal import (
    Activate,
    CarriedImage,
    Fail,
    Footing,
    Park,
    Release,
    TakeInHand,
    Work,
    WorkItem,
)
from engine.previews import PreviewCodec, UnusableImage
from engine.source import Defect, Warning
from engine.writer import Commits

T = TypeVar("T")

LAY_DOWN_SECONDS = 2
"""How long a cancelled worker may take to say that it stopped."""

log = logging.getLogger("reshelve.worker")


class Workshop(msgspec.Struct, frozen=True):
    """What all workers of a service share: ports, and the bounds on what they may use at once."""

    codec: PreviewCodec
    images: ImageFiles
    library: LibraryFiles
    cpu: CapacityLimiter
    io: CapacityLimiter
    pixels: PixelBudget
    clock: Clock


class ImageOutcome(msgspec.Struct):
    """What became of the images of one item."""

    carried: list[CarriedImage] = []
    warnings: list[Warning] = []
    failed: int = 0
    bytes_read: int = 0

    def refuse(self, name: str, reason: UnusableImage) -> None:
        """Note an image that could not be carried."""
        self.warnings.append(Warning(reason.code, f"{name}: {reason.detail}"))
        self.failed += 1


class Worker:
    """Takes items through the rest of their lane, one at a time."""

    def __init__(self, workshop: Workshop, writer: Commits, images_folder: str) -> None:
        self._shop = workshop
        self._writer = writer
        self._folder = images_folder

    async def process(self, item: WorkItem) -> None:
        """Finish the item's work, or fail the item; raises only what ends the run."""
        footing = await self._writer.commit(TakeInHand(item, self._shop.clock.now()))
        try:
            if item.work is Work.PREVIEWS:
                await self._make_previews(item, footing)
            else:
                await self._keep_originals(item)
        except (ReshelveError, anyio.get_cancelled_exc_class()):
            await self._lay_down(item)
            raise
        except Exception as error:
            # The one failure boundary is the item: a defect of ours must not stop the others.
            log.exception("item %s (%s) stopped", item.id, item.candidate.path)
            defect = Defect("unexpected_error", f"{type(error).__name__}: {error}")
            await self._writer.commit(Fail(item, defect, self._shop.clock.now()))

    async def _lay_down(self, item: WorkItem) -> None:
        # Laid down on purpose: not doing so would count as a crash at the next start. Where the
        # disk refuses even this, the first error is the one to tell.
        with anyio.move_on_after(LAY_DOWN_SECONDS, shield=True), suppress(ReshelveError):
            await self._writer.commit(Release(item))

    async def _make_previews(self, item: WorkItem, footing: Footing) -> None:
        while True:
            outcome = await self._encode_images(item, footing)
            count = footing.images_count + len(outcome.carried)
            if item.attempts:
                await self._write(self._shop.library.trim_tiers, item.sha256, count)
            activated = await self._writer.commit(
                Activate(
                    item=item,
                    footing_count=footing.images_count,
                    images=outcome.carried,
                    images_failed=outcome.failed,
                    image_bytes=outcome.bytes_read,
                    warnings=outcome.warnings,
                    at=self._shop.clock.now(),
                )
            )
            if activated:
                return
            footing = await self._writer.commit(TakeInHand(item, self._shop.clock.now()))

    async def _encode_images(self, item: WorkItem, footing: Footing) -> ImageOutcome:
        outcome = ImageOutcome()
        for name in item.candidate.images:
            try:
                data = await self._read(name)
                outcome.bytes_read += len(data)
                image = CarriedImage(name, blake2b(data, digest_size=16).digest())
                if image in footing.carried or image in outcome.carried:
                    continue
                tiers = await self._encode(data)
            except UnusableImage as reason:
                outcome.refuse(name, reason)
                continue
            seq = footing.images_count + len(outcome.carried)
            await self._write(self._shop.library.write_tiers, item.sha256, seq, tiers)
            outcome.carried.append(image)
        return outcome

    async def _keep_originals(self, item: WorkItem) -> None:
        outcome = ImageOutcome()
        kept: list[str] = []
        for name in item.candidate.images:
            try:
                adopt = self._shop.library.adopt_original
                kept.append(await self._write(adopt, self._folder, name))
            except UnusableImage as reason:
                outcome.refuse(name, reason)
        await self._writer.commit(
            Park(
                item=item,
                images=list(dict.fromkeys(kept)),
                images_failed=outcome.failed,
                image_bytes=outcome.bytes_read,
                warnings=outcome.warnings,
                at=self._shop.clock.now(),
            )
        )

    async def _read(self, name: str) -> bytes:
        return await to_thread.run_sync(
            self._shop.images.read, self._folder, name, limiter=self._shop.io
        )

    async def _encode(self, data: bytes) -> tuple[bytes, ...]:
        codec = self._shop.codec
        pixels = await to_thread.run_sync(codec.pixels, data, limiter=self._shop.io)
        async with self._shop.pixels.hold(pixels):
            return await to_thread.run_sync(
                codec.encode, data, from_thread.check_cancelled, limiter=self._shop.cpu
            )

    async def _write(self, write: Callable[..., T], *arguments: object) -> T:
        # A write in hand is finished: half a set on disk would be told from a whole one only by
        # the journal, and cancelling between files gains nothing.
        with anyio.CancelScope(shield=True):
            result = await to_thread.run_sync(write, *arguments, limiter=self._shop.io)
        return result

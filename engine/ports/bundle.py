"""All ports of a service in one: what the composition root gives it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from engine.ports.catalogue import CatalogueFiles
from engine.ports.clock import Clock
from engine.ports.files import ImageFiles, LibraryFiles, ModelFiles
from engine.ports.journal import Store
from engine.ports.mending import MendingFiles
from engine.ports.previews import PreviewCodec
from engine.ports.source import SourceKind
from engine.ports.verification import StoredFiles


def nobody() -> None:
    """Who does not care for waits."""


class OwnedFiles(LibraryFiles, CatalogueFiles, Protocol):
    """All of the library's images."""


class Ports(msgspec.Struct, frozen=True):
    """What the composition root gives a service; `types` are the configured model types.

    `tell_of_wait` is called when another program has had the database locked for a while.
    """

    store: Store
    library: OwnedFiles
    stored: StoredFiles
    mending: MendingFiles
    scratch: Path
    source: SourceKind
    models: ModelFiles
    images: ImageFiles
    codec: PreviewCodec
    clock: Clock
    types: tuple[str, ...] = ()
    tell_of_wait: Callable[[], None] = nobody

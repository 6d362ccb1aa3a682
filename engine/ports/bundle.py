"""All ports of a service in one: what the composition root gives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from engine.ports.catalogue import CatalogueFiles
from engine.ports.clock import Clock
from engine.ports.compute import Compute, Encoder
from engine.ports.files import LibraryFiles, ModelFiles
from engine.ports.journal import Store
from engine.ports.mending import MendingFiles
from engine.ports.place import LibraryPlace
from engine.ports.previews import PreviewCodec
from engine.ports.source import SourceKind
from engine.ports.verification import StoredFiles


def nobody() -> None:
    """Who does not care for waits."""


class OwnedFiles(LibraryFiles, CatalogueFiles, Protocol):
    """All of the library's images."""


class Ports(msgspec.Struct, frozen=True):
    """What the composition root gives a service.

    `sources` are the kinds of sources by their names; `types` are the configured model types.
    `compute` works on what can be trusted, `isolated` on what was in hand when a process died;
    `tell_of_wait` is called when another program has had the database locked for a while.
    """

    store: Store
    library: OwnedFiles
    stored: StoredFiles
    mending: MendingFiles
    place: LibraryPlace
    scratch: Path
    sources: Mapping[str, SourceKind]
    models: ModelFiles
    codec: PreviewCodec
    compute: Compute
    isolated: Compute
    encoder: Encoder
    clock: Clock
    types: tuple[str, ...] = ()
    tell_of_wait: Callable[[], None] = nobody

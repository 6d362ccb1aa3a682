"""The five states of a model, by name: for whatever shows them and moves nothing."""

from __future__ import annotations

from enum import StrEnum


class ModelState(StrEnum):
    """The five states. Each claims only what is durable on disk."""

    PENDING = "pending"
    IMPORTED = "imported"
    IMAGES_DONE = "images_done"
    PROMOTED = "promoted"
    FAILED = "failed"

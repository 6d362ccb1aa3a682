"""What preview files of a version 2 library are called: `<sha256>_<number>_<tier>.webp`."""

from __future__ import annotations

import re

from engine.facts.previews import TIERS

_TIER = "|".join(tier.name for tier in TIERS)
PREVIEW_NAME = re.compile(rf"(?P<sha256>[0-9a-f]{{64}})_(?P<seq>0|[1-9][0-9]*)_(?:{_TIER})\.webp")
"""A name that a preview file can have."""


def preview_name(sha256: str, seq: int, tier: str) -> str:
    """The file of one tier of a model's preview set, numbered from 0."""
    return f"{sha256}_{seq}_{tier}.webp"


def set_names(sha256: str, seq: int) -> tuple[str, ...]:
    """The files of a preview set, in the order of `TIERS`."""
    return tuple(preview_name(sha256, seq, tier.name) for tier in TIERS)

"""What other programs import: the composed library, what starts it, and the version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import __version__

if TYPE_CHECKING:
    from adapters.composition import Reshelve
    from engine.facts.requests import LegacyImport

__all__ = ["LegacyImport", "Reshelve", "__version__"]


def __getattr__(name: str) -> object:
    """Import what is asked for only then: `reshelve --help` answers at once."""
    if name == "Reshelve":
        from adapters.composition import Reshelve

        return Reshelve
    if name == "LegacyImport":
        from engine.facts.requests import LegacyImport

        return LegacyImport
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

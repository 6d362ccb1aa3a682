"""What other programs import: the composed library, what starts it, and the version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import __version__

if TYPE_CHECKING:
    from adapters.composition import Reshelve
    from engine.facts.requests import ImportRequest
    from engine.facts.source import SourceOptions, SourceRef

__all__ = ["ImportRequest", "Reshelve", "SourceOptions", "SourceRef", "__version__"]


def __getattr__(name: str) -> object:
    """Import what is asked for only then: `reshelve --help` answers at once."""
    if name == "Reshelve":
        from adapters.composition import Reshelve

        return Reshelve
    if name == "ImportRequest":
        from engine.facts.requests import ImportRequest

        return ImportRequest
    if name in {"SourceOptions", "SourceRef"}:
        from engine.facts import source

        found: object = getattr(source, name)
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

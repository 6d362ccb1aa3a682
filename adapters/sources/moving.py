"""Models of another machine, at their places on this one, and mappings that moved none."""

from __future__ import annotations

import msgspec

from adapters.sources.remapping import PathMap
from engine.facts.source import Notice, SourceModel


def moved(model: SourceModel, paths: PathMap) -> SourceModel:
    """The model at its path on this machine; another mapping makes another version of it."""
    path = paths.translated(model.path)
    if path == model.path:
        return model
    version = (model.version or model.verbatim) + b"\0" + path.encode(errors="surrogatepass")
    return msgspec.structs.replace(model, path=path, version=version)


def unused_mappings(paths: PathMap) -> list[Notice]:
    """The mappings that never fitted, once all paths were tried."""
    return [
        Notice(
            "map_unused",
            f"{written}: no path of the source begins so, and nothing was moved by it.",
        )
        for written in paths.unused
    ]

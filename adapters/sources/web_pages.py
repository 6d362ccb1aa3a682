"""The pages of web sites that tell of a model, as its source knows them; text, never opened."""

from __future__ import annotations

from typing import Any

from adapters.sources import markup, values


def civitai_page(value: Any, _complaints: list[str]) -> tuple[str, ...]:
    """The page of a version on Civitai, from its answer; none where an id is missing."""
    if not isinstance(value, dict):
        return ()
    model, version = values.number(value.get("modelId")), values.number(value.get("id"))
    if model is None or version is None:
        return ()
    return (f"https://civitai.com/models/{model}?modelVersionId={version}",)


def matrix_page(value: Any, _complaints: list[str]) -> tuple[str, ...]:
    """The page that Stability Matrix knows: of Civitai, OpenModelDB or CivArchive by `Source`."""
    if not isinstance(value, dict):
        return ()
    source, url, name = value.get("Source"), value.get("SourceUrl"), value.get("ModelName")
    model, version = values.number(value.get("ModelId")), values.number(value.get("VersionId"))
    if source in (None, 0) and model is not None:
        return (f"https://civitai.com/models/{model}{_version(version)}",)
    if source == 1 and isinstance(name, str) and name.strip():
        return (f"https://openmodeldb.info/models/{name.strip()}",)
    if source == 2 and isinstance(url, str) and url.startswith("/"):
        return (f"https://civarchive.com{url.strip()}",)
    return values.address(url, [])


def leading_link(value: Any, _complaints: list[str]) -> tuple[str, ...]:
    """The address of `From <a href=…>`, with which SwarmUI's downloader begins a description."""
    if not isinstance(value, str) or not value.lstrip().startswith("From <a "):
        return ()
    return tuple(filter(None, (markup.first_link(value),)))


def _version(version: int | None) -> str:
    return "" if version is None else f"?modelVersionId={version}"

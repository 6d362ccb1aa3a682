"""ComfyUI's `extra_model_paths.yaml`: folders of models outside its own.

ComfyUI's rules: a section may have a `base_path`, on which all its other paths are based, and which
is based itself on the file's folder; one key may name several folders, one a line.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from adapters.sources.folders import types
from adapters.sources.remapping import PathMap, is_windows
from adapters.sources.wording import shown
from engine.facts.files import Root
from engine.facts.source import Notice

NAME = "extra_model_paths.yaml"
MAX_BYTES = 1024 * 1024
MAX_FOLDERS = 1_000

_BASE, _SETTINGS = "base_path", frozenset({"base_path", "is_default", "custom_nodes"})


def read(data: bytes, folder: str, paths: PathMap) -> tuple[list[Root], list[Notice]]:
    """The folders that a file in `folder` names, and what of it cannot be used; never raises.

    `paths` translates what is absolute; what this machine could not have is named and left out.
    """
    notices: list[Notice] = []
    sections = _sections(data, notices)
    roots: list[Root] = []
    for section in filter(None, sections.values()):
        if not isinstance(section, dict):
            notices.append(_flaw(f"a section is {shown(section)} where folders belong"))
            continue
        base = _based(section.get(_BASE), folder, paths) if section.get(_BASE) else folder
        for key, value in section.items():
            if key in _SETTINGS or not isinstance(key, str):
                continue
            if not isinstance(value, str):
                notices.append(_flaw(f"{key} is {shown(value)} where a path belongs"))
                continue
            kind = types.named(key) or key
            lines = value.split("\n")
            roots += [Root(kind, _based(line, base, paths)) for line in lines if line]
    if len(roots) > MAX_FOLDERS:
        notices.append(_flaw(f"it names {len(roots)} folders; {MAX_FOLDERS} are used"))
    usable = roots[:MAX_FOLDERS] if os.name == "nt" else list(_of_this_system(roots, notices))
    return usable[:MAX_FOLDERS], notices


def _sections(data: bytes, notices: list[Notice]) -> dict[Any, Any]:
    if len(data) > MAX_BYTES:
        notices.append(_flaw(f"it is larger than {MAX_BYTES} bytes and was not read"))
        return {}
    try:
        loaded = yaml.safe_load(data.decode("utf-8-sig"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = str(error).partition("\n")[0]
        notices.append(_flaw(f"it is no YAML that can be read ({reason})"))
        return {}
    if isinstance(loaded, dict):
        return loaded
    if loaded is not None:
        notices.append(_flaw(f"it holds {shown(loaded)} where sections belong"))
    return {}


def _of_this_system(roots: list[Root], notices: list[Notice]) -> list[Root]:
    """The roots without those of Windows, which nobody has mapped."""
    kept = []
    for root in roots:
        if is_windows(root.folder):
            detail = f"{root.folder} is a path of Windows, and no mapping says where it is here"
            notices.append(_flaw(detail))
        else:
            kept.append(root)
    return kept


def _based(written: Any, base: str, paths: PathMap) -> str:
    expanded = os.path.expandvars(str(Path(str(written)).expanduser()))
    translated = paths.translated(expanded)
    if is_windows(translated):
        return translated
    return os.path.normpath(os.path.join(base, translated))  # noqa: PTH118  keeps `C:\\` apart


def _flaw(reason: str) -> Notice:
    return Notice("layout_damaged", f"{NAME}: {reason}.")

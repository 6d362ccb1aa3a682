"""Where an installation of InvokeAI keeps its database and its models."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import yaml

from adapters.sources.reaching import settings
from adapters.sources.remapping import PathMap

SETTINGS = "invokeai.yaml"
DATABASE = "invokeai.db"
DATABASES, MODELS = "databases", "models"
COVERS = "model_images"


class Installation(msgspec.Struct, frozen=True):
    """The folder of an installation, its database, and its folder of models; a database alone
    has its own folder for one."""

    location: str
    database: str
    models: str


def found(location: Path, paths: PathMap) -> Installation | None:
    """The installation at a folder, or that of a database file; None where there is none."""
    if location.name.endswith(".db") and not location.is_dir():
        root = location.parent.parent
        whole = found(root, paths) if location.parent.name == DATABASES else None
        if whole is not None and whole.database == str(location):
            return whole
        return Installation(str(location), str(location), str(location.parent / MODELS))
    said = _settings(location / SETTINGS)
    database = _below(location, said.get("db_dir"), DATABASES, paths) / DATABASE
    if not database.is_file():
        return None
    models = _below(location, said.get("models_dir"), MODELS, paths)
    return Installation(str(location), str(database), str(models))


def _below(root: Path, written: Any, usual: str, paths: PathMap) -> Path:
    """A folder of the settings: relative to the installation, or anywhere."""
    if not isinstance(written, str) or not written.strip():
        return root / usual
    named = Path(paths.translated(written.strip())).expanduser()
    return Path(os.path.normpath(root / named))


def _settings(path: Path) -> dict[str, Any]:
    """What the settings say; nothing where they cannot be read."""
    with suppress(ValueError, RecursionError, yaml.YAMLError):
        loaded = yaml.safe_load((settings(path) or b"").decode("utf-8-sig"))
        if isinstance(loaded, dict):
            return loaded
    return {}

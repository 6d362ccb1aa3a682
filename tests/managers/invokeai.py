"""InvokeAI's folder, its database as a release with that schema leaves it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from tests.managers.making import Expected, Library, data_url, image, safetensors, sha_of, write

GENERATED = [
    "hash",
    "base",
    "type",
    "path",
    "format",
    "name",
    "description",
    "source",
    "source_type",
    "source_api_response",
    "trigger_phrases",
]
_COLUMNS = ",\n".join(
    f"{name} TEXT GENERATED ALWAYS as (json_extract(config, '$.{name}')) VIRTUAL"
    + (" NOT NULL" if name in {"hash", "base", "type", "path", "format", "name"} else "")
    for name in GENERATED
)
SCHEMA = """
CREATE TABLE migrations (version INTEGER PRIMARY KEY, migrated_at DATETIME);
CREATE TABLE workflow_library (
    workflow_id TEXT NOT NULL PRIMARY KEY, workflow TEXT NOT NULL,
    category TEXT GENERATED ALWAYS as (json_extract(workflow, '$.meta.category')) VIRTUAL NOT NULL
);
CREATE TABLE models (
    id TEXT NOT NULL PRIMARY KEY, {columns}, config TEXT NOT NULL,
    created_at DATETIME NOT NULL DEFAULT(STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')),
    updated_at DATETIME NOT NULL DEFAULT(STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')),
    {unique}
);
CREATE UNIQUE INDEX base_index ON models(path);
"""
AT = "2024-05-06 07:08:09.123"
AT_MS = 1_714_979_289_123

TULIP = safetensors(
    {
        "modelspec.title": "beneath",
        "modelspec.tags": "flower",
        "modelspec.thumbnail": data_url(image(6, "JPEG")),
    },
    "tulip",
)
OUTSIDE = safetensors(None, "outside")


def rows(folder: Path) -> list[dict[str, Any]]:
    """The configurations of all models."""
    return [
        {
            "key": "k-tulip",
            "hash": f"sha256:{sha_of(TULIP)}",
            "path": "k-tulip/tulip.safetensors",
            "file_size": len(TULIP),
            "name": "Tulips",
            "description": "Spring",
            "source": "kim/tulips:fp16::sub",
            "source_type": "hf_repo_id",
            "type": "lora",
            "base": "sdxl",
            "format": "lycoris",
            "trigger_phrases": ["tulip", "garden"],
        },
        {
            "key": "k-flux",
            "hash": "blake3:" + "ab" * 32,
            "path": str(folder / "elsewhere" / "flux.safetensors"),
            "name": "Flux",
            "description": "flux main model Flux",
            "source": "https://x.example/flux",
            "source_type": "url",
            "source_url": "https://x.example/page",
            "type": "main",
            "base": "flux",
            "format": "checkpoint",
        },
        {
            "key": "k-folder",
            "hash": "sha256:" + "cd" * 32,
            "path": "sdxl/main/folder",
            "name": "Folder",
            "source": "/x",
            "source_type": "path",
            "type": "main",
            "base": "sdxl",
            "format": "diffusers",
        },
        {
            "key": "k-gone",
            "hash": "random:" + "ef" * 32,
            "path": "D:/models/gone.safetensors",
            "file_size": 77,
            "name": "Gone",
            "source": "/x",
            "source_type": "path",
            "type": "vae",
            "base": "sd-1",
            "format": "checkpoint",
        },
        {
            "key": "k-web",
            "hash": "external:x",
            "path": "external://somebody/model",
            "name": "Of a service",
            "source": "external://somebody/model",
            "source_type": "external",
            "type": "external_image_generator",
            "base": "external",
            "format": "external_api",
        },
    ]


def make(folder: Path, version: int = 7) -> None:
    root = folder / "invoke"
    write(root / "invokeai.yaml", "schema_version: 4.0.2\nhost: 0.0.0.0\n")
    write(root / "models" / "k-tulip" / "tulip.safetensors", TULIP)
    write(folder / "elsewhere" / "flux.safetensors", OUTSIDE)
    write(root / "models" / "sdxl" / "main" / "folder" / "model_index.json", {})
    write(root / "models" / "model_images" / "k-tulip.webp", image(1, "WEBP"))
    database = root / "databases" / "invokeai.db"
    database.parent.mkdir(parents=True)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        unique = "UNIQUE (name, base, type)" if version < 22 else "UNIQUE (path)"
        connection.executescript(SCHEMA.format(columns=_COLUMNS, unique=unique))
        connection.execute("INSERT INTO migrations VALUES (?, ?)", (version, AT))
        if version >= 19:
            connection.execute(
                "ALTER TABLE models ADD COLUMN file_size INTEGER "
                "GENERATED ALWAYS as (json_extract(config, '$.file_size')) VIRTUAL"
            )
        connection.executemany(
            "INSERT INTO models (id, config, created_at) VALUES (?, ?, ?)",
            [(row["key"], json.dumps(row), AT) for row in rows(folder)],
        )
        connection.commit()


def library(version: int) -> Library:
    return Library(
        kind="invokeai",
        layout="invokeai",
        make=partial(make, version=version),
        location="invoke",
        expected=EXPECTED,
    )


EXPECTED = (
    Expected(
        "k-tulip",
        "Tulips",
        "loras",
        description="Spring",
        links="https://huggingface.co/kim/tulips",
        positive="tulip, garden",
        tags=("flower",),
        images=("k-tulip.webp", "tulip.modelspec.thumbnail"),
        created_at=AT_MS,
        claimed_by="invokeai",
    ),
    Expected(
        "k-flux",
        "Flux",
        "diffusion_models",
        links="https://x.example/page",
        created_at=AT_MS,
        codes=("claim_rejected",),
    ),
    Expected(
        "k-folder",
        "Folder",
        "diffusion_models",
        created_at=AT_MS,
        codes=("claim_rejected",),
        defect="folder_model",
    ),
    Expected("k-gone", "Gone", "vae", created_at=AT_MS, codes=("claim_rejected", "file_missing")),
    Expected("k-web", "Of a service", created_at=0, codes=(), defect="row_invalid"),
)
LIBRARY = library(24)

"""How a manager's library is written: model files with headers, sidecars, pictures; and what a
model must become."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image

WRITTEN_AT = 1_700_000_000
"""When all files of these libraries were written, in seconds since 1970."""

CREATED_AT = WRITTEN_AT * 1000


class Expected(msgspec.Struct, frozen=True):
    """What a model becomes; `images` are what people see of their names, `codes` its warnings."""

    key: str
    name: str
    type: str = ""
    description: str = ""
    links: str = ""
    positive: str = ""
    negative: str = ""
    tags: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    created_at: int = CREATED_AT
    claimed_by: str = ""
    codes: tuple[str, ...] = ()
    defect: str = ""


class Library(msgspec.Struct, frozen=True):
    """A manager's library: who writes it into a folder, and what must come of it.

    `location` and `images` are below that folder; `notices` are codes of what belongs to no model.
    """

    kind: str
    layout: str
    make: Callable[[Path], None]
    expected: tuple[Expected, ...]
    location: str = ""
    images: str = ""
    notices: tuple[str, ...] = ()


def safetensors(metadata: dict[str, str] | None = None, seed: str = "") -> bytes:
    """A file of safetensors; another seed gives other tensors."""
    data = sha256(seed.encode()).digest()[:8]
    header: dict[str, Any] = {"w": {"dtype": "F16", "shape": [2, 2], "data_offsets": [0, 8]}}
    if metadata is not None:
        header = {"__metadata__": metadata} | header
    encoded = json.dumps(header).encode()
    return len(encoded).to_bytes(8, "little") + encoded + data


def sha_of(content: bytes) -> str:
    return sha256(content).hexdigest()


def image(colour: int, kind: str = "PNG", size: tuple[int, int] = (8, 6)) -> bytes:
    stream = BytesIO()
    Image.new("RGB", size, (colour * 40 % 256, 90, 200 - colour % 200)).save(stream, kind)
    return stream.getvalue()


def data_url(content: bytes, kind: str = "jpeg") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def write(path: Path, content: bytes | str | dict[str, Any] | list[Any]) -> bytes:
    """A file as managers write them, of a fixed time; returns its content."""
    if isinstance(content, dict | list):
        content = json.dumps(content, indent=4, ensure_ascii=False)
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (WRITTEN_AT, WRITTEN_AT))
    return data

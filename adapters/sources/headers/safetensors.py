"""The header of a safetensors file: 8 bytes that tell its length, then JSON with `__metadata__`."""

from __future__ import annotations

from typing import BinaryIO

import msgspec

from adapters.sources import documents
from adapters.sources.documents import Document
from adapters.sources.wording import shown

MAX_BYTES = 32 * 1024 * 1024
"""A longer header is not read. Real ones have up to 10 MB; those beyond 100 MB load nowhere."""

METADATA = "__metadata__"
_OTHERS = {
    b"PK": "a zip archive, such as a pickle",
    b"\x80": "a pickle",
    b"GGUF": "a GGUF file",
    b"<": "a web page",
    b"version https://git-lfs": "a pointer of Git LFS",
}


class _Header(msgspec.Struct):
    metadata: msgspec.Raw = msgspec.field(name=METADATA, default=msgspec.Raw(b"{}"))


_HEADER = msgspec.json.Decoder(_Header)


def read(file: BinaryIO, size: int) -> Document:
    """The `__metadata__` of a file of `size` bytes; its tensors are passed over."""
    first = file.read(8)
    length = int.from_bytes(first, "little")
    if len(first) < 8:
        return Document(flaws=(f"a file of {size} bytes has none",))
    if length > size - 8:
        looks = _other_kind(first + file.read(32))
        return Document(flaws=(f"it would be longer than the file{looks}",))
    if length > MAX_BYTES:
        return Document(flaws=(f"it has {length} bytes; more than {MAX_BYTES} are not read",))
    data = file.read(length)
    if len(data) < length:
        return Document(flaws=("the file ends within it",))
    return _metadata(data)


def _metadata(data: bytes) -> Document:
    try:
        written: bytes | None = bytes(_HEADER.decode(data).metadata)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        written = None
    if written is not None:
        return documents.read(written, MAX_BYTES)
    # Something that Python's json writes and a strict decoder refuses, or damage.
    header = documents.read(data, MAX_BYTES)
    if header.fields is None:
        return msgspec.structs.replace(header, text="")
    metadata = header.fields.get(METADATA, {})
    if isinstance(metadata, dict):
        return Document("", metadata, header.flaws)
    flaw = f"{METADATA} is {shown(metadata)} where an object belongs"
    return Document("", None, (*header.flaws, flaw))


def _other_kind(beginning: bytes) -> str:
    for magic, kind in _OTHERS.items():
        if beginning.startswith(magic):
            return f"; the file begins as {kind}"
    return "; the file is cut off, or of another kind"

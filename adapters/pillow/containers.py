"""Untrusted bytes as a Pillow image: which formats are let in, how large, and upright which way.

`PIL.Image.open` is not used: it warns about sizes before anyone can check them, and silencing a
warning swaps filters that all threads share. The plugins are picked here, by content, from an
allow-list, and the size is checked between their reading the header and their decoding.
"""

from __future__ import annotations

import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from io import BytesIO

from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from engine.facts.previews import MAX_DECODED_PIXELS, UnusableImage

MAX_DECODED_ROWS = 1_000_000
"""No image may be higher: Pillow holds a pointer for each row, which the pixel cap does not see."""

_DETAIL_LENGTH = 160
_ORIENTATION_TAG = 0x0112
_ORIENTATION_TYPES = {1: "B", 3: "H", 4: "I"}

_KEY_SCALE = {"L;2": 85, "L;4": 17}
"""PNG states a transparent grey at the depth of the file; Pillow scales the pixels, not the key."""


class PlainJpeg(JpegImageFile):
    """A JPEG (or the first picture of an MPO) whose EXIF data is left unread by Pillow."""

    def _read_dpi_from_exif(self) -> None:
        """Do nothing: a resolution is not wanted, and damaged EXIF data would warn."""


def _is_avif(data: bytes) -> bool:
    return data[4:8] == b"ftyp" and data[8:12] in (b"avif", b"avis", b"mif1", b"msf1")


def _is_webp(data: bytes) -> bool:
    return data.startswith(b"RIFF") and data[8:12] == b"WEBP"


_PLUGINS: tuple[tuple[Callable[[bytes], bool], type[ImageFile]], ...] = (
    (lambda data: data.startswith(b"\x89PNG\r\n\x1a\n"), PngImageFile),
    (lambda data: data.startswith(b"\xff\xd8\xff"), PlainJpeg),
    (_is_webp, WebPImageFile),
    (lambda data: data.startswith((b"GIF87a", b"GIF89a")), GifImageFile),
    (_is_avif, AvifImageFile),
    (lambda data: data.startswith(b"BM"), BmpImageFile),
    (lambda data: data.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")), TiffImageFile),
)

_filters = threading.Lock()


@contextmanager
def _silence() -> Iterator[None]:
    """Drop warnings. One thread at a time: `catch_warnings` swaps filters that threads share."""
    with _filters, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _quiet(plugin: type[ImageFile], data: bytes) -> AbstractContextManager[None]:
    """Silence, for the few files over whose contents Pillow may warn; nothing for the others."""
    animated_png = plugin is PngImageFile and _has_chunk(data, b"acTL")
    if animated_png or plugin in (AvifImageFile, GifImageFile, TiffImageFile):
        return _silence()
    return nullcontext()


def _has_chunk(data: bytes, kind: bytes) -> bool:
    """Whether a PNG has a chunk of this kind: from header to header, over megabytes of pixels."""
    position = 8
    while header := data[position : position + 8]:
        if header[4:] == kind:
            return True
        position += 12 + int.from_bytes(header[:4])
    return False


@contextmanager
def judged() -> Iterator[None]:
    """Turn whatever Pillow raises over hostile data into `UnusableImage`.

    Its plugins raise far more than they document: OSError, SyntaxError, ValueError, struct.error,
    EOFError, MemoryError, IndexError, KeyError, ZeroDivisionError, OverflowError, zlib.error ...
    """
    try:
        yield
    except UnusableImage:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnusableImage("image_too_large", _sentence(error)) from error
    except Exception as error:
        raise UnusableImage("image_unreadable", _sentence(error)) from error


def _sentence(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:_DETAIL_LENGTH]


def opened(data: bytes) -> ImageFile:
    """The image in `data`, of which only the header has been read, at the size it declares."""
    plugin = next((plugin for accepts, plugin in _PLUGINS if accepts(data[:16])), None)
    if plugin is None:
        raise UnusableImage("image_unreadable", "not a PNG, JPEG, WebP, GIF, AVIF, BMP or TIFF")
    with _quiet(plugin, data), judged():
        image = plugin(BytesIO(data))
        _scale_key(image)
    _check_size(*image.size)
    return image


def load(image: ImageFile, data: bytes) -> None:
    """Decode the first frame of an opened image in place. A truncated one is refused."""
    with _quiet(type(image), data), judged():
        image.load()


def _check_size(width: int, height: int) -> None:
    if min(width, height) < 1:
        raise UnusableImage("image_unreadable", f"declares {width} x {height} pixels")
    if width * height > MAX_DECODED_PIXELS or height > MAX_DECODED_ROWS:
        raise UnusableImage("image_too_large", f"declares {width} x {height} pixels")


def _scale_key(image: ImageFile) -> None:
    """Bring a PNG's transparent colour to the depth that its pixels will be decoded to."""
    key = image.info.get("transparency")
    if not isinstance(image, PngImageFile) or not image.tile:
        return
    depth = image.tile[0].args
    if isinstance(key, int) and isinstance(depth, str):
        image.info["transparency"] = key * _KEY_SCALE.get(depth, 1)
    elif isinstance(key, tuple) and depth == "RGB;16B":
        image.info["transparency"] = tuple(value >> 8 for value in key)


def orientation(image: ImageFile) -> int:
    """The EXIF orientation of a loaded image, 1 to 8; 1 where there is none that makes sense.

    Read here, not by Pillow, which warns about damaged EXIF data. A TIFF is upright already:
    Pillow turns it while loading.
    """
    exif = image.info.get("exif")
    if isinstance(image, TiffImageFile) or not isinstance(exif, bytes):
        return 1
    try:
        value = _orientation_entry(exif.removeprefix(b"Exif\0\0"))
    except struct.error:  # an offset points outside the data
        return 1
    return value if 1 <= value <= 8 else 1


def _orientation_entry(tiff: bytes) -> int:
    """The orientation tag's value in the first directory of EXIF data (TIFF 6.0, section 2)."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    for number in range(count):
        entry = start + 2 + 12 * number
        tag, kind = struct.unpack_from(f"{order}HH", tiff, entry)
        if tag == _ORIENTATION_TAG and kind in _ORIENTATION_TYPES:
            (value,) = struct.unpack_from(f"{order}{_ORIENTATION_TYPES[kind]}", tiff, entry + 8)
            return int(value)
    return 1

"""The Pillow codec: what becomes of each format, colour mode and orientation, and of hostile files.

Pictures are made here. Expectations are of pixels of the decoded high tier, with a tolerance for
what lossy WebP does to them.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from adapters.pillow.codec import PillowCodec
from engine.facts.previews import MAX_DECODED_PIXELS, UnusableImage, tier_sizes

CODEC = PillowCodec()
SIZE = (96, 64)
RED, GREEN, BLUE, SAND = (200, 40, 40), (40, 160, 60), (40, 60, 190), (220, 200, 150)
TOLERANCE = 10
EVERY_FORMAT = ("PNG", "JPEG", "MPO", "WEBP", "GIF", "AVIF", "BMP", "TIFF")


def proceed() -> None:
    """A checkpoint that lets the work go on."""


def scene() -> Image.Image:
    """Four quarters: red and green above, blue and sand below."""
    image = Image.new("RGB", SIZE, SAND)
    width, height = SIZE[0] // 2, SIZE[1] // 2
    for colour, corner in ((RED, (0, 0)), (GREEN, (width, 0)), (BLUE, (0, height))):
        image.paste(colour, (*corner, corner[0] + width, corner[1] + height))
    return image


def saved(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    stream = BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def encoded(form: str) -> bytes:
    """The scene in a format, as exactly as it can hold it."""
    options: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": 95},
        "MPO": {"quality": 95, "save_all": True, "append_images": [Image.new("RGB", SIZE)]},
        "WEBP": {"lossless": True},
        "AVIF": {"quality": 95},
    }
    return saved(scene(), form, **options.get(form, {}))


def tiers(data: bytes) -> list[Image.Image]:
    return [Image.open(BytesIO(tier)) for tier in CODEC.encode(data, proceed)]


def high(data: bytes) -> Image.Image:
    return tiers(data)[0]


def quarters(image: Image.Image) -> list[tuple[int, ...]]:
    """The pixels in the middle of the upper left, upper right, lower left, lower right quarter."""
    pixels = np.asarray(image)
    height, width = pixels.shape[:2]
    points = [(y, x) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    return [tuple(int(value) for value in pixels[point]) for point in points]


def assert_quarters(image: Image.Image, *expected: tuple[int, ...]) -> None:
    np.testing.assert_allclose(quarters(image), expected, atol=TOLERANCE)


def columns(*levels: float, dtype: Any = np.uint8) -> Image.Image:
    """Grey of one depth: a column of 16 x 32 pixels for each level."""
    return Image.fromarray(np.repeat(np.array([levels] * 32, dtype=dtype), 16, axis=1))


def assert_columns(image: Image.Image, *expected: int) -> None:
    pixels = np.asarray(image.convert("RGB"))[16, 8::16]
    np.testing.assert_allclose(pixels, [(level,) * 3 for level in expected], atol=TOLERANCE)


def png(size: tuple[int, int], depth: int, kind: int, rows: bytes, **chunks: bytes) -> bytes:
    """A PNG written by hand, for what Pillow does not write. `rows` carry their filter bytes."""
    header = struct.pack(">IIBBBBB", *size, depth, kind, 0, 0, 0)
    parts = [("IHDR", header), *chunks.items(), ("IDAT", zlib.compress(rows, 9)), ("IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n"
    for name, body in parts:
        tagged = name.encode() + body
        data += struct.pack(">I", len(body)) + tagged + struct.pack(">I", zlib.crc32(tagged))
    return data


def profile(space: bytes, connection: bytes, kind: bytes, **tags: bytes) -> bytes:
    """An ICC version 2 profile with these tags, for spaces LittleCMS creates none of."""
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        table += struct.pack(">4sII", name.encode(), start + len(body), len(value))
        body += value
    white = struct.pack(">3i", 63190, 65536, 54061)  # D50, the connection space's illuminant
    header = struct.pack(
        ">I4sI4s4s4s12s4s28s12s48s",
        start + len(body), b"lcms", 0x02400000, kind, space, connection,
        bytes(12), b"acsp", bytes(28), white, bytes(48),
    )  # fmt: skip
    return header + table + body


def swapped_profile() -> bytes:
    """sRGB, but what it calls red is blue, and the reverse."""
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return plain.replace(b"rXYZ", b"____").replace(b"bXYZ", b"rXYZ").replace(b"____", b"bXYZ")


def ink_profile() -> bytes:
    """CMYK with an odd ink: cyan prints as a strong red (CIE Lab 50, 70, 50)."""
    ramp = bytes(range(256))
    nodes = b""
    for node in range(16):
        cyan, black = node & 8, node & 1
        nodes += bytes((0, 128, 128) if black else (128, 198, 178) if cyan else (255, 128, 128))
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + identity + 4 * ramp + nodes + 3 * ramp
    return profile(b"CMYK", b"Lab ", b"prtr", A2B0=table)


def linear_grey_profile() -> bytes:
    """Grey whose values are proportional to light."""
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    return profile(b"GRAY", b"XYZ ", b"mntr", wtpt=white, kTRC=b"curv" + bytes(8))


# Formats


@pytest.mark.parametrize("form", EVERY_FORMAT)
def test_every_allowed_format_keeps_its_colours(form: str) -> None:
    assert_quarters(high(encoded(form)), RED, GREEN, BLUE, SAND)


@pytest.mark.parametrize("form", EVERY_FORMAT)
def test_pixels_are_counted_from_the_header(form: str) -> None:
    assert CODEC.pixels(encoded(form)) == SIZE[0] * SIZE[1]


@pytest.mark.parametrize("form", ["ICO", "PPM", "TGA", "PCX", "JPEG2000", "PDF", "ICNS"])
def test_a_format_that_is_not_allowed_is_refused(form: str) -> None:
    assert refusal(saved(scene().resize((64, 64)), form)) == "image_unreadable"


@pytest.mark.parametrize("form", ["PNG", "GIF", "WEBP", "AVIF", "TIFF"])
def test_the_first_frame_of_an_animation_is_shown(form: str) -> None:
    other = Image.new("RGB", SIZE, (255, 255, 255))
    options: dict[str, Any] = {"lossless": True} if form == "WEBP" else {}
    data = saved(scene(), form, save_all=True, append_images=[other], **options)
    assert_quarters(high(data), RED, GREEN, BLUE, SAND)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3000, 1000), (1000, 2600), (17_000, 2)])
@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_tiers_have_the_sizes_of_the_port(form: str, size: tuple[int, int]) -> None:
    data = saved(Image.new("RGB", size, SAND), form)
    assert tuple(tier.size for tier in tiers(data)) == tier_sizes(*size)


@pytest.mark.parametrize("size", [(2500, 1400), (4001, 2999), (7001, 5003)])
def test_a_jpeg_decoded_at_a_fraction_keeps_everything_in_place(size: tuple[int, int]) -> None:
    data = saved(scene().resize(size, Image.Resampling.NEAREST), "JPEG")
    expected = scene().resize(tier_sizes(*size)[0], Image.Resampling.NEAREST)
    change = np.abs(np.asarray(high(data), np.int16) - np.asarray(expected, np.int16))
    assert change.mean() < 3


# Colour


@pytest.mark.parametrize("form", ["PNG", "TIFF", "GIF"])
def test_a_bilevel_image_is_black_and_white(form: str) -> None:
    assert_columns(high(saved(columns(0, 255, 0).convert("1"), form)), 0, 255, 0)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "AVIF"])
def test_a_grey_image_stays_grey(form: str) -> None:
    assert_columns(high(saved(columns(0, 90, 170, 255), form)), 0, 90, 170, 255)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_and_not_clipped(form: str) -> None:
    data = saved(columns(0, 257 * 90, 257 * 170, 65535, dtype=np.uint16), form)
    assert_columns(high(data), 0, 90, 170, 255)


@pytest.mark.parametrize("level", [0, 90, 170, 255])
def test_big_endian_sixteen_bit_grey_is_scaled_and_not_clipped(level: int) -> None:
    data = saved(columns(0, 257 * level, dtype=">u2"), "TIFF")
    assert_columns(high(data), 0, level)


def test_dark_big_endian_sixteen_bit_grey_stays_dark() -> None:
    assert_columns(high(saved(columns(0, 255, dtype=">u2"), "TIFF")), 0, 1)


@pytest.mark.parametrize("top", [255, 65535, 2**31 - 1])
def test_integer_grey_is_scaled_from_the_range_it_uses(top: int) -> None:
    data = saved(columns(0, top // 3, top, dtype=np.int32), "TIFF")
    assert_columns(high(data), 0, 85, 255)


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0, 1e9])
def test_real_grey_is_scaled_from_the_range_it_uses(top: float) -> None:
    data = saved(columns(0, top / 3, top, dtype=np.float32), "TIFF")
    assert_columns(high(data), 0, 85, 255)


def test_real_grey_below_zero_is_stretched() -> None:
    assert_columns(high(saved(columns(-3, 0, 3, dtype=np.float32), "TIFF")), 0, 127, 255)


def test_infinite_grey_is_refused() -> None:
    assert refusal(saved(columns(0, np.inf, dtype=np.float32), "TIFF")) == "image_unreadable"


def test_sixteen_bit_colour_keeps_its_colours() -> None:
    wide = np.asarray(scene(), dtype=np.uint16).astype(">u2") * 257
    rows = b"".join(b"\0" + row.tobytes() for row in wide.astype(">u2"))
    assert_quarters(high(png(SIZE, 16, 2, rows)), RED, GREEN, BLUE, SAND)


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_untagged_cmyk_keeps_its_colours(form: str) -> None:
    image = high(saved(scene().convert("CMYK"), form))
    assert_quarters(image, RED, GREEN, BLUE, SAND)


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_cmyk_is_read_through_its_profile(form: str) -> None:
    image = Image.new("CMYK", SIZE, (255, 0, 0, 0))
    red, green, blue = quarters(high(saved(image, form, icc_profile=ink_profile())))[0]
    assert red > 180
    assert max(green, blue) < 100


def test_ycbcr_keeps_its_colours() -> None:
    assert_quarters(high(saved(scene().convert("YCbCr"), "TIFF")), RED, GREEN, BLUE, SAND)


def test_lab_keeps_its_colours() -> None:
    assert_quarters(high(saved(scene().convert("LAB"), "TIFF")), RED, GREEN, BLUE, SAND)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_an_embedded_profile_is_converted_to_srgb(mode: str) -> None:
    data = saved(scene().convert(mode), icc_profile=swapped_profile())
    assert quarters(high(data))[0][2] > 150


def test_an_embedded_grey_profile_is_converted_to_srgb() -> None:
    data = saved(columns(0, 55, 255), icc_profile=linear_grey_profile())
    assert_columns(high(data), 0, 128, 255)


def test_alpha_survives_a_grey_profile() -> None:
    image = columns(55, 55)
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    data = saved(image, icc_profile=linear_grey_profile())
    assert abs(quarters(high(data))[3][0] - 128) <= TOLERANCE


def test_a_damaged_profile_counts_as_none() -> None:
    data = saved(scene(), icc_profile=b"no profile" * 40)
    assert_quarters(high(data), RED, GREEN, BLUE, SAND)


def test_a_profile_for_another_kind_of_image_counts_as_none() -> None:
    data = saved(scene(), icc_profile=ink_profile())
    assert_quarters(high(data), RED, GREEN, BLUE, SAND)


def test_a_palette_becomes_colours() -> None:
    image = high(saved(scene().quantize(8)))
    assert image.mode == "RGB"
    assert_quarters(image, RED, GREEN, BLUE, SAND)


# Alpha


def test_real_alpha_is_kept() -> None:
    image = scene()
    image.putalpha(Image.new("L", SIZE, 128))
    assert {tier.mode for tier in tiers(saved(image))} == {"RGBA"}
    assert quarters(high(saved(image)))[0][3] == 128


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_an_opaque_alpha_channel_is_dropped(mode: str) -> None:
    assert {tier.mode for tier in tiers(saved(scene().convert(mode)))} == {"RGB"}


def test_grey_with_real_alpha_keeps_it() -> None:
    image = columns(90, 90)
    image.putalpha(columns(255, 0))
    assert [pixel[3] for pixel in quarters(high(saved(image)))] == [255, 0, 255, 0]


def test_one_barely_transparent_pixel_is_real_alpha() -> None:
    image = scene().convert("RGBA")
    image.putpixel((5, 5), (200, 40, 40, 200))
    assert high(saved(image)).mode == "RGBA"


@pytest.mark.parametrize("form", ["PNG", "GIF"])
def test_a_transparent_palette_entry_becomes_alpha(form: str) -> None:
    image = scene().quantize(8)
    index = image.getpixel((0, 0))
    shown = quarters(high(saved(image, form, transparency=index)))
    assert [pixel[3] for pixel in shown] == [0, 255, 255, 255]


def test_an_unused_transparent_palette_entry_is_no_alpha() -> None:
    assert high(saved(scene().quantize(8), transparency=200)).mode == "RGB"


def test_half_transparent_palette_entries_become_alpha() -> None:
    image = scene().quantize(8)
    assert quarters(high(saved(image, transparency=bytes([100] * 8))))[0][3] == 100


def test_a_transparent_colour_becomes_alpha() -> None:
    shown = quarters(high(saved(scene(), transparency=GREEN)))
    assert [pixel[3] for pixel in shown] == [255, 0, 255, 255]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_transparent_grey_becomes_alpha(dtype: Any) -> None:
    shown = quarters(high(saved(columns(90, 200, dtype=dtype), transparency=200)))
    assert [pixel[3] for pixel in shown] == [255, 0, 255, 0]


def test_a_transparent_grey_of_two_bits_becomes_alpha() -> None:
    rows = (b"\0" + b"\x55" * 4 + b"\xaa" * 4) * 32
    shown = quarters(high(png((32, 32), 2, 0, rows, tRNS=b"\0\2")))
    assert [pixel[3] for pixel in shown] == [255, 0, 255, 0]


def test_a_transparent_colour_of_sixteen_bits_becomes_alpha() -> None:
    rows = (b"\0" + b"\x20\x00" * 48 + b"\xc0\x00" * 48) * 32
    shown = quarters(high(png((32, 32), 16, 2, rows, tRNS=b"\xc0\x00" * 3)))
    assert [pixel[3] for pixel in shown] == [255, 0, 255, 0]


# Orientation and metadata

TURNED = {
    1: (RED, GREEN, BLUE, SAND),
    2: (GREEN, RED, SAND, BLUE),
    3: (SAND, BLUE, GREEN, RED),
    4: (BLUE, SAND, RED, GREEN),
    5: (RED, BLUE, GREEN, SAND),
    6: (BLUE, RED, SAND, GREEN),
    7: (SAND, GREEN, BLUE, RED),
    8: (GREEN, SAND, RED, BLUE),
}
"""How the scene shows when its file carries each orientation (EXIF 2.3, 4.6.4 A)."""


def oriented(form: str, value: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = value
    options: dict[str, Any] = {"lossless": True} if form == "WEBP" else {"quality": 95}
    return saved(scene(), form, exif=exif, **options)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize("value", TURNED)
def test_every_exif_orientation_is_made_upright(form: str, value: int) -> None:
    image = high(oriented(form, value))
    assert image.size == (SIZE if value < 5 else SIZE[::-1])
    assert_quarters(image, *TURNED[value])


def test_a_large_jpeg_is_made_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(scene().resize((4800, 3200)), "JPEG", exif=exif)
    assert high(data).size == tier_sizes(3200, 4800)[0]


def test_an_orientation_in_little_endian_exif_is_read() -> None:
    exif = b"Exif\0\0II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 3, 0, 0)
    assert_quarters(high(saved(scene(), "JPEG", quality=95, exif=exif)), *TURNED[3])


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0",
        b"Exif\0\0MM\0*",
        b"Exif\0\0XX\0*\0\0\0\x08",
        b"Exif\0\0MM\0*\xff\xff\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12",
        b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, 9, 0, 0),
        b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 2, 1, 6, 0, 0),
    ],
)
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_damaged_exif_data_leaves_the_image_as_it_is(form: str, exif: bytes) -> None:
    assert_quarters(high(saved(scene(), form, exif=exif, quality=95)), RED, GREEN, BLUE, SAND)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "AVIF", "TIFF"])
def test_no_metadata_is_carried(form: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "SECRET workflow"
    options: dict[str, Any] = {"exif": exif, "icc_profile": swapped_profile()}
    if form in ("JPEG", "WEBP", "AVIF"):
        options["xmp"] = b"<x:xmpmeta>SECRET</x:xmpmeta>"
    for tier in CODEC.encode(saved(scene(), form, **options), proceed):
        assert set(chunk_names(tier)) == {b"VP8 "}


def chunk_names(webp: bytes) -> Iterator[bytes]:
    at = 12
    while at < len(webp):
        name, length = struct.unpack_from("<4sI", webp, at)
        yield name
        at += 8 + length + length % 2


# Hostile files


def refusal(data: bytes) -> str:
    """The code with which `encode` refuses `data`."""
    with pytest.raises(UnusableImage) as caught:
        CODEC.encode(data, proceed)
    assert 0 < len(caught.value.detail) <= 200
    return caught.value.code


def header_refusal(data: bytes) -> str:
    with pytest.raises(UnusableImage) as caught:
        CODEC.pixels(data)
    return caught.value.code


def webp_canvas(width: int, height: int) -> bytes:
    """An animation of small frames on a canvas of any size."""
    data = saved(scene(), "WEBP", save_all=True, append_images=[Image.new("RGB", SIZE)])
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return data[:24] + size + data[30:]


GIF_IMAGE = b"," + struct.pack("<HHHHB", 0, 0, 65_000, 1500, 0) + b"\2\2\x4c\1\0;"

CAP = (14_351, 6235)
"""A size of exactly as many pixels as are allowed."""

BOMBS = {
    "png": png((60_000, 60_000), 8, 2, b""),
    "png just over": png((CAP[0] + 1, CAP[1]), 1, 0, b""),
    "png of many rows": png((1, 50_000_000), 8, 2, b""),
    "png that inflates": png((9500, 9500), 1, 0, bytes(9500 * 1189)),
    "webp": webp_canvas(12_000, 8000),
    "gif": b"GIF89a" + struct.pack("<HHBBB", 65_000, 65_000, 0, 0, 0) + GIF_IMAGE,
    "gif with a frame beyond its canvas": b"GIF89a\1\0\1\0\0\0\0" + GIF_IMAGE,
    "bmp": saved(scene(), "BMP")[:18]
    + struct.pack("<ii", 40_000, 40_000)
    + saved(scene(), "BMP")[26:],
    "jpeg": saved(scene(), "JPEG").replace(
        struct.pack(">HH", SIZE[1], SIZE[0]), struct.pack(">HH", 65_000, 65_000), 1
    ),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_an_image_over_the_pixel_cap_is_refused_from_its_header(bomb: str) -> None:
    assert header_refusal(BOMBS[bomb]) == refusal(BOMBS[bomb]) == "image_too_large"


def test_a_small_file_of_many_pixels_under_the_cap_is_decoded() -> None:
    data = png((9000, 9000), 1, 0, bytes(9000 * 1126))
    assert len(data) < 30_000
    assert high(data).size == tier_sizes(9000, 9000)[0]


def test_the_pixel_cap_itself_is_allowed() -> None:
    assert CODEC.pixels(png(CAP, 1, 0, b"")) == MAX_DECODED_PIXELS


# Not MPO: cut behind its first picture, it is a whole JPEG.
@pytest.mark.parametrize("form", [form for form in EVERY_FORMAT if form != "MPO"])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
def test_a_truncated_image_is_refused(form: str, kept: float) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    data = saved(Image.fromarray(noise), form)
    assert refusal(data[: int(len(data) * kept)]) == "image_unreadable"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"GIF89a",
        b"not an image",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"BM",
        b"II*\0",
        b"MM\0*\0\0\0\x08",
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"\0\0\0\x18ftypavif",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\x89PNG\r\n\x1a\n" + saved(Image.new("RGB", (8, 8)), "JPEG"),
        bytes(4096),
    ],
)
def test_what_is_no_image_is_refused(data: bytes) -> None:
    assert header_refusal(data) == refusal(data) == "image_unreadable"


@pytest.mark.parametrize("size", [(0, 5), (5, 0)])
def test_an_image_without_pixels_is_refused(size: tuple[int, int]) -> None:
    assert header_refusal(png(size, 8, 2, b"")) == "image_unreadable"


@given(st.binary(max_size=400))
def test_random_bytes_are_refused(data: bytes) -> None:
    assert refusal(data) == "image_unreadable"


EDITS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8)


@settings(max_examples=150)
@given(st.sampled_from(EVERY_FORMAT), EDITS, st.floats(0, 1))
@example("PNG", [], 1.0)
def test_a_mutated_image_is_either_encoded_or_refused(
    form: str, edits: list[tuple[float, int]], kept: float
) -> None:
    data = bytearray(oriented(form, 6) if form not in ("GIF", "BMP", "MPO") else encoded(form))
    for place, value in edits:
        # Squared, so that headers are hit more often than pixels.
        data[int(place * place * len(data))] = value
    mutated = bytes(data[: int(len(data) * max(kept, 0.05))] if kept < 0.3 else data)
    assert outcome(mutated) in {"encoded", "image_unreadable", "image_too_large"}


def outcome(data: bytes) -> str:
    """What comes of `data`: three tiers, or a refusal's code."""
    try:
        high, medium, low = CODEC.encode(data, proceed)
    except UnusableImage as refused:
        return refused.code
    return "encoded" if high and medium and low else "empty"


SUSPECT = {
    "a frame beyond a GIF's canvas": BOMBS["gif with a frame beyond its canvas"],
    "just over the cap": BOMBS["png just over"],
    "damaged EXIF": saved(scene(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\4\1\x12"),
    "an animation of no frames": png((8, 8), 8, 0, bytes(9 * 8), acTL=struct.pack(">II", 0, 0)),
    "TIFF tags out of bounds": saved(scene(), "TIFF", description="x" * 90).replace(
        struct.pack("<HHI", 270, 2, 91), struct.pack("<HHI", 270, 2, 91_000_000)
    ),
}


@pytest.mark.parametrize("suspect", SUSPECT)
def test_nothing_is_said_through_warnings(suspect: str) -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        outcome(SUSPECT[suspect])
    assert said == []


# Behaviour


@pytest.mark.parametrize("form", EVERY_FORMAT)
def test_the_same_bytes_give_the_same_tiers_in_any_thread(form: str) -> None:
    data = encoded(form)
    alone = CODEC.encode(data, proceed)
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda _: CODEC.encode(data, proceed), range(24)))
    assert set(together) == {alone}


def test_a_checkpoint_comes_before_each_tier() -> None:
    calls: list[int] = []
    CODEC.encode(encoded("PNG"), lambda: calls.append(1))
    assert len(calls) == 3


@pytest.mark.parametrize("number", [1, 2, 3])
def test_what_a_checkpoint_raises_passes_through(number: int) -> None:
    calls: list[int] = []

    def abandon() -> None:
        calls.append(1)
        if len(calls) == number:
            raise ValueError("abandoned")

    with pytest.raises(ValueError, match="abandoned"):
        CODEC.encode(encoded("PNG"), abandon)

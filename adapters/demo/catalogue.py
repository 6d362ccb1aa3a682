"""Which models the demo library holds: invented, believable, and some of them awkward on purpose.

A row's number is its place in `CATALOGUE`, from 1. Whatever is odd about a row is said in its
description and declared in its `quirk`.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Quirk(StrEnum):
    """What is odd about a row; each value occurs in one row."""

    NONE = "none"
    HASHED_ABSENT = "hashed, but the file is absent"
    UNHASHED_ABSENT = "not hashed, and the file is absent"
    SAME_HASH = "a second row with one hash"
    UNHASHED_COPY = "not hashed, a copy of a hashed file"
    ORIENTATION = "EXIF orientation 6, over 2 megapixels"
    ALPHA = "a PNG with real transparency"
    PALETTE = "a PNG with a palette"
    IMAGE_MISSING = "the image file is missing"
    IMAGE_FAKE = "the image file is not an image"
    IMAGE_TRUNCATED = "the image file is truncated"
    ODD_PATH = "emoji, spaces and CJK in the path"
    NOT_JSON = "extra_json is not JSON"
    STALE_HASH = "the hash is stale, the file was replaced"
    SHORT_HASH = "the hash is not 64 hexadecimal digits"
    UPPER_HASH = "the hash is in upper case"
    ANIMATED = "an animated GIF"
    CMYK = "a CMYK JPEG"
    WINDOWS_PATH = "a path from a Windows computer"


class Picture(msgspec.Struct, frozen=True):
    """A preview to paint: a style of `pictures.STYLES`, pixels, and a file format."""

    style: str
    width: int
    height: int
    suffix: str = "jpeg"


class Entry(msgspec.Struct, frozen=True):
    """One model. `file` lies under `models/<type>/`; `twin` is the row whose bytes it shares."""

    type: str
    file: str
    name: str
    description: str = ""
    tags: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    positive: str = ""
    negative: str = ""
    hashed: bool = True
    quirk: Quirk = Quirk.NONE
    twin: int = 0


def _tall(style: str, suffix: str = "jpeg") -> Picture:
    """A portrait."""
    return Picture(style, 512, 768, suffix)


def _wide(style: str, suffix: str = "jpeg") -> Picture:
    """A landscape."""
    return Picture(style, 768, 512, suffix)


def _square(style: str, suffix: str = "jpeg") -> Picture:
    """A square."""
    return Picture(style, 768, 768, suffix)


def _large(style: str, suffix: str = "jpeg") -> Picture:
    """A portrait as larger models make them."""
    return Picture(style, 832, 1216, suffix)


_NEGATIVE = "blurry, lowres, jpeg artifacts, watermark"

PLAIN = (
    Entry(
        "checkpoints", "aurora_meridian_xl_v2.safetensors", "Aurora Meridian XL v2",
        "All-round landscapes with soft northern light. Best at 28 to 34 steps.",
        ("landscape", "sdxl", "favourite"), (_large("aurora"), _wide("lake")),
        "aurora over a pine forest, long exposure, starry sky", _NEGATIVE,
    ),
    Entry(
        "checkpoints", "paper_lantern_v4.safetensors", "Paper Lantern v4",
        "Night streets, lit windows, rain on glass.", ("city", "night", "sd15"),
        (_tall("city", "webp"),), "city at night, lit windows, reflections", _NEGATIVE,
    ),
    Entry(
        "checkpoints", "saltmarsh_realism_15.safetensors", "Saltmarsh Realism 1.5",
        "Muted coastal photography. The author asks for credit when images are sold.",
        ("photo", "landscape", "sd15"), (_wide("dunes"),), "dunes at dawn, 50mm, film", "people",
        hashed=False,
    ),
    Entry(
        "checkpoints", "tidewater_cinematic.safetensors", "Tidewater Cinematic",
        "Wide shots and heavy atmosphere.", ("landscape", "cinematic", "sdxl"),
        (_wide("mountains"), _tall("mountains", "webp")), "misty ridges, cinematic haze", _NEGATIVE,
    ),
    Entry(
        "checkpoints", "stardust_mix_b3.safetensors", "星屑ミックス B3",
        "星空と惑星のためのモデル。CFG 5 から 7 を推奨。", ("日本語", "space", "sdxl"),
        (_square("planet"),), "ringed planet, nebula, 星空", _NEGATIVE,
    ),
    Entry(
        "loras", "neon_coastline.safetensors", "Neon Coastline",
        "Eighties sunsets over an endless grid. Weight 0.6 to 0.9.", ("retro", "favourite"),
        (_wide("neon"), _tall("neon")), "neoncoast, striped sun, grid horizon", "daylight",
    ),
    Entry(
        "loras", "folded_paper_strata.safetensors", "Folded Paper Strata",
        "Cut-paper contours with soft shadows.", ("style", "papercraft"),
        (_tall("strata", "webp"),), "papercut, layered contours", _NEGATIVE,
    ),
    Entry(
        "loras", "seigaiha_linework.safetensors", "青海波 Seigaiha Linework",
        "伝統的な波の文様。", ("和柄", "日本語", "pattern"), (_tall("waves", "png"),),
        "seigaiha, ukiyo-e waves", hashed=False,
    ),
    Entry(
        "loras", "low_poly_dreams.safetensors", "Low Poly Dreams",
        "Facets and flat light; pairs well with any checkpoint.", ("style", "3d"),
        (_wide("facets", "webp"),), "lowpoly, faceted, flat shading", "smooth shading",
    ),
    Entry(
        "loras", "dahlia_botanical_cutouts.safetensors", "Dahlia Botanical Cutouts",
        "Symmetrical flowers, trained on 240 collages.", ("꽃", "papercraft", "favourite"),
        (_square("rosette"), _tall("rosette", "webp")), "dahlia, paper petals", "photo",
    ),
    Entry(
        "loras", "kinoplenka_35mm.safetensors", "Киноплёнка 35 мм",
        "Тёплая плёнка, мягкий фокус. Вес 0,5.", ("плёнка", "photo"), (_wide("bokeh"),),
        "35mm film, bokeh, evening lights", _NEGATIVE, hashed=False,
    ),
    Entry(
        "loras", "ringed_worlds.safetensors", "Ringed Worlds",
        "Gas giants with believable rings.", ("space", "concept"),
        (_tall("planet"), _wide("planet", "webp")), "gas giant, rings, deep space", "earth",
    ),
    Entry(
        "loras", "arabesque_lines.safetensors", "زخرفة Arabesque Lines",
        "Endless interlaced lines, tileable.", ("زخرفة", "pattern"), (_square("truchet"),),
        "arabesque, interlaced lines, gold on blue", hashed=False,
    ),
    Entry(
        "vae", "clearwater_ft.safetensors", "Clearwater VAE",
        "Keeps highlights from washing out. No preview; load it and compare.", ("sd15",),
    ),
    Entry(
        "vae", "amber_glow.safetensors", "Amber Glow VAE", "Slightly warmer than the usual one.",
        ("sdxl",), (_tall("bokeh"),), hashed=False,
    ),
    Entry(
        "embeddings", "bad_lantern_neg.safetensors", "bad-lantern-neg",
        "Put it into the negative prompt.", ("negative", "sd15"), (), "", "bad-lantern-neg",
    ),
    Entry(
        "embeddings", "golden_hour_ti.safetensors", "golden-hour-ti",
        "Low sun, long shadows, eight vectors.", ("photo", "landscape"), (_tall("dunes"),),
        "golden-hour-ti, desert", hashed=False,
    ),
    Entry("upscale", "4x_crisp_foliage.safetensors", "4x Crisp Foliage", hashed=False),
    Entry(
        "controlnet", "depth_ridge_sdxl.safetensors", "Depth Ridge SDXL",
        "Follows depth maps without flattening the distance.", ("sdxl", "depth"),
        (_wide("mountains"),), "layered hills", _NEGATIVE,
    ),
    Entry(
        "controlnet", "soft_edge_contour.safetensors", "Soft Edge Contour",
        "Contours instead of hard lines.", ("sd15", "edges"), (_square("strata"),), hashed=False,
    ),
)  # fmt: skip
"""Rows 1 to 20: nothing odd about them."""

AWKWARD = (
    Entry(
        "loras", "glasshouse_ferns.safetensors", "Glasshouse Ferns",
        "Deleted to make room, but its page was kept.", ("꽃", "photo"), (_tall("facets"),),
        "ferns behind wet glass", quirk=Quirk.HASHED_ABSENT,
    ),
    Entry(
        "loras", "harbour_fog_test.safetensors", "Harbour Fog (test)",
        "Never arrived whole.", ("photo",), (_wide("lake", "webp"),),
        hashed=False, quirk=Quirk.UNHASHED_ABSENT,
    ),
    Entry(
        "loras", "neon_coastline_renamed.safetensors", "Neon Coastline (renamed)",
        "The file of row 6 under another name.", ("retro", "duplicate"), (_square("neon"),),
        quirk=Quirk.SAME_HASH, twin=6,
    ),
    Entry(
        "loras", "dahlia_backup.safetensors", "Dahlia (backup)", "The file of row 10, saved twice.",
        ("duplicate",), (_wide("rosette"),), hashed=False, quirk=Quirk.UNHASHED_COPY, twin=10,
    ),
    Entry(
        "checkpoints", "long_exposure_v1.safetensors", "Long Exposure v1",
        "Its preview came from a phone held upright.", ("photo", "night", "sdxl"),
        (Picture("lake", 1248, 1824),), "blue hour, still water", _NEGATIVE,
        quirk=Quirk.ORIENTATION,
    ),
    Entry(
        "loras", "pressed_flower.safetensors", "Pressed Flower", "Cutout on nothing.",
        ("꽃", "papercraft"), (_square("rosette", "png"),), "pressed flower, isolated",
        quirk=Quirk.ALPHA,
    ),
    Entry(
        "loras", "pixel_weave.safetensors", "Pixel Weave", "Few colours, crisp lines.",
        ("pattern", "retro"), (_wide("truchet", "png"),), quirk=Quirk.PALETTE,
    ),
    Entry(
        "embeddings", "quiet_palette.safetensors", "quiet-palette", "Desaturates gently.",
        ("style",), (_tall("bokeh"),), quirk=Quirk.IMAGE_MISSING,
    ),
    Entry(
        "upscale", "2x_line_art.safetensors", "2x Line Art", "The preview's site was down.",
        ("anime",), (_square("waves"),), quirk=Quirk.IMAGE_FAKE,
    ),
    Entry(
        "loras", "northern_harbour.safetensors", "Northern Harbour", "The download broke off.",
        ("landscape",), (_wide("aurora", "png"),), hashed=False, quirk=Quirk.IMAGE_TRUNCATED,
    ),
    Entry(
        "loras", "🌸 桜の庭 spring garden.safetensors", "桜の庭 🌸", "春の庭、やわらかい光。",
        ("日本語", "꽃"), (_tall("mountains", "webp"),), "cherry blossom garden, 春", hashed=False,
        quirk=Quirk.ODD_PATH,
    ),
    Entry(
        "controlnet", "tile_resample.safetensors", "Tile Resample", "Written by another tool.",
        ("sd15",), quirk=Quirk.NOT_JSON,
    ),
    Entry(
        "checkpoints", "meadowlark_v7.safetensors", "Meadowlark v7",
        "Updated in place from v6.", ("landscape", "sd15"), (_tall("lake"),), "meadow at dusk",
        _NEGATIVE, quirk=Quirk.STALE_HASH,
    ),
    Entry(
        "vae", "cobalt_fp16.safetensors", "Cobalt VAE fp16", "Someone kept a short checksum.",
        ("sd15",), (_wide("city"),), quirk=Quirk.SHORT_HASH,
    ),
    Entry(
        "embeddings", "ink_and_moon.safetensors", "ink-and-moon", "Deep blacks, one light.",
        ("style", "night"), (_square("city", "webp"),), "ink-and-moon, skyline",
        quirk=Quirk.UPPER_HASH,
    ),
    Entry(
        "loras", "turning_mandala.safetensors", "Turning Mandala", "Made for short loops.",
        ("pattern", "animation"), (Picture("rosette", 288, 288, "gif"),), quirk=Quirk.ANIMATED,
    ),
    Entry(
        "checkpoints", "offset_press.safetensors", "Offset Press", "Looks printed.",
        ("style", "print"), (_large("waves"),), "risograph poster", "photo", quirk=Quirk.CMYK,
    ),
    Entry(
        "loras", r"C:\models\loras\harbour_lights.safetensors", "Harbour Lights",
        "Copied over from the old computer.", ("night", "city"), (_tall("city"),),
        "harbour, lanterns, rain", quirk=Quirk.WINDOWS_PATH,
    ),
)  # fmt: skip
"""Rows 21 to 38: one for each quirk."""

CATALOGUE = PLAIN + AWKWARD

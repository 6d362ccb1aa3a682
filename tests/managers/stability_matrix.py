"""Stability Matrix' folder of data."""

from __future__ import annotations

from pathlib import Path

from tests.managers.making import Expected, Library, image, safetensors, sha_of, write

DETAIL = safetensors(None, "detail")


def make(folder: Path) -> None:
    models = folder / "Models"
    write(folder / "StabilityMatrix.db", b"LiteDB, never read")
    write(folder / "settings.json", '\ufeff{"ModelDirectoryOverride": null}')
    write(folder / "Packages" / "ComfyUI" / "other.safetensors", safetensors(None, "package"))
    write(models / "StableDiffusion" / "detail.v1.2.safetensors", DETAIL)
    write(
        models / "StableDiffusion" / "detail.v1.2.cm-info.json",
        {
            "ModelId": 4384,
            "VersionId": 128713,
            "ModelName": "DetailMix",
            "ModelDescription": "<p>All of it.</p>",
            "VersionDescription": "<ul><li>sharper</li></ul>",
            "Tags": ["photo", ""],
            "ModelType": "Checkpoint",
            "UserTitle": None,
            "ImportedAt": "2024-05-06T07:08:09.1234567+00:00",
            "Hashes": {"SHA256": sha_of(DETAIL).upper(), "CRC32": "0", "BLAKE3": "CD" * 32},
            "TrainedWords": None,
            "Source": 0,
        },
    )
    write(models / "StableDiffusion" / "detail.v1.2.preview.jpeg", image(1, "PNG"))
    write(models / "TextEncoders" / "clip_l.safetensors", safetensors(None, "clip"))
    write(models / "ESRGAN" / "4x.pth", b"\x80\x02")
    write(
        models / "ESRGAN" / "4x.cm-info.json",
        {
            "ModelName": "4x-Sharp",
            "Source": 1,
            "UserTitle": " My upscaler ",
            "ImportedAt": "0001-01-01T00:00:00+00:00",
            "Hashes": {},
            "ThumbnailImageUrl": "https://x.example/w.pth",
        },
    )
    write(models / "Somewhere" / "odd.safetensors", safetensors(None, "odd"))
    write(models / "Somewhere" / "odd.cm-info.json", {"ModelName": "Odd", "ModelType": "DoRA"})
    write(models / "StableDiffusion" / "failed.cm-info.json", {"ModelName": "never came"})


LIBRARY = Library(
    kind="folders",
    layout="stability_matrix",
    make=make,
    notices=("sidecar_orphaned",),
    expected=(
        Expected(
            "Models/ESRGAN/4x.pth",
            "My upscaler",
            "upscale_models",
            links="https://openmodeldb.info/models/4x-Sharp",
        ),
        Expected("Models/Somewhere/odd.safetensors", "Odd", "loras"),
        Expected(
            "Models/StableDiffusion/detail.v1.2.safetensors",
            "DetailMix",
            "checkpoints",
            description="All of it.\n\n- sharper",
            links="https://civitai.com/models/4384?modelVersionId=128713",
            tags=("photo",),
            images=("detail.v1.2.preview.jpeg",),
            created_at=1_714_979_289_123,
            claimed_by="stability_matrix",
        ),
        Expected("Models/TextEncoders/clip_l.safetensors", "clip_l", "text_encoders"),
    ),
)

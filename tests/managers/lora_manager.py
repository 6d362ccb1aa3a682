"""A ComfyUI installation as LoRA Manager leaves it."""

from __future__ import annotations

from pathlib import Path

from tests.managers.making import (
    Expected,
    Library,
    data_url,
    image,
    safetensors,
    sha_of,
    write,
)

MEADOW = safetensors({"modelspec.title": "from the header", "ss_output_name": "mdw"}, "meadow")
HEADER_ONLY = safetensors(
    {
        "modelspec.title": "Copper Kettle",
        "modelspec.description": "<p>Warm <b>metal</b></p>",
        "modelspec.tags": "metal, kitchen",
        "modelspec.trigger_phrase": "copper kettle; steam",
        "modelspec.thumbnail": data_url(image(3, "JPEG")),
    },
    "kettle",
)


def make(folder: Path) -> None:
    loras = folder / "models" / "loras"
    write(folder / "main.py", "# ComfyUI\n")
    (folder / "custom_nodes").mkdir(parents=True)
    write(loras / "styles" / "meadow.v1.safetensors", MEADOW)
    write(
        loras / "styles" / "meadow.v1.metadata.json",
        {
            "file_name": "meadow.v1",
            "model_name": "Meadow Light",
            "file_path": "D:/comfy/models/loras/styles/meadow.v1.safetensors",
            "size": float(len(MEADOW)),
            "modified": 1_690_000_000.5,
            "sha256": sha_of(MEADOW).upper(),
            "preview_url": "D:/comfy/models/loras/styles/meadow.v1.webp",
            "notes": "best at 0.8",
            "civitai": {"id": 22, "modelId": 11, "trainedWords": ["meadow light", "haze, sun"]},
            "tags": ["style", "Landscape", "", "style"],
            "modelDescription": '<p>Soft.</p><p>See <a href="https://a.example/b">this</a></p>',
        },
    )
    write(loras / "styles" / "meadow.v1.webp", image(1, "WEBP"))
    write(loras / "kettle.safetensors", HEADER_ONLY)
    write(loras / "bare.safetensors", safetensors(None, "bare"))
    write(loras / "half.safetensors", safetensors(None, "half"))
    write(loras / "half.metadata.json", '{"model_name": "Half", "tags": ["a"')
    pending = safetensors(None, "pending")
    write(folder / "models" / "checkpoints" / "big.safetensors", pending)
    write(
        folder / "models" / "checkpoints" / "big.metadata.json",
        {
            "model_name": "Big One",
            "sha256": "",
            "hash_status": "pending",
            "exclude": True,
            "sub_type": "checkpoint",
            "civitai": {},
        },
    )
    write(loras / "gone.metadata.json", {"model_name": "Gone"})
    write(loras / ".lm-pending-delete" / "old.safetensors", safetensors(None, "old"))


LIBRARY = Library(
    kind="folders",
    layout="comfyui",
    make=make,
    notices=("sidecar_orphaned",),
    expected=(
        Expected(
            "models/checkpoints/big.safetensors",
            "Big One",
            "checkpoints",
            codes=("hidden_in_source",),
        ),
        Expected("models/loras/bare.safetensors", "bare", "loras"),
        Expected("models/loras/half.safetensors", "half", "loras", codes=("sidecar_damaged",)),
        Expected(
            "models/loras/kettle.safetensors",
            "Copper Kettle",
            "loras",
            description="Warm metal",
            positive="copper kettle, steam",
            tags=("metal", "kitchen"),
            images=("kettle.modelspec.thumbnail",),
        ),
        Expected(
            "models/loras/styles/meadow.v1.safetensors",
            "Meadow Light",
            "loras",
            description="Soft.\n\nSee this (https://a.example/b)\n\nbest at 0.8",
            links="https://civitai.com/models/11?modelVersionId=22",
            positive="meadow light, haze, sun",
            tags=("style", "Landscape"),
            images=("meadow.v1.webp",),
            created_at=1_690_000_000_500,
            claimed_by="lora_manager",
        ),
    ),
)

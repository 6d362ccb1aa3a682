"""SwarmUI's folder of models, with its settings."""

from __future__ import annotations

from pathlib import Path

from tests.managers.making import Expected, Library, data_url, image, safetensors, write

TENSORS = "0x" + "ab" * 32


def make(folder: Path) -> None:
    models = folder / "Models"
    write(
        folder / "Data" / "Settings.fds",
        "# settings\nPaths:\n\tModelRoot: Models\n\tSDLoraFolder: Lora;Styles\n"
        "DefaultUser:\n\tx: 1\n",
    )
    write(models / "Stable-Diffusion" / "heavy.ckpt", b"PK\x03\x04")
    write(
        models / "Stable-Diffusion" / "heavy.swarm.json",
        {
            "modelspec.title": "Heavy Metal",
            "modelspec.description": 'From <a href="https://x.example/7">here</a><p>Loud</p>',
            "modelspec.trigger_phrase": "metal; chrome",
            "modelspec.tags": ["shiny", "dark"],
            "modelspec.preview_image": data_url(image(2, "JPEG")),
            "modelspec.hash_sha256": TENSORS,
            "time_created": 1_600_000_000_000,
        },
    )
    write(
        models / "Styles" / "ink.safetensors",
        safetensors(
            {
                "modelspec.title": "Ink",
                "modelspec.hash_sha256": TENSORS,
                "modelspec.tags": "ink,line",
                "modelspec.thumbnail": data_url(image(4, "JPEG")),
            },
            "ink",
        ),
    )
    write(models / "Styles" / "ink.jpg", image(5, "JPEG"))
    write(models / "diffusion_models" / "plain.gguf", b"GGUF" + bytes(20))


LIBRARY = Library(
    kind="folders",
    layout="swarmui",
    make=make,
    expected=(
        Expected(
            "Models/Stable-Diffusion/heavy.ckpt",
            "Heavy Metal",
            "checkpoints",
            description="From here (https://x.example/7)\n\nLoud",
            links="https://x.example/7",
            positive="metal, chrome",
            tags=("shiny", "dark"),
            images=("heavy.modelspec.preview_image",),
            codes=("claim_rejected",),
        ),
        Expected(
            "Models/Styles/ink.safetensors",
            "Ink",
            "loras",
            tags=("ink", "line"),
            images=("ink.jpg", "ink.modelspec.thumbnail"),
            codes=("claim_rejected",),
        ),
        Expected(
            "Models/diffusion_models/plain.gguf",
            "plain",
            "diffusion_models",
            codes=("header_unusable",),
        ),
    ),
)

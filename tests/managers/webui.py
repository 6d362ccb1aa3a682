"""AUTOMATIC1111's folders with its own sidecars and those of Civitai Helper."""

from __future__ import annotations

from pathlib import Path

from tests.managers.making import Expected, Library, image, safetensors, sha_of, write

OWL = safetensors(None, "owl")
BASE = safetensors(None, "base")


def make(folder: Path) -> None:
    models = folder / "models"
    write(folder / "webui.py", "# webui\n")
    write(models / "Lora" / "owl.safetensors", OWL)
    write(
        models / "Lora" / "owl.json",
        {
            "description": "Night birds, 1 < 2",
            "sd version": "SDXL",
            "activation text": "owl, moonlit",
            "preferred weight": 0.7,
            "negative text": "daylight",
            "notes": "from the workshop",
        },
    )
    write(
        models / "Lora" / "owl.civitai.info",
        {
            "id": 5,
            "modelId": 4,
            "name": "v2.0",
            "trainedWords": ["owl"],
            "description": "<p>The version.</p>",
            "model": {
                "name": "Owls",
                "type": "LORA",
                "tags": ["animal", "bird"],
                "description": "<p>Owls <i>only</i></p>",
            },
            "files": [
                {"name": "full.ckpt", "sizeKB": 4_000_000.0, "hashes": {"SHA256": "AB" * 32}},
                {
                    "name": "owl.safetensors",
                    "sizeKB": len(OWL) / 1024,
                    "primary": True,
                    "hashes": {"SHA256": sha_of(OWL).upper(), "AutoV3": "ABCDEF012345"},
                },
            ],
            "images": [{"url": "https://x.example/1.jpeg", "type": "image"}],
        },
    )
    write(models / "Lora" / "owl.preview.png", image(1, "JPEG"))
    write(models / "Lora" / "owl.example.0.png", image(2))
    write(models / "Stable-diffusion" / "sub" / "base.safetensors", BASE)
    write(models / "Stable-diffusion" / "sub" / "base.txt", "Only a text.\nOf two lines.")
    write(models / "Stable-diffusion" / "sub" / "base.png", image(3))
    write(models / "VAE" / "kl.vae.pt", b"PK\x03\x04no pickle is read")
    write(models / "VAE" / "kl.json", {"activation text": "not this one's"})
    write(folder / "embeddings" / "tone.pt", b"\x80\x02no pickle is read")
    write(folder / "embeddings" / "tone.civitai.info", {})
    write(
        models / "LyCORIS" / "skeleton.safetensors",
        safetensors(None, "skeleton"),
    )
    write(
        models / "LyCORIS" / "skeleton.civitai.info",
        {
            "id": "",
            "modelId": "",
            "name": "v1",
            "skeleton_file": True,
            "tags": ["caption one", "caption two"],
            "trainedWords": [],
            "model": {"name": "skeleton.safetensors", "type": "lycoris", "nsfw": "", "poi": ""},
            "files": [{"name": "skeleton.safetensors", "hashes": {"SHA256": "ABCDEF012345"}}],
        },
    )


LIBRARY = Library(
    kind="folders",
    layout="webui",
    make=make,
    notices=("sidecar_orphaned",),
    expected=(
        Expected("embeddings/tone.pt", "tone", "embeddings"),
        Expected(
            "models/Lora/owl.safetensors",
            "Owls",
            "loras",
            description="Night birds, 1 < 2\n\nfrom the workshop",
            links="https://civitai.com/models/4?modelVersionId=5",
            positive="owl, moonlit",
            negative="daylight",
            tags=("animal", "bird"),
            images=("owl.preview.png", "owl.example.0.png"),
            claimed_by="civitai",
        ),
        Expected(
            "models/LyCORIS/skeleton.safetensors", "skeleton", "loras", codes=("claim_rejected",)
        ),
        Expected(
            "models/Stable-diffusion/sub/base.safetensors",
            "base",
            "checkpoints",
            description="Only a text.\nOf two lines.",
            images=("base.png",),
        ),
        Expected("models/VAE/kl.vae.pt", "kl.vae", "vae"),
    ),
)

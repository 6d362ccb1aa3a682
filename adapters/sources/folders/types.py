"""What the names of folders say of the type of the models in them."""

from __future__ import annotations

from collections.abc import Sequence

from engine.facts.files import Root

FOLDERS = {
    "checkpoints": "checkpoints",
    "stable-diffusion": "checkpoints",
    "stablediffusion": "checkpoints",
    "loras": "loras",
    "lora": "loras",
    "lycoris": "loras",
    "vae": "vae",
    "vae_approx": "vae_approx",
    "vae-approx": "vae_approx",
    "approxvae": "vae_approx",
    "embeddings": "embeddings",
    "controlnet": "controlnet",
    "t2iadapter": "controlnet",
    "t2i_adapter": "controlnet",
    "esrgan": "upscale_models",
    "realesrgan": "upscale_models",
    "swinir": "upscale_models",
    "upscale_models": "upscale_models",
    "hypernetwork": "hypernetworks",
    "hypernetworks": "hypernetworks",
    "text_encoders": "text_encoders",
    "text_encoder": "text_encoders",
    "textencoders": "text_encoders",
    "clip": "text_encoders",
    "clip_vision": "clip_vision",
    "clipvision": "clip_vision",
    "diffusion_models": "diffusion_models",
    "diffusionmodels": "diffusion_models",
    "unet": "diffusion_models",
    "diffusers": "diffusers",
    "gligen": "gligen",
    "ipadapter": "ipadapter",
    "ipadapters15": "ipadapter",
    "ipadaptersxl": "ipadapter",
    "ipadapters15plus": "ipadapter",
    "ipadapterssxlplus": "ipadapter",
    "ultralytics": "ultralytics",
    "sams": "sams",
    "style_models": "style_models",
    "stylemodels": "style_models",
    "audio_encoders": "audio_encoders",
    "audioencoders": "audio_encoders",
    "model_patches": "model_patches",
    "modelpatches": "model_patches",
    "background_removal": "background_removal",
    "backgroundremoval": "background_removal",
    "photomaker": "photomaker",
    "classifiers": "classifiers",
}
"""By what ComfyUI, the webui, Stability Matrix and SwarmUI call their folders, in lower case, the
type in ComfyUI's present words."""

COMFYUI = frozenset(
    {"checkpoints", "loras", "diffusion_models", "unet", "text_encoders", "clip", "clip_vision"}
    | {"style_models", "upscale_models", "vae_approx", "model_patches", "audio_encoders"}
)
"""Names by which a folder is known for ComfyUI's folder of models."""


def named(folder: str) -> str:
    """The type that a folder's name stands for, "" where it stands for none."""
    return FOLDERS.get(folder.lower(), "")


def among(folders: Sequence[str]) -> str:
    """The type of the first of these folders that stands for one, from the outermost on."""
    return next(filter(None, map(named, folders)), "")


class Types:
    """The types of a tree: the innermost root that has one counts, else the names on the way."""

    def __init__(self, roots: Sequence[Root]) -> None:
        self._types = {root.folder: root.type for root in roots}

    def of(self, top: str, parts: Sequence[str], separator: str) -> str:
        """The type of a folder: that of the names `parts` below the root `top`."""
        folder = top
        found = self._types.get(top, "")
        for part in parts:
            folder = f"{folder.rstrip(separator)}{separator}{part}"
            found = self._types.get(folder) or found
        return found or among(parts)

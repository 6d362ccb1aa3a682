"""What managers call the types of models, as ComfyUI's names of their folders."""

from __future__ import annotations

from typing import Any

TYPES = {
    "checkpoint": "checkpoints",
    "checkpoints": "checkpoints",
    "ckp": "checkpoints",
    "main": "checkpoints",
    "model": "checkpoints",
    "diffusion_model": "diffusion_models",
    "diffusion_models": "diffusion_models",
    "unet": "diffusion_models",
    "lora": "loras",
    "loras": "loras",
    "locon": "loras",
    "lycoris": "loras",
    "loha": "loras",
    "lokr": "loras",
    "dora": "loras",
    "control_lora": "loras",
    "embedding": "embeddings",
    "embeddings": "embeddings",
    "textualinversion": "embeddings",
    "textual-inversion": "embeddings",
    "ti": "embeddings",
    "hypernetwork": "hypernetworks",
    "hyper": "hypernetworks",
    "vae": "vae",
    "controlnet": "controlnet",
    "t2i_adapter": "controlnet",
    "upscaler": "upscale_models",
    "upscale_models": "upscale_models",
    "spandrel_image_to_image": "upscale_models",
    "ip_adapter": "ipadapter",
    "clip_vision": "clip_vision",
    "siglip": "clip_vision",
    "clip": "text_encoders",
    "text_encoders": "text_encoders",
    "clip_embed": "text_encoders",
    "t5_encoder": "text_encoders",
    "qwen3_encoder": "text_encoders",
    "qwen_vl_encoder": "text_encoders",
    "text_llm": "text_encoders",
}
"""By what Civitai, its helpers, LoRA Manager, Stability Matrix and InvokeAI write, lower case."""


def folder_type(written: str) -> str:
    """The type that a manager's word stands for, or "" where it stands for none."""
    return TYPES.get(written.strip().lower(), "")


def model_type(value: Any, _complaints: list[str]) -> tuple[str, ...]:
    """The type that a manager's word stands for."""
    return tuple(filter(None, (folder_type(value),))) if isinstance(value, str) else ()


def architecture(value: Any, _complaints: list[str]) -> tuple[str, ...]:
    """The type that follows the `/` of `modelspec.architecture`."""
    suffix = value.rpartition("/") if isinstance(value, str) else ("", "", "")
    return model_type(suffix[2], []) if suffix[1] else ()


def trained(value: Any, _complaints: list[str]) -> tuple[str, ...]:
    """A LoRA, where a trainer of networks has left its name."""
    return ("loras",) if isinstance(value, str) and value not in {"", "None"} else ()

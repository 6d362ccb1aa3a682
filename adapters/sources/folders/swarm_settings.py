"""SwarmUI's `Data/Settings.fds`: where its folders of models are.

The format is SwarmUI's own: `key: value` on a line, sections by the tabs or blanks before them.
Only the section `Paths` is looked at.
"""

from __future__ import annotations

from adapters.sources import documents

PLACE = ("Data", "Settings.fds")
MAX_BYTES = 1024 * 1024

FOLDERS = {
    "SDModelFolder": ("checkpoints", "Stable-Diffusion"),
    "SDLoraFolder": ("loras", "Lora"),
    "SDVAEFolder": ("vae", "VAE"),
    "SDEmbeddingFolder": ("embeddings", "Embeddings"),
    "SDControlNetsFolder": ("controlnet", "controlnet;model_patches"),
    "SDClipFolder": ("text_encoders", "text_encoders;clip"),
    "SDClipVisionFolder": ("clip_vision", "clip_vision"),
}
"""By setting, the type of the models and the folders where nothing else is set."""

ALWAYS = ("diffusion_models", "unet")
"""Folders of main models that no setting names."""

_ROOT = "ModelRoot"


def read(data: bytes) -> tuple[list[str], dict[str, list[str]]]:
    """The roots of models and, by type, the folders below each of them; never raises."""
    settings = _paths(data[:MAX_BYTES])
    roots = _listed(settings.get(_ROOT, "")) or ["Models"]
    folders: dict[str, list[str]] = {"diffusion_models": list(ALWAYS)}
    for setting, (kind, default) in FOLDERS.items():
        folders.setdefault(kind, []).extend(_listed(settings.get(setting, "")) or _listed(default))
    return roots, folders


def _paths(data: bytes) -> dict[str, str]:
    text, _ = documents.decoded(data)
    found: dict[str, str] = {}
    inside = False
    for line in text.splitlines():
        key, colon, value = line.strip().partition(":")
        if not colon or line.lstrip().startswith("#"):
            continue
        if line[:1] not in {"\t", " "}:
            inside = key == "Paths"
        elif inside:
            found[key] = value.strip().replace("\\x", "")
    return found


def _listed(value: str) -> list[str]:
    return [part.strip() for part in value.split(";") if part.strip()]

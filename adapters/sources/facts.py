"""What is told of a model: by one file of a manager, and by all of them together."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from engine.facts.source import Notice


class Origin(StrEnum):
    """Who tells something of a model, in the order in which they are believed."""

    LORA_MANAGER = "lora_manager"
    WEBUI = "webui"
    SWARM = "swarm"
    STABILITY_MATRIX = "stability_matrix"
    CIVITAI = "civitai"
    INVOKEAI = "invokeai"
    HEADER = "header"

    @property
    def known_as(self) -> str:
        """The name that people know."""
        return _TITLES[self]


_TITLES = {
    Origin.LORA_MANAGER: "LoRA Manager",
    Origin.WEBUI: "AUTOMATIC1111 or Forge",
    Origin.SWARM: "SwarmUI",
    Origin.STABILITY_MATRIX: "Stability Matrix",
    Origin.CIVITAI: "Civitai",
    Origin.INVOKEAI: "InvokeAI",
    Origin.HEADER: "the file's header",
}


class ModelFile(msgspec.Struct, frozen=True, gc=False):
    """A model's file: its base name, and its size in bytes, None where there is no such file."""

    name: str
    size: int | None

    @property
    def stem(self) -> str:
        """The name without its last suffix, by which sidecars and previews are found."""
        return stem_of(self.name)


def stem_of(name: str) -> str:
    """A file's name without its last suffix: `x.v1.5.safetensors` is `x.v1.5`."""
    stem, dot, _ = name.rpartition(".")
    return stem if dot and stem else name


class Assertion(msgspec.Struct, frozen=True, gc=False):
    """A hash that a source names for a model.

    `size` is that of the file which the hash is said to be of, in bytes; `file_name` its name
    where the source tells of several files. An `objection` says why it cannot be the file's
    SHA-256, whatever the file is.
    """

    sha256: str
    size: float | None = None
    file_name: str = ""
    objection: str = ""


class Claim(msgspec.Struct, frozen=True, gc=False):
    """A SHA-256 that may be the file's: 64 lower-case hex digits, and who says so."""

    sha256: str
    by: Origin


class Picture(msgspec.Struct, frozen=True, gc=False):
    """A picture or a video of a model: in which file it lies, and where in it.

    `file` is a name within the model's folder, or a path where it lies elsewhere. `place` is
    empty where the file itself is the picture, else the key that `embedded.content` takes.
    """

    file: str
    place: str = ""
    video: bool = False


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one file of a manager tells of a model, validated.

    Text is plain. `created_at` is in ms since 1970, 0 where nothing is told. `tensors` are hashes
    of the weights alone, as they are written. `embedded` are places of pictures in the file
    itself; `named` are base names of pictures that it names, the best first, or addresses of those
    that are nowhere else; `examples` the ids of a user's own example pictures, in order. `hidden`
    is what the user hid in the manager. `text` is the file as it was, for the journal.
    """

    origin: Origin
    file: str
    name: str = ""
    type: str = ""
    description: str = ""
    community_links: str = ""
    positive: str = ""
    negative: str = ""
    tags: tuple[str, ...] = ()
    created_at: int = 0
    assertions: tuple[Assertion, ...] = ()
    tensors: tuple[str, ...] = ()
    embedded: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    hidden: bool = False
    text: str = ""
    notices: tuple[Notice, ...] = ()


class Facts(msgspec.Struct, frozen=True, omit_defaults=True):
    """What all files together tell of a model.

    `claims` passed every check; `claimed` is the first of them where none contradicts it.
    """

    name: str
    type: str = ""
    description: str = ""
    community_links: str = ""
    positive: str = ""
    negative: str = ""
    tags: tuple[str, ...] = ()
    created_at: int = 0
    claims: tuple[Claim, ...] = ()
    claimed: Claim | None = None
    notices: tuple[Notice, ...] = ()

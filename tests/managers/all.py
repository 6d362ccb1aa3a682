"""Every manager's library, by a name for its tests."""

from __future__ import annotations

from tests.managers import invokeai, lora_manager, stability_matrix, swarm, webui
from tests.managers.making import Library

LIBRARIES: dict[str, Library] = {
    "lora_manager": lora_manager.LIBRARY,
    "webui": webui.LIBRARY,
    "stability_matrix": stability_matrix.LIBRARY,
    "swarmui": swarm.LIBRARY,
    "invokeai_4.0": invokeai.library(7),
    "invokeai_5.12": invokeai.library(20),
    "invokeai_6.9": invokeai.library(24),
}

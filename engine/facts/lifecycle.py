"""What a model goes through: the state machine, declared once, and the table derived from it.

python-statemachine declares and checks the machine; it takes about 70 us a transition, too slow
for bulk rows, so the store and its SQL guards use `TRANSITIONS`, which is read off the
declaration. Nothing here has an effect.
"""

from __future__ import annotations

from itertools import pairwise

from statemachine import State, StateMachine

from engine.facts.states import ModelState


class ModelLifecycle(StateMachine):
    """The life of one model on its way into the library; `model.failed_in` guards `retry`."""

    pending = State(initial=True)
    imported = State()
    images_done = State()
    promoted = State(final=True)
    failed = State()

    settle = pending.to(imported)
    finish_images = imported.to(images_done)
    promote = images_done.to(promoted)
    fail = pending.to(failed) | imported.to(failed) | images_done.to(failed)
    retry = (
        failed.to(pending, cond="failed_while_pending")
        | failed.to(imported, cond="failed_while_imported")
        | failed.to(images_done, cond="failed_while_images_done")
    )

    def failed_while_pending(self) -> bool:
        """Whether `retry` leads back to `pending`."""
        return bool(self.model.failed_in == ModelState.PENDING)

    def failed_while_imported(self) -> bool:
        """Whether `retry` leads back to `imported`."""
        return bool(self.model.failed_in == ModelState.IMPORTED)

    def failed_while_images_done(self) -> bool:
        """Whether `retry` leads back to `images_done`."""
        return bool(self.model.failed_in == ModelState.IMAGES_DONE)


def _transitions() -> tuple[tuple[str, ModelState, ModelState], ...]:
    return tuple(
        (str(event), ModelState(transition.source.id), ModelState(target.id))
        for state in ModelLifecycle.states
        for transition in state.transitions
        for target in transition.targets
        for event in transition.events
    )


TRANSITIONS = _transitions()
"""Every legal (event, source, target), in the order of the declaration."""

LEGAL = frozenset((source, target) for _, source, target in TRANSITIONS)
"""Every legal (source, target)."""


def _ways() -> dict[ModelState, tuple[ModelState, ...]]:
    ways: dict[ModelState, tuple[ModelState, ...]] = {ModelState.PENDING: (ModelState.PENDING,)}
    states = [ModelState.PENDING]
    for state in states:  # grows as it goes: breadth first
        for _, source, target in TRANSITIONS:
            if source is state and target not in ways:
                ways[target] = (*ways[state], target)
                states.append(target)
    return ways


WAYS = _ways()
"""The shortest legal way from `pending` to each state, both included.

A row that nothing holds up takes all its steps in the transaction that records it.
"""


def steps_from(state: ModelState) -> list[tuple[ModelState, ModelState]]:
    """The (source, target) of each step from a state on the way to `promoted`."""
    way = WAYS[ModelState.PROMOTED]
    return list(pairwise(way[way.index(state) :]))


def mermaid() -> str:
    """The machine as a Mermaid state diagram, for the README."""
    lines = ["stateDiagram-v2", "    [*] --> pending"]
    lines += [f"    {source} --> {target}: {event}" for event, source, target in TRANSITIONS]
    lines.append("    promoted --> [*]")
    return "\n".join(lines)

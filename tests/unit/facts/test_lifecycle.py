"""The declared machine, and the table that is read off it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from statemachine.exceptions import TransitionNotAllowed

from engine.facts.lifecycle import LEGAL, TRANSITIONS, ModelLifecycle, mermaid
from engine.facts.states import ModelState

EVENTS = sorted(
    {str(event) for state in ModelLifecycle.states for t in state.transitions for event in t.events}
)
RETRYABLE = [ModelState.PENDING, ModelState.IMPORTED, ModelState.IMAGES_DONE]


def driven(state: ModelState, event: str, failed_in: ModelState | None) -> ModelState | None:
    """Where the machine itself goes; None where it refuses."""
    life = SimpleNamespace(state=state.value, failed_in=failed_in)
    try:
        ModelLifecycle(life).send(event)
    except TransitionNotAllowed:
        return None
    return ModelState(life.state)


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("state", list(ModelState))
def test_the_machine_and_the_table_agree_in_every_pair(state: ModelState, event: str) -> None:
    reached = {
        target
        for failed_in in [None, *ModelState]
        if (target := driven(state, event, failed_in)) is not None
    }
    assert reached == {
        target for name, source, target in TRANSITIONS if (name, source) == (event, state)
    }


def test_legal_holds_exactly_the_pairs_of_the_table() -> None:
    assert {(source, target) for _, source, target in TRANSITIONS} == LEGAL


def test_the_table_holds_nine_transitions_of_the_five_states() -> None:
    assert len(TRANSITIONS) == len(set(TRANSITIONS)) == 9


def test_the_states_of_the_machine_are_those_of_the_enumeration() -> None:
    assert {str(state.value) for state in ModelLifecycle.states} == set(ModelState)


@pytest.mark.parametrize("failed_in", RETRYABLE)
def test_retry_returns_to_the_state_it_failed_in(failed_in: ModelState) -> None:
    assert driven(ModelState.FAILED, "retry", failed_in) is failed_in


@pytest.mark.parametrize("failed_in", [None, ModelState.PROMOTED, ModelState.FAILED])
def test_retry_is_refused_where_nothing_can_have_failed(failed_in: ModelState | None) -> None:
    assert driven(ModelState.FAILED, "retry", failed_in) is None


def test_nothing_leads_out_of_promoted() -> None:
    assert not [source for source, _ in LEGAL if source is ModelState.PROMOTED]


def test_every_state_but_the_first_can_be_reached() -> None:
    assert {target for _, target in LEGAL} | {ModelState.PENDING} == set(ModelState)


def test_restoring_a_state_fires_no_transition() -> None:
    life = SimpleNamespace(state="images_done", failed_in=None)
    ModelLifecycle(life)
    assert life.state == "images_done"


@pytest.mark.parametrize(("event", "source", "target"), TRANSITIONS)
def test_the_diagram_names_every_transition(
    event: str, source: ModelState, target: ModelState
) -> None:
    assert f"    {source} --> {target}: {event}" in mermaid().splitlines()


def test_the_diagram_names_nothing_else() -> None:
    assert len(mermaid().splitlines()) == len(TRANSITIONS) + 3


def test_the_diagram_begins_at_pending_and_ends_at_promoted() -> None:
    lines = mermaid().splitlines()
    assert (lines[1].strip(), lines[-1].strip()) == ("[*] --> pending", "promoted --> [*]")

"""One operation under one fault, its relief, and what must be true at every point between."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

from adapters.files.library import SCRATCH_NAME
from tests.faults.forkserver import Ended, ForkServer
from tests.faults.interposer import Fault, Tally, settings
from tests.faults.scenarios import Scenario, verify
from tests.faults.states import differences, has_journal, is_sound, promoted, state_of

AHEAD = ("image_missing", "image_unreadable", "record_invalid", "file_missing")
"""What `verify` must not find after any fault: a row that claims more than is on disk."""

REPEATED = ("scan", "repair")
"""No run tells of these: they are asked for again."""

KILLED = -9
STORAGE = 6
LIBRARY_MISSING = 5
LONGEST = 1500
"""Characters of one divergence that are told."""


class Attempt(NamedTuple):
    """What came of one point: whether the fault struck, and what was not as it must be."""

    point: str
    struck: bool
    divergences: list[str]


def attempt(scenario: Scenario, fault: Fault, server: ForkServer, folder: Path) -> Attempt:
    """Do the operation with a fault in it, then recover, and compare; the folder is removed.

    What is killed is a client that says what it was told, and what fails is the command line,
    except for edits, which the command line does not offer.
    """
    stage = scenario.prepare(folder / "stage")
    tally = Tally(folder / "tally")
    armed = settings(stage, fault, tally)
    killed = fault.kind in ("kill", "tear")
    asks_client = scenario.client and (killed or not scenario.command)
    ask = scenario.ask_client if asks_client else scenario.ask
    done = ask(server, stage, armed)
    told = _told(done) if asks_client else []
    wrong = [*_end(done, tally.struck, killed), *kept(scenario, server, stage, told)]
    if not wrong and done.code == 0 and scenario.command:
        # What ended well is whole, but for a scratch folder that the disk would not let go.
        found = state_of(stage / "library")
        names = [name for name in found.names if not name.startswith(SCRATCH_NAME)]
        wrong = differences(found._replace(names=names), scenario.end)
    wrong = wrong or recover(scenario, server, stage, told)
    struck = tally.struck
    shutil.rmtree(folder)
    return Attempt(f"{scenario.name}: {fault}", struck, _shortened(wrong))


def attempt_twice(
    scenario: Scenario, first: Fault, second: Fault, server: ForkServer, folder: Path
) -> Attempt:
    """As `attempt`, with a second kill while the first is recovered from."""
    stage = scenario.prepare(folder / "stage")
    client = scenario.client or ()
    ask = scenario.ask_client if client else scenario.ask
    told = _told(ask(server, stage, settings(stage, first)))
    tally = Tally(folder / "tally")
    done = scenario.resume(server, stage, settings(stage, second, tally))
    wrong = [*_end(done, tally.struck, killed=True), *kept(scenario, server, stage, told)]
    wrong = wrong or recover(scenario, server, stage, told)
    struck = tally.struck
    shutil.rmtree(folder)
    point = f"{scenario.name}: {first}, then {second} of resume"
    return Attempt(point, struck, _shortened(wrong))


def recover(
    scenario: Scenario, server: ForkServer, stage: Path, told: list[dict[str, Any]]
) -> list[str]:
    """Resume, ask again where the operation had not begun, and compare with the end."""
    library = stage / "library"
    resumed = scenario.resume(server, stage)
    if resumed.code == LIBRARY_MISSING and not has_journal(library):
        pass  # the fault came before there was a library: nothing was acknowledged
    elif resumed.code != 0 or "Traceback" in resumed.err:
        return [f"resume ended with {resumed.code}: {resumed.err}"]
    if any(line.get("ended") for line in told):
        return differences(state_of(library), scenario.end)
    if not scenario.command:
        return _go_on(scenario, server, stage, told)
    if scenario.name in REPEATED or not scenario.has_ended(library):
        again = scenario.ask(server, stage, {})
        if again.code != 0:
            return [f"the same again ended with {again.code}: {again.err}"]
    return differences(state_of(library), scenario.end)


def _go_on(
    scenario: Scenario, server: ForkServer, stage: Path, told: list[dict[str, Any]]
) -> list[str]:
    """Edits: the state is that after those acknowledged, or one more; the rest follows."""
    done = max((line["done"] for line in told if "done" in line), default=0)
    found = state_of(stage / "library")
    for number in (done, done + 1):
        if number < len(scenario.steps) and not differences(found, scenario.steps[number]):
            break
    else:
        return [f"after {done} edits: " + "; ".join(differences(found, scenario.steps[done]))]
    rest = scenario.ask_client(server, stage, {}, number)
    if rest.code != 0:
        return [f"the rest of the edits ended with {rest.code}: {rest.err}"]
    return differences(state_of(stage / "library"), scenario.end)


def _end(done: Ended, struck: bool, killed: bool) -> list[str]:
    """How a command under a fault may end: killed, with 6 and a sentence, or unimpressed."""
    if done.hung:
        return ["it hung"]
    if killed:
        expected = KILLED if struck else 0
        return [] if done.code == expected else [f"it ended with {done.code}: {done.err}"]
    if "Traceback" in done.err or "Exception" in done.err:
        return [f"it ended with {done.code} and a traceback: {done.err}"]
    if done.code == 0:
        return []
    if done.code != STORAGE or not struck:
        return [f"it ended with {done.code}: {done.err}"]
    if not (done.err.startswith("reshelve: ") and "failed" in done.err) and not _refused(done):
        return [f"it does not say why: {done.err!r}"]
    return []


def _refused(done: Ended) -> bool:
    return any(line.get("code") == "storage_failed" for line in _told(done))


def kept(
    scenario: Scenario, server: ForkServer, stage: Path, told: list[dict[str, Any]]
) -> list[str]:
    """No row ahead of the disk and nothing acknowledged lost, as the fault has left it.

    Looked at in a copy: reading a database folds its log into it.
    """
    copy = stage.with_name("as left")
    shutil.copytree(stage, copy)
    library = copy / "library"
    try:
        if not has_journal(library):
            return ["acknowledged, and there is no library"] if _promised(told) else []
        if not is_sound(library):
            return ["the database is damaged"]
        found = [fault for fault in verify(server, library) if fault.startswith(AHEAD)]
        wrong = [fault for fault in found if fault not in scenario.faults]
        if scenario.name != "edit" and promoted(library) < _promised(told):
            wrong.append(f"{_promised(told)} were told as promoted, {promoted(library)} are")
        return wrong
    finally:
        shutil.rmtree(copy)


def _shortened(wrong: list[str]) -> list[str]:
    """The end of what is told: that of a traceback says why."""
    return [text if len(text) < LONGEST else f"… {text[-LONGEST:]}" for text in wrong]


def _promised(told: list[dict[str, Any]]) -> int:
    return max((line["promoted"] for line in told if "promoted" in line), default=0)


def _told(done: Ended) -> list[dict[str, Any]]:
    """What was acknowledged; a last line that a kill has cut short was not."""
    return [json.loads(line) for line in done.out.split("\n")[:-1]]

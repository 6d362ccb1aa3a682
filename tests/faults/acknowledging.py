"""A client in the library's own process that says what it was told, as soon as it was told.

Each line on standard output is one acknowledgement in JSON. What a line says has to be true after
any fault that comes later.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from adapters.composition import Reshelve
from engine.errors import ReshelveError, cause_of
from engine.facts.conflicts import ConflictStrategy
from engine.facts.status import RunStatus
from engine.service import MigrationService
from tests.sources import request

REFUSED = 6


def say(**told: Any) -> None:
    """One acknowledgement."""
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


async def migrate(service: MigrationService, source: str) -> None:
    """Stage 1, with every status that a follower of the events is told."""
    asked = request(source, Path(source).parent / "images")
    await _follow(service, await service.start(asked))


async def promote(service: MigrationService) -> None:
    """Stage 2 for all that wait, with every status."""
    ids = await service.pending_ids()
    await _follow(service, await service.begin_promotion(ids, ConflictStrategy.MERGE))


async def _follow(service: MigrationService, begun: RunStatus) -> None:
    assert begun.run is not None
    run_id = begun.run.id

    async def tell() -> None:
        after = 0
        while (event := await service.next_event(after)) is not None:
            after, status = event
            say(promoted=status.counts.promoted, total=status.counts.total)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tell)
        ended = await service.wait(run_id)
        tasks.cancel_scope.cancel()
    say(promoted=ended.counts.promoted, total=ended.counts.total, ended=True)


async def edit(service: MigrationService, plan: str, done: int) -> bool:
    """Uploads and removals of a plan, less those done before; a refused one is tried again.

    Whether a refused one was done all the same is read off the number of images. False when the
    disk refuses for good.
    """
    catalogue = service.catalogue
    for number, step in enumerate(json.loads(await anyio.Path(plan).read_text())):
        if number < done:
            continue
        sha256 = step["sha256"]
        count = await catalogue.images_count(sha256)
        for _ in range(3):
            try:
                if "upload" in step:
                    await catalogue.upload(sha256, await anyio.Path(step["upload"]).read_bytes())
                else:
                    await catalogue.remove_image(sha256, step["remove"])
            except ReshelveError as error:
                say(refused=number, error=str(error), code=error.code)
                if await catalogue.images_count(sha256) != count:
                    break
            else:
                break
        else:
            return False
        say(done=number + 1)
    return True


async def act(action: str, library: str, *rest: str) -> int:
    """One of the above, in a library that is owned for it; 6 when the disk refused."""
    async with Reshelve().service(Path(library), 1) as service:
        if action == "migrate":
            await migrate(service, *rest)
        elif action == "promote":
            await promote(service)
        else:
            return 0 if await edit(service, rest[0], int(rest[1])) else REFUSED
    return 0


def main() -> int:
    """Act as the arguments say; 6 when the disk refused."""
    try:
        return anyio.run(partial(act, *sys.argv[1:]))
    except BaseException as error:
        cause = cause_of(error)
        if isinstance(cause, ReshelveError):
            print(f"reshelve: {cause}", file=sys.stderr)  # noqa: T201
            return REFUSED
        raise


if __name__ == "__main__":
    sys.exit(main())

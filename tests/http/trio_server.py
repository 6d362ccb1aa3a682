"""The same application under another server: hypercorn on trio, in a thread of this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest
from anyio.abc import TaskStatus
from anyio.from_thread import start_blocking_portal

from adapters.composition import PAGE, Reshelve
from adapters.http.answers import LibraryPlace
from adapters.http.app import Settings, create_app
from adapters.http.gate import Policy
from adapters.http.requests import AllowedPaths
from adapters.http.server import listen
from engine.facts.files import Root
from tests.http.server import Client


@contextmanager
def serving_on_trio(folder: Path) -> Iterator[Client]:
    """A server on the library in `folder`, which may read all that lies there."""
    pytest.importorskip("hypercorn")
    listener = listen("127.0.0.1", 0)
    port: int = listener.getsockname()[1]
    with start_blocking_portal("trio") as portal:
        stop = portal.call(anyio.Event)
        # Whoever takes the descriptor closes it.
        running, _ = portal.start_task(_serve_until, stop, port, listener.detach(), folder)
        try:
            yield Client(f"http://127.0.0.1:{port}/")
        finally:
            portal.call(stop.set)
            running.result(20)


async def _serve_until(
    stop: anyio.Event, port: int, descriptor: int, folder: Path, *, task_status: TaskStatus[None]
) -> None:
    """The application over the service of the composition root, until `stop`."""
    from hypercorn.config import Config  # only where it is installed

    hypercorn_trio = pytest.importorskip("hypercorn.trio")
    name = f"127.0.0.1:{port}"
    settings = Settings(
        policy=Policy(hosts=frozenset({name}), origins=frozenset(), token=None),
        allowed=AllowedPaths((folder,)),
        page=PAGE,
        place=LibraryPlace(str(folder), "1"),
        roots=(Root("loras", str(folder / "legacy" / "models")),),
    )
    config = Config()
    config.bind = [f"fd://{descriptor}"]
    config.graceful_timeout = 1
    async with Reshelve().service(folder / "library", 2) as service:
        app = create_app(service, settings)
        task_status.started()
        await hypercorn_trio.serve(app, config, shutdown_trigger=stop.wait)

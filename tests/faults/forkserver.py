"""A process with all of reshelve imported, which forks a child for each command.

A sweep runs thousands of commands; a fork costs a fiftieth of starting the interpreter anew. The
interposed library is loaded into the server, where it does nothing, and armed in the child.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, NoReturn

from tests.faults import interposer

LIMIT_SECONDS = 60
"""A command that takes longer has hung: its disk may be failing, but it has to end."""

IMPORTED = (
    "adapters.composition",
    "adapters.cli.commands",
    "adapters.files.images",
    "adapters.files.library",
    "adapters.files.models",
    "adapters.files.stored",
    "adapters.sources.hikaze1.reader",
    "adapters.http.launch",
    "adapters.pillow.codec",
    "adapters.sqlite.store",
    "anyio._backends._asyncio",
    "engine.ports.clock",
    "engine.service",
    "engine.library.verification",
    "logging",
    "rich.table",
    "sqlite3",
    "tests.faults.acknowledging",
)


class Ended(NamedTuple):
    """How a command ended; a negative code is that of the signal that killed it."""

    code: int
    out: str
    err: str
    seconds: float
    hung: bool


class ForkServer:
    """Runs commands one after the other, each in a child that is forked for it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._streams = (folder / "out", folder / "err")
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "LD_PRELOAD": str(interposer.library())},
        )

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def run(
        self,
        *arguments: str | Path,
        program: str = "adapters.composition",
        settings: Mapping[str, str] | None = None,
    ) -> Ended:
        """Run `main()` of a module with these arguments to its end; one that hangs is killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {
            "program": program,
            "arguments": [str(argument) for argument in arguments],
            "settings": dict(settings or {}),
            "streams": [str(path) for path in self._streams],
        }
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        out, err = (path.read_text(errors="replace") for path in self._streams)
        return Ended(answer["code"], out, err, answer["seconds"], answer["hung"])


@contextmanager
def fork_servers(folder: Path, count: int) -> Iterator[list[ForkServer]]:
    """As many servers, for the length of a block."""
    servers = [ForkServer(folder / f"server {number}") for number in range(count)]
    try:
        yield servers
    finally:
        for server in servers:
            server.__exit__(None, None, None)


def serve() -> None:
    """Fork a child for each request on standard input, and answer how it ended."""
    for name in IMPORTED:
        importlib.import_module(name)
    gc.freeze()
    for line in sys.stdin.buffer:
        request = json.loads(line)
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            _become(request)  # goes on to its own end, and never comes back
        code, hung = _wait(child)
        seconds = time.monotonic() - began
        answer = {"code": code, "hung": hung, "seconds": seconds}
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()


def _wait(child: int) -> tuple[int, bool]:
    descriptor = os.pidfd_open(child)
    try:
        ended, _, _ = select.select([descriptor], [], [], LIMIT_SECONDS)
    finally:
        os.close(descriptor)
    if not ended:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), not ended


def _become(request: dict[str, Any]) -> NoReturn:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, path in enumerate(request["streams"], 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    os.environ.update(request["settings"])
    sys.argv = ["reshelve", *request["arguments"]]
    ctypes.CDLL(None).faults_arm()
    code = 1
    try:
        code = importlib.import_module(request["program"]).main()
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    except BaseException:
        traceback.print_exc()
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    sys.stdout.flush()
    sys.stderr.flush()
    # Without the interpreter's own end, which would take longer than the command.
    os._exit(code)


if __name__ == "__main__":
    serve()

"""Real file systems of a given size, where this process may mount one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, kibibytes: int) -> Iterator[Callable[[int], None]]:
    """A file system of that size, when this process may mount one; gives how to change it."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k", "reshelve-test", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True, timeout=30)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system may be mounted here")

    def resize(kibibytes: int) -> None:
        size = f"remount,size={kibibytes}k"
        subprocess.run(["mount", "-o", size, str(folder)], check=True, timeout=30)

    try:
        yield resize
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=30)

"""A disk that refuses one name: what is written under it ends in an error, all else is done."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def refused(name: str) -> Iterator[None]:
    """The disk gives no file this name."""
    link, replace = os.link, Path.replace

    def judge(target: Path) -> None:
        if Path(target).name == name:
            raise OSError(errno.EIO, "Input/output error", str(target))

    def judged_link(source: Path, target: Path) -> None:
        judge(target)
        link(source, target)

    def judged_replace(source: Path, target: Path) -> Path:
        judge(target)
        return replace(source, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "link", judged_link)
        patch.setattr(Path, "replace", judged_replace)
        yield

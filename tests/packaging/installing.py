"""Archives built from this checkout, and environments to install them in, without any network."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.commands import TIMEOUT
from tests.http.server import Server

ROOT = Path(__file__).parents[2]


def output_of(*words: str | Path, cwd: Path = ROOT) -> str:
    """What a program writes, to its end; where it fails, what it said is told."""
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def serving(*program: str | Path, library: Path, cwd: Path) -> Iterator[Server]:
    """What `program` serves, for the length of a block."""
    words = [str(word) for word in (*program, "serve", "--library", library, "--port", "0")]
    server = Server(
        subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd)
    )
    try:
        server.wait_for_url()
        yield server
    finally:
        server.stop()


def build(tree: Path, target: Path, kind: str) -> Path:
    """The archive of a source tree: `kind` is wheel or sdist."""
    output_of(sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", target, cwd=tree)
    (archive,) = target.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return archive


class Environment(NamedTuple):
    """A virtual environment of its own."""

    folder: Path

    @property
    def programs(self) -> Path:
        """Where its commands lie."""
        return self.folder / ("Scripts" if os.name == "nt" else "bin")

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.programs / Path(sys.executable).name

    @property
    def command(self) -> Path:
        """The command `reshelve`."""
        return self.programs / "reshelve"

    def install(self, *wheels: Path) -> None:
        """Put wheels into it, and nothing else."""
        pip = (sys.executable, "-m", "pip", "--python", self.python, "install", "--quiet")
        output_of(*pip, "--no-index", "--no-deps", *wheels)


def environment(folder: Path) -> Environment:
    """A fresh environment that holds what this one does, less reshelve.

    Each package is linked by itself: the folder as a whole would bring an editable install along.
    """
    venv.create(folder)
    made = Environment(folder)
    lent = folder / "lent"
    lent.mkdir()
    for name in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for package in Path(name).iterdir():
            if "reshelve" not in package.name and not package.name.endswith(".pth"):
                (lent / package.name).symlink_to(package, target_is_directory=package.is_dir())
    variables = {"base": str(folder), "platbase": str(folder)}
    own = Path(sysconfig.get_path("purelib", vars=variables))
    (own / "lent.pth").write_text(str(lent), encoding="utf-8")
    return made


def wheel_of(folder: Path, name: str, modules: dict[str, str]) -> Path:
    """The wheel of a distribution that is nothing but these modules, by path."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-1.0.dist-info"
    files = {
        **modules,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{info}/RECORD"
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(record, "".join(f"{path},,\n" for path in [*files, record]))
    return wheel

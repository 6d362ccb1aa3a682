"""The wheel: one package, which runs beside others of the same names as our folders."""

from __future__ import annotations

import json
import shutil
import sys
import tarfile
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from engine import __version__
from tests.architecture.test_architecture import imports
from tests.packaging.installing import (
    ROOT,
    Environment,
    build,
    environment,
    output_of,
    serving,
    wheel_of,
)

ROUTES = "/api/schema/openapi.json"
SAYS = "print('the adapters of somebody else')\n"


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("built"), "wheel")


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    return message_from_bytes(contents(wheel)[f"reshelve-{__version__}.dist-info/METADATA"])


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """reshelve, and after it two distributions that are named as our folders are."""
    folder = tmp_path_factory.mktemp("installed")
    made = environment(folder / "a venv")
    adapters = {
        "adapters/__init__.py": "",
        "adapters/__main__.py": SAYS,
        "adapters/composition.py": "raise SystemExit('this is not reshelve')\n",
    }
    engine = {"engine/__init__.py": "", "engine/errors.py": "WHOSE = 'somebody else'\n"}
    made.install(wheel)
    made.install(wheel_of(folder, "adapters", adapters), wheel_of(folder, "engine", engine))
    return made


@pytest.fixture(scope="module")
def demo(installed: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "my demo 模型"
    output_of(installed.command, "demo", folder, "--quiet", cwd=folder.parent)
    return folder


def test_nothing_but_the_package_is_installed(wheel: Path) -> None:
    top = {name.partition("/")[0] for name in contents(wheel)}
    assert top == {"reshelve", f"reshelve-{__version__}.dist-info"}


def test_every_file_of_the_checkout_is_in_the_wheel(wheel: Path) -> None:
    here = {
        f"reshelve/{path.relative_to(ROOT).as_posix()}"
        for package in ("engine", "adapters")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert len(here) > 100
    assert here <= contents(wheel).keys()


def test_no_module_of_the_wheel_imports_a_folder_of_the_checkout(wheel: Path) -> None:
    found = {
        (name, imported)
        for name, source in contents(wheel).items()
        if name.endswith(".py")
        for imported in imports(source.decode(), name)
        if imported.partition(".")[0] in {"engine", "adapters"}
    }
    assert found == set()


def test_every_line_of_a_module_is_where_it_was(wheel: Path) -> None:
    for name, source in contents(wheel).items():
        if name.startswith(("reshelve/engine", "reshelve/adapters")) and name.endswith(".py"):
            checkout = (ROOT / name.removeprefix("reshelve/")).read_bytes()
            assert source.replace(b"from reshelve.", b"from ") == checkout, name


def test_the_sdist_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(build(ROOT, tmp_path / "sdist", "sdist")) as archive:
        archive.extractall(tmp_path, filter="data")
    again = build(tmp_path / f"reshelve-{__version__}", tmp_path / "again", "wheel")
    assert contents(again) == contents(wheel)


def test_the_description_shows_no_picture_that_an_index_cannot_find(metadata: Message) -> None:
    text = metadata.get_payload()
    assert isinstance(text, str)
    assert "# reshelve" in text
    assert ".readme/" not in text


def test_the_command_runs_beside_packages_of_our_folders_names(demo: Path) -> None:
    assert (demo / "library" / "hikaze_model_manager.db").is_file()


def test_the_module_runs_beside_packages_of_our_folders_names(
    installed: Environment, demo: Path
) -> None:
    status = (installed.python, "-m", "reshelve", "status", "--library", demo / "library", "--json")
    assert json.loads(output_of(*status, cwd=demo))["counts"]["total"] == 38


def test_the_other_packages_are_left_as_they_are(installed: Environment, tmp_path: Path) -> None:
    assert output_of(installed.python, "-m", "adapters", cwd=tmp_path).startswith("the adapters of")
    whose = "import engine.errors; print(engine.errors.WHOSE)"
    assert output_of(installed.python, "-c", whose, cwd=tmp_path) == "somebody else\n"


def test_the_installed_command_tells_its_version(installed: Environment, tmp_path: Path) -> None:
    assert output_of(installed.command, "--version", cwd=tmp_path) == f"reshelve {__version__}\n"


def test_a_program_opens_a_library_by_what_the_package_exports(
    installed: Environment, demo: Path
) -> None:
    program = (
        "import sys, anyio, pathlib, reshelve\n"
        "from reshelve.engine.ports.queries import StatusOf\n"
        "async def main():\n"
        "    async with reshelve.Reshelve().reader(pathlib.Path(sys.argv[1])) as reader:\n"
        "        print((await reader.ask(StatusOf())).counts.total, reshelve.__version__)\n"
        "anyio.run(main)\n"
    )
    told = output_of(installed.python, "-c", program, demo / "library", cwd=demo)
    assert told == f"38 {__version__}\n"


def test_the_installed_server_shows_the_page_and_routes_of_the_checkout(
    installed: Environment, demo: Path, tmp_path: Path
) -> None:
    with serving(installed.command, library=demo / "library", cwd=tmp_path) as server:
        page, routes = server.get("/"), server.get(ROUTES)
    checkout = (sys.executable, "-m", "reshelve")
    with serving(*checkout, library=tmp_path / "library", cwd=tmp_path) as server:
        assert page.body == server.get("/").body
        assert routes.json == server.get(ROUTES).json


def test_sources_that_are_installed_nowhere_run(tmp_path: Path) -> None:
    tree = tmp_path / "a copy"
    for package in ("engine", "adapters"):
        shutil.copytree(ROOT / package, tree / package)
    program = (environment(tmp_path / "venv").python, "-m", "adapters.composition")
    with serving(*program, library=tmp_path / "library", cwd=tree) as server:
        assert server.get("/api/library").json["version"] == __version__


def test_an_editable_install_runs_as_a_module(tmp_path: Path) -> None:
    told = output_of(sys.executable, "-m", "reshelve", "--version", cwd=tmp_path)
    assert told == f"reshelve {__version__}\n"


def test_the_changes_of_this_version_are_told() -> None:
    headings = [
        line.removeprefix("## ").partition(",")[0]
        for line in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("## ")
    ]
    assert headings[0] == __version__

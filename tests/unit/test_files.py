"""Bytes on disk: durable writes, adopted originals, untrusted reads, one owner."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.files.durable import NO_LINKS, create_file, is_temporary, replace_file
from adapters.files.images import FolderImages
from adapters.files.library import LOCK_NAME, DiskLibrary, is_owned, owned_library
from adapters.files.models import DiskModels
from engine.errors import LibraryInUse, StorageFailed
from engine.facts.files import ImageFolder
from engine.facts.previews import MAX_IMAGE_BYTES, UnusableImage
from engine.facts.source import ImageRef
from tests.unit.rows import sha

ROOT = Path(__file__).parents[2]
IMAGE, ONE, TWO, THREE = (
    b"\x89PNG\r\n\x1a\n" + content for content in (b"image", b"one", b"two", b"three")
)
TIERS = (b"high", b"medium", b"low")
posix = pytest.mark.skipif(os.name == "nt", reason="there is no such thing on Windows")

OWN = """
import sys
from pathlib import Path
from adapters.files.library import owned_library
from engine.errors import LibraryInUse
try:
    with owned_library(Path(sys.argv[1])):
        print("owned", flush=True)
        sys.stdin.read()
except LibraryInUse as error:
    print(error.code, flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An image folder whose name trips over nothing."""
    made = tmp_path / "my images 😀 ?#%20"
    made.mkdir()
    return made


@pytest.fixture
def owned(tmp_path: Path) -> Iterator[DiskLibrary]:
    with owned_library(tmp_path / "library") as found:
        yield found


def pending(tmp_path: Path) -> Path:
    return tmp_path / "library" / "images" / "pending"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def images_in(folder: Path, *named: Path) -> FolderImages:
    """A folder of images, which was named with others."""
    return FolderImages(ImageFolder(str(folder), tuple(map(str, (folder, *named)))))


def refused(folder: Path, name: str) -> str:
    """Why an image cannot be read."""
    with pytest.raises(UnusableImage) as reason:
        images_in(folder).read(ImageRef(name))
    return reason.value.code


def other_process(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", OWN, str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


# Durable writes.


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    create_file(tmp_path / "a", [b"one ", b"two"])
    assert (tmp_path / "a").read_bytes() == b"one two"


@pytest.fixture(
    params=[None, *sorted(NO_LINKS)], ids=lambda code: errno.errorcode.get(code, "links")
)
def links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that gives a file a second name, or refuses to in one of the ways there are."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(request.param, os.strerror(request.param))

    if request.param:
        monkeypatch.setattr(os, "link", refuse)


@pytest.mark.usefixtures("links")
def test_a_file_is_written_whole_on_any_file_system(tmp_path: Path) -> None:
    create_file(tmp_path / "a", [b"one ", b"two"])
    assert (names(tmp_path), (tmp_path / "a").read_bytes()) == (["a"], b"one two")


@pytest.mark.usefixtures("links")
def test_a_written_file_replaces_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"somebody's")
    with pytest.raises(FileExistsError):
        create_file(tmp_path / "a", [b"new"])
    assert (names(tmp_path), (tmp_path / "a").read_bytes()) == (["a"], b"somebody's")


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old and longer")
    replace_file(tmp_path / "a", [b"new"])
    assert (names(tmp_path), (tmp_path / "a").read_bytes()) == (["a"], b"new")


def test_nothing_lies_beside_a_written_file(tmp_path: Path) -> None:
    create_file(tmp_path / "a", [b"one"])
    assert names(tmp_path) == ["a"]


def spoiled() -> Iterator[bytes]:
    yield b"half"
    raise OSError(errno.EIO, "Input/output error")


def test_a_write_that_fails_leaves_no_temporary_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Input/output error"):
        create_file(tmp_path / "a", spoiled())
    assert names(tmp_path) == []


def test_the_content_is_on_disk_before_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[list[str]] = []
    monkeypatch.setattr(os, "fsync", lambda _: synced.append(names(tmp_path)))
    create_file(tmp_path / "a", [b"new"])
    ((only,),) = synced
    assert is_temporary(only)


# Adopted originals.


def adopt(owned: DiskLibrary, folder: Path, name: str, content: bytes) -> str:
    (folder / name).write_bytes(content)
    return owned.adopt_original(name, images_in(folder).read(ImageRef(name)))


@pytest.mark.parametrize("name", ["a.png", "ä 😀 ?#%.png", "no suffix", ".hidden", "a.tar.gz"])
def test_an_original_keeps_its_name(
    owned: DiskLibrary, tmp_path: Path, folder: Path, name: str
) -> None:
    assert adopt(owned, folder, name, IMAGE) == name
    assert (pending(tmp_path) / name).read_bytes() == IMAGE


def test_the_same_original_is_adopted_once(
    owned: DiskLibrary, tmp_path: Path, folder: Path
) -> None:
    adopt(owned, folder, "a.png", IMAGE)
    adopt(owned, folder, "a.png", IMAGE)
    assert names(pending(tmp_path)) == ["a.png"]


def test_another_image_of_a_name_does_not_replace_the_first(
    owned: DiskLibrary, tmp_path: Path, folder: Path
) -> None:
    adopted = [adopt(owned, folder, "a.png", content) for content in (ONE, TWO, THREE)]
    assert {name: (pending(tmp_path) / name).read_bytes() for name in adopted} == dict(
        zip(adopted, (ONE, TWO, THREE), strict=True)
    )


def test_another_image_of_a_name_is_adopted_once(
    owned: DiskLibrary, tmp_path: Path, folder: Path
) -> None:
    adopted = [adopt(owned, folder, "a.png", content) for content in (ONE, TWO, TWO)]
    assert (adopted[1], len(names(pending(tmp_path)))) == (adopted[2], 2)


def test_another_image_of_a_name_keeps_its_suffix(owned: DiskLibrary, folder: Path) -> None:
    adopted = [adopt(owned, folder, "a.png", content) for content in (ONE, TWO)]
    assert adopted[1].startswith("a-")
    assert adopted[1].endswith(".png")


@pytest.mark.parametrize(
    "name", ["x" * 250 + ".png", "😀" * 62 + ".png", "a." + "x" * 250], ids=["long", "wide", "tail"]
)
def test_another_image_of_the_longest_name_is_adopted(
    owned: DiskLibrary, tmp_path: Path, folder: Path, name: str
) -> None:
    adopted = [adopt(owned, folder, name, content) for content in (ONE, TWO)]
    assert (pending(tmp_path) / adopted[1]).read_bytes() == TWO


def test_an_original_that_is_named_like_a_temporary_file_is_kept(
    owned: DiskLibrary, tmp_path: Path, folder: Path
) -> None:
    adopted = adopt(owned, folder, ".reshelve-mine.tmp", IMAGE)
    owned.sweep()
    assert (pending(tmp_path) / adopted).exists()


def test_an_original_whose_place_cannot_be_read_is_the_disks_failure(
    owned: DiskLibrary, tmp_path: Path, folder: Path
) -> None:
    (pending(tmp_path) / "a.png").mkdir()
    with pytest.raises(StorageFailed, match=r"a\.png"):
        adopt(owned, folder, "a.png", IMAGE)


def test_an_original_is_not_touched(owned: DiskLibrary, folder: Path) -> None:
    adopt(owned, folder, "a.png", IMAGE)
    assert (names(folder), (folder / "a.png").read_bytes()) == (["a.png"], IMAGE)


def test_an_original_that_is_missing_leaves_nothing(
    owned: DiskLibrary, tmp_path: Path, folder: Path
) -> None:
    with pytest.raises(UnusableImage) as reason:
        owned.adopt_original("gone.png", images_in(folder).read(ImageRef("gone.png")))
    assert (reason.value.code, names(pending(tmp_path))) == ("image_missing", [])


@pytest.mark.parametrize(
    "content",
    [b"", b"text", b"-----BEGIN KEY-----", b"SQLite format 3", b"<svg/>", b"BM is a car", b"GIF8"],
)
def test_what_is_no_image_is_not_adopted(
    owned: DiskLibrary, tmp_path: Path, folder: Path, content: bytes
) -> None:
    with pytest.raises(UnusableImage) as reason:
        adopt(owned, folder, "a.png", content)
    assert (reason.value.code, names(pending(tmp_path))) == ("image_unreadable", [])


# Untrusted images.


def test_an_image_is_read_whole(folder: Path) -> None:
    (folder / "a.png").write_bytes(b"image")
    assert images_in(folder).read(ImageRef("a.png")) == b"image"


def test_an_empty_image_is_read(folder: Path) -> None:
    (folder / "a.png").touch()
    assert images_in(folder).read(ImageRef("a.png")) == b""


def test_an_image_that_is_not_there_is_missing(folder: Path) -> None:
    assert refused(folder, "a.png") == "image_missing"


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    """This process may open no further file."""
    resource = pytest.importorskip("resource")
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@posix
def test_an_image_is_not_blamed_where_the_system_has_no_descriptor_left(folder: Path) -> None:
    (folder / "a.png").write_bytes(b"image")
    with no_descriptor_left(), pytest.raises(StorageFailed, match="Too many open files"):
        images_in(folder).read(ImageRef("a.png"))


@posix
def test_a_model_is_not_blamed_where_the_system_has_no_descriptor_left(folder: Path) -> None:
    path = folder / "a.safetensors"
    path.write_bytes(b"model")
    with no_descriptor_left(), pytest.raises(StorageFailed, match="Too many open files"):
        DiskModels().sha256(str(path), lambda _: None)


def test_an_image_in_a_folder_that_is_not_there_is_missing(folder: Path) -> None:
    assert refused(folder / "gone", "a.png") == "image_missing"


def test_a_folder_is_no_image(folder: Path) -> None:
    (folder / "a.png").mkdir()
    assert refused(folder, "a.png") == "image_unreadable"


@posix
def test_refusing_a_folder_leaves_no_descriptor_open(folder: Path) -> None:
    (folder / "a.png").mkdir()
    probe = os.open(folder, os.O_RDONLY)
    os.close(probe)
    with pytest.raises((UnusableImage, OSError)):
        images_in(folder).read(ImageRef("a.png"))
    again = os.open(folder, os.O_RDONLY)
    os.close(again)
    assert again == probe


@posix
def test_a_pipe_is_no_image_and_holds_nobody_up(folder: Path) -> None:
    os.mkfifo(folder / "a.png")
    assert refused(folder, "a.png") == "image_unreadable"


@posix
def test_a_device_is_no_image() -> None:
    assert refused(Path("/dev"), "zero") == "image_unreadable"


def test_an_image_that_is_too_large_is_refused_unread(folder: Path) -> None:
    with (folder / "a.png").open("wb") as file:
        file.truncate(MAX_IMAGE_BYTES + 1)
    assert refused(folder, "a.png") == "image_too_large"


@pytest.mark.parametrize("name", ["nul\x00byte", "x" * 300, "\ud800.png"])
def test_a_name_that_no_file_can_have_is_unreadable(folder: Path, name: str) -> None:
    assert refused(folder, name) == "image_unreadable"


def test_a_link_that_leads_nowhere_is_missing(folder: Path) -> None:
    (folder / "a.png").symlink_to(folder / "gone")
    assert refused(folder, "a.png") == "image_missing"


def test_a_link_that_leads_to_itself_is_unreadable(folder: Path) -> None:
    (folder / "a.png").symlink_to(folder / "a.png")
    assert refused(folder, "a.png") == "image_unreadable"


# Model files.


def test_only_regular_files_have_a_size(folder: Path) -> None:
    (folder / "model").write_bytes(b"12345")
    paths = [folder / "model", folder, folder / "gone"]
    found = DiskModels().sizes([*map(str, paths), "", "nul\x00byte", "C:\\models\\a"])
    assert found == [5, None, None, None, None, None]


def test_all_routes_lead_to_one_file(folder: Path) -> None:
    for name in ("one", "other"):
        (folder / name).write_bytes(b"model")
    (folder / "link").symlink_to(folder / "one")
    (folder / "twin").hardlink_to(folder / "one")
    names = ("one", "link", "twin", "other", "gone")
    paths = [*(str(folder / name) for name in names), "nul\x00byte"]
    one, link, twin, other, *gone = DiskModels().identities(paths)
    assert one is not None
    assert one == link == twin != other
    assert gone == [None, None]


# One owner.


def test_an_owned_library_has_its_folders(owned: DiskLibrary, tmp_path: Path) -> None:
    assert pending(tmp_path).is_dir()


def test_a_second_process_is_told_that_the_library_is_in_use(
    owned: DiskLibrary, tmp_path: Path
) -> None:
    with other_process(tmp_path / "library") as process:
        assert first_line(process) == "library_in_use"


def test_a_library_that_another_process_owns_is_in_use(tmp_path: Path) -> None:
    with other_process(tmp_path / "library") as process:
        assert first_line(process) == "owned"
        with pytest.raises(LibraryInUse), owned_library(tmp_path / "library"):
            pass


def test_a_library_is_free_when_its_owner_was_killed(tmp_path: Path) -> None:
    with other_process(tmp_path / "library") as process:
        assert first_line(process) == "owned"
        process.kill()
    with owned_library(tmp_path / "library"):
        assert is_owned(tmp_path / "library")


def test_a_library_is_free_after_its_owner_left(tmp_path: Path) -> None:
    with owned_library(tmp_path / "library"):
        pass
    assert not is_owned(tmp_path / "library")


def test_a_library_is_free_after_its_owner_failed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="spoiled"), owned_library(tmp_path / "library"):
        raise ValueError("spoiled")
    assert not is_owned(tmp_path / "library")


def test_asking_who_owns_a_folder_writes_nothing(tmp_path: Path) -> None:
    assert not is_owned(tmp_path)
    assert names(tmp_path) == []


def test_a_lock_that_cannot_be_opened_is_the_disks_failure(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).mkdir()
    with pytest.raises(StorageFailed, match=LOCK_NAME):
        is_owned(tmp_path)


def test_a_file_cannot_be_a_library(tmp_path: Path) -> None:
    (tmp_path / "library").write_bytes(b"")
    with pytest.raises(StorageFailed), owned_library(tmp_path / "library"):
        pass


# Sweeping.


def test_sweeping_removes_what_an_interrupted_write_left(
    owned: DiskLibrary, tmp_path: Path
) -> None:
    for folder in (pending(tmp_path), pending(tmp_path).parent):
        (folder / ".reshelve-0123456789abcdef.tmp").write_bytes(b"half")
    assert owned.sweep() == 2
    assert (names(pending(tmp_path)), names(pending(tmp_path).parent)) == ([], ["pending"])


def test_sweeping_removes_nothing_else(owned: DiskLibrary, tmp_path: Path, folder: Path) -> None:
    owned.write_sets(sha(1), 0, [TIERS])
    adopt(owned, folder, "a.tmp", IMAGE)
    assert owned.sweep() == 0
    assert names(pending(tmp_path)) == ["a.tmp"]
    assert owned.preview_sets(sha(1), 0).count == 1


def test_sweeping_empties_the_scratch_folder(owned: DiskLibrary) -> None:
    owned.scratch.mkdir()
    (owned.scratch / "copy.sqlite3").write_bytes(b"old")
    owned.sweep()
    assert names(owned.scratch) == []


def test_the_scratch_folder_is_gone_when_the_owner_leaves(tmp_path: Path) -> None:
    with owned_library(tmp_path / "library") as found:
        found.sweep()
    assert not found.scratch.exists()

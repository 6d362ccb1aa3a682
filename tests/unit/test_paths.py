"""A path is what people mean by it, wherever they copied it from."""

from __future__ import annotations

import pytest

from engine.errors import PathOfWindows
from engine.facts.paths import is_of_windows, meant, understood


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ('"/home/kim/a b.db"', "/home/kim/a b.db"),
        ("'/home/kim/a'", "/home/kim/a"),
        ("“/home/kim/a”", "/home/kim/a"),
        ("„/home/kim/a“", "/home/kim/a"),
        (" /home/kim/a\n", "/home/kim/a"),
        ("file:///home/kim/a%20b/%C3%A9%20%E9%8D%B5.db", "/home/kim/a b/é 鍵.db"),
        ("FILE:///home/kim/a", "/home/kim/a"),
        ("file:/home/kim/a", "/home/kim/a"),
        ("file://localhost/home/kim/a", "/home/kim/a"),
        ("file:///C:/Users/kim/a.db", "C:/Users/kim/a.db"),
        ("'file:///home/kim/100%25'", "/home/kim/100%"),
        ('"C:\\Users\\kim\\a.db"', "C:\\Users\\kim\\a.db"),
    ],
)
def test_what_is_around_a_path_is_forgiven(given: str, path: str) -> None:
    assert meant(given) == path


@pytest.mark.parametrize(
    "given",
    [
        *("", "/", "a", '"', "'a", 'a"', "it's", "'a\"", "/home/kim/100%25", "~/a", "files/a"),
        *("file", "file://nas/share/a", "https://example.org/a", "C:\\a"),
    ],
)
def test_what_is_a_path_stays_as_it_is(given: str) -> None:
    assert meant(given) == given


@pytest.mark.parametrize("path", ["C:\\a", "c:/a", "\\\\nas\\models", "\\\\nas/models\\a"])
def test_a_path_of_windows_is_known(path: str) -> None:
    assert is_of_windows(path)


@pytest.mark.parametrize(
    "path", ["", "/a", "a:b", "C:", "http://a", "ab:/c", "\\a", "a\\b", "//a/b"]
)
def test_what_is_no_path_of_windows_is_none(path: str) -> None:
    assert not is_of_windows(path)


def nothing(_: str) -> bool:
    return False


@pytest.mark.parametrize("given", ["'/a'", " /a ", "file:///a", "C:\\a"])
def test_what_is_there_under_the_text_itself_is_meant(given: str) -> None:
    assert understood(given, given.__eq__, on_windows=False) == given


def test_where_nothing_is_there_what_is_around_the_path_is_forgiven() -> None:
    assert understood("'file:///a'", nothing, on_windows=False) == "/a"


def test_a_path_of_windows_is_told_apart_where_it_can_be_no_file() -> None:
    with pytest.raises(PathOfWindows, match=r"C:\\a is a path of Windows"):
        understood('"C:\\a"', nothing, on_windows=False)
    assert understood('"C:\\a"', nothing, on_windows=True) == "C:\\a"
    assert understood('"C:\\a"', "C:\\a".__eq__, on_windows=False) == "C:\\a"

r"""Paths of another machine, by `OLD=NEW`: compared as the system did that wrote them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sources.remapping import InvalidMapping, PathMap, is_absolute, is_windows, parsed


def translated(path: str, *mappings: str) -> str:
    return PathMap(map(parsed, mappings)).translated(path)


@pytest.mark.parametrize(
    ("mapping", "path", "new"),
    [
        (
            "D:\\models=/mnt/models",
            "D:\\models\\loras\\A b.safetensors",
            "/mnt/models/loras/A b.safetensors",
        ),
        ("D:\\models=/mnt/models", "d:/Models/loras/a.ckpt", "/mnt/models/loras/a.ckpt"),
        ("d:/models/=/mnt/models/", "D:\\MODELS\\a.ckpt", "/mnt/models/a.ckpt"),
        ("D:\\models=/mnt/models", "D:\\models", "/mnt/models"),
        ("D:\\models=/mnt", "\\\\?\\D:\\models\\a.ckpt", "/mnt/a.ckpt"),
        ("\\\\?\\D:\\models=/mnt", "D:\\models\\a.ckpt", "/mnt/a.ckpt"),
        ("D:=/mnt/d", "D:\\models\\a.ckpt", "/mnt/d/models/a.ckpt"),
        ("D:\\=/mnt/d", "d:/a.ckpt", "/mnt/d/a.ckpt"),
        ("D:\\models=/mnt", "D:\\models\\.\\x\\..\\a.ckpt", "/mnt/a.ckpt"),
        ("D:\\models=/mnt", "D:\\\\models\\\\a.ckpt", "/mnt/a.ckpt"),
        ("D:\\models=E:\\ai", "D:\\models\\x\\a.ckpt", "E:\\ai\\x\\a.ckpt"),
        ("D:\\models=E:/ai", "D:\\models\\x\\a.ckpt", "E:/ai/x/a.ckpt"),
        ("D:\\Größe=/mnt", "d:\\GRÖßE\\a.ckpt", "/mnt/a.ckpt"),
        ("\\\\nas\\ai=/nas/ai", "\\\\NAS\\AI\\loras\\a.ckpt", "/nas/ai/loras/a.ckpt"),
        ("\\\\nas\\ai=/nas/ai", "//nas/ai/loras/a.ckpt", "/nas/ai/loras/a.ckpt"),
        ("\\\\nas\\ai=/nas/ai", "\\\\?\\UNC\\nas\\ai\\a.ckpt", "/nas/ai/a.ckpt"),
        ("//nas/ai=/nas/ai", "\\\\nas\\ai\\a.ckpt", "/nas/ai/a.ckpt"),
        ("/home/kim/models=/mnt", "/home/kim/models/loras/a.ckpt", "/mnt/loras/a.ckpt"),
        ("/home/kim=D:\\kim", "/home/kim/loras/a.ckpt", "D:\\kim\\loras\\a.ckpt"),
        ("/models=/mnt", "/models//x/./a.ckpt", "/mnt/x/a.ckpt"),
        ("/=/mnt/old", "/models/a.ckpt", "/mnt/old/models/a.ckpt"),
        ("/models=/", "/models/a.ckpt", "/a.ckpt"),
        ("/models=/mnt", "/models/back\\slash.ckpt", "/mnt/back\\slash.ckpt"),
        ("/models=/a=b", "/models/c.ckpt", "/a=b/c.ckpt"),
    ],
)
def test_a_path_is_compared_as_its_system_did(mapping: str, path: str, new: str) -> None:
    assert translated(path, mapping) == new


@pytest.mark.parametrize(
    ("mapping", "path"),
    [
        ("D:\\models=/mnt", "D:\\models2\\a.ckpt"),
        ("D:\\models=/mnt", "E:\\models\\a.ckpt"),
        ("D:\\models=/mnt", "/D:/models/a.ckpt"),
        ("D:\\models=/mnt", "D:models\\a.ckpt"),
        ("D:\\models=/mnt", "D:\\models\\..\\secret"),
        ("D:\\models=/mnt", "models\\a.ckpt"),
        ("/models=/mnt", "/Models/a.ckpt"),
        ("/models=/mnt", "\\models\\a.ckpt"),
        ("/models=/mnt", "models/a.ckpt"),
        ("/models=/mnt", "/models/../secret"),
        ("/nas/ai=/mnt", "//nas/ai/a.ckpt"),
        ("\\\\nas\\ai=/mnt", "\\\\nas\\ai2\\a.ckpt"),
        ("\\\\nas\\ai=/mnt", "/nas/ai/a.ckpt"),
        ("/models=/mnt", ""),
        ("/models=/mnt", "a\0b"),
    ],
)
def test_another_path_stays(mapping: str, path: str) -> None:
    assert translated(path, mapping) == path


def test_a_way_up_does_not_leave_the_share() -> None:
    assert translated("\\\\nas\\ai\\..\\..\\..\\x", "\\\\nas\\ai=/mnt") == "/mnt/x"


def test_of_several_mappings_the_longest_counts_in_any_order() -> None:
    mappings = ("D:\\models=/mnt", "D:\\models\\loras=/fast/loras", "D:\\=/d")

    for order in (mappings, mappings[::-1]):
        assert translated("D:\\models\\loras\\a", *order) == "/fast/loras/a"
        assert translated("D:\\models\\vae\\a", *order) == "/mnt/vae/a"
        assert translated("D:\\a", *order) == "/d/a"


def test_mappings_that_never_fitted_are_named() -> None:
    paths = PathMap(map(parsed, ("D:\\models=/mnt", "E:\\ai=/ai")))

    assert set(paths.unused) == {"D:\\models=/mnt", "E:\\ai=/ai"}
    paths.translated("d:/models/a.ckpt")
    paths.translated("F:\\x")
    assert paths.unused == ("E:\\ai=/ai",)


@pytest.mark.parametrize(
    "written",
    ["", "=", "D:\\models", "D:\\models=", "=/mnt", "models=/mnt", "D:models=/mnt", "..=/m"],
)
def test_what_is_no_mapping_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(InvalidMapping, match="such as"):
        parsed(written)


@pytest.mark.parametrize("path", ["C:\\a", "c:/", "C:", "\\\\nas\\ai", "//nas/ai", "\\\\?\\C:\\a"])
def test_a_path_of_windows_is_known(path: str) -> None:
    assert is_windows(path)
    assert is_absolute(path)


@pytest.mark.parametrize("path", ["/a", "a", "C:a", "\\a", "", "///a"])
def test_another_path_is_not_taken_for_one_of_windows(path: str) -> None:
    assert not is_windows(path)


NAMES = st.lists(
    st.text(
        st.characters(exclude_characters="\\/\0", exclude_categories=["Cs"]), min_size=1
    ).filter(lambda name: name not in {".", ".."}),
    min_size=1,
    max_size=4,
)


@given(names=NAMES, slash=st.sampled_from("\\/"), upper=st.booleans())
def test_what_lies_below_a_mapping_keeps_its_names(
    names: list[str], slash: str, upper: bool
) -> None:
    drive = "D:" if upper else "d:"

    assert translated(slash.join([drive, "models", *names]), "D:\\Models=/mnt") == "/".join(
        ["/mnt", *names]
    )


@given(st.text(alphabet="Dd:\\\\/.ab?UNC\0=") | st.text())
def test_any_text_has_a_translation(path: str) -> None:
    assert bool(translated(path, "/a=/x", "D:=/d", "\\\\a\\b=/c")) is bool(path)

"""Builds `engine` and `adapters` into the one package `reshelve`, so that the wheel clashes with
nobody: both names are those of other distributions too.

pyproject.toml says which folder goes where; this hook writes their modules anew, with our own
imports by their new names and every line where it was. A module that names another in a way that
cannot be carried over ends the build. An editable install is left alone: there the folders of the
checkout are importable as they are, and `.package` beside them.
"""

from __future__ import annotations

import ast
import re
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.builders.wheel import WheelBuilderConfig

PACKAGE = "reshelve"
OURS = frozenset({"engine", "adapters"})
MODULE_NAME = re.compile(r"(engine|adapters)(\.\w+)+(:\w+)?")


class UnknownForm(ValueError):
    """A module names another of ours in a way that this hook does not carry over."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line}: {what}")


class ModuleWriter(BuildHookInterface[WheelBuilderConfig]):
    """Puts every Python module of the wheel there as `relocated` gives it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the modules of a standard build to a folder that lives until `finalize`."""
        if version == "editable":
            return
        self.written = tempfile.TemporaryDirectory(prefix="reshelve-wheel-")
        modules = [
            included
            for included in self.build_config.builder.recurse_included_files()
            if included.path.endswith(".py")
        ]
        for included in modules:
            target = Path(self.written.name, included.distribution_path)
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                target.write_bytes(relocated(Path(included.path).read_bytes()))
            except UnknownForm as error:
                raise SystemExit(f"{included.relative_path}, {error}") from error
            build_data["force_include"][str(target)] = included.distribution_path

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what `initialize` has written."""
        if version != "editable":
            self.written.cleanup()


def relocated(source: bytes) -> bytes:
    """A module's source (UTF-8) with its imports of `engine` and `adapters` out of `reshelve`.

    Raises UnknownForm where that would not be the same program.
    """
    lines = source.splitlines(keepends=True)
    # From the end, so that no insertion moves the place of another.
    for line, column in sorted(_places(ast.parse(source), lines), reverse=True):
        text = lines[line - 1]
        lines[line - 1] = text[:column] + f"{PACKAGE}.".encode() + text[column:]
    return b"".join(lines)


def _places(tree: ast.Module, lines: list[bytes]) -> list[tuple[int, int]]:
    """The line (from 1) and column (bytes, from 0) of each of our names in an import statement."""
    places = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and _is_ours(node):
            written = re.match(rb"from +(?=\w)", lines[node.lineno - 1][node.col_offset :])
            if written is None:
                raise UnknownForm(node.lineno, "an import is not written `from NAME import`")
            places.append((node.lineno, node.col_offset + written.end()))
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] in OURS:
                    if alias.asname is None:
                        raise UnknownForm(
                            node.lineno,
                            f"`import {alias.name}` binds a name that is another's once installed; "
                            "write `from … import …`",
                        )
                    places.append((alias.lineno, alias.col_offset))
        elif isinstance(node, ast.Constant) and MODULE_NAME.fullmatch(str(node.value)):
            raise UnknownForm(
                node.lineno, f"the text {node.value!r} names a module; import it instead"
            )
    return places


def _is_ours(node: ast.ImportFrom) -> bool:
    """Whether a module is imported by its full name and is one of ours; relative ones stay."""
    return not node.level and (node.module or "").partition(".")[0] in OURS

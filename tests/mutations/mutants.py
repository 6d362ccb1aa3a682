"""What can be done to a source so that it does something else: small changes, each by itself."""

from __future__ import annotations

import ast
import copy
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
}
IN_SQL = {
    r" AND ": " OR ",
    r" OR ": " AND ",
    r" IS NOT NULL": " IS NULL",
    r" IS NULL": " IS NOT NULL",
    r" <> ": " = ",
    r" > ": " >= ",
    r" < ": " <= ",
    r" >= ": " > ",
    r" <= ": " < ",
    r" DESC": "",
    r"max\(": "min(",
    r" \+ 1": " + 2",
    r"NOT EXISTS": "EXISTS",
    r" = 1\b": " = 0",
    r" = 0\b": " = 1",
}
LARGEST = 2
"""A larger number is a size or a time that was chosen: one more of it changes nothing."""

TEXTS = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
SQL = re.compile(r"\b(?:SELECT|INSERT|UPDATE|DELETE|WHERE)\b")


class Mutant(NamedTuple):
    """A source with one change: from `start` to `end` there is `text` instead of what was there."""

    path: Path
    line: int
    start: int
    end: int
    text: str
    before: str

    def of(self, source: str) -> str:
        """The changed source."""
        return source[: self.start] + self.text + source[self.end :]

    def __str__(self) -> str:
        was, becomes = (" ".join(text.split())[:60] for text in (self.before, self.text))
        return f"{self.path}:{self.line}: {was}  ->  {becomes}"


def mutants(path: Path, source: str) -> list[Mutant]:
    """Every change that is known of, in the order of the source."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    lines = source.splitlines()

    def place(line: int, column: int) -> int:
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    found = []
    for node, text in _changes(ast.parse(source)):
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = place(node.lineno, node.col_offset)
        end = place(node.end_lineno, node.end_col_offset)
        found.append(Mutant(path, node.lineno, start, end, text, source[start:end]))
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in TEXTS and SQL.search(token.string):
            begin = starts[token.start[0] - 1] + token.start[1]
            found += _in_sql(path, source, begin, token)
    return sorted(found, key=lambda mutant: mutant.start)


def _in_sql(path: Path, source: str, begin: int, token: tokenize.TokenInfo) -> Iterator[Mutant]:
    for pattern, text in IN_SQL.items():
        for match in re.finditer(pattern, token.string):
            start, end = begin + match.start(), begin + match.end()
            line = token.start[0] + token.string.count("\n", 0, match.start())
            near = source[max(begin, start - 25) : end + 25]
            yield Mutant(path, line, start, end, text, f"…{near}…")


def _changes(tree: ast.Module) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """A node, and what could stand in its place."""
    for node in _behaviour(tree):
        if isinstance(node, ast.stmt):
            yield from ((node, text) for text in _of_statement(node))
        elif isinstance(node, ast.expr):
            yield from ((node, ast.unparse(made)) for made in _of_expression(node))


def _behaviour(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes that have an effect; neither annotations, nor docstrings, nor declarations."""
    if isinstance(node, ast.AnnAssign):
        children: list[ast.AST | None] = [node.value]
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        children = [*node.args.defaults, *node.args.kw_defaults, *node.body]
    elif isinstance(node, ast.JoinedStr | ast.Assert | ast.Import | ast.ImportFrom):
        children = []  # parts of an f-string do not know where they are
    else:
        children = list(ast.iter_child_nodes(node))
    for child in children:
        if child is not None and not _is_text(child):
            yield child
            yield from _behaviour(child)


def _is_text(node: ast.AST) -> bool:
    """A string that stands alone, or the dots of a declaration."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _of_statement(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.Continue):
        yield "pass"
        yield "break"
    elif isinstance(node, ast.Break):
        yield "pass"
        yield "continue"
    elif isinstance(node, ast.Expr | ast.AugAssign | ast.Raise):
        if not ast.unparse(node).startswith("log."):
            yield "pass"
    elif isinstance(node, ast.Return) and not isinstance(node.value, ast.Constant | None):
        yield "return None"


def _of_expression(node: ast.expr) -> Iterator[ast.expr]:
    made = copy.deepcopy(node)
    if isinstance(made, ast.Compare) and type(made.ops[0]) in COMPARISONS:
        made.ops[0] = COMPARISONS[type(made.ops[0])]()
        yield made
    elif isinstance(made, ast.BoolOp):
        made.op = ast.Or() if isinstance(made.op, ast.And) else ast.And()
        yield made
    elif isinstance(made, ast.UnaryOp) and isinstance(made.op, ast.Not):
        yield made.operand
    elif isinstance(made, ast.BinOp) and type(made.op) in OPERATORS:
        made.op = OPERATORS[type(made.op)]()
        yield made
    elif isinstance(made, ast.IfExp):
        yield ast.IfExp(ast.UnaryOp(ast.Not(), made.test), made.body, made.orelse)
    elif isinstance(made, ast.Constant):
        yield from _of_constant(made)
    elif isinstance(made, ast.Call) and isinstance(made.func, ast.Name):
        swapped = {"any": "all", "all": "any", "min": "max", "max": "min"}.get(made.func.id)
        if swapped:
            made.func.id = swapped
            yield made


def _of_constant(node: ast.Constant) -> Iterator[ast.expr]:
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int) and node.value <= LARGEST:
        yield ast.Constant(node.value + 1)

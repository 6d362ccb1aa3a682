"""Controllers decode, make one call, and encode: held by walking their syntax trees."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = ("migration", "library", "reports", "finding", "nearby")
FLOOR = 37
"""Fewer handlers than this were not found, whatever the others say."""

DOORS = re.compile(r"service(\.(catalogue|finder|problems|repairs|reports|surveyor))?\.[a-z]\w*")
SQL = re.compile(r"\b(SELECT\b.+\bFROM|INSERT\s+INTO|UPDATE\b.+\bSET|DELETE\s+FROM)\b", re.DOTALL)

FORBIDDEN: dict[type[ast.AST], str] = {
    ast.For: "a loop",
    ast.AsyncFor: "a loop",
    ast.While: "a loop",
    ast.ListComp: "a comprehension",
    ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension",
    ast.GeneratorExp: "a comprehension",
    ast.Try: "a try",
    ast.TryStar: "a try",
    ast.With: "a block",
    ast.AsyncWith: "a block",
    ast.If: "a decision",
    ast.Match: "a decision",
    ast.AugAssign: "arithmetic",
    ast.BinOp: "arithmetic",
    ast.Compare: "a comparison",
    ast.Lambda: "a function",
}

Handler = ast.FunctionDef | ast.AsyncFunctionDef


def handlers(source: str) -> dict[str, Handler]:
    """The functions that answer requests: those named so, and those that routes are bound to."""
    return {
        node.name: node
        for node in ast.parse(source).body
        if isinstance(node, Handler) and (node.name.startswith("handle_") or node.decorator_list)
    }


def service_calls(handler: Handler) -> list[str]:
    """What a handler calls of the service or of its parts, as it is written."""
    return [
        ast.unparse(node.func)
        for node in ast.walk(handler)
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[0] == "service"
    ]


def awaited_service_calls(handler: Handler) -> list[str]:
    """Those of them that are awaited where they are made."""
    return [
        ast.unparse(node.value.func)
        for node in ast.walk(handler)
        if isinstance(node, ast.Await)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func).split(".")[0] == "service"
    ]


def faults(handler: Handler) -> Iterator[str]:
    """What a handler does beyond decoding, one call and encoding."""
    calls = service_calls(handler)
    if len(calls) > 1:
        yield f"{len(calls)} calls of the service"
    if calls != awaited_service_calls(handler):
        yield "a call of the service that is not awaited"
    if not all(DOORS.fullmatch(call) for call in calls):
        yield "a call past the service's door"
    for part in handler.body:
        yield from _faults_of(part)


def _faults_of(part: ast.stmt) -> Iterator[str]:
    for node in ast.walk(part):
        if type(node) in FORBIDDEN:
            yield FORBIDDEN[type(node)]
        elif isinstance(node, ast.Constant) and SQL.search(str(node.value)):
            yield "SQL"


def handlers_of(module: str) -> dict[str, Handler]:
    path = ROOT / "adapters" / "http" / f"{module}.py"
    return handlers(path.read_text(encoding="utf-8"))


ALL = {name: handler for module in MODULES for name, handler in handlers_of(module).items()}


def test_there_are_handlers_to_look_at() -> None:
    assert len(ALL) >= FLOOR


@pytest.mark.parametrize("name", ALL)
def test_a_handler_is_named_for_what_it_handles(name: str) -> None:
    assert name.startswith("handle_")


@pytest.mark.parametrize("name", ALL)
def test_a_handler_says_what_it_answers(name: str) -> None:
    assert (ast.get_docstring(ALL[name]) or "").strip()
    assert ALL[name].returns is not None


@pytest.mark.parametrize("name", ALL)
def test_a_handler_decodes_makes_one_call_and_encodes(name: str) -> None:
    assert list(faults(ALL[name])) == []


@pytest.mark.parametrize("name", sorted(ALL.keys() - {"handle_events"}))
def test_a_handler_calls_the_service_once(name: str) -> None:
    # The event stream hands the service to its generator, which is no handler.
    assert len(service_calls(ALL[name])) == 1


@pytest.mark.parametrize("module", MODULES)
def test_every_handler_is_routed(module: str) -> None:
    app = ast.parse((ROOT / "adapters" / "http" / "app.py").read_text(encoding="utf-8"))
    routed = {ast.unparse(node) for node in ast.walk(app) if isinstance(node, ast.Attribute)}
    assert {f"{module}.{name}" for name in handlers_of(module)} <= routed


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("await service.start(data)\n    await service.wait(1)", "2 calls of the service"),
        ("return service.status()", "a call of the service that is not awaited"),
        ("await service._ports.store.status()", "a call past the service's door"),
        ("await service.catalogue._reader.tags()", "a call past the service's door"),
        ("for x in data: pass", "a loop"),
        ("return [x for x in data if x]", "a comprehension"),
        ("try: pass\n    finally: pass", "a try"),
        ("return data + 1", "arithmetic"),
        ("data += 1", "arithmetic"),
        ("if data: return 1", "a decision"),
        ("run('SELECT id FROM models')", "SQL"),
        ("run('delete from models'.upper(), 'DELETE FROM models')", "SQL"),
        ("with data: pass", "a block"),
        ("return data > 1", "a comparison"),
        ("return lambda: data", "a function"),
    ],
)
def test_the_rule_for_handlers_finds(body: str, fault: str) -> None:
    (handler,) = handlers(f"async def handle_it(service, data):\n    {body}\n").values()
    assert fault in list(faults(handler))


@pytest.mark.parametrize(
    "body",
    [
        "return await service.status(optional_integer(data, 'run_id'))",
        "return TagList(await service.catalogue.tags())",
        "'''Select one from many.'''\n    await service.stop()\n    return Done()",
        "return await service.resume(data.run_id if data else None)",
    ],
)
def test_the_rule_for_handlers_lets_pass(body: str) -> None:
    (handler,) = handlers(f"async def handle_it(service, data):\n    {body}\n").values()
    assert list(faults(handler)) == []

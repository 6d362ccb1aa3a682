"""The OpenAPI document names every route, every status and every field, and is true."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from adapters.composition import PAGE
from adapters.http.answers import LibraryPlace
from adapters.http.app import Settings, create_app
from adapters.http.errors import STATUS
from adapters.http.gate import Policy
from adapters.http.requests import AllowedPaths
from engine.service import MigrationService
from tests.http.server import Server, serving
from tests.waiting_library import Legacy

MIGRATION, IMAGES = "/api/migration", "/api/images"

ALWAYS = {403}
"""Whoever may not call is told so at every route."""
WITH_JSON = {400, 413, 415}
WITH_FORM = {400, 413, 415}

ROUTES: dict[tuple[str, str], tuple[set[int], set[int]]] = {
    ("post", f"{MIGRATION}/migrate_legacy_db"): ({200}, {404, 409, 422} | WITH_JSON),
    ("post", f"{MIGRATION}/import_models"): ({207}, WITH_JSON),
    ("get", f"{MIGRATION}/pending_models"): ({200}, set()),
    ("get", f"{MIGRATION}/pending_model"): ({200}, {400, 404}),
    ("get", "/api/scan"): ({200}, {503}),
    ("get", "/api/models"): ({200}, {400}),
    ("get", "/api/models/get_types"): ({200}, set()),
    ("get", "/api/models/{sha256}"): ({200}, {404}),
    ("patch", "/api/models/{sha256}"): ({200}, {404} | WITH_JSON),
    ("get", "/api/tags"): ({200}, set()),
    ("post", "/api/tags_add"): ({200}, WITH_JSON),
    ("get", f"{IMAGES}/get_img_count"): ({200}, {400}),
    ("get", f"{IMAGES}/{{name}}"): ({200, 304}, {404}),
    ("get", f"{IMAGES}/pending/{{name}}"): ({200, 304}, {404}),
    ("post", f"{IMAGES}/upload"): ({200}, {404} | WITH_FORM),
    ("delete", f"{IMAGES}/delete"): ({200}, {400, 404}),
    ("post", f"{MIGRATION}/start"): ({202}, {404, 409, 422} | WITH_JSON),
    ("post", f"{MIGRATION}/resume"): ({202}, {409} | WITH_JSON),
    ("post", f"{MIGRATION}/cancel"): ({202}, set()),
    ("get", f"{MIGRATION}/status"): ({200}, {400, 404}),
    ("get", f"{MIGRATION}/events"): ({200}, {400}),
    ("get", f"{MIGRATION}/items"): ({200}, {400, 404}),
    ("post", f"{MIGRATION}/retry"): ({202}, {409} | WITH_JSON),
    ("get", f"{MIGRATION}/databases"): ({200}, {400, 403, 404}),
    ("post", f"{MIGRATION}/check"): ({200}, {404} | WITH_JSON),
    ("get", f"{MIGRATION}/problems"): ({200}, {400, 404}),
    ("get", f"{MIGRATION}/problems/items"): ({200}, {400, 404}),
    ("get", f"{MIGRATION}/report"): ({200}, {400, 404}),
    ("get", f"{MIGRATION}/items/{{item_id}}/history"): ({200}, {400, 404}),
    ("get", "/api/models/{sha256}/history"): ({200}, {404}),
    ("get", f"{MIGRATION}/promotion"): ({200}, {400, 404}),
    ("get", f"{MIGRATION}/conflicts"): ({200}, {400}),
    ("get", "/api/library"): ({200}, set()),
    ("get", "/api/library/models"): ({200}, {400}),
    ("get", "/api/library/tags"): ({200}, set()),
    ("post", "/api/library/tags"): ({200}, WITH_JSON),
    ("post", "/api/library/repair"): ({200}, WITH_JSON),
    ("patch", f"{MIGRATION}/pending_model"): ({200}, {404, 409} | WITH_JSON),
    ("get", "/api/library/problems"): ({200}, set()),
    ("get", "/api/library/problems/items"): ({200}, {400}),
}
"""The routes of the contract: what they answer when all is well, and which errors there are."""

FIELDS = {
    "RunStatus": {
        *("run", "counts", "warnings", "images", "bytes_hashed", "eta_seconds"),
        *("expected", "work", "share", "source_read", "source_damaged"),
    },
    "RunSummary": {
        *("id", "kind", "status", "resumable", "started_at", "updated_at", "finished_at")
    },
    "Counts": {"total", "pending", "imported", "images_done", "promoted", "failed"},
    "ImageCounts": {"done", "failed", "total"},
    "ByteCounts": {"done", "total"},
    "MigrationAnswer": {"status", "db_migration"},
    "ImportReport": {"migrated", "pending", "errors", "images_processed", "image_errors"},
    "PromotionReport": {"total", "success", "conflict", "ignored", "deleted", "failed"},
    "Conflict": {"pending", "existing"},
    "PendingSide": {"id", "path"},
    "ExistingSide": {"id", "path"},
    "Refusal": {"id", "error"},
    "PendingSummary": {
        *("id", "name", "image", "type", "tags", "path", "size_bytes", "created_at"),
        *("images_count", "error", "conflict"),
    },
    "ModelPage": {"models", "total", "next"},
    "TagCount": {"id", "name", "models", "pending"},
    "TagReport": {"models", "pending", "unknown", "busy"},
    "ManyTagsBody": {"sha256", "pending", "add", "remove"},
    "Tag": {"id", "name"},
    "ScanAnswer": {"status", "scanned", "added", "pending_ids", "skipped"},
    "ModelSummary": {
        *("sha256", "name", "images_count", "type", "path", "size_bytes", "created_at", "tags")
    },
    "ModelPatch": {"name", "path", "type", "meta_json", "tags"},
    "ItemView": {"id", "source_key", "source_id", "path", "state", "sha256", "warnings", "error"},
    "ItemPage": {"items", "next"},
    "MigrateBody": {"legacy_db_path", "legacy_images_dir", "source", "on_conflict"},
    "SourceBody": {"kind", "location", "roots", "images", "map", "hashes"},
    "RunSource": {"kind", "layout", "location"},
    "ImportBody": {"id", "conflict_strategy"},
    "RunBody": {"run_id"},
    "RetryBody": {"ids"},
    "RepairBody": {"dry_run"},
    "TagsBody": {"newtags"},
    "UploadBody": {"image", "sha256"},
    "Uploaded": {"status", "base_name"},
    "ImageCount": {"count"},
    "Survey": {"database", "images", "space", "can_start"},
    "DatabaseSurvey": {
        *("path", "found", "readable", "rows", "hashed", "unhashed", "images", "complete", "error")
    },
    "ImagesSurvey": {"path", "found", "readable", "missing"},
    "SpaceSurvey": {"needed_bytes", "free_bytes", "enough"},
    "ProblemSummary": {"run_id", "groups"},
    "ProblemGroup": {*("kind", "code", "title", "advice", "count", "retryable", "examples")},
    "ProblemPage": {"items", "next"},
    "Problem": {
        *("id", "item_id", "source_key", "source_id", "path", "detail", "pending_id", "sha256"),
    },
    "History": {"history"},
    "Step": {
        "run_id",
        "item_id",
        "source_key",
        "source_id",
        "path",
        "from_state",
        "to_state",
        "at",
    },
    "ConflictPage": {"conflicts", "next"},
    "LibraryAnswer": {
        *(
            "path",
            "models",
            "pending",
            "types",
            "version",
            "conflicts",
            "failed",
            "warnings",
            "folders",
        )
    },
    "TypeCount": {"type", "models"},
}


@pytest.fixture(scope="module")
def document(server: Server) -> Any:
    answer = server.get("/api/schema/openapi.json")
    assert answer.status == 200
    return answer.json


def fields_of(document: Any, schema: Any) -> set[str]:
    """The properties of a schema, references followed."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return set(schema.get("properties", {}))


def test_every_route_of_the_contract_is_in_the_document_and_no_other(document: Any) -> None:
    found = {(method, path) for path, methods in document["paths"].items() for method in methods}
    assert found == set(ROUTES)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_success_of_a_route_is_in_the_document(document: Any, method: str, path: str) -> None:
    found = {int(status) for status in document["paths"][path][method]["responses"]}
    assert {status for status in found if status < 400} == ROUTES[method, path][0]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_error_of_a_route_is_in_the_document(document: Any, method: str, path: str) -> None:
    found = {int(status) for status in document["paths"][path][method]["responses"]}
    assert found >= ROUTES[method, path][1] | ALWAYS


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_error_has_the_body_that_errors_have(document: Any, method: str, path: str) -> None:
    for status, response in document["paths"][path][method]["responses"].items():
        if int(status) >= 400:
            schema = response["content"]["application/json"]["schema"]
            assert fields_of(document, schema) == {"error", "code"}, status


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_in_the_document(document: Any, name: str) -> None:
    assert set(document["components"]["schemas"][name]["properties"]) >= FIELDS[name]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_says_what_it_does(document: Any, method: str, path: str) -> None:
    operation = document["paths"][path][method]
    assert " " in operation["summary"]
    assert operation["description"]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_parameter_says_what_it_means_and_how_it_looks(
    document: Any, method: str, path: str
) -> None:
    for parameter in document["paths"][path][method].get("parameters", ()):
        assert parameter["description"], parameter
        assert "example" in parameter, parameter


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_body_has_an_example(document: Any, method: str, path: str) -> None:
    operation = document["paths"][path][method]
    bodies = [operation["requestBody"]] if "requestBody" in operation else []
    bodies += [answer for status, answer in operation["responses"].items() if status < "300"]
    for body in bodies:
        for kind, content in body["content"].items():
            assert "example" in content or kind.startswith(("image/", "application/octet")), kind


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_error_names_its_codes(document: Any, method: str, path: str) -> None:
    for status, response in document["paths"][path][method]["responses"].items():
        if int(status) >= 400:
            examples = response["content"]["application/json"]["examples"]
            assert examples, status
            for code, example in examples.items():
                assert set(example["value"]) == {"error", "code"}
                assert example["value"]["code"] == code


def test_every_error_of_the_engine_has_its_code_in_the_document(document: Any) -> None:
    told = {
        (int(status), code)
        for methods in document["paths"].values()
        for operation in methods.values()
        for status, response in operation["responses"].items()
        if int(status) >= 400
        for code in response["content"]["application/json"]["examples"]
    }
    assert told >= {(status, error.code) for error, status in STATUS.items()}


def test_every_field_says_what_it_means(document: Any) -> None:
    for name, schema in document["components"]["schemas"].items():
        for field, found in schema.get("properties", {}).items():
            assert found.get("description"), (name, field)


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if route[0] == "get"])
def test_an_example_of_an_answer_has_the_fields_of_its_schema(
    document: Any, method: str, path: str
) -> None:
    content = document["paths"][path][method]["responses"]["200"]["content"]
    for kind, told in content.items():
        if kind == "application/json":
            assert set(told["example"]) == fields_of(document, told["schema"])


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (f"{MIGRATION}/events", "text/event-stream"),
        (f"{IMAGES}/{{name}}", "image/webp"),
    ],
)
def test_what_is_no_json_is_documented_as_what_it_is(document: Any, path: str, kind: str) -> None:
    assert set(document["paths"][path]["get"]["responses"]["200"]["content"]) == {kind}


def test_the_application_is_made_without_a_warning() -> None:
    # Warnings are errors here.
    policy = Policy(hosts=frozenset({"127.0.0.1:1"}), origins=frozenset(), token=None)
    settings = Settings(
        policy=policy, allowed=AllowedPaths(()), page=PAGE, place=LibraryPlace("library", "1")
    )
    create_app(cast(MigrationService, None), settings)


# The document against the server


@pytest.fixture(scope="module")
def fuzzed(
    folder: Path, legacy: Legacy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server with model folders, so that a scan has something to do."""
    library = tmp_path_factory.mktemp("fuzzed") / "library"
    options = ("--allow-path", folder, f"--root=loras={legacy.models}")
    with serving(library, *options) as running:
        body = {"legacy_db_path": str(legacy.database)}
        assert running.send(f"{MIGRATION}/migrate_legacy_db", body).status == 200
        yield running


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("examples", "least"), [(9, 100), pytest.param(300, 5000, marks=pytest.mark.long)]
)
def test_no_request_is_answered_by_a_defect_or_with_an_undocumented_status(
    fuzzed: Server, tmp_path: Path, examples: int, least: int
) -> None:
    pytest.importorskip("schemathesis")
    command = [
        *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"),
        *("run", f"{fuzzed.url}api/schema/openapi.json"),
        *("--checks", "not_a_server_error,status_code_conformance"),
        *("--exclude-path", f"{MIGRATION}/events"),  # it does not end
        *("--phases", "fuzzing"),
        *("--max-examples", str(examples)),
        *("--seed", "1"),
        *("--continue-on-failure", "--no-color"),
    ]
    logged = len(fuzzed.lines)
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=800, check=False
    )
    asked = [line for line in fuzzed.lines[logged:] if line.startswith("{")]
    assert len(asked) >= least, done.stdout[-3000:]
    assert not [line for line in asked if re.search(r'"status":(5|null)', line)]
    assert done.returncode == 0, done.stdout[-6000:]
    assert fuzzed.status()["run"] is not None

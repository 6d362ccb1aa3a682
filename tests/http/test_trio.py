"""The same application under hypercorn on trio: the contract does not depend on the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import anyio
import pytest
from anyio.abc import TaskStatus
from anyio.from_thread import start_blocking_portal

from adapters.composition import PAGE, Reshelve
from adapters.http.answers import LibraryPlace
from adapters.http.app import Settings, create_app
from adapters.http.gate import Policy
from adapters.http.requests import AllowedPaths
from adapters.http.server import listen
from engine.files import Root
from tests.http.conftest import small_legacy
from tests.http.libraries import slow_legacy
from tests.http.server import Client, adds_up, event_stream, events
from tests.waiting_library import Legacy, picture, sha_of

hypercorn_trio = pytest.importorskip("hypercorn.trio")
from hypercorn.config import Config  # noqa: E402  only where it is installed

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
"""A test of its own, in test_openapi, says that there is no such warning."""

ONE = sha_of(b"one")


async def serve_until(
    stop: anyio.Event, port: int, descriptor: int, folder: Path, *, task_status: TaskStatus[None]
) -> None:
    """The application over the service of the composition root, until `stop`."""
    name = f"127.0.0.1:{port}"
    settings = Settings(
        policy=Policy(hosts=frozenset({name}), origins=frozenset(), token=None),
        allowed=AllowedPaths((folder,)),
        page=PAGE,
        place=LibraryPlace(str(folder), "1"),
        roots=(Root("loras", str(folder / "legacy" / "models")),),
    )
    config = Config()
    config.bind = [f"fd://{descriptor}"]
    config.graceful_timeout = 1
    async with Reshelve().service(folder / "library", 2) as service:
        app = create_app(service, settings)
        task_status.started()
        await hypercorn_trio.serve(app, config, shutdown_trigger=stop.wait)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trio").resolve()


@pytest.fixture(scope="module")
def legacy(folder: Path) -> Legacy:
    return small_legacy(folder / "legacy")


@pytest.fixture(scope="module")
def client(folder: Path, legacy: Legacy) -> Iterator[Client]:
    """A server in a thread of this process, on a library to which `legacy` was carried."""
    listener = listen("127.0.0.1", 0)
    port: int = listener.getsockname()[1]
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal("trio"))
        stop = portal.call(anyio.Event)
        # Whoever takes the descriptor closes it.
        running, _ = portal.start_task(serve_until, stop, port, listener.detach(), folder)
        try:
            client = Client(f"http://127.0.0.1:{port}/")
            body = {"legacy_db_path": str(legacy.database)}
            done = client.send("/api/migration/migrate_legacy_db", body)
            assert (done.status, done.json["status"]) == (200, "success")
            assert done.json["db_migration"]["migrated"] == 3
            assert done.json["db_migration"]["pending"] == 2
            assert done.json["db_migration"]["images_processed"] == 6
            yield client
        finally:
            portal.call(stop.set)
            running.result(20)


def test_a_model_and_its_images_are_served(client: Client) -> None:
    record = client.get(f"/api/models/{ONE}").json
    assert record["meta_json"]["images_count"] == 3
    image = client.get(f"/api/images/{ONE}.webp?quality=low&rev=1")
    assert image.headers["content-type"] == "image/webp"
    again = client.get(f"/api/images/{ONE}?quality=low", {"If-None-Match": image.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert client.get("/api/images/pending/4").body == picture(40)
    assert len(client.get("/api/migration/pending_models").json["models"]) == 2


def test_a_model_is_edited(client: Client) -> None:
    (tag,) = client.send("/api/tags_add", {"newtags": ["new"]}).json["tags"]
    patch = {"name": "renamed", "tags": [tag["id"]]}
    changed = client.send(f"/api/models/{ONE}", patch, "PATCH").json
    assert (changed["name"], changed["tags"]) == ("renamed", [tag])
    assert client.get(f"/api/models/{ONE}").json == changed


def test_an_image_is_uploaded_and_deleted(client: Client) -> None:
    name = client.upload({"sha256": ONE}, picture(200)).json["base_name"]
    assert name == f"{ONE}_3"
    uploaded = client.get(f"/api/images/{name}").body
    assert client.delete(f"/api/images/delete?sha256={ONE}&seq=0").status == 200
    assert client.get(f"/api/images/{ONE}_2").body == uploaded
    assert client.get(f"/api/images/get_img_count?sha256={ONE}").json == {"count": 3}


def test_folders_are_scanned(client: Client, legacy: Legacy) -> None:
    (legacy.models / "new.safetensors").write_bytes(b"new")
    assert client.get("/api/scan").json["added"] == 1
    assert client.get("/api/scan").json["added"] == 0


def test_a_model_is_promoted(client: Client) -> None:
    report = client.send("/api/migration/import_models", {"id": [4, 99, "x"]})
    assert report.status == 207
    assert report.json["success"] == [4]
    assert report.json["total"] == 3
    assert client.get(f"/api/images/{sha_of(b'four')}_1").status == 200


def test_events_tell_of_a_run_that_is_started(client: Client, folder: Path) -> None:
    other = slow_legacy(folder / "other", 4)
    told = []
    with event_stream(client) as stream:
        body = {"legacy_db_path": str(other.database)}
        run = client.send("/api/migration/start", body).json["run"]["id"]
        for event in events(stream):
            told.append(event)
            now = event.data["run"]
            if now["id"] == run and now["status"] == "completed":
                break
    ids = [event.id for event in told]
    assert ids == sorted(set(ids))
    assert all(adds_up(event.data) for event in told)
    items = client.get("/api/migration/items?limit=2").json
    assert len(items["items"]) == 2


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/nothing", None, 404),
        ("GET", "/api/models/none", None, 404),
        ("GET", "/api/migration/pending_model", None, 400),
        ("GET", "/api/migration/status?run_id=99", None, 404),
        ("POST", "/api/migration/start", b"{}", 400),
        ("POST", "/api/migration/start", b'{"legacy_db_path": "/etc/passwd"}', 403),
        ("POST", "/api/tags_add", b"[" * 100_000, 400),
        ("POST", "/api/tags_add", b" " * 1_100_000, 413),
        ("POST", "/api/migration/resume", None, 409),
        ("PUT", "/api/tags", None, 405),
    ],
)
def test_errors_are_those_of_the_contract(
    client: Client, method: str, path: str, body: bytes | None, status: int
) -> None:
    assert client.send(path, body, method).refusal[0] == status


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.example"},
        {"Origin": "https://stranger.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_nobody_else_may_call(client: Client, headers: dict[str, str]) -> None:
    assert client.get("/api/migration/status", headers).refusal[0] == 403


def test_a_body_that_is_declared_as_text_is_refused(client: Client) -> None:
    headers = {"Content-Type": "text/plain"}
    assert client.call("POST", "/api/tags_add", b"{}", headers).refusal[0] == 415

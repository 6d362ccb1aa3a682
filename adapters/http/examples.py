"""Examples for the OpenAPI document: a body that a route takes, and one that it answers with."""

from __future__ import annotations

import msgspec

from adapters.http import answers
from adapters.http.downloads import ReportFile
from adapters.http.requests import ImportBody, MigrateBody, RepairBody, RetryBody, RunBody, TagsBody
from adapters.http.searches import ManyTagsBody
from engine.facts import promotion_report as promotion
from engine.facts import status
from engine.facts.catalogue import (
    MetaPatch,
    ModelPatch,
    ModelSummary,
    PendingView,
    TagCount,
    TagReport,
)
from engine.facts.codes import ProblemKind, meaning
from engine.facts.files import Root
from engine.facts.problems import Problem, ProblemGroup, ProblemPage, ProblemSummary
from engine.facts.recognition import Found
from engine.facts.records import (
    ActiveMeta,
    ModelRecord,
    PendingMeta,
    PendingModelRecord,
    Prompts,
    Tag,
)
from engine.facts.repair_report import ADVICE, LeftOver, Repaired, RepairReport
from engine.facts.reports import ConflictPage, Step, TypeCount
from engine.facts.search import ModelPage
from engine.facts.source import Notice
from engine.facts.survey import DatabaseSurvey, ImagesSurvey, SpaceSurvey, Survey

_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_PATH = "/home/kim/models/loras/meadow.safetensors"
_TAG = Tag(3, "style")
_AT = 1_760_000_000_000

_MIGRATE = MigrateBody("/home/kim/ComfyUI/hikaze/hikaze_mm.sqlite3", on_conflict="merge")
_RUNNING = status.RunStatus(
    run=status.RunSummary(
        id=1,
        kind=status.RunKind.LEGACY,
        status=status.RunState.RUNNING,
        resumable=False,
        started_at=_AT,
        updated_at=_AT + 4_000,
        finished_at=None,
        source=status.RunSource("hikaze1", "", "/home/kim/ComfyUI/hikaze/hikaze_mm.sqlite3"),
        images_folder="/home/kim/ComfyUI/hikaze/images",
        on_conflict="merge",
    ),
    counts=status.Counts(total=38, pending=14, imported=9, images_done=1, promoted=13, failed=1),
    warnings=2,
    images=status.ImageCounts(done=21, failed=1, bytes_read=18_349_221, total=39),
    eta_seconds=12.5,
    expected=38,
    work=10,
    source_read=True,
    share=0.57,
)
_REPORT = status.ImportReport(
    migrated=24, pending=14, errors=0, images_processed=37, image_errors=2
)
_RECORD = ModelRecord(
    sha256=_SHA256,
    path=_PATH,
    name="Meadow",
    type="loras",
    size_bytes=151_110_248,
    created_at=_AT,
    meta_json=ActiveMeta("Soft light.", "", 2, Prompts("meadow, morning", "")),
    tags=(_TAG,),
)
_PENDING = PendingModelRecord(
    id=17,
    path=_PATH,
    name="Meadow",
    type="loras",
    size_bytes=151_110_248,
    created_at=_AT,
    meta_json=PendingMeta("Soft light.", "", ("meadow.png",), Prompts("meadow, morning", "")),
    tags=(_TAG,),
)
_ITEM = status.ItemView(
    id=5,
    source_key="5",
    source_id=5,
    path=_PATH,
    name="Meadow",
    type="loras",
    state="promoted",
    sha256=_SHA256,
    claimed_sha256="",
    claimed_by="",
    warnings=(Notice("image_missing", "meadow.png is not in the folder of images."),),
)
_CONFLICT = promotion.Conflict(
    promotion.PendingSide(23, "/home/kim/models/loras/copy.safetensors"),
    promotion.ExistingSide(_SHA256, _PATH),
)
_PROMOTED = promotion.PromotionReport(
    total=3,
    success=[17],
    conflict=[_CONFLICT],
    failed=[promotion.Refusal(99, "No model with id 99 waits.", "unknown_pending_model")],
)
_PROBLEM = Problem(4, 5, "5", 5, _PATH, "meadow.png is not in the folder of images.", None, _SHA256)
_MISSING = meaning(ProblemKind.WARNING, "image_missing")
_PROBLEMS = ProblemSummary(
    1,
    [
        ProblemGroup(
            kind=ProblemKind.WARNING,
            code="image_missing",
            title=_MISSING.title,
            advice=_MISSING.advice,
            count=1,
            retryable=False,
            examples=[_PROBLEM],
        )
    ],
)
_HISTORY = answers.History(
    [
        Step(1, 5, "5", 5, _PATH, None, "pending", _AT),
        Step(1, 5, "5", 5, _PATH, "pending", "imported", _AT + 200),
        Step(1, 5, "5", 5, _PATH, "imported", "images_done", _AT + 900),
        Step(1, 5, "5", 5, _PATH, "images_done", "promoted", _AT + 900),
    ]
)
_DATABASE = "/home/kim/ComfyUI/hikaze/hikaze_mm.sqlite3"
_SURVEY = Survey(
    database=DatabaseSurvey(
        path=_DATABASE,
        found=True,
        readable=True,
        rows=38,
        hashed=24,
        unhashed=14,
        images=39,
        complete=True,
    ),
    images=ImagesSurvey("/home/kim/ComfyUI/hikaze/images", True, True, 1),
    space=SpaceSurvey(24_117_248, 318_902_870_016, enough=True),
    can_start=True,
    location=_DATABASE,
    found=[Found("hikaze1", "", _DATABASE, 38, {}, 24, 39, 0, 0, [])],
)
_LIBRARY = answers.LibraryAnswer(
    path="/home/kim/reshelve",
    models=24,
    pending=14,
    types=[TypeCount("checkpoints", 6), TypeCount("loras", 18)],
    version="0.1.0",
    conflicts=1,
    failed=0,
    warnings=2,
    folders=[Root("loras", "/home/kim/models/loras")],
)
_SUMMARY = ModelSummary(_SHA256, "Meadow", 2, "loras", _PATH, 151_110_248, _AT, (_TAG,))
_REPAIRED = RepairReport(
    [
        Repaired(
            "image_missing",
            f"/home/kim/reshelve/images/{_SHA256}_0_low.webp",
            "no such file: it is made again",
        )
    ],
    [LeftOver("tag_invalid", "tag 9", "its name is empty", ADVICE["tag_invalid"])],
)

TAKEN: dict[str, object] = {
    "post /api/migration/migrate_legacy_db": _MIGRATE,
    "post /api/migration/start": _MIGRATE,
    "post /api/migration/check": _MIGRATE,
    "post /api/migration/resume": RunBody(1),
    "post /api/migration/retry": RetryBody((5, 8)),
    "post /api/library/repair": RepairBody(dry_run=True),
    "post /api/migration/import_models": ImportBody([17, 23], "merge"),
    "patch /api/models/{sha256}": ModelPatch(
        name="Meadow at noon", meta_json=MetaPatch(description="Soft light."), tags=(3,)
    ),
    "patch /api/migration/pending_model": ModelPatch(type="loras", tags=(3,)),
    "post /api/library/tags": ManyTagsBody((_SHA256,), (17,), ("style",), ("draft",)),
    "post /api/tags_add": TagsBody(["style", "landscape"]),
    "post /api/images/upload": {"image": "(the bytes of an image)", "sha256": _SHA256},
}
"""What a route takes, by its method and path."""

ANSWERED: dict[str, object] = {
    "post /api/migration/migrate_legacy_db": answers.MigrationAnswer("success", _REPORT, _RUNNING),
    "post /api/migration/import_models": _PROMOTED,
    "get /api/migration/pending_models": answers.pending_list([PendingView(_PENDING)]),
    "get /api/migration/pending_model": _PENDING,
    "patch /api/migration/pending_model": _PENDING,
    "get /api/scan": answers.ScanAnswer("success", 120, 1, [17], 119, []),
    "post /api/migration/start": _RUNNING,
    "post /api/migration/resume": _RUNNING,
    "post /api/migration/cancel": _RUNNING,
    "post /api/migration/retry": _RUNNING,
    "get /api/migration/status": _RUNNING,
    "get /api/migration/items": status.ItemPage([_ITEM], 5),
    "get /api/migration/databases": answers.databases_nearby(
        {"/home/kim/ComfyUI/custom_nodes/hikaze-1/data/hikaze_mm.sqlite3": None}
    ),
    "post /api/migration/check": _SURVEY,
    "get /api/migration/problems": _PROBLEMS,
    "get /api/migration/problems/items": ProblemPage([_PROBLEM], None),
    "get /api/library/problems": msgspec.structs.replace(_PROBLEMS, run_id=None),
    "get /api/library/problems/items": ProblemPage([_PROBLEM], None),
    "get /api/migration/report": ReportFile(_RUNNING, [_ITEM]),
    "get /api/migration/items/{item_id}/history": _HISTORY,
    "get /api/migration/promotion": _PROMOTED,
    "get /api/migration/conflicts": ConflictPage([_CONFLICT], None),
    "get /api/library": _LIBRARY,
    "post /api/library/repair": _REPAIRED,
    "get /api/library/models": ModelPage([_SUMMARY], 1, None),
    "get /api/library/tags": answers.TagCounts([TagCount(3, "style", 12, 2)]),
    "post /api/library/tags": TagReport(1, 1, [], []),
    "get /api/models": answers.ModelList([_SUMMARY]),
    "get /api/models/get_types": answers.TypeList(["checkpoints", "loras"]),
    "get /api/models/{sha256}": _RECORD,
    "patch /api/models/{sha256}": _RECORD,
    "get /api/models/{sha256}/history": _HISTORY,
    "get /api/tags": answers.TagList([_TAG]),
    "post /api/tags_add": answers.TagList([_TAG]),
    "get /api/images/get_img_count": answers.ImageCount(2),
    "post /api/images/upload": answers.Uploaded("success", f"{_SHA256}_2"),
    "delete /api/images/delete": answers.Done(),
}
"""What a route answers when all is well, by its method and path."""

PARAMETERS: dict[str, object] = {
    "files": "missing",
    "folder": "/home/kim/ComfyUI",
    "offset": 0,
    "order": "newest",
    "pictures": "without",
    "search": "meadow",
    "tag": "style",
    "after": 100,
    "code": "image_missing",
    "format": "json",
    "id": 17,
    "If-None-Match": '"5f2c"',
    "Last-Event-ID": _AT,
    "item_id": 5,
    "kind": "warning",
    "limit": 100,
    "verbatim": "true",
    "name": f"{_SHA256}_0.webp",
    "quality": "medium",
    "run_id": 1,
    "seq": 0,
    "sha256": _SHA256,
    "state": "failed",
    "type": "loras",
}
"""A value of each parameter."""

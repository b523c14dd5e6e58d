"""Records with fixed events: a code rollback whose last step failed, and a triage. They have everything that a report can show."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rollback_lib.commands.command import Command
from rollback_lib.host.ending import Ending
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import Changes, Step
from rollback_lib.record.folder import Folder
from rollback_lib.report import summary
from rollback_lib.run.outcome import steps
from rollback_lib.secrets.redactor import Redactor

SECRET = "hunter2-hunter2-hunter2"
BEGAN = datetime(2026, 11, 24, 3, 12, 4, tzinfo=UTC)
WHO = "operator@laptop"
IMAGE = "registry.dyniq.ai/agents-api@sha256:" + "0a1860081039" * 5 + "0a18"
NOW, TARGET = "91783d0c52ab3e6f9d1407b8c5a2e3f4d6b70819", "db2f592e0cfa41b7a3d98c6e5f20b1748d9e3a65"
TREE = ("git", "-C", "/opt/dyniq-voice", "switch", "-q")
KEEP = Step("keep", "Keep what runs", "", (Command.of("docker", "image", "tag", IMAGE, "rollback/agents-api:3f2a9c"),))
RESTORE = Step("restore_tree", "Restore the tree", "", (Command.of(*TREE, "--detach", TARGET),), changes=Changes.STACK)
UP = Command.of("docker", "compose", "up", "-d", "--no-deps", "agents-api")
RECREATE = Step("recreate", "Recreate the containers", "", (UP,), changes=Changes.STACK)
BACK = Step("restore_tree_back", "Restore the tree as it was", "", (Command.of(*TREE, "main"),), changes=Changes.STACK)
BEFORE = {"commit": NOW, "image": IMAGE}
PLAN = Plan("code", "3f2a9c", "dyniq-voice", "contabo", TARGET[:7], (KEEP, RESTORE, RECREATE), (BACK,), before=BEFORE)
DIFF = """diff --git a/agents_api/server.py b/agents_api/server.py
--- a/agents_api/server.py
+++ b/agents_api/server.py
@@ -12,1 +12,1 @@ def health():
-    return {"status": "ok", "model": os.environ["MODEL"]}
+    return {"status": "ok"}
"""
POINTS = (
    ("state", "Is what is broken documented?", "the facts of section 2, and the logs that would be lost (312 lines), in the record", True),
    ("change", "Which change is reverted?", f"commit {NOW[:7]} “Say which model answers” by Ruben, made 2026-11-23 14:15 UTC", True),
    ("target", "Is the target known to be stable?", "healthy here 41 times, over 36 h, last 2026-11-24 02:15 UTC", True),
    ("people", "Is everyone affected told?", "nobody is notified (no `notify` in the stack): tell them yourself", False),
)
EFFECTS = (
    ("commit", TARGET, TARGET, True),
    ("agents-api: image", IMAGE, "docker.io/library/agents-api:latest", False),
    ("agents-api: containers recreated", "yes", "no", False),
    ("agents-api: replicas", "1", "1", True),
)
ROWS = (
    ("green", "memory", "48% free", ""),
    ("amber", "certificate of agents-api", "good until 2026-12-01 04:10 UTC, for 7 days more", "look at its log: `docker logs caddy`"),
    ("red", "disk", "0.4 GB free of 80 GB", "remove what is old: `docker image prune`"),
)  # fmt: skip


def at(seconds: float) -> str:
    return (BEGAN + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def failed(root: Path) -> Folder:
    """The record of a rollback whose last step failed; what was said in it has a secret in it."""
    folder = _folder(root, "code", [*_planned(), *_probes(), *_applied()])
    for name, text in (("plan.diff", DIFF), ("plan.sh", PLAN.shell()), ("undo.sh", PLAN.undo_shell())):
        folder.write(name, text)
    reason = f"recreate failed: exit status 1 ({SECRET}); the host is changed in part: `rollback resume 3f2a9c` continues from there"
    effects = [dict(zip(("name", "asked", "found", "ok"), effect, strict=True)) for effect in EFFECTS]
    left = "`rollback resume 3f2a9c` says how far it came, and continues from there.", "The way back is `ssh contabo sh -s <undo.sh`."
    folder.write_record({
        **_head("code", "apply"), "verdict": "failed-partly", "status": 5, "reason": reason, "because": "every call answers 500",
        "seconds": 36.04, **summary.outages(folder.events()).data(), "target": TARGET[:7], "plan": PLAN.hash, "before": BEFORE,
        "steps": steps(PLAN, folder.state), "effects": effects, "next": left,
    })  # fmt: skip
    return folder


def looked(root: Path) -> Folder:
    """The record of a triage."""
    speaks = ["the deploy came 3 min before the first 500", "its log says `KeyError`"]
    findings = [
        {"fit": "✔ fits", "situation": "A bad commit was deployed", "for": speaks, "against": []},
        {"fit": "✘ does not fit", "situation": "The env file was changed", "for": [], "against": ["last changed 2026-10-02 08:00 UTC"]},
    ]
    rows = [dict(zip(("level", "name", "found", "do"), row, strict=True)) for row in ROWS]
    found = {"healthy": False, "findings": findings, "rows": rows}
    reason = "a bad commit was deployed: `rollback run code --stack production`"
    events = [_event(0, "open", who=WHO, mode="plan"), *_probes(), _event(3, "found", verdict="looked", reason=reason, **found)]
    folder = _folder(root, "triage", events)
    folder.write_record({**_head("triage", "plan"), "verdict": "looked", "status": 0, "reason": reason, "seconds": 3.2, "found": found})
    return folder


def _folder(root: Path, procedure: str, events: Iterable[dict[str, Any]]) -> Folder:
    redactor = Redactor()
    redactor.protect([SECRET])
    path = root / "2026" / "11" / "24" / f"031204Z-{procedure}-3f2a9c"
    path.mkdir(parents=True)
    folder = Folder(path, redactor)
    for event in sorted(events, key=lambda event: event["at"]):
        folder.event(event.pop("kind"), **event)
    return folder


def _head(procedure: str, mode: str) -> dict[str, Any]:
    known = {"written": at(36), "incident": "3f2a9c", "procedure": procedure, "stack": "dyniq-voice", "host": "contabo"}
    return {**known, "who": WHO, "mode": mode, "budget": 60.0}


def _event(seconds: float, kind: str, **data: Any) -> dict[str, Any]:
    return {"at": at(seconds), "kind": kind, **data}


def _planned() -> Iterator[dict[str, Any]]:
    yield _event(0, "open", who=WHO, mode="apply")
    yield _event(0.8, "connected", host="contabo", user="deploy", state="/opt/dyniq-voice/.rollback")
    yield _event(1.9, "target", asked="", chosen=TARGET[:7], why="the newest release that was healthy here (2026-11-24 02:15 UTC)")
    yield _event(2.2, "plan", hash=PLAN.hash, target=TARGET[:7], nothing_to_do=False, sha256={})
    yield _event(2.3, "checklist", points=[dict(zip(("name", "question", "answer", "answered"), point, strict=True)) for point in POINTS])
    yield _event(6, "confirmed", plan=PLAN.hash, by="gate", who=WHO, host="contabo")
    yield _event(6.2, "lock", how="taken", other=None)


def _probes() -> Iterator[dict[str, Any]]:
    for number in range(24):
        sent = 1 + number * 1.45
        well, ill = {"ok": True, "status": 200, "said": "ok"}, {"ok": False, "status": 500, "said": "KeyError: 'MODEL'"}
        for route, came in (("agents-api", ill if number < 20 else well), ("ruben-api", well)):
            yield _event(sent + 0.03, "probe", sent=at(sent), route=route, ms=30, **came)


def _applied() -> Iterator[dict[str, Any]]:
    yield from _step(KEEP, 7, 8.4, Ending.exited(0))
    yield from _step(RESTORE, 8.6, 9.2, Ending.exited(0))
    said = "Container docker-agents-api-1  Recreate", f"Error: DATABASE_URL=postgres://u:{SECRET}@postgres/dyniq is refused"
    yield from _step(RECREATE, 9.5, 27.25, Ending.exited(1), *said)
    yield _event(28, "failed", error=f"recreate: exit status 1, password {SECRET}; `rollback resume 3f2a9c` continues from there")
    yield _event(36, "verdict", verdict="failed-partly", reason="recreate failed")


def _step(step: Step, begin: float, end: float, ending: Ending, *lines: str) -> Iterator[dict[str, Any]]:
    known = {"step": step.name, "job": step.name, "plan": PLAN.hash}
    commands = [*map(str, step.script), f"docker login -p {SECRET}"]
    yield _event(begin, "step-begin", **known, touches=step.touches, commands=commands)
    yield _event(end, "step-end", **known, ending=ending, last_lines=lines)

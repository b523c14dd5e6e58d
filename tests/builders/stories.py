"""Builders for records, event by event as a run writes them: a code rollback that is planned, applied, fails or is undone; and runs that
only look."""

from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rollback_lib.commands.command import Command
from rollback_lib.facts.docker import Container
from rollback_lib.host.ending import Ending
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import Changes, Step
from rollback_lib.record.folder import Folder
from rollback_lib.run.outcome import steps

BEGAN = datetime(2026, 11, 24, 3, 12, 4, tzinfo=UTC)
ID = "3f2a9c"
TARGET = "db2f592e0cfa41b7a3d98c6e5f20b1748d9e3a65"
IMAGE = "sha256:" + "0a1860081039" * 5 + "0a18"
SCRIPT = Command.script('cd "$1"\nfor file in *; do\n    echo "a  b" >"$file" # two spaces are two\ndone', "/opt/dyniq-voice")
KEEP = Step("keep", "Keep what runs", "Undo needs it.", (Command.of("docker", "image", "tag", IMAGE, f"rollback/agents-api:{ID}"), SCRIPT))
TREE = Step("restore_tree", "Put the tree on the target", "HEAD becomes the target.", changes=Changes.STACK, commands=(
    Command.of("git", "-C", "/opt/dyniq-voice", "checkout", "--quiet", "--force", "--detach", TARGET),
))  # fmt: skip
UP = ("env", "-C", "/opt/dyniq-voice/docker", "docker", "compose", "-p", "docker", "up", "--detach", "--no-deps", "--force-recreate", "api")
RECREATE = Step("recreate", "Recreate agents-api", "It runs the target.", (Command.of(*UP),), changes=Changes.STACK)
BACK = Step("undo_tree", "Put the tree back", "", (Command.of("git", "switch", "main"),), changes=Changes.STACK)
DIFF = '--- a/server.py\n+++ b/server.py\n@@ -1 +1 @@\n-    return {"model": os.environ["MODEL"]}\n+    return {"status": "ok"}\n'
LOST = "in the tree, removed (1): agents_api/streaming.py"
NOTE = "HEAD is detached at the target: the next `git pull` on the host stops with a message."
WHY = "the newest release that was healthy here (2026-11-24 02:15 UTC)"
PLAN = Plan(
    "code", ID, "dyniq-voice", "contabo", TARGET, (KEEP, TREE, RECREATE), (BACK,), facts=(("services", "agents-api × 1"),), loses=(LOST,),
    notes=(NOTE,), diff=DIFF,
)  # fmt: skip
POINTS = (
    {"name": "change", "question": "Which change is reverted?", "answer": "commit 91783d0 by Ruben", "answered": True, "required": True},
    {"name": "people", "question": "Is everyone affected told?", "answer": "nobody is notified", "answered": False, "required": False},
)
EFFECT = {"name": "commit of the tree", "asked": TARGET[:12], "found": TARGET[:12], "decides": True, "ok": True}
CAUSE = {
    "procedure": "code", "situation": "Bad code deploy", "fit": "fits", "points": 6, "for": ["the deploy came 3 min before the first 500"],
    "against": [], "parameters": {"target": TARGET}, "warnings": [],
}  # fmt: skip
ROW = {"name": "disk", "level": "red", "found": "0.4 GB free of 80 GB", "do": "remove what is old: `docker image prune`"}


class Record:
    """A record that is being written below `root`. Each event comes a second after the one before."""

    def __init__(self, root: Path, procedure: str = "code", mode: str = "apply", **parameters: str) -> None:
        path = root / "2026" / "11" / "24" / f"031204Z-{procedure}-{ID}"
        path.mkdir(parents=True)
        self.folder = Folder(path)
        self._seconds = -1
        self.head = {"incident": ID, "procedure": procedure, "stack": "dyniq-voice", "host": "contabo", "who": "me@laptop", "mode": mode}
        self.event("open", **self.head, on_failure="undo", reason="500s", parameters=parameters, budget=60.0, usual=[12.0, 14.0])

    def event(self, kind: str, **data: Any) -> None:
        self._seconds += 1
        self.folder.event(kind, **{"at": (BEGAN + timedelta(seconds=self._seconds)).isoformat(timespec="milliseconds"), **data})

    def looked(self) -> None:
        """The events of a run that has connected and looked at everything. A route fails."""
        self.event("connected", host="contabo", user="deploy", state="/var/lib/rollback")
        self.event("facts", answers=[{"asked": "docker ps", "found": {"running": [container("docker-agents-api-1", "exited")]}}])
        self.probe("agents-api", ok=False, said='{"error": "KeyError"}')
        self.probe("ruben-api")

    def probe(self, route: str, *, ok: bool = True, said: str = "") -> None:
        self.event("probe", route=route, ok=ok, status=200 if ok else 500, ms=30, said=said)

    def planned(self) -> None:
        self.looked()
        self.event("target", asked="", chosen=TARGET, why=WHY)
        self.folder.write("plan.json", PLAN.json())
        self.event("plan", hash=PLAN.hash, target=TARGET, nothing_to_do=False, sha256={})
        self.event("checklist", points=POINTS)

    def confirmed(self) -> None:
        self.planned()
        self.event("confirmed", plan=PLAN.hash, by="parameter", who="me@laptop", host="contabo")

    def begin(self, step: Step) -> None:
        commands = list(map(str, step.script))
        self.event("step-begin", step=step.name, job=step.name, plan=PLAN.hash, touches=step.touches, commands=commands)

    def end(self, step: Step, ending: Ending = Ending.exited(0), *lines: str) -> None:  # noqa: B008 – it is frozen
        known = {"step": step.name, "job": step.name, "plan": PLAN.hash}
        self.event("step-end", **known, ending=ending, seconds=1.5, last_lines=lines)

    def close(self, verdict: str, reason: str, status: int, **more: Any) -> Folder:
        """Write the verdict, and record.json."""
        self.event("verdict", verdict=verdict, reason=reason)
        told = {**self.head, "verdict": verdict, "status": status, "reason": reason, "budget": 60.0, "seconds": 9.5, **more}
        if (self.folder.path / "plan.json").exists():
            told |= {"plan": PLAN.hash, "target": TARGET, "steps": steps(PLAN, self.folder.state)}
        self.folder.write_record(told)
        return self.folder


def container(name: str, state: str = "running") -> dict[str, Any]:
    """A container, as a record describes it."""
    known = {"name": name, "state": state, "health": "", "restarts": 2, "started": "2026-11-24 02:00:00+00:00"}
    return {**{field.name: None for field in fields(Container)}, **known}


def planned(root: Path) -> Folder:
    record = Record(root, mode="plan")
    record.planned()
    apply = f"To apply exactly this plan: the same run with `--apply --confirm contabo --plan {PLAN.hash}`."
    return record.close("planned", "planned only; the host was not changed", 0, next=[apply])


def applied(root: Path) -> Folder:
    record = Record(root)
    record.confirmed()
    for step in PLAN.steps:
        record.begin(step)
        record.end(step)
    record.probe("agents-api")
    record.event("verified", ok=True, healthy=True, applied=True, effects=[EFFECT])
    back = f"To undo it: `rollback undo {ID}`; by hand: `ssh contabo sh -s <undo.sh`."
    return record.close("succeeded", "the effect is the one asked for, and every route is healthy", 0, next=[NOTE, back])


def failed(root: Path) -> Folder:
    """A run whose second step failed, and which was not undone."""
    record = Record(root)
    record.confirmed()
    record.begin(KEEP)
    record.end(KEEP)
    record.begin(TREE)
    record.end(TREE, Ending.exited(128), "fatal: unable to write new index file", "No space left on device")
    reason = "step restore_tree failed on contabo, exit status 128; the host is changed in part"
    record.event("failed", error="step restore_tree failed on contabo, exit status 128")
    record.event("error", cell="restore_tree", type="Failed", error=reason)
    return record.close("failed-partly", reason, 5, next=[f"`rollback resume {ID}` says how far it came."])


def diagnosed(root: Path) -> Folder:
    record = Record(root, "triage", "plan")
    record.looked()
    found = {"healthy": False, "findings": [CAUSE], "rows": [ROW]}
    record.event("found", verdict="looked", reason="not healthy: Bad code deploy", next=[], **found)
    return record.close("looked", "not healthy: Bad code deploy", 0, found=found, next=["look with `rollback run code`"])


def guarded(root: Path) -> Folder:
    """A release that did not hold, and whose rollback was only planned."""
    record = Record(root, "guard", hold="10m", rollback="plan")
    record.event("connected", host="contabo", user="deploy", state="/var/lib/rollback")
    record.probe("agents-api")
    record.probe("ruben-api")
    record.event("holding", seconds=600.0, until="2026-11-24T03:22:08+00:00")
    record.event("restarted", container="docker-worker-1", times=1)
    record.probe("agents-api", ok=False, said='{"error": "KeyError"}')
    record.event("replaced", services=["agents-api"])
    lapse = "route agents-api was not healthy for 12 s (500)"
    record.event("lapse", words=lapse)
    record.event("way-back", procedure="code", parameters={}, why="the last good release is 7777777")
    reason = f"dyniq-voice did not hold on contabo: {lapse}; the code rollback 5b3c63 is planned and not applied"
    found = {"held": False, "failing": [], "rollback": {"incident": "5b3c63"}, "releases": [], "files": [], "left_out": []}
    record.event("found", verdict="not-held", reason=reason, next=[], **found)
    return record.close("not-held", reason, 7, found=found, next=["Roll back: `rollback run code`."])


def all_of_them(root: Path) -> Iterator[Folder]:
    known = {"planned": planned, "applied": applied, "failed": failed, "diagnosed": diagnosed, "guarded": guarded}
    for name, made in known.items():
        yield made(root / name)

"""Reading what earlier processes left of an incident, to resume it or to compare its plan with another."""

import difflib
import json
import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from rollback_lib.errors import ParameterError
from rollback_lib.plan.plan import Plan
from rollback_lib.record.chain import Chain
from rollback_lib.record.folder import Folder
from rollback_lib.record.proof import check
from rollback_lib.record.state import RunState
from rollback_lib.record.verdict import Verdict
from rollback_lib.run.stages import Opening
from rollback_lib.stack.model import Stack

_NEVER_RESUMED = ("readiness", "mark", "guard")  # procedures that leave nothing to resume
_ENDED = (Verdict.PLANNED, Verdict.SUCCEEDED, Verdict.NOTHING_TO_DO, Verdict.RESTORED)


def opening(folder: Path, root: Path) -> tuple[Opening, Stack]:
    """How an incident was opened, and its stack. Raises ParameterError if its record does not agree with the chain in `root`, or if
    there is nothing to resume."""
    check(folder, root)
    events = Folder(folder).events()
    raw = next((event for event in events if event["event"] == "open"), None)
    state = RunState.of(events)
    known = Verdict(Folder(folder).record().get("verdict", Verdict.UNKNOWN))
    if raw is None or raw["mode"] != "apply":
        raise ParameterError(f"{folder.name} only planned, so there is nothing to resume; run its procedure with --apply")
    if raw["procedure"] in _NEVER_RESUMED:
        raise ParameterError(f"{folder.name} changed nothing that serves, so there is nothing to resume; run {raw['procedure']} again")
    if known in _ENDED:
        raise ParameterError(f"{folder.name} has ended as {known}, so there is nothing to resume; run its procedure again")
    if not state.begun or state.cleaned:
        raise ParameterError(f"{folder.name} left nothing on the host to resume; run its procedure again")
    values = {field.name: raw[field.name] for field in fields(Opening) if field.name in raw}
    stack = Stack.load(json.loads((folder / "stack.json").read_text()))
    return Opening(**{**values, "folder": folder, "usual": tuple(raw["usual"])}), stack


def cut_short(root: Path, procedure: str, stack: str, session: str, parameters: Mapping[str, object]) -> Path | None:
    """The folder of the incident that the notebook of this session was applying, with the same parameters, when its kernel ended;
    None if there is no such incident. Raises ParameterError if its record does not agree with the chain."""
    for place, entry in reversed(Chain(root).latest().items()):
        if entry.get("procedure") != procedure or entry.get("stack") != stack:
            continue
        folder = root / place
        events = Folder(folder).events() if folder.is_dir() else []
        began = next((event for event in events if event["event"] == "open"), {})
        if began.get("session") != session:
            continue
        last = [event.get("process") for event in events if event["event"] in ("open", "resumed")][-1]
        same = json.loads(json.dumps(parameters, default=str)) == began.get("parameters") and began.get("mode") == "apply"
        if not same or not _in_between(RunState.of(events)) or _alive(last):
            return None
        check(folder, root)
        return folder
    return None


def _in_between(state: RunState) -> bool:
    """Whether steps have begun and the run has not ended since. The verdict REFUSED does not end it if every step that began was
    done: a person only ran a cell too early."""
    refused = state.verdict is Verdict.REFUSED and all(ended is not None and ended.ok for ended in state.begun.values())
    return bool(state.begun) and (state.verdict is Verdict.UNKNOWN or refused)


def differences(root: Path, reviewed: str, plan: Plan) -> list[str]:
    """The lines by which `plan` differs from the plan with the hash `reviewed`. Empty if no record has that plan."""
    for place, entry in reversed(Chain(root).latest().items()):
        file = root / place / "plan.sh"
        if entry.get("plan") == reviewed and file.exists():
            old = file.read_text().replace(entry["incident"], plan.incident)
            lines = difflib.unified_diff(old.splitlines(), plan.shell().splitlines(), "reviewed", "now", n=0, lineterm="")
            return [line for line in lines if not line.startswith("@@")]
    return []


def _alive(process: Any) -> bool:
    if not isinstance(process, int) or process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

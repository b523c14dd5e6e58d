"""Opening a run, or an incident again: the parameters are checked, the record gets its folder, the host is connected to."""

import os
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rollback_lib.errors import RollbackError
from rollback_lib.facts.account import account
from rollback_lib.facts.live import LiveHost
from rollback_lib.health.headers import check_values
from rollback_lib.host.link import Link
from rollback_lib.procedures import registry
from rollback_lib.procedures.common import known_secrets
from rollback_lib.record.chain import OPENED, Chain
from rollback_lib.record.folder import FOLDER_VARIABLE, Folder, incidents_root, who
from rollback_lib.record.history import usual_seconds
from rollback_lib.record.state import RESUMED
from rollback_lib.record.verdict import Verdict
from rollback_lib.run import outcome, resume
from rollback_lib.run.checklist import checked as points
from rollback_lib.run.console import Console
from rollback_lib.run.options import Options, check
from rollback_lib.run.run import Run
from rollback_lib.run.sealing import Seal
from rollback_lib.run.stages import Opening
from rollback_lib.runbook import working_copy
from rollback_lib.secrets.redactor import Redactor
from rollback_lib.secrets.secret import Key
from rollback_lib.stack.model import Stack

NOISE = 120  # how many characters are shown of what a start-up file of the login shell prints


def opened(
    procedure: str, stack: "str | Path | Mapping[str, Any] | Stack", options: Options, parameters: Mapping[str, object], console: Console
) -> Run:
    """A run, connected to its host: a new one, or the one that this notebook had begun to apply before its kernel ended. Raises
    ParameterError before anything is contacted, ConnectionRefused if the host cannot be used."""
    started = time.monotonic()
    mode, loaded = str(options.mode), check(procedure, stack, options, **parameters)
    root = incidents_root()
    given = os.environ.pop(FOLDER_VARIABLE, None)
    session = os.environ.get("JPY_SESSION_NAME", "")
    cut = resume.cut_short(root, procedure, loaded.name, session, parameters) if session and mode == "apply" else None
    made = given or cut or working_copy.made_for(working_copy.session(), procedure, root)
    folder = Folder(Path(made)) if made else Folder.create(procedure, root)
    opening = Opening(
        incident=folder.id, procedure=procedure, stack=loaded.name, host=loaded.host, who=who(),
        mode=mode, on_failure=str(options.on_failure), reason=str(options.reason), parameters=parameters, folder=folder.path,
        budget=registry.budget(loaded, procedure), usual=tuple(usual_seconds(root, procedure, loaded.name)),
        take_over=options.takes_over, revert_after=options.revert_seconds, reviewed=str(options.reviewed), checked=points(options.checked),
        break_glass=" ".join(str(options.break_glass).split()), named=str(stack) if isinstance(stack, str | Path) else loaded.name,
        session=session, process=os.getpid(), practice=loaded.practice, resumed=cut is not None,
    )  # fmt: skip
    return _connected(loaded, opening, console, started, root, sealed_by_runner=given is not None)


def resumed(folder: Path, console: Console, *, take_over: bool) -> Run:
    """The run of an incident, opened again. Raises ParameterError if there is nothing to resume, ConnectionRefused if the host
    cannot be used."""
    started = time.monotonic()
    given = os.environ.pop(FOLDER_VARIABLE, None)
    root = incidents_root()
    opening, stack = resume.opening(folder, root)
    opening = replace(opening, take_over=take_over, who=who(), process=os.getpid(), resumed=True)
    return _connected(stack, opening, console, started, root, sealed_by_runner=given is not None)


def _connected(
    stack: Stack, opening: Opening, console: Console, started: float, root: Path, *, sealed_by_runner: bool
) -> Run:  # fmt: skip
    folder, key = Folder(opening.folder, Redactor(stack.model_dump_json())), Key()
    console.hide(folder.redactor)
    told = {**opening.__dict__, "folder": str(folder.path)}
    if opening.resumed:  # the budget is for the whole incident
        started -= (datetime.now(UTC) - datetime.fromisoformat(folder.events()[0]["at"])).total_seconds()
    else:
        folder.write("stack.json", stack.model_dump_json(indent=1, exclude_unset=True) + "\n")
        told["sha256"] = folder.hashes("stack.json")
    if not (opening.resumed and sealed_by_runner):  # a runner that resumes has written this event itself
        folder.event(RESUMED if opening.resumed else "open", **told)
        Chain(root).enter(OPENED, folder.path, outcome.record(opening, folder.state))
    seal = None if sealed_by_runner else Seal(folder, root)

    def word(said: str) -> None:
        folder.event("link", said=said)
        console.line(f"▲ {said}")

    try:
        link = Link.to(stack, word)
        host = LiveHost(link, folder.redactor, key)
        asked = host.ask(account(stack))
        values = known_secrets.protect(host, stack, folder.redactor)
        check_values(stack.routes, values)
        here = asked.result()
        folder.event("connected", host=stack.host, user=here.user, state=here.state)
        if noise := folder.redactor.clean(" ".join(link.noise.split())):
            word(f"a start-up file of {here.user} there prints “{noise[:NOISE]}”; that is left out of every answer")
        return Run(stack.at(here.state), opening, folder, link, key, console, started, here, seal, values)
    except RollbackError as error:
        folder.event("refused", type=type(error).__name__, error=str(error))
        if not opening.resumed:
            folder.event("verdict", verdict=Verdict.REFUSED, reason=str(error))
            folder.write_record(outcome.record(opening, folder.state))
        if seal:
            seal.close()
        raise

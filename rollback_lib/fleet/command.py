"""The `rollback` command as a process with an environment of its own, so that nothing of the engine that starts it is shared with it."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from rollback_lib.archive import address
from rollback_lib.errors import ParameterError
from rollback_lib.fleet.outcome import Outcome, plan_in
from rollback_lib.settings import home
from rollback_lib.stack.model import Stack

VARIABLE = "ROLLBACK_COMMAND"  # the program on a worker; `rollback` of PATH unless set
RESUMES = 3  # how often a run whose end is not known is resumed
_AGAIN = 2.0  # seconds until an archive is asked again for a record that may be on its way
# Of the engine and of its Python: nothing of it is for the run, and some of it is secret.
_ENGINE = re.compile(r"_*AIRFLOW.*|PYTHON.*|VIRTUAL_ENV")


class Command:
    """Runs `rollback` in the runbook folder of this machine. `secrets` are environment variables for it: values of the references in stack
    files. `since` is the day (UTC) of the oldest records that are looked for in archives. Another thread, or a signal handler, may call
    `terminate`."""

    def __init__(self, secrets: Mapping[str, str] | None = None, since: date | None = None) -> None:
        self._secrets = dict(secrets or {})
        self._since = ["--since", str(since)] if since else []
        self._process: subprocess.Popen[str] | None = None
        self._told_to_end = False

    def run(self, procedure: str, stack: str, parameters: Mapping[str, str], *, apply: bool, plan: str, on_failure: str) -> Outcome:
        """Run a procedure; without `apply` it only plans. `plan` is the hash of the only plan that may be applied, "" for any."""
        host = loaded(stack).host
        words = [word for key, value in parameters.items() for word in ("-p", f"{key}={value}")]
        words += ["--apply", "--confirm", host] if apply else []
        words += ["--plan", plan] if plan else []
        words += ["--on-failure", on_failure] if apply and on_failure != "stop" else []
        return self._settled("run", procedure, "--stack", stack, *words, stack=stack)

    def undo(self, incident: str, stack: str, reason: str) -> Outcome:
        """Undo a run, by its record, which is fetched from the archive if it is not on this machine."""
        status, said = self._fetched(incident, stack)
        if status:
            known = loaded(stack)
            return Outcome(stack, known.name, known.host, "undo", "refused", 3, said)
        done = self._settled("undo", incident, "--apply", "--confirm", loaded(stack).host, "--reason", reason, stack=stack)
        return replace(done, procedure="undo")

    def earlier(self, stack: str, text: str, until: float = 0) -> Outcome | None:
        """What came of a run of which only the record is left, found by a text in it; it is resumed if it has not ended, and never run
        again. None if there is no such record, neither on this machine nor in the archive, where it is waited for `until` then
        (by time.monotonic)."""
        done = self._found(stack, text, until)
        if not done:
            return None
        status, said = self._fetched(done[0]["incident"], stack)
        if status:
            return Outcome(stack, reason=f"its record {done[0]['incident']} is in the archive, but {said}")
        known = loaded(stack)
        record = {**done[0], "stack": stack, "name": known.name, "host": known.host}
        if record["verdict"] not in ("open", "unknown"):
            shown = self._json("incidents", "show", record["incident"], "--json")[1]
            return Outcome.of({**record, "status": shown["status"], "reason": shown["reason"]})
        return self.resume(Outcome.of({**record, "verdict": "unknown", "status": 6}))

    def resume(self, outcome: Outcome) -> Outcome:
        """Resume a run whose end is not known, up to `RESUMES` times."""
        for _ in range(RESUMES):
            if outcome.status != 6 or not outcome.incident or self._told_to_end:
                break
            resumed = self._outcome("resume", outcome.incident, stack=outcome.stack)
            if resumed.status == 2:  # nothing was begun, or another process has ended it
                return outcome
            outcome = resumed
        return outcome

    def lately(self, stack: str, text: str) -> bool:
        """Whether a run of a stack with a text in it is in the records, of this machine or of the archive, since the day that was given."""
        words, where = ["incidents", "search", text, "--json", "--stack", loaded(stack).name, *self._since], _archive(stack)
        return bool(self._json(*words)[1] or (where and self._json(*words, "--archive", where)[1]))

    def sent(self, stack: str) -> str:
        """Send the records of this machine to their archives, if that stack has one. Returns why one could not be sent; "" if all were."""
        status, said = self.said("incidents", "archive") if _archive(stack) else (0, "")
        return said if status else ""

    def published(self, page: Path, stack: str) -> tuple[str, str]:
        """Send a page to the archive of a stack. Returns its address there, "" if there is none; and why it could not be sent."""
        where = _archive(stack)
        status, said = self.said("incidents", "archive", "--page", str(page), "--archive", where) if where else (0, "")
        return ("", said) if status else (said, "")

    def said(self, *words: str) -> tuple[int, str]:
        """The exit status of another command, and the last line that it printed."""
        status, printed = self.printed(*words)
        lines = printed.splitlines()
        return status, lines[-1].removeprefix("rollback: ") if lines else ""

    def printed(self, *words: str) -> tuple[int, str]:
        """The exit status of another command, and all that it printed."""
        status, out, err = self._done(*words)
        return status, f"{out}\n{err}".strip()

    def terminate(self) -> None:
        """Tell the run to end. It completes its record, and says in it what is known of the host. Nothing else is begun after that."""
        self._told_to_end = True
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def _found(self, stack: str, text: str, until: float) -> list[dict[str, Any]]:
        """The records with a text, newest first: those of this machine, else those of the archive."""
        words, where = ["incidents", "search", text, "--json"], _archive(stack)
        found = self._json(*words)[1]
        while where and not found:
            found = self._json(*words, "--archive", where, *self._since)[1]
            if found or time.monotonic() >= until:
                break
            time.sleep(_AGAIN)
        return found or []

    def _fetched(self, incident: str, stack: str) -> tuple[int, str]:
        """Fetch a record from the archive, if it is not here: 0, or the exit status with the reason."""
        where = _archive(stack)
        return self.said("incidents", "fetch", incident, "--archive", where, *self._since) if where else (0, "")

    def _settled(self, *words: str, stack: str) -> Outcome:
        return self.resume(self._outcome(*words, stack=stack))

    def _outcome(self, *words: str, stack: str) -> Outcome:
        status, answer, said = self._json(*words, "--json")
        if not isinstance(answer, dict):  # bad arguments, or it was killed
            verdict, ended = ("refused", status) if status in (2, 3) else ("unknown", 6)
            answer = {"verdict": verdict, "status": ended, "reason": said or "it was killed", "folder": ""}
        known = loaded(stack)
        return Outcome.of(answer, stack=stack, name=known.name, host=known.host, shell=plan_in(answer["folder"]))

    def _json(self, *words: str) -> tuple[int, Any, str]:
        """The exit status, what was printed as JSON, and the last line on standard error."""
        status, out, err = self._done(*words)
        try:
            answer = json.loads(out)
        except ValueError:
            answer = None
        lines = err.strip().splitlines()
        return status, answer, lines[-1].removeprefix("rollback: ") if lines else ""

    def _done(self, *words: str) -> tuple[int, str, str]:
        """Run it. Returns its exit status and what it printed on both streams."""
        if self._told_to_end:
            return 3, "", "its task was told to end, so nothing was begun"
        program = shutil.which(os.environ.get(VARIABLE) or "rollback")
        if program is None:
            raise ParameterError(f"there is no program {os.environ.get(VARIABLE) or 'rollback'} on this worker; {VARIABLE} names it")
        # If this process dies without having ended the run, the kernel tells the run to end.
        argv = ["setpriv", "--pdeathsig", "TERM", program, *words]
        with subprocess.Popen(
            argv, cwd=home(), env=environment(os.environ, self._secrets), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, start_new_session=True,
        ) as self._process:  # fmt: skip
            if self._told_to_end:  # that came while it started
                self.terminate()
            out, err = self._process.communicate()
        return self._process.returncode, out, err


def environment(of: Mapping[str, str], secrets: Mapping[str, str]) -> dict[str, str]:
    """The environment variables of a run: those of the worker without the engine's own, and the secrets."""
    return {**{name: value for name, value in of.items() if not _ENGINE.fullmatch(name)}, **secrets}


def _archive(stack: str) -> str:
    """The address of the archive of a stack; "" if it has none. Raises ParameterError."""
    return loaded(stack).archive or address.of_environment() or ""


def loaded(stack: str) -> Stack:
    """A stack, by its name or its file in the runbook folder. Raises ParameterError."""
    return Stack.load(home() / stack if stack.endswith((".yaml", ".yml")) else stack)

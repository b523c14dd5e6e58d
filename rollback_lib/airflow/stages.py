"""What the tasks of a fleet rollback do between the runs. All is decided by what the records say, never by the states of tasks."""

import json
import logging
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from rollback_lib.airflow.operator import OUTCOME, command
from rollback_lib.fleet.command import Command
from rollback_lib.fleet.outcome import Kind, Outcome
from rollback_lib.fleet.page import Page, in_short
from rollback_lib.fleet.stacks import name
from rollback_lib.fleet.tally import Tally
from rollback_lib.fleet.waves import split
from rollback_lib.record.files import write_private
from rollback_lib.settings import home
from rollback_lib.text import tables

_LOG = logging.getLogger(__name__)
_COMES = 60  # seconds in which the record of a run that was told to end is in its archive, from another worker
PLAN, COMPARE, CHOICE = "plan", "compare", "offer_undo"
UNDO = "Undo them, in reverse"
LEAVE = "Leave them as they are"


@dataclass(frozen=True)
class Fleet:
    """A fleet rollback: the procedure, its stack files, how many stacks each wave has, and how many may fail, in percent of the fleet.
    `secrets` are environment variables of the runs, each with the id of the connection whose password it is."""

    procedure: str
    stacks: Sequence[str]
    sizes: Sequence[int]
    max_fail_percentage: float
    parameters: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)

    @property
    def numbers(self) -> range:
        """Of the waves."""
        return range(1, len(self.sizes) + 1)

    # -- before --------------------------------------------------------------------------------------------------------------------

    def hosts(self, context: Context) -> list[dict[str, Any]]:
        """What each plan is made of. Raises AirflowFailException if what is left out is not in the fleet."""
        params, names = context["params"], {name(stack): stack for stack in self.stacks}
        strange = [one for one in params["leave_out"] if one not in names]
        if strange or len(names) == len(params["leave_out"]):
            known, said = ", ".join(names), ", ".join(params["leave_out"])
            raise AirflowFailException(f"leave_out: names of some of the stacks are expected ({known}), not {said}")
        given = {**self.parameters, **{key: str(value) for key, value in params["parameters"].items()}}
        return [{"stack": stack, "parameters": given} for called, stack in names.items() if called not in params["leave_out"]]

    def compare(self, context: Context) -> dict[str, Any]:
        """Write the fleet page of the plans, and divide what can be rolled back into waves. Raises AirflowFailException if more stacks than
        allowed have no plan."""
        asked = pulled(context, "hosts")
        plans, tally = self._planned(context), self._tally(context)
        ready = [one for one in plans if one.kind is Kind.PLANNED]
        waves = {f"wave_{number}": wave for number, wave in zip(self.numbers, split(ready, self.sizes), strict=True)}
        numbers = {one.stack: int(key[5:]) for key, wave in waves.items() for one in wave}
        page = Page(f"{self.procedure} on {tables.count(tally.total, 'stack')}: the plans", _PLANNED, tally, numbers)
        where = self._write(context, "plan", page)
        if tally.beyond(self.max_fail_percentage):
            raise AirflowFailException(f"nothing was begun, since too many stacks have no plan: {tally.words}; see {where}")
        if not ready:
            raise AirflowSkipException(f"nothing is to be done: {tally.words}; see {where}")
        given = asked[0]["parameters"]
        runs = {key: [{"stack": one.stack, "plan": one.plan, "parameters": given} for one in wave] for key, wave in waves.items()}
        return {"waves": runs, "body": page.markdown(where)}

    # -- a wave --------------------------------------------------------------------------------------------------------------------

    def wave(self, context: Context, number: int) -> list[dict[str, Any]]:
        """What each run of a wave is made of."""
        return list((pulled(context, COMPARE) or {"waves": {}})["waves"].get(f"wave_{number}", ()))

    def question(self, context: Context, number: int) -> str:
        """What a person is asked before a wave: which stacks, how it went so far, and the plans."""
        so_far = f" So far: {self._tally(context).words}." if number > 1 else ""
        stacks = in_short(one["stack"] for one in self.wave(context, number))
        return f"Wave {number}: **{stacks}**.{so_far}\n\n{pulled(context, COMPARE)['body']}"

    def settle(self, context: Context, number: int, approval: str) -> str:
        """Take what came of a wave from the records; a run that was cut off is resumed. Raises AirflowFailException if the fleet stops."""
        wave = [one["stack"] for one in self.wave(context, number)]
        if not wave:
            raise AirflowSkipException("no stack was left for this wave")
        if pulled(context, approval) is None:
            raise AirflowFailException(f"wave {number} was not approved, so nothing of it was begun")
        if number > 1 and pulled(context, f"wave_{number - 1}.settle") is None:
            raise AirflowFailException(f"wave {number} was not begun, since the fleet had stopped")
        known = {one.stack: one for one in outcomes(context, f"wave_{number}.apply")}
        rollback = command(self.secrets, context)
        until = time.monotonic() + _COMES
        found = [known.get(stack) or _from_record(rollback, stack, context, until) for stack in wave]
        context["ti"].xcom_push(OUTCOME, [one.plain() for one in found])
        tally = self._tally(context)
        if tally.beyond(self.max_fail_percentage):
            raise AirflowFailException(f"the fleet stops after wave {number}: {tally.words}")
        return tally.words

    # -- after ---------------------------------------------------------------------------------------------------------------------

    def to_offer(self, context: Context) -> Tally:
        """How the fleet stopped, so that its undo can be offered. Raises AirflowSkipException if it went well, or nothing was done."""
        tally = self._tally(context)
        if not tally.done or not self._stopped(tally):
            raise AirflowSkipException("there is nothing to undo")
        return tally

    def to_undo(self, context: Context, number: int) -> list[dict[str, str]]:
        """What is undone of a wave: nothing unless a person has chosen so."""
        chosen = UNDO in (pulled(context, CHOICE) or {}).get("chosen_options", ())
        done = [one for one in outcomes(context, f"wave_{number}.settle") if one.kind is Kind.DONE]
        return [{"stack": one.stack, "incident": one.incident} for one in reversed(done)] if chosen else []

    def verdict(self, context: Context) -> str:
        """Write the fleet page of what was done. Raises AirflowFailException unless the fleet is rolled back."""
        tally = self._tally(context)
        undone = [one for number in self.numbers for one in outcomes(context, f"undo_wave_{number}.undo")]
        back = {one.stack for one in undone if one.kind is Kind.UNDONE}
        went_well = not self._stopped(tally)
        sentence = _well(tally) if went_well else f"The fleet is not rolled back: {_not_begun(tally.open)} not begun."
        sentence += f" Undone: {len(back)} of {len(tally.done)}." if undone else ""
        numbers = {one.stack: number for number in self.numbers for one in outcomes(context, f"wave_{number}.settle")}
        shown = Tally.of(tally.outcomes, undone, total=tally.total) if undone else tally
        level = "bad" if not went_well else "warn" if tally.failed else "good"
        title = f"{self.procedure} on {tables.count(tally.total, 'stack')}"
        page = Page(title, sentence, shown, numbers, level, self._planned(context))
        where = self._write(context, "verdict", page)
        told = f"{sentence} {tally.words}; see {where}"
        if not went_well:
            raise AirflowFailException(told)
        return told

    def ready(self, context: Context) -> str:
        """Write the table of the fleet after readiness. Raises AirflowFailException unless every stack is ready."""
        known = {one.stack: one for one in outcomes(context, "readiness")}
        found = [known.get(stack) or Outcome(stack, reason=_SILENT) for stack in self.stacks]
        tally = Tally.of(found, total=len(found))
        title, level = "Could the fleet be rolled back right now?", "bad" if tally.failed else "good"
        where = self._write(context, "readiness", Page(title, "Readiness changes nothing that serves.", tally, {}, level))
        if tally.failed:
            raise AirflowFailException(f"{tally.words}; see {where}")
        return f"{tally.words}; see {where}"

    def _stopped(self, tally: Tally) -> bool:
        return tally.open > 0 or tally.beyond(self.max_fail_percentage)

    def _planned(self, context: Context) -> list[Outcome]:
        """The outcome of each plan; of one that ended without, that it is not known."""
        known = {one.stack: one for one in outcomes(context, PLAN)}
        asked = [one["stack"] for one in pulled(context, "hosts") or ()]
        return [known.get(stack) or Outcome(stack, reason=_SILENT) for stack in asked]

    def _tally(self, context: Context) -> Tally:
        plans = self._planned(context)
        waves = [outcomes(context, f"wave_{number}.settle") for number in self.numbers]
        return Tally.of(plans, *waves, total=len(plans))

    def _write(self, context: Context, kind: str, page: Page) -> str:
        """Write a page and the same as JSON, private to who runs the worker, and send both to the archive of the first stack, if it has
        one. Returns where the page is."""
        folder = home() / "fleet" / context["dag"].dag_id
        folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        file: Path = folder / f"{context['dag'].dag_id}-{re.sub(r'[^0-9A-Za-z._-]', '_', context['run_id'])}-{kind}.html"
        write_private(file, page.html())
        plain = [{**one.plain(), "shell": ""} for one in page.tally.outcomes]
        write_private(file.with_suffix(".json"), json.dumps(plain, indent=1, ensure_ascii=False) + "\n")
        rollback = command(self.secrets, context)
        for one in (file.with_suffix(".json"), file):
            address, failed = rollback.published(one, self.stacks[0])
            if failed:
                _LOG.warning("the page is only on this worker: %s", failed)
        return address or str(file)


_SILENT = "its task ended without an answer; see its log"
_PLANNED = "Nothing was changed. Each wave begins when a person has approved it, and each stack is held to the plan that is shown here."


def _well(tally: Tally) -> str:
    """How a fleet went that did not stop."""
    if tally.failed:
        return f"The fleet is rolled back, but for {tables.count(len(tally.failed), 'stack')}, which is allowed."
    return "The fleet is rolled back." if tally.done else "There was nothing to do."


def _not_begun(number: int) -> str:
    return f"{tables.count(number, 'stack')} {'was' if number == 1 else 'were'}"


def run_words(context: Context, then: str) -> str:
    """The run of the fleet, in the reason of each record."""
    return f"{context['dag'].dag_id} {context['run_id']}: {then}"


def pulled(context: Context, task: str) -> Any:
    """What a task has returned, None if it did not."""
    return context["ti"].xcom_pull(task_ids=task)


def outcomes(context: Context, task: str) -> list[Outcome]:
    """The outcomes that a task has pushed: of one that runs for each stack, or a list of them."""
    found = context["ti"].xcom_pull(task_ids=task, key=OUTCOME)
    parts = found if isinstance(found, list) else [found] if found else []
    return [Outcome.of(one) for part in parts if part for one in (part if isinstance(part, list) else [part])]


def _from_record(rollback: Command, stack: str, context: Context, until: float) -> Outcome:
    """What came of a run whose task ended without telling, as when its worker was killed. `until` then its record is waited for."""
    found = rollback.earlier(stack, f"{stack} in {run_words(context, 'approved')}", until)
    rollback.sent(stack)
    return found or Outcome(
        stack, reason="its task ended without an answer, and neither this worker nor an archive has its record; see its host"
    )

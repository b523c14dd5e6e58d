"""The diagnosis: the rows of the runbook's decision tree, ranked by evidence, and the smallest rollback that fits."""

import shlex
from dataclasses import dataclass
from typing import Any

from rollback_lib.facts.host import Unanswered
from rollback_lib.plan.plan import some
from rollback_lib.procedures.common.finding import FITS, MAY, Finding
from rollback_lib.procedures.common.rows import GREEN, Row, of_certificates, of_machine
from rollback_lib.procedures.common.stack_state import StackState
from rollback_lib.procedures.common.symptoms import Symptoms
from rollback_lib.procedures.common.triage import Triage
from rollback_lib.procedures.registry import Part, of_triage, procedure, procedures, triage
from rollback_lib.procedures.triage.changes import NOTHING, Since, changes, since_healthy
from rollback_lib.procedures.triage.symptoms import symptoms
from rollback_lib.record.verdict import Verdict
from rollback_lib.stack.model import Stack


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong, and how well each row of the decision tree fits, the best first. `rows` tell about the machine itself, `since` what
    was changed since the stack was healthy."""

    stack: str
    host: str
    seen: Symptoms
    findings: tuple[Finding, ...]
    rows: tuple[Row, ...]
    since: Since = NOTHING

    @property
    def fitting(self) -> list[Finding]:
        """The rows that fit, the smallest rollback first."""
        return sorted((one for one in self.findings if one.fit == FITS), key=lambda one: procedure(one.procedure).size)

    @property
    def verdict(self) -> Verdict:
        return Verdict.LOOKED

    @property
    def reason(self) -> str:
        """The diagnosis in a sentence."""
        fitting = self.fitting
        if self.seen.healthy and fitting:
            said = "; ".join(f"{one.situation}: {one.speaks_for[0]}" for one in fitting)
            return f"every route passes, every container runs, on every network; but {said}; look with {fitting[0].procedure}"
        if self.seen.healthy:
            return "healthy: every route passes, every container runs, on every network"
        if not fitting:
            may = [one.procedure for one in self.findings if one.fit == MAY]
            return f"not healthy, and no row of the page fits{': nearest is ' + some(may) if may else ''}; see what is wrong, and fix that"
        if len(fitting) == 1:
            return f"not healthy: {fitting[0].situation}; roll back with {fitting[0].procedure}"
        single = [one for one in fitting if not _triage(one).together]
        both = " and ".join(f"{one.situation} ({one.procedure})" for one in single)
        at_once = [
            f"bring back all of it with {one.procedure}{' (read its warning)' if one.warnings else ''}, or "
            for one in fitting if _triage(one).together
        ]  # fmt: skip
        many = f", {len(single)} things at once" if len(single) > 1 else ""
        return f"not healthy{many}: {both}; {''.join(at_once)}begin with {single[0].procedure}, then look again"

    def data(self) -> dict[str, Any]:
        """What the record keeps of it."""
        findings = [
            {"procedure": one.procedure, "situation": one.situation, "fit": one.fit, "points": one.points, "for": one.speaks_for,
             "against": one.speaks_against, "parameters": dict(one.parameters), "warnings": one.warnings}
            for one in self.findings
        ]  # fmt: skip
        failing = [{"route": probe.route, "status": probe.status, "said": probe.words} for probe in self.seen.failing]
        rows = [row.__dict__ for row in self.rows if row.level != GREEN]
        fits = [one.procedure for one in self.fitting]
        changed = [{"when": one.when.isoformat(), "kind": one.kind, "what": one.words} for one in self.since.changes]
        healthy = self.since.healthy.isoformat() if self.since.healthy else None
        return {"healthy": self.seen.healthy, "fits": fits, "failing": failing, "findings": findings, "rows": rows,
                "healthy_before": healthy, "changed_since": changed}  # fmt: skip

    def next(self, stack: str) -> tuple[str, ...]:
        """What to do next, as command lines. `stack` is the name to use in them."""
        return tuple(f"{one.situation}: look with `{command(one, stack)}`" for one in self.fitting)


def command(one: Finding, stack: str) -> str:
    """The command line that makes a plan for the finding. With `--apply --confirm HOST` added, it rolls back."""
    given = (word for key, value in one.parameters.items() for word in ("-p", f"{key}={value}"))
    return shlex.join(["rollback", "run", one.procedure, "--stack", stack, *given])


def diagnose(now: StackState) -> Diagnosis:
    """Rank the page's rows by what speaks for them."""
    seen = symptoms(now)
    looked = of_triage(now.stack)
    found = [*_absent(now.stack), *(_finding(part, triage, now, seen) for part, triage in looked)]
    if seen.healthy:  # changes alone are no trouble
        for one in found:
            one.evidence = one.evidence if one.stands else [(-9, "nothing is wrong that it could fix")]
    _weigh(found, seen)
    found = [one for one in found if one.points > 0 or not _triage(one).together]  # it is no row of the page
    ranked = sorted(found, key=lambda one: (-one.points, procedure(one.procedure).size))
    rows = [row for part, triage in looked for row in triage.rows(now.looks[part.label])]
    rows += [*of_machine(now.machine), *of_certificates(now.probes)]
    return Diagnosis(now.stack.name, now.stack.host, seen, tuple(ranked), tuple(rows), since_healthy(changes(now)))


def _finding(part: Part, triage: Triage[Any], now: StackState, seen: Symptoms) -> Finding:
    """The row of a procedure, for one part of the stack."""
    situation = f"{triage.situation} ({part.name})" if part.name else triage.situation
    one, look = Finding(part.procedure.name, situation, part.parameters), now.looks[part.label]
    if isinstance(look, Unanswered):
        one.add(0, f"not known: {look.why}")
    else:
        triage.weigh(one, look, now, seen)
    return one


def _absent(stack: Stack) -> list[Finding]:
    """The rows of the page that the stack has no section for."""
    found = []
    for one in procedures().values():
        brought = triage(one)
        if brought and brought.absent and not one.of(stack):
            found.append(Finding(one.name, brought.situation, evidence=[(0, brought.absent)]))
    return found


def _weigh(found: list[Finding], seen: Symptoms) -> None:
    """Where one row explains what an ill service says, a recent change to another is not enough to make that fit."""
    surely = [one for one in found if one.sure and one.fit == FITS and _triage(one).explains]
    for one in found:
        if surely and one not in surely and one.fit == FITS and _triage(one).suspects and one.points < 4:
            one.add(-1, f"{surely[0].procedure} explains what is seen; look again after that")
    fitting = [one for one in found if one.fit == FITS and not _triage(one).together]
    for one in found:
        if len(fitting) > 1 and one.points > 0 and _triage(one).together:
            one.add(2, f"more than one row fits: {some([single.procedure for single in fitting])}")


def _triage(one: Finding) -> Triage[Any]:
    brought = triage(procedure(one.procedure))
    assert brought  # which made the row
    return brought

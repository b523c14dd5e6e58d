"""The diagnosis: the rows of the runbook's decision tree, ranked by evidence, and the smallest rollback that fits."""

import shlex
from dataclasses import dataclass
from typing import Any

from rollback_lib.facts.host import Unanswered
from rollback_lib.plan.plan import some
from rollback_lib.procedures.common.finding import FITS, MAY, Finding
from rollback_lib.procedures.common.rows import AMBER, GREEN, Row, of_certificates, of_machine
from rollback_lib.procedures.registry import others, procedure
from rollback_lib.procedures.triage.deployment import deployments, from_registry, last_word
from rollback_lib.procedures.triage.envfile import env_files
from rollback_lib.procedures.triage.schemas import databases
from rollback_lib.procedures.triage.state import Databases, Deployed, State
from rollback_lib.procedures.triage.symptoms import Symptoms, symptoms
from rollback_lib.procedures.triage.ways import around, proxy
from rollback_lib.record.verdict import Verdict
from rollback_lib.text import times


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong, and how well each row of the decision tree fits, the best first. `rows` tell about the machine itself."""

    stack: str
    host: str
    seen: Symptoms
    findings: tuple[Finding, ...]
    rows: tuple[Row, ...]

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
        if self.seen.healthy:
            return "healthy: every route passes, every container runs, on every network"
        fitting = self.fitting
        if not fitting:
            may = [one.procedure for one in self.findings if one.fit == MAY]
            return f"not healthy, and no row of the page fits{': nearest is ' + some(may) if may else ''}; see what is wrong, and fix that"
        if len(fitting) == 1:
            return f"not healthy: {fitting[0].situation}; roll back with {fitting[0].procedure}"
        both = " and ".join(f"{one.situation} ({one.procedure})" for one in fitting)
        return f"not healthy, {len(fitting)} things at once: {both}; begin with {fitting[0].procedure}, then look again"

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
        return {"healthy": self.seen.healthy, "fits": fits, "failing": failing, "findings": findings, "rows": rows}

    def next(self, stack: str) -> tuple[str, ...]:
        """What to do next, as command lines. `stack` is the name to use in them."""
        return tuple(f"{one.situation}: look with `{command(one, stack)}`" for one in self.fitting)


def command(one: Finding, stack: str) -> str:
    """The command line that makes a plan for the finding. With `--apply --confirm HOST` added, it rolls back."""
    given = (word for key, value in one.parameters.items() for word in ("-p", f"{key}={value}"))
    return shlex.join(["rollback", "run", one.procedure, "--stack", stack, *given])


def diagnose(now: State) -> Diagnosis:
    """Rank the rows of the decision tree by their evidence."""
    seen = symptoms(now)
    found = [*deployments(now, seen), *env_files(now, seen), proxy(now, seen), *databases(now, seen), around(now, seen)]
    found += [one.triage(now.others[one.name], seen.ill) for one in others(now.stack) if one.triage and one.name in now.others]
    if seen.healthy:  # a change alone is no reason for a rollback
        for one in found:
            one.evidence = [(-9, "nothing is wrong that it could fix")]
    _weigh(found, seen)
    ranked = sorted(found, key=lambda one: (-one.points, procedure(one.procedure).size))
    rows = [*_of_release(now), *_of_servers(now), *of_machine(now.machine), *of_certificates(now.probes)]
    return Diagnosis(now.stack.name, now.stack.host, seen, tuple(ranked), tuple(rows))


def _weigh(found: list[Finding], seen: Symptoms) -> None:
    """Take a point from rows that fit only because of a recent change, if another row explains what the failing services say."""
    surely = [one for one in found if one.sure and one.fit == FITS and one.procedure in ("code", "image", "env", "database")]
    for one in found:
        if surely and one not in surely and one.fit == FITS and one.procedure in ("code", "image", "env") and one.points < 4:
            one.add(-1, f"{surely[0].procedure} explains what is seen; look again after that")


def _of_release(now: State) -> list[Row]:
    """A row that says so if the running release was found bad, even though its routes may pass."""
    if not isinstance(now.deployed, Deployed) or not (last := last_word(now.deployed.state)) or last.healthy:
        return []
    what = last.commit[:7] or f"the image {last.image[7:19]}"
    found = f"{now.stack.main} runs {what}, which was found bad here {times.minute(last.when)} ({last.incident})"
    way = "image" if from_registry(now.deployed.state) else "code"
    return [Row("release", AMBER, found, f"look with `rollback run {way}`; or, if it is well by now, `rollback mark`")]


def _of_servers(now: State) -> list[Row]:
    rows = []
    for name, one in now.databases.items():
        if isinstance(one, Databases) and not one.reachable:
            state = one.container.state if one.container else "missing"
            rows.append(Row(f"database {name}", "red", f"does not answer; container {one.section.container} is {state}",
                            f"start it: `docker start {one.section.container}`, and read its log"))  # fmt: skip
    if isinstance(now.redeploy, Unanswered):
        rows.append(Row("docker", "red", now.redeploy.why, "see `systemctl status docker` on the host"))
    return rows

"""Triage and readiness know the procedures by the registry alone, and a procedure of another package as ours."""

import ast
from dataclasses import dataclass, replace
from datetime import datetime

import pytest

from rollback_lib.commands.command import Command
from rollback_lib.facts.host import Unanswered
from rollback_lib.notebook.views.triage import VIEWS
from rollback_lib.plan.step import Changes, Step
from rollback_lib.procedures import readiness, registry
from rollback_lib.procedures.common.change import Change, Level
from rollback_lib.procedures.common.finding import Finding
from rollback_lib.procedures.common.readiness import Readiness, Seen, Trials, Tried
from rollback_lib.procedures.common.rows import GREEN, Row
from rollback_lib.procedures.common.stack_state import StackState
from rollback_lib.procedures.common.symptoms import Symptoms
from rollback_lib.procedures.common.triage import Triage
from rollback_lib.procedures.procedure import Procedure
from rollback_lib.procedures.redeploy import State as Redeploy
from rollback_lib.procedures.triage import diagnose
from rollback_lib.settings import PROJECT
from tests.builders.stack import STACK
from tests.builders.triage import ago, facts

SILENT = Unanswered("nobody answers")
OURS = ("caddyfile", "code", "database", "env", "image", "redeploy")


@dataclass(frozen=True)
class Queue:
    """The look, and the state, of a procedure of another package."""

    stuck: int
    since: datetime


@dataclass(frozen=True)
class Drained:
    """What its trial made."""

    words: str = "7 messages"


def weigh(one: Finding, found: Queue, now: StackState, seen: Symptoms) -> None:
    around = now.of(Redeploy)
    one.add(5, f"{found.stuck} messages are stuck, and {len(around.containers) if around else 0} containers are there", sure=True)


def rows(seen: Seen[Queue, str]) -> list[Row]:
    tried = seen.tried.get("drain")
    words = seen.measured.words if seen.measured else "nothing"
    return [Row(seen.label, GREEN, f"{seen.target}, {seen.made}: {words}, {tried.last if tried else 'not tried'}")]


def trials(state: Queue, target: str, incident: str) -> Trials:
    step = Step("drain", "Drain it", "For trial.", (Command.of("drain", incident),), changes=Changes.TRIAL)
    return Trials((step,), drop=(Command.of("fill"),), cleanup=(Command.of("fill"),), made=f"drained_{incident}")


TRIAGE: Triage[Queue] = Triage(
    situation="Messages are stuck", look=lambda host, stack, queue: Queue(3, ago(1)), weigh=weigh,
    changes=lambda found: [Change(found.since, Level.FILE, "queue", "it stopped")], rows=lambda _: [Row("queues", "red", "they stand")],
)  # fmt: skip
READINESS: Readiness[Queue, str] = Readiness(rank=15, rows=rows, trials=trials)
QUEUE: Procedure[Queue, str] = Procedure(
    name="queue", size=35, check=lambda stack: None, document=lambda host, stack, queue: Queue(3, ago(1)),
    parts=lambda stack: [{"queue": name} for name in ("mail", "calls")], triage=__name__, readiness=__name__,
)  # fmt: skip


@pytest.fixture
def with_queue(monkeypatch: pytest.MonkeyPatch) -> StackState:
    """What is seen of the stack where that package is installed."""
    monkeypatch.setitem(registry._loaded, QUEUE.name, QUEUE)
    return facts(ill="no", looks={"queue mail": Queue(3, ago(1)), "queue calls": SILENT})


def test_a_part_is_called_by_its_procedure_and_its_parameters() -> None:
    assert [part.label for part, _ in registry.of_triage(STACK)] == [
        "caddyfile", "env", "code", "database voice", "database n8n", "redeploy", "release",
    ]  # fmt: skip
    assert [part.label for part, _ in registry.of_readiness(STACK)] == [
        "code", "image", "env", "caddyfile", "release", "redeploy", "database voice", "database n8n",
    ]  # fmt: skip


def test_containers_and_networks_are_looked_at_even_where_there_is_no_redeploy() -> None:
    bare = STACK.model_copy(update={"redeploy": None})
    assert "redeploy" in [part.label for part, _ in registry.of_triage(bare)]
    assert "redeploy" not in [part.label for part, _ in registry.of_readiness(bare)]


def test_a_procedure_of_another_package_has_its_rows_in_a_triage(with_queue: StackState) -> None:
    found = diagnose(with_queue)
    mail, calls = ([one for one in found.findings if one.parameters == {"queue": name}] for name in ("mail", "calls"))
    assert [(one.situation, one.points, one.speaks_for) for one in mail] == [
        ("Messages are stuck (mail)", 5, ["3 messages are stuck, and 3 containers are there"]),
    ]  # fmt: skip
    assert [(one.points, one.speaks_against) for one in calls] == [(0, ["not known: nobody answers"])]
    assert found.next("shop") == ("Messages are stuck (mail): look with `rollback run queue --stack shop -p queue=mail`",)
    assert [row.name for row in found.rows].count("queues") == 2
    assert "it stopped" in str(VIEWS[StackState](with_queue))


def test_and_its_trials_and_rows_in_a_readiness_run(with_queue: StackState) -> None:
    silent = {part.label: SILENT for part, _ in registry.of_readiness(STACK)}
    now = readiness.State(STACK, with_queue, {**silent, "queue mail": Queue(3, ago(1))}, SILENT, SILENT, SILENT, SILENT)
    target = readiness.Target({**silent, "queue mail": "empty"})
    plan = readiness.plan(now, target, incident="i1")
    assert [step.name for step in plan.steps] == ["build", "drain", "drop", "remember"]
    assert [step.name for step in readiness.restores(plan)] == ["drain"]
    assert (plan.drop.commands, plan.cleanup) == ((Command.of("fill"),), (Command.of("fill"),))
    tried = {"drain": Tried(None, 1.0, "drained")}
    found = readiness.report(now, target, plan, tried, readiness.Restored({"queue mail": Drained()})).rows
    names = [row.name for row in found]
    assert names.index("code") < names.index("queue mail") < names.index("image")
    assert {row.name: row.found for row in found}["queue mail"] == "empty, drained_i1: 7 messages, drained"


def test_an_evidence_of_another_procedure_is_found_by_its_type_and_silence_is_none() -> None:
    now = facts()
    assert isinstance(now.of(Redeploy), Redeploy)
    assert replace(now, looks={**now.looks, "redeploy": SILENT}).of(Redeploy) is None
    assert now.of(Queue) is None


@pytest.mark.parametrize("room", ["triage", "readiness"])
def test_the_loops_name_no_procedure(room: str) -> None:
    """But for the containers, without which nobody knows which services are ill."""
    assert {one for file in (PROJECT / "rollback_lib" / "procedures" / room).glob("*.py") for one in imports(file.read_text())} <= {
        "rollback_lib.procedures.redeploy",
    }  # fmt: skip


@pytest.mark.parametrize("name", OURS)
def test_a_procedure_knows_of_another_what_it_sees_and_not_how_it_weighs(name: str) -> None:
    """So nothing imports in a circle."""
    for file in (PROJECT / "rollback_lib" / "procedures" / name).glob("*.py"):
        for module in (node.module or "" for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ImportFrom)):
            owner, _, part = module.removeprefix("rollback_lib.procedures.").partition(".")
            assert owner == name or owner not in OURS or part not in ("triage", "readiness", "keeping"), f"{file}: {module}"


def imports(source: str) -> set[str]:
    """Our procedures that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            whole = [f"{node.module}.{one.name}" for one in node.names] if node.module == "rollback_lib.procedures" else [node.module]
            found |= {".".join(one.split(".")[:3]) for one in whole if one.split(".")[2:3] and one.split(".")[2] in OURS}
    return found

"""What the plan of each procedure notes about the host is read back from plan.json without change, and appears to people as names and
words."""

from dataclasses import replace

import pytest

from rollback_lib.errors import ParameterError, Refused
from rollback_lib.facts import docker, networks
from rollback_lib.facts.host import Unanswered
from rollback_lib.plan.effect import Effect
from rollback_lib.plan.noted import Noted
from rollback_lib.plan.plan import Plan
from rollback_lib.procedures import code, database, env, readiness, registry, triage, undo
from rollback_lib.procedures.caddyfile import noted as of_caddyfile
from rollback_lib.procedures.code import noted as of_code
from rollback_lib.procedures.database import noted as of_database
from rollback_lib.procedures.datafile import noted as of_datafile
from rollback_lib.procedures.env import noted as of_env
from rollback_lib.procedures.image import noted as of_image
from rollback_lib.procedures.mark import noted as of_mark
from rollback_lib.procedures.readiness import noted as of_readiness
from rollback_lib.procedures.redeploy import noted as of_redeploy
from rollback_lib.procedures.release import noted as of_release
from rollback_lib.procedures.undo import noted as of_undo
from rollback_lib.procedures.undo.origin import Origin
from rollback_lib.record.verdict import Verdict
from tests.builders.stack import STACK
from tests.unit.procedures import (
    test_caddyfile,
    test_code,
    test_database,
    test_datafile,
    test_env,
    test_image,
    test_mark,
    test_redeploy,
    test_release,
)

SILENT = Unanswered("nobody answers")


def of_volumes() -> Plan:
    """The plan of a redeploy with a volume, containers outside of the stack, and networks to put back."""
    volumes = {"data": networks.Volume("data", "then", False)}
    mounted = [test_redeploy.container(), test_redeploy.caddy(volumes=(docker.Mount("data", "/my data"),))]
    known = (test_redeploy.attached("outsider", "docker_default", "out", "other"),)
    attachments = networks.Attachments(known, test_redeploy.state().attachments.networks)
    return test_redeploy.plan(test_redeploy.state(containers=mounted, volumes=volumes, attachments=attachments))


def of_a_readiness() -> Plan:
    """The plan of a readiness run that restores a backup and enters nothing as known good."""
    now = test_database.state()
    name = test_database.VOICE.name
    look = triage.StackState(STACK, SILENT, SILENT, {})
    silent = {part.label: SILENT for part, _ in registry.of_readiness(STACK)}
    state = readiness.State(STACK, look, {**silent, f"database {name}": now}, SILENT, SILENT, SILENT, SILENT)
    target = readiness.Target({**silent, f"database {name}": test_database.target(now)})
    return readiness.plan(state, target, incident="i1")


def undone(made: Plan, *, half: bool = False) -> Plan:
    """The plan of the undo of `made`."""
    verdict = Verdict.PARTLY if half else Verdict.SUCCEEDED
    origin = Origin(made, STACK, verdict, "someone", "2026-01-02T03:04:05+00:00", "", ("api",), ())
    target = undo.Target(origin, (), "why")
    return undo.plan(undo.State(STACK, origin, (Effect("branch", "main", "main"),)), target, incident="u1")


def planned(name: str) -> Plan:
    """A small plan of the procedure that notes everything which the procedure can note."""
    an_env = test_env.state()
    database_now = test_database.state()
    return {
        "caddyfile": lambda: test_caddyfile.plan(test_caddyfile.state()),
        "env": lambda: env.plan(an_env, test_env.examine(an_env, test_env.AFTER), incident="i1"),
        "code": lambda: code.plan(test_code.state(), test_code.target(), incident="i1"),
        "image": lambda: test_image.plan(test_image.state()),
        "database": lambda: database.plan(database_now, test_database.target(database_now), incident="i1"),
        "datafile": test_datafile.planned,
        "redeploy": of_volumes,
        "release": test_release.planned,
        "undo": lambda: undone(undone(of_volumes())),
        "readiness": of_a_readiness,
        "mark": lambda: test_mark.planned(test_mark.state()),
        "guard": lambda: replace(test_mark.planned(test_mark.state()), procedure="guard"),
    }[name]()


MODELS: dict[str, tuple[type[Noted], ...]] = {
    "caddyfile": (of_caddyfile.Before, of_caddyfile.After),
    "env": (of_env.Before, of_env.After),
    "code": (of_code.Before,),
    "image": (of_image.Before, of_image.After),
    "database": (of_database.Before, of_database.After),
    "datafile": (of_datafile.Before, of_datafile.After),
    "redeploy": (of_redeploy.Before, of_redeploy.After),
    "release": (of_release.Before, of_release.After),
    "undo": (of_undo.Before, of_undo.After),
    "readiness": (of_readiness.After,),
    "mark": (of_mark.After,),
    "guard": (of_mark.After,),
}
SIDES = [(name, model) for name, models in MODELS.items() for model in models]


def side(plan: Plan, model: type[Noted]) -> dict:
    return {"Before": plan.before, "After": plan.after}[model.__name__]


def test_every_procedure_that_plans_is_here() -> None:
    others = {one.name for one in registry.others()}
    assert set(MODELS) == set(registry.procedures()) - others - {triage.NAME}


@pytest.mark.parametrize("name", MODELS)
def test_a_plan_and_all_that_it_notes_come_back_from_its_record(name: str) -> None:
    made = planned(name)
    kept = Plan.from_json(made.json())
    assert (kept.before, kept.after, kept.hash) == (made.before, made.after, made.hash)
    assert kept == replace(made, steps=kept.steps, undo=kept.undo)
    for model in MODELS[name]:
        read = model.read(side(kept, model))
        assert read == model.read(side(made, model))
        assert read.plain() == side(made, model)
    assert {model.__name__ for model in MODELS[name]} == {word for word, has in (("Before", made.before), ("After", made.after)) if has}


@pytest.mark.parametrize(("name", "model"), SIDES)
def test_what_another_version_noted_is_refused_in_a_sentence(name: str, model: type[Noted]) -> None:
    plain = dict(side(planned(name), model))
    first = next(iter(plain))
    wrong = ({}, {**plain, "another": ""}, {key: value for key, value in plain.items() if key != first}, {**plain, first: 7.5})
    for one in wrong:
        with pytest.raises((Refused, ParameterError), match=r"^[^\n]+; undo it by hand with the record's undo\.sh$"):
            model.read(one)


@pytest.mark.parametrize("name", MODELS)
def test_people_read_a_flat_list_of_names_and_words(name: str) -> None:
    """And no text that a plan keeps has JSON within it."""
    made = planned(name)
    shown = Noted.shown(made.before)
    assert bool(shown) == (name not in ("readiness", "mark", "guard"))
    assert not [words for words in (*shown.values(), *texts([made.before, made.after])) if words.startswith(("[", "{"))]


def test_the_root_of_a_row_of_undos_is_there_once_and_whole() -> None:
    made = of_volumes()
    back = of_undo.After.read(undone(undone(undone(made))).after)
    assert (back.side, back.half) == (of_undo.Side.BEFORE, False)
    assert (back.root.hash, back.root.before, back.root.after) == (made.hash, made.before, made.after)
    assert of_undo.After.read(undone(made, half=True).after).half


def texts(value: object) -> list[str]:
    """All texts in a value from a plan, except those of a plan inside of it."""
    if isinstance(value, dict):
        return [text for key, one in value.items() if key != "root" for text in texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in texts(one)]
    return [value] if isinstance(value, str) else []

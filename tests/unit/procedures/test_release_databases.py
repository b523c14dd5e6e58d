"""Databases as part of a release rollback: which backup, what is refused, and the plan; each is restored by the procedure that there is."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rollback_lib.commands.psql import Postgres
from rollback_lib.errors import ParameterError, Refused, TargetRefused
from rollback_lib.facts import postgres, schema, whole_release
from rollback_lib.facts.backups import Contents
from rollback_lib.facts.whole_release import Data
from rollback_lib.notebook.views import release as views
from rollback_lib.plan.plan import Plan
from rollback_lib.plan.step import When
from rollback_lib.procedures import database, release
from rollback_lib.procedures.release import databases
from rollback_lib.procedures.release.noted import After
from tests.builders.containers import WAY
from tests.builders.recorded import Recorded
from tests.builders.stack import STACK, STATE
from tests.unit.procedures import test_database, test_release
from tests.unit.procedures.test_database import NOW, backup, content, live, table
from tests.unit.procedures.test_release import shell, whole

VOICE, N8N = STACK.databases
VOICE_SERVER = Postgres(VOICE.container, VOICE.user)


def voice(**changes: Any) -> database.State:
    client = {"docker-agents-api-1": [test_release.test_code.a_container()]}
    return test_database.state(**{"clients": client, **changes})


def n8n(**changes: Any) -> database.State:
    server = postgres.Server(170002, True, {"n8n": live(name="n8n")})
    return test_database.state(**{"section": N8N, "server": server, "clients": {}, **changes})


def read(now: database.State, name: str, **contents: Any) -> tuple[object, Contents]:
    """The answer to the question what is in a backup."""
    found = next(one for one in now.backups if one.name == name)
    return now.engine.contents(found), Contents(**{"rows": {"public.calls": 12}, "bytes": 1000, "wrong": "", **contents})


def chosen(now: database.State, name: str = "voice-1.sql", then: whole_release.WholeRelease | None = None, **contents: Any) -> Any:
    key = now.section.name
    return databases.examine(Recorded(read(now, name, **contents)), {key: now}, then or whole("cccccc", 1))[key]


def planned(now: database.State | None = None, **changes: Any) -> tuple[release.State, release.Target, Plan]:
    """A release rollback with the database voice, from its newest backup."""
    one = now or voice()
    state = test_release.state(databases={"voice": one})
    target = test_release.target(state, databases={"voice": chosen(one, "voice-2.sql")}, **changes)
    return state, target, release.plan(state, target, incident="abc123")


# -- which backup -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entered", "hours", "name"),
    [
        ({"voice": Data("s1", "/backup/voice-1.sql")}, 1, "voice-1.sql"),  # the one that the entry names
        ({"voice": Data("s1", "/backup/gone.sql")}, 1, "voice-2.sql"),  # that one is gone
        ({"voice": Data("s1", "/backup/voice-2.sql")}, 2, "voice-1.sql"),  # that one was written over since
        (None, 2, "voice-1.sql"),  # an entry of an earlier version
    ],
)  # fmt: skip
def test_the_backup_is_the_newest_that_is_not_younger_than_the_release(entered: Any, hours: float, name: str) -> None:
    _, found = chosen(voice(), name, whole("cccccc", hours, databases=entered))
    assert found.backup.name == name
    assert "release cccccc" in found.why


def test_without_such_a_backup_it_is_refused_and_what_to_do_instead_is_said() -> None:
    instead = "leave it out of `databases`, or restore another backup by itself: `rollback run database -p database=voice`"
    with pytest.raises(TargetRefused) as none:
        chosen(voice(), then=whole("aaaaaa", 60))
    assert str(none.value) == (
        "voice cannot come back with release aaaaaa: no backup in /backup/voice-* is from before 2025-12-30 15:04 UTC, when that was "
        f"healthy; {instead}"
    )
    cut = [backup("voice-2.sql", 1, whole=False, wrong="it is cut off"), backup("voice-1.sql", 25)]
    with pytest.raises(TargetRefused, match=r"/backup/voice-2\.sql cannot be restored: it is cut off; leave it out"):
        chosen(voice(backups=cut))
    with pytest.raises(TargetRefused, match=r"/backup/voice-2\.sql cannot be restored: its end is missing; leave it out"):
        chosen(voice(), "voice-2.sql", wrong="its end is missing")
    with pytest.raises(Refused, match="2 transactions of dyniq are prepared"):
        chosen(voice(server=postgres.Server(170002, True, {"dyniq": live(prepared=2)})))


def test_there_is_room_for_all_restores_together() -> None:
    both = {"voice": voice(free=40_000_000), "n8n": n8n(free=40_000_000, section=N8N.model_copy(update={"container": VOICE.container}))}
    answers = [read(one, "voice-2.sql") for one in both.values()]
    assert set(databases.examine(Recorded(*answers), both, whole("cccccc", 1))) == {"voice", "n8n"}
    with pytest.raises(Refused, match="has 20 MB free, and 2 restores beside the live databases take about 30 MB"):
        databases.examine(Recorded(*answers), {name: replace(one, free=20_000_000) for name, one in both.items()}, whole("cccccc", 1))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"databases": "dyniq"}, "not 'dyniq'; there are: voice, n8n"), ({"databases": "voice,voice"}, "each name is expected once"),
        ({"databases": 7}, "not 7"), ({"databases": "voice", "accept_loss": "yes"}, "accept_loss: true or false is expected"),
    ],
)  # fmt: skip
def test_names_are_checked_before_anything_is_contacted(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        release.check(STACK, **given)
    release.check(STACK, databases="voice, n8n", accept_loss="true")


# -- the plan -----------------------------------------------------------------------------------------------------------


def test_a_database_that_was_not_asked_for_is_no_part_of_the_plan() -> None:
    made = test_release.planned()
    assert [(name, getattr(made, name).skip) for name in ("restore", "swap", "reconnect")] == [
        (name, "no database is part of this plan") for name in ("restore", "swap", "reconnect")
    ]
    assert not made.costs_data
    assert "psql" not in made.shell() + made.undo_shell()
    assert ("databases", "left as they are") in made.facts


def test_it_is_restored_before_anything_that_serves_is_touched_and_swapped_last() -> None:
    _, _, made = planned()
    names = [step.name for step in made.steps]
    assert names == ["keep", "prove", "restore", "change", "recreate", "load", "swap_voice", "reconnect", "remember"]
    assert [step.name for step in made.steps if step.touches] == ["change", "recreate", "load", "swap_voice", "reconnect"]
    assert (made.swap_voice.loses, made.costs_data, made.reconnect.when) == (True, True, When.UNHEALTHY)
    # The commands are those of the database procedure, for the same state and target.
    now = voice()
    alone = database.plan(replace(now, clients={}), chosen(now, "voice-2.sql")[1], incident="abc123.database0")
    assert made.restore.commands == (*alone.create.commands, *alone.restore.commands, *alone.prepare.commands)
    assert made.restore.guards == alone.restore.guards
    assert (made.swap_voice.commands, alone.remember.commands[0] in made.remember.commands) == (alone.swap.commands, True)
    assert set(alone.cleanup) <= set(made.cleanup)
    assert "public.calls: 20 rows now, 12 rows in the backup" in made.loses
    # What is kept has the name of the incident, as with the database procedure.
    assert '"dyniq__restore_abc123" RENAME TO "dyniq"' in shell(made, "swap_voice")
    assert '"incident": "abc123"' in shell(made, "remember")
    assert ("voice: the live one", "stays as dyniq__before_abc123 until someone drops it") in made.facts


def test_each_of_several_is_swapped_by_itself_and_keeps_its_things_apart() -> None:
    both = {"voice": voice(), "n8n": n8n()}
    state = test_release.state(databases=both)
    found = databases.examine(Recorded(*(read(one, "voice-2.sql") for one in both.values())), both, whole("cccccc", 1))
    made = release.plan(state, test_release.target(state, databases=found), incident="abc123")
    assert [step.name for step in release.swaps(made)] == ["swap_voice", "swap_n8n"]
    oids = [command.file for command in made.restore.commands if command.file]
    assert oids == [f"{STATE}/before/abc123.database{number}.oid" for number in (0, 1)]
    assert sum("n8n__before_abc123" in str(command) for command in made.undo[-2].commands) == 1


def test_the_undo_swaps_back_last_and_drops_what_was_never_swapped_in() -> None:
    _, _, made = planned()
    assert [step.name for step in made.undo] == ["undo_change", "undo_recreate", "undo_load", "undo_swap", "undo_reconnect"]
    swap, drop = made.undo[3].commands
    assert '"dyniq__before_abc123" RENAME TO "dyniq"' in str(swap)
    assert 'DROP DATABASE IF EXISTS "dyniq__restore_abc123"' in str(drop)


def test_who_uses_it_and_was_recreated_is_recreated_again_as_then_and_only_if_unhealthy() -> None:
    """With the compose files of the release, and not with those that the container had before."""
    then = replace(WAY, files=("/opt/dyniq-voice/docker/docker-compose.prod.yml",))
    _, _, made = planned(recreate={"agents-api": (then, 2)})
    assert shell(made, "reconnect").count(" up ") == 1
    assert "docker-compose.prod.yml" in shell(made, "reconnect")
    assert "docker-compose.prod.yml" not in "\n".join(map(str, made.undo[-1].commands))
    _, _, alone = planned(recreate={})
    assert shell(alone, "reconnect").count(" up ") == 1
    assert "docker-compose.prod.yml" not in shell(alone, "reconnect")
    _, _, nobody = planned(voice(clients={}))
    assert "services are to reconnect by themselves" in nobody.reconnect.skip


def test_a_database_alone_is_something_to_do() -> None:
    _, _, made = planned(code=None, caddy=None, envs={}, recreate={})
    assert not made.nothing_to_do
    assert [step.name for step in made.steps if not step.skip] == ["keep", "restore", "swap_voice", "reconnect", "remember"]


def test_the_swap_is_done_again_after_an_undo_with_what_was_written_meanwhile() -> None:
    _, _, made = planned()
    again = release.PROCEDURE.redo(STACK, Plan.from_json(made.json()), "def456")
    assert [step.name for step in again.steps] == ["change", "recreate", "load", "swap_voice_again", "reconnect"]
    assert '"dyniq__undone_abc123" RENAME TO "dyniq"' in str(again.steps[3].commands[0])
    assert "since abc123 goes out of use" in release.PROCEDURE.undo_notes(made)[0]


def test_newer_backups_are_named_as_less_would_be_lost_with_one() -> None:
    newest = voice(backups=[backup("voice-3.sql", 0), *voice().backups])
    _, _, made = planned(newest)
    assert any(
        note.startswith("voice has newer backups than that of 2026-01-02 02:04 UTC, the newest of 2026-01-02 03:04") for note in made.notes
    )
    unusable = voice(backups=[backup("voice-3.sql", 0, wrong="it is cut off"), *voice().backups])
    assert not [note for note in planned(unusable)[2].notes if "newer backups" in note]


# -- the schema ---------------------------------------------------------------------------------------------------------


def test_a_newer_schema_is_a_risk_with_a_choice_and_comes_back_if_asked_for() -> None:
    then = whole("cccccc", 1, databases={"voice": Data("s0", "")})
    state = test_release.state(releases=(then,))
    (found,) = [one for one in release.candidates(state)[0].differences if one.dimension.kind == "schema"]
    assert not found.restored
    old = schema.Schema("/backup/voice-2.sql", NOW - timedelta(hours=1), {"public.calls": frozenset({"id"})})
    now = Recorded(
        (postgres.outline(VOICE_SERVER, "dyniq"), content(table("public.calls", None))),
        (schema.of_backups(VOICE.backups, VOICE_SERVER), [old]), (postgres.empty(VOICE_SERVER, "dyniq"), frozenset()),
    )  # fmt: skip
    (said,) = databases.risks(now, STACK, ["voice"])
    assert said.startswith("The schema of voice has changed since that release (new: public.calls.at, since its backup of 2026-01-02 02:04")
    assert "`databases=voice`" in said
    (asked,) = [
        one for one in release.candidates(replace(state, databases={"voice": voice()}))[0].differences if one.dimension.of == "voice"
    ]
    assert asked.restored


# -- what is lost -------------------------------------------------------------------------------------------------------


def looked(found: str | None) -> Recorded:
    """A host with the restored database, and the hash of its tables and columns."""
    server = postgres.Server(170002, True, {"dyniq": live(), "dyniq__restore_abc123": live(name="dyniq__restore_abc123")})
    restored = VOICE.model_copy(update={"database": "dyniq__restore_abc123"})
    return Recorded(
        (postgres.server(VOICE_SERVER, "postgres"), server),
        (postgres.content(VOICE_SERVER, "dyniq"), content(table("public.calls", 20))),
        (postgres.content(VOICE_SERVER, "dyniq__restore_abc123"), content(table("public.calls", 12))),
        (whole_release.schema(restored), found),
    )


def test_the_list_of_losses_is_that_of_each_database_and_what_a_person_types() -> None:
    state, target, made = planned()
    found = release.losses(looked("s1"), state, target, made)
    assert (found.name, found.restored, found.notes) == ("dyniq", True, ())
    assert found.lines == ("dyniq: public.calls: 20 rows now, 12 rows in the backup",)
    assert release.PROCEDURE.weigh(looked("s1"), STACK, made).lines == found.lines
    assert "1 of 1 tables differ." in str(views.losses(found))
    none = release.losses(Recorded(), state, test_release.target(state), test_release.planned(state))
    assert str(views.losses(none)).strip().endswith("No database is part of this plan.")


def test_a_backup_from_before_a_migration_that_the_release_had_is_said_first() -> None:
    state, target, made = planned()
    assert After.read(made.after).schemas == {"voice": "s1"}
    found = release.losses(looked("another"), state, target, made)
    assert found.lines[0].startswith("The tables or columns in the backup of voice are not those that the release had")
    assert found.hash != release.losses(looked("s1"), state, target, made).hash
    assert release.losses(looked(None), state, target, made).notes == ()

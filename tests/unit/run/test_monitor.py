"""Health and effects while a rollback happens: what is looked at, how often, and what of it is in the record."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rollback_lib.errors import Refused
from rollback_lib.health.probe import passes_in_a_row
from rollback_lib.plan.effect import Effect
from rollback_lib.record.folder import Folder
from rollback_lib.report import summary
from rollback_lib.run import monitor
from rollback_lib.run.monitor import Monitor
from rollback_lib.secrets.redactor import HIDDEN
from tests.builders.looks import Looks
from tests.builders.plans import changing, plan
from tests.builders.routes import FAIL, PASS, Clock, Routes
from tests.builders.stack import STACK, with_health

PASSES = 3
NAMES = ["agents-api", "ruben-api"]
PLAN = plan(changing("recreate"))
OLD, NEW = Effect("image", "old", "old"), Effect("image", "new", "new")
NOT_NEW = replace(NEW, found="old")
STARTING = Effect("state", "running", "starting", settles=True)
SILENT = Refused("docker does not answer")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.create("code", tmp_path)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(monitor, "time", clock)
    return clock


Watching = Callable[..., Monitor]


@pytest.fixture
def watching(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watching]:
    """A function that makes a monitor with these routes and these looks at the host. The monitors are closed after the test."""
    made = []

    def monitor_of(routes: Routes, *, deadline: float = 20.0, **looks: Looks) -> Monitor:
        routes.instead_of_real_ones(monkeypatch)
        stack = with_health(passes=PASSES, every=0.001, deadline=deadline)
        made.append(Monitor(stack, SimpleNamespace(**looks), lambda: None, folder))
        return made[-1]

    yield monitor_of
    for one in made:
        one.close()


def probes(folder: Folder) -> list[dict[str, Any]]:
    return [event for event in folder.events() if event["event"] == "probe"]


# -- probes -----------------------------------------------------------------------------------------------------------


def test_a_look_asks_every_route_once_and_is_in_the_record_when_it_is_noted(folder: Folder, watching: Watching) -> None:
    routes = Routes(ruben_api=[FAIL])
    one = watching(routes)
    seen = one.look_once()
    assert [(probe.route, probe.ok) for probe in seen] == [("agents-api", True), ("ruben-api", False)]
    assert (routes.asked, routes.closed, probes(folder)) == (dict.fromkeys(NAMES, 1), 2, [])
    folder.redactor.protect(["hunter2-hunter2"])
    noted = one.note(tuple(replace(probe, said="no hunter2-hunter2 here") for probe in seen))
    assert [probe.said for probe in noted] == [f"no {HIDDEN} here"] * 2
    assert [(event["route"], event["ok"], event["status"], event["ms"], event["said"]) for event in probes(folder)] == [
        ("agents-api", True, 200, 10, ""),  # what a route says that passes is nobody's business
        ("ruben-api", False, 500, 10, f"no {HIDDEN} here"),
    ]
    assert [event["sent"] for event in probes(folder)] == [probe.at.isoformat(timespec="milliseconds") for probe in seen]


def test_a_watch_is_opened_once_and_tells_all_it_saw_when_it_is_closed(folder: Folder, watching: Watching) -> None:
    one = watching(Routes())
    assert one.close() == ()
    watch = one.open()
    assert one.open() is watch
    assert watch.until_looked()
    seen = one.close()
    assert {probe.route for probe in seen} == set(NAMES)
    assert one.close() == ()
    count = len(probes(folder))
    assert one.open() is not watch
    assert one.healthy()
    one.close()
    assert len(probes(folder)) > count


FLAPPING = [PASS, PASS, FAIL, PASS, FAIL, FAIL, PASS, PASS, FAIL, PASS, PASS, PASS]


def test_a_route_that_flaps_is_healthy_once_it_passes_so_often_in_a_row(watching: Watching) -> None:
    one = watching(Routes(agents_api=FLAPPING), effects=Looks([NEW]))
    healthy, effects = one.await_effects(PLAN)
    seen = [probe.ok for probe in one.close() if probe.route == "agents-api"]
    assert (healthy, effects) == (True, (NEW,))
    assert seen[: len(FLAPPING)] == FLAPPING
    assert passes_in_a_row(seen, PASSES)


def test_a_route_that_never_passes_so_often_in_a_row_is_not_healthy(folder: Folder, watching: Watching) -> None:
    flaps = [PASS, PASS, FAIL] * 100_000
    one = watching(Routes(agents_api=flaps), deadline=0.3, effects=Looks([NEW]))
    assert one.await_effects(PLAN) == (False, (NEW,))
    assert not one.healthy_soon(PLAN)
    one.close()
    assert {event["ok"] for event in probes(folder) if event["route"] == "agents-api"} == {True, False}


@pytest.mark.parametrize(("routes", "healthy"), [(None, False), (("ruben-api",), True), ((), True)])
def test_only_the_routes_that_have_to_pass_are_waited_for(watching: Watching, routes: tuple[str, ...] | None, healthy: bool) -> None:
    one = watching(Routes(agents_api=[FAIL]), deadline=20.0 if healthy else 0.3, effects=Looks([NEW]))
    wanted = plan(changing("recreate"), routes=routes)
    assert (one.healthy_soon(wanted), one.await_effects(wanted)) == (healthy, (healthy, (NEW,)))


@pytest.mark.parametrize(("answers", "healthy"), [([PASS], True), ([PASS, FAIL, PASS], False), ([FAIL], False)])
def test_with_nothing_to_wait_for_every_probe_has_to_pass(watching: Watching, answers: list[bool], healthy: bool) -> None:
    one = watching(Routes(ruben_api=answers))
    assert one.healthy() is healthy
    seen = [probe.route for probe in one.close()]
    assert min(map(seen.count, NAMES)) >= PASSES


def test_the_outage_is_counted_from_what_was_watched(folder: Folder, watching: Watching) -> None:
    """A route that was well fails after the first change, and comes back; the other fails from the first look on."""
    one = watching(Routes(agents_api=[PASS, FAIL, FAIL, PASS], ruben_api=[FAIL]), deadline=20.0)
    one.note(one.look_once())
    folder.event("step-begin", step="recreate", job="recreate", plan=PLAN.hash, touches=True)
    assert one.healthy_soon(plan(changing("recreate"), routes=("agents-api",)))
    one.close()
    sent = [datetime.fromisoformat(event["sent"]) for event in probes(folder) if event["route"] == "agents-api"]
    found = {one.route: one for one in summary.outages(folder.events()).routes}
    assert (found["agents-api"].before, found["agents-api"].over) == (False, True)
    assert found["agents-api"].seconds == round((sent[3] - sent[1]).total_seconds(), 3)
    assert (found["ruben-api"].before, found["ruben-api"].over) == (True, False)


# -- effects ----------------------------------------------------------------------------------------------------------

# What each look finds → the final result, and the number of looks. The first look happens while the routes are probed.
LOOKED = [
    ("at once", [[NEW]], (NEW,), 1),
    ("late", [[NOT_NEW], [NEW]], (NEW,), 2),
    ("never, and it is none that settles", [[NOT_NEW]], (NOT_NEW,), 2),
    ("what settles, when it has", [[STARTING], [STARTING], [STARTING], [replace(STARTING, found="running")]],
     (replace(STARTING, found="running"),), 4),
    ("a host that could not be asked, again", [SILENT, SILENT, SILENT, [NEW]], (NEW,), 4),
    ("what does not count, not again", [[replace(NOT_NEW, decides=False)]], (replace(NOT_NEW, decides=False),), 1),
]  # fmt: skip


@pytest.mark.parametrize(("found", "effects", "count"), [row[1:] for row in LOOKED], ids=[row[0] for row in LOOKED])
def test_effects_are_looked_at_until_they_are_as_asked_for_or_will_not_be(
    watching: Watching, clock: Clock, found: list[Any], effects: tuple[Effect, ...], count: int
) -> None:
    looks = Looks(*found)
    one = watching(Routes(), effects=looks)
    assert one.await_effects(PLAN) == (True, effects)
    assert looks.count == count


def test_what_settles_is_not_waited_for_longer_than_health(watching: Watching, clock: Clock) -> None:
    one = watching(Routes(), effects=Looks([STARTING]))
    began = clock.now
    assert one.await_effects(PLAN) == (True, (STARTING,))
    assert 20.0 <= clock.now - began < 20.1


def test_nothing_settles_where_the_routes_do_not_pass(watching: Watching, clock: Clock) -> None:
    looks = Looks([STARTING])
    one = watching(Routes(agents_api=[FAIL]), deadline=0.3, effects=looks)
    assert one.await_effects(PLAN) == (False, (STARTING,))
    assert looks.count == 2


def test_a_host_that_cannot_be_asked_to_the_end_is_refused(watching: Watching, clock: Clock) -> None:
    looks = Looks(SILENT)
    one = watching(Routes(), effects=looks)
    with pytest.raises(Refused, match="docker does not answer"):
        one.await_effects(PLAN)
    assert looks.count == 2 + 20.0 / monitor.LOOK_AGAIN


@pytest.mark.parametrize(("look", "seconds"), [("moved", monitor.PATIENCE), ("undone", STACK.health.deadline)])
def test_a_host_is_asked_again_for_a_while(folder: Folder, clock: Clock, look: str, seconds: float) -> None:
    name = {"moved": "assumed", "undone": "undo_effects"}[look]

    def found(*looked: Any) -> tuple[Effect, ...]:
        return getattr(Monitor(STACK, SimpleNamespace(**{name: Looks(*looked)}), lambda: None, folder), look)(PLAN)

    assert found(SILENT, SILENT, [NOT_NEW]) == (NOT_NEW,)
    began = clock.now
    with pytest.raises(Refused, match="docker does not answer"):
        found(SILENT)
    assert seconds < clock.now - began <= seconds + monitor.LOOK_AGAIN


def test_what_moved_is_only_what_is_not_as_the_plan_assumed(folder: Folder) -> None:
    assert Monitor(STACK, SimpleNamespace(assumed=Looks([NEW, NOT_NEW])), lambda: None, folder).moved(PLAN) == (NOT_NEW,)


@pytest.mark.parametrize(("found", "as_before"), [([OLD], True), ([OLD, NOT_NEW], False), (SILENT, False)])
def test_a_host_is_as_before_only_where_that_is_known(folder: Folder, clock: Clock, found: Any, as_before: bool) -> None:
    assert Monitor(STACK, SimpleNamespace(undo_effects=Looks(found)), lambda: None, folder).as_before(PLAN) is as_before


def effect(*, ok: bool, **known: Any) -> Effect:
    return Effect("image", "asked", "asked" if ok else "other", **known)


# The part of the host that an effect is about, whether it is as asked for, whether it is as before → whether that is strange if the part
# is done, if it may be half done, and if it was not begun.
STRANGE = [
    ("as asked for", {"part": "image"}, True, False, (False, False, True)),
    ("as before", {"part": "image"}, False, True, (True, False, False)),
    ("both", {"part": "image"}, True, True, (False, False, False)),
    ("neither", {"part": "image"}, False, False, (True, True, True)),
    ("in between, where it can be", {"part": "image", "between": True}, False, False, (True, False, True)),
    ("of no part, as asked for", {}, True, False, (False, False, False)),
    ("of no part, neither", {}, False, False, (True, True, True)),
    ("how well it runs", {"part": "image", "condition": True}, False, False, (False, False, False)),
]


@pytest.mark.parametrize(("known", "after", "before", "strange"), [row[1:] for row in STRANGE], ids=[row[0] for row in STRANGE])
def test_what_a_run_did_not_leave_so_is_strange(
    folder: Folder, known: dict[str, Any], after: bool, before: bool, strange: tuple[bool, bool, bool]
) -> None:
    looks = {"effects": Looks([effect(ok=after, **known)]), "undo_effects": Looks([effect(ok=before, **known)])}
    one = Monitor(STACK, SimpleNamespace(**looks), lambda: None, folder)
    for (done, half), is_strange in zip(((["image"], []), ([], ["image"]), ([], [])), strange, strict=True):
        assert [found.name for found in one.strange(PLAN, done, half)] == (["image"] if is_strange else [])

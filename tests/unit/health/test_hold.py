"""When routes hold: a flake is no outage, a route that does not come back to health is one."""

from datetime import UTC, datetime, timedelta

import pytest

from rollback_lib.health.hold import PATIENCE, Hold, unhealthy_since
from rollback_lib.health.probe import Probe
from rollback_lib.stack.route import Health

BEGIN = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
HEALTH = Health(passes=3, every=0.5)


def probes(signs: str, route: str = "api", first: float = 0.0) -> list[Probe]:
    """A probe every half second: + passed, - failed."""
    at = [BEGIN + timedelta(seconds=first + 0.5 * number) for number in range(len(signs))]
    return [Probe(route, when, sign == "+", 200 if sign == "+" else 500, 0.01, "") for when, sign in zip(at, signs, strict=True)]


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def hold(seconds: float = 60.0, **more: float) -> Hold:
    return Hold(["api", "web"], HEALTH, BEGIN, seconds, **more)


@pytest.mark.parametrize(
    ("signs", "since"),
    [
        ("", 0.0),
        ("++", 0.0),
        ("+++", None),
        ("-+++", None),
        ("+++-", 1.5),
        ("+++-++", 1.5),
        ("+++-+++", None),
        ("+++-++-", 1.5),
        ("+++----", 1.5),
        ("+++-+++-", 3.5),
    ],
)
def test_a_failed_probe_takes_health_and_passes_in_a_row_give_it_back(signs: str, since: float | None) -> None:
    assert unhealthy_since(probes(signs), HEALTH.passes, BEGIN) == (None if since is None else at(since))


def lost(signs: str, now: float) -> list[str]:
    one = hold()
    return one.lost(one.unhealthy([*probes(signs), *probes("+" * len(signs), "web")]), at(now))


def test_a_single_failed_probe_is_no_outage() -> None:
    assert lost("+++" + "-" + "+" * 50, 27.0) == []


def test_nor_are_some_seconds_of_them() -> None:
    assert lost("+++" + "-" * 15 + "+" * 10, 14.0) == []


def test_a_route_that_stays_down_is_lost_after_the_patience_and_no_earlier() -> None:
    patience = PATIENCE + 3 * 0.5
    assert lost("+++" + "-" * 30, 1.5 + patience) == []
    assert lost("+++" + "-" * 30, 1.6 + patience) == ["api"]


@pytest.mark.parametrize("signs", ["+-", "++-", "-"], ids=["one of two replicas", "one of three", "all"])
def test_a_route_that_fails_again_and_again_is_lost(signs: str) -> None:
    assert lost(signs * 30, 14.0) == ["api"]


def test_a_route_that_is_asked_seldom_gets_the_time_for_its_probes() -> None:
    assert Hold(["api"], Health(passes=3, every=20), BEGIN, 60.0).patience == timedelta(seconds=70)


def test_what_was_asked_before_it_began_does_not_count() -> None:
    before = [*probes("+++", first=-5.0), *probes("+++", "web", first=-5.0)]
    assert hold().unhealthy(before) == {"api": BEGIN, "web": BEGIN}


def test_it_has_held_once_the_time_is_over_and_every_route_is_healthy() -> None:
    one = hold(10.0)
    assert not one.held({}, at(9.9))
    assert one.held({}, at(10.0))
    assert not one.held({"api": at(9.5)}, at(10.0)), "a route that is just recovering gets its patience"


def test_what_replaced_a_release_gets_the_time_to_start() -> None:
    one = hold(0.0, grace=60.0)
    assert one.lost(one.unhealthy([]), at(59.0)) == []
    assert one.lost(one.unhealthy([]), at(61.0)) == ["api", "web"]

"""Readiness of images: the one to go back to is on the host, or is fetched while the registry is there."""

from dataclasses import replace

from rollback_lib.facts import registry
from rollback_lib.facts.host import Unanswered
from rollback_lib.host.ending import Ending
from rollback_lib.procedures import image
from rollback_lib.procedures.common.readiness import Seen, Tried
from rollback_lib.procedures.image.readiness import rows, trials
from tests.builders.triage import facts
from tests.unit.procedures.test_image import GOOD, container, digest, state

SILENCE = {"look": None, "symptoms": None, "states": {}, "copies": None, "made": "", "measured": None}


def target(now: image.State) -> image.Target:
    return image.Target(*image.choose(now, ""))


def seen(now: image.State, **tried: Tried) -> Seen:
    return Seen("image", "", now, target(now), tried=tried, **SILENCE)


def test_an_image_that_is_in_the_registry_only_is_fetched_and_kept() -> None:
    now = state()
    (step,) = trials(now, target(now), "abcdef").steps
    assert [str(one) for one in step.commands] == [
        f"docker pull --quiet ghcr.io/dyniq/agents-api@{digest('e')}",
        f"docker tag ghcr.io/dyniq/agents-api@{digest('e')} rollback/dyniq-voice/agents-api:{GOOD}",
    ]
    assert not step.touches
    assert "it is in the registry" in rows(seen(now))[0].found
    done = rows(seen(now, **{step.name: Tried(Ending.exited(0), 1.0, "")}))
    assert "it is kept on the host" in done[0].found
    failed, _ = rows(seen(now, **{step.name: Tried(Ending.exited(1), 1.0, "unauthorized")}))
    assert (failed.level, "unauthorized" in failed.found) == ("red", True)


def test_what_is_built_here_or_is_on_the_host_is_not_fetched() -> None:
    now = state()
    built = state(container=container(compose=replace(now.compose, files=now.compose.files[:1])))
    assert trials(built, target(built), "abcdef").steps == ()
    here = target(now)
    assert trials(now, replace(here, candidate=replace(here.candidate, image=digest("2"))), "abcdef").steps == ()


def test_a_registry_that_does_not_answer_is_said_with_what_to_do() -> None:
    now = state()
    asked, away = rows(seen(now))[1], rows(replace(seen(now), state=replace(now, tags=registry.Unavailable("401"))))[1]
    assert (asked.level, away.level) == ("green", "amber")
    assert "docker login ghcr.io" in away.do
    _, without = rows(replace(seen(now), target=Unanswered("no target"), look=facts()))
    assert without == asked

"""How triage weighs that several things were changed since a release, and what it says of them."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

from rollback_lib.facts import machine
from rollback_lib.facts.whole_release import Data, KeptFile
from rollback_lib.notebook.views import triage as triage_views
from rollback_lib.procedures.common.finding import FITS, Finding
from rollback_lib.procedures.common.stack_state import StackState
from rollback_lib.procedures.release.triage import Look
from rollback_lib.procedures.triage import diagnose
from rollback_lib.procedures.triage.changes import Since
from tests.builders.containers import container
from tests.builders.triage import BEFORE, RUNS, ago, facts
from tests.builders.triage import ENV as ENV_NOW
from tests.unit.procedures.test_release import ENV, whole


def looked(hours: float, commit: str = BEFORE, env: str = "b", schemas: dict[str, str] | None = None) -> Look:
    """The newest release was healthy so many hours ago, with this commit and env file."""
    then = whole("aaaaaa", 0, commit, container().image, services={})
    files = {ENV: KeptFile(ENV, env, "")}
    databases = {"voice": Data("s1", "")}
    return Look(replace(then, when=ago(hours), files=files, databases=databases), schemas or {"voice": "s1"}, ago(0))


def same_env() -> str:
    return sha256(ENV_NOW.encode()).hexdigest()


def at_once(known: Look, **changes: Any) -> StackState:
    """Commit and env file came 12 minutes ago, and the service is ill since."""
    known_changes = {"ill": "boom", "code": {"came": 0.2, "made": 0.1}, "env": {"changed": 0.2, "made": 0.1, "before": None}, **changes}
    now = facts(**known_changes)
    return replace(now, looks={**now.looks, "release": known})


def of_release(now: StackState) -> list[Finding]:
    return [one for one in diagnose(now).findings if one.procedure == "release"]


def test_several_changes_at_one_time_fit_a_release_rollback() -> None:
    (found,) = of_release(at_once(looked(5)))
    assert found.fit == FITS
    assert found.speaks_for[-1] == "all of it at about the same time, as with one deploy"
    assert any(words.endswith("were changed: the commit, .env") for words in found.speaks_for)
    assert not found.warnings
    (newer,) = of_release(at_once(looked(5, schemas={"voice": "s2"})))
    assert newer.warnings == ["the schema of voice has changed since, too; it is taken back only if asked: `databases=voice`"]


def test_one_change_or_none_fits_no_release_rollback_and_has_no_row() -> None:
    assert of_release(at_once(looked(5, commit=RUNS))) == []
    assert of_release(at_once(looked(5, env=same_env()))) == []
    assert of_release(at_once(Look(None, {}, ago(0)))) == []
    assert of_release(replace(facts(), looks={**facts().looks, "release": looked(5)})) == [], "a stack that is healthy"


def test_the_diagnosis_offers_all_of_it_or_the_smallest_first() -> None:
    now = at_once(looked(5), proxy={"wrong": "Caddyfile:3: no such directive"})
    found = diagnose(now)
    assert found.fitting[-1].procedure == "release"
    assert found.reason.endswith("; bring back all of it with release, or begin with caddyfile, then look again")
    assert "2 things at once" in found.reason
    warned = diagnose(at_once(looked(5, schemas={"voice": "s2"}), proxy={"wrong": "Caddyfile:3: no such directive"}))
    assert "; bring back all of it with release (read its warning), or begin with caddyfile" in warned.reason


def test_the_first_answer_is_what_changed_since_it_was_healthy() -> None:
    found = diagnose(at_once(looked(5, schemas={"voice": "s2"})))
    assert found.since.changes[0].kind == "schema"
    assert {"deploy", "image", "env file"} <= {one.kind for one in found.since.changes}
    assert all(one.when > found.since.healthy for one in found.since.changes)
    first, second, *_ = str(triage_views.diagnosis(found)).splitlines()
    assert first.startswith("✘ Not healthy")
    assert second.startswith("What changed since it was healthy, ")
    full = machine.Machine(0.0, 0.5, 1e6, (machine.Disk("/", 20_000_000, 1_000_000_000),))
    filled = diagnose(replace(at_once(looked(5)), machine=full)).since.changes[0]
    assert (filled.kind, filled.words) == ("disk", "/: 0.0 of 1.0 GB free (2%); since when is not known")
    unknown = replace(found, since=Since(None, ()))
    assert "When the stack was healthy last is not known here" in str(triage_views.diagnosis(unknown))

"""What earlier runs keep on the host goes in time: named in a plan, removed after its verification, and never what an undo needs."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.machine import Done, Machine

STATE = "/var/lib/rollback/dyniq-voice"
API = "rollback/dyniq-voice/agents-api"
DATABASES = """docker exec voice-postgres-1 psql -U dyniq -d dyniq -Atc "SELECT datname FROM pg_database ORDER BY 1" """


def aged(machine: Machine, incident: str, days: int) -> None:
    """Make an incident older by so many days: its jobs, the versions that it kept, and its lines in the ledgers."""
    when = f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"
    machine.ssh(f"""set -e; cd {STATE}
        find . -path './*/*{incident}*' -exec touch -d {when} {{}} +
        find . -name '*.jsonl' -exec sed -i '/"incident": "{incident}"/s/"when": "[^"]*"/"when": "{when}"/' {{}} +""")


def applied(machine: Machine, scenario: str, stack: Path, *words: str) -> str:
    """Break the host with the scenario and roll back. Returns the id of the incident."""
    machine.host.break_(scenario)
    done = machine.apply(*words, procedure=scenario, stack=stack)
    assert done.status == 0, done.out + done.err
    return done.record["incident"]


def kept(machine: Machine) -> set[str]:
    """Everything that retention may remove, named as in plans; and what it must not remove."""
    files = machine.ssh(f"cd {STATE}; find before kept build jobs -mindepth 1 | grep -v '^jobs/[^/]*/'").splitlines()
    tags = machine.ssh("docker image ls --format '{{.Repository}}:{{.Tag}}' 'rollback/*/*'").splitlines()
    stashes = machine.ssh("git -C /opt/dyniq-voice stash list").splitlines()
    return {*(f"{STATE}/{one}" for one in files), *tags, *stashes, *machine.ssh(DATABASES).splitlines()}


def named(done: Done, all_: set[str]) -> set[str]:
    """The names in `all_` that the last step of the plan removes."""
    remember = json.loads((done.folder / "plan.json").read_text())["steps"][-1]
    assert remember["name"] == "remember"
    lines = [line for command in remember["commands"] for line in (command["text"] or "").splitlines()]
    words = {word for line in lines if line.startswith(("rm -rf -- ", "docker image rm ")) for word in line.split()}
    assert words <= all_ | {"rm", "-rf", "--", "docker", "image", "||", ":"}
    return words & all_


@pytest.fixture
def stack(clean: Machine) -> Path:
    return clean.edited_stack(lambda content: content.update(retention={"keep_days": 30, "newest": 2, "longest_days": 60}))


@pytest.mark.whole
def test_what_is_beyond_its_time_goes_and_nothing_else(clean: Machine, stack: Path) -> None:
    code = applied(clean, "code", stack)
    database = applied(clean, "database", stack, "-p", "database=voice", "-p", "accept_loss=true")
    aged(clean, code, 50)
    aged(clean, database, 45)
    clean.ssh(f"""set -e
        docker tag {API}:before-{code} {API}:{"e" * 40}
        docker tag {API}:before-{code} rollback/another/agents-api:before-{code}
        docker tag "$(docker inspect --format '{{{{.Image}}}}' docker-agents-api-1)" {API}:before-0a0a0a
        cd {STATE}/build; mkdir -p 0123456789ab/agents_api; touch 0123456789ab/agents_api/server.py 0123456789ab.json
        find {STATE}/build -path '*0123456789ab*' -exec touch -d '40 days ago' {{}} +
        cd /opt/dyniq-voice; echo '# by hand' >>README.md
        GIT_COMMITTER_DATE="$(date -d '45 days ago' -R)" git stash push -q -m 'rollback 0a0a0a'""")
    before = kept(clean)
    left = next(one for one in before if one.startswith("dyniq__before_"))
    going = {
        *(one for one in before if one.startswith((f"{STATE}/before/{code}.", f"{STATE}/jobs/{code}", f"{STATE}/build/0123456789ab"))),
        f"{API}:before-{code}",
        f"{API}:{'e' * 40}",
    } - {f"{STATE}/build/0123456789ab/agents_api", f"{STATE}/build/0123456789ab/agents_api/server.py"}  # they go with their folder
    assert len([one for one in going if "/before/" in one]) >= 3

    # Looking removes nothing, and names it all.
    looked = clean.rollback(procedure="readiness", stack=stack)
    rows = {row["name"]: row for row in looked.record["found"]["rows"]}
    assert rows["copies"]["level"] == "amber"
    assert "older than 30 days, the oldest 50" in rows["copies"]["found"]
    assert f"{left} (" in rows["kept beside voice"]["found"]
    assert "MB, 45 days)" in rows["kept beside voice"]["found"]
    assert "docker exec voice-postgres-1 dropdb -U dyniq" in rows["kept beside voice"]["do"]
    assert "stash@{0} of 0a0a0a" in rows["stashes"]["found"]
    clean.host.break_("env")
    planned = clean.rollback(procedure="env", stack=stack)
    assert planned.status == 0, planned.out
    assert named(planned, before) == going
    assert "removed afterwards" in (planned.folder / "plan.json").read_text()
    assert kept(clean) == before

    # An applied run removes exactly this, and its own undo works.
    done = clean.apply("--plan", planned.record["plan"], procedure="env", stack=stack)
    assert (done.status, done.record["verdict"]) == (0, "succeeded"), done.out + done.err
    after = kept(clean)
    assert before - after - {one for one in before if "/build/0123456789ab/" in one} == going
    assert {one for one in after - before if done.record["incident"] not in one} == set()
    assert clean.ssh(f"docker image ls -q {API}:{clean.head()}") != ""
    file = clean.ssh("sha256sum /opt/dyniq-voice/.env")
    undone = clean.undo(done.folder)
    assert undone.status == 0, undone.out + undone.err
    assert clean.ssh("sha256sum /opt/dyniq-voice/.env") != file

    refused = clean.undo(next(one for one in clean.folders() if one.name.endswith(code)))
    assert (refused.status, refused.record["verdict"]) == (3, "refused")
    assert f"{code} cannot be undone any more: what {code} kept on contabo for the way back was removed" in refused.record["reason"]
    assert f"in {done.record['incident']}, as older than this stack keeps it" in refused.record["reason"]


@pytest.mark.whole
def test_readiness_removes_it_where_every_route_passes(clean: Machine, stack: Path) -> None:
    first = applied(clean, "env", stack)
    second = applied(clean, "env", stack)
    aged(clean, first, 61)
    before = kept(clean)
    tried = clean.apply(procedure="readiness", stack=stack)
    assert (tried.status, tried.record["verdict"]) == (0, "ready"), tried.out
    row = next(row for row in tried.record["found"]["rows"] if row["name"] == "copies")
    assert row["level"] == "green"
    assert "removed now" in row["found"]
    assert {one for one in before - kept(clean) if first not in one} == set()
    assert not [one for one in kept(clean) if first in one and "/healthy-" not in one]  # those are of the whole release that it entered
    assert clean.undo(next(one for one in clean.folders() if one.name.endswith(second))).status == 0

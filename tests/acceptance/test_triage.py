"""Triage on the practice host: what is broken is named, two things at once are, and nothing is changed by looking."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.machine import BIN, Done, Machine


def look(machine: Machine) -> Done:
    """Run triage, and check that it makes only one connection."""
    before = machine.logins()
    done = machine.rollback(procedure="triage")
    assert (done.status, done.record["verdict"]) == (0, "looked"), done.out + done.err
    assert machine.logins() == before + 1
    return done


def fits(machine: Machine) -> list[str]:
    return look(machine).record["found"]["fits"]


def finding(done: Done, procedure: str, **parameters: str) -> dict:
    rows = done.record["found"]["findings"]
    return next(one for one in rows if one["procedure"] == procedure and one["parameters"].items() >= parameters.items())


def test_a_healthy_host_is_healthy_and_looking_changes_nothing(clean: Machine) -> None:
    before = clean.listing()
    done = look(clean)
    assert clean.listing() == before
    assert "healthy: every route passes" in done.out
    assert (done.record["found"]["fits"], done.record["found"]["rows"], done.record["next"]) == ([], [], [])
    assert done.record["seconds"] < done.record["budget"]

    # What was changed last is no trouble where nothing is wrong.
    clean.ssh("cd /opt/dyniq-voice; cp -p .env .env.bak; echo 'EXTRA=1' >>.env")
    assert fits(clean) == []

    # A database's container that is down is no row of the page: nothing fits, and it is said.
    clean.ssh("docker stop voice-postgres-1 >/dev/null")
    done = look(clean)
    assert done.record["found"]["fits"] == []
    assert "no row of the page fits" in done.record["reason"]
    assert [row["do"] for row in done.record["found"]["rows"]] == ["start it: `docker start voice-postgres-1`, and read its log"]


def test_code_env_and_database_one_after_the_other(clean: Machine, tmp_path: Path) -> None:
    """Each more thing is named, with the ones before; and the working copy is ready to run."""
    clean.host.break_("code")
    done = look(clean)
    assert done.record["found"]["fits"] == ["code"]
    assert not any("newer than its backup" in one for one in finding(done, "code")["warnings"])
    good = clean.ssh("git -C /opt/dyniq-voice rev-parse main~1")
    assert done.record["next"] == [f"Bad code deploy: look with `rollback run code --stack {clean.stack} -p target={good}`"]
    (copy,) = (clean.incidents / "working").glob("*/01_code.ipynb")
    assert copy.stat().st_mode & 0o777 == 0o600
    run = subprocess.run(
        [BIN / "papermill", copy, tmp_path / "out.ipynb", "--no-progress-bar"], env=clean.env(), capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    planned = json.loads((clean.folders()[-1] / "record.json").read_text())
    assert (planned["verdict"], planned["target"], planned["because"]) == ("planned", good, f"triage {done.record['incident']}")

    clean.host.break_("env")
    done = look(clean)
    assert sorted(done.record["found"]["fits"]) == ["code", "env"]
    assert "2 things at once" in done.record["reason"]
    assert any("names the host voice-postgre-1" in words for words in finding(done, "env")["for"])
    password = clean.ssh("sed -n 's|^DATABASE_URL=.*://[^:]*:\\([^@]*\\)@.*|\\1|p' /opt/dyniq-voice/.env")
    assert password
    assert password not in done.everything()

    clean.host.break_("database")
    done = look(clean)
    assert sorted(done.record["found"]["fits"]) == ["code", "database", "env"]
    assert any("a schema newer than itself" in words for words in finding(done, "code")["warnings"])
    assert any("gone: public.agents; new: public.assistants" in words for words in finding(done, "database", database="voice")["for"])


@pytest.mark.whole
def test_a_database_a_caddyfile_and_the_stack_one_after_the_other(clean: Machine) -> None:
    clean.host.break_("database")
    assert fits(clean) == ["database"]
    clean.host.break_("caddyfile")
    done = look(clean)
    assert sorted(done.record["found"]["fits"]) == ["caddyfile", "database"]
    assert any("to agents-api:9000, and agents-api listens on 8000" in words for words in finding(done, "caddyfile")["for"])
    clean.host.break_("stack")
    assert sorted(fits(clean)) == ["caddyfile", "database", "redeploy"]


def test_an_image_and_the_stack(clean: Machine) -> None:
    clean.host.break_("image")
    clean.host.break_("stack")
    assert sorted(fits(clean)) == ["image", "redeploy"]


def test_a_host_without_docker_says_so(clean: Machine) -> None:
    clean.ssh("mv /usr/bin/docker /usr/bin/docker.away")
    done = look(clean)
    clean.ssh("mv /usr/bin/docker.away /usr/bin/docker")
    assert done.record["found"]["fits"] == []
    assert any("docker with compose v2 is needed" in row["found"] for row in done.record["found"]["rows"])


def test_it_has_nothing_to_apply(practice_host: object) -> None:
    done = subprocess.run(
        [BIN / "rollback", "run", "triage", "--stack", "drill", "--apply", "--confirm", "contabo"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "only looks" in done.stderr


@pytest.mark.whole
def test_healthy_but_empty_is_told_from_healthy(clean: Machine) -> None:
    """Somebody emptied two of three tables; the health checks do not notice."""
    assert fits(clean) == []
    clean.ssh("docker exec voice-postgres-1 psql -U dyniq -d dyniq -c 'TRUNCATE calls, events'")
    found = look(clean).record["found"]
    assert (found["healthy"], found["fits"]) == (True, ["database"])
    (row,) = (row for row in found["rows"] if row["name"] == "rows of voice")
    assert "public.calls, public.events" in row["found"]

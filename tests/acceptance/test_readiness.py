"""Readiness on the practice host: every row from what is really there, every trial for real, nothing left behind."""

import pytest

from tests.machine import Done, Machine


def rows(done: Done) -> dict[str, dict]:
    return {row["name"]: row for row in done.record["found"]["rows"]}


def databases(machine: Machine) -> str:
    ask = """psql -U %s -d %s -Atc "SELECT datname FROM pg_database ORDER BY 1" """
    return machine.ssh(f"docker exec voice-postgres-1 {ask % ('dyniq', 'dyniq')}; docker exec n8n-postgres-1 {ask % ('n8n', 'n8n')}")


def serving(machine: Machine) -> str:
    """Everything that a trial must not change."""
    lines = machine.listing().splitlines()
    # What keeps images never runs, and /root/.docker is of docker's own client.
    ours = ("/var/lib/rollback", "rollback/dyniq-voice", "0001-01-01T00:00:00Z", "/root/.docker")
    return "\n".join(line for line in lines if not any(word in line for word in ours))


def test_a_healthy_host_is_ready_and_is_kept_as_known_good(clean: Machine) -> None:
    before = clean.listing()
    looked = clean.rollback(procedure="readiness")
    assert (looked.status, looked.record["verdict"]) == (0, "ready")
    assert rows(looked)["build"]["found"] == "not tried: mode is plan"
    assert clean.listing() == before

    known, names = serving(clean), databases(clean)
    tried = clean.apply(procedure="readiness")
    assert (tried.status, tried.record["verdict"]) == (0, "ready"), tried.out
    found = rows(tried)
    assert {row["level"] for row in found.values()} == {"green"}
    assert "tables, 2,8" in found["restore of voice"]["found"]
    assert databases(clean) == names
    head = clean.head()
    images = sorted(clean.ssh("docker images --format '{{.Repository}}:{{.Tag}}' | grep rollback/").splitlines())
    assert images[0] == f"rollback/dyniq-voice/agents-api:{head}"  # the trial's own is removed again
    kept = [image.removeprefix("rollback/dyniq-voice/").partition(":")[0] for image in images]
    assert kept == ["agents-api", "caddy", "ruben-api"]  # those of the whole release
    assert sorted(set(serving(clean).splitlines()) ^ set(known.splitlines())) == []

    # What was kept is what the next rollback goes back to.
    clean.host.break_("code")
    done = clean.apply()
    assert (done.status, done.record["target"]) == (0, head)
    points = next(event for event in done.events if event["event"] == "checklist")["points"]
    assert next(point for point in points if point["name"] == "target")["answered"]
    clean.host.break_("env")
    assert clean.rollback(procedure="env").record["target"].startswith("healthy-")
    diagnosed = clean.rollback(procedure="triage").record["found"]["fits"]
    assert diagnosed == ["env"]


@pytest.mark.whole
def test_the_stock_survives_a_clean_up_and_a_registry_that_is_away(clean: Machine) -> None:
    """After a bad deploy and somebody's prune, the image that was healthy is still there, and nothing has to be built or pulled."""
    clean.ssh("mkdir -p /etc/cron.d; echo '0 3 * * * root docker image prune -af' >/etc/cron.d/prune; "
              "echo '0 4 * * 0 root docker system prune -af' >/etc/cron.d/sweep; docker image prune -af")  # fmt: skip
    good = clean.container()["Image"]
    looked = rows(clean.rollback(procedure="readiness"))
    assert looked["images kept"]["found"] == "none is kept yet"
    assert looked["registry of agents-api"]["level"] == "green"
    assert clean.apply(procedure="readiness").status == 0
    held = clean.ssh("docker ps -a --filter label=rollback.holds --format '{{.Names}} {{.State}}'").splitlines()
    assert sorted(one.split()[0].rpartition("-")[0] for one in held) == [
        f"rollback-dyniq-voice-{name}" for name in ("agents-api", "caddy", "ruben-api")
    ]
    assert {one.split()[1] for one in held} == {"created"}
    assert clean.ssh("docker volume ls -q --filter dangling=true") == ""
    found = rows(clean.rollback(procedure="readiness"))
    assert found["images kept"]["level"] == found["clean-up by /etc/cron.d/prune"]["level"] == "green"
    assert "rollback/dyniq-voice/agents-api" in found["clean-up by /etc/cron.d/sweep"]["found"]

    clean.host.break_("code")
    clean.ssh(
        "cd /opt/dyniq-voice/docker; docker compose up -d --remove-orphans 2>&1; docker image prune -af; docker stop registry-registry-1"
    )
    done = clean.apply()
    assert (done.status, done.record["verdict"]) == (0, "succeeded"), done.out + done.err
    assert clean.container()["Image"] == good
    assert "compose build" not in (done.folder / "plan.sh").read_text()
    assert rows(clean.rollback(procedure="readiness"))["registry of agents-api"]["level"] == "amber"


def test_what_would_fail_is_red_and_the_rest_is_tried(clean: Machine) -> None:
    names = databases(clean)
    clean.ssh("""set -e
        newest=$(ls -t /backup/voice-*.sql | head -n 1)
        sed 's/^COPY public.calls .*/&\\nnot a row of calls/' "$newest" >/backup/voice-29991231.sql
        docker network disconnect n8n_default docker-caddy-1
        cd /opt/dyniq-voice; echo '# by hand' >>agents_api/server.py""")
    done = clean.apply(procedure="readiness")
    assert (done.status, done.record["verdict"]) == (7, "not-ready"), done.out
    found = rows(done)
    assert {name for name, row in found.items() if row["level"] == "red"} == {"code", "networks", "restore of voice"}
    assert "docker-caddy-1 is not on n8n_default" in found["networks"]["found"]
    assert "has uncommitted changes" in found["code"]["found"]
    assert found["restore of n8n"]["level"] == "green"
    assert databases(clean) == names
    assert "Next: red, networks: docker-caddy-1 is not on n8n_default" in done.out

    clean.ssh("rm /backup/voice-*; docker stop docker-ruben-api-1 >/dev/null")
    looked = clean.rollback(procedure="readiness")
    assert looked.status == 7
    found = rows(looked)
    assert "there is no backup" in found["database voice"]["found"]
    assert found["route ruben-api"]["level"] == "red"
    assert found["containers"]["found"] == "not running: docker-ruben-api-1"
    assert found["known good"]["level"] == "amber"

"""Readiness on the practice host: every row from what is really there, every trial for real, nothing left behind."""

from tests.machine import Done, Machine


def rows(done: Done) -> dict[str, dict]:
    return {row["name"]: row for row in done.record["found"]["rows"]}


def databases(machine: Machine) -> str:
    ask = """psql -U %s -d %s -Atc "SELECT datname FROM pg_database ORDER BY 1" """
    return machine.ssh(f"docker exec voice-postgres-1 {ask % ('dyniq', 'dyniq')}; docker exec n8n-postgres-1 {ask % ('n8n', 'n8n')}")


def serving(machine: Machine) -> str:
    """Everything that a trial must not change."""
    lines = machine.listing().splitlines()
    ours = ("/var/lib/rollback", "rollback/dyniq-voice", "/root/.docker")  # the last is of docker's own client
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

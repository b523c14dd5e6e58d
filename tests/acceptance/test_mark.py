"""`rollback mark` after a deploy on the practice host: what it enters is what the next rollback goes back to."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.machine import BIN, Done, Machine

STATE = "/var/lib/rollback/dyniq-voice"
API = "rollback/dyniq-voice/agents-api"
PROD = "cd /opt/dyniq-voice/docker && docker compose -f docker-compose.yml -f docker-compose.prod.yml"


def mark(machine: Machine, *words: str, stack: Path | None = None) -> Done:
    before = machine.folders()
    argv = [BIN / "rollback", "mark", "--stack", stack or machine.stack, *words]
    done = subprocess.run(argv, capture_output=True, text=True, env=machine.env(), timeout=100)
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    made = [folder for folder in machine.folders() if folder not in before]
    return Done(done.returncode, done.stdout, done.stderr, made[0] if made else None)


def deployed(machine: Machine, words: str) -> str:
    """A harmless change, deployed as the team deploys; its commit."""
    return machine.commit(words, f"echo '# {words}' >>agents_api/server.py", deploy=True)


def broken_by(machine: Machine, words: str) -> None:
    machine.commit(words, "sed -i '1i raise SystemExit(1)' agents_api/server.py", deploy=True)


def ledger(machine: Machine) -> list[dict]:
    return [json.loads(line) for line in machine.ssh(f"grep '\"service\": ' {STATE}/releases.jsonl || :").splitlines()]


def kept(machine: Machine) -> list[str]:
    """Our names of the images of agents-api, and our copies of the env file and the Caddyfile."""
    tags = machine.ssh(f"docker image ls --format '{{{{.Repository}}}}:{{{{.Tag}}}}' {API} | sort").splitlines()
    return [*tags, *machine.ssh(f"find {STATE}/kept/env {STATE}/kept/caddyfile -type f 2>/dev/null | sort").splitlines()]


def serving(machine: Machine) -> list[str]:
    """What a mark must leave alone."""
    ours = ("/var/lib/rollback", "rollback/dyniq-voice", "/root/.docker")  # the last is of docker's own client
    return [line for line in machine.listing().splitlines() if not any(word in line for word in ours)]


def target(machine: Machine, procedure: str = "code") -> tuple[str, str]:
    """What a rollback would go back to, and why."""
    looked = machine.rollback(procedure=procedure)
    event = next((event for event in looked.events if event["event"] == "target"), None)
    assert event, looked.out + looked.err
    return event["chosen"], event["why"]


def verified(machine: Machine) -> bool:
    argv = [BIN / "rollback", "incidents", "verify", "--json"]
    done = subprocess.run(argv, env=machine.env(), capture_output=True, text=True)
    found = json.loads(done.stdout)
    return done.returncode == 0 and found["open"] == 0 and found["findings"] == []


def test_what_was_marked_is_what_rollbacks_go_back_to(clean: Machine) -> None:
    good = deployed(clean, "a good release")
    image, before = clean.container()["Image"], serving(clean)
    done = mark(clean)
    assert (done.status, done.record["verdict"]) == (0, "marked"), done.out + done.err
    assert f"agents-api {good[:7]} is known good on contabo" in done.out
    assert (len(done.out.splitlines()), done.err) == (2, "")
    assert serving(clean) == before
    (line,) = ledger(clean)
    assert (line["service"], line["commit"], line["image"], line["healthy"]) == ("agents-api", good, image, True)
    assert line["compose"]["files"] == ["/opt/dyniq-voice/docker/docker-compose.yml"]
    incident = done.record["incident"]
    assert kept(clean) == [f"{API}:{good}", f"{STATE}/kept/caddyfile/healthy-{incident}", f"{STATE}/kept/env/healthy-{incident}"]
    assert clean.ssh(f"cmp /opt/dyniq-voice/.env {STATE}/kept/env/healthy-{incident}") == ""
    whole = json.loads(clean.ssh(f"grep '\"containers\":' {STATE}/releases.jsonl"))
    assert (whole["incident"], whole["commit"], whole["changed"], whole["by"]["procedure"]) == (incident, good, False, "mark")
    assert {one["service"] for one in whole["containers"]} == {"agents-api", "ruben-api", "caddy"}
    networks = {one["service"]: set(filter(None, one["networks"])) for one in whole["containers"]}
    assert networks["caddy"] == {"docker_default", "n8n_default", "nocodb_default", "langfuse_default"}
    for file in whole["files"]:
        assert clean.ssh(f"cmp {file['path']} {file['kept']}; sha256sum <{file['kept']}").split()[0] == file["hash"]
    assert {file["path"].rpartition("/")[2] for file in whole["files"]} == {".env", "Caddyfile", "docker-compose.yml"}
    assert all(clean.ssh(f"docker image inspect {one['image']} >/dev/null && echo there") for one in whole["containers"])
    assert {one["name"]: len(one["schema"]) for one in whole["databases"]} == {"voice": 16, "n8n": 16}
    backups = {one["name"]: one["backup"] for one in whole["databases"]}  # in the order in which the servers answered
    assert backups["voice"] == f"/backup/voice-{clean.backup_day()}.sql"
    assert whole["files"][0]["hash"] not in done.everything()
    assert verified(clean)
    assert not clean.ssh(f"ls {STATE}/lock | grep holder || :")

    # Once more: a line with the new time, and nothing else.
    names = kept(clean)
    again = mark(clean, "--json")
    said = json.loads(again.out)
    assert (again.status, said["verdict"], said["status"], said["files"], said["left_out"]) == (0, "marked", 0, [], [])
    assert said["reason"].endswith("as before")
    assert said["releases"] == [{"service": "agents-api", "commit": good, "image": image, "kept": f"{API}:{good}"}]
    assert kept(clean) == names
    assert [one["commit"] for one in ledger(clean)] == [good, good]

    # Whatever is cleaned up, its image is there as long as it runs, and after the next deploy as long as names keep images.
    for clean_up in ("docker image prune --all --force", ":", "docker image prune --force"):
        clean.ssh(clean_up)
        assert clean.ssh(f"docker image inspect --format '{{{{.Id}}}}' {API}:{good}") == image
        if clean_up == ":":
            broken_by(clean, "a bad release")
    chosen, why = target(clean)
    assert chosen == good
    assert why.startswith("the newest release that was healthy here")
    back = clean.apply()
    assert (back.status, clean.container()["Image"], clean.head()) == (0, image, good), back.out
    assert "is kept on the host" in (back.folder / "plan.sh").read_text()

    # The env file, too.
    clean.host.break_("env")
    assert target(clean, "env")[0] == f"healthy-{incident}"


@pytest.mark.whole
def test_a_release_of_a_registry_is_what_the_image_rollback_goes_back_to(clean: Machine) -> None:
    clean.ssh(f"{PROD} pull -q agents-api >/dev/null 2>&1; {PROD.partition('&& ')[2]} up -d agents-api >/dev/null 2>&1")
    image = clean.container()["Image"]
    done = mark(clean)
    assert done.status == 0, done.out + done.err
    (line,) = ledger(clean)
    assert line["image"] == image
    assert len(line["compose"]["files"]) == 2
    clean.host.break_("image")
    clean.ssh("docker image prune -f")
    looked = clean.rollback(procedure="image")
    event = next(event for event in looked.events if event["event"] == "target")
    assert event["why"].startswith("the newest release that was healthy here")
    back = clean.apply(procedure="image")
    assert (back.status, clean.container()["Image"], clean.health()[0]) == (0, image, 200), back.out


def test_an_unhealthy_stack_is_not_entered(broken: Machine) -> None:
    before = serving(broken)
    stack = broken.edited_stack(lambda content: content["health"].update(deadline=2.5))
    done = mark(broken, stack=stack)
    assert (done.status, done.record["verdict"]) == (7, "not-ready")
    assert "contabo is not healthy, so nothing was entered: route agents-api did not pass 3 probes in a row in 2.5 s (500" in done.out
    assert "ruben-api" not in done.out
    assert "● Not healthy yet: agents-api; waiting" in done.err
    assert "Next: See what is wrong: `rollback run triage" in done.out
    assert (ledger(broken), kept(broken), serving(broken)) == ([], [], before)
    assert verified(broken)


def test_a_stack_that_somebody_changes_is_not_entered(broken: Machine) -> None:
    with broken.stopped_in("code", "recreate", 1, "-p", "reason=first"):
        for words in ((), ("--bad",)):
            done = mark(broken, *words)
            assert (done.status, done.record["verdict"]) == (3, "refused"), done.out
            assert "contabo is held by" in done.out
            assert "for a rollback of code (first)" in done.out
            assert ledger(broken) == []


@pytest.mark.whole
def test_a_bad_release_is_proposed_no_more_and_named(clean: Machine) -> None:
    first = deployed(clean, "the first release")
    assert mark(clean).status == 0
    second = clean.commit("the second release", "echo '# 2' >>agents_api/server.py", deploy=True)
    clean.ssh("cd /opt/dyniq-voice && echo NEW=1 >>.env && cd docker && docker compose up -d --force-recreate agents-api >/dev/null 2>&1")
    assert mark(clean).status == 0
    names = kept(clean)
    done = mark(clean, "--bad")
    assert (done.status, done.record["verdict"]) == (0, "marked"), done.out + done.err
    assert f"agents-api {second[:7]} is entered as bad on contabo" in done.out
    assert sorted(set(kept(clean)) - set(names)) == [f"{STATE}/kept/env/bad-{done.record['incident']}"]  # the Caddyfile came before
    rows = {row["name"]: row for row in clean.rollback(procedure="triage").record["found"]["rows"]}
    assert f"runs {second[:7]}, which was found bad here" in rows["release"]["found"]
    assert target(clean)[0] == first

    # Also where it is no longer what runs.
    broken_by(clean, "a third release")
    assert target(clean)[0] == first
    clean.ssh("cp /opt/dyniq-voice/.env /opt/dyniq-voice/.env.second; sed -i s/^NEW=1/OTHER=1/ /opt/dyniq-voice/.env")
    assert target(clean, "env")[0].startswith("healthy-")
    kept_env = json.loads(clean.ssh(f"sed -n '1p' {STATE}/releases.jsonl"))["incident"]
    assert target(clean, "env")[0] == f"healthy-{kept_env}"
    by_name = mark(clean, "--bad", first[:9])
    assert by_name.status == 0, by_name.out
    assert target(clean)[0] not in (first, second)
    assert verified(clean)


def test_what_is_wrong_is_said_before_anything_is_entered(clean: Machine) -> None:
    clean.ssh("echo '# by hand' >>/opt/dyniq-voice/agents_api/server.py")
    done = mark(clean)
    assert (done.status, done.record["verdict"]) == (3, "refused")
    assert "/opt/dyniq-voice has uncommitted changes (agents_api/server.py), so its image is of no commit" in done.out
    unknown = mark(clean, "--bad", "0123456")
    assert (unknown.status, unknown.record["verdict"]) == (3, "refused")
    assert ledger(clean) == []
    logins = clean.logins()
    for words in (("--bad", "$(reboot)"), ("--stack", "nobody")):
        refused = mark(clean, *words)
        assert (refused.status, refused.folder) == (2, None)
    assert clean.logins() == logins

"""The Caddyfile rollback on the practice host: what Caddy runs with, and what users meet meanwhile."""

import json

import pytest

from lab.traffic import Traffic
from rollback_lib.stack.model import Stack
from tests.machine import Machine
from tests.marks import whole

FILE = "/opt/dyniq-voice/docker/Caddyfile"
CADDY = "docker-caddy-1"
# Of 200 connections a second, Caddy 2.6 fails 3 in 30 reloads, while its certificates are loaded anew (caddyserver/caddy#5589);
# a restart would fail some hundred.
HANDSHAKES = 3


def live(machine: Machine) -> str:
    """Caddy's live configuration, from its own admin API."""
    return machine.ssh(f"docker exec {CADDY} wget -qO- http://127.0.0.1:2019/config/")


def started(machine: Machine) -> str:
    return machine.ssh(f"docker inspect {CADDY} --format '{{{{.State.StartedAt}}}} {{{{.Id}}}}'")


def seen(machine: Machine) -> str:
    return machine.ssh(f"docker exec {CADDY} cat /etc/caddy/Caddyfile")


def run(machine: Machine, *words: str, **options: object) -> object:
    return machine.apply(*words, procedure="caddyfile", **options)


@pytest.fixture
def misrouted(clean: Machine) -> Machine:
    """The practice host with a bad Caddyfile deployed; agents-api's route answers 502."""
    clean.host.break_("caddyfile")
    assert clean.health()[0] == 502
    return clean


@pytest.mark.quiet
def test_from_broken_to_healthy_and_back_without_an_outage(misrouted: Machine) -> None:
    good = misrouted.ssh(f"git -C /opt/dyniq-voice show HEAD~2:docker/Caddyfile; ls -i {FILE} | cut -d' ' -f1")
    inode = good.splitlines()[-1]
    good = good.removesuffix(f"\n{inode}")
    bad, before = misrouted.ssh(f"cat {FILE}"), started(misrouted)
    stack = Stack.load(misrouted.stack)
    untouched = stack.model_copy(update={"routes": [route for route in stack.routes if route.name == "ruben-api"]})

    with Traffic(untouched, 200) as traffic:
        done = run(misrouted)

    assert (done.status, done.record["verdict"]) == (0, "succeeded"), done.out + done.err
    assert (traffic.answered, traffic.failed <= HANDSHAKES, traffic.sent > 100) == ({}, True, True), traffic.routes
    # Trap: the commit before the last does not have another Caddyfile; the last different one is two commits back.
    assert misrouted.ssh(f"cat {FILE}") == seen(misrouted) == good != bad
    assert misrouted.ssh(f"ls -i {FILE} | cut -d' ' -f1") == inode  # written in place: the mount still holds it
    assert "agents-api:8000" in live(misrouted)
    assert "agents-api:9000" not in live(misrouted)
    assert started(misrouted) == before
    assert [misrouted.health(name)[0] for name in ("agents-api", "ruben-api")] == [200, 200]
    assert {effect["name"] for effect in done.record["effects"]} >= {"Caddy's live configuration", "file in the container"}
    assert {cell["metadata"]["papermill"]["status"] for cell in json.loads((done.folder / "notebook.ipynb").read_text())["cells"]} == {
        "completed"
    }

    # The way back, by hand, from the record alone; and forward again to what is known to be good by now.
    misrouted.ssh((done.folder / "undo.sh").read_text())
    assert (misrouted.ssh(f"cat {FILE}"), misrouted.health()[0]) == (bad, 502)
    again = run(misrouted)
    assert (again.status, misrouted.health()[0]) == (0, 200)
    assert next(event for event in again.events if event["event"] == "target")["why"] == "the newest version that was healthy here"


def test_plan_mode_changes_nothing(misrouted: Machine) -> None:
    before, config = misrouted.listing(), live(misrouted)
    done = misrouted.rollback(procedure="caddyfile")
    assert (done.status, done.record["verdict"]) == (0, "planned")
    assert (misrouted.listing(), live(misrouted)) == (before, config)
    assert "caddy reload --config - --adapter caddyfile" in (done.folder / "plan.sh").read_text()
    assert "-\treverse_proxy agents-api:9000" in (done.folder / "plan.diff").read_text()


@pytest.mark.parametrize("writable", [True, *whole(False)])
def test_a_file_that_git_replaced_is_put_right_in_the_container_too(clean: Machine, writable: bool) -> None:
    """Deployed by a pull without a restart: the container goes on with the old file, and a reload would say `unchanged`."""
    if writable:
        # The practice host's disk is an overlay: a file of its lower layer cannot be written once it has lost its name.
        clean.ssh(f"echo >>{FILE}; docker restart {CADDY}; git -C /opt/dyniq-voice checkout -q docker/Caddyfile")
    clean.host.exec("git -C /srv/git/dyniq-voice.git update-ref refs/heads/main refs/lab/caddyfile; git -C /opt/dyniq-voice pull -q")
    before = started(clean)
    assert seen(clean) != clean.ssh(f"cat {FILE}")

    # What is loaded is the good version; the file on the host is not, and the next restart would load that.
    done = run(clean)
    assert done.status == 0, done.out + done.err
    assert clean.ssh(f"cat {FILE}") == seen(clean) == clean.ssh("git -C /opt/dyniq-voice show HEAD~2:docker/Caddyfile")
    assert (started(clean) == before) is writable
    assert ("only a restart mounts the new one" in (done.folder / "notebook.html").read_text()) is not writable
    clean.ssh(f"docker restart {CADDY}")
    assert "agents-api:8000" in live_soon(clean)


def live_soon(machine: Machine) -> str:
    return machine.ssh(f"""for n in $(seq 300); do
        docker exec {CADDY} wget -qO- http://127.0.0.1:2019/config/ 2>/dev/null && break; sleep 0.1; done""")


def refused(machine: Machine, said: str, *words: str) -> None:
    before, config = machine.listing(), live(machine)
    done = run(machine, *words)
    assert (done.status, done.record["verdict"]) == (3, "refused"), done.out
    assert said in done.record["reason"]
    assert (machine.listing(), live(machine)) == (before, config)


def test_versions_that_cannot_be_loaded_are_refused(misrouted: Machine) -> None:
    misrouted.ssh("""cd /opt/dyniq-voice; commit() { git add -A; git commit -qm "$1"; git tag "$1"; }
        printf 'agents-api.dyniq.ai {\\n reverse_proxi agents-api:8000\\n}\\n' >docker/Caddyfile; commit invalid
        git rm -q docker/Caddyfile; commit missing
        mkdir docker/Caddyfile; echo x >docker/Caddyfile/x; commit folder; git reset -q --hard HEAD~3""")
    refused(misrouted, "Caddy does not accept the version", "-p", "target=invalid")
    refused(misrouted, "has a file docker/Caddyfile", "-p", "target=missing")
    refused(misrouted, "has a file docker/Caddyfile", "-p", "target=folder")
    refused(misrouted, "'feedface' is no commit", "-p", "target=feedface")


def test_a_file_that_is_missing_or_a_directory_is_refused(misrouted: Machine) -> None:
    misrouted.ssh(f"mv {FILE} /root/Caddyfile")
    refused(misrouted, "is missing on the host; put one there first")
    misrouted.ssh(f"mkdir {FILE}")
    refused(misrouted, "is a directory, not a file")


def test_a_caddy_that_its_file_keeps_from_starting_is_restarted(clean: Machine) -> None:
    """An invalid Caddyfile and a restart, as the page does it: nothing is left to reload."""
    clean.ssh(f"echo 'agents-api.dyniq.ai {{' >>{FILE}; docker restart {CADDY}")
    assert clean.health()[0] == 0

    done = run(clean)

    assert done.status == 0, done.out + done.err
    assert [clean.health(name)[0] for name in ("agents-api", "ruben-api")] == [200, 200]
    plan = (done.folder / "plan.sh").read_text()
    assert f"docker restart {CADDY}" in plan
    assert "A restart, because Caddy is not running" in (done.folder / "notebook.html").read_text()


def test_a_caddy_without_an_admin_api_is_restarted_and_the_plan_says_why(clean: Machine) -> None:
    clean.ssh(f"sed -i 's/local_certs/local_certs\\n\\tadmin off/; s/agents-api:8000/agents-api:9000/' {FILE}; docker restart {CADDY}")
    done = run(clean)
    assert done.status == 0, done.out + done.err
    assert "admin API does not answer" in (done.folder / "notebook.html").read_text()
    assert "agents-api:8000" in live(clean)
    assert clean.health()[0] == 200


@pytest.mark.whole
@pytest.mark.parametrize("policy", ["undo", "stop"])
def test_a_version_with_which_a_route_fails(misrouted: Machine, policy: str) -> None:
    """Healthy means every route: a version from before ruben-api had one is loaded, and not good enough."""
    first = misrouted.ssh("git -C /opt/dyniq-voice log --format=%h --reverse -- docker/Caddyfile | head -n 1")
    bad, config = misrouted.ssh(f"cat {FILE}"), live(misrouted)
    quick = misrouted.edited_stack(lambda stack: stack["health"].update(deadline=2.0))
    done = run(misrouted, "-p", f"target={first}", "--on-failure", policy, stack=quick)
    if policy == "stop":
        assert (done.status, done.record["verdict"]) == (5, "failed-partly")
        assert "ruben-api did not pass" in done.record["reason"]
        misrouted.ssh((done.folder / "undo.sh").read_text())
    else:
        assert (done.status, done.record["verdict"]) == (4, "failed-restored"), done.out
    assert (misrouted.ssh(f"cat {FILE}"), live(misrouted)) == (bad, config)


def test_changes_in_no_commit_are_kept(clean: Machine) -> None:
    clean.ssh(f"echo '# by hand' >>{FILE}; sed -i 's/agents-api:8000/agents-api:9000/' {FILE}")
    by_hand = clean.ssh(f"cat {FILE}")
    clean.ssh(f"docker exec {CADDY} caddy reload --config /etc/caddy/Caddyfile --adapter caddyfile")
    done = run(clean)
    assert (done.status, clean.health()[0]) == (0, 200)
    assert clean.ssh("git -C /opt/dyniq-voice status --porcelain") == ""
    clean.ssh((done.folder / "undo.sh").read_text())
    assert clean.ssh(f"cat {FILE}") == by_hand


def test_what_runs_is_nothing_to_do(clean: Machine) -> None:
    head = clean.ssh("git -C /opt/dyniq-voice log -1 --format=%h -- docker/Caddyfile")
    before = clean.listing()
    done = run(clean, "-p", f"target={head}")
    assert (done.status, done.record["verdict"]) == (0, "nothing-to-do"), done.out
    assert clean.listing() == before


@pytest.fixture
def full(clean: Machine) -> Machine:
    """The practice host with a Caddyfile of 6 KB that is a mount of its own, a single file on a disk that is filled to the last byte."""
    clean.ssh(f"""set -e; cd /opt/dyniq-voice
        base=$(git rev-parse HEAD)
        pad() {{
            {{ git show $base:docker/Caddyfile; yes '# a line of a comment' | head -n $1; }} >docker/Caddyfile; git commit -qam "$2"
        }}
        pad 2000 large; git tag large; pad 100 small; git tag small; pad 300 now
        mkdir /mnt/small; mount -t tmpfs -o size=64k tmpfs /mnt/small
        cp -p docker/Caddyfile /mnt/small/; mount --bind /mnt/small/Caddyfile {FILE}
        cd docker; docker compose up -d --force-recreate caddy >/dev/null 2>&1
        ! dd if=/dev/zero of=/mnt/small/rest bs=1k 2>/dev/null; ! dd if=/dev/zero of=/mnt/small/rest.2 bs=1 2>/dev/null""")
    assert live_soon(clean)
    return clean


@pytest.mark.parametrize("policy", ["undo", *whole("stop")])
def test_a_version_for_which_the_disk_has_no_room_leaves_the_file_to_the_byte(full: Machine, policy: str) -> None:
    look = f"sha256sum {FILE}; stat -c '%i %s %a %u %g' {FILE}; ls -A /opt/dyniq-voice/docker"
    before, config = full.ssh(look), live(full)
    done = run(full, "-p", "target=large", "--on-failure", policy)
    assert (done.status, done.record["verdict"]) == (4, "failed-restored"), done.out + done.err
    assert f"dd: error writing '{FILE}': No space left on device" in done.record["reason"]
    assert (full.ssh(look), seen(full), live(full)) == (before, full.ssh(f"cat {FILE}"), config)
    assert [full.health(name)[0] for name in ("agents-api", "ruben-api")] == [200, 200]


@pytest.mark.whole
def test_what_needs_no_more_room_is_put_in_place_on_a_full_disk_and_back_once_there_is_room(full: Machine) -> None:
    look = f"sha256sum {FILE}; stat -c '%i %a %u %g' {FILE}"
    before = full.ssh(look)
    done = run(full, "-p", "target=small")
    assert done.status == 0, done.out + done.err
    assert full.ssh(f"cat {FILE}") == seen(full) == full.ssh("git -C /opt/dyniq-voice show small:docker/Caddyfile")
    # What it gave back is somebody else's by now.
    full.ssh("! dd if=/dev/zero of=/mnt/small/rest.3 bs=1 2>/dev/null")
    small = full.ssh(look)
    undone = full.undo(done.folder)
    assert (undone.status, undone.record["verdict"]) == (4, "failed-restored"), undone.out + undone.err
    assert "No space left on device" in undone.record["reason"]
    assert full.ssh(look) == small
    full.ssh("rm /mnt/small/rest.3")
    undone = full.undo(done.folder)
    assert undone.status == 0, undone.out + undone.err
    assert full.ssh(look) == before

"""The env rollback on the practice host: what the containers hold, and that no value shows up anywhere."""

import json
import re
import secrets
import threading

import pytest

from tests.machine import Machine
from tests.marks import whole

FILE = "/opt/dyniq-voice/.env"
DOCKER = "/opt/dyniq-voice/docker"


def run(machine: Machine, *words: str, **options: object) -> object:
    return machine.apply(*words, procedure="env", **options)


def environment(machine: Machine, name: str = "docker-agents-api-1") -> dict[str, str]:
    return dict(line.split("=", 1) for line in json.loads(machine.ssh(f"docker inspect {name}"))[0]["Config"]["Env"])


def content(machine: Machine) -> bytes:
    """The exact content of the env file."""
    return bytes.fromhex(machine.ssh(f"od -An -v -tx1 {FILE} | tr -d ' \\n'"))


def write(machine: Machine, text: bytes, path: str = FILE) -> None:
    """Write exactly this content into the existing file."""
    machine.ssh("printf '" + "".join(f"\\{byte:03o}" for byte in text) + f"' >{path}")


def recreate(machine: Machine) -> None:
    machine.ssh(f"cd {DOCKER} && docker compose up -d --force-recreate agents-api >/dev/null 2>&1")


def others(machine: Machine) -> str:
    return machine.ssh("docker ps --no-trunc --format '{{.ID}} {{.Names}}' | grep -v agents-api | sort")


@pytest.fixture
def mistyped(clean: Machine) -> Machine:
    """The practice host with a bad .env, and a copy of the good one beside it; every health check answers 500."""
    clean.host.break_("env")
    assert clean.health()[0] == 500
    return clean


def test_from_broken_to_healthy_and_back_again(mistyped: Machine) -> None:
    mistyped.ssh(f"chown 1000:1001 {FILE}; chmod 640 {FILE}; cp {FILE}.bak {FILE}.good")
    bad, good, before, rest = content(mistyped), mistyped.ssh(f"cat {FILE}.bak"), mistyped.container(), others(mistyped)

    done = run(mistyped)

    assert (done.status, done.record["verdict"]) == (0, "succeeded"), done.out + done.err
    assert content(mistyped).decode().rstrip("\n") == good
    assert mistyped.ssh(f"stat -c '%a %u %g' {FILE}") == "640 1000 1001"
    assert mistyped.container()["Id"] != before["Id"]
    assert others(mistyped) == rest
    assert environment(mistyped)["MODEL"] == "sonnet"
    assert "STREAM_URL" not in environment(mistyped)
    assert mistyped.health()[0] == 200
    assert mistyped.ssh("ls -A /opt/dyniq-voice") == mistyped.ssh("ls -A /opt/dyniq-voice | grep -v part")

    # The way back, by hand, from the record alone.
    mistyped.ssh((done.folder / "undo.sh").read_text())
    assert (content(mistyped), mistyped.ssh(f"stat -c '%a %u %g' {FILE}")) == (bad, "640 1000 1001")
    assert (environment(mistyped)["MODEL"], mistyped.health()[0]) == ("opus", 500)

    # And forward again, to the version that is known to be good by now; the copies beside the file are gone.
    mistyped.ssh(f"rm {FILE}.bak {FILE}.good")
    again = run(mistyped)
    assert (again.status, mistyped.health()[0]) == (0, 200), again.out
    assert next(event for event in again.events if event["event"] == "target")["why"] == "the newest version that was healthy here"


def test_plan_mode_changes_nothing(mistyped: Machine) -> None:
    before = mistyped.listing()
    done = mistyped.rollback(procedure="env")
    assert (done.status, done.record["verdict"]) == (0, "planned")
    assert mistyped.listing() == before
    diff = (done.folder / "plan.diff").read_text()
    assert re.search(r"^~ DATABASE_URL: \d+ bytes, #\w{8} → \d+ bytes, #\w{8}$", diff, re.MULTILINE)
    assert re.search(r"^- STREAM_URL: \d+ bytes, #\w{8} → not set$", diff, re.MULTILINE)


def test_plan_script_does_what_the_notebook_does_unless_the_file_changed(mistyped: Machine) -> None:
    plan = (mistyped.rollback(procedure="env").folder / "plan.sh").read_text()
    changed = content(mistyped) + b"# and one more\n"
    write(mistyped, changed)
    assert "has changed since it was read" in mistyped.ssh(f"{{ {plan}\n}} 2>&1", check=False)
    assert content(mistyped) == changed
    plan = (mistyped.rollback(procedure="env").folder / "plan.sh").read_text()
    mistyped.ssh(plan)
    assert environment(mistyped)["MODEL"] == "sonnet"
    assert mistyped.health()[0] == 200


# Comments, order, quoting, blanks, a value over lines, carriage returns, no newline at the end: all of it has to stay.
ODD = b"""# top
export FIRST=1
  MODEL = opus   # inline
EMPTY=
QUOTED='single $MODEL "x"'
MULTI="one
two # not a comment
three"
COLON: yaml

WINDOWS=yes\r
MODEL=haiku
TAB=\ta
LAST="no newline at the end\""""


def test_single_variables_change_and_every_other_byte_stays(clean: Machine) -> None:
    ours = content(clean)
    write(clean, ours + ODD)
    clean.ssh(f"printf 'MODEL=sonnet # the old one\\nFIRST=0\\n' >{FILE}.old")
    clean.ssh("umask 077; printf 'it'\\''s $a \"b\" \\\\ c' >/root/value")
    recreate(clean)

    done = run(
        clean, "-p", "target=.env.old", "-p", "keys=MODEL", "-p", "assign=NEW=env:MY_VALUE,EMPTY=file:/root/value", "-p", "remove=COLON",
        env={"MY_VALUE": "p@$$ w'rd\n2nd line"},
    )  # fmt: skip

    assert (done.status, clean.health()[0]) == (0, 200), done.out + done.err
    new = content(clean)
    expected = (ours + ODD).replace(b"MODEL=haiku\n", b"MODEL=sonnet # the old one\n").replace(b"COLON: yaml\n", b"")
    expected = expected.replace(b"EMPTY=\n", b'EMPTY="it\'s \\$a \\"b\\" \\\\ c"\n') + b'\nNEW="p@\\$\\$ w\'rd\n2nd line"\n'
    assert new == expected
    held = environment(clean)
    assert (held["MODEL"], held["EMPTY"], held["FIRST"]) == ("sonnet", 'it\'s $a "b" \\ c', "1")
    assert held["MULTI"] == "one\ntwo # not a comment\nthree"
    assert "COLON" not in held
    assert "2nd line" in clean.ssh("docker inspect docker-agents-api-1")
    assert "MY_VALUE" in done.everything()  # the reference is in the record, the value is not
    assert not any(word in done.everything() for word in ("2nd line", "p@$$", "it's $a", "sonnet"))
    assert clean.ssh("find /var/lib/rollback /dev/shm -name '*value*'") == ""


def test_a_change_of_meaning_that_nobody_asked_for_is_shown(clean: Machine) -> None:
    write(clean, content(clean) + b"REGION=eu\nBUCKET=calls-${REGION}-1\n")
    clean.ssh(f"printf 'REGION=us-west-9\\n' >{FILE}.us")
    recreate(clean)
    done = clean.rollback("-p", "target=.env.us", "-p", "keys=REGION", procedure="env")
    assert done.status == 0, done.out
    assert re.search(r"^~ BUCKET: .* \(not asked for\)$", (done.folder / "plan.diff").read_text(), re.MULTILINE)
    assert "Compose would also understand BUCKET differently" in (done.folder / "notebook.html").read_text()


def refused(machine: Machine, said: str, *words: str, **options: object) -> object:
    before = machine.listing()
    done = run(machine, *words, **options)
    assert (done.status, done.record["verdict"]) == (3, "refused"), done.out
    assert said in done.record["reason"]
    assert machine.listing() == before
    return done


def test_a_version_that_compose_cannot_read_is_refused_without_a_word_of_it(clean: Machine) -> None:
    secret = f"hush-{secrets.token_hex(8)}"
    clean.ssh(f"""cp -p {FILE} {FILE}.open; printf 'TOKEN="{secret}\\n' >>{FILE}.open; cp -p {FILE} {FILE}.odd
        printf 'A KEY={secret}\\n' >>{FILE}.odd""")
    for version in (".env.open", ".env.odd"):
        done = refused(clean, "compose cannot read the file as it would be (line ", "-p", f"target={version}")
        assert secret not in done.everything()
    refused(clean, "no version '.env.none' of", "-p", "target=.env.none")


def test_a_file_that_compose_cannot_read_now_is_mended(clean: Machine) -> None:
    clean.ssh(f"cp -p {FILE} {FILE}.bak; printf 'BAD KEY=1\\n' >>{FILE}")
    assert clean.ssh(f"cd {DOCKER} && docker compose up -d 2>&1", check=False) != ""
    done = run(clean)
    assert (done.status, clean.health()[0]) == (0, 200), done.out
    assert "cannot read it: line 7" in (done.folder / "notebook.html").read_text()
    assert content(clean) == bytes.fromhex(clean.ssh(f"od -An -v -tx1 {FILE}.bak | tr -d ' \\n'"))


def test_without_any_kept_version_it_is_refused(clean: Machine) -> None:
    refused(clean, f"no other version of {FILE} is kept")


def test_a_missing_file_is_restored(clean: Machine) -> None:
    good = content(clean)
    clean.ssh(f"mv {FILE} {FILE}.bak")
    done = run(clean)
    assert done.status == 0, done.out + done.err
    assert (content(clean), clean.ssh(f"stat -c %a {FILE}")) == (good, "600")


def test_a_container_that_holds_something_else_than_the_file_is_made_anew(clean: Machine) -> None:
    """Trap: the file was mended and the container restarted, which keeps the old environment."""
    clean.ssh(f"cp -p {FILE} {FILE}.good; sed -i s/sonnet/opus/ {FILE}")
    recreate(clean)
    clean.ssh(f"cat {FILE}.good >{FILE}; cd {DOCKER}; docker compose restart -t 1 agents-api >/dev/null 2>&1")
    assert environment(clean)["MODEL"] == "opus"
    good, rest = content(clean), others(clean)
    done = run(clean, "-p", "target=.env.good")
    assert done.status == 0, done.out
    assert "holds something else than the file says" in (done.folder / "notebook.html").read_text()
    assert (environment(clean)["MODEL"], content(clean), others(clean)) == ("sonnet", good, rest)
    again = run(clean, "-p", "target=.env.good")
    assert again.record["verdict"] == "nothing-to-do"


@pytest.mark.whole
def test_an_image_without_a_shell(mistyped: Machine) -> None:
    """The container's environment is compared all the same; nothing is run in it."""
    mistyped.ssh("""cd /opt/dyniq-voice
        printf 'RUN rm -f /bin/bash /bin/busybox /usr/bin/env /bin/dash /bin/sh\\n' >>agents_api/Dockerfile
        cd docker; docker compose build -q agents-api >/dev/null 2>&1; docker compose up -d agents-api >/dev/null 2>&1""")
    assert "executable file not found" in mistyped.ssh("docker exec docker-agents-api-1 sh -c true 2>&1", check=False)
    done = run(mistyped)
    assert (done.status, environment(mistyped)["MODEL"], mistyped.health()[0]) == (0, "sonnet", 200), done.out


@pytest.mark.parametrize("policy", ["undo", *whole("stop")])
def test_a_version_with_which_the_service_is_unhealthy(clean: Machine, policy: str) -> None:
    clean.ssh(f"sed s/@voice-postgres-1/@nowhere.invalid/ {FILE} >{FILE}.bad")
    good = content(clean)
    quick = clean.edited_stack(lambda stack: stack["health"].update(deadline=2.0))
    done = run(clean, "-p", "target=.env.bad", "--on-failure", policy, stack=quick)
    if policy == "undo":
        assert (done.status, done.record["verdict"]) == (4, "failed-restored"), done.out
    else:
        assert (done.status, done.record["verdict"]) == (5, "failed-partly")
        clean.ssh((done.folder / "undo.sh").read_text())
    assert content(clean) == good
    assert "nowhere.invalid" not in environment(clean)["DATABASE_URL"]


def test_the_file_that_compose_fills_in_from(clean: Machine) -> None:
    """The `.env` beside the compose files: services that a change defines anew are made anew, and no others."""
    clean.ssh(f"""cd {DOCKER}; cp -p .env .env.good; cp -p docker-compose.yml /root/; docker tag $(docker inspect -f '{{{{.Image}}}}' \
        docker-agents-api-1) localhost:5000/dyniq/agents-api:good; echo AGENTS_API_TAG=good >>.env.good; cp .env.good .env
        docker compose -f docker-compose.yml -f docker-compose.prod.yml up -d agents-api >/dev/null 2>&1
        docker tag $(docker inspect -f '{{{{.Image}}}}' n8n-n8n-1) localhost:5000/dyniq/agents-api:other
        sed -i s/TAG=good/TAG=other/ .env""")
    rest = others(clean)
    done = run(clean, stack=clean.edited_stack(lambda stack: stack["env"].update(file=f"{DOCKER}/.env")))
    assert done.status == 0, done.out + done.err
    assert clean.container()["Config"]["Image"] == "localhost:5000/dyniq/agents-api:good"
    assert others(clean) == rest


def test_a_service_of_a_profile_reads_it_too(mistyped: Machine) -> None:
    """Compose leaves out services of profiles that are not active, unless it is asked for all."""
    worker = 'worker: {image: docker-agents-api, profiles: [jobs], env_file: ../.env, command: [sleep, "1000"], stop_signal: SIGKILL}'
    mistyped.ssh(f"""cd {DOCKER}; sed -i '/^services:/a\\  {worker}' docker-compose.yml
        docker compose --profile jobs up -d worker >/dev/null 2>&1""")
    assert environment(mistyped, "docker-worker-1")["MODEL"] == "opus"
    done = run(mistyped)
    assert done.status == 0, done.out
    assert environment(mistyped, "docker-worker-1")["MODEL"] == "sonnet"


PLANTED = {
    "PLAIN_PASSWORD": "correct-horse-9",
    "SHORT": "Zq9!",
    "PIN": "48151",
    "WORDS": '"three blind mice run"',
    "DOLLAR": "pa$sword$X9y8z7",
    "SINGLE": "'sh4rd#of$glass'",
    "URL": "postgresql://app:Tr0ub4dor@db.internal/x",
    "JSON": '\'{"client": "c-77", "token": "jt-5521-aa"}\'',
    "PEM": '"-----BEGIN EC KEY-----\nMHcCAQEEIOaSomeKeyMaterial00\nfinalLineOfTheKey==\n-----END EC KEY-----"',
    "UNICODE": "pässwörd-ключ",
    "BASE64": "c2VjcmV0LXZhbHVlLTEyMzQ1Njc4OTA=",
}
NEEDLES = [
    "correct-horse-9", "Zq9!", "48151", "three blind mice", "pa$sword", "X9y8z7", "sh4rd", "Tr0ub4dor", "c-77", "jt-5521-aa",
    "MHcCAQEEIOaSomeKeyMaterial00", "finalLineOfTheKey", "pässwörd", "ключ", "c2VjcmV0LXZhbHVl", "sent-by-input-4242",
]  # fmt: skip


def stands(needle: str, text: str) -> bool:
    """Whether the text contains the value. A value of digits only may be a part of an id or a time by chance, which does not count."""
    return bool(re.search(rf"(?<!\w){needle}(?!\w)", text)) if needle.isdigit() else needle in text


def test_no_value_reaches_anything_that_is_written_or_shown(clean: Machine) -> None:
    """Values of many shapes, in a run that plans, one that applies, one that fails and one that is refused, while the
    service itself prints all it holds and the list of processes is read over and over."""
    planted = "".join(f"{key}={value}\n" for key, value in PLANTED.items())
    write(clean, content(clean) + planted.encode() + b"#OLD_TOKEN=commented-out-7\n")
    clean.ssh(f"""cp -p {FILE} {FILE}.good; sed -i 's/^MODEL=.*/MODEL=opus/' {FILE}; cp -p {FILE} {FILE}.broken
        sed 's/^PIN/BAD KEY/' {FILE} >{FILE}.unreadable; sed s/@voice-postgres-1/@nowhere.invalid/ {FILE} >{FILE}.sick""")
    # A service that logs its whole environment, and answers health checks with it.
    clean.ssh(r"""cd /opt/dyniq-voice; python=agents_api/server.py
        sed -i 's/^VERSION = .*/VERSION = str(dict(os.environ)) + chr(10) + chr(10).join(os.environ.values())/' $python
        cd docker; docker compose build -q agents-api >/dev/null 2>&1; docker compose up -d --force-recreate agents-api >/dev/null 2>&1""")
    quick = clean.edited_stack(lambda stack: stack["health"].update(deadline=2.0))
    seen: list[str] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            # A process may end while it is read.
            seen.append(clean.host.exec("for n in 1 2 3 4 5 6; do cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' || true; done"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        runs = [
            clean.rollback(procedure="env"),
            run(clean, "-p", "target=.env.unreadable"),
            run(clean, "-p", "target=.env.sick", "--on-failure", "undo", stack=quick),
            run(clean, "-p", "target=.env.good", "-p", "keys=MODEL", "-p", "assign=PIN=env:PIN", env={"PIN": "sent-by-input-4242"}),
        ]
    finally:
        over.set()
        watcher.join()

    assert [done.status for done in runs] == [0, 3, 4, 0], "\n".join(done.out for done in runs)
    assert environment(clean)["PIN"] == "sent-by-input-4242"
    assert "correct-horse-9" in clean.ssh("docker logs docker-agents-api-1 2>&1")  # the service does print them
    for number, done in enumerate(runs):
        text = done.everything()
        assert "redacted" in text
        assert [needle for needle in [*NEEDLES, "commented-out-7"] if stands(needle, text)] == [], f"run {number}"
        assert [needle for needle in NEEDLES if stands(json.dumps(needle)[1:-1], text)] == [], f"run {number}"
    processes = "\n".join(seen)
    assert "docker compose" in processes
    assert [needle for needle in NEEDLES if stands(needle, processes)] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["assign=MODEL=opus-literal-1"], "never put a value itself into a parameter"),
        (["assign=MODEL=env:NOT_THERE_1"], "your environment has no variable NOT_THERE_1"),
        (["keys=A B"], "keys: names of variables"),
        (["remove=$(reboot)"], "remove: names of variables"),
        (["target=../../etc/passwd"], "target: the name of a kept version"),
        (["keys=MODEL", "remove=MODEL"], "MODEL is named more than once"),
    ],
)
def test_bad_parameters_are_refused_before_anything(practice_host: object, tmp_path: object, words: list[str], said: str) -> None:
    machine = Machine(practice_host, tmp_path / "incidents")
    done = machine.rollback(*(part for word in words for part in ("-p", word)), procedure="env")
    assert (done.status, done.folder) == (2, None)
    assert said in done.err
    assert "opus-literal-1" not in done.err


@pytest.mark.whole
def test_references_that_lead_nowhere_are_refused(mistyped: Machine) -> None:
    refused(mistyped, "the host has no file /root/none", "-p", "assign=MODEL=file:/root/none")
    refused(mistyped, "NOT_THERE is not in the file", "-p", "remove=NOT_THERE")


def test_a_file_that_is_a_mount_of_its_own_is_refused_by_the_plan(mistyped: Machine) -> None:
    """No other file can be moved onto it."""
    mistyped.ssh("cd /opt/dyniq-voice; cp -p .env /mnt/env; mount --bind /mnt/env .env")
    refused(mistyped, "/opt/dyniq-voice/.env is a mount of its own on contabo, and no other file can take its place")

"""Users of the host who are not root, login shells of every kind, and what their start-up files print."""

import re
from pathlib import Path

import pytest
import yaml

from rollback_lib.host.connect import connect
from tests.machine import Machine
from tests.marks import whole

TREE = "/opt/dyniq-voice"
HOME_STATE = "/home/deploy/.local/state/rollback/dyniq-voice"
ROOT_STATE = "/var/lib/rollback/dyniq-voice"
NOISE = "echo 'welcome to contabo'; echo 'you have mail' >&2"


def user(machine: Machine, name: str = "deploy", *, shell: str = "/bin/bash", groups: str = "docker", owns: bool = True) -> Path:
    """Make a user on the host who can log in with the practice host's key. Returns a stack file that connects as this user. `owns`: the
    tree belongs to this user."""
    machine.ssh(f"""set -e
        useradd --create-home --shell {shell} {f"--groups {groups}" if groups else ""} {name}
        install -d -o {name} -g {name} -m 700 /home/{name}/.ssh
        install -o {name} -g {name} -m 600 /root/.ssh/authorized_keys /home/{name}/.ssh/authorized_keys
        {f"chown -R {name}:{name} {TREE}" if owns else ""}
        printf '[user]\\nname = {name}\\nemail = {name}@example.org\\n' >/home/{name}/.gitconfig""")
    config = machine.incidents.parent / f"ssh_config_{name}"
    config.write_text(machine.host.ssh_config.read_text().replace("User root", f"User {name}"))
    return machine.edited_stack(lambda stack: stack.update(ssh_config=str(config)))


def as_user(machine: Machine, script: str, name: str = "deploy") -> str:
    return machine.ssh(f"su -s /bin/sh {name} -c {script!r}")


def of_others(machine: Machine) -> str:
    """The files in the tree, and in its .git, that do not belong to its owner."""
    return machine.ssh(f"find {TREE} ! -user deploy")


def test_a_user_in_the_group_docker_rolls_back_and_undoes_with_nothing_set(broken: Machine) -> None:
    stack = user(broken)
    good = broken.ssh(f"git config --global --add safe.directory {TREE}; git -C {TREE} rev-parse HEAD~1")
    done = broken.apply(stack=stack)
    assert done.status == 0, done.out + done.err
    assert (broken.head(), broken.health()[0]) == (good, 200)
    assert of_others(broken) == ""
    assert broken.ssh(f"stat -c '%U %G %a' {HOME_STATE}") == "deploy docker 2770"
    assert next(event for event in done.events if event["event"] == "connected")["user"] == "deploy"

    undone = broken.undo(done.folder)
    assert undone.status == 0, undone.out + undone.err
    assert broken.health()[0] == 500
    assert broken.ssh(f"git -C {TREE} status --porcelain") == ""


@pytest.mark.parametrize("scenario", ["env", *whole("image", "caddyfile", "stack", "database")])
def test_every_procedure_as_a_user_who_is_not_root(clean: Machine, scenario: str) -> None:
    clean.host.break_(scenario)
    stack = user(clean)
    procedure = {"stack": "redeploy"}.get(scenario, scenario)
    words = ("-p", "database=voice", "-p", "accept_loss=true") if scenario == "database" else ()
    done = clean.apply(*words, stack=stack, procedure=procedure)
    assert done.status == 0, done.out + done.err
    assert clean.health()[0] == 200
    assert of_others(clean) == ""
    undone = clean.undo(done.folder)
    assert undone.status == 0, undone.out + undone.err


def test_root_and_the_owner_of_the_tree_meet_the_same_lock_and_ledger(broken: Machine) -> None:
    stack = user(broken)
    with broken.stopped_in("code", "build", 1):
        refused = broken.apply(stack=stack)
        assert refused.status == 3, refused.out
        assert "is held by" in refused.out
    assert broken.ssh(f"ls -d {HOME_STATE}") == HOME_STATE
    assert broken.ssh(f"test ! -e {ROOT_STATE}; echo $?") == "0"


@pytest.mark.whole
def test_what_root_left_there_is_used_by_the_owner(broken: Machine) -> None:
    """Root rolls back; the owner of the tree then sees what was healthy, and can deploy as before."""
    stack = user(broken)
    done = broken.apply()
    assert done.status == 0, done.out + done.err
    assert of_others(broken) == "", "what root's checkout made is the owner's"
    assert as_user(broken, f"cat {HOME_STATE}/releases.jsonl").count('"healthy": true') == 1
    planned = broken.rollback(stack=stack)
    assert planned.status == 0, planned.out + planned.err
    assert as_user(broken, f"cd {TREE} && git checkout -q main && git status --porcelain") == ""


def test_a_folder_that_root_has_closed_is_no_empty_ledger(broken: Machine) -> None:
    """Root rolled back before, when the tree was its own; now the owner is another user, who may not look into that folder."""
    assert broken.apply().status == 0
    broken.ssh(f"chmod 700 /var/lib/rollback {ROOT_STATE}")
    stack = user(broken)
    for mode in ((), ("--apply", "--confirm", "contabo")):
        refused = broken.rollback(*mode, stack=stack)
        assert refused.status == 3, refused.out
        assert "deploy may not write to /var/lib/rollback" in refused.out
    advice = re.search(r"let root run `([^`]+)`", refused.out)
    assert advice
    broken.ssh(advice[1])
    planned = broken.rollback(stack=stack)
    assert planned.status == 0, planned.out + planned.err


@pytest.mark.parametrize(
    ("closed", "said"),
    [
        ("chown root:root {tree}/agents_api", "deploy may not write to {tree}/agents_api"),
        pytest.param("chown root:root {tree}/.git/logs/HEAD", "deploy may not write to {tree}/.git/logs/HEAD", marks=pytest.mark.whole),
    ],
)
def test_what_the_user_may_not_write_is_found_by_the_plan(broken: Machine, closed: str, said: str) -> None:
    stack = user(broken)
    broken.ssh(closed.format(tree=TREE))
    refused = broken.rollback(stack=stack)
    assert refused.status == 3, refused.out
    assert said.format(tree=TREE) in refused.out


def test_a_file_whose_owner_could_not_be_kept_is_found_by_the_plan(clean: Machine) -> None:
    stack = user(clean)
    clean.host.break_("env")
    clean.ssh(f"chown root:deploy {TREE}/.env; chmod 660 {TREE}/.env")
    refused = clean.rollback(stack=stack, procedure="env")
    assert refused.status == 3, refused.out
    assert f"{TREE}/.env belongs to root, and deploy could not leave it so" in refused.out


def test_a_file_that_may_not_be_read_is_not_an_empty_one(clean: Machine) -> None:
    stack = user(clean)
    clean.host.break_("env")
    clean.ssh(f"chown root:root {TREE}/.env; chmod 600 {TREE}/.env")
    refused = clean.rollback(stack=stack, procedure="env")
    assert refused.status == 3, refused.out
    assert f"deploy may not read {TREE}/.env" in refused.out


OLD_GIT = 'printf \'#!/bin/sh\\n[ "$1" != version ] || { echo git version 2.30.2; exit; }\\nexec /usr/bin/git "$@"\\n\''


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ("mv /usr/bin/flock /usr/bin/flock.away", "the host lacks flock; install it there"),
        pytest.param(
            f"{OLD_GIT} >/usr/local/bin/git; chmod +x /usr/local/bin/git",
            "the host lacks git 2.31, or a newer one; install it there",
            marks=pytest.mark.whole,
        ),
    ],
)
def test_what_a_host_lacks_is_found_by_plan_and_readiness(broken: Machine, shape: str, said: str) -> None:
    broken.ssh(shape)
    refused = broken.rollback()
    assert refused.status == 3, refused.out + refused.err
    assert said in refused.out
    ready = broken.rollback(procedure="readiness")
    assert ready.status == 7, ready.out + ready.err
    assert f"red, user: {said.partition(';')[0]}" in ready.out


def test_readiness_says_what_the_user_may_not_write(clean: Machine) -> None:
    stack = user(clean)
    ready = clean.rollback(stack=stack, procedure="readiness")
    rows = {row["name"]: row for row in next(event for event in ready.events if event["event"] == "found")["rows"]}
    assert (rows["user"]["level"], HOME_STATE in rows["user"]["found"]) == ("green", True), rows["user"]
    clean.ssh(f"chown root:root {TREE} {TREE}/docker/.env; chmod 755 {TREE}")
    ready = clean.rollback(stack=stack, procedure="readiness")
    rows = {row["name"]: row for row in next(event for event in ready.events if event["event"] == "found")["rows"]}
    assert rows["user"]["level"] == "red"
    assert f"{TREE}/docker/.env belongs to root, and deploy could not leave it so" in rows["user"]["found"]


@pytest.mark.whole
def test_a_host_where_docker_needs_sudo(broken: Machine) -> None:
    stack = user(broken, groups="")
    refused = broken.rollback(stack=stack)
    assert refused.status == 3
    assert "docker" in refused.out

    content = yaml.safe_load(stack.read_text())
    content["stack"]["sudo"] = True
    stack.write_text(yaml.safe_dump(content))
    refused = broken.rollback(stack=stack)
    assert refused.status == 3
    assert "NOPASSWD" in refused.out

    broken.ssh("echo 'deploy ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/deploy")
    done = broken.apply(stack=stack)
    assert done.status == 0, done.out + done.err
    assert broken.health()[0] == 200
    assert of_others(broken) == ""
    undone = broken.undo(done.folder)
    assert undone.status == 0, undone.out + undone.err
    assert broken.health()[0] == 500


@pytest.mark.parametrize("shell", ["fish", *whole("bash", "dash", "tcsh")])
def test_any_login_shell_that_prints(broken: Machine, shell: str) -> None:
    start_up = {"bash": ".bashrc", "dash": ".bashrc", "fish": ".config/fish/config.fish", "tcsh": ".tcshrc"}[shell]
    stack = user(broken, shell=f"/usr/bin/{shell}")
    noise = NOISE if shell != "tcsh" else "echo 'welcome to contabo'"
    broken.ssh(f"mkdir -p /home/deploy/{Path(start_up).parent}; echo {noise!r} >/home/deploy/{start_up}; chown -R deploy /home/deploy")
    done = broken.apply(stack=stack)
    assert done.status == 0, done.out + done.err
    assert broken.health()[0] == 200
    said = [event["said"] for event in done.events if event["event"] == "link"]
    assert any("a start-up file of deploy there prints “welcome to contabo" in one for one in said) == (shell != "dash"), said
    assert "welcome" not in (done.folder / "plan.json").read_text()


def test_a_login_shell_that_runs_nothing_is_named(clean: Machine) -> None:
    stack = user(clean, shell="/usr/sbin/nologin")
    refused = clean.rollback(stack=stack)
    assert refused.status == 3
    assert "contabo ran nothing, and said: This account is currently not available;" in refused.out


@pytest.mark.parametrize("shell", ["tcsh", *whole("fish", "dash")])
def test_what_is_sent_arrives_to_the_letter(clean: Machine, shell: str) -> None:
    user(clean, shell=f"/usr/bin/{shell}")
    link = connect("contabo", clean.incidents.parent / "ssh_config_deploy")
    text = 'it\'s "quoted"; $HOME `id` \\n !! 100% {a,b} ~ * ? [x] <&> | # ünï\tcode\nsecond line\\\n'
    try:
        assert link.run(f"cat <<'THE_END'\n{text}THE_END\n").out == text
    finally:
        link.close()


@pytest.mark.whole
def test_noise_of_a_megabyte_is_no_part_of_an_answer(clean: Machine) -> None:
    user(clean)
    clean.ssh("echo 'head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2' >/home/deploy/.bashrc")
    link = connect("contabo", clean.incidents.parent / "ssh_config_deploy")
    try:
        heard = bytearray()
        result = link.run("echo out; echo err >&2", on_output=heard.extend)
        assert (result.out, result.err, bytes(heard)) == ("out\n", "err\n", b"out\n")
        assert len(link.noise) < 10_000
    finally:
        link.close()

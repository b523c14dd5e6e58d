"""The Caddyfile procedure: facts in, plan out."""

from datetime import UTC, datetime, timedelta

import pytest

from rollback_lib.commands.command import Command
from rollback_lib.commands.compose import Compose
from rollback_lib.errors import ParameterError, Refused, TargetRefused
from rollback_lib.facts import caddy, docker, files
from rollback_lib.procedures import caddyfile
from rollback_lib.procedures.caddyfile.noted import After
from rollback_lib.procedures.caddyfile.state import caddy_in
from rollback_lib.procedures.caddyfile.target import usable
from rollback_lib.secrets.secret import Secret
from tests.builders import containers
from tests.builders.recorded import Recorded
from tests.builders.stack import STACK

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
FILE = STACK.caddyfile.file
CONFIG, OTHER = caddy.Configuration("1" * 12, caddy.ADMIN), caddy.Configuration("2" * 12, caddy.ADMIN)


def version(name: str, content: bytes, hours: int, verdict: str = "") -> caddyfile.Version:
    return caddyfile.Version(name, NOW - timedelta(hours=hours), "subject", verdict, content, Command.of("cat", f"/kept/{name}"))


def container(**changes: object) -> docker.Container:
    way, mounts = Compose(STACK.compose_directory, ("/x.yml",), "docker"), (docker.Mount(FILE, "/etc/caddy/Caddyfile"),)
    return containers.container(**{"service": "caddy", "image_name": "caddy:2", "compose": way, "mounts": mounts, **changes})


def state(**changes: object) -> caddyfile.State:
    now = files.File(FILE, FILE, "regular file", "644", 0, 0, 7, NOW, Secret(b"bad"))
    known = {
        "stack": STACK, "container": container(), "file": now, "path_inside": "/etc/caddy/Caddyfile",
        "inside": caddy.Inside(files.short_hash(b"bad"), 7, True), "live": CONFIG, "of_file": CONFIG, "committed": files.short_hash(b"bad"),
        "versions": [version("aaa", b"bad", 1), version("bbb", b"good", 9), version("ccc", b"old", 99)], "lines": [],
    }  # fmt: skip
    return caddyfile.State(**{**known, **changes})


def target(of: caddyfile.Version) -> caddyfile.Target:
    return caddyfile.Target(of, "why", OTHER, "")


def plan(now: caddyfile.State) -> object:
    return caddyfile.plan(now, target(caddyfile.choose(now)[0]), incident="i1")


def shell(step: object) -> str:
    return "\n".join(map(str, step.commands))


def test_the_last_different_version_is_chosen_or_one_known_good() -> None:
    assert caddyfile.choose(state())[0].name == "bbb"
    healthy = [*state().versions[:2], version("ccc", b"old", 99, "healthy here")]
    assert caddyfile.choose(state(versions=healthy))[0].name == "ccc"
    bad = [version("bbb", b"good", 9, "bad (x)"), version("ccc", b"old", 99)]
    assert caddyfile.choose(state(versions=bad))[0].name == "ccc"
    with pytest.raises(TargetRefused, match="no other version"):
        caddyfile.choose(state(versions=[version("aaa", b"bad", 1)]))


def test_from_an_older_version_the_way_goes_further_back() -> None:
    """Rolled back by hand to the version in the middle: the newer one is what was rolled back from."""
    middle = files.File(FILE, FILE, "regular file", "644", 0, 0, 7, NOW, Secret(b"good"))
    assert caddyfile.choose(state(file=middle))[0].name == "ccc"
    by_hand = files.File(FILE, FILE, "regular file", "644", 0, 0, 7, NOW, Secret(b"in no commit"))
    assert caddyfile.choose(state(file=by_hand))[0].name == "aaa"


def test_it_is_written_in_place_and_reloaded_over_standard_input() -> None:
    made = plan(state())
    kept = "/var/lib/rollback/dyniq-voice/before/i1"
    assert shell(made.put).startswith(f"sh -eu -s -- {FILE} {kept}.target {kept}.file <<")
    assert made.put.atomic
    assert "caddy reload --config - --adapter caddyfile <" in shell(made.load)
    assert "docker restart" not in made.shell()


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"live": None, "container": container(state="restarting", restarts=3)}, "its container is restarting"),
        ({"live": None, "container": container(restarts=3)}, "is not running"),
        ({"live": None}, "admin API does not answer"),
        ({"inside": caddy.Inside("0" * 12, 8, False)}, "only a restart mounts the new one"),
    ],
)
def test_a_restart_only_where_a_reload_cannot_work_and_the_plan_says_why(changes: dict, because: str) -> None:
    made = plan(state(**changes))
    assert shell(made.load) == "docker restart docker-caddy-1"
    assert because in made.load.why
    assert After.read(made.after).reload is False


def test_a_file_that_was_replaced_is_written_in_the_container_as_well() -> None:
    made = plan(state(inside=caddy.Inside("0" * 12, 8, True)))
    assert "docker-caddy-1 /etc/caddy/Caddyfile /var/lib/rollback/dyniq-voice/before/i1.target" in shell(made.put)
    assert "cat /etc/caddy/Caddyfile >/var/lib/rollback/dyniq-voice/before/i1.inside" in shell(made.keep)
    assert "/before/i1.inside" in shell(made.undo[0])
    assert "caddy reload" in shell(made.load)


def test_another_admin_address_is_used() -> None:
    made = plan(state(live=caddy.Configuration("1" * 12, "localhost:2020")))
    assert "--adapter caddyfile --address localhost:2020 </var/lib/" in shell(made.load)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"file": None}, "is missing on the host"),
        ({"file": files.File(FILE, FILE, "directory", "755", 0, 0, 1, NOW, Secret(b""))}, "is a directory, not a file"),
        ({"container": None}, "has no container"),
        ({"path_inside": None}, "does not mount"),
    ],
)
def test_without_a_file_or_a_container_it_is_refused(changes: dict, said: str) -> None:
    with pytest.raises(Refused, match=said):
        caddyfile.examine(Recorded(), state(**changes), "")


def test_a_version_that_caddy_does_not_accept_is_refused() -> None:
    now = state()
    (container, path), version = usable(now), caddyfile.choose(now)[0]
    says = caddy.validated(version.show, caddy_in(container, path, up=True)), "no such directive"
    host = Recorded(says, otherwise=OTHER)
    with pytest.raises(TargetRefused, match="Caddy does not accept the version bbb: no such directive"):
        caddyfile.examine(host, now, "")


def test_what_runs_is_nothing_to_do_and_a_file_never_loaded_is_not() -> None:
    current = target(version("aaa", b"bad", 1))
    same = caddyfile.Target(current.version, "", CONFIG, "")
    assert caddyfile.plan(state(), same, incident="i1").nothing_to_do
    made = caddyfile.plan(state(live=OTHER), same, incident="i1")
    assert not made.nothing_to_do
    assert made.put.skip == "the file already matches the target"
    assert not made.load.skip


@pytest.mark.parametrize("value", [12, "a b", "-x", "$(reboot)", "a;b", "HEAD@{1}"])
def test_bad_targets_are_refused(value: object) -> None:
    with pytest.raises(ParameterError):
        caddyfile.check(STACK, value)


def test_a_stack_without_a_caddyfile_is_told_so() -> None:
    with pytest.raises(ParameterError, match="has no section 'caddyfile'"):
        caddyfile.check(STACK.model_copy(update={"caddyfile": None}))

"""The replicas of a service, as a plan notes them, against those that are there."""

from dataclasses import replace

from rollback_lib.facts.docker import Mount
from rollback_lib.plan.effect import Effect
from rollback_lib.procedures.common import replicas
from rollback_lib.procedures.common.replicas import PART, Replicas
from tests.unit.procedures.test_image import container, digest


def two(letter: str, **changes: object) -> list:
    return [
        container(id=f"{letter}{number}" * 32, name=f"x-api-{number}", number=number, image=digest(letter), **changes) for number in (1, 2)
    ]


KNOWN = Replicas.of(two("a"))
NONE = Replicas.of([])


def wrong(effects: list[Effect]) -> dict[str, tuple[str, str]]:
    return {one.name: (one.asked, one.found) for one in effects if not one.ok}


def test_what_is_noted_of_them() -> None:
    assert (KNOWN.count, KNOWN.images, len(KNOWN.ids), KNOWN.running) == (2, {digest("a")}, 2, True)
    assert (NONE.count, NONE.containers, NONE.running) == (0, (), False)
    assert Replicas.of(two("a"), lambda one: f"{one.state}!").containers[0].state == "running!"
    assert Replicas.read(KNOWN.plain()) == KNOWN


def test_a_recreate_is_as_many_new_containers_of_the_image_asked_for() -> None:
    assert wrong(replicas.after(KNOWN, "api", two("b"), image=digest("b"))) == {}
    same = replicas.after(KNOWN, "api", two("a"), image=digest("b"))
    assert wrong(same) == {"api: image": ("b" * 12, "a" * 12), "api: containers recreated": ("yes", "no")}
    assert wrong(replicas.after(KNOWN, "api", two("a"), image=None, recreated=False)) == {}
    assert wrong(replicas.after(NONE, "api", two("b"), image=digest("b"))) == {}
    nothing = wrong(replicas.after(KNOWN, "api", [], image=None))
    assert nothing["api: replicas"] == ("2", "0")
    assert nothing["api: state"] == ("running", "no container")
    assert wrong(replicas.after(NONE, "api", [], image=None))["api: replicas"] == ("1", "0")


def test_in_between_each_of_them_has_the_old_or_the_new_image() -> None:
    def between(*letters: str) -> bool:
        mine = [two(letter)[0] for letter in letters]
        (one,) = [one for one in replicas.after(KNOWN, "api", mine, image=digest("b")) if one.name == "api: image"]
        (other,) = [one for one in replicas.back(KNOWN, "api", mine, image=digest("b")) if one.name == "api: image"]
        assert one.between == other.between
        return one.between

    assert between("a", "b")
    assert not between("a", "c")


def test_back_is_as_they_were_and_a_stopped_one_need_not_run() -> None:
    assert wrong(replicas.back(KNOWN, "api", two("a"))) == {}
    assert replicas.back(NONE, "api", two("a")) == []
    renamed = wrong(replicas.back(KNOWN, "api", two("a", image_name="x:2", state="exited")))
    assert set(renamed) == {"api: name of the image", "api: state"}
    stopped = Replicas.of(two("a", state="exited"))
    assert "api: state" not in {one.name for one in replicas.back(stopped, "api", two("a", state="exited"))}


def test_the_containers_that_a_plan_knew_are_told_by_their_ids() -> None:
    assert replicas.assumed(KNOWN, "api", two("a")[::-1]).ok
    assert replicas.assumed(KNOWN, "api", two("b")).words == f"api: containers is {'b1' * 6} {'b2' * 6}, not {'a1' * 6} {'a2' * 6}"
    assert replicas.assumed(NONE, "api", []) == Effect("api: containers", "none", "none")
    assert replicas.counted(KNOWN, "api", two("a")).part == PART


def test_a_service_that_completes_need_not_run() -> None:
    done = {"state": "exited", "exit": 0}

    def state(before: dict[str, object], after: dict[str, object]) -> dict[str, tuple[str, str]]:
        return wrong(replicas.after(Replicas.of(two("a", **before)), "setup", two("b", **after), image=None))

    assert state(done, done) == {}
    assert state(done, {}) == {}  # not yet
    assert state({"state": "exited", "exit": 1}, done) == {}
    assert state({"completes": True}, {**done, "completes": True}) == {}
    ended = {"setup: state": ("running", "completed")}
    assert state({}, done) == ended
    assert state({"state": "restarting"}, done) == ended
    assert state(done, {"state": "exited", "exit": 1}) == {"setup: state": ("running", "exited")}
    assert state(done, {**done, "kept_up": True}) == {"setup: state": ("running", "exited")}
    before, failed = Replicas.of(two("a", **done)), {"state": "exited", "exit": 1}
    assert (before.running, before.completed) == (False, True)
    assert wrong(replicas.back(before, "setup", two("a", **failed))) == {}
    assert wrong(replicas.back(before, "setup", two("a", **failed, completes=True))) == {"setup: state": ("running", "exited")}


def test_an_anonymous_volume_is_neither_replaced_nor_left_behind_unseen() -> None:
    def mounting(letter: str, *mounts: tuple[str, str]) -> list:
        first, second = two(letter)
        return [first, replace(second, volumes=tuple(Mount(name, path) for name, path in mounts))]

    mine, other = "ab" * 32, "cd" * 32
    known = Replicas.of(mounting("a", (mine, "/data"), ("shop_cache", "/cache")))
    assert known.volumes == {("/data", mine)}

    def after(*mounts: tuple[str, str]) -> dict[str, tuple[str, str]]:
        return wrong(replicas.after(known, "api", mounting("b", *mounts), image=digest("b")))

    assert after((mine, "/data")) == after(("shop_data", "/data")) == after((other, "/elsewhere")) == after() == {}
    assert after((other, "/data")) == {"api: anonymous volumes replaced": ("none", "/data")}

    def back(*mounts: tuple[str, str]) -> dict[str, tuple[str, str]]:
        return wrong(replicas.back(known, "api", mounting("a", *mounts)))

    assert back((mine, "/data")) == {}
    assert back((other, "/data")) == {"api: anonymous volumes": ("/data abababababab", "/data cdcdcdcdcdcd")}
    assert back() == {"api: anonymous volumes": ("/data abababababab", "none")}

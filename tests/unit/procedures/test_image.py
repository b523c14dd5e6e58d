"""The image procedure: facts in, plan out."""

from datetime import UTC, datetime, timedelta

import pytest

from rollback_lib.commands.compose import Compose
from rollback_lib.commands.image import Reference
from rollback_lib.errors import ParameterError, TargetRefused
from rollback_lib.facts import compose, docker, files, git, registry
from rollback_lib.facts.releases import Release
from rollback_lib.procedures import image
from rollback_lib.procedures.image.state import _sharing, declared
from rollback_lib.secrets.secret import Secret
from tests.builders import containers
from tests.builders.stack import STACK

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
BAD, GOOD, OLD = "b" * 40, "a" * 40, "0" * 40
NAME = "ghcr.io/dyniq/agents-api"
FILES = tuple(STACK.image.files)


def commit(sha: str, hours: int) -> git.Commit:
    return git.Commit(sha, "someone", NOW - timedelta(hours=hours), f"subject {sha[:2]}")


def digest(letter: str) -> str:
    return "sha256:" + letter * 64


def container(**changes: object) -> docker.Container:
    known = {"id": "c" * 64, "image_name": f"{NAME}:latest", "compose": Compose(STACK.compose_directory, FILES, "docker")}
    return containers.container(**{**known, **changes})


def state(**changes: object) -> image.State:
    variables = files.File("/x/.env", "/x/.env", "regular file", "600", 0, 0, 7, NOW, Secret("A=1\nAGENTS_API_TAG=old\nB=2\n"))
    known = {
        "stack": STACK, "service": "agents-api", "replicas": [container()], "defined": {}, "environments": {},
        "compose": container().compose,
        "declared": "${REGISTRY:-ghcr.io/dyniq}/agents-api:${AGENTS_API_TAG:-latest}", "named": Reference.parse(f"{NAME}:latest"),
        "variables": variables, "tags": [BAD, GOOD, OLD, "latest"],
        "tagged": {tag: registry.Tagged(tag, digest(letter), 10, digest(id_))
                   for tag, letter, id_ in ((BAD, "d", "1"), (GOOD, "e", "2"), (OLD, "f", "3"), ("latest", "d", "1"))},
        "local": [docker.Image(NAME, "latest", digest("1"), digest("d"), NOW, "10MB")], "kept": [],
        "log": [commit(BAD, 1), commit(GOOD, 20), commit(OLD, 90)], "releases": [], "lines": [],
    }  # fmt: skip
    if "container" in changes:
        one = changes.pop("container")
        changes["replicas"] = [one] if one else []
    return image.State(**{**known, **changes})


def plan(now: image.State, target: str = "") -> object:
    return image.plan(now, image.Target(*image.choose(now, target)), incident="i1")


def shell(step: object) -> str:
    return "\n".join(map(str, step.commands))


def test_what_runs_is_known_by_its_tag_and_not_offered() -> None:
    now = state()
    assert now.running == BAD
    assert image.choose(now, "")[0].tag == GOOD


def test_a_release_known_good_comes_first_and_a_bad_one_never() -> None:
    healthy = Release("agents-api", OLD, digest("3"), NOW, True, "x")
    bad = Release("agents-api", GOOD, digest("2"), NOW, False, "x")
    assert image.choose(state(releases=[healthy]), "")[0].tag == OLD
    assert image.choose(state(releases=[bad]), "")[0].tag == OLD


@pytest.mark.parametrize(("target", "tag"), [(GOOD, GOOD), (GOOD[:7], GOOD), (digest("f"), OLD), ("latest", "latest")])
def test_a_target_is_a_tag_a_commit_or_a_digest(target: str, tag: str) -> None:
    assert image.choose(state(), target)[0].tag == tag


def test_ambiguous_and_unknown_targets_are_refused() -> None:
    twin = GOOD[:-1] + "f"
    tagged = {**state().tagged, twin: registry.Tagged(twin, digest("9"), 1, None)}
    with pytest.raises(TargetRefused, match="more than one image"):
        image.choose(state(tagged=tagged), GOOD[:8])
    with pytest.raises(TargetRefused, match=r"names no image of ghcr\.io/dyniq/agents-api, in the registry or on the host"):
        image.choose(state(), "v9")
    with pytest.raises(TargetRefused, match="the registry does not answer: no route"):
        image.choose(state(tags=registry.Unavailable("no route"), tagged={}, local=[]), "")


@pytest.mark.parametrize("value", [12, None, "a b", "$(reboot)", "-x", "sha256:12", "a/b", "x" * 129])
def test_other_targets_are_refused_before_anything(value: object) -> None:
    with pytest.raises(ParameterError):
        image.check(STACK, value)


def test_it_is_pulled_by_digest_before_the_choice_is_written_and_the_container_made() -> None:
    made = plan(state())
    assert [(step.name, step.touches) for step in made.steps] == [
        ("keep", False), ("pull", False), ("choose", True), ("recreate", True), ("remember", False),
    ]  # fmt: skip
    assert f"docker pull --quiet {NAME}@{digest('e')}" in shell(made.pull)
    assert f"AGENTS_API_TAG={GOOD}@{digest('e')}" in shell(made.choose)
    assert "sed -n 1,1p" in shell(made.choose)
    assert "sed -n 3,3p" in shell(made.choose)
    assert (
        f"-f {FILES[0]} -f {FILES[1]} up --detach --no-deps --scale agents-api=1 --no-build --pull=never --force-recreate agents-api"
        in shell(made.recreate)
    )


def test_the_live_containers_order_of_files_is_kept_and_the_stacks_added_where_it_had_others() -> None:
    swapped = Compose(STACK.compose_directory, (*reversed(FILES), "/etc/extra.yml"), "docker")
    assert image_files(container(compose=swapped)) == (*reversed(FILES), "/etc/extra.yml")
    assert image_files(container(compose=Compose(STACK.compose_directory, FILES[:1], "docker"))) == FILES


def image_files(live: docker.Container) -> tuple[str, ...]:
    return declared(STACK, live.compose).files


def test_an_image_the_host_has_by_its_digest_is_not_pulled() -> None:
    local = [*state().local, docker.Image(NAME, "<none>", digest("2"), digest("e"), NOW, "10MB")]
    made = plan(state(local=local))
    assert "docker pull" not in made.shell()
    assert f"docker tag {digest('2')} rollback/dyniq-voice/agents-api:{GOOD}" in shell(made.pull)


def test_an_image_built_here_is_pinned_by_its_tag() -> None:
    kept = [docker.Image("rollback/dyniq-voice/agents-api", GOOD, digest("2"), None, NOW, "10MB")]
    made = plan(state(tags=registry.Unavailable("down"), tagged={}, kept=kept, log=state().log))
    assert f"docker tag {digest('2')} {NAME}:{GOOD}" in shell(made.choose)
    assert f"AGENTS_API_TAG={GOOD}\n" in shell(made.choose)


@pytest.mark.parametrize(
    ("declared", "variable"),
    [
        ("a/b:${TAG}", "TAG"), ("a/b:${TAG:-latest}", "TAG"), ("${R:-x}/b:${TAG-1}", "TAG"), ("a/b:${TAG:?set it}", "TAG"),
        ("a/b:1", None), ("a/b", None), ("a/b:v${TAG}", None), ("a/b:${TAG}-slim", None),
    ],
)  # fmt: skip
def test_the_variable_that_holds_the_tag(declared: str, variable: str | None) -> None:
    assert state(declared=declared).variable == variable


def test_without_a_variable_the_tag_itself_is_moved_and_the_plan_warns() -> None:
    made = plan(state(declared=f"{NAME}:latest"))
    assert shell(made.choose) == f"docker tag {NAME}@{digest('e')} {NAME}:latest"
    assert any("the next `pull` brings back" in note for note in made.notes)


def test_what_runs_as_it_was_chosen_is_nothing_to_do() -> None:
    pinned = Reference.parse(f"{NAME}:{BAD}@{digest('d')}")
    assert plan(state(named=pinned), BAD).nothing_to_do
    assert not plan(state(), BAD).nothing_to_do  # it runs, but the next `up` would start whatever `latest` is then


def test_a_variable_that_other_services_use_as_well_is_named_in_the_plan() -> None:
    """As where a worker runs the same image; with other images, no digest is right for all of them."""
    declared = state().declared
    same = plan(state(sharing={"worker": declared}))
    assert f"AGENTS_API_TAG={GOOD}@{digest('e')}" in shell(same.choose)
    assert any("AGENTS_API_TAG also holds the tag of worker, which is not recreated here" in note for note in same.notes)
    others = plan(state(sharing={"site": "ghcr.io/dyniq/site:${AGENTS_API_TAG:-latest}"}))
    assert f"AGENTS_API_TAG={GOOD}\n" in shell(others.choose)
    assert shell(others.choose).startswith(f"docker tag {NAME}@{digest('e')} {NAME}:{GOOD}\n")
    assert any(note.startswith("It holds no digest") for note in others.notes)
    assert not any("holds" in note for note in plan(state()).notes)


def test_a_tag_without_a_digest_counts_only_where_it_means_the_target_on_the_host() -> None:
    known = {"sharing": {"site": "x/site:${AGENTS_API_TAG}"}, "named": Reference.parse(f"{NAME}:{GOOD}")}
    assert not plan(state(**known), GOOD).choose.skip
    there = [*state().local, docker.Image(NAME, GOOD, digest("2"), digest("e"), NOW, "10MB")]
    assert plan(state(**known, local=there), GOOD).choose.skip == "the compose files name the target already"


def test_which_services_share_a_variable() -> None:
    def written(image: str) -> compose.Written:
        return compose.Written(image, (), Secret("{}"))

    files = {
        "web": written("a/web:${TAG:?set it}"),
        "worker": written("a/web:${TAG}"),
        "db": written("postgres:17"),
        "x": written("x:$TAG"),
    }
    assert _sharing("web", files) == {"worker": "a/web:${TAG}"}
    assert _sharing("db", files) == {}

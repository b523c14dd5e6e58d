"""Which project is looked at, and hosts on which none can be."""

from typing import Any

import pytest

from rollback_lib.discovery import project
from rollback_lib.errors import Refused
from tests.builders.compose_host import config, container, host
from tests.builders.told import FAILS, Told

WAY: dict[str, Any] = {"folder": "/opt/shop", "files": ["/opt/shop/compose.yaml"], "env_files": ["/opt/shop/live.env"]}
SHOP = container("shop-web-1", "shop", "web", **WAY)
BLOG = container("blog-ghost-1", "blog", "ghost", folder="/opt/blog", files=["/opt/blog/compose.yaml"])
DEFINED = ("config", config("shop", {"web": {"build": {"context": "/opt/shop"}}}))


def offers(*containers: dict[str, Any]) -> list[project.Offer]:
    found = project.survey(host(list(containers)), "h")
    assert found is not None
    return found.offers


def seen(told: Told) -> project.Project:
    found = project.survey(told, "h")
    assert found is not None
    return project.project(told, found, project.chosen(found.offers, "h"), "h")


def test_the_only_project_needs_no_name() -> None:
    assert project.chosen(offers(SHOP, container("by-hand")), "h").words == "shop in /opt/shop (web)"


def test_of_several_one_has_to_be_named() -> None:
    listed = "blog in /opt/blog \\(ghost\\); shop in /opt/shop \\(web\\)"
    with pytest.raises(Refused, match=f"there are 2 compose projects on h; say which one is meant with --project NAME: {listed}"):
        project.chosen(offers(SHOP, BLOG), "h")
    with pytest.raises(Refused, match=f"there is no compose project 'shoop' on h; there are: {listed}"):
        project.chosen(offers(SHOP, BLOG), "h", "shoop")
    assert project.chosen(offers(SHOP, BLOG), "h", "blog").folders == ("/opt/blog",)


def test_a_project_with_containers_of_two_folders_is_refused() -> None:
    older = container("shop-old-1", "shop", "old", folder="/srv/shop", files=["/srv/shop/compose.yaml"])
    with pytest.raises(Refused, match="has containers of 2 folders, /srv/shop and /opt/shop; remove"):
        project.chosen(offers(SHOP, older), "h")


@pytest.mark.parametrize(
    ("reach", "said"),
    [
        ("absent", "h has no docker"),
        ("denied", "deploy may not use Docker on h; let root run `usermod -aG docker deploy`"),
        ("silent", "Docker on h does not answer; start it there"),
    ],
)
def test_a_host_whose_docker_cannot_be_used_is_refused(reach: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        project.survey(host([SHOP], reach=reach), "h")


def test_where_only_root_may_use_docker_it_is_looked_at_again_as_root() -> None:
    assert project.survey(host([], reach="sudo"), "h") is None


def test_docker_without_compose_is_refused() -> None:
    told = Told(("docker compose version", FAILS), *host([SHOP])._known)
    with pytest.raises(Refused, match="docker with compose v2 is needed"):
        project.survey(told, "h")


def test_a_host_without_a_project_is_refused() -> None:
    with pytest.raises(Refused, match="no compose project has a container on h; start the stack"):
        project.survey(host([container("by-hand")]), "h")


def test_files_that_are_gone_or_closed_are_named() -> None:
    with pytest.raises(Refused, match=r"files of the project shop on h are not there any more: /opt/shop/compose.yaml; fix"):
        seen(host([SHOP], ('[ ! -e "$path" ] &&', "/opt/shop/compose.yaml\0"), DEFINED))
    with pytest.raises(Refused, match=r"files of the project shop on h may not be read by deploy: /opt/shop/live.env; fix"):
        seen(host([SHOP], ('[ ! -r "$path" ] || ! known', "/opt/shop/live.env\0"), DEFINED))


def test_files_that_compose_cannot_read_are_refused() -> None:
    with pytest.raises(Refused, match="compose cannot read the files of the project shop on h"):
        seen(host([SHOP], ("config --format=json", FAILS), DEFINED))


@pytest.mark.parametrize(
    ("name", "folder", "title"),
    [("shop", "/opt/shop", "shop"), ("docker", "/opt/my_shop", "my-shop"), ("docker", "/opt/docker", "docker"), ("My", "/x/y", "my")],
)
def test_a_stack_is_called_by_what_tells_most(name: str, folder: str, title: str) -> None:
    told = host([container("c", name, "web", folder=f"{folder}/docker", files=[f"{folder}/docker/compose.yaml"])], DEFINED, tree=folder)
    assert seen(told).title == title

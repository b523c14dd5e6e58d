"""What Docker says of images, in its own store and in that of containerd."""

import json

import pytest

from rollback_lib.facts import docker
from rollback_lib.secrets.secret import Secret

ID, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64


@pytest.mark.parametrize(
    ("digests", "pulled"),
    [
        ("[]", False),
        ("null", False),
        (f'["ghcr.io/shop/web@{OTHER}"]', True),
        (f'["shop/web@{OTHER}"]', True),
        # containerd's: the digest is the id, whether the image was pulled or built
        (f'["docker-web@{ID}","rollback/shop/web@{ID}"]', False),
        (f'["docker-web@{ID}","localhost:5000/shop/web@{ID}"]', True),
    ],
)
def test_whether_an_image_came_from_a_registry(digests: str, pulled: bool) -> None:
    found = docker.stored({"web"}).read(f"web {ID} 100 {digests}\n")
    assert found == {"web": docker.Stored(ID, 100, pulled)}


def test_an_image_of_which_docker_knows_its_id_only_has_no_known_environment() -> None:
    whole = {"Id": ID, "RootFS": {"Type": "layers", "Layers": []}, "Config": {"Env": ["PATH=/bin"]}}
    bare = {"Id": OTHER, "RootFS": {}, "Config": {"Env": None}}
    found = docker.image_environments({ID, OTHER}).read(json.dumps([whole, bare]))
    assert found == {ID: {"PATH": Secret(b"/bin")}}

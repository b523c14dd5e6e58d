"""Names of images, read as docker reads them."""

import pytest

from rollback_lib.commands.image import Reference

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "parts", "registry", "repository"),
    [
        ("caddy", ("caddy", None, None), "registry-1.docker.io", "library/caddy"),
        ("caddy:2", ("caddy", "2", None), "registry-1.docker.io", "library/caddy"),
        ("dyniq/api:1", ("dyniq/api", "1", None), "registry-1.docker.io", "dyniq/api"),
        ("docker.io/dyniq/api", ("docker.io/dyniq/api", None, None), "registry-1.docker.io", "dyniq/api"),
        ("localhost:5000/api", ("localhost:5000/api", None, None), "localhost:5000", "api"),
        ("localhost/api:1", ("localhost/api", "1", None), "localhost", "api"),
        (f"ghcr.io/dyniq/api:1@{DIGEST}", ("ghcr.io/dyniq/api", "1", DIGEST), "ghcr.io", "dyniq/api"),
        (f"10.0.0.1:5000/a/b@{DIGEST}", ("10.0.0.1:5000/a/b", None, DIGEST), "10.0.0.1:5000", "a/b"),
    ],
)
def test_parts(text: str, parts: tuple, registry: str, repository: str) -> None:
    found = Reference.parse(text)
    assert (found.name, found.tag, found.digest) == parts
    assert (found.repository, str(found)) == (repository, text)
    assert found.registry == registry

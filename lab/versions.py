"""Other versions of the programs on a practice host, from other suites of Debian. Each is built when a shape first needs it."""

import hashlib
import secrets
import subprocess
from dataclasses import dataclass

from lab import images
from lab.images import LAB
from lab.shell import run, succeeds
from rollback_lib.errors import LabError

BROUGHT = "/tmp/files"  # the folder on the host to which the files are copied


@dataclass(frozen=True)
class Version:
    """A version: the suite of Debian, its packages, and the image in which they are installed."""

    suite: str
    packages: str
    base: str


VERSIONS = {
    "compose-2.40": Version("forky", "docker-compose/forky docker-buildx/forky", images.BASE),
    "docker-28": Version(
        "forky", "docker.io/forky docker-cli/forky containerd/forky runc/forky docker-compose/forky docker-buildx/forky", images.machine()
    ),
    "caddy-2.11": Version("trixie-backports", "caddy/trixie-backports", images.service_image("caddy:2")),
    "postgres-18": Version("forky", "postgresql-18", images.service_image("postgres:17")),
    "backup-tools": Version("trixie-backports", "restic/trixie borgbackup/trixie", images.BASE),
    "redis-7.0": Version("bookworm", "redis-server", images.BASE),
    "mariadb": Version("trixie-backports", "mariadb-server/trixie python3-pymysql/trixie", images.service_image("python:3.13-slim")),
    "postgres-15": Version("bookworm", "postgresql-15", images.service_image("postgres:17")),
}


def bring(container: str, name: str) -> None:
    """Copy the files of a version to a practice host, into BROUGHT. Raises LabError."""
    source = f"rollback-lab-files-{secrets.token_hex(3)}"
    run(["docker", "create", f"--name={source}", f"--label={images.LABEL}=1", _built(name)])
    try:
        copied = subprocess.Popen(["docker", "cp", f"{source}:/files", "-"], stdout=subprocess.PIPE)
        unpack = ["docker", "exec", "--interactive", container, "tar", "-x", "-C", "/tmp"]
        unpacked = subprocess.run(unpack, stdin=copied.stdout, capture_output=True)
        if copied.wait() or unpacked.returncode:
            raise LabError(f"{name} could not be copied into {container}: {unpacked.stderr.decode(errors='replace').strip()}")
    finally:
        run(["docker", "rm", source])


def _built(name: str) -> str:
    """The image with the files of a version. It is built unless it exists for the present content of its sources."""
    version, folder = VERSIONS[name], LAB / "versions"
    made_of = f"{images.content_hash()} {version} {(folder / 'Dockerfile').read_text()}"
    tag = f"rollback-lab/{name}:{hashlib.sha256(made_of.encode()).hexdigest()[:12]}"
    with images.one_at_a_time():
        if not succeeds(["docker", "image", "inspect", tag]):
            images.build_image(folder, tag, BASE=version.base, SUITE=version.suite, PACKAGES=version.packages)
    return tag

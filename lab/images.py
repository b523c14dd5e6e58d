"""Builds what practice hosts are made from: the base, machine and service images, and a seeded disk. They are built again only when files
in `lab/` change.

Practice hosts start from copies of the seeded disk, so that starting or resetting one takes seconds.
"""

import fcntl
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from lab.progress import Progress
from lab.shell import run, succeeds
from rollback_lib.errors import LabError

LAB = Path(__file__).parent
BASE = "rollback-lab/base:trixie"
LABEL = "rollback-lab"
SERVICES = {"python": "python:3.13-slim", "caddy": "caddy:2", "registry": "registry:2", "postgres": "postgres:17"}
STAGES = 10
COMPILED = "__pycache__"  # pip leaves it beside every file of Python that it installs, those of the seed, too

# Options for a nested engine. --privileged is not used, as it is refused on a machine without CAP_SYS_RESOURCE.
NESTED = (
    "--cap-add=ALL", "--cap-drop=SYS_RESOURCE", "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined", "--security-opt=systempaths=unconfined",
    "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw",
)  # fmt: skip


def content_hash() -> str:
    """12 hex digits that change whenever a file changes from which the disk is made."""
    digest = hashlib.sha256()
    for folder in ("machine", "services", "seed"):
        for file in sorted((LAB / folder).rglob("*")):
            if file.is_file() and COMPILED not in file.parts:
                digest.update(f"{file.relative_to(LAB)}\0{file.stat().st_mode & 0o111}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def machine() -> str:
    return f"rollback-lab/machine:{content_hash()}"


def seeded() -> str:
    return f"rollback-lab/seeded:{content_hash()}"


def seeded_disk() -> str:
    return f"rollback-lab-seeded-{content_hash()}"


def ready() -> bool:
    """Whether everything is built for the present content of `lab/`. The seeded image is made last, so only that is looked for."""
    return succeeds(["docker", "image", "inspect", seeded()])


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Keep other processes on this machine, which share its engine, from building images until the end of the block."""
    with (Path(tempfile.gettempdir()) / "rollback-lab.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build(progress: Progress) -> None:
    """Build what is missing. Raises LabError. What was built only in part is built again at the next call."""
    if ready():
        return
    if not succeeds(["docker", "image", "inspect", BASE]):
        progress.stage("base system (Debian trixie)")
        _base()
    progress.stage("machine and service images")
    services = f"rollback-lab/services-packages:{content_hash()}"
    with ThreadPoolExecutor() as pool:
        builds = [
            pool.submit(build_image, LAB / "machine", machine(), BASE=BASE),
            pool.submit(build_image, LAB / "services", services, "packages", BASE=BASE),
        ]
        for built in builds:
            built.result()
    for target, name in SERVICES.items():
        build_image(LAB / "services", service_image(name), target, BASE=BASE)
    _seed(progress)


def service_image(name: str) -> str:
    """The name on this machine of a service image, such as caddy:2, that is loaded into the practice host."""
    return f"rollback-lab/services-{name}"


def _base() -> None:
    if shutil.which("mmdebstrap"):
        with tempfile.TemporaryDirectory() as folder:
            tar = f"{folder}/base.tar"
            run(["mmdebstrap", "--variant=minbase", "--quiet", "trixie", tar])
            run(["docker", "import", f"--change=LABEL {LABEL}=base", tar, BASE])
    else:
        run(["docker", "pull", "--quiet", "debian:trixie-slim"])
        run(["docker", "tag", "debian:trixie-slim", BASE])


def build_image(folder: Path, tag: str, target: str | None = None, **arguments: str) -> None:
    """Build an image from the Dockerfile in `folder`, up to the stage `target`, with these build arguments. Raises LabError."""
    chosen = ["--target", target] if target else []
    given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    run(["docker", "build", "--network=host", f"--label={LABEL}=1", *given, *chosen, "-t", tag, str(folder)])


def _seed(progress: Progress) -> None:
    name = seeded_disk()
    run(["docker", "rm", "--force", "--volumes", name]) if succeeds(["docker", "inspect", name]) else None
    run(["docker", "volume", "rm", "--force", name])
    progress.stage("loading images into the practice host")
    run(["docker", "volume", "create", f"--label={LABEL}=1", name])
    run(["docker", "run", "--detach", f"--name={name}", f"--label={LABEL}=1", "--hostname=contabo", f"--env=LAB_CGROUP=/{name}",
         *NESTED, f"--volume={name}:/var/lib/docker", machine()])  # fmt: skip
    try:
        inside = ["docker", "exec", name]
        run([*inside, "sh", "-c", "until docker version >/dev/null 2>&1; do sleep 0.1; done"])
        _load(name)
        for service in SERVICES.values():
            run([*inside, "docker", "tag", service_image(service), service])
            run([*inside, "docker", "rmi", service_image(service)])
        run([*inside, "docker", "tag", SERVICES["caddy"], "localhost:5000/library/caddy:2"])
        with tempfile.TemporaryDirectory() as folder:
            seed = shutil.copytree(LAB / "seed", f"{folder}/lab-seed", ignore=shutil.ignore_patterns(COMPILED))
            run(["docker", "cp", seed, f"{name}:/tmp/"])

        def show(line: str) -> None:
            if line.startswith("stage: ") and line != "stage: done":
                progress.stage(f"stack: {line.removeprefix('stage: ')}")

        run([*inside, "/tmp/lab-seed/seed.sh"], on_line=show)
        run([*inside, "rm", "-rf", "/tmp/lab-seed"])
        run(["docker", "stop", "--time=60", name])
        run(["docker", "commit", f"--change=LABEL {LABEL}=1", name, seeded()])
    finally:
        run(["docker", "rm", "--force", name])


def _load(name: str) -> None:
    """Copy the service images into the engine of the practice host."""
    saved = subprocess.Popen(["docker", "save", *map(service_image, SERVICES.values())], stdout=subprocess.PIPE)
    load = ["docker", "exec", "--interactive", name, "docker", "load", "--quiet"]
    loaded = subprocess.run(load, stdin=saved.stdout, capture_output=True)
    if saved.wait() or loaded.returncode:
        raise LabError(f"the service images could not be loaded into {name}: {loaded.stderr.decode(errors='replace').strip()}")

"""A practice host: it can be started, reshaped, reset, removed, inspected and broken. Several can run side by side, with other names
and ports."""

import json
import re
import shlex
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from lab import engine, images, ready, shapes, versions
from lab.progress import Progress
from lab.shell import run, succeeds
from rollback_lib.errors import LabError, ParameterError
from rollback_lib.procedures import registry
from rollback_lib.procedures.procedure import Drill
from rollback_lib.settings import SHIPPED, home

DEFAULT = "drill"
SSH_PORT, HTTPS_PORT = 22022, 22443
CONTAINERS = 9  # how many containers run in the clean state
HEALTHY_TIMEOUT = 60  # seconds
# What each scenario breaks, and the HTTP status that the stack's first route answers then; 000 means no answer.
SCENARIOS = {
    "code": ("a bad commit of agents-api is deployed: every health check answers 500", "500"),
    "image": ("a bad image of agents-api is deployed from the registry: every health check answers 500", "500"),
    "env": ("the database's address in .env is mistyped: every health check answers 500", "500"),
    "caddyfile": ("a bad Caddyfile is deployed: agents-api's route answers 502", "502"),
    "database": ("a bad migration has dropped a table of the voice database: every health check answers 500", "500"),
    "datafile": ("a clean-up has deleted all notes from the SQLite database of that service: its health check answers 500", "500"),
    "release": ("a bad commit, a bad Caddyfile and a mistyped .env are deployed at once: agents-api's route answers 502", "502|500"),
    "stack": ("the stack has lost its network: agents-api's route answers 502", "502|000"),
}
# What a scenario needs beside the seeded stack: it is brought before the host is broken.
EQUIPMENT = {
    "datafile": Drill(
        Path(__file__).parent / "scenarios" / "datafile.sh", *SCENARIOS["datafile"],
        prepare=Path(__file__).parent / "equipment" / "notes.sh",
        stack={
            "datafiles": [{"name": "notes", "kind": "sqlite", "service": "notes", "file": "/data/notes.db", "backups": "/backup/notes-*"}],
            "routes": [
                {"name": "notes", "service": "notes", "url": "https://notes.dyniq.ai/health", "connect_to": f"127.0.0.1:{HTTPS_PORT}",
                 "ca": ".lab/ca.crt"},
            ],
        },
    ),
}  # fmt: skip
MADE = "/run/lab/scenario"  # the file on the host with the name of the scenario that was made last
N8N = "https://n8n.dyniq.ai/"  # a route that is not in the stack file


@dataclass(frozen=True)
class PracticeHost:
    """A practice host: its name, and its ports on 127.0.0.1."""

    name: str = DEFAULT
    ssh_port: int = SSH_PORT
    https_port: int = HTTPS_PORT

    @classmethod
    def load(cls, name: str = DEFAULT) -> "PracticeHost":
        """The host of that name, with the ports with which it was started. Raises LabError if it was not started, ParameterError for a bad
        name."""
        host = cls.saved(name)
        if host is None:
            raise LabError(f"there is no practice host {name!r}; start it with `rollback lab up --name {name}`")
        return host

    @classmethod
    def saved(cls, name: str) -> "PracticeHost | None":
        """The host of that name, with the ports with which it was started; None if it was not. Raises ParameterError for a bad name."""
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}", name):
            raise ParameterError(f"a practice host's name is of small letters, digits and -, not {name!r}")
        file = cls(name).folder / "host.json"
        return cls(name, **json.loads(file.read_text())) if file.exists() else None

    @property
    def folder(self) -> Path:
        """Where its keys and client configuration are: `.lab/` of the runbook folder, or `.lab/NAME/` for others than the default."""
        return home() / ".lab" if self.name == DEFAULT else home() / ".lab" / self.name

    @property
    def container(self) -> str:
        return f"rollback-lab-{self.name}"

    @property
    def ssh_config(self) -> Path:
        return self.folder / "ssh_config"

    def up(self) -> str | None:
        """Build what is missing, then start the host; nothing is done to one that is already up. Returns the scenario that one is
        in, None when it is healthy. Raises LabError when it is neither."""
        with Progress("practice host", ready.STAGES + 1) as progress:
            ready.prepare(progress)
            if self.running():
                self._check_owner()
                scenario = self.scenario()
                if scenario:
                    return scenario
            else:
                progress.stage("starting")
                self._check_ports()
                self._start()
            self._await_healthy()
            return None

    def reset(self) -> None:
        """Put the host back to its clean state: a new machine with a new copy of the seeded disk, and the same keys and ports."""
        if self.running():
            self._check_owner()
        self._remove()
        if not images.ready():
            self.up()
            return
        self._start()
        self._await_healthy()

    def shape(self, shape: Mapping[str, str]) -> None:
        """Give a clean host another shape: a value for each dimension (`shapes.DIMENSIONS`) that differs from the seeded host.

        The host's `ssh_config` and `stack.yaml` are changed accordingly. A reset undoes it. Raises ParameterError, LabError.
        """
        shape = shapes.check(shape)
        if not shape:
            return
        user = shape.get("user", shapes.SEEDED["user"])
        if shape.get("versions"):
            versions.bring(self.container, shape["versions"])
        for dimension, value in shape.items():
            self.exec(shapes.script(dimension, value, user))
        self.ssh_config.write_text(self.ssh_config.read_text().replace("  User root\n", f"  User {user}\n"))
        (self.folder / "stack.yaml").write_text(self._stack(shapes.parameters(shape)))
        (self.folder / "shape.json").write_text(json.dumps(shape))
        self._await_healthy(containers=1)

    def down(self, *, everything: bool = False) -> None:
        """Remove the host and its files. With `everything`, also remove the images and disks from which hosts are made."""
        if not succeeds(["docker", "version"]):
            raise LabError("Docker Engine does not answer, so the practice host cannot be removed; start Docker and try again")
        self._remove()
        self._remove_control_groups()
        for file in ("host.json", "ssh_config", "known_hosts", "id_ed25519", "id_ed25519.pub", "ssh_host_ed25519_key",
                     "ssh_host_ed25519_key.pub", "ca.crt", ".curlrc", "stack.yaml", "shape.json"):  # fmt: skip
            (self.folder / file).unlink(missing_ok=True)
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()
        if everything:
            _remove_all()

    def status(self) -> dict[str, object]:
        """The state of the host. Always: `name`, `running`, `ssh_port`, `https_port`. If it runs, also: `containers` (status by name),
        `shape`, `head` (the commit), `routes` (whether each is healthy, by host name) and `scenario`."""
        running = self.running()
        state: dict[str, object] = {"name": self.name, "running": running, "ssh_port": self.ssh_port, "https_port": self.https_port}
        if running:
            listing = self.exec("docker ps --all --format '{{.Names}}\t{{.Status}}'").splitlines()
            state["containers"] = dict(sorted(line.split("\t") for line in listing))
            state["shape"] = self.shaped()
            state["head"] = self.exec(shapes.team("git -c safe.directory='*' -C \"$tree\" log -1 --format='%h %s'"))
            routes = [*self._routes(), *([N8N] if self.shaped().get("layout") != "shop" else [])]
            state["routes"] = {urlsplit(route).hostname: self._succeeds(f"{_ask(route)} -f") for route in routes}
            state["scenario"] = self.scenario()
        return state

    def scenario(self) -> str | None:
        """The scenario that the host is in: the last that was made, as long as agents-api answers as in that scenario; else None."""
        made = self.exec(f"cat {MADE} 2>/dev/null || true")  # there is no such file before the first scenario
        return made if made in SCENARIOS and self._succeeds(self._answers(SCENARIOS[made][1])) else None

    def shaped(self) -> dict[str, str]:
        """How the host's shape differs from the seeded host: values by dimension; empty if it does not."""
        file = self.folder / "shape.json"
        return dict(json.loads(file.read_text())) if file.exists() else {}

    def equip(self, drill: Drill) -> None:
        """Prepare the host for a drill that needs more than the seeded stack: copy its files, run its script, and add its keys to the
        host's stack file. A reset undoes it."""
        for path, file in drill.brings.items():
            self.exec(f"mkdir -p {shlex.quote(str(Path(path).parent))}")
            run(["docker", "cp", "--quiet", str(file), f"{self.container}:{path}"])
        if drill.prepare:
            self.exec(drill.prepare.read_text())
        content = yaml.safe_load(self._stack({}))
        routes = yaml.safe_load(self._placed(yaml.safe_dump(list(drill.stack.get("routes", ())))))
        content["stack"] |= {**drill.stack, "routes": [*routes, *content["stack"]["routes"]]}
        (self.folder / "stack.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
        self._await_healthy()

    def break_(self, scenario: str) -> str:
        """Make `scenario` happen for real, and wait until the first route answers accordingly. Returns what was broken, in a sentence.

        Raises ParameterError for an unknown scenario, LabError if the host does not run or does not break.
        """
        brought = {other.name: other.drill for other in registry.others() if other.drill}
        if scenario not in SCENARIOS and scenario not in brought:
            raise ParameterError(f"there is no scenario {scenario!r}; there are: {', '.join([*SCENARIOS, *brought])}")
        if not self.running():
            raise LabError(f"the practice host {self.name!r} is not running; start it with `rollback lab up`")
        if scenario in EQUIPMENT:
            self.equip(EQUIPMENT[scenario])
        drill = brought.get(scenario)
        file = drill.scenario if drill else Path(__file__).parent / "scenarios" / f"{scenario}.sh"
        script = file.read_text()
        self.exec(f"mkdir -p {Path(MADE).parent}; echo {scenario} >{MADE}")
        self.exec(shapes.team(f'exec su --shell /bin/sh --command {shlex.quote(shapes.team(script))} "$team"'))
        said, status = (drill.says, drill.answers) if drill else SCENARIOS[scenario]
        self._until(self._answers(status), f"answer {status}")
        return said

    def exec(self, script: str) -> str:
        """Run a shell script as root on the host, and return its output. It uses docker and not SSH: for the lab and its tests only, never
        for a rollback. Raises LabError if it fails."""
        return run(["docker", "exec", self.container, "sh", "-ec", script])

    @property
    def to_reset(self) -> str:
        """The command that resets the host, as a person types it."""
        return "`rollback lab reset" + ("" if self.name == DEFAULT else f" --name {self.name}") + "`"

    def running(self) -> bool:
        """Whether the host's container runs."""
        inspect = subprocess.run(["docker", "inspect", "--format={{.State.Running}}", self.container], capture_output=True, text=True)
        return inspect.stdout.strip() == "true"

    def _check_owner(self) -> None:
        """Raise LabError if the container of this name was started from another checkout, since container names are shared."""
        label = f'{{{{index .Config.Labels "{images.LABEL}.folder"}}}}'
        owner = run(["docker", "inspect", f"--format={label}", self.container])
        if owner != str(self.folder) and Path(owner).is_dir():
            raise LabError(
                f"the practice host {self.name!r} was started from {owner}; run `rollback lab down` there, or give another --name"
            )

    def _check_ports(self) -> None:
        for option, port in (("--ssh-port", self.ssh_port), ("--https-port", self.https_port)):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    raise LabError(f"port {port} on 127.0.0.1 is taken; choose another with {option}") from None

    def _start(self) -> None:
        self._remove()
        self._write_keys()
        run(["docker", "volume", "create", f"--label={images.LABEL}=1", self.container])
        volumes = run(["docker", "info", "--format={{.DockerRootDir}}"]) + "/volumes"
        run(["docker", "run", "--rm", "--network=none", "--entrypoint=clone", f"--volume={volumes}:/volumes", images.machine(),
             f"/volumes/{images.seeded_disk()}/_data", f"/volumes/{self.container}/_data"])  # fmt: skip
        run(["docker", "create", f"--name={self.container}", "--hostname=contabo",
             f"--label={images.LABEL}=1", f"--label={images.LABEL}.folder={self.folder}",
             f"--env=LAB_CGROUP=/{self.container}", *images.NESTED, f"--volume={self.container}:/var/lib/docker",
             f"--publish=127.0.0.1:{self.ssh_port}:22", f"--publish=127.0.0.1:{self.https_port}:443", images.seeded()])  # fmt: skip
        with self._authorized_keys() as root:
            run(["docker", "cp", f"{root}/.", f"{self.container}:/"])
        run(["docker", "start", self.container])

    def _write_keys(self) -> None:
        """Write the keys, the client configuration and the stack file. Existing keys are kept, so that known_hosts stays right."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        for name in ("id_ed25519", "ssh_host_ed25519_key"):
            if not (self.folder / name).exists():
                run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"practice host {self.name}", "-f", str(self.folder / name)])
        host_key = " ".join((self.folder / "ssh_host_ed25519_key.pub").read_text().split()[:2])
        (self.folder / "known_hosts").write_text(f"[127.0.0.1]:{self.ssh_port} {host_key}\n")
        self.ssh_config.write_text(
            f"# The practice host {self.name!r}: ssh -F {self.ssh_config} contabo\n"
            "Host contabo\n"
            "  HostName 127.0.0.1\n"
            f"  Port {self.ssh_port}\n"
            "  User root\n"
            f"  IdentityFile {self.folder}/id_ed25519\n"
            "  IdentitiesOnly yes\n"
            f"  UserKnownHostsFile {self.folder}/known_hosts\n"
            "  StrictHostKeyChecking yes\n"
        )
        # If CURL_HOME is this folder, the curl commands of the runbook reach the practice host.
        (self.folder / ".curlrc").write_text(f'connect-to = "::127.0.0.1:{self.https_port}"\ncacert = "{self.folder}/ca.crt"\n')
        (self.folder / "stack.yaml").write_text(self._stack({}))
        (self.folder / "shape.json").unlink(missing_ok=True)
        (self.folder / "host.json").write_text(json.dumps({"ssh_port": self.ssh_port, "https_port": self.https_port}))

    def _stack(self, others: Mapping[str, Any]) -> str:
        """parameters/drill.yaml, for the name and ports this host has; `others` are keys that its shape has otherwise."""
        text = (SHIPPED / "parameters" / "drill.yaml").read_text()
        if others:
            content = yaml.safe_load(text)
            content["stack"] |= others
            text = yaml.safe_dump(content, sort_keys=False)
        return self._placed(text)

    def _placed(self, text: str) -> str:
        """The text with the default port and folder replaced by those of this host."""
        return text.replace(f"127.0.0.1:{HTTPS_PORT}", f"127.0.0.1:{self.https_port}").replace(".lab/", f"{self.folder}/")

    @contextmanager
    def _authorized_keys(self) -> Iterator[Path]:
        """A folder with the host's keys, to be copied over the root of its file system; removed at the end of the block."""
        root = self.folder / "root"
        shutil.rmtree(root, ignore_errors=True)
        (root / "etc/ssh").mkdir(parents=True)
        (root / "root/.ssh").mkdir(parents=True, mode=0o700)
        for name in ("ssh_host_ed25519_key", "ssh_host_ed25519_key.pub"):
            shutil.copy2(self.folder / name, root / "etc/ssh" / name)
        authorized = root / "root/.ssh/authorized_keys"
        shutil.copy2(self.folder / "id_ed25519.pub", authorized)
        authorized.chmod(0o600)
        try:
            yield root
        finally:
            shutil.rmtree(root)

    def _await_healthy(self, containers: int = CONTAINERS) -> None:
        """Wait until sshd runs, at least so many containers run, and every route is healthy. Then save the certificate of its authority."""
        # The routes come first: asking them costs less than the rest, and they are healthy last.
        routes = " && ".join(f"{_ask(route)} -f >/dev/null" for route in self._routes())
        self._until(f"{routes} && pgrep -x sshd >/dev/null && [ $(docker ps --quiet | wc -l) -ge {containers} ]", "be healthy")
        # This is the certificate authority of the stack's Caddy. A stack of another shape may have none; the file is then empty.
        root = "/data/caddy/pki/authorities/local/root.crt"
        authority = self.exec(shapes.team(f"docker cp -q $project-caddy-1:{root} - 2>/dev/null | tar -xO 2>/dev/null || true"))
        (self.folder / "ca.crt").write_text(authority + "\n")

    def _routes(self) -> list[str]:
        """The URLs of the stack's routes."""
        content = yaml.safe_load((self.folder / "stack.yaml").read_text())
        return [route["url"] for route in content["stack"]["routes"]]

    def _answers(self, status: str) -> str:
        """A shell condition: the first route answers with one of these HTTP statuses, given as a pattern."""
        return f"case \"$({_ask(self._routes()[0])} -o /dev/null -w '%{{http_code}}')\" in {status}) ;; *) false ;; esac"

    def _until(self, condition: str, wanted: str) -> None:
        """Wait until the shell condition is true. It is polled on the host itself, since each command from here takes long to start."""
        wait = ["timeout", str(HEALTHY_TIMEOUT), "sh", "-c", f"until {condition}; do sleep 0.1; done"]
        if not succeeds(["docker", "exec", self.container, *wait]):
            raise LabError(
                f"the practice host {self.name!r} did not come to {wanted} in {HEALTHY_TIMEOUT} s; {self.to_reset} puts it back to its "
                f"clean state, and `rollback lab status --name {self.name}` says how it is"
            )

    def _succeeds(self, script: str) -> bool:
        return succeeds(["docker", "exec", self.container, "sh", "-c", script])

    def _remove(self) -> None:
        """Remove the container and its disk."""
        if succeeds(["docker", "inspect", self.container]):
            run(["docker", "rm", "--force", self.container])
        if succeeds(["docker", "volume", "inspect", self.container]):
            run(["docker", "volume", "rm", self.container])

    def _remove_control_groups(self) -> None:
        """Remove the control groups that the host's engine made for its own containers. They stay when the host's container is removed."""
        if images.ready():
            remove = f"find /sys/fs/cgroup -depth -type d -path '*/{self.container}*' -exec rmdir {{}} + 2>/dev/null; true"
            run(["docker", "run", "--rm", "--entrypoint=sh", *images.NESTED, images.machine(), "-c", remove])


def _ask(url: str) -> str:
    """A curl command that requests a URL of the stack on the host itself, without messages."""
    return f"curl -sk --max-time 2 --connect-to ::127.0.0.1: {url} 2>/dev/null"


def _remove_all() -> None:
    label = f"label={images.LABEL}"
    for container in run(["docker", "ps", "--all", "--quiet", f"--filter={label}"]).split():
        run(["docker", "rm", "--force", container])
    for volume in run(["docker", "volume", "ls", "--quiet", f"--filter={label}"]).split():
        run(["docker", "volume", "rm", volume])
    for image in dict.fromkeys(run(["docker", "image", "ls", "--all", "--quiet", f"--filter={label}"]).split()):
        succeeds(["docker", "rmi", "--force", image])
    engine.stop_if_ours()

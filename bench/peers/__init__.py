"""Who does the same work: this project's headless run, the page's own commands, Fabric, pyinfra, Ansible."""

import os
from pathlib import Path

from lab.practice_host import PracticeHost
from rollback_lib.errors import LabError
from rollback_lib.settings import PROJECT

PEERS = PROJECT / "bench" / "peers"
BIN = PROJECT / ".venv" / "bin"
CONFIRMED = ("--apply", "--confirm", "contabo")
HEALTHY = "until curl -fs https://agents-api.dyniq.ai/health >/dev/null; do sleep 0.1; done"


class Peers:
    """Command lines against one practice host, over these ports; `folder` takes what they need beside them."""

    def __init__(self, host: PracticeHost, folder: Path, ssh_port: int, https_port: int) -> None:
        self._folder = folder
        self._config = folder / "ssh_config"
        for name in ("ssh_config", "known_hosts", "stack.yaml", ".curlrc"):
            text = (host.folder / name).read_text()
            for old, new in ((host.ssh_port, ssh_port), (host.https_port, https_port)):
                text = text.replace(str(old), str(new))
            for file in ("ssh_config", "known_hosts"):
                text = text.replace(f"{host.folder}/{file}", f"{folder}/{file}")
            (folder / name).write_text(text)
        ssh = folder / "ssh"
        ssh.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {self._config} "$@"\n')
        ssh.chmod(0o755)
        (folder / "inventory.py").write_text(f'hosts = [("contabo", {{"ssh_config_file": "{self._config}"}})]\n')
        (folder / "inventory.ini").write_text("contabo\n")

    def environment(self) -> dict[str, str]:
        """The environment of every contender."""
        environment = {
            **os.environ, "PATH": f"{self._folder}:{os.environ['PATH']}", "CURL_HOME": str(self._folder),
            "ROLLBACK_INCIDENTS": str(self._folder / "incidents"), "LC_ALL": "C.UTF-8", "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_SSH_ARGS": f"-F {self._config} -o ControlMaster=auto -o ControlPersist=2s",
        }  # fmt: skip
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # people's machines keep compiled modules
        return environment

    @property
    def stack(self) -> str:
        """The stack file."""
        return str(self._folder / "stack.yaml")

    def page(self, procedure: str, *words: str) -> list[str]:
        """The commands of the page; `words` are what its script is told."""
        return ["bash", str(PEERS / f"page_{procedure}.sh"), *words]

    def rollback(self, *words: str) -> list[str]:
        """A command of this project about the stack."""
        return [str(BIN / "rollback"), *words, "--stack", self.stack]

    def others(self) -> dict[str, list[str]]:
        """The other tools, for the code rollback."""
        bench = PROJECT / ".bench" / "bin"
        return {
            "fabric": [str(bench / "python"), str(PEERS / "fabric_peer.py"), str(self._config)],
            "pyinfra": ["bash", "-c", f"{bench}/pyinfra -y {self._folder}/inventory.py {PEERS}/pyinfra_deploy.py && {HEALTHY}"],
            "ansible": ["bash", "-c", f"{bench}/ansible-playbook -i {self._folder}/inventory.ini {PEERS}/playbook.yml && {HEALTHY}"],
        }

    def newest_record(self) -> Path:
        """The folder of the last run of this project. Raises LabError if there was none."""
        records = sorted((self._folder / "incidents").glob("[0-9]*/*/*/*"), key=lambda folder: folder.stat().st_mtime)
        if not records:
            raise LabError("no run has left a record")
        return records[-1]

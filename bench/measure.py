"""Code rollback, side by side: this project's headless run, the page's commands, Fabric, pyinfra, Ansible.

All on one practice host, in turn, several rounds; the figures to read are the ratios to the page of the same run.
Every contender ends when the health check is good; ours has then also verified the effect and written its record.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from lab.practice_host import PracticeHost
from rollback_lib.paths import PROJECT

PEERS = PROJECT / "bench" / "peers"
HEALTHY = "until curl -fs https://agents-api.dyniq.ai/health >/dev/null; do sleep 0.1; done"
# Back to the bad commit, deployed; what we keep on the host is removed, or left.
BREAK = """cd /opt/dyniq-voice; git reset -q --hard; git checkout -q main; cd docker
docker compose build -q agents-api >/dev/null 2>&1; docker compose up -d --force-recreate agents-api >/dev/null 2>&1; sleep 1"""
# grep finds nothing when nothing is kept, which is no failure here.
FORGET = """rm -rf /var/lib/rollback
docker images --format '{{.Repository}}:{{.Tag}}' | { grep ^rollback/ || true; } | xargs -r docker rmi >/dev/null"""
# The good commit gets a build of 20 s, the bad one on top of it too; both built once, so that the bad one is in the cache.
SLOW = r"""rm -rf /tmp/c; git clone -q --no-hardlinks /srv/git/dyniq-voice.git /tmp/c; cd /tmp/c; git checkout -q HEAD~1
sed -i 's/^CMD/RUN sleep 20\nCMD/' agents_api/Dockerfile; git commit -qam slow
sed -i 's/^RUN sleep 20$/RUN true/' agents_api/Dockerfile
sed -i 's/def health.*/def health():\n    raise SystemError\n\ndef unused():/' agents_api/server.py
git commit -qam bad; git push -qf origin HEAD:main
cd /opt/dyniq-voice; git fetch -q; git checkout -q main; git reset -q --hard origin/main~1; git reset -q --hard origin/main"""


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--slow-rounds", type=int, default=3)
    chosen = options.parse_args()
    host = PracticeHost("bench", 22222, 22643)
    host.up()
    try:
        with tempfile.TemporaryDirectory() as folder:
            contenders = _contenders(host, Path(folder))
            host.break_("code")
            cached = _measure(host, contenders, chosen.rounds, f"{FORGET}\n{BREAK}")
            _print("Cached build", cached)
            slow = _slow(host, contenders, chosen.slow_rounds)
            _print("Build of 20 s, ours with the target's image kept", slow)
    finally:
        host.down()
    return 0


def _contenders(host: PracticeHost, folder: Path) -> dict[str, Callable[[], None]]:
    ssh = folder / "ssh"
    ssh.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {host.ssh_config} "$@"\n')
    ssh.chmod(0o755)
    environment = {
        **os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "CURL_HOME": str(host.folder),
        "ROLLBACK_INCIDENTS": str(folder / "incidents"), 
        "ANSIBLE_SSH_ARGS": f"-F {host.ssh_config} -o ControlMaster=auto -o ControlPersist=60s",
        "ANSIBLE_PIPELINING": "1",
        "LC_ALL": "C.UTF-8",
    }  # fmt: skip
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # people's machines keep compiled modules
    (folder / "inventory.py").write_text(f'hosts = [("contabo", {{"ssh_config_file": "{host.ssh_config}"}})]\n')
    (folder / "inventory.ini").write_text("contabo\n")
    ours = [PROJECT / ".venv/bin/rollback", "run", "code", "--stack", host.folder / "stack.yaml", "--apply", "--confirm", "contabo"]
    bench = PROJECT / ".bench" / "bin"
    argv: dict[str, list[object]] = {
        "page": ["bash", PEERS / "page.sh"],
        "rollback": ours,
        "fabric": [bench / "python", PEERS / "fabric_peer.py", host.ssh_config],
        "pyinfra": ["bash", "-c", f"{bench}/pyinfra -y {folder}/inventory.py {PEERS}/pyinfra_deploy.py && {HEALTHY}"],
        "ansible": ["bash", "-c", f"{bench}/ansible-playbook -i {folder}/inventory.ini {PEERS}/playbook.yml && {HEALTHY}"],
    }

    def runner(words: list[object]) -> Callable[[], None]:
        def run() -> None:
            done = subprocess.run(list(map(str, words)), env=environment, capture_output=True, text=True, timeout=120)
            if done.returncode:
                raise SystemExit(f"{words[0]}: {done.stdout[-600:]}{done.stderr[-600:]}")

        return run

    return {name: runner(words) for name, words in argv.items()}


def _measure(host: PracticeHost, contenders: dict[str, Callable[[], None]], rounds: int, before: str) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            host.exec(before)
            started = time.monotonic()
            run()
            if number:  # the first round only warms caches
                seconds[name].append(time.monotonic() - started)
        print(f"round {number} of {rounds} done", file=sys.stderr)
    return seconds


def _slow(host: PracticeHost, contenders: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    host.exec(FORGET)
    host.exec(f"{SLOW}\n{BREAK}")
    contenders["rollback"]()  # builds the good commit once, and keeps its image
    prune = "docker builder prune --all --force >/dev/null"
    return _measure(host, {name: contenders[name] for name in ("page", "rollback")}, rounds, f"{BREAK}\n{prune}")


def _print(title: str, seconds: dict[str, list[float]]) -> None:
    page = statistics.median(seconds["page"])
    print(f"\n{title}: median of {len(seconds['page'])}\n")
    print("| | seconds | of the page |\n|---|---|---|")
    for name, taken in seconds.items():
        median = statistics.median(taken)
        print(f"| {name} | {median:.2f} ({min(taken):.2f} to {max(taken):.2f}) | {median / page:.2f} |")
    print(json.dumps(seconds), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

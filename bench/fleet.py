"""Planning a code rollback on many hosts: this project beside pyinfra, Ansible and plain ssh, eight hosts at a time, in turn.

`bench/run fleet 50`, on a machine that does nothing else. All hosts are one practice host under so many names, so it is the client that is
measured, and a host that serves eight at once. The others look at the same as far as they can say what would change: the commits, the
difference to the one before, the containers, the route. Only this project also proves the target, and that the apply could be made.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.peers import BIN, PEERS
from lab.practice_host import PracticeHost
from rollback_lib.settings import PROJECT

AT_ONCE = 8
NAME, SSH_PORT, HTTPS_PORT = "bench", 22962, 22963
TOOLS = PROJECT / ".bench" / "bin"
LOOKS = (
    "cd /opt/dyniq-voice && git log --oneline -10",
    "cd /opt/dyniq-voice && git status --porcelain && git diff --stat HEAD~1 HEAD",
    "docker ps --format '{{.Names}} {{.Image}} {{.Status}}'",
    "curl -ksS -o /dev/null -w '%{http_code}' --resolve agents-api.dyniq.ai:443:127.0.0.1 https://agents-api.dyniq.ai/health",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench/run fleet", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hosts", nargs="?", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    host = PracticeHost(NAME, SSH_PORT, HTTPS_PORT)
    try:
        host.up()
        host.reset()
        host.break_("code")
        with TemporaryDirectory(prefix="bench-") as folder:
            measure(host, Path(folder), chosen.hosts, chosen.rounds)
    finally:
        host.down()
    return 0


def measure(host: PracticeHost, folder: Path, hosts: int, rounds: int) -> None:
    """Print a table: the median time of each, and how it compares with this project."""
    contenders, env = prepared(host, folder, hosts)
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    before = os.getloadavg()[0]
    for _ in range(rounds):
        for name, words in contenders.items():
            started = time.monotonic()
            done = subprocess.run(words, env=env, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            taken[name].append(time.monotonic() - started)
            if done.returncode:
                sys.exit(f"bench: {name} exited with {done.returncode}: {done.stdout[-800:]}{done.stderr[-800:]}")
    ours = statistics.median(taken["rollback"])
    print(f"{hosts} hosts, {AT_ONCE} at a time, {rounds} rounds; load before {before:.1f} on {os.cpu_count()} cores")
    print("| who | all hosts | per host | beside this project |\n|---|---|---|---|")
    for name, seconds in taken.items():
        median = statistics.median(seconds)
        print(f"| {name} | {median:.1f} s | {median / hosts:.2f} s | {median / ours:.2f} |")


def prepared(host: PracticeHost, folder: Path, hosts: int) -> tuple[dict[str, list[str]], dict[str, str]]:
    """The command of each contender, and the environment of all."""
    names = [f"host-{number:03}" for number in range(hosts)]
    config, stacks = folder / "ssh_config", folder / "stacks"
    config.write_text(host.ssh_config.read_text().replace("Host contabo", f"Host {' '.join(names)}", 1))
    stacks.mkdir()
    text = (host.folder / "stack.yaml").read_text().replace(str(host.ssh_config), str(config))
    for name in names:
        (stacks / f"{name}.yaml").write_text(text.replace("host: contabo", f"host: {name}", 1))
    (folder / "names").write_text("\n".join(names) + "\n")
    (folder / "looks.sh").write_text("\n".join(LOOKS) + "\n")
    (folder / "inventory.ini").write_text("\n".join(names) + "\n")
    (folder / "inventory.py").write_text(f"hosts = [(name, {{'ssh_config_file': '{config}'}}) for name in {names}]\n")
    each = f"xargs -P {AT_ONCE} -I HOST"
    contenders = {
        "rollback": f"{each} {BIN}/rollback run code --stack stacks/HOST.yaml --quiet <names",
        "ssh": f"{each} sh -c 'ssh -F {config} HOST sh -s <looks.sh' <names",
        "pyinfra": f"{TOOLS}/pyinfra --dry --parallel {AT_ONCE} inventory.py {PEERS}/fleet_plan.py",
        "ansible": f"{TOOLS}/ansible-playbook --check --forks {AT_ONCE} -i inventory.ini {PEERS}/fleet_plan.yml",
    }
    env = {
        **os.environ, "ROLLBACK_INCIDENTS": str(folder / "incidents"), "LC_ALL": "C.UTF-8", "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_SSH_ARGS": f"-F {config} -o ControlMaster=auto -o ControlPersist=2s", "LOOKS": str(folder / "looks.sh"),
    }  # fmt: skip
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # people's machines keep compiled modules
    return {name: ["sh", "-c", command] for name, command in contenders.items()}, env


if __name__ == "__main__":
    sys.exit(main())

"""How often a rollback waits for its host: each time costs the way there and back."""

from pathlib import Path

import yaml

from lab.relay import Relay
from tests.machine import Machine

FAR = 0.3  # seconds; the host takes less for most of what it is asked, so that two round trips are not counted as one
MOST = 36  # what was seen is 33, connection, channels and lock included


def test_a_code_rollback_takes_few_round_trips(broken: Machine, tmp_path: Path) -> None:
    host = broken.host
    with Relay(host.ssh_port, FAR) as relay:
        config = tmp_path / "ssh_config"
        alias = f"  HostKeyAlias [127.0.0.1]:{host.ssh_port}\n"
        config.write_text(host.ssh_config.read_text().replace(f"Port {host.ssh_port}", f"Port {relay.listening}") + alias)
        stack = yaml.safe_load(broken.stack.read_text())
        stack["stack"]["ssh_config"] = str(config)
        far = tmp_path / "stack.yaml"
        far.write_text(yaml.safe_dump(stack))
        done = broken.rollback("--apply", "--confirm", "contabo", stack=far)
        assert done.status == 0, done.out + done.err
        assert relay.round_trips <= MOST

"""The same work with Fabric, over one connection."""

import subprocess
import sys

from fabric import Config, Connection
from paramiko import SSHConfig

settings = SSHConfig.from_path(sys.argv[1])
with Connection("contabo", config=Config(ssh_config=settings)) as link:
    link.run("cd /opt/dyniq-voice && git log --oneline -10", hide=True)
    link.run("cd /opt/dyniq-voice && git checkout -q HEAD~1 .", hide=True)
    link.run("cd /opt/dyniq-voice/docker && docker compose build agents-api", hide=True)
    link.run("cd /opt/dyniq-voice/docker && docker compose up -d agents-api --force-recreate", hide=True)
subprocess.run(["bash", "-c", "until curl -fs https://agents-api.dyniq.ai/health >/dev/null; do sleep 0.1; done"], check=True)

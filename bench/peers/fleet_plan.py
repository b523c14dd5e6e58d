"""What a pyinfra deploy can tell of a code rollback before it is made (`--dry`): it looks, and then says which commands it would run."""

import os
from pathlib import Path

from pyinfra import host
from pyinfra.facts.server import Command
from pyinfra.operations import server

for line in Path(os.environ["LOOKS"]).read_text().splitlines():
    host.get_fact(Command, line)
server.shell(name="revert", commands=["cd /opt/dyniq-voice && git checkout -q HEAD~1 ."])
server.shell(name="build", commands=["cd /opt/dyniq-voice/docker && docker compose build agents-api"])
server.shell(name="recreate", commands=["cd /opt/dyniq-voice/docker && docker compose up -d agents-api --force-recreate"])

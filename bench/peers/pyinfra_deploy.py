"""The same work as a pyinfra deploy."""

from pyinfra.operations import server

server.shell(name="log", commands=["cd /opt/dyniq-voice && git log --oneline -10"])
server.shell(name="revert", commands=["cd /opt/dyniq-voice && git checkout -q HEAD~1 ."])
server.shell(name="build", commands=["cd /opt/dyniq-voice/docker && docker compose build agents-api"])
server.shell(name="recreate", commands=["cd /opt/dyniq-voice/docker && docker compose up -d agents-api --force-recreate"])

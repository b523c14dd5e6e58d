"""Secrets of a host appear in nothing that is written or shown, wherever they are kept and wherever they occur."""

import secrets

from tests.machine import Machine

# Containers that a stack is about, by service and folder of their compose project: the proxy, another service, one that uses a database.
OTHERS = {"caddy": "/opt/dyniq-voice/docker", "ruben-api": "/opt/dyniq-voice/docker", "n8n": "/opt/n8n"}


def test_what_only_a_container_holds_is_hidden_wherever_it_turns_up(clean: Machine) -> None:
    """Others have secrets that are in no file which the stack names. A build, the log of the service that is rolled back, and what it
    answers users show them all the same."""
    planted = {service: f"of-{service}-{secrets.token_hex(8)}" for service in OTHERS}
    for service, value in planted.items():
        held = clean.ssh(f"""cd {OTHERS[service]}; printf 'services: {{{service}: {{environment: [EDGE_TOKEN]}}}}\\n' >/root/{service}.yml
            EDGE_TOKEN={value} docker compose -f docker-compose.yml -f /root/{service}.yml up -d {service} >/dev/null 2>&1
            docker inspect $(docker compose ps -q {service})""")
        assert value in held
        assert value not in clean.ssh("cat /opt/dyniq-voice/.env /opt/dyniq-voice/docker/.env")
    says = " ".join(planted.values())
    target = clean.commit("prints while it is built", f"echo 'RUN echo built with {says}' >>agents_api/Dockerfile")
    fails = f"""sed -i 's/^VERSION = .*/VERSION = "{says}"/; s/{{"error": type.*}}/{{"error": VERSION}}/' agents_api/server.py
        sed -i 's/^    connection = psycopg2.connect.*/    raise RuntimeError(VERSION)/' agents_api/server.py"""
    clean.commit("prints and fails", fails, deploy=True)
    clean.ssh(f"""timeout 60 sh -c 'until docker logs docker-agents-api-1 2>&1 | grep -q "{says} listening"; do sleep 0.1; done'""")
    assert clean.health() == (500, f'{{"error": "{says}"}}')

    runs = [clean.rollback(procedure="triage"), clean.apply("-p", f"target={target}")]

    assert [done.record["verdict"] for done in runs] == ["looked", "succeeded"], runs[-1].out + runs[-1].err
    hidden = " ".join(["‹redacted›"] * len(planted))
    for done in runs:
        text = done.everything()
        assert f"RuntimeError: {hidden}" in text
        assert f'{{"error": "{hidden}"}}' in [event["said"] for event in done.events if event["event"] == "probe"]
        assert [value for value in planted.values() if value in text or value[:20] in text] == []
    assert f"built with {hidden}" in (runs[-1].folder / "output" / "build.txt").read_text()

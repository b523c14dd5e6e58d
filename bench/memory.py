"""How much memory a rollback takes, also when a step on the host prints 100 MB."""

from collections.abc import Iterator

from bench.results import Taken
from bench.rollbacks import OURS, Rollback
from bench.site import Site

PRINTED = 100_000_000  # bytes
DOCKER = "/usr/local/bin/docker"  # comes before the real one in the host's PATH
# A build prints that much first, in lines of 100 characters.
TALKING = rf"""cat >{DOCKER} <<'EOF'
#!/bin/sh
case " $* " in *" build "*) yes "$(printf '%099d' 7)" | head -c {PRINTED} ;; esac
exec /usr/bin/docker "$@"
EOF
chmod +x {DOCKER}"""
BUILDS = {"a build that prints little": f"rm -f {DOCKER}", "a build that prints 100 MB": TALKING}


def memory(rollback: Rollback, site: Site, rounds: int) -> Iterator[Taken]:
    """A rollback whose build prints little, and the same with a build that prints 100 MB."""
    words = rollback.made(site)[OURS]
    for name, docker in BUILDS.items():
        site.host.exec(docker)
        for _ in range(rounds):
            site.host.exec(rollback.before)
            yield name, site.run(words, memory=True)

"""The process of a container, as the host sees it."""

from rollback_lib.facts.docker import Container

# pid CONTAINER ID PID: the id of the container's first process, 0 if it does not run. PID is what Docker said a moment ago. Docker is asked
# again if that process is gone, or is not in a control group that has the container's id in its name.
PID = """
pid() {
    if grep -qsF -e "$2" "/proc/$3/cgroup"; then echo "$3"; else docker inspect --format '{{.State.Pid}}' "$1"; fi
}
"""


def words(container: Container | str) -> tuple[str, str, str]:
    """The words after `pid` in a script. Of a container that is known by its name only, Docker is asked."""
    return (container, "-", "0") if isinstance(container, str) else (container.name, container.id, str(container.pid))

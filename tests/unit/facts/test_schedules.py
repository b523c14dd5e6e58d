"""Clean-ups of Docker at set times."""

import pytest

from rollback_lib.facts.schedules import Cleanup, cleanups


@pytest.mark.parametrize(
    ("line", "command", "containers"),
    [
        ("0 3 * * * root docker image prune -af >/dev/null 2>&1", "docker image prune -af", False),
        ("@daily docker system prune -a --filter until=72h && TOKEN=x curl y", "docker system prune -a --filter until=72h", True),
        ('docker container prune -f --filter "label!=rollback.holds"', 'docker container prune -f --filter "label!=rollback.holds"', False),
    ],
)  # fmt: skip
def test_a_clean_up_is_told_by_its_command_and_nothing_else_of_the_line(line: str, command: str, containers: bool) -> None:
    out = "".join(f"{word}\0" for word in ("dump", "/etc/cron.d/prune", "/etc/cron.d/prune", line, ""))
    (found,) = cleanups().read(out)
    assert found == Cleanup("/etc/cron.d/prune", command)
    assert found.containers is containers


def test_a_clean_up_can_be_told_to_leave_what_holds_images() -> None:
    found = Cleanup("cron", "docker system prune -af")
    assert found.sparing == 'docker system prune -af --filter "label!=rollback.holds"'
    assert not Cleanup("cron", found.sparing).containers

"""Values that a shell would act on, and stack files that have one of them."""

import yaml

HOSTILE = [
    "$(touch /tmp/pwned)",
    "; touch /tmp/pwned",
    "`touch /tmp/pwned`",
    "' ; touch /tmp/pwned ; '",
    '"; touch /tmp/pwned; "',
    "--help",
    "a\nb",
]
KEYS = ["name", "host", "tree", "compose_directory", "state_directory", "service", "env_files", "url", "connect_to"]


def hostile(stack: str, key: str, value: str) -> str:
    """The text of a stack file in which the key has this value."""
    content = yaml.safe_load(stack)
    code, route = content["stack"]["code"], content["stack"]["routes"][0]
    place = {"service": code, "env_files": code, "url": route, "connect_to": route}.get(key, content["stack"])
    place[key] = [value] if key == "env_files" else value
    return yaml.safe_dump(content)

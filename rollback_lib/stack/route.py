"""Routes, and when what they answer counts as healthy."""

from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from rollback_lib.stack.values import Address, HeaderName, Keys, Name, SecretReference, Statuses, Url


class Expect(Keys):
    """What a route answers when it is healthy."""

    status: Statuses = Field(default=200, description="The HTTP status, or a list of those that are right.")
    body: str = Field(default="", description="A text that has to occur in the answer's body.")

    @property
    def statuses(self) -> list[int]:
        """Those that are right."""
        return self.status if isinstance(self.status, list) else [self.status]

    def objection(self, status: int, body: str) -> str:
        """What is not as expected of an answer; "" where all is."""
        if status not in self.statuses:
            return f"the status {' or '.join(map(str, self.statuses))} is expected"
        return "" if self.body in body else f"“{self.body}” does not occur in it"


class Route(Keys):
    """A route that users take to a service. Health is measured on it."""

    name: Name = Field(description="What the route is called in plans and records.")
    url: Url = Field(description="The address that is asked, as users see it; it may have a query.")
    service: Name = Field(description="The compose service that answers it.")
    expect: Expect = Field(default_factory=Expect, description="What it answers when it is healthy.")
    headers: dict[HeaderName, SecretReference] = Field(
        default_factory=dict, description="Headers that are sent with each request, such as `Authorization`: references, never values."
    )
    connect_to: Address | None = Field(default=None, description="`HOST:PORT` to connect to instead of what DNS says, as curl does.")
    ca: str | None = Field(default=None, description="A file of authorities instead of the system's; relative to the runbook folder.")

    @field_validator("headers")
    @classmethod
    def _no_host(cls, value: dict[str, str]) -> dict[str, str]:
        names = [name.lower() for name in value]
        if "host" in names or len(set(names)) < len(names):
            raise ValueError("each header once is expected, and no Host, which is that of the url")
        return value


class Health(Keys):
    """When a stack counts as healthy: enough probes in a row on every route, before the deadline."""

    passes: PositiveInt = Field(default=3, description="How many probes in a row have to pass on every route.")
    every: PositiveFloat = Field(default=0.5, description="Seconds between two probes of a route.")
    timeout: PositiveFloat = Field(default=5.0, description="Seconds that a probe waits for its answer.")
    deadline: PositiveFloat = Field(default=60.0, description="Seconds after which a stack that is not healthy yet counts as failed.")

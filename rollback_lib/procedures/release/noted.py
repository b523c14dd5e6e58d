"""What the plan of a release rollback notes about the host: the containers that are recreated, and the plans of which it is made."""

from typing import Annotated

from pydantic import Field, PlainSerializer, PlainValidator

from rollback_lib.plan.noted import Noted
from rollback_lib.plan.plan import Plan
from rollback_lib.procedures.common.replicas import Replicas


def _plan(known: object) -> Plan:
    return known if isinstance(known, Plan) else Plan.from_plain(known)


Part = Annotated[Plan, PlainValidator(_plan), PlainSerializer(Plan.plain)]


class Service(Noted):
    """A service that is recreated. `held` are the different hashes of the variables in its containers, `networks` those that each of its
    containers is on, by container."""

    replicas: Replicas
    held: tuple[str, ...]
    networks: dict[str, tuple[str, ...]]


class Before(Noted):
    """The state before the rollback: the services that are recreated, in that order."""

    services: dict[str, Service]


class After(Noted):
    """The state that is asked for. `images` are the images of the recreated services, by id or by the name under which they are kept.
    `parts` are the plans of which this one is made, without their steps, by what they are about. `schemas` are the hashes of tables and
    columns that the restored databases had at the release, by name; in no record of earlier versions."""

    images: dict[str, str]
    parts: dict[str, Part]
    schemas: dict[str, str] = Field(default_factory=dict)

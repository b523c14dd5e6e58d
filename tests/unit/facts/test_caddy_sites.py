"""The sites of a Caddy, from its configuration as JSON."""

import json
from typing import Any

from rollback_lib.facts.caddy_sites import Site, sites


def read(servers: dict[str, Any], **apps: Any) -> list[Site] | None:
    return sites("c").read(json.dumps({"apps": {"http": {"servers": servers}, **apps}}))


def route(*dials: str, **match: list[str]) -> dict[str, Any]:
    handle = {"handler": "reverse_proxy", "upstreams": [{"dial": dial} for dial in dials]}
    return {"match": [match] if match else [], "handle": [{"handler": "subroute", "routes": [{"handle": [handle]}]}]}


def test_names_ports_and_targets() -> None:
    found = read(
        {
            "a": {"listen": [":443"], "routes": [route("web:8000", host=["shop.example", "www.shop.example"])]},
            "b": {"listen": [":80"], "routes": [route("old:80")]},
            "c": {"listen": [":8443"], "routes": [route("api:1", host=["api.example"])]},
            "d": {"listen": [":9000"], "routes": [route("raw:1")], "automatic_https": {"disable": True}},
        }
    )
    assert found == [
        Site("shop.example", True, 443, "/", "web:8000", False),
        Site("www.shop.example", True, 443, "/", "web:8000", False),
        Site("", False, 80, "/", "old:80", False),
        Site("api.example", True, 8443, "/", "api:1", False),
        Site("", False, 9000, "/", "raw:1", False),
    ]


def test_what_is_matched_inside_and_files() -> None:
    inner = [route("api:1", path=["/api/*"]), {"handle": [{"handler": "file_server"}]}]
    outer = {"match": [{"host": ["shop.example"]}], "handle": [{"handler": "subroute", "routes": inner}]}
    found = read({"a": {"listen": [":443"], "routes": [outer]}}, tls={"automation": {"policies": [
        {"subjects": ["shop.example"], "issuers": [{"module": "internal"}]}]}})  # fmt: skip
    assert found == [Site("shop.example", True, 443, "/api/", "api:1", True), Site("shop.example", True, 443, "/", "", True)]


def test_a_caddy_without_sites() -> None:
    assert sites().read("null") == []

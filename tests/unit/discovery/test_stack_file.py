"""Hosts of many shapes, as Docker, compose and git tell of them, and the stack files that come of them."""

import json
from typing import Any

import pytest
import yaml

from rollback_lib.discovery import project, stack_file
from rollback_lib.errors import Refused
from rollback_lib.facts import mariadb
from rollback_lib.facts.dumps import Dumps
from rollback_lib.facts.inside_container import Answer
from rollback_lib.facts.schedules import Dump, Schedules
from rollback_lib.settings import PROJECT
from rollback_lib.stack import schema
from rollback_lib.stack.model import Stack
from tests.builders.compose_host import NOW, config, container, host, server
from tests.builders.told import FAILS, Told

SHOP = "/opt/shop"
BUILT = {"build": {"context": SHOP, "dockerfile": "Dockerfile"}, "networks": {"default": None}}


def file_of(told: Told, name: str = "", **options: Any) -> str:
    """The file that a look at the host gives."""
    found = project.survey(told, "shop-1")
    assert found is not None
    seen = project.project(told, found, project.chosen(found.offers, "shop-1", name), "shop-1")
    lines = stack_file.lines(told, seen, name=seen.title, alias="shop-1", address="203.0.113.7", **options)
    return stack_file.written(seen, lines, "shop-1", NOW)


def stack_of(told: Told, name: str = "", **options: Any) -> dict[str, Any]:
    return yaml.safe_load(file_of(told, name, **options))["stack"]


def shop(*more: dict[str, Any], **changes: Any) -> list[dict[str, Any]]:
    """The one service of a shop, and other containers."""
    known = {"folder": SHOP, "files": [f"{SHOP}/compose.yaml"], "networks": ["shop_default"], "ports": {"8000/tcp": "0.0.0.0:8080"}}
    return [container("shop-web-1", "shop", "web", **{**known, **changes}), *more]


def told_of_shop(
    containers: list[dict[str, Any]], *known: tuple[str, object], services: dict[str, Any] | None = None, tree: str = SHOP
) -> Told:
    answer = config("shop", services or {"web": BUILT})
    return host(containers, *known, ("config --no-interpolate", answer), ("config --format=json", answer), tree=tree)


def practice_host() -> Told:
    """The practice host, as it is when it is clean."""
    tree, docker = "/opt/dyniq-voice", "/opt/dyniq-voice/docker"
    way: dict[str, Any] = {"folder": docker, "files": [f"{docker}/docker-compose.yml"]}

    def other(name: str, service: str, **known: Any) -> dict[str, Any]:
        folder = f"/opt/{name}"
        return container(f"{name}-{service}-1", name, service, folder=folder, files=[f"{folder}/docker-compose.yml"],
                         networks=[f"{name}_default"], **known)  # fmt: skip

    def build(name: str) -> dict[str, Any]:
        return {"build": {"context": tree, "dockerfile": f"{name}/Dockerfile"}, "networks": {"default": None}}

    services: dict[str, Any] = {
        "agents-api": {**build("agents_api"), "networks": {"default": None, "voice_default": None}, "env_file": [{"path": f"{tree}/.env"}]},
        "caddy": {"image": "localhost:5000/library/caddy:2", "networks": {"default": None}},
        "ruben-api": build("ruben_api"),
    }
    prod = {name: {**one, "image": f"localhost:5000/dyniq/{name}:latest"} if name != "caddy" else one for name, one in services.items()}
    names = {"agents-api.dyniq.ai": "agents-api:8000", "ruben-api.dyniq.ai": "ruben-api:8000", "n8n.dyniq.ai": "n8n-n8n-1:8000"}
    handled = [{"match": [{"host": [name]}], "handle": [{"handler": "subroute", "routes": [
        {"handle": [{"handler": "reverse_proxy", "upstreams": [{"dial": dial}]}]}]}]} for name, dial in names.items()]  # fmt: skip
    authority = {"automation": {"policies": [{"issuers": [{"module": "internal"}]}]}}
    sites = {"apps": {"http": {"servers": {"srv0": {"listen": [":443"], "routes": handled}}}, "tls": authority}}
    url = "DATABASE_URL=postgresql://dyniq:a-password-of-the-host@voice-postgres-1/dyniq"
    dumps = Dumps(tuple(f"/backup/{name}-2026112{day}.sql" for day in (9, 8, 7) for name in ("voice", "n8n")), ())
    return host(
        [
            container("docker-agents-api-1", "docker", "agents-api", **way, networks=["docker_default", "voice_default"], env=[url]),
            container("docker-ruben-api-1", "docker", "ruben-api", **way, networks=["docker_default"]),
            container("docker-caddy-1", "docker", "caddy", **way, image="localhost:5000/library/caddy:2",
                      networks=["docker_default", "n8n_default", "nocodb_default", "langfuse_default"],
                      ports={"443/tcp": ":443", "80/tcp": ":80"}, mounts={"/etc/caddy/Caddyfile": f"{docker}/Caddyfile"}),
            other("voice", "postgres", image="postgres:17", env=["POSTGRES_USER=dyniq", "POSTGRES_DB=dyniq"]),
            other("n8n", "postgres", image="postgres:17", env=["POSTGRES_USER=n8n", "POSTGRES_DB=n8n"]),
            other("n8n", "n8n", image="python:3.13-slim"),
            *(other(name, name) for name in ("nocodb", "langfuse", "registry")),
        ],
        ("find \"$folder/\"", dumps),
        ("docker exec -i voice-postgres-1", server("dyniq", "postgres")), ("docker exec -i n8n-postgres-1", server("n8n", "postgres")),
        ("ls-files --error-unmatch", f"{tree}/.env\0"),
        ("*compose*.y*ml", f"{docker}/docker-compose.prod.yml\0{docker}/docker-compose.yml\0"),
        ("caddy adapt", json.dumps(sites)),
        ("nsenter", lambda fact: Answer((8000,), 200 if fact.commands[0].argv[-2] == "/health" else 404, "")),
        ("config --no-interpolate", config("docker", services, ["voice_default"])),
        ("docker-compose.prod.yml --profile", config("docker", prod, ["voice_default"])),
        ("config --format=json", config("docker", services, ["voice_default"])),
        tree=tree,
    )  # fmt: skip


def test_the_practice_host_gives_what_parameters_drill_says_of_it() -> None:
    """But for what only this machine knows: by which port and authority its routes are reached, and how long they may take."""
    told = practice_host()
    text = file_of(told, "docker")
    made, known = yaml.safe_load(text)["stack"], yaml.safe_load((PROJECT / "parameters" / "drill.yaml").read_text())["stack"]
    same = ("name", "tree", "compose_directory", "env", "caddyfile", "databases")
    assert {key: made[key] for key in same} == {key: known[key] for key in same}
    assert made["redeploy"]["networks"] == {"docker-caddy-1": sorted(known["redeploy"]["networks"]["docker-caddy-1"])}
    assert made["code"] == {"services": ["agents-api", "ruben-api"], "env_files": known["code"]["env_files"]}
    assert made["image"] == {"services": ["agents-api", "ruben-api"], "files": known["image"]["files"]}
    assert made["routes"] == [{key: route[key] for key in ("name", "service", "url")} for route in known["routes"]]
    assert Stack.load(made).code.main == known["code"]["service"]
    assert text.splitlines()[0] == schema.LINE
    assert "a-password-of-the-host" not in text
    assert "n8n.dyniq.ai goes to n8n-n8n-1:8000" in text
    assert "# ca: FILE" in text
    assert len(told.asked) <= 7, "round trips"


def test_a_project_with_an_override_and_env_files_is_called_as_it_was() -> None:
    files, env_files = [f"{SHOP}/compose.yaml", f"{SHOP}/compose.override.yaml"], [f"{SHOP}/live.env"]
    made = stack_of(told_of_shop(shop(files=files, env_files=env_files)))
    assert made["compose"] == {"project": "shop", "files": files, "env_files": env_files}
    assert made["code"] == {"service": "web"}
    assert Stack.load(made).compose_directory == SHOP


def test_without_a_proxy_routes_are_guessed_by_what_is_published() -> None:
    text = file_of(told_of_shop(shop()))
    assert yaml.safe_load(text)["stack"]["routes"] == [{"name": "web", "service": "web", "url": "http://203.0.113.7:8080/"}]
    assert "guess: shop-web-1 publishes 8080→8000" in text


def test_a_port_of_the_host_alone_is_no_route() -> None:
    text = file_of(told_of_shop(shop(ports={"8000/tcp": "127.0.0.1:8080"})))
    assert "routes" not in yaml.safe_load(text)["stack"]
    assert "# not found: routes: there is no proxy" in text


def test_the_health_check_of_a_service_tells_the_path() -> None:
    test = ["CMD-SHELL", "curl -f http://localhost:8000/api/live || exit 1"]
    assert stack_of(told_of_shop(shop(test=test)))["routes"][0]["url"] == "http://203.0.113.7:8080/api/live"


def test_of_a_health_check_with_a_query_nothing_is_taken() -> None:
    test = ["CMD", "curl", "-f", "http://localhost:8000/live?token=a-secret-of-somebody"]
    text = file_of(told_of_shop(shop(test=test)))
    assert "a-secret-of-somebody" not in text
    assert 'url: "http://203.0.113.7:8080/"' in text


def test_a_service_that_answers_any_path_is_asked_for_its_root() -> None:
    made = stack_of(told_of_shop(shop(), ("nsenter", Answer((8000,), 200, ""))))
    assert made["routes"][0]["url"] == "http://203.0.113.7:8080/"


NGINX = """http {
  log_format main '$remote_addr; "{';
  upstream web { server 127.0.0.1:8080; server 127.0.0.1:8081; }
  server { listen 80; server_name shop.example www.shop.example; return 301 https://shop.example$request_uri; }
  server { listen 443 ssl http2; server_name shop.example; # users
    location / { proxy_pass http://web; } location /static/ { root /srv; } }
  server { listen 443 ssl; server_name other.example; location / { proxy_pass http://127.0.0.1:9999; } }
}"""


def test_an_nginx_of_the_host_itself_is_asked_for_its_servers() -> None:
    containers = shop(ports={"8000/tcp": "127.0.0.1:8080"})
    text = file_of(told_of_shop(containers, ("pgrep", "nginx\n"), ("cd /etc/nginx", NGINX)))
    assert yaml.safe_load(text)["stack"]["routes"] == [{"name": "web", "service": "web", "url": "https://shop.example/"}]
    assert "not of this stack: other.example goes to 127.0.0.1:9999" in text


def test_an_nginx_in_a_container_is_asked_for_its_servers() -> None:
    front = container("edge-nginx-1", "edge", "nginx", folder="/opt/edge", files=["/opt/edge/compose.yaml"], image="nginx:1.27",
                      networks=["shop_default"], ports={"443/tcp": "0.0.0.0:443"})  # fmt: skip
    said = "server { listen 443 ssl; server_name shop.example; location /api/ { proxy_pass http://web:8000/; } }"
    text = file_of(told_of_shop(shop(front, ports={}), ("docker exec edge-nginx-1", said)), "shop")
    assert [route["url"] for route in yaml.safe_load(text)["stack"]["routes"]] == ["https://shop.example/api/"]


def test_a_proxy_on_the_network_of_the_host_and_one_behind_a_tunnel() -> None:
    way: dict[str, Any] = {"folder": "/opt/edge", "files": ["/opt/edge/compose.yaml"], "image": "nginx:1.27"}
    of_host = container("edge-nginx-1", "edge", "nginx", **way, networks=["host"])
    ports = {"8000/tcp": "127.0.0.1:8080"}
    made = stack_of(told_of_shop(shop(of_host, ports=ports), ("docker exec edge-nginx-1", NGINX)), "shop")
    assert [route["url"] for route in made["routes"]] == ["https://shop.example/"]
    behind = container("edge-nginx-1", "edge", "nginx", **way, networks=["shop_default"])
    said = "server { listen 80; server_name shop.example; location / { proxy_pass http://web:8000; } }"
    made = stack_of(told_of_shop(shop(behind, ports={}), ("docker exec edge-nginx-1", said)), "shop")
    assert [route["url"] for route in made["routes"]] == ["http://shop.example/"]


def test_containers_that_were_started_in_another_way_are_told() -> None:
    other = container(
        "shop-job-1", "shop", "job", folder=SHOP, files=[f"{SHOP}/compose.yaml", f"{SHOP}/job.yaml"], networks=["shop_default"]
    )
    assert "# some containers were started with other files than the newest one: /opt/shop/compose.yaml" in file_of(
        told_of_shop(shop(other))
    )


TRAEFIK = container("edge-traefik-1", "edge", "traefik", folder="/opt/edge", files=["/opt/edge/compose.yaml"], image="traefik:v3",
                    networks=["shop_default"], ports={"443/tcp": "0.0.0.0:443"})  # fmt: skip
LABELS = {
    "traefik.enable": "true", "traefik.http.routers.web.rule": "Host(`shop.example`, `www.shop.example`) && PathPrefix(`/api`)",
    "traefik.http.routers.web.entrypoints": "websecure", "traefik.http.middlewares.a.basicauth.users": "anna:$$apr1$$a-secret-of-anna",
}  # fmt: skip


def test_labels_for_traefik_are_guesses() -> None:
    text = file_of(told_of_shop(shop(TRAEFIK, ports={}, labels=LABELS)), "shop")
    made = yaml.safe_load(text)["stack"]["routes"]
    assert {route["url"] for route in made} == {"https://shop.example/api/", "https://www.shop.example/api/"}
    assert {route["name"] for route in made} == {"web-shop", "web-www"}
    assert text.count("guess: by the label traefik.http.routers.web.rule of shop-web-1") == 2
    assert "a-secret-of-anna" not in text


@pytest.mark.parametrize(
    ("label", "value", "scheme"), [("tls.certresolver", "le", "https"), ("tls", "true", "https"), ("tls", "false", "http")]
)
def test_labels_for_traefik_tell_of_tls(label: str, value: str, scheme: str) -> None:
    labels = {"traefik.http.routers.web.rule": "Host(`shop.example`)", f"traefik.http.routers.web.{label}": value}
    made = stack_of(told_of_shop(shop(TRAEFIK, ports={}, labels=labels)), "shop")
    assert [route["url"] for route in made["routes"]] == [f"{scheme}://shop.example/"]


def test_two_proxies_that_lead_to_the_project_are_refused() -> None:
    containers = shop(TRAEFIK, ports={"8000/tcp": "127.0.0.1:8080"}, labels=LABELS)
    with pytest.raises(Refused, match="two proxies lead to the project shop, Traefik in edge-traefik-1 and nginx on the host itself"):
        file_of(told_of_shop(containers, ("pgrep", "nginx\n"), ("cd /etc/nginx", NGINX)), "shop")


def test_a_stack_without_git_has_no_tree_and_no_code() -> None:
    text = file_of(told_of_shop(shop(), tree=""))
    made = Stack.load(yaml.safe_load(text)["stack"])
    assert (made.tree, made.code) == (None, None)
    assert "is in no git work tree, so there are no commits to go back to" in text


def test_the_image_of_a_registry_is_found_in_the_files_in_use() -> None:
    services = {"db": {"image": "postgres:17"}, "web": {"image": "ghcr.io/acme/shop:1.2"}}
    text = file_of(told_of_shop(shop(image="ghcr.io/acme/shop:1.2"), services=services))
    assert yaml.safe_load(text)["stack"]["image"] == {"service": "web", "files": [f"{SHOP}/compose.yaml"]}
    assert "# not found: a service that is built here" in text


def test_replicas_are_told() -> None:
    second = container("shop-web-2", "shop", "web", folder=SHOP, files=[f"{SHOP}/compose.yaml"], networks=["shop_default"], number=2)
    assert "# web runs as 2 containers; as many stay" in file_of(told_of_shop(shop(second)))


POSTGRES = container("shop-db-1", "shop", "db", folder=SHOP, files=[f"{SHOP}/compose.yaml"], image="postgres:17", networks=["shop_default"],
                     env=["POSTGRES_USER=root", "POSTGRES_DB=shop", "POSTGRES_PASSWORD=hunter2hunter2"])  # fmt: skip


def test_a_database_without_a_backup_is_named_with_what_to_write() -> None:
    text = file_of(told_of_shop(shop(POSTGRES), ("docker exec -i shop-db-1", server("shop", "postgres", "shop__before_0a1b2c"))))
    assert "databases" not in yaml.safe_load(text)["stack"]
    assert "# not found: backups of the database shop in shop-db-1" in text
    assert "env" not in yaml.safe_load(text)["stack"]
    assert "#   - {name: shop, container: shop-db-1, database: shop, user: root, backups: /PATH/shop-*}" in text
    assert "hunter2" not in text


def test_a_line_of_a_crontab_tells_where_backups_are() -> None:
    line = 'docker exec shop-db-1 pg_dump -U root shop | gzip > "$DIR/shop-$(date +\\%F).sql.gz"'
    planned = Schedules((Dump("/etc/cron.d/dump", "/usr/local/bin/dump", line, (("DIR", "/srv/dumps"),)),), ("/var/spool/cron/crontabs",))
    text = file_of(told_of_shop(shop(POSTGRES), ("pg_dump", planned), ("docker exec -i shop-db-1", FAILS)))
    (made,) = yaml.safe_load(text)["stack"]["databases"]
    assert made["backups"] == "/srv/dumps/shop-*.sql.gz"
    assert "backups: /srv/dumps/shop-*.sql.gz  # written by /etc/cron.d/dump, in /usr/local/bin/dump" in text
    assert "deploy may not read /var/spool/cron/crontabs" in text
    assert "guess: POSTGRES_USER of the container" in text


def test_mariadb_is_known_by_its_image_and_its_backups_by_what_makes_them() -> None:
    env = ["MARIADB_DATABASE=shop", "MARIADB_ROOT_PASSWORD=hunter2hunter2"]
    there = container("shop-db-1", "shop", "db", folder=SHOP, files=[f"{SHOP}/compose.yaml"], image="mariadb:11.8", env=env,
                      networks=["shop_default"])  # fmt: skip
    line = "docker exec shop-db-1 sh -c 'mariadb-dump -p$MARIADB_ROOT_PASSWORD shop' >/srv/dumps/shop-$(date +\\%F).sql"
    planned = Schedules((Dump("/etc/cron.d/dump", "/etc/cron.d/dump", line, ()),), ())
    found = {name: mariadb.Database(name, 1, 0, "utf8mb4", "utf8mb4_bin") for name in ("shop", "mysql", "shop__before_0a1b2c")}
    known = ("docker exec -i shop-db-1", mariadb.Server("MariaDB", "11.8.9", True, found))
    (made,) = stack_of(told_of_shop(shop(there), ("pg_dump", planned), known))["databases"]
    assert made == {
        "name": "shop", "kind": "mariadb", "container": "shop-db-1", "database": "shop", "user": "root",
        "backups": "/srv/dumps/shop-*.sql", "used_by": ["shop-web-1"],
    }  # fmt: skip
    missing = file_of(told_of_shop(shop(there), known))
    assert "#   - {name: shop, kind: mariadb, container: shop-db-1, database: shop, user: root, backups: /PATH/shop-*}" in missing
    assert "hunter2" not in missing
    # Where the server does not answer, its environment tells.
    assert "database: shop" in file_of(told_of_shop(shop(there), ("pg_dump", planned), ("docker exec -i shop-db-1", FAILS)))


def test_used_by_is_a_guess_where_no_environment_tells() -> None:
    dumps = Dumps(("/backup/shop-20261128.dump",), ())
    known = (('find "$folder/"', dumps), ("docker exec -i shop-db-1", server("shop")))
    text = file_of(told_of_shop(shop(POSTGRES), *known))
    assert "used_by: [shop-web-1]  # guess: on a network with shop-db-1" in text
    named = file_of(told_of_shop(shop(POSTGRES, env=["DB_HOST=db"]), *known))
    assert "used_by: [shop-web-1]  # its address is in their environments" in named


def test_sudo_and_the_ssh_configuration_are_written() -> None:
    made = stack_of(told_of_shop(shop()), sudo=True, ssh_config=".lab/ssh_config")
    assert (made["sudo"], made["ssh_config"]) == (True, ".lab/ssh_config")


def test_what_environments_say_of_public_names_and_paths_hides_nothing() -> None:
    env = ["DOMAIN=shop.example", "PUBLIC_URL=https://shop.example", "DATA=/opt/shop", "SERVICE=web", "PORT=8080"]
    made = stack_of(told_of_shop(shop(env=env, ports={"8000/tcp": "127.0.0.1:8080"}), ("pgrep", "nginx\n"), ("cd /etc/nginx", NGINX)))
    assert made["routes"][0]["url"] == "https://shop.example/"
    assert made["tree"] == SHOP


def test_a_path_that_holds_a_value_of_an_environment_is_left_out() -> None:
    test = ["CMD", "curl", "http://localhost:8000/live/a-token-of-the-shop"]
    text = file_of(told_of_shop(shop(env=["HEALTH_TOKEN=a-token-of-the-shop"], test=test)))
    assert "a-token-of-the-shop" not in text
    assert "# not found: url: what was found holds a secret" in text


def test_a_folder_that_a_stack_file_cannot_hold_is_named() -> None:
    folder = "/opt/my shop"
    services = {"web": {**BUILT, "build": {"context": folder}}}
    text = file_of(told_of_shop(shop(folder=folder, files=[f"{folder}/compose.yaml"]), services=services, tree=folder))
    assert "tree" not in yaml.safe_load(text)["stack"]
    assert "# not found: tree: '/opt/my shop' has characters that a stack file cannot hold" in text

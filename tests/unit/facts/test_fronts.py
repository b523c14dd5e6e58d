"""The servers of an nginx, from its files one after the other."""

from rollback_lib.facts.fronts import Server, nginx


def test_servers_locations_and_upstreams() -> None:
    text = r"""
        # server { server_name commented.example; location / { proxy_pass http://no; } }
        http {
            map $http_upgrade $connection { default upgrade; '' close; }
            upstream app { least_conn; server app:8000 weight=2; server app:8001; }
            include /etc/nginx/conf.d/*.conf;
            server { listen 80 default_server; server_name _; return 301 https://$host$request_uri; }
            server {
                listen [::]:443 ssl; server_name a.example "b.example";
                add_header X "a; { b";
                location / { proxy_pass http://app/; }
                location ^~ /api/ { proxy_set_header Host $host; proxy_pass http://127.0.0.1:9000; }
                location ~ \.php$ { proxy_pass http://php; }
            }
        }

        server { listen 8080; location / { proxy_pass http://app; } }
    """
    assert nginx().read(text) == [
        Server(("a.example", "b.example"), True, 443, (("/", "app:8000"), ("/api/", "127.0.0.1:9000"), ("/", "php"))),
        Server((), False, 8080, (("/", "app:8000"),)),
    ]


def test_what_breaks_off_is_read_as_far_as_it_goes() -> None:
    assert nginx().read("server { listen 8080; location / { proxy_pass http://web;") == [Server((), False, 8080, (("/", "web"),))]
    assert nginx().read("} } ;;") == []

# The proxy and ruben-api are of a profile, which every call names; a service of another profile runs only when somebody asks for it.
compose down >/dev/null 2>&1
change
cd docker
sed -i -e '/^  caddy:/a \    profiles: [live]' -e '/^  ruben-api:/a \    profiles: [live]' docker-compose.yml
sed -i '/^services:/a \  console:\n    image: python:3.13-slim\n    profiles: [debug]\n    command: [sleep, infinity]\n' docker-compose.yml
commit "Profiles"
goes_by <<'END'
compose() { (cd "$tree/docker" && docker compose --profile live "$@"); }
END
start

# Docker Engine 28 with Compose 2.40, and its images in containerd, as Engine 29 keeps them on a new host.
images=$(docker image ls --format '{{.Repository}}:{{.Tag}}' | grep -v '<none>')
stacks=$(docker ps --all --format '{{.Label "com.docker.compose.project.working_dir"}}' | sort -u)
docker save --output /var/lib/docker/images.tar $images
docker rm --force $(docker ps --all --quiet) >/tmp/said
mkdir -p /etc/docker
echo '{"features": {"containerd-snapshotter": true}}' >/etc/docker/daemon.json
cp -a --remove-destination /tmp/files/usr/. /usr/
engine=$(cat /run/docker.pid)
kill "$engine" # it is started again
while kill -0 "$engine" 2>/dev/null; do sleep 0.1; done
until docker version >/tmp/said 2>&1; do sleep 0.1; done
docker version --format '{{.Server.Version}}' | grep -q '^28\.'
docker info --format '{{.DriverStatus}}' | grep -q io.containerd.snapshotter
said docker load --input /var/lib/docker/images.tar
rm /var/lib/docker/images.tar

up() { # up FOLDER…: start the stacks in these folders
    for folder; do (cd "$folder" && said docker compose up -d); done
}
up /opt/registry
until curl -fsS http://localhost:5000/v2/ >/tmp/said 2>&1; do sleep 0.1; done
for image in $images; do # in this store, with these digests
    case $image in localhost:5000/*) said docker push --quiet "$image" ;; esac
done
up $(printf '%s\n' "$stacks" | grep -vx -e /opt/registry -e "$tree/docker") "$tree/docker"
start

# Variables and functions of the team that deploys the stack of a practice host. They are put before every scenario and every shape. On
# a host of another shape, /etc/lab/team.sh changes them.
tree=/opt/dyniq-voice
origin=/srv/git/dyniq-voice.git
project=docker
team=root           # the user who deploys
services=agents-api # the services that a deploy builds and starts
scale=              # --scale options, if there is more than one container of a service
mistype='s/@voice-postgres-1/@voice-postgre-1/; s/^MODEL=.*/MODEL=opus/'
compose() { (cd "$tree/docker" && docker compose "$@"); }
prod() { compose -f docker-compose.yml -f docker-compose.prod.yml "$@"; }
[ ! -e /etc/lab/team.sh ] || . /etc/lab/team.sh

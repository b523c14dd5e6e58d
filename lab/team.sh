# What the team that deploys a practice host's stack goes by; stands before every scenario and every shape. A host of another shape
# has words of its own in /etc/lab/team.sh.
tree=/opt/dyniq-voice
origin=/srv/git/dyniq-voice.git
project=docker
team=root           # who deploys
services=agents-api # what a deploy builds and starts
scale=              # how many of them, where not one each
mistype='s/@voice-postgres-1/@voice-postgre-1/; s/^MODEL=.*/MODEL=opus/'
compose() { (cd "$tree/docker" && docker compose "$@"); }
prod() { compose -f docker-compose.yml -f docker-compose.prod.yml "$@"; }
[ ! -e /etc/lab/team.sh ] || . /etc/lab/team.sh

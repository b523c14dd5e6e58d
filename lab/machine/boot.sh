#!/bin/sh
# Process that keeps the practice host alive: dockerd, restarted when it dies as systemd would, and sshd beside it.
set -u
umask 022
rm -rf /run/docker* /run/containerd
mkdir -p /run/sshd

stop() {
    stopping=yes
    # dockerd stops its containers itself and starts them again at the next boot (restart: unless-stopped).
    [ -s /run/docker.pid ] && kill "$(cat /run/docker.pid)" 2>/dev/null && wait "$engine"
    exit 0
}
stopping=no
trap stop TERM INT

/usr/sbin/sshd -E /var/log/sshd.log
while [ "$stopping" = no ]; do
    dockerd --cgroup-parent="${LAB_CGROUP:-/rollback-lab}" >>/var/log/dockerd.log 2>&1 &
    engine=$!
    wait "$engine"
done

"""What Docker Engine needs of a machine, tried before anything is installed for it. Nothing that is tried stays."""

import sys
from dataclasses import dataclass

_BRIDGE = "import fcntl, socket; fcntl.ioctl(socket.socket(), 0x89A0, b'rollback-lab\\0')"  # SIOCBRADDBR
_NETFILTER = "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)"  # NETLINK_NETFILTER
_CGROUP = """
root=/sys/fs/cgroup
[ -e $root/cgroup.controllers ] || root=$root/memory
mkdir $root/rollback-lab-probe && rmdir $root/rollback-lab-probe
"""


@dataclass(frozen=True)
class Capability:
    """`probe` is a command that root runs; it succeeds where the machine has the capability. `lacking` says what is the case else."""

    lacking: str
    probe: tuple[str, ...]


CAPABILITIES = (
    Capability("sudo does not make you root", ("true",)),
    Capability("root may not mount file systems here (CAP_SYS_ADMIN)", ("unshare", "--mount", "mount", "-t", "tmpfs", "none", "/tmp")),
    Capability("root may not make network namespaces here (CAP_SYS_ADMIN, CONFIG_NET_NS)", ("unshare", "--net", "true")),
    Capability(
        "root may not make network bridges here (CAP_NET_ADMIN, kernel module bridge)",
        ("unshare", "--net", sys.executable, "-I", "-c", _BRIDGE),
    ),
    Capability("the kernel has no packet filter (kernel module nfnetlink)", (sys.executable, "-I", "-c", _NETFILTER)),
    Capability("root may not make control groups here (/sys/fs/cgroup is missing or read-only)", ("sh", "-ec", _CGROUP)),
)

# SPDX-License-Identifier: ISC
"""A real journal of systemd, beside that of the machine.

    with Journal(net.gateway) as j:
        gw = Gateway(net, run=j.run, extra="audit journal")
        j.entries("MAILWALL_ACTION=block")

It sees a directory of its own as /run, so that its socket is where it always
is, for it and for the gateway, and nothing of the machine's is touched.
"""

import json
import os
import signal
import subprocess

from . import tidy, wait
from .proc import Program

PROGRAM = "/lib/systemd/systemd-journald"

# Audit= leaves the kernel's audit as it is.
_CONF = """[Journal]
Storage=volatile
RateLimitIntervalSec=0
RuntimeMaxUse=256M
RuntimeKeepFree=1M
ForwardToSyslog=no
ForwardToKMsg=no
ForwardToConsole=no
ForwardToWall=no
ReadKMsg=no
Audit=
"""

_START = """
set -e
mount --make-rprivate /
mount --bind "$1/run" /run
mount --bind "$1/etc" /etc/systemd
[ ! -e /etc/machine-id ] || mount --bind "$1/machine-id" /etc/machine-id
shift
exec "$@"
"""


class Journal:
    """Not running yet: start(), or a context manager.  run is its /run."""

    def __init__(self, ns):
        self.ns = ns
        self.dir = tidy.directory("journal")
        self.run = os.path.join(self.dir, "run")
        self.socket = os.path.join(self.run, "systemd/journal/socket")
        self.program = None
        os.makedirs(os.path.dirname(self.socket))
        os.makedirs(os.path.join(self.run, "log/journal"))
        os.mkdir(os.path.join(self.dir, "etc"))
        with open(os.path.join(self.dir, "etc/journald.conf"), "w") as f:
            f.write(_CONF)
        with open(os.path.join(self.dir, "machine-id"), "w") as f:
            f.write("6d61696c77616c6c6d61696c77616c6c\n")

    def start(self):
        self.program = Program(
            "systemd-journald", [PROGRAM],
            self.ns.prefix() + ["unshare", "--mount", "--", "sh", "-c",
                                _START, "sh", self.dir],
            os.path.join(self.dir, "log"))
        wait.until(lambda: os.path.exists(self.socket) and self.entries(),
                   "the journal to start")

    def stop(self):
        """It ends, and its socket is gone, as on a machine that has none."""
        self.program.stop()
        for name in os.listdir(os.path.dirname(self.socket)):
            path = os.path.join(os.path.dirname(self.socket), name)
            if not os.path.isdir(path):
                os.unlink(path)

    def pause(self):
        """It is there, but reads nothing."""
        self.program.signal(signal.SIGSTOP)

    def go_on(self):
        self.program.signal(signal.SIGCONT)

    def entries(self, *match):
        """What it has, oldest first: a dict of text each."""
        p = subprocess.run(
            ["journalctl", "-q", "-D", os.path.join(self.run, "log/journal"),
             "-a", "-o", "json", "--no-pager"] + list(match),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60)
        return [json.loads(x) for x in p.stdout.splitlines()]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        if self.program.poll() is None:
            self.go_on()
            self.stop()

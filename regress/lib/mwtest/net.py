# SPDX-License-Identifier: ISC
"""Three network namespaces: clients - gateway - servers.

    client   192.168.0.10 to .15    2001:db8:1::10 to ::15
    gateway  192.168.0.1            2001:db8:1::1
             10.1.0.1               2001:db8:2::1
    server   10.1.0.2 (A) to .5     2001:db8:2::2 (A) to ::5
             .3 is B                ::3 is B

The gateway forwards; without rules of its own, clients reach the servers
directly.
"""

import contextlib
import ctypes
import os
import socket
import subprocess
import threading

from . import tidy

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _sh(*argv):
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET) == -1:
        e = ctypes.get_errno()
        raise OSError(e, "setns: " + os.strerror(e))


class Ns:
    """A named network namespace; "ip netns exec NAME" enters it too."""

    def __init__(self, what):
        self.name = tidy.name(what)
        self.path = "/run/netns/" + self.name
        _sh("ip", "netns", "add", self.name)
        self._undo = tidy.add(self._delete)
        self.ip("link", "set", "lo", "up")

    def _delete(self):
        subprocess.run(["ip", "netns", "del", self.name],
                       stderr=subprocess.DEVNULL)

    def delete(self):
        tidy.cancel(self._undo)
        self._delete()

    def prefix(self):
        """What to put before a command so that it runs in here."""
        return ["nsenter", "--net=" + self.path, "--"]

    def ip(self, *args):
        _sh("ip", "-n", self.name, *args)

    def run(self, argv, **kw):
        """subprocess.run() in here."""
        return subprocess.run(self.prefix() + list(argv), **kw)

    def sysctl(self, key, value):
        self.run(["sysctl", "-qw", "%s=%s" % (key, value)], check=True)

    @contextlib.contextmanager
    def entered(self):
        """The calling thread is in here; sockets it makes stay here."""
        home = os.open("/proc/self/task/%d/ns/net" %
                       threading.get_native_id(), os.O_RDONLY)
        there = os.open(self.path, os.O_RDONLY)
        try:
            _setns(there)
            try:
                yield self
            finally:
                _setns(home)
        finally:
            os.close(there)
            os.close(home)

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_STREAM):
        with self.entered():
            return socket.socket(family, kind)


class Net:
    """The three namespaces, wired.  A context manager, or close()."""

    CLIENTS = ["192.168.0.%d" % n for n in range(10, 16)]
    CLIENTS6 = ["2001:db8:1::%d" % n for n in range(10, 16)]
    GATEWAY, GATEWAY6 = "192.168.0.1", "2001:db8:1::1"
    GATEWAY_OUT, GATEWAY_OUT6 = "10.1.0.1", "2001:db8:2::1"
    SERVERS = ["10.1.0.%d" % n for n in range(2, 6)]
    SERVERS6 = ["2001:db8:2::%d" % n for n in range(2, 6)]
    A, A6 = SERVERS[0], SERVERS6[0]
    B, B6 = SERVERS[1], SERVERS6[1]

    def __init__(self):
        tidy.start()
        self.client = Ns("client")
        self.gateway = Ns("gateway")
        self.server = Ns("server")
        self._wire(self.client, "c0", self.gateway, "in0",
                   [a + "/24" for a in self.CLIENTS] +
                   [a + "/64" for a in self.CLIENTS6],
                   [self.GATEWAY + "/24", self.GATEWAY6 + "/64"])
        self._wire(self.server, "s0", self.gateway, "out0",
                   [a + "/24" for a in self.SERVERS] +
                   [a + "/64" for a in self.SERVERS6],
                   [self.GATEWAY_OUT + "/24", self.GATEWAY_OUT6 + "/64"])
        for ns, v4, v6 in (
                (self.client, self.GATEWAY, self.GATEWAY6),
                (self.server, self.GATEWAY_OUT, self.GATEWAY_OUT6)):
            ns.ip("route", "add", "default", "via", v4)
            ns.ip("-6", "route", "add", "default", "via", v6)
        self.gateway.sysctl("net.ipv4.ip_forward", 1)
        self.gateway.sysctl("net.ipv6.conf.all.forwarding", 1)

    @staticmethod
    def _wire(left, ldev, right, rdev, laddrs, raddrs):
        left.ip("link", "add", ldev, "type", "veth",
                "peer", "name", rdev, "netns", right.name)
        for ns, dev, addrs in ((left, ldev, laddrs), (right, rdev, raddrs)):
            ns.ip("link", "set", dev, "up")
            for addr in addrs:
                more = ["nodad"] if ":" in addr else []
                ns.ip("addr", "add", addr, "dev", dev, *more)

    def close(self):
        for ns in (self.client, self.gateway, self.server):
            ns.delete()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

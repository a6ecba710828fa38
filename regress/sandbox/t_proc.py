#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What the running processes are confined to, as the kernel sees it."""

import fcntl
import os
import re
import signal
import sys

sys.path.insert(0, "regress/lib")

from mwtest import client, mail, wait                           # noqa: E402
from mwtest.case import case, check, check_equal, run           # noqa: E402
from mwtest.client import Client                                # noqa: E402
from mwtest.gateway import Gateway, USERS                       # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Server                                # noqa: E402

KINDS = {"mailwall-proxy": "proxy", "mailwall-parser": "parser",
         "mailwall-scanne": "loader", "mailwall-scanw": "worker",
         "mailwall-store": "store"}
IDS = {"proxy": USERS[0][1], "parser": USERS[1][1],
       "loader": USERS[2][1], "worker": USERS[2][1],
       "store": USERS[3][1]}
# In the run directory; the store's is the state directory.
ROOTS = {"proxy": "empty", "parser": "empty", "loader": "scanner",
         "worker": "scanner", "store": None}
# KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_ADMIN NET_RAW SYS_CHROOT
MASTER_CAPS = sum(1 << n for n in (5, 6, 7, 8, 10, 12, 13, 18))
# Beside /dev/null on 0 and 1, the log's pipe on 2, a channel on 3.
MORE = {"proxy": {"socket", "eventpoll", "memfd"},
        "parser": {"socket", "memfd"},
        "loader": {"socket", "eventpoll", "inotify", "memfd"},
        "worker": {"socket", "memfd"},
        "store": {"socket", "eventpoll", "eventfd", "state"}}
# How many when nothing is to do; None: many, or it varies.
IDLE = {"proxy": None, "parser": None, "loader": None, "worker": 4,
        "store": None}
F_GET_SEALS = 1034
SEALS = 0x1 | 0x2 | 0x4 | 0x8           # SEAL SHRINK GROW WRITE


class Process:
    """/proc/PID, read once."""

    def __init__(self, pid):
        self.pid = pid
        self.base = "/proc/%d/" % pid
        self.status = dict(
            line.split(":", 1) for line in self.text("status").split("\n")
            if ":" in line)
        self.status = {k: v.split() for k, v in self.status.items()}
        self.fds = {}
        for fd in os.listdir(self.base + "fd"):
            try:
                self.fds[int(fd)] = os.readlink(self.base + "fd/" + fd)
            except OSError:
                pass
        self.limits = {}
        for line in self.text("limits").split("\n")[1:]:
            m = re.match(r"Max (.*?)  +(\S+) +(\S+)", line)
            if m:
                self.limits[m.group(1)] = tuple(
                    float("inf") if v == "unlimited" else int(v)
                    for v in m.groups()[1:])

    def text(self, name):
        with open(self.base + name) as f:
            return f.read()

    def sockets(self):
        return {int(re.search(r"\d+", t).group())
                for t in self.fds.values() if t.startswith("socket:")}

    def maps(self):
        """[(permissions, name)]"""
        out = []
        for line in self.text("maps").split("\n"):
            f = line.split(None, 5)
            if f:
                out.append((f[1], f[5] if len(f) > 5 else ""))
        return out


def what(target):
    """What kind of thing a descriptor is."""
    for prefix, name in (("socket:", "socket"), ("pipe:", "pipe"),
                         ("anon_inode:[eventpoll]", "eventpoll"),
                         ("anon_inode:inotify", "inotify"),
                         ("anon_inode:[eventfd]", "eventfd"),
                         ("/memfd:", "memfd")):
        if target.startswith(prefix):
            return name
    return target


def inodes(pid, name, column):
    """Sockets of the network namespace."""
    with open("/proc/%d/net/%s" % (pid, name)) as f:
        return {int(line.split()[column]) for line in f.readlines()[1:]}


def unix_inodes(pid):
    return inodes(pid, "unix", 6)


def listening_inodes(pid):
    found = set()
    for name in ("tcp", "tcp6"):
        with open("/proc/%d/net/%s" % (pid, name)) as f:
            for line in f.readlines()[1:]:
                fields = line.split()
                if fields[3] == "0A":
                    found.add(int(fields[9]))
    return found


def processes(gw):
    """{kind: [Process]} of all children."""
    found = {}
    for pid, name in gw.children().items():
        # One that ends just now has nothing to show.
        try:
            p = Process(pid)
        except OSError:
            continue
        found.setdefault(KINDS.get(name, name), []).append(p)
    return found


def ids(p, kind):
    want = [str(IDS[kind])] * 4
    check_equal(p.status["Uid"], want, "user ids")
    check_equal(p.status["Gid"], want, "group ids")
    check_equal(p.status["Groups"], want[:1], "groups")


def rights(p, kind):
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        check_equal(int(p.status[name][0], 16), 0, name)
    check_equal(p.status["NoNewPrivs"], ["1"], "NoNewPrivs")
    check_equal(p.status["Seccomp"], ["2"], "Seccomp")
    check_equal(p.status["Seccomp_filters"],
                ["2" if kind == "worker" else "1"], "number of filters")
    check_equal(p.status["Threads"], ["1"], "threads")
    check_equal(p.status["Umask"], ["0077"], "umask")
    # A process that may not be dumped or traced is root's in here.
    check_equal(os.stat(p.base + "environ").st_uid, 0, "owner in /proc")


def places(p, kind, gw):
    root = gw.statedir if kind == "store" else \
        os.path.join(gw.rundir, ROOTS[kind])
    check_equal(os.readlink(p.base + "root"), root, "root")
    check_equal(os.readlink(p.base + "cwd"), root, "working directory")
    check_equal(p.text("environ"), "", "environment")
    with open(p.base + "cmdline", "rb") as f:
        argv = f.read().rstrip(b"\0").split(b"\0")
    check_equal(len(argv), 2, "number of arguments")


def descriptors(p, kind, gw):
    check_equal([p.fds.get(0), p.fds.get(1)], ["/dev/null"] * 2,
                "descriptors 0 and 1")
    check_equal([what(p.fds.get(2, "")), what(p.fds.get(3, ""))],
                ["pipe", "socket"], "descriptors 2 and 3")
    more = {fd: t for fd, t in p.fds.items() if fd > 3}
    if kind == "store":
        more = {fd: "state" if t.startswith(gw.statedir + "/") else t
                for fd, t in more.items()}
    bad = {fd: t for fd, t in more.items() if what(t) not in MORE[kind]}
    check_equal(bad, {}, "descriptors")
    if IDLE[kind] is not None:
        check_equal(len(p.fds), IDLE[kind], "number of descriptors")
    if kind != "proxy":
        check_equal(p.sockets() - unix_inodes(gw.pid), set(),
                    "sockets to the network")


def limits(p, kind):
    inf = float("inf")
    check_equal(p.limits["core file size"], (0, 0), "core")
    check_equal(p.limits["locked memory"], (0, 0), "locked memory")
    check(p.limits["open files"][1] < inf, "descriptors without limit")
    if kind != "loader":
        check_equal(p.limits["processes"], (0, 0), "processes")
    # The store counts what it keeps, and a database may grow.
    if kind not in ("loader", "store"):
        check(p.limits["file size"][1] < inf, "files without limit")
    if kind in ("parser", "worker", "store"):
        check(p.limits["address space"][1] < inf, "memory without limit")


def memory(p):
    for perms, name in p.maps():
        check(not ("w" in perms and "x" in perms),
              "writable and executable: " + name)
        check(not ("s" in perms and "w" in perms),
              "shared and writable: " + name)
        check(not ("s" in perms and "x" in perms),
              "shared and executable: " + name)


def control_inodes(gw):
    """The socket of operators."""
    path = os.path.join(gw.rundir, "control")
    with open("/proc/%d/net/unix" % gw.pid) as f:
        rows = [line.split() for line in f]
    return {int(r[6]) for r in rows if r[-1] == path and r[3] == "00010000"}


def check_all(gw, label):
    """Every child, whatever it has been through."""
    # Operators' too: master hands it to each new store.
    listeners = listening_inodes(gw.pid) | control_inodes(gw)
    found = processes(gw)
    with case("%s: there are all kinds of processes" % label):
        check_equal(sorted(found), sorted(ROOTS), "kinds")
    for kind in sorted(set(found) & set(ROOTS)):
        def each(name, func, *args):
            with case("%s: %s: %s" % (label, kind, name)):
                for p in found[kind]:
                    func(p, *args)
        each("ids", ids, kind)
        each("rights", rights, kind)
        each("places", places, kind, gw)
        each("descriptors", descriptors, kind, gw)
        each("limits", limits, kind)
        each("memory", memory)
    with case("%s: nobody has the end of another's channel" % label):
        everyone = [p for ps in found.values() for p in ps]
        everyone.append(Process(gw.pid))
        for i, p in enumerate(everyone):
            for q in everyone[i + 1:]:
                both = (p.sockets() & q.sockets()) - listeners
                check(not both, "%s[%d] and %s[%d] share %s" % (
                    p.status["Name"], p.pid, q.status["Name"], q.pid, both))
    with case("%s: parents" % label):
        loaders = {p.pid for p in found.get("loader", [])}
        for kind, ps in found.items():
            for p in ps:
                parent = int(p.status["PPid"][0])
                check(parent in loaders if kind == "worker"
                      else parent == gw.pid, "%s has parent %d" %
                      (kind, parent))


def check_master(gw):
    p = Process(gw.pid)
    with case("master has its eight capabilities and no more"):
        for name in ("CapPrm", "CapEff", "CapBnd"):
            check_equal(int(p.status[name][0], 16), MASTER_CAPS, name)
        for name in ("CapInh", "CapAmb"):
            check_equal(int(p.status[name][0], 16), 0, name)
    with case("master has no connection"):
        # It asks the kernel which addresses are its own.
        check_equal(p.sockets() - unix_inodes(gw.pid) -
                    inodes(gw.pid, "netlink", 9) -
                    listening_inodes(gw.pid), set(),
                    "sockets that do not listen")
    with case("master's memory"):
        memory(p)
    with case("the empty directory is empty, and root's"):
        path = os.path.join(gw.rundir, "empty")
        st = os.stat(path)
        check_equal(os.listdir(path), [], "entries")
        check_equal((st.st_uid, st.st_gid, st.st_mode & 0o022), (0, 0, 0),
                    "owner, group, mode")


def check_sealed(net, srv, gw):
    """While a message is looked into, nobody can change it."""
    workers = [p for p, n in gw.children().items() if n == "mailwall-scanw"]
    with case("a message is sealed while it is scanned"):
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        try:
            with Client(net.client, net.A) as c:
                c.ehlo()
                check_equal(c.envelope().code, 250, "RCPT")
                check_equal(c.cmd("DATA").code, 354, "DATA")
                c.send(client.stuff(mail.plain()))
                wait.until(lambda: all_sealed(gw), "a sealed message")
                for pid in workers:
                    os.kill(pid, signal.SIGCONT)
                check_equal(c.reply().code, 250, "reply")
        finally:
            for pid in workers:
                try:
                    os.kill(pid, signal.SIGCONT)
                except ProcessLookupError:
                    pass


def all_sealed(gw):
    """Somebody has a memfd, and every memfd of them all is sealed."""
    found = 0
    for ps in processes(gw).values():
        for p in ps:
            for n, target in p.fds.items():
                if not target.startswith("/memfd:message"):
                    continue
                fd = os.open(p.base + "fd/%d" % n, os.O_RDONLY)
                try:
                    seals = fcntl.fcntl(fd, F_GET_SEALS)
                finally:
                    os.close(fd)
                found += 1
                if seals & SEALS != SEALS:
                    return False
    return found > 0


def replaced(gw, kind, pids):
    """Until all of pids have been replaced by processes that are ready."""
    def done():
        now = gw.children()
        new = [p for p, n in now.items()
               if KINDS.get(n) == kind and p not in pids]
        return len(new) >= len(pids) and not set(pids) & set(now)
    wait.until(done, "new %ss" % kind)


def main():
    with Net() as net, Server(net.server, net.A) as srv, \
            Gateway(net, "tproxy", extra="workers 2") as gw:
        check_all(gw, "fresh")
        check_master(gw)
        with case("a message passes"):
            check_equal(client.send(net.client, net.A,
                                    mail.attached(b"x" * 5000)).code, 250,
                        "reply")
        check_all(gw, "after a message")
        check_sealed(net, srv, gw)
        for kind, name in (("store", "mailwall-store"),
                           ("parser", "mailwall-parser"),
                           ("proxy", "mailwall-proxy"),
                           ("worker", "mailwall-scanw")):
            pids = [p for p, n in gw.children().items() if n == name]
            mark = gw.log.mark()
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            replaced(gw, kind, pids)
            if kind != "worker":
                for _ in pids:
                    gw.log.wait(r"%s\[\d+\]: ready" % kind, mark)
        with case("a message passes through replaced processes"):
            check_equal(client.send(net.client, net.A, mail.plain()).code,
                        250, "reply")
        check_all(gw, "replaced")
        with case("reload"):
            mark = gw.log.mark()
            before = set(gw.children("proxy")) | set(gw.children("parser"))
            check_equal(gw.reload().group(1), "done", "reload")
            # The signatures are loaded anew, the old loader ends.
            gw.log.wait(r"scanner\[\d+\]: ready$", mark)
            wait.until(lambda: len(processes(gw).get("loader", [])) == 1,
                       "one loader")
            check_equal(set(gw.children("proxy")) |
                        set(gw.children("parser")), before,
                        "proxies and parsers")
        check_all(gw, "reloaded")


run(main)

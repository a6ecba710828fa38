# SPDX-License-Identifier: ISC
"""What processes hold, from /proc: descriptors, memfds, zombies."""

import os

from . import wait
from .case import Failure


def _stat(pid):
    """(name, state, parent) or None when it is gone."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            text = f.read()
    except OSError:
        return None
    name = text[text.index("(") + 1:text.rindex(")")]
    rest = text[text.rindex(")") + 2:].split()
    return name, rest[0], int(rest[1])


def tree(root):
    """{pid: (name, state)} of a process and all that descend from it."""
    stats = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            st = _stat(int(entry))
            if st is not None:
                stats[int(entry)] = st
    found = {root} if root in stats else set()
    grew = True
    while grew:
        more = {p for p, st in stats.items()
                if st[2] in found and p not in found}
        found |= more
        grew = bool(more)
    return {p: stats[p][:2] for p in found}


def zombies(root):
    return [p for p, st in tree(root).items() if st[1] == "Z"]


class Held:
    """What one process holds."""

    def __init__(self, pid, name):
        self.pid = pid
        self.name = name
        self.fds = {}           # number -> target
        base = "/proc/%d/fd" % pid
        try:
            for fd in os.listdir(base):
                try:
                    self.fds[int(fd)] = os.readlink(base + "/" + fd)
                except OSError:
                    pass
        except OSError:
            pass

    def count(self, prefix):
        return sum(1 for t in self.fds.values() if t.startswith(prefix))

    @property
    def memfds(self):
        return self.count("/memfd:")

    @property
    def sockets(self):
        return self.count("socket:")


def snapshot(root):
    """{pid: Held} of a process and its descendants."""
    return {p: Held(p, st[0]) for p, st in tree(root).items()
            if st[1] != "Z"}


def _excess(root, before, slack):
    by_name = {}
    for held in before.values():
        n = by_name.setdefault(held.name, [0, 0])
        n[0] = max(n[0], len(held.fds))
        n[1] = max(n[1], held.memfds)
    bad = ["zombie %d" % p for p in zombies(root)]
    for held in snapshot(root).values():
        fds, memfds = by_name.get(held.name, (None, 0))
        if fds is not None and len(held.fds) > fds + slack:
            bad.append("%s[%d] has %d descriptors, had %d: %s" %
                       (held.name, held.pid, len(held.fds), fds,
                        sorted(held.fds.values())))
        if held.memfds > memfds:
            bad.append("%s[%d] has %d memfds, had %d" %
                       (held.name, held.pid, held.memfds, memfds))
    return bad


def check(root, before, slack=0, timeout=10):
    """Until root's processes hold no more than at the snapshot before.

    Processes are compared by name, so that replaced ones count too.  slack
    more descriptors in each are no leak (a stock of sockets is refilled).
    """
    try:
        wait.until(lambda: not _excess(root, before, slack), "", timeout)
    except wait.Timeout:
        raise Failure("leak: " + "; ".join(_excess(root, before, slack)))

#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# timeout: 600
"""Plays regress/scenario/cases/*.scn; see README.

    t_scenario.py [-v] [WORD ...]	cases whose name has one of the words

Cases with the same mode and the same configuration share one mailwalld.  Each
case has an address of its own for its server: the log tells by it which
session was whose.
"""

import concurrent.futures
import glob
import os
import re
import sys
import threading
import time

sys.path.insert(0, "regress/lib")

from mwtest import wait                                         # noqa: E402
from mwtest.case import Failure, case, check, report, run       # noqa: E402
from mwtest.gateway import Gateway, PORTS                       # noqa: E402
from mwtest.net import Net                                      # noqa: E402

import language                                                 # noqa: E402
from player import Player                                       # noqa: E402

CASES = "regress/scenario/cases"
THREADS = 12            # cases at the same time
RELAYS = 3              # gateways of "mode relay" at the same time
LISTENERS = 60          # of one gateway; the product's limit is 64
SMALL = ("workers 1", "parsers 1", "scanners 1")

_report_lock = threading.Lock()


class Tail:
    """The log of one gateway, read as it grows, by many threads."""

    def __init__(self, path):
        self.file = open(path, "rb")
        self.rest = b""
        self.lines = []
        self.by_id = {}
        self.ended = {}         # server's address: [session ids]
        self.lock = threading.Lock()

    def poll(self):
        with self.lock:
            data = self.rest + self.file.read()
            lines = data.split(b"\n")
            self.rest = lines.pop()
            for raw in lines:
                self._add(raw.decode("utf-8", "replace"))

    def _add(self, line):
        self.lines.append(line)
        m = re.search(r"\bs=([0-9a-f]{16}) ", line)
        if not m:
            return
        self.by_id.setdefault(m.group(1), []).append(line)
        d = re.search(r" end client=\S+ dest=(\S+) ", line)
        if d:
            self.ended.setdefault(d.group(1), []).append(m.group(1))

    def wait_end(self, dest):
        """The lines of the session that went there, when it is over."""
        def over():
            self.poll()
            return self.ended.get(dest)
        ids = wait.until(over, "the log to tell of the session's end", 30)
        return [t for i in ids for t in self.by_id[i]]


class Group:
    """Cases with the same configuration, and their gateway."""

    def __init__(self, net, mode, conf, cases, port):
        self.net = net
        self.mode = mode
        self.conf = conf
        self.cases = cases
        self.port = port        # of the first listener
        self.ports = {}         # case name: port of its listener
        self.gateway = None
        self.tail = None
        self.futures = []

    def title(self):
        return "%s, %s" % (self.mode, "; ".join(self.conf) or
                           "no configuration of its own")

    def listeners(self, addresses):
        lines = []
        for n, c in enumerate(self.cases):
            self.ports[c.name] = self.port + n
            gw = Net.GATEWAY if c.family == 4 else Net.GATEWAY6
            lines.append("listen on %s port %d relay to %s port 25 %s" %
                         (gw, self.port + n, addresses[c.name], c.listen))
        return lines

    def start(self, addresses):
        conf = list(self.conf)
        words = [t.split()[0] for t in conf if t.split()]
        antivirus = "embedded"
        if "antivirus" in words:
            antivirus = conf.pop(words.index("antivirus"))
        if self.mode == "relay":
            conf += self.listeners(addresses)
            conf += [t for t in SMALL if t.split()[0] not in words]
        self.gateway = Gateway(
            self.net, None if self.mode == "relay" else self.mode,
            rules="\n".join(t for t in conf if t.startswith("on ")),
            extra="\n".join(t for t in conf if not t.startswith("on ")),
            antivirus=antivirus)
        self.tail = Tail(self.gateway.log.path)
        self.before = self.gateway.snapshot()

    def connect(self, c, address):
        """Where the client goes, and the gateway's end of that."""
        gw = Net.GATEWAY if c.family == 4 else Net.GATEWAY6
        if self.mode == "relay":
            there = (gw, self.ports[c.name])
            return there, there
        there = (address, 25)
        return there, there if self.mode == "tproxy" else \
            (gw, PORTS["redirect"])

    def play(self, c, address):
        mark = len(self.tail.lines)
        there, gateway = self.connect(c, address)
        Player(c, self.net, address, there, gateway).play()
        dest = "%s:25" % address if c.family == 4 else "[%s]:25" % address
        lines = self.tail.wait_end(dest)
        for lineno, rx in c.log:
            check(any(rx.search(t) for t in lines),
                  lambda: "line %d: no log line /%s/ in: %s" %
                  (lineno, rx.pattern, " // ".join(lines)))
        for lineno, rx in c.nolog:
            for t in lines + [t for t in self.tail.lines[mark:]
                              if not re.search(r"\bs=[0-9a-f]{16} ", t)]:
                check(not rx.search(t), lambda: "line %d: log line: %s" %
                      (lineno, t))

    def stop(self):
        """End the gateway; it must have lived in peace."""
        with case("gateway: " + self.title()):
            try:
                self.gateway.leaks(self.before)
                status = self.gateway.stop()
                check(status == 0, "exit status %s" % status)
                self.tail.poll()
                for t in self.tail.lines:
                    check(not re.search(r"terminated by signal|"
                                        r"exited with|fatal", t), t)
            finally:
                self.gateway.close()


def load(words):
    """[Case]; what does not parse is reported and left out."""
    found = []
    for path in sorted(glob.glob(CASES + "/*.scn")):
        name = os.path.basename(path)[:-4]
        if words and not any(w in name for w in words):
            continue
        try:
            with open(path, encoding="utf-8", newline="\n") as f:
                found.append(language.parse(name, f.read()))
        except (language.Error, UnicodeError) as e:
            report(name, str(e))
    return found


def group(net, cases):
    groups = []
    for c in cases:
        conf = tuple(c.conf)
        for g in groups:
            if (g.mode, tuple(g.conf)) == (c.mode, conf) and \
                    (c.mode != "relay" or len(g.cases) < LISTENERS):
                g.cases.append(c)
                break
        else:
            groups.append(Group(net, c.mode, conf, [c],
                                2600 + LISTENERS * len(groups)))
    return groups


def wire(net):
    """An address for each case's server; they are all in one namespace."""
    net.server.ip("route", "add", "local", "10.2.0.0/16", "dev", "lo")
    net.server.ip("-6", "route", "add", "local", "2001:db8:f::/64",
                  "dev", "lo")
    net.server.sysctl("net.ipv6.ip_nonlocal_bind", 1)
    net.gateway.ip("route", "add", "10.2.0.0/16", "via", Net.A)
    net.gateway.ip("-6", "route", "add", "2001:db8:f::/64", "via", Net.A6)


def play(g, c, address, verbose):
    """In a thread."""
    began = time.monotonic()
    why = None
    try:
        g.play(c, address)
    except Failure as e:
        why = str(e)
    except Exception as e:
        why = "%s: %s" % (type(e).__name__, e)
    with _report_lock:
        report(c.name, why)
        if verbose:
            print("  %.2f s" % (time.monotonic() - began))
            if why:
                print("\n".join(g.tail.lines[-20:]))


def check_config(net, c):
    """The configuration must be refused, and like this."""
    with case(c.name):
        gw = Gateway(net, "tproxy", extra="\n".join(c.conf), start=False)
        status, text = gw.check()
        check(status != 0, "mailwalld -n takes it")
        check(c.conferr.search(text), "mailwalld -n says: " + text)


def next_group(todo, active):
    """One that may start now: the rules of the packet filter are one."""
    relays = sum(g.mode == "relay" for g in active)
    rules = len(active) - relays
    for g in todo:
        if (g.mode == "relay" and relays < RELAYS) or \
                (g.mode != "relay" and not rules):
            todo.remove(g)
            return g
    return None


def begin(g, addresses, pool, verbose):
    """Start a group's gateway and its cases; whether that went well."""
    try:
        g.start(addresses)
    except Exception as e:
        for c in g.cases:
            report(c.name, "no gateway: %s" % e)
        if g.gateway is not None:
            g.gateway.close()
        return False
    g.futures = [pool.submit(play, g, c, addresses[c.name], verbose)
                 for c in g.cases]
    return True


def play_all(groups, addresses, verbose):
    todo = sorted(groups, key=lambda g: -len(g.cases))
    active = []
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        while todo or active:
            g = next_group(todo, active)
            if g is not None:
                if begin(g, addresses, pool, verbose):
                    active.append(g)
                continue
            concurrent.futures.wait(
                [f for a in active for f in a.futures if not f.done()],
                timeout=0.05,
                return_when=concurrent.futures.FIRST_COMPLETED)
            for g in [a for a in active if all(f.done()
                                               for f in a.futures)]:
                active.remove(g)
                g.stop()


def main():
    verbose = "-v" in sys.argv[1:]
    words = [w for w in sys.argv[1:] if w != "-v"]
    cases = load(words)
    addresses = {
        c.name: "10.2.%d.%d" % (n >> 8, n & 255) if c.family == 4 else
        "2001:db8:f::%x" % n for n, c in enumerate(cases, 1)}
    with Net() as net:
        wire(net)
        for c in [c for c in cases if c.conferr is not None]:
            check_config(net, c)
        play_all(group(net, [c for c in cases if c.conferr is None]),
                 addresses, verbose)


run(main)

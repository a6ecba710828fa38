#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What listeners decide for themselves, and how many sessions one may have.

Sessions of a source are counted over all workers: with four of them, no
client gets more than its share, and nobody pays for another.
"""

import os
import signal
import subprocess
import sys

sys.path.insert(0, "regress/lib")

from mwtest import client, mail, wait                           # noqa: E402
from mwtest.case import case, check, check_equal, run           # noqa: E402
from mwtest.client import Client                                # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Gone, Server                          # noqa: E402

MAX = 6
FULL = "4.7.0 Too many sessions from your network, try again later"


def listeners(net, srv):
    """Ports of submission too: it is the listener that makes a difference."""
    lines = """
listen on %(gw)s port 25 relay to %(a)s
listen on %(gw)s port 587 relay to %(a)s starttls pass banner "sub.example x"
listen on %(gw)s port 2525 relay to %(a)s starttls refuse plaintext
banner "mx.example y"
""" % {"gw": net.GATEWAY, "a": net.A}
    srv.keywords = ["STARTTLS", "DSN"]
    with Gateway(net, None, extra=lines) as gw:
        for port, banner, offered, code in (
                (25, "mx.example y", False, 250),
                (587, "sub.example x", True, 250),
                (2525, "mx.example y", True, 530)):
            with case("listener of port %d" % port):
                with Client(net.client, net.GATEWAY, port) as c:
                    check_equal(c.banner.text, banner, "banner")
                    r = c.ehlo()
                    check_equal(r.lines[0], banner.split()[0], "name")
                    check_equal("STARTTLS" in r.lines, offered, "offer")
                    check_equal(c.cmd("MAIL FROM:<a@client.example>").code,
                                code, "MAIL")
        with case("mail by port 587"):
            with Client(net.client, net.GATEWAY, 587) as c:
                c.ehlo()
                check_equal(c.message(mail.plain()).code, 250, "reply")
            check_equal(gw.message(1)["action"], "pass", "action")
    srv.keywords = []


def ports(net, srv):
    """Transparently, any port is taken that the rules are told of."""
    with Server(net.server, net.B, 587), Server(net.server, net.B, 2525):
        for mode in ("redirect", "tproxy"):
            with Gateway(net, mode, firewall=("--ports", "25,587,2525")) as gw:
                for n, port in enumerate((587, 2525)):
                    with case("%s: port %d" % (mode, port)):
                        with Client(net.client, net.B, port) as c:
                            c.ehlo()
                            check_equal(c.message(mail.plain()).code, 250)
                            r = c.message(mail.eicar_base64())
                            check_equal(r.code, 554, "infected")
                        e = gw.log.wait_messages(2 * n + 2)
                        check_equal([x["dest"] for x in e[2 * n:]],
                                    2 * ["%s:%d" % (net.B, port)], "dest")


def open_all(net, source, n):
    """So many sessions at once; (the greeted, replies to the others)."""
    good, bad = [], []
    for _ in range(n):
        c = Client(net.client, net.A6 if ":" in source else net.A,
                   source=source, banner=False)
        try:
            r = c.reply()
        except Gone:
            r = None
        if r is not None and r.code == 220:
            good.append(c)
        else:
            bad.append(r)
            c.close()
    return good, bad


def close_all(gw, clients):
    mark = gw.log.mark()
    for c in clients:
        c.close()
    wait.until(lambda: sum(e.word == "end" for e in gw.log.events(mark)) >=
               len(clients), "the sessions to end")


def sources(net, srv):
    conf = "workers 4\nlimit { source %d, ipv6-prefix 128 }" % MAX
    with Gateway(net, "tproxy", extra=conf) as gw:
        for name, a, b in (("IPv4", net.CLIENTS[0], net.CLIENTS[1]),
                           ("IPv6", "2001:db8:1::10", "2001:db8:1::11")):
            with case("source: %s, all workers together" % name):
                mark = gw.log.mark()
                good, bad = open_all(net, a, 3 * MAX)
                # A worker may not have heard yet of what others have just
                # taken: at most one too many of each.
                check(MAX <= len(good) <= MAX + 3, "%d got in" % len(good))
                check(all(r is not None and r.code == 421 and r.text == FULL
                          for r in bad), "others heard %s" % bad)
                gw.log.wait("connect refused: too many sessions of this "
                            "source", mark)
            with case("source: %s, others are served" % name):
                other, bad = open_all(net, b, 2)
                check(not bad, "refused: %s" % bad)
            with case("source: %s, who leaves makes room" % name):
                close_all(gw, good + other)
                wait.until(lambda: quick(net, a), "a session to be let in")
                good, bad = open_all(net, a, MAX)
                check(len(good) >= MAX - 1, "only %d" % len(good))
                close_all(gw, good)
        with case("source: a dead worker's sessions are forgotten"):
            good, bad = open_all(net, net.CLIENTS[2], MAX)
            mark = gw.log.mark()
            for pid in gw.children("proxy"):
                os.kill(pid, signal.SIGKILL)
            for c in good:
                c.close()
            for _ in range(4):
                gw.log.wait(r"proxy\[\d+\]: ready", mark)
            wait.until(lambda: len(gw.children("proxy")) == 4, "workers")
            good, bad = [], []
            wait.until(lambda: quick(net, net.CLIENTS[2]), "a session")
            good, bad = open_all(net, net.CLIENTS[2], MAX)
            check(len(good) >= MAX - 1, "only %d" % len(good))
            close_all(gw, good)
        with case("source: no limit after a reload without one"):
            gw.extra = "workers 4"
            gw.write()
            gw.reload()
            good, bad = open_all(net, net.CLIENTS[3], 2 * MAX)
            check(not bad, "refused: %s" % bad)
            close_all(gw, good)
        with case("source: nothing is left open"):
            wait.until(lambda: not gw.connections(), "connections to close")


def quick(net, source):
    good, bad = open_all(net, source, 1)
    for c in good:
        c.close()
    return bool(good)


def prefixes(net, srv):
    """Neighbours share what their network may have."""
    conf = "workers 2\nlimit { source 2, ipv4-prefix 24, ipv6-prefix 64 }"
    with Gateway(net, "redirect", extra=conf) as gw:
        for name, addrs in (("IPv4 /24", net.CLIENTS[:4]),
                            ("IPv6 /64", ["2001:db8:1::1%d" % i
                                          for i in range(4)])):
            with case("source: %s is one" % name):
                good, bad = [], []
                for a in addrs:
                    g, b = open_all(net, a, 1)
                    good += g
                    bad += b
                check(2 <= len(good) <= 3 and len(bad) >= 1,
                      "%d got in" % len(good))
                close_all(gw, good)
    with Gateway(net, "redirect", extra="workers 1\nlimit source 1") as gw:
        with case("source: exactly one with one worker"):
            good, bad = open_all(net, net.CLIENTS[0], 5)
            check_equal((len(good), len(bad)), (1, 4), "sessions")
            r = client.send(net.client, net.A, mail.plain(), net.CLIENTS[1])
            check_equal(r.code, 250, "another client")
            close_all(gw, good)


def storm(net, srv):
    """Who is refused again and again takes nobody's place."""
    one = net.CLIENTS[0]
    base = "workers 1\nsessions 20\n"
    for name, extra, rules in (
            ("source", "limit source 2", ""),
            ("rule", "", "on connect block from %s" % one)):
        with Gateway(net, "tproxy", extra=base + extra, rules=rules) as gw:
            before = gw.snapshot()
            with case("refused by %s, 200 times: others are served" % name):
                crowd = []
                try:
                    for _ in range(200):
                        crowd.append(Client(net.client, net.A, source=one))
                    r = [client.send(net.client, net.A, mail.plain(),
                                     net.CLIENTS[n]) for n in (1, 2, 3)]
                    check_equal([x.code for x in r], 3 * [250], "replies")
                    codes = [c.banner.code for c in crowd]
                    check_equal(sum(n != 220 for n in codes),
                                198 if name == "source" else 200, "refused")
                finally:
                    for c in crowd:
                        c.close()
            with case("refused by %s: nothing is left" % name):
                gw.leaks(before)


def begin_message(net, source, text):
    """A client that has sent so much of a message, and no dot."""
    c = Client(net.client, net.A, source=source)
    c.ehlo()
    c.envelope()
    check_equal(c.cmd("DATA").code, 354, "DATA")
    c.send(text)
    return c


def spool(net, srv):
    """Memory for messages is used up: 452, and only for what needs it."""
    large = mail.plain() + b"x" * 70 + b"\r\n"
    large += (b"y" * 70 + b"\r\n") * 10000        # 720 000 bytes
    conf = "workers 1\nmessage size 1M\nspool memory 1M"
    with Gateway(net, "tproxy", extra=conf) as gw:
        def used():
            """The first message is in memory, all of it."""
            return any(os.stat("/proc/%d/fd/%s" % (pid, fd)).st_size ==
                       len(large) for pid in gw.children("proxy")
                       for fd in os.listdir("/proc/%d/fd" % pid)
                       if "memfd" in link(pid, fd))

        first = begin_message(net, net.CLIENTS[0], large)
        wait.until(used, "the first message to be in memory")
        with case("spool: no room is 452"):
            r = client.send(net.client, net.A, large, net.CLIENTS[1])
            check_equal(r.code, 452, "reply")
            check_equal(gw.message(1)["verdict"], "no-space", "verdict")
        with case("spool: what fits flows"):
            r = client.send(net.client, net.A, mail.plain(), net.CLIENTS[2])
            check_equal(r.code, 250, "reply")
        with case("spool: who was first is served"):
            first.send(b".\r\n")
            check_equal(first.reply().code, 250, "reply")
            first.close()
        with case("spool: and then the one that was refused"):
            r = client.send(net.client, net.A, large, net.CLIENTS[1])
            check_equal(r.code, 250, "reply")
        with case("spool: a message of the greatest size fits"):
            most = mail.plain()
            most += b"z" * 70 + b"\r\n"
            rest = (1 << 20) - len(most)
            most += (b"z" * 70 + b"\r\n") * (rest // 72 - 1)
            most += b"z" * ((1 << 20) - len(most) - 2) + b"\r\n"
            check_equal(len(most), 1 << 20, "size")
            r = client.send(net.client, net.A, most, net.CLIENTS[1])
            check_equal(r.code, 250, "reply")


def link(pid, fd):
    try:
        return os.readlink("/proc/%d/fd/%s" % (pid, fd))
    except OSError:
        return ""


def nofile(pid, n):
    """Set the soft limit of another process, as its own user."""
    with open("/proc/%d/status" % pid) as f:
        ids = {t.split()[0]: int(t.split()[1]) for t in f
               if t.startswith(("Uid:", "Gid:"))}
    subprocess.run(["prlimit", "--pid", str(pid), "--nofile=%d:" % n],
                   user=ids["Uid:"], group=ids["Gid:"], extra_groups=[],
                   check=True)


def descriptors(net, srv):
    """None is left: nobody is dropped, and those who wait get in later."""
    with Gateway(net, "tproxy", extra="workers 1") as gw:
        r = client.send(net.client, net.A, mail.plain(), net.CLIENTS[0])
        check_equal(r.code, 250, "reply")
        (pid,) = gw.children("proxy")
        before = gw.snapshot()
        with open("/proc/%d/limits" % pid) as f:
            (soft,) = [int(t.split()[3]) for t in f
                       if t.startswith("Max open files")]
        with case("descriptors: none left, accept pauses and says so"):
            mark = gw.log.mark()
            nofile(pid, 4)
            crowd = [Client(net.client, net.A, banner=False)
                     for _ in range(20)]
            gw.log.wait("accept; pausing", mark)
            check_equal(list(gw.children("proxy")), [pid], "the worker")
        with case("descriptors: there are some again, all are served"):
            nofile(pid, soft)
            for c in crowd:
                check_equal(c.reply().code, 220, "banner")
                c.ehlo()
                check_equal(c.message(mail.plain()).code, 250, "reply")
                c.close()
        with case("descriptors: nothing is lost or left"):
            check_equal(list(gw.children("proxy")), [pid], "the worker")
            gw.leaks(before)


class Few(Gateway):
    """One that may have few descriptors."""

    def argv(self, *more):
        return ["prlimit", "--nofile=1024:1024"] + super().argv(*more)


def few(net, srv):
    """Sessions are as many as descriptors allow; then 421, never EMFILE."""
    with Few(net, "tproxy", extra="workers 1\nsessions 5000") as gw:
        with case("descriptors: few of them limit the sessions"):
            crowd, codes = [], []
            try:
                for _ in range(300):
                    c = Client(net.client, net.A)
                    crowd.append(c)
                    codes.append(c.banner.code)
                good = codes.count(220)
                check(200 <= good <= 256, "%d sessions" % good)
                check_equal(codes, good * [220] + (300 - good) * [421])
                # Each of them can do its work.
                for c in crowd[:good:10]:
                    c.ehlo()
                    check_equal(c.message(mail.plain()).code, 250, "reply")
            finally:
                for c in crowd:
                    c.close()
        with case("descriptors: they suffice"):
            check("pausing" not in gw.log.text(), "accept had to pause")


def main():
    with Net() as net, Server(net.server, net.A) as srv, \
            Server(net.server, net.A6) as srv6:
        listeners(net, srv)
        ports(net, srv)
        sources(net, srv)
        prefixes(net, srv6)
        storm(net, srv)
        spool(net, srv)
        descriptors(net, srv)
        few(net, srv)


run(main)

#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Reload, drain, end, and new signatures: nobody's mail is lost."""

import hashlib
import os
import signal
import sys
import threading

sys.path.insert(0, "regress/lib")

from mwtest import client, mail, wait                           # noqa: E402
from mwtest.case import case, check, check_equal, check_in, run  # noqa: E402
from mwtest.client import Client, stuff                         # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Gone, Hang, Server                    # noqa: E402


def reload_keeps(net, srv, gw):
    """Sessions in every phase go on over a reload; new rules hold."""
    with Client(net.client, net.A) as idle, \
            Client(net.client, net.A) as data, \
            Client(net.client, net.A) as dot:
        for c in (idle, data, dot):
            c.ehlo()
        data.envelope()
        data.cmd("DATA")
        wire = stuff(mail.plain(mail.filler(10000)))
        data.send(wire[:5000])
        hang = Hang()
        srv.once("dot", hang)
        dot.envelope()
        dot.cmd("DATA")
        dot.send(stuff(mail.plain()))
        wait.until(hang.entered.is_set, "the dot at the server")
        gw.rules = 'on message block "550 5.7.1 after the reload" clean'
        gw.write()
        children = set(gw.children("proxy"))
        gw.reload("reload: done")
        with case("reload: a message on its way arrives"):
            hang.release()
            check_equal(dot.reply().code, 250, "reply")
        with case("reload: a message half sent is taken"):
            data.send(wire[5000:])
            check_equal(data.reply().code // 100 in (2, 5), True, "answered")
        with case("reload: an idle session goes on"):
            check_equal(idle.cmd("NOOP").code, 250, "reply")
        with case("reload: new sessions get the new rules"):
            r = client.send(net.client, net.A, mail.plain())
            check_in("after the reload", r.text, "reply")
        with case("reload: the proxies are the same"):
            check_equal(set(gw.children("proxy")), children, "processes")
    gw.rules = ""
    gw.write()
    gw.reload("reload: done")


def reload_faulty(net, srv, gw):
    for name, text in (("a syntax error", "listen sideways port 1\n"),
                       ("an unknown table", gw.text() +
                        "on message pass virus from <nobody>\n"),
                       ("an empty file", ""),
                       ("no file", None)):
        with case("reload with %s: the old configuration stays" % name):
            n = len(srv.messages())
            if text is None:
                os.unlink(gw.conf)
            else:
                gw.write(text)
            gw.reload("reload: failed")
            check_equal(client.send(net.client, net.A, mail.plain()).code,
                        250, "clean")
            check_equal(client.send(net.client, net.A,
                                    mail.eicar_plain()).code, 554, "eicar")
            check_equal(len(srv.messages()), n + 1, "arrived")
            if text is not None:
                status, out = gw.check()
                check(status != 0, "-n accepts it")
                check_in(os.path.basename(gw.conf), out, "output of -n")
    gw.write()
    with case("reload with the good file again"):
        gw.reload("reload: done")


def reload_port(net, srv, gw):
    """A listener comes, another goes."""
    gw.extra = "listen on %s port 26 relay to %s" % (net.GATEWAY, net.A)
    gw.write()
    gw.reload("reload: done")
    with case("reload: a new listener works"):
        with Client(net.client, net.GATEWAY, 26) as c:
            check_equal(c.banner.code, 220, "banner")
            gw.extra = ""
            gw.write()
            gw.reload("reload: done")
            check_equal(c.cmd("NOOP").code, 250, "session over the reload")
    with case("reload: a removed listener is closed"):
        def closed():
            try:
                Client(net.client, net.GATEWAY, 26).close()
            except (ConnectionRefusedError, Gone):
                return True
            return False
        wait.until(closed, "port 26 to be closed")


class Traffic:
    """Clean messages from several clients, without a pause."""

    def __init__(self, net, threads=3):
        self.net = net
        self.stop = threading.Event()
        self.sent = []          # ids that were answered by 250
        self.other = []         # other answers
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.one, args=(i,))
                        for i in range(threads)]
        for t in self.threads:
            t.start()

    def one(self, i):
        n = 0
        while not self.stop.is_set():
            try:
                with Client(self.net.client, self.net.A,
                            source=self.net.CLIENTS[i]) as c:
                    c.ehlo()
                    for _ in range(20):
                        n += 1
                        tag = "%d-%d" % (i, n)
                        r = c.message(mail.plain(
                            mail.filler(3000) + tag.encode() + b"\r\n"))
                        with self.lock:
                            (self.sent if r.code == 250 else
                             self.other).append((tag, r.code))
                        if self.stop.is_set():
                            break
                    c.quit()
            except (Gone, OSError) as e:
                with self.lock:
                    self.other.append(("%d-%d" % (i, n), repr(e)))

    def end(self):
        self.stop.set()
        for t in self.threads:
            t.join(60)

    def check(self, srv):
        self.end()
        check(self.sent, "no message was sent")
        check(not self.other, lambda: "not answered by 250: %s" %
              self.other[:5])
        tags = [m.data.rstrip().split(b"\r\n")[-1].decode()
                for m in srv.messages()]
        check_equal(sorted(tags), sorted(t for t, c in self.sent),
                    "messages at the server")


def signatures(net, srv, gw):
    """A file dropped into the directory is used, under traffic."""
    text = b"This body is called malware from now on.\r\n"
    check_equal(client.send(net.client, net.B, mail.plain(text)).code, 250,
                "reply before")
    mark = gw.log.mark()
    traffic = Traffic(net)
    new = os.path.join(gw.db, "new.hdb")
    with open(new + ".tmp", "w") as f:
        f.write("%s:%d:Test.New\n" %
                (hashlib.md5(text).hexdigest(), len(text)))
    os.rename(new + ".tmp", new)

    def found():
        r = client.send(net.client, net.B, mail.plain(text))
        return r if r.code != 250 else None
    with case("new signatures are used"):
        r = wait.until(found, "the new signature", 60, 0.2)
        check_equal(r.code, 554, "reply")
        check_in("Test.New", r.text, "reply")
        check_equal(client.send(net.client, net.B, mail.eicar_plain()).code,
                    554, "an old one")
    with case("new signatures: no message was lost or refused"):
        traffic.check(srv)
    with case("faulty signatures leave the old ones"):
        traffic = Traffic(net)
        mark = gw.log.mark()
        with open(os.path.join(gw.db, "bad.ndb"), "w") as f:
            f.write("this is:no:signature\n")
        gw.log.wait(r"scanner.*(fail|cannot|Malformed|bad)", mark, 60)
        check_equal(client.send(net.client, net.B, mail.plain(text)).code,
                    554, "reply")
        srv_before = len(traffic.sent)
        wait.until(lambda: len(traffic.sent) > srv_before, "more traffic")
        traffic.end()
        check(not traffic.other, "refused: %s" % traffic.other[:5])


def drain(net, srv):
    with Gateway(net, "tproxy") as gw:
        with Client(net.client, net.A) as c, Client(net.client, net.A) as b:
            c.ehlo()
            b.ehlo()
            b.envelope()
            b.cmd("DATA")
            gw.program.signal(signal.SIGTERM)
            gw.log.wait("finishing the open sessions")
            with case("SIGTERM: a message half sent is delivered"):
                n = len(srv.messages())
                b.send(stuff(mail.plain()))
                check_equal(b.reply().code, 250, "reply")
                check_equal(len(srv.messages()), n + 1, "arrived")
            with case("SIGTERM: no new sessions"):
                def refused():
                    try:
                        with Client(net.client, net.A) as d:
                            return d.banner.code == 421
                    except (OSError, Gone):
                        return True
                wait.until(refused, "new sessions to be refused")
            b.close()
            try:
                c.quit()
            except Gone:
                pass
        with case("SIGTERM: it ends when the last session has"):
            check_equal(gw.program.wait(30), 0, "exit status")
            check(not os.path.exists(os.path.join(gw.rundir,
                                                  "mailwalld.pid")),
                  "the pid file is left")
    with Gateway(net, "tproxy") as gw:
        kids = list(gw.children())
        with Client(net.client, net.A) as c:
            c.ehlo()
            c.envelope()
            c.cmd("DATA")
            with case("a second SIGTERM ends it at once"):
                gw.program.signal(signal.SIGTERM)
                gw.log.wait("finishing the open sessions")
                gw.program.signal(signal.SIGTERM)
                gw.program.wait(10)
                wait.until(lambda: not any(os.path.exists("/proc/%d" % k)
                                           for k in kids), "children to go")
            with case("... and the client is told no 250"):
                c.sock.settimeout(30)
                try:
                    c.send(stuff(mail.plain()))
                    r = c.reply()
                    check(r.code // 100 == 4, "reply %r" % r)
                except Gone:
                    pass


def start_errors(net):
    for name, kw in (
            ("no signatures at all", {"antivirus": 'antivirus embedded '
                                      'database "/var/empty-database"'}),
            ("a port that is taken", {"extra":
                                      "listen on 192.168.0.1 port 5001 "
                                      "relay to 10.1.0.2"})):
        with case("start with %s fails" % name):
            gw = Gateway(net, "tproxy", start=False, **kw)
            gw.firewall = None
            gw.start(ready=False)
            check(gw.program.wait(30) != 0, "exit status 0")
            check(gw.program.text(), "nothing was said")


def main():
    net = Net()
    with Server(net.server, net.A) as srv, \
            Server(net.server, net.B, name="b.example"):
        with Gateway(net, "tproxy") as gw:
            # slack, below: a relay listener wants sockets of its own kind.
            before = gw.snapshot()
            reload_keeps(net, srv, gw)
            reload_faulty(net, srv, gw)
            reload_port(net, srv, gw)
            with case("no descriptor is left by reloads"):
                gw.leaks(before, slack=44)
            srv.wait_idle()
            srv.sessions.clear()
            signatures(net, srv, gw)
            with case("no descriptor is left by new scanners"):
                gw.leaks(before, slack=44)
        drain(net, srv)
    start_errors(net)


run(main)

#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The five cases that a mail firewall is judged by.

A mail system has clients and servers that know nothing of the gateway.
(1) Its port changes, (2) its address changes: the clients go on without a
change.  (3) Six clients send to two servers at once: each message reaches
its own server, once.  (4) A message that a rule blocks never reaches the
server, (5) nor does an infected attachment.
"""

import sys
import threading
import zlib

sys.path.insert(0, "regress/lib")

from mwtest import client, mail, wait                           # noqa: E402
from mwtest.case import case, check, check_equal, check_in, run  # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Server                                # noqa: E402

ROUNDS = 5              # messages of each client to each server in (3)


def deliver(net, srv, gw, source=None):
    """A clean message arrives unchanged, by way of the gateway.

    Its line in the log comes by another way than its reply: it is waited
    for, or the next one who looks would take it for his.
    """
    n = len(srv.messages())
    mark = gw.log.mark()
    msg = mail.plain()
    r = client.send(net.client, srv.addr, msg, source=source)
    check_equal(r.code, 250, "reply")
    check_equal(srv.wait_messages(n + 1)[n].data, msg, "message")
    e = gw.message(1, mark)
    check_equal((e["action"], e["verdict"]), ("pass", "clean"), "log")
    check_in(srv.addr, e["dest"], "destination in the log")
    return srv.messages()[n]


def change_port(net, srv, mode):
    for port in (5000, 5003):
        with case("%s: port %d of the gateway" % (mode, port)):
            with Gateway(net, mode, port=port) as gw:
                deliver(net, srv, gw)
                check(net.gateway.run(
                    ["ss", "-Htln", "sport = :%d" % port],
                    capture_output=True).stdout, "not that port")


def change_address(net, srv, mode):
    """The network changes, as routers announce it; no mail setting does."""
    with Gateway(net, mode) as gw:
        with case("%s: first address of the gateway" % mode):
            deliver(net, srv, gw)
        with case("%s: another address of the gateway" % mode):
            for dev, old, new in (("in0", net.GATEWAY, "192.168.0.2"),
                                  ("out0", net.GATEWAY_OUT, "10.1.0.9")):
                net.gateway.ip("addr", "add", new + "/24", "dev", dev)
                net.gateway.ip("addr", "del", old + "/24", "dev", dev)
                ns = net.client if dev == "in0" else net.server
                ns.ip("route", "replace", "default", "via", new)
                # The kernel removes all of a net with its first address.
                net.gateway.ip("addr", "replace", new + "/24", "dev", dev)
            got = deliver(net, srv, gw)
            check_equal(got.session.peer, "10.1.0.9" if mode == "redirect"
                        else net.CLIENTS[0], "peer of the server")


def body(tag):
    """A text of its own for each message."""
    tag = tag.encode()
    return mail.filler(20000, zlib.crc32(tag)) + tag + b"\r\n"


def six_clients(net, a, b, gw):
    """All at once; every message says whose it is and where it goes."""
    first = len(gw.log.messages())
    before = {srv: len(srv.messages()) for srv in (a, b)}
    start = threading.Barrier(2 * len(net.CLIENTS))
    errors = []

    def one(source, srv):
        try:
            with client.Client(net.client, srv.addr, source=source) as c:
                c.ehlo()
                start.wait(60)
                for i in range(ROUNDS):
                    tag = "%s to %s no %d" % (source, srv.addr, i)
                    r = c.message(mail.plain(body(tag), tag),
                                  sender="%s@client.example" % source,
                                  rcpts=["%s@example.org" % srv.addr])
                    check_equal(r.code, 250, "reply to " + tag)
        except Exception as e:
            errors.append("%s to %s: %s" % (source, srv.addr, e))

    threads = [threading.Thread(target=one, args=(s, srv))
               for s in net.CLIENTS for srv in (a, b)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(120)
    check(not errors, "; ".join(errors))
    for srv in (a, b):
        got = srv.messages()[before[srv]:]
        want = sorted("%s to %s no %d" % (s, srv.addr, i)
                      for s in net.CLIENTS for i in range(ROUNDS))
        tags = []
        for m in got:
            head, text = m.data.split(b"\r\n\r\n", 1)
            tag = text[20000:].decode().strip()
            tags.append(tag)
            check_in(b"Subject: " + tag.encode() + b"\r\n", head + b"\r\n")
            check_equal(m.mail_from, tag.split()[0] + "@client.example")
            check_equal(m.rcpts, [srv.addr + "@example.org"])
            check_equal(text, body(tag), tag)
        check_equal(sorted(tags), want, "messages at " + srv.addr)
    n = 2 * len(net.CLIENTS) * ROUNDS
    check_equal(len(gw.log.wait_messages(first + n)), first + n, "logged")


def blocked(net, srv, gw):
    n = len(srv.messages(complete=False))
    sessions = len(srv.sessions)
    r = client.send(net.client, srv.addr, mail.plain(),
                    source=net.CLIENTS[3])
    check_in("5.7.1 this client may not send", r.text, "reply")
    check_equal(r.code, 550, "reply")
    wait.until(lambda: all(s.done.is_set() for s in srv.sessions), "end")
    check_equal(len(srv.messages(complete=False)), n, "messages")
    cmds = srv.sessions[sessions].commands
    check("DATA" not in cmds, "server was told DATA: %s" % cmds)
    e = gw.log.told(r.text)
    check_equal((e["client"].split(":")[0], e["action"], e["verdict"]),
                (net.CLIENTS[3], "block", "clean"), "log")
    deliver(net, srv, gw, source=net.CLIENTS[2])


def infected(net, srv, gw):
    n = len(srv.messages(complete=False))
    r = client.send(net.client, srv.addr, mail.eicar_base64())
    check_equal(r.code, 554, "reply")
    e = gw.log.told(r.text)
    check_equal((e["verdict"], e["action"]), ("virus", "block"), "log")
    check_in("Eicar", e["virus"], "virus")
    check_equal(len(srv.messages(complete=False)), n, "messages")
    for s in srv.sessions:
        check(b"X5O!" not in s.received and
              mail.b64(mail.EICAR)[:40] not in s.received,
              "the server got it")


def main():
    for mode in ("redirect", "tproxy"):
        with Net() as net, Server(net.server, net.A) as a, \
                Server(net.server, net.B) as b:
            change_port(net, a, mode)
            with Gateway(net, mode, rules='on message block '
                         '"550 5.7.1 this client may not send" clean '
                         'from %s' % net.CLIENTS[3]) as gw:
                with case("%s: a blocked message stays out" % mode):
                    blocked(net, a, gw)
                with case("%s: an infected attachment stays out" % mode):
                    infected(net, a, gw)
            with Gateway(net, mode) as gw:
                with case("%s: six clients, two servers, at once" % mode):
                    six_clients(net, a, b, gw)
            change_address(net, a, mode)


run(main)

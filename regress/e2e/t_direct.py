#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Connections to the gateway itself, loops, and the relay listener."""

import re
import sys

sys.path.insert(0, "regress/lib")

from mwtest import client, mail                                 # noqa: E402
from mwtest.case import case, check, check_equal, check_in, run  # noqa: E402
from mwtest.client import Client                                # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Server                                # noqa: E402


def refused(net, gw, ns, addr, port):
    """A clear 5yz at once, the end, and a line in the log."""
    mark = gw.log.mark()
    with Client(ns, addr, port) as c:
        check_equal(c.banner.code // 100, 5, "class of the banner")
        check(c.at_end(), "the session stays open")
    # Not just any line: the end of the session before may come only now.
    gw.log.wait(r"s=[0-9a-f]{16} connect refused: (\S*\W)?%s\W" %
                re.escape(addr), mark)


def direct(net, srv, mode):
    with Gateway(net, mode) as gw:
        for addr in (net.GATEWAY, net.GATEWAY6, net.GATEWAY_OUT):
            with case("%s: %s port 25 is refused" % (mode, addr)):
                refused(net, gw, net.client, addr, 25)
            with case("%s: %s port %d is refused" % (mode, addr, gw.port)):
                refused(net, gw, net.client, addr, gw.port)
        with case("%s: the gateway's own loopback is refused" % mode):
            refused(net, gw, net.gateway, "127.0.0.1", gw.port)
        with case("%s: mail passes all the same" % mode):
            r = client.send(net.client, net.A, mail.plain())
            check_equal(r.code, 250, "reply")
            check_equal(len(srv.wait_messages(1)), 1)
            srv.sessions.clear()


def relay(net, srv, srv6):
    """In front of one server, as its MX: clients connect to the gateway."""
    lines = ("listen on %s port 25 relay to %s\n"
             "listen on %s port 2525 relay to %s port 25\n"
             "listen on %s port 25 relay to %s" %
             (net.GATEWAY, net.A, net.GATEWAY, net.A6, net.GATEWAY6, net.A6))
    with Gateway(net, None, extra=lines) as gw:
        for addr, port, at in ((net.GATEWAY, 25, srv),
                               (net.GATEWAY, 2525, srv6),
                               (net.GATEWAY6, 25, srv6)):
            with case("relay: %s port %d to %s" % (addr, port, at.addr)):
                n = len(at.messages())
                msg = mail.plain(b".dots\r\n..\r\n")
                mark = gw.log.mark()
                with Client(net.client, addr, port) as c:
                    c.ehlo()
                    check_equal(c.message(msg).code, 250, "reply")
                    r = c.message(mail.eicar_base64())
                    check_equal(r.code, 554, "reply to eicar")
                check_equal([m.data for m in at.wait_messages(n + 1)[n:]],
                            [msg], "messages")
                for e in gw.log.wait_messages(2, mark):
                    check_in(at.addr, e["dest"], "logged destination")


def connect_rules(net, srv):
    rules = """
table bad { 192.168.0.11, 192.168.0.12/31, ! 192.168.0.13, 2001:db8:1::11 }
on connect block "521 5.7.1 not from there" from <bad>
on connect tempfail to %s
""" % net.B
    with Gateway(net, "tproxy", rules=rules) as gw:
        for source, addr, code in (
                (net.CLIENTS[0], net.A, 220), (net.CLIENTS[1], net.A, 521),
                (net.CLIENTS[2], net.A, 521), (net.CLIENTS[3], net.A, 220),
                (net.CLIENTS6[1], net.A6, 521), (net.CLIENTS[0], net.B, 421)):
            with case("connect rule: %s to %s is told %d" %
                      (source, addr, code)):
                n = len(srv.sessions)
                with Client(net.client, addr, source=source) as c:
                    check_equal(c.banner.code, code, "banner")
                    if code == 220:
                        c.quit()
                    else:
                        check(c.at_end(), "the session stays open")
                        check_equal(len(srv.sessions), n, "connections")
                        gw.log.wait("client=\\[?%s" % source.replace(
                            ":", "[:]"))


def main():
    net = Net()
    with Server(net.server, net.A) as srv, Server(net.server, net.A6) as srv6:
        for mode in ("redirect", "tproxy"):
            direct(net, srv, mode)
        relay(net, srv, srv6)
        connect_rules(net, srv)


run(main)

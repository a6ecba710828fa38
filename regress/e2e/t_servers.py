#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# timeout: 600
"""Real servers behind the gateway, real clients in front of it."""

import sys

sys.path.insert(0, "regress/lib")

from mwtest import mail, mta, mua                               # noqa: E402
from mwtest.case import case, check, check_equal, check_in, run  # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.net import Net                                      # noqa: E402


def one(net, gw, server, client, addr, source, peer):
    """One message: told the truth, arrived unchanged, seen from peer."""
    server.clear()
    subject = "%s-%s-%s" % (client.name, server.name, gw.mode)
    msg = mail.plain(b"One line.\r\n.\r\n..dots\r\n\r\nlast\r\n", subject)
    mark = gw.log.mark()
    res = client.send(addr, msg, source=source)
    check(res.ok, res.text)
    got = server.wait_mail(1)
    check_equal(len(got), 1, "mails")
    if client.exact:
        check(got[0].contains(msg), lambda: "differs: %r" % got[0].raw)
    check_in(b"Subject: " + subject.encode(), got[0].data, "mail")
    # sendmail writes all groups of an IPv6 address.
    seen = got[0].received_from.replace("0:0:0:0:", ":")
    check_in(peer, seen, "Received")
    e = gw.log.wait_messages(1, mark)[0]
    check_equal((e["action"], e["verdict"]), ("pass", "clean"), "log")
    check_in(source or addr, e["client"] if source else e["dest"], "log")


def infected(net, gw, server, client):
    """A real client tells its user that the message was refused."""
    server.clear()
    mark = gw.log.mark()
    res = client.send(server.addrs[0], mail.eicar_plain())
    check(not res.ok, "the client says that all is well: " + res.text)
    e = gw.log.wait_messages(1, mark)[0]
    check_equal((e["action"], e["verdict"]), ("block", "virus"), "log")
    res = client.send(server.addrs[0], mail.plain())
    check(res.ok, res.text)
    check(b"X5O!" not in server.wait_mail(1)[0].raw, "it arrived")
    check_equal(len(server.mails()), 1, "mails")


def through(net, mode, servers, clients):
    with Gateway(net, mode) as gw:
        for i, server in enumerate(servers):
            v4, v6 = server.addrs
            for j, client in enumerate(clients):
                # All pairs under tproxy and IPv4; of the rest each client
                # and each server several times.
                if mode == "tproxy" or (i + j) % 2 == 0:
                    with case("%s: %s to %s" %
                              (mode, client.name, server.name)):
                        src = net.CLIENTS[j] if client.sets_source else None
                        one(net, gw, server, client, v4, src,
                            net.GATEWAY_OUT if mode == "redirect" else
                            src or net.CLIENTS[0])
                if client.ipv6 and (mode == "redirect" or (i + j) % 2):
                    with case("%s: %s to %s, IPv6" %
                              (mode, client.name, server.name)):
                        src = net.CLIENTS6[j] if client.sets_source else None
                        one(net, gw, server, client, v6, src,
                            net.GATEWAY_OUT6 if mode == "redirect" else
                            src or "2001:db8:1::1")
        if mode == "tproxy":
            for i, client in enumerate(c for c in clients if c.exact):
                server = servers[i % len(servers)]
                with case("eicar: %s to %s" % (client.name, server.name)):
                    infected(net, gw, server, client)


def main():
    net = Net()
    clients = [cls(net.client) for cls in mua.ALL]
    servers = []
    for i, cls in enumerate(mta.ALL):
        with case("%s starts" % cls.name):
            servers.append(cls(net.server, net.SERVERS[i], net.SERVERS6[i]))
    for mode in ("tproxy", "redirect"):
        through(net, mode, servers, clients)


run(main)

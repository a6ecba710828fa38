#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# timeout: 700
"""Haraka: behind the gateway as a server, before it as a client."""

import re
import sys

sys.path.insert(0, "regress/lib")

from mwtest import client, mail, mta, mua, wait                 # noqa: E402
from mwtest.case import case, check, check_equal, check_in, run  # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.haraka import Haraka, HarakaRelay                   # noqa: E402
from mwtest.net import Net                                      # noqa: E402

SENDER = "a@client.example"


def serves(net, gw, server, agent, addr, source, peer):
    """One message of a real client, told the truth and unchanged."""
    server.clear()
    msg = mail.plain(b"One line.\r\n.\r\n..dots\r\n\r\nlast\r\n",
                     agent.name)
    mark = gw.log.mark()
    res = agent.send(addr, msg, source=source)
    check(res.ok, res.text)
    got = server.wait_mail(1)
    check_equal(len(got), 1, "mails")
    if agent.exact:
        check(got[0].contains(msg), lambda: "differs: %r" % got[0].raw)
    check_in(peer, got[0].received_from, "Received")
    e = gw.message(1, mark)
    check_equal((e["action"], e["verdict"]), ("pass", "clean"), "log")


def refuses(net, gw, server):
    """Its refusals come to the client as they are, the session goes on."""
    server.clear()
    mark = gw.log.mark()
    with client.Client(net.client, server.addrs[0]) as c:
        c.ehlo()
        check_equal(c.cmd("MAIL FROM:<%s>" % SENDER).code, 250, "MAIL")
        r = c.cmd("RCPT TO:<b@no.example.org>")
        check_equal(r.code, 550, "RCPT")
        check_in("no such domain here", r.text, "reply")
        r = c.cmd("RCPT TO:<b@example.org>")
        check_equal(r.code, 250, "RCPT")
        check_equal(c.data(mail.plain()).code, 250, "message")
        r = c.message(mail.eicar_base64())
        check_equal(r.code, 554, "infected")
    check_equal(len(server.wait_mail(1)), 1, "mails")
    check_equal([e["action"] for e in gw.log.wait_messages(2, mark)],
                ["pass", "block"], "log")


def submit(relay, data, rcpts):
    with client.Client(relay.ns, relay.addrs[0],
                       source=relay.addrs[0]) as c:
        c.ehlo()
        check_equal(c.message(data, SENDER, rcpts).code, 250,
                    "reply of the relay")
        c.quit()


def relays(gw, relay, server, size):
    """A message of a user of the relay arrives, once."""
    server.clear()
    relay.clear()
    mark = gw.log.mark()
    msg = mail.plain(b".\r\n..\r\n" + mail.filler(size))
    submit(relay, msg, ["b@example.org"])
    got = server.wait_mail(1)
    check(got[0].contains(msg), lambda: "differs: %r" % got[0].raw[:2000])
    e = gw.message(1, mark)
    check_equal((e["action"], e["verdict"]), ("pass", "clean"), "log")
    check_equal(e["client"].split(":")[0], relay.addrs[0], "client")
    check_equal(len(server.mails()), 1, "mails")
    check_equal(relay.mails(), [], "bounces")


def bounces(gw, relay, server):
    """The relay is told about a virus, and tells its user."""
    server.clear()
    relay.clear()
    mark = gw.log.mark()
    submit(relay, mail.eicar_base64(), ["b@example.org"])
    text = relay.wait_mail(1)[0].data.decode()
    e = gw.message(1, mark)
    check_equal((e["action"], e["verdict"]), ("block", "virus"), "log")
    for part in ("554", "5.7.1", e.id, "b@example.org"):
        check_in(part, text, "bounce")
    check_equal(server.mails(), [], "mails")
    # The next one is a session of its own, and passes.
    relay.clear()
    msg = mail.plain()
    submit(relay, msg, ["b@example.org"])
    check(server.wait_mail(1)[0].contains(msg), "it differs")


def down(gw, relay, server):
    """Where nobody listens the relay hears 421, and keeps the message."""
    relay.clear()
    said = len(relay.says())
    submit(relay, mail.plain(), ["b@down.example"])
    wait.until(lambda: re.search(r"[Tt]emp(?:orary)? ?fail|421|deferred",
                                 relay.says()[said:]),
               "the relay to defer it; it says " + relay.says()[-1500:])
    check_equal(relay.mails(), [], "bounces")


def main():
    net = Net()
    server = Haraka(net.server, net.A, net.A6)
    postfix = mta.Postfix(net.server, net.B)
    relay = HarakaRelay(net.client, net.CLIENTS[1],
                        {"*": net.A, "down.example": net.SERVERS[3]})
    other = HarakaRelay(net.client, net.CLIENTS[2], {"*": net.B})
    agents = [cls(net.client) for cls in mua.ALL]
    for mode in ("tproxy", "redirect"):
        with Gateway(net, mode) as gw:
            for i, agent in enumerate(agents):
                six = agent.ipv6 and (i % 2 == 0) == (mode == "redirect")
                addr = net.A6 if six else net.A
                src = (net.CLIENTS6 if six else net.CLIENTS)[i] \
                    if agent.sets_source else None
                peer = (net.GATEWAY_OUT6 if six else net.GATEWAY_OUT) \
                    if mode == "redirect" else \
                    src or ("2001:db8:1::1" if six else net.CLIENTS[0])
                with case("%s: %s to Haraka%s" % (mode, agent.name,
                                                  ", IPv6" * six)):
                    serves(net, gw, server, agent, addr, src, peer)
            with case("%s: Haraka refuses" % mode):
                refuses(net, gw, server)
            for size in (1000, 300000):
                with case("%s: Haraka to Haraka, %d bytes" % (mode, size)):
                    relays(gw, relay, server, size)
                with case("%s: Haraka to Postfix, %d bytes" % (mode, size)):
                    relays(gw, other, postfix, size)
            with case("%s: Haraka to Haraka, infected" % mode):
                bounces(gw, relay, server)
            with case("%s: the server is down" % mode):
                down(gw, relay, server)


run(main)

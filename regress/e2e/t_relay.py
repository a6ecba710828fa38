#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# timeout: 600
"""Mail servers as clients: Postfix and Exim relay through the gateway.

Each relays to a Postfix and to an Exim, by the address of the server, first
without a gateway and then through it.  Before the servers stands a tap that
keeps every byte: what the server saw with the gateway is compared with what
it saw without.
"""

import re
import sys

sys.path.insert(0, "regress/lib")

from mwtest import client, mail, mta, wait                      # noqa: E402
from mwtest.case import case, check, check_equal, check_in, run  # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.tap import Dialogue, Tap                            # noqa: E402

SENDER = "a@client.example"
BURST = 12              # messages of each client to each server, at once


def timeless(banner):
    """Exim puts the date into it."""
    return re.sub(rb"\w{3}, .*\d\d:\d\d:\d\d", b"DATE", banner)


class Pair:
    """A relay, a server, and the tap between them."""

    def __init__(self, relay, server, tap, domain):
        self.relay = relay
        self.server = server
        self.tap = tap
        self.domain = domain
        self.name = "%s to %s" % (relay.name, server.name)
        self.direct = {}                # what: Dialogue

    def submit(self, data, rcpts, eightbit=False):
        """As a user of the relay does."""
        with client.Client(self.relay.ns, self.relay.addrs[0],
                           source=self.relay.addrs[0]) as c:
            c.ehlo()
            r = c.cmd("MAIL FROM:<%s>%s" % (
                SENDER, " BODY=8BITMIME" if eightbit else ""))
            for rcpt in rcpts:
                check_equal(r.code, 250, "reply of the relay")
                r = c.cmd("RCPT TO:<%s>" % rcpt)
            check_equal(r.code, 250, "reply of the relay")
            check_equal(c.data(data).code, 250, "reply of the relay")
            c.quit()

    def wait_session(self, n):
        """The n-th connection from here on, when it is over."""
        wait.until(lambda: len(self.tap.wires) >= n, "the relay to call; "
                   "it says " + self.relay.says()[-2000:])
        self.tap.wait_idle()
        check_equal(len(self.tap.wires), n, "connections")
        return self.tap.wires[n - 1]


def high_bytes():
    return mail.plain(b"Gr\xc3\xbc\xc3\x9fe, latin-1 \xe4\xf6, all " +
                      bytes(range(128, 256)) + b".\r\n", "8 bit",
                      MIME_Version="1.0",
                      Content_Type="text/plain; charset=utf-8",
                      Content_Transfer_Encoding="8bit")


def letters(domain):
    """{what: (message, recipients, those that the server refuses, 8bit)}"""
    one = ["b@" + domain]
    return {
        "several recipients":
            (mail.plain(), ["b%d@%s" % (i, domain) for i in range(4)], [],
             False),
        "8 bit": (high_bytes(), one, [], True),
        "dots": (mail.plain(b".\r\n..\r\n.x\r\n\r\n.\r\n\r\n...\r\n.\r\n"),
                 one, [], False),
        "an empty body": (mail.head() + b"\r\n", one, [], False),
        "200 KiB": (mail.attached(bytes(range(256)) * 800, "a.bin"), one, [],
                    False),
        "one recipient refused":
            (mail.plain(), one + ["x@no." + domain, "c@" + domain],
             ["x@no." + domain], False),
    }


def relayed(pair, what, letter, peer):
    """One message arrives once and unchanged; returns what the server saw."""
    data, rcpts, refused, eightbit = letter
    pair.server.clear()
    pair.relay.clear()
    n = len(pair.tap.wires)
    pair.submit(data, rcpts, eightbit)
    w = pair.wait_session(n + 1)
    check_equal(w.peer, peer, "peer of the server")
    d = Dialogue(w)
    check_equal(len(d.messages), 1, "messages on the wire")
    check(d.messages[0].endswith(data), "the message differs on the wire")
    check(b"\r\n\r\n" not in d.messages[0][:-len(data)], "added to it")
    good = len(rcpts) - len(refused)
    got = pair.server.wait_mail(good)
    check_equal(len(got), good, "mails")
    for m in got:
        check(m.contains(data), lambda: "differs: %r" % m.raw[:2000])
    taken = d.steps[-2][1][-1].decode().split("\r\n")[-1][4:]
    wait.until(lambda: taken in pair.relay.says(),
               "the server's reply in the relay's log: " + taken)
    if refused:
        bounce = pair.relay.wait_mail(1)[0].data.decode()
        for rcpt in refused:
            check_in(rcpt, bounce, "bounce")
            check_in(" ".join(reply_to(d, "<%s>" % rcpt).split()[:3]),
                     " ".join(bounce.split()), "bounce")
    check_equal(len(pair.relay.mails()), 1 if refused else 0, "bounces")
    check(w.ahead, "no PIPELINING")
    return d


def reply_to(d, path):
    """The server's reply to this RCPT, as text without its code."""
    for command, rs in d.steps:
        if command.startswith("RCPT") and path in command:
            return rs[0].decode()[4:]
    return "?"


def compare(direct, d):
    """What the server saw: with the gateway as without."""
    check_equal(timeless(d.banner), timeless(direct.banner), "banner")
    check_equal(d.commands(), direct.commands(), "commands")
    check_equal(d.plain(), direct.plain(), "replies")


def directly(pair):
    for what, letter in letters(pair.domain).items():
        with case("direct: %s: %s" % (pair.name, what)):
            d = relayed(pair, what, letter, pair.relay.addrs[0])
            pair.direct[what] = d
            check_in(d.steps[-1][0], "QUIT")
            if isinstance(pair.relay, mta.Exim):
                check_in("BDAT", d.commands(), "commands")


def through(net, pair, gw):
    peer = net.GATEWAY_OUT if gw.mode == "redirect" else pair.relay.addrs[0]
    for what, letter in letters(pair.domain).items():
        with case("%s: %s: %s" % (gw.mode, pair.name, what)):
            mark = gw.log.mark()
            d = relayed(pair, what, letter, peer)
            check_in(what, pair.direct, "what came directly")
            compare(pair.direct[what], d)
            e = gw.log.wait_messages(1, mark)[0]
            check_equal((e["action"], e["verdict"]), ("pass", "clean"),
                        "log")
    with case("%s: %s: infected" % (gw.mode, pair.name)):
        infected(pair, gw)


def infected(pair, gw):
    """The relay bounces it with our reply; the server never sees it."""
    pair.server.clear()
    pair.relay.clear()
    mark = gw.log.mark()
    n = len(pair.tap.wires)
    data = mail.eicar_base64()
    rcpts = ["b@" + pair.domain, "c@" + pair.domain]
    pair.submit(data, rcpts)
    bounce = pair.relay.wait_mail(1)[0].data.decode()
    w = pair.wait_session(n + 1)
    d = Dialogue(w)
    check_equal(d.messages, [], "messages")
    verbs = [c.split(" ")[0] for c in d.commands()]
    if "RSET" in verbs:                 # no need of it before QUIT
        verbs.remove("RSET")
    check_equal(verbs, ["EHLO", "MAIL", "RCPT", "RCPT", "QUIT"], "commands")
    check(b"EICAR" not in w.up and mail.b64(mail.EICAR)[:40] not in w.up,
          "the server got some of it")
    check_equal(pair.server.mails(), [], "mails")
    e = gw.log.wait_messages(1, mark)[0]
    check_equal((e["action"], e["verdict"]), ("block", "virus"), "log")
    text = " ".join(bounce.split())
    for part in rcpts + ["554 5.7.1", e.id]:
        check_in(part, text, "bounce")
    check_equal(len(pair.relay.mails()), 1, "bounces")


def server_down(pair):
    """The relay keeps it and tries again; then it arrives, once."""
    pair.server.clear()
    pair.relay.clear()
    n = len(pair.tap.wires)
    said = len(pair.relay.says())
    data = mail.plain()
    pair.tap.close()
    pair.submit(data, ["b@" + pair.domain])
    wait.until(lambda: re.search(r"status=deferred|==.*defer",
                                 pair.relay.says()[said:]),
               "the relay to defer it")
    check_equal(len(pair.tap.wires), n, "connections")
    pair.tap.open()
    pair.relay.flush()
    got = pair.server.wait_mail(1)
    pair.wait_session(n + 1)
    check(got[0].contains(data), "it differs")
    check_equal(len(pair.server.mails()), 1, "mails")
    check_equal(pair.relay.mails(), [], "bounces")


def burst(pairs):
    """Many at once: each arrives once, where it belongs."""
    want = {}
    for p in pairs:
        p.server.clear()
        p.relay.clear()
    for i in range(BURST):
        for p in pairs:
            tag = "%s, number %d" % (p.name, i)
            data = mail.plain(mail.filler(5000, i) + tag.encode() + b"\r\n",
                              tag)
            want.setdefault(p.server, []).append(data)
            p.submit(data, ["b@" + p.domain])
    for server, sent in want.items():
        got = [m.data for m in server.wait_mail(len(sent))]
        check_equal(len(got), len(sent), "mails at " + server.name)
        left = list(got)
        for data in sent:
            mine = [m for m in left if m.endswith(data)]
            check_equal(len(mine), 1, "copies of one message")
            left.remove(mine[0])
    for p in pairs:
        check_equal(p.relay.mails(), [], "bounces")


def main():
    net = Net()
    addrs = net.SERVERS
    servers = [mta.Postfix(net.server, addrs[0]),
               mta.Exim(net.server, addrs[1])]
    taps = [Tap(net.server, addrs[2], addrs[0]),
            Tap(net.server, addrs[3], addrs[1])]
    routes = {"*": addrs[2], "b.example.org": addrs[3]}
    relays = [mta.PostfixRelay(net.client, net.CLIENTS[1], routes),
              mta.EximRelay(net.client, net.CLIENTS[2], routes)]
    pairs = [Pair(r, s, t, d) for r in relays
             for s, t, d in zip(servers, taps, mta.DOMAINS)]
    for pair in pairs:
        directly(pair)
    for mode in ("tproxy", "redirect"):
        with Gateway(net, mode) as gw:
            for pair in pairs:
                through(net, pair, gw)
            if mode == "redirect":
                continue
            for pair in pairs[::3]:
                with case("%s: the server is down for a while" % pair.name):
                    server_down(pair)
            with case("many at once"):
                burst(pairs)


run(main)

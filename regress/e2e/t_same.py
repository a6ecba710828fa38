#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# timeout: 700
"""No session differs from the direct one but where policy says so.

Each client sends to each server without the gateway, and with it.  In both
runs the same two taps keep every byte: one in the client's network, one
before the server.  Compared are

	what the client says: with the gateway as without,
	what the server hears: what the client says, byte for byte,
	what the server says: with the gateway as without,
	what the client hears: what the server says, but for POLICY,
	what lies in the mailbox: with the gateway as without.

What differs from one sending to the next by nature is masked, see NATURE.
"""

import re
import sys

sys.path.insert(0, "regress/lib")

from mwtest import mail, mta, mua, wait                         # noqa: E402
from mwtest.case import case, check, check_equal, run           # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.haraka import Haraka                                # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.tap import Dialogue, Tap                            # noqa: E402

SIZE = 20 << 20         # the gateway's "message size"
HIGH = b"Gr\xc3\xbc\xc3\x9fe\r\n"    # not for sendmail's mailer, of 7 bits

# All differences that there may be between what a server says and what its
# client hears.  (1) Of the keywords of EHLO these pass; STARTTLS does not, as
# configured.  (2) SIZE is the smaller of the server's and ours, and the last.
# (3) The 354 is ours: the server is told DATA when the message has been seen,
# (4) and by us, however the client spells it.
KEYWORDS = (b"8BITMIME", b"AUTH", b"BINARYMIME", b"CHUNKING", b"DELIVERBY",
            b"DSN", b"ENHANCEDSTATUSCODES", b"HELP", b"LIMITS",
            b"MT-PRIORITY", b"PIPELINING", b"SMTPUTF8")
GO_AHEAD = b"354 End data with <CR><LF>.<CR><LF>"

# What differs by nature: dates, and names that a program makes up for each
# message or connection.
NATURE = [(re.compile(rx), to) for rx, to in (
    (rb"(?:\w{3}, )?\d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d(?: [-+]\d{4})?"
     rb"(?: \(\w+\))?", b"DATE"),
    (rb"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}", b"DATE"),    # mbox
    (rb"(?i)(?m)^(message-id:) .*?\r?$", rb"\1 ID\r"),
    (rb"queued as \w+", b"queued as ID"),                       # Postfix
    (rb"\bid[= ][\w-]+", b"id ID"),
    (rb"2\.0\.0 \w+ Message accepted", b"2.0.0 ID Message accepted"),
    (rb"ESMTPS? id \w+", b"ESMTP id ID"),
    (rb"with (E?SMTP) id [\w.-]+", rb"with \1 id ID"),
    (rb"(?m)^(\tby mx\.example\.org \(.*\) with )(E?SMTP) id .*?\r?$",
     rb"\1\2 id ID\r"),
    (rb"[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}"
     rb"(?:\.\d+)?", b"UUID"),                                  # Haraka
    (rb"(ESMTP Haraka[^\r\n]* \()[0-9A-F]{6}\)", rb"\1ID)"))]


def masked(data):
    for rx, to in NATURE:
        data = rx.sub(to, data)
    return data


class Session:
    """What one client and one server said to each other."""

    def __init__(self, near, far, mailbox):
        self.near = Dialogue(near)
        self.far = Dialogue(far)
        self.said = bytes(near.up)
        self.got = bytes(far.up)
        self.peer = far.peer
        self.mailbox = mailbox


class Pair:
    """A client, a server, and the taps between them."""

    def __init__(self, agent, server, near, far):
        self.agent = agent
        self.server = server
        self.near = near
        self.far = far
        self.name = "%s to %s" % (agent.name, server.name)
        self.direct = None

    def session(self):
        self.server.clear()
        del self.near.wires[:], self.far.wires[:]
        body = b"One line.\r\n.\r\n..dots\r\n\r\n" + \
            HIGH * (self.agent.exact and self.server.name != "sendmail") + \
            mail.filler(20000, 7) + b"last\r\n"
        # The very same message each time: its date and its id, too.
        msg = masked(mail.plain(body, self.name))
        res = self.agent.send(self.near.addr, msg)
        check(res.ok, res.text)
        got = self.server.wait_mail(1)
        wait.until(lambda: self.far.wires, "a connection at the server")
        self.near.wait_idle()
        self.far.wait_idle()
        check_equal((len(self.near.wires), len(self.far.wires), len(got)),
                    (1, 1, 1), "connections and mails")
        s = Session(self.near.wires[0], self.far.wires[0], got[0].data)
        check_equal(len(s.far.messages), 1, "messages")
        if self.agent.exact:
            check_equal(s.far.messages, [msg], "message")
        return s


def policy(command, replies):
    """What of the server's replies a client must hear behind the gateway."""
    if command.upper() == "DATA" and replies[0][:3] == b"354":
        return [GO_AHEAD] + replies[1:]
    if not command.upper().startswith("EHLO"):
        return replies
    lines = replies[0].split(b"\r\n")
    out, size = lines[:1], None
    for line in lines[1:]:
        word = re.split(rb"[ =]", line[4:].upper())[0]
        if word == b"SIZE":
            n = int(line[9:] or b"0")
            size = b"250-SIZE %d" % (min(n, SIZE) if n else SIZE)
        elif word in KEYWORDS:
            out.append(line)
    out += [size] if size else []
    out = [b"250-" + t[4:] for t in out]
    out[-1] = b"250 " + out[-1][4:]
    return [b"\r\n".join(out)]


def equal(got, want, what):
    """As check_equal, but tells the first place that differs."""
    if got == want:
        return
    if isinstance(got, list):
        for g, w in zip(got, want):
            check_equal(g, w, what)
        check_equal(len(got), len(want), "number of " + what)
    n = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b),
             min(len(got), len(want)))
    start = max(0, n - 40)
    check_equal(got[start:n + 60], want[start:n + 60], what)


def replies(dialogue, change=lambda command, replies: replies):
    """[(command, [replies])], masked; the banner first."""
    return [("", [masked(dialogue.banner)])] + [
        ("DATA" if c.upper() == "DATA" else c,
         [masked(r) for r in change(c, rs)]) for c, rs in dialogue.steps]


def compare(direct, s):
    equal(masked(s.said), masked(direct.said), "what the client says")
    equal(s.got, re.sub(rb"(?i)\r\ndata\r\n", b"\r\nDATA\r\n", s.said, 1),
          "what the server hears")
    check_equal(s.peer, direct.peer, "peer of the server")
    equal(replies(s.far), replies(direct.far), "what the server says")
    equal(replies(s.near), replies(s.far, policy), "what the client hears")
    equal(masked(s.mailbox), masked(direct.mailbox), "the mailbox")


def directly(pair):
    """Even then the taps change nothing, and two sendings are the same."""
    s = pair.session()
    equal(s.got, s.said, "what the server hears")
    again = pair.session()
    equal(masked(again.said), masked(s.said), "what the client says")
    equal(replies(again.near), replies(s.near), "what the client hears")
    equal(masked(again.mailbox), masked(s.mailbox), "the mailbox")
    pair.direct = s


def main():
    net = Net()
    servers, near, far = [], [], []
    for i, cls in enumerate(mta.ALL + (Haraka,)):
        addrs = ["10.1.0.%d" % (10 + i), "10.1.0.%d" % (20 + i)]
        mine = "192.168.0.%d" % (20 + i)
        for addr in addrs:
            net.server.ip("addr", "add", addr + "/24", "dev", "s0")
        net.client.ip("addr", "add", mine + "/24", "dev", "c0")
        servers.append(cls(net.server, addrs[0]))
        far.append(Tap(net.server, addrs[1], addrs[0], hold=False))
        near.append(Tap(net.client, mine, addrs[1], hold=False))
    agents = [cls(net.client) for cls in mua.ALL]
    pairs = [Pair(a, s, n, f) for s, n, f in zip(servers, near, far)
             for a in agents]
    for pair in pairs:
        with case("direct: %s" % pair.name):
            directly(pair)
    with Gateway(net, "tproxy", extra="message size 20M") as gw:
        for pair in pairs:
            with case("tproxy: %s" % pair.name):
                check(pair.direct is not None, "nothing came directly")
                mark = gw.log.mark()
                s = pair.session()
                compare(pair.direct, s)
                e = gw.message(1, mark)
                check_equal((e["action"], e["verdict"]), ("pass", "clean"),
                            "log")


run(main)

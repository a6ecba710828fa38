#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The server goes away, or talks nonsense, at every step of a session."""

import sys

sys.path.insert(0, "regress/lib")

from phases import World                                        # noqa: E402
from mwtest import client, mail                                 # noqa: E402
from mwtest.case import case, check, check_equal, run           # noqa: E402
from mwtest.client import Client                                # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Close, Gone, Raw, Reset, Server       # noqa: E402

STEPS = ("connect", "banner", "ehlo", "mail", "rcpt", "data", "mid-data",
         "dot")
OK = {"banner": "220 hello", "ehlo": "250 hello", "mail": "250 ok",
      "rcpt": "250 ok", "data": "354 go", "dot": "250 taken"}

# Instead of the step's reply: what, and whether a 250 to the message may
# come of it.
NONSENSE = (
    ("half a line", lambda text: [Raw(text.encode()[:5]), Close]),
    ("a line without its end", lambda text: [Raw(text.encode()), Close]),
    ("a bare LF", lambda text: [Raw(text.encode() + b"\n"), Close]),
    ("a bare LF, and stays", lambda text: Raw(text.encode() + b"\n")),
    ("the first line of two",
     lambda text: [Raw(text.encode()[:3] + b"-" + text.encode()[4:] +
                       b"\r\n"), Close]),
    ("no code", lambda text: Raw(b"hello there\r\n")),
    ("a code of four digits", lambda text: Raw(b"2500 ok\r\n")),
    ("two codes", lambda text: Raw(text.encode()[:3] + b"-a\r\n" +
                                   b"299 b\r\n")),
    ("NUL in the text", lambda text: Raw(text.encode() + b"\0\r\n")),
    ("an endless line", lambda text: Raw(text.encode() + b"x" * 70000)),
    ("an endless reply",
     lambda text: Raw((text[:3] + "-x\r\n").encode() * 20000)),
    ("421", lambda text: ["421 4.3.2 going down", Close]),
    ("421, and stays", lambda text: "421 4.3.2 going down"),
)


def talk(world, msg, sender):
    """A session to its end: the reply to the message, or None."""
    try:
        with Client(world.net.client, world.srv.addr, timeout=30) as c:
            if c.banner.code != 220:
                return c.banner.code
            r = c.ehlo()
            if r.code == 250:
                r = c.message(msg, sender)
            return r.code
    except Gone:
        return None


def one(world, name, step, action, allowed=()):
    """The client hears the truth, and the next one is served."""
    with case(name):
        srv = world.srv
        srv.sessions.clear()
        srv.once(step, action)
        msg = mail.plain(mail.filler(2 << 20 if step == "mid-data" else
                                     5000))
        code = talk(world, msg, "x@client.example")
        check(code is None or code in allowed or 400 <= code < 500,
              "the client heard %s" % code)
        srv.wait_idle()
        for m in srv.messages():
            check_equal(mail.sha(m.data), mail.sha(msg), "message")
        if code == 250:
            check_equal([m.accepted for m in srv.messages()], [True],
                        "messages that the server took")
        check_equal(client.send(world.net.client, srv.addr,
                                mail.plain()).code, 250, "next message")


def refused(world):
    """Nobody listens there, for a while."""
    srv = world.srv
    with case("connection refused"):
        srv.close()
        try:
            with Client(world.net.client, srv.addr, timeout=30) as c:
                check_equal(c.banner.code, 421, "banner")
                check(c.at_end(), "it stays open")
        finally:
            srv.open()
        check_equal(client.send(world.net.client, srv.addr,
                                mail.plain()).code, 250, "next message")


def early(world):
    """Replies that come before their time."""
    ok = Raw(b"250 taken\r\n")
    one(world, "250 behind the 354", "data",
        Raw(b"354 go\r\n250 taken\r\n"))
    one(world, "250 to DATA", "data", ok)
    # Now and then its word comes while the gateway is busy sending.
    for i in range(20):
        one(world, "250 in the middle of the message %d" % i, "mid-data",
            ok)
    one(world, "552 in the middle of the message", "mid-data",
        ["552 5.3.4 too big", Close], (552,))
    one(world, "354 to the dot", "dot", Raw(b"354 go on\r\n"))
    one(world, "two replies to MAIL", "mail",
        Raw(b"250 ok\r\n250 ok\r\n"), (250,))
    one(world, "three replies to RCPT", "rcpt",
        Raw(b"250 ok\r\n250 ok\r\n250 ok\r\n"), (250,))
    one(world, "a second reply to the dot", "dot",
        Raw(b"250 taken\r\n550 not\r\n"), (250,))
    one(world, "550 to the dot, then 250", "dot",
        Raw(b"550 no\r\n250 taken\r\n"), (550,))


def main():
    with Net() as net, Server(net.server, net.A) as srv, \
            Gateway(net, "tproxy", extra="workers 2") as gw:
        world = World(net, srv, gw)
        srv.script.clear()
        world.back()
        before = gw.snapshot()
        pids = set(gw.children())
        for step in STEPS:
            one(world, "%s: closes" % step, step, Close)
            one(world, "%s: resets" % step, step, Reset)
        for step, text in OK.items():
            after = [text, Close] if step != "data" else [text, Reset]
            one(world, "%s: replies, then goes" % step, step, after,
                (250,) if step == "dot" else ())
            for what, action in NONSENSE:
                # To the banner and EHLO a refusal is passed as it is.
                one(world, "%s: %s" % (step, what), step, action(text))
        early(world)
        refused(world)
        with case("no process died of it"):
            check_equal(pids - set(gw.children()), set(), "gone")
        with case("nothing is left behind"):
            world.quiet(before)


run(main)

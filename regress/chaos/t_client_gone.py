#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The client goes away in every phase of a message."""

import sys

sys.path.insert(0, "regress/lib")

from phases import PHASES, World                                # noqa: E402
from mwtest import wait                                         # noqa: E402
from mwtest.case import case, check, check_equal, run           # noqa: E402
from mwtest.client import Client                                # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Gone, Server                          # noqa: E402

# From here on all of the message has been sent, with its dot: it may arrive.
WHOLE = PHASES.index("parsing")


def whole_or_nothing(world, talks):
    """What the server has got of these sessions."""
    by_sender = {}
    for m in world.srv.messages():
        by_sender.setdefault(m.mail_from, []).append(m)
    for t in talks:
        got = by_sender.pop(t.sender, [])
        if PHASES.index(t.phase) < WHOLE:
            check_equal(len(got), 0, "%s: messages" % t.phase)
        check(len(got) <= 1, "%s: %d messages" % (t.phase, len(got)))
        for m in got:
            check(m.data == t.message, "%s: %d bytes of %d" %
                  (t.phase, len(m.data), len(t.message)))
    check_equal(sorted(by_sender), [], "messages of nobody")


def all_leave(world, how, leave):
    """All at once, in their phases."""
    before = world.gw.snapshot()
    with case("%s: whole messages or none" % how):
        pids = set(world.gw.children())
        talks = world.open(PHASES)
        for t in talks:
            leave(t.client)
        world.go_on()
        world.hangs.clear()
        wait.until(lambda: not world._connections(),
                   "the sessions to end")
        world.srv.wait_idle()
        whole_or_nothing(world, talks)
    with case("%s: no process died of it" % how):
        check(pids <= set(world.gw.children()), lambda:
              "gone: %s" % (pids - set(world.gw.children())))
    with case("%s: service goes on" % how):
        world.back()
    with case("%s: nothing is left behind" % how):
        world.quiet(before)


def reset(c):
    c.reset()


def close(c):
    c.close()


def half_close(world):
    """One that will say no more still hears its reply."""
    with case("half-closed behind the dot: the reply comes"):
        t = world.open(["data"])[0]
        t.client.send(t.wire[10000:])
        t.client.half_close()
        check_equal(t.client.reply().code, 250, "reply")
        check(t.client.at_end(), "it stays open")
        t.client.close()
        t.code = 250
        world.check([t])
    with case("half-closed in the middle: an end, and no message"):
        t = world.open(["data"])[0]
        t.client.half_close()
        check(t.client.at_end(), "an answer or no end")
        t.client.close()
        world.check([t])
        check_equal(len(world.srv.messages()), 0, "messages")


def cut_everywhere(world):
    """A message cut at each byte around its end is none."""
    end = b"x\r\n.\r\n"
    for cut in range(1, len(end)):
        with case("cut behind %r" % end[:cut]):
            world.srv.sessions.clear()
            with Client(world.net.client, world.srv.addr) as c:
                c.ehlo()
                check_equal(c.envelope().code, 250, "RCPT")
                check_equal(c.cmd("DATA").code, 354, "DATA")
                c.send(b"Subject: x\r\n\r\n" + end[:cut])
                c.half_close()
                try:
                    r = c.reply()
                except Gone:
                    r = None
                check(r is None or r.code != 250, "reply %s" % r)
            world.srv.wait_idle()
            check_equal(world.srv.messages(), [], "messages")


def main():
    with Net() as net, Server(net.server, net.A) as srv, \
            Gateway(net, "tproxy", extra="workers 2") as gw:
        world = World(net, srv, gw)
        world.back()
        for n in range(3):
            all_leave(world, "close %d" % n, close)
            all_leave(world, "reset %d" % n, reset)
        half_close(world)
        cut_everywhere(world)


run(main)

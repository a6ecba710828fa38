#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Processes die, fall or stop in every phase of a message.

For each kind of process and each signal nine sessions wait in nine phases at
once when it happens; then all go on.
"""

import os
import signal
import sys

sys.path.insert(0, "regress/lib")

from phases import NAMES, PHASES, World                         # noqa: E402
from mwtest import client, mail, wait                           # noqa: E402
from mwtest.case import (                                       # noqa: E402
    Failure, case, check, check_equal, run)
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Server                                # noqa: E402

KINDS = ("worker", "parser", "loader", "store", "proxy")
# What each session must hear after a death; what is not named goes on: 250.
HEARD = {"worker": {"scanning": (451,)},
         "loader": {"scanning": (451,)},
         # Another one tries; the message may have killed that one, too.
         "parser": {"parsing": (250, 451)},
         # Nothing that these messages need is with it.
         "store": {},
         "proxy": {p: (None,) for p in PHASES}}
TIMEOUTS = "timeout { parse 2s, scan 2s }\n"


def one(world, kind, sig):
    """One kind, one signal, all phases."""
    name = "%s: %s" % (kind, signal.Signals(sig).name)
    before = world.gw.snapshot()
    with case("%s: nobody is lied to or forgotten" % name):
        talks = world.open(PHASES)
        old = world.signal(kind, sig)
        check(old, "there is no " + kind)
        world.release(kind)
        if sig != signal.SIGSTOP:
            wait.until(lambda: not set(old) & set(world.gw.children()),
                       "the death of the " + kind)
        world.go_on()
        world.finish(talks)
        world.check(talks)
        if sig != signal.SIGSTOP:
            codes = world.codes(talks)
            for phase in PHASES:
                want = HEARD[kind].get(phase, (250,))
                check(codes[phase] in want, "%s: heard %s, not %s (%s)" %
                      (phase, codes[phase], want, codes))
    with case("%s: service is back" % name):
        world.back()
    with case("%s: they are replaced" % name):
        wait.until(lambda: not set(old) & set(world.gw.children()) and
                   len(world.pids(kind)) == len(old), "new processes")
        check_equal(client.send(world.net.client, world.srv.addr,
                                mail.eicar_base64()).code, 554,
                    "reply to a virus")
    with case("%s: nothing is left behind" % name):
        world.quiet(before)


def one_parser(world):
    """A message outlives the parser that it is with."""
    with case("one parser dies: another one takes the message"):
        talks = world.open(["parsing"])
        os.kill(world.pids("parser")[0], signal.SIGKILL)
        world.go_on()
        world.finish(talks)
        world.check(talks)
        check_equal(world.codes(talks), {"parsing": 250}, "replies")


def service_back(net, srv):
    """The time from a death to the next message that passes."""
    with Gateway(net, "tproxy", extra="workers 2") as gw:
        world = World(net, srv, gw)
        world.back()
        for kind in KINDS:
            with case("all %ss die: the next message passes" % kind):
                check(world.signal(kind, signal.SIGKILL), "there is none")
                print("# %s: %.2f s after the death" % (kind, world.back()))


def master_killed(net, srv):
    """All go with it; the next one starts over."""
    with Gateway(net, "tproxy", extra="workers 2") as gw:
        world = World(net, srv, gw)
        world.back()
        with case("master: SIGKILL: nobody is lied to or forgotten"):
            talks = world.open(PHASES)
            names = gw.children()
            children = list(names)
            # Parsers and workers are held still: a child that hangs.
            gw.program.signal(signal.SIGKILL)
            gw.program.wait()
            for hang in world.hangs.values():
                hang.release()
            world.finish(talks)
            world.check(talks)
            # Those whose message is as good as delivered may see its end.
            for phase, code in world.codes(talks).items():
                check(code is None or code == 250 or 400 <= code < 500,
                      "%s: heard %s" % (phase, code))
        with case("master: SIGKILL: no child survives"):
            def gone(pid):
                try:
                    with open("/proc/%d/stat" % pid) as f:
                        return f.read().rsplit(")", 1)[1].split()[0] in "ZX"
                except OSError:
                    return True
            try:
                wait.until(lambda: all(gone(p) for p in children), "")
            except wait.Timeout:
                raise Failure("still there: %s" % {
                    p: n for p, n in names.items() if not gone(p)})
            finally:
                world.release()
                wait.until(lambda: all(gone(p) for p in children), "")
    with case("master: another one starts over"):
        with Gateway(net, "tproxy", extra="workers 2") as gw:
            World(net, srv, gw).back()


def main():
    check_equal(sorted(KINDS), sorted(NAMES), "kinds")
    with Net() as net, Server(net.server, net.A) as srv:
        service_back(net, srv)
        for sig in (signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP):
            extra = "workers 2\nparsers 2\nscanners 2\n"
            if sig == signal.SIGSTOP:
                extra += TIMEOUTS
            with Gateway(net, "tproxy", extra=extra) as gw:
                world = World(net, srv, gw)
                world.back()
                for kind in KINDS:
                    one(world, kind, sig)
                if sig == signal.SIGKILL:
                    one_parser(world)
        master_killed(net, srv)


run(main)

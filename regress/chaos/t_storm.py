#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Processes die at any moment under load: no order, no phases.

Clients send one message after another; after every few, some process is
killed.  Whatever a client heard must be true in the end.
"""

import os
import random
import signal
import socket
import sys
import threading

sys.path.insert(0, "regress/lib")

from phases import NAMES, World                                 # noqa: E402
from mwtest import client, mail, wait                           # noqa: E402
from mwtest.case import case, check, check_equal, run           # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Gone, Server                          # noqa: E402

CLIENTS = 4
MESSAGES = 40           # of each client
EVERY = 10              # so many messages for each death
SEED = 5


class Sender(threading.Thread):
    """One client; .heard is {sender: (message, code or None)}."""

    def __init__(self, world, number):
        super().__init__(daemon=True)
        self.world = world
        self.number = number
        self.heard = {}
        self.stuck = 0

    def run(self):
        rng = random.Random(self.number)
        for n in range(MESSAGES):
            sender = "c%d-%d@client.example" % (self.number, n)
            msg = mail.attached(mail.filler(rng.choice((10, 3000, 200000)),
                                            n), subject=sender)
            try:
                code = client.send(self.world.net.client,
                                   self.world.srv.addr, msg,
                                   sender=sender).code
            except socket.timeout:
                self.stuck += 1
                code = None
            except (Gone, OSError):
                code = None
            self.heard[sender] = (msg, code)


def storm(world):
    """Returns the senders, all done."""
    rng = random.Random(SEED)
    senders = [Sender(world, n) for n in range(CLIENTS)]
    for s in senders:
        s.start()
    deaths = 0
    while any(s.is_alive() for s in senders):
        done = sum(len(s.heard) for s in senders)
        if done >= (deaths + 1) * EVERY:
            pids = world.pids(rng.choice(sorted(NAMES)))
            if pids:
                try:
                    os.kill(rng.choice(pids), signal.SIGKILL)
                except ProcessLookupError:
                    pass
            deaths += 1
        for s in senders:
            s.join(0.005)
    print("# %d deaths" % deaths)
    return senders


def truth(world, senders):
    """Compare what was heard with what arrived."""
    world.srv.wait_idle()
    arrived = {}
    for m in world.srv.messages():
        arrived.setdefault(m.mail_from, []).append(m)
    passed = 0
    for s in senders:
        check_equal(s.stuck, 0, "sessions without an answer")
        check_equal(len(s.heard), MESSAGES, "messages tried")
        for sender, (msg, code) in s.heard.items():
            got = arrived.get(sender, [])
            check(code in (None, 250) or 400 <= code < 500,
                  "%s heard %s" % (sender, code))
            check(len(got) <= 1, "%s: %d messages" % (sender, len(got)))
            for m in got:
                check_equal(mail.sha(m.data), mail.sha(msg), sender)
            if code == 250:
                passed += 1
                check_equal([m.accepted for m in got], [True],
                            "%s heard 250; taken" % sender)
    total = CLIENTS * MESSAGES
    print("# %d of %d passed at the first attempt" % (passed, total))
    check(passed > total // 2, "only %d of %d passed" % (passed, total))


def main():
    with Net() as net, Server(net.server, net.A) as srv, \
            Gateway(net, "tproxy",
                    extra="workers 3\nparsers 3\nscanners 3") as gw:
        world = World(net, srv, gw)
        world.back()
        before = gw.snapshot()
        kinds = {k: len(world.pids(k)) for k in NAMES}
        with case("every client has heard the truth"):
            truth(world, storm(world))
        with case("all are there again"):
            wait.until(lambda: {k: len(world.pids(k)) for k in NAMES} ==
                       kinds, "all processes", 60)
            world.back()
        with case("nothing is left behind"):
            world.quiet(before)


run(main)

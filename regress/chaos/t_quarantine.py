#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Messages that are kept, while anybody may die at any moment.

What a client was told 250 for is in the quarantine, whole; and nothing is
there that is not whole.
"""
# lane

import glob
import os
import random
import signal
import sys
import threading
import time

sys.path.insert(0, "regress/lib")

from mwtest import client, mail, wait                           # noqa: E402
from mwtest.case import case, check, check_equal, run           # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Gone, Server                          # noqa: E402

ROUNDS = 4      # master waits longer after each death, up to a minute
RULES = 'on message quarantine sender "keep@client.example"'


def kept(gw):
    found = []
    for path in glob.glob(os.path.join(gw.statedir, "quarantine", "[0-9]*")):
        with open(path, "rb") as f:
            found.append(f.read())
    return found


def kill_soon(gw, kind, delay):
    time.sleep(delay)
    for pid in gw.children(kind):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def send_one(net, srv, number):
    """The message, if it was acknowledged."""
    msg = mail.plain(b"number %d\r\n" % number + mail.filler(30000))
    try:
        with client.Client(net.client, srv.addr) as c:
            c.ehlo()
            if c.message(msg, sender="keep@client.example").code == 250:
                return msg
    except (Gone, OSError):
        pass
    return None


def t_children(net, srv, gw):
    rnd = random.Random(20261126)
    for kind in ("store", "proxy", "parser", "scanner"):
        with case("%s killed at some moment, %d times" % (kind, ROUNDS)):
            acked = []
            for i in range(ROUNDS):
                t = threading.Thread(target=kill_soon, args=(
                    gw, kind, rnd.random() * 0.03))
                t.start()
                for k in range(3):
                    msg = send_one(net, srv, i * 10 + k)
                    if msg is not None:
                        acked.append(msg)
                t.join()

                def works():
                    msg = send_one(net, srv, i * 10 + 9)
                    if msg is not None:
                        acked.append(msg)
                    return msg is not None
                wait.until(works, "the gateway to work again")
            have = kept(gw)
            lost = [m[:400] for m in acked if m not in have]
            check_equal(lost, [], "acknowledged, and not kept")
            check(len(acked) >= ROUNDS, "only %d were accepted" % len(acked))


def t_master(net, srv, gw):
    with case("all of it killed, %d times" % (ROUNDS)):
        rnd = random.Random(1)
        acked = []
        for i in range(ROUNDS):
            t = threading.Thread(target=lambda: (
                time.sleep(rnd.random() * 0.05),
                gw.program.signal(signal.SIGKILL)))
            t.start()
            for k in range(5):
                msg = send_one(net, srv, 50000 + i * 10 + k)
                if msg is not None:
                    acked.append(msg)
            t.join()
            gw.close()
            gw.start()
        have = kept(gw)
        check_equal([m[:400] for m in acked if m not in have], [],
                    "acknowledged, and not kept")
    with case("nothing is there that is not whole"):
        for m in kept(gw):
            check(m.startswith(b"From: ") and m.endswith(b"\r\n") and
                  b"number " in m, m[:200])
        check_equal(glob.glob(os.path.join(gw.statedir, "quarantine",
                                           "[!0-9]*")), [], "others")


def main():
    with Net() as net, Server(net.server, net.A) as srv:
        with Gateway(net, "tproxy", antivirus="none", rules=RULES) as gw:
            t_children(net, srv, gw)
            t_master(net, srv, gw)
        with case("the server has seen none of them"):
            check_equal(len(srv.messages(complete=False)), 0)


run(main)

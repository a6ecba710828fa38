#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Reloads under load: each session is judged by one configuration.

Two configurations say their letter in the banner, in refusals and in tags.
They take turns, every fifth time a faulty one comes between, while messages
go through in sessions that stay and in sessions of their own.

	SECONDS, RATE, STAY	how long, messages a second, sessions that stay
	EVERY			seconds between reloads
	ENTRIES			of a table of addresses, read anew each time

Then once more with words that differ, so that each reload brings a scanner of
its own: then a session goes on by the new words at its next message, and each
message is judged by one configuration.
"""

import os
import re
import subprocess
import sys
import time

sys.path.insert(0, "regress/lib")

from mwtest import tidy                                         # noqa: E402
from mwtest.case import case, check, check_equal, run           # noqa: E402
from mwtest.gateway import Gateway, objdir                      # noqa: E402
from mwtest.net import Net                                      # noqa: E402

SECONDS = int(os.environ.get("SECONDS", "8"))
RATE = int(os.environ.get("RATE", "100"))
STAY = int(os.environ.get("STAY", "30"))
EVERY = float(os.environ.get("EVERY", "1"))
ENTRIES = int(os.environ.get("ENTRIES", "100000"))

RULES = """
on mail block "550 5.7.1 letter-%(c)s listed" sender <listed>
on rcpt block "550 5.7.1 letter-%(c)s not them" recipient "no@server.example"
on message block "554 5.7.1 letter-%(c)s refused" subject "refuse *"
on message pass tag "[letter-%(c)s] "
"""


# Each with words that the other one does not have.
WORDS = """
table words keywords { "refuse ", "only-%(c)s" }
on mail block "550 5.7.1 letter-%(c)s listed" sender <listed>
on rcpt block "550 5.7.1 letter-%(c)s not them" recipient "no@server.example"
on message block "554 5.7.1 letter-%(c)s refused" content <words> in subject
on message pass tag "[letter-%(c)s] "
"""


class Turns:
    """The gateway with its configurations."""

    def __init__(self, net, entries, rules):
        self.rules = rules
        self.dir = tidy.directory("lists")
        self.list = os.path.join(self.dir, "listed")
        self.table(entries)
        self.gw = Gateway(net, "tproxy", antivirus="none", start=False)
        self.letter = "A"
        self.gw.write(self.text("A"))
        self.gw.start()
        self.done = self.failed = 0
        self.took = []

    def table(self, entries):
        with open(self.list, "w") as f:
            for n in range(100):
                f.write("u%d@listed.example\n" % n)
            for n in range(100, entries):
                f.write("x%d@d%d.example\n" % (n, n % 977))
        os.chmod(self.list, 0o644)

    def text(self, letter):
        self.gw.extra = ('banner "gw.example letter-%s"\nworkers 2\n'
                         'limit errors 60000\n'
                         'table listed addresses file "%s"\n' %
                         (letter, self.list))
        self.gw.rules = self.rules % {"c": letter}
        return self.gw.text()

    def reload(self, good):
        if good:
            self.letter = "B" if self.letter == "A" else "A"
            self.gw.write(self.text(self.letter))
        else:
            text = self.text("A" if self.letter == "B" else "B")
            self.gw.write(text + "on message blok everything\n")
        mark = self.gw.log.mark()
        began = time.time()
        what = self.gw.reload().group(0)
        self.took.append(time.time() - began)
        if good:
            check_equal(what, "reload: done")
            self.done += 1
        else:
            check_equal(what, "reload: failed")
            # Where it is, and what was wrong with it.
            self.gw.log.wait(r"mailwall\.conf:%d:12: " %
                             (text.count("\n") + 1), mark)
            self.failed += 1


def load(net, seconds, rate, *more):
    argv = [os.path.join(objdir(), "regress/chaos/reloadload"),
            "-c", net.client.path, "-s", net.server.path,
            "-t", str(seconds), "-r", str(rate), "-l", str(STAY), *more,
            net.A]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


def result(p):
    out = p.communicate(timeout=SECONDS + 60)[0]
    lines = out.splitlines()
    print("\n".join("# " + t for t in lines if not t.startswith("at=")))
    return {k: float(v) for k, v in
            re.findall(r"(\w+)=([\d.]+)", lines[-1])}


def judged(r, name):
    for what in ("dropped", "mixed", "tags", "lost", "surplus", "odd",
                 "open"):
        with case("%s: nothing %s" % (name, what)):
            check_equal(r[what], 0)


def under_reloads(net, turns, name, *more):
    p = load(net, SECONDS, RATE, *more)
    began = time.time()
    with case(name + ": every fifth has a faulty file, and is named"):
        n = 0
        while time.time() + EVERY < began + SECONDS:
            time.sleep(EVERY)
            n += 1
            turns.reload(n % 5 != 0)
        check(turns.failed > 0, "no faulty one")
        check(turns.done > 2, "only %d good ones" % turns.done)
    r = result(p)
    print("# reloads=%d faulty=%d took=%s" %
          (turns.done, turns.failed,
           " ".join("%.2f" % t for t in turns.took)))
    judged(r, name)
    with case(name + ": both configurations were in force"):
        check(r["a"] > 0 and r["b"] > 0 and r["acked"] > 0, r)
    with case(name + ": the proxies are those that there were"):
        check_equal(len(turns.gw.children("proxy")), 2)
        check(not re.search(r"(proxy|store|parser)\[\d+\]: terminated",
                            turns.gw.program.text()), "somebody has died")


def main():
    with Net() as net:
        turns = Turns(net, ENTRIES, RULES)
        with turns.gw:
            with case("without reloads: every message arrives, and is told"):
                r = result(load(net, max(2, SECONDS // 4), RATE))
                check(r["acked"] > 0 and r["refused"] > 0, r)
                check_equal([r[k] for k in ("dropped", "mixed", "tags",
                                            "lost", "surplus", "odd",
                                            "open")], [0] * 7)
            under_reloads(net, turns, "reloads")
        turns = Turns(net, 100, WORDS)
        with turns.gw:
            under_reloads(net, turns, "other words", "-w")


run(main)

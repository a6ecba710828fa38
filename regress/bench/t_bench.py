#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The benchmark works: few messages, everything counted, no time asserted."""
# timeout: 600

import json
import os
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, "regress/bench")
sys.path.insert(0, "regress/lib")

import gateways                                             # noqa: E402
import measure                                              # noqa: E402
from mwtest import proc, tidy                               # noqa: E402
from mwtest.case import (case, check, check_equal, check_in,  # noqa: E402
                         run)
from mwtest.client import Client                            # noqa: E402

SUBJECTS = ("direct", "haproxy", "none", "embedded", "clamsmtp", "clamd")


def load(net, *args):
    """smtpload: (exit status, output)."""
    return proc.run(measure.load_argv("-T", 20, *args, gateways.ADDR,
                                      gateways.SINK), net.gateway.prefix())


def sent(text):
    return measure.parse(text.splitlines()[-1])


def tools(net, sink):
    with case("smtpload sends what smtpsink counts"):
        for args in (("-n", 50), ("-n", 50, "-p"), ("-n", 50, "-m", 1),
                     ("-n", 7, "-c", 3, "-s", 300000)):
            before = sink.counts()
            status, text = load(net, *args)
            check_equal(status, 0, "exit status of %s: %s" % (args, text))
            after, r = sink.counts(), sent(text)
            check_equal(r["messages"], args[1], "messages sent")
            for what in ("messages", "bytes"):
                check_equal(after[what] - before[what], r[what], what)
            check_equal(after["sessions"] - before["sessions"],
                        r["opened"], "sessions")
    with case("smtpload: one message a session"):
        before = sink.counts()["sessions"]
        status, text = load(net, "-n", 30, "-m", 1, "-c", 4)
        check_equal(status, 0, "exit status: " + text)
        check(sink.counts()["sessions"] - before >= 30, "sessions shared")
    with case("smtpload: sizes are what was asked for"):
        for size in (2048, 10240, 1048576):
            r = sent(load(net, "-n", 1, "-c", 1, "-s", size)[1])
            check(size - 160 < r["bytes"] - 3 <= size,
                  "%d bytes for %d" % (r["bytes"] - 3, size))
    with case("smtpload fails when nobody is there"):
        status, text = proc.run(measure.load_argv(
            "-n", 20, gateways.ADDR, gateways.SINK + 1),
            net.gateway.prefix())
        check_equal(status, 1, "exit status")
        check_in("refused", text)
        check_equal(sent(text)["messages"], 0, "messages")


def dots(net, sink):
    """The end of a message, wherever reads cut it."""
    body = b"one\r\n..two\r\n.three\r\n\r\n. \r\nx.\r\n.\r\n"
    with case("smtpsink finds the end of a message across reads"):
        for n in (1, 2, 3, 4, 5, 6, 100):
            before = sink.counts()
            with Client(net.gateway, gateways.ADDR, gateways.SINK) as c:
                c.ehlo()
                c.envelope()
                check_equal(c.cmd("DATA").code, 354, "reply to DATA")
                for i in range(0, len(body), n):
                    c.send(body[i:i + n])
                check_equal(c.reply().code, 250, "reply to the dot")
                check_equal(c.cmd("NOOP").code, 250, "reply after that")
            after = sink.counts()
            check_equal(after["messages"] - before["messages"], 1)
            check_equal(after["bytes"] - before["bytes"], len(body))
    with case("smtpsink: an empty message"):
        with Client(net.gateway, gateways.ADDR, gateways.SINK) as c:
            c.ehlo()
            c.envelope()
            c.cmd("DATA")
            c.send(b".\r\n")
            check_equal(c.reply().code, 250, "reply to the dot")


def whole():
    """All that "make bench" does, in small."""
    out = os.path.join(tidy.directory("bench"), "results")
    status, text = proc.run(
        ["regress/bench/run", "--rounds", "1", "--messages", "20",
         "--loads", "1,2", "--idle", "50", "--json", out], timeout=500,
        env=dict(os.environ, PYTHONPATH="regress/lib"))
    with case("the benchmark runs to its end"):
        check_equal(status, 0, "exit status: " + text)
        check_in("Aims", text)
    if status:
        return
    with open(out) as f:
        results = json.load(f)
    held = results.pop("idle")
    check_equal(len(results), 2, "loads")
    for title, of in results.items():
        with case("results: " + title):
            check_equal(sorted(of), sorted(SUBJECTS), "subjects")
            for key, rounds in of.items():
                check_equal([r["messages"] for r in rounds], [20], key)
                check_equal([r["errors"] for r in rounds], [0], key)
    with case("results: idle sessions"):
        check_equal(sorted(held), ["haproxy", "mailwall"])
        for name, r in held.items():
            check_equal(r["sessions"], 50, name)
            # Two each, but some may come out of a stock.
            check(r["files_each"] > 1,
                  "%s: %s descriptors each" % (name, r["files_each"]))


def main():
    net = gateways.Loopback()
    sink = gateways.Sink(net)
    tools(net, sink)
    dots(net, sink)
    with case("smtpsink ends on SIGTERM"):
        check_equal(sink.program.stop(signal.SIGTERM), 0, "exit status")
    whole()


run(main)

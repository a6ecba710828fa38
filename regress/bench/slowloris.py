#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Mail while thousands of clients send a byte a second, or nothing.

    make bench-slow
    make bench-slow BENCH="--slow 5000 --rounds 5"

Runs without and with the slow ones take turns, so that what else the machine
does hits both alike.  The slow ones never finish anything: a command, an AUTH
exchange, a message, a chunk, or a session in which they say nothing.
"""

import argparse
import os
import platform
import resource
import statistics
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, "regress/bench")
sys.path.insert(0, "regress/chaos")
sys.path.insert(0, "regress/lib")

import gateways                                             # noqa: E402
import measure                                              # noqa: E402
import slow                                                 # noqa: E402
from mwtest import tidy                                     # noqa: E402

PORT = 2512


def options():
    p = argparse.ArgumentParser(prog="slowloris", description=__doc__,
                                formatter_class=argparse.
                                RawDescriptionHelpFormatter)
    p.add_argument("--slow", type=int, default=2000)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--messages", type=int, default=4000, help="of each run")
    p.add_argument("--sessions", type=int, default=20)
    p.add_argument("--antivirus", default="embedded")
    return p.parse_args()


def files(n):
    """We hold so many sockets ourselves; what we start shall not know."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < n + 200:
        sys.exit("slowloris: only %d descriptors are allowed" % hard)
    if soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, n + 200), hard))


def with_slow(opt, net, sink, subject, proxies):
    """One run beside the slow ones: (load's numbers, bytes, how many)."""
    base = measure.memory(proxies)
    with slow.Crowd(net.gateway, gateways.ADDR, subject.port) as crowd:
        names = sorted(slow.PHASES)
        for i, name in enumerate(names):
            crowd.open(name, len(range(i, opt.slow, len(names))))
        crowd.wait_held()
        during = measure.memory(proxies)
        r = load(opt, net, sink, subject)
        left = opt.slow - crowd.count("over")
    each = {f: (during[f] - base[f]) / opt.slow for f in during}
    return r, each, left


def load(opt, net, sink, subject):
    return measure.load(net, sink, subject, opt.messages, 10240,
                        opt.sessions)


def line(title, results):
    def mid(field):
        return statistics.median(r[field] for r in results)
    rates = [r["rate"] for r in results]
    print("%-26s %7.0f %17s %8.1f %8.1f %9.0f" % (
        title, mid("rate"), "(%.0f - %.0f)" % (min(rates), max(rates)),
        mid("p50_us") / 1e3, mid("p99_us") / 1e3, mid("cpu_msg")))


def main():
    opt = options()
    tidy.start()
    net = gateways.Loopback()
    sink = gateways.Sink(net)
    # Time-outs as they are by default: nobody is sent away meanwhile.
    gw = gateways.Mailwall(net, PORT, opt.antivirus,
                           "sessions %d\n" % (2 * opt.slow + 1000))
    files(opt.slow)
    subject = gateways.Subject("slow", "mailwall", PORT, [gw.pid])
    proxies = sorted(gw.children("proxy"))
    print("slow clients: %d processors, Linux %s, %d sessions of mail, "
          "10 KiB messages, antivirus %s" % (
              os.cpu_count(), platform.release(), opt.sessions,
              opt.antivirus))
    load(opt, net, sink, subject)
    alone, beside, left, cost = [], [], [], []
    for _ in range(opt.rounds):
        alone.append(load(opt, net, sink, subject))
        r, each, n = with_slow(opt, net, sink, subject, proxies)
        beside.append(r)
        left.append(n)
        cost.append(each["Anonymous"])
    print("%-26s %7s %17s %8s %8s %9s" % ("", "msgs/s", "(min - max)",
                                          "p50 ms", "p99 ms", "CPU us"))
    line("mail alone", alone)
    line("beside %d slow clients" % opt.slow, beside)
    print("ratio %.2f; %.0f bytes of user memory for each slow session; "
          "%d of %d were there to the end" % (
              statistics.median(b["rate"] / a["rate"] for a, b in
                                zip(alone, beside)),
              max(cost), min(left), opt.slow))


if __name__ == "__main__":
    try:
        main()
    except measure.Failed as e:
        sys.exit("slowloris: %s" % e)
    finally:
        tidy.all()

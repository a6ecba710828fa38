# SPDX-License-Identifier: ISC
"""What an idle session costs: one that has said EHLO and no more.

Only user memory is counted, the growth of the anonymous and of the private
dirty pages of the processes that hold the sessions; the sockets themselves
are the kernel's, alike for everybody.
"""

import signal
import sys

import gateways
from gateways import ADDR
from measure import (Failed, FIELDS, descriptor_limit, descriptors,
                     load_argv, memory)
from mwtest import wait
from mwtest.proc import Program

PATIENCE = 180          # seconds until all sessions are there
PROXIES = 2
STOCK = 64


def held(net, pids, port, n):
    """Hold n sessions through what has these processes: a dictionary."""
    before, files = memory(pids), descriptors(pids)
    load = Program("smtpload", load_argv("-i", "-c", n, "-g", 64,
                                         "-T", 30, ADDR, port),
                   net.gateway.prefix())

    def there():
        if load.poll() is not None:
            raise Failed("%d idle sessions: %s" % (n, load.text()))
        return "idle %d\n" % n in load.text()
    wait.until(there, "%d idle sessions" % n, PATIENCE)
    during, files2 = memory(pids), descriptors(pids)
    load.signal(signal.SIGTERM)
    if load.wait() != 0 or "errors=0" not in load.text():
        raise Failed("idle sessions did not last: " + load.text())
    # A stock of prepared sockets may have been made in the meantime.
    wait.until(lambda: sum(descriptors(pids)) <= sum(files) + STOCK *
               len(pids), "the sessions to end", PATIENCE)
    after = memory(pids)
    opened = [b - a for a, b in zip(files, files2)]
    r = {"sessions": n, "files": opened, "base_files": files,
         "files_each": sum(opened) / n,
         "limit": descriptor_limit(pids[0])}
    for f in FIELDS:
        r[f] = (during[f] - before[f]) / n
        r[f + " after"] = (after[f] - before[f]) / n
    r["bytes"] = max(r[f] for f in FIELDS)
    return r


def measure_all(net, n, with_haproxy):
    """mailwall's proxies, and haproxy: {name: as held()}."""
    gw = gateways.Mailwall(net, 2510, "none", "workers %d\nsessions 60000\n"
                           % PROXIES)
    result = {"mailwall": held(net, sorted(gw.children("proxy")), 2510, n)}
    gw.stop()
    if with_haproxy:
        prog = gateways.haproxy(net, 2511)
        # One process has both ends of all sessions.
        limit = descriptor_limit(prog.pid)
        fit = min(n, 9400, (limit - 200) // 2)
        result["haproxy"] = held(net, [prog.pid], 2511, fit)
        prog.stop(signal.SIGKILL)
    return result


def table(result):
    print("\nIdle sessions")
    for name, r in result.items():
        limit = r["limit"]
        print("%-9s %d sessions: %.0f bytes each anonymous, %.0f private "
              "dirty; %.0f kept when all had ended" % (
                  name, r["sessions"], r["Anonymous"], r["Private_Dirty"],
                  r["Anonymous after"]))
        print("%-9s %.2f descriptors each, %s in its %d process(es); hard "
              "limit %d a process: %d idle ones would fit, fewer with a "
              "message in hand" % (
                  "", r["files_each"], "+".join(map(str, r["files"])),
                  len(r["files"]), limit,
                  sum(int((limit - b) / r["files_each"])
                      for b in r["base_files"])))
    sys.stdout.flush()

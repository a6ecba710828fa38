#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# timeout: 600
"""Random but valid sessions, played directly and through the gateway.

    t_random.py			2 000 sessions
    SESSIONS=10000 t_random.py	that many: two to three minutes
    SEED=4711 t_random.py	this one, and all that was said

Each session follows from its number: extensions of the server, commands,
groups, segments, messages, replies (peers.py).  What the server got, commands
and envelopes and bytes, must be the same both ways, and what the client was
told too, but for what is the gateway's own to say: keywords that it
withholds, SIZE, VRFY and EXPN, the wording of 5.5.1 and of chunks.
"""

import asyncio
import ctypes
import logging
import os
import pickle
import signal
import socket
import sys
import time

sys.path.insert(0, "regress/lib")

from mwtest.case import case, check, run                        # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.net import Net                                      # noqa: E402

from peers import PATIENCE, Client, Plan, Server                # noqa: E402

WORKERS = 2             # processes, each with a server and clients
AT_ONCE = 25            # sessions of one of them
BATCH = 500             # sessions of one case
EMBEDDED = 10           # one of so many is scanned for viruses as well
DIRECT = 2525           # a port that the gateway's rules do not take
SHOWN = 3               # differences that are told
PR_SET_PDEATHSIG = 1


class Worker:
    """Runs in a process of its own, in the clients' namespace."""

    def __init__(self, net, number, seeds):
        self.net = net
        self.number = number
        self.seeds = seeds
        self.addr = net.SERVERS[number]
        self.book = {}          # (port, seed): what the server got
        self.bad = []           # (seed, why)

    def listeners(self):
        for port in (25, DIRECT):
            sock = self.net.server.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((self.addr, port))
            sock.listen(256)
            sock.setblocking(False)
            yield port, sock

    async def session(self, plan, port):
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.bind((self.net.CLIENTS[plan.seed % 6], 0))
        client = Client(plan)
        try:
            await asyncio.get_running_loop().sock_connect(
                sock, (self.addr, port))
            await asyncio.wait_for(client.play(sock), PATIENCE)
        except (OSError, asyncio.IncompleteReadError,
                asyncio.TimeoutError) as e:
            client.log.append(("VIOLATION: the session breaks off", e))
        finally:
            sock.close()
        end = time.monotonic() + PATIENCE
        while (port, plan.seed) not in self.book:
            if time.monotonic() > end:
                return client.log, ["the server's session does not end"]
            await asyncio.sleep(0.002)
        return client.log, self.book.pop((port, plan.seed))

    async def compare(self, seed, show):
        plan = Plan(seed)
        (told, got), (told2, got2) = await asyncio.gather(
            self.session(plan, DIRECT), self.session(plan, 25))
        if show:
            for what, a, b in (("told", told, told2), ("got", got, got2)):
                for i in range(max(len(a), len(b))):
                    x = a[i] if i < len(a) else None
                    y = b[i] if i < len(b) else None
                    print("%s %s" % (what, x) if x == y else
                          "%s DIRECT %s\n%s MAILWALL %s" % (what, x, what, y))
        why = difference("the client", told, told2) or \
            difference("the server", got, got2)
        for log in (told, told2, got, got2):
            why = why or next((str(t) for t in log
                               if "VIOLATION" in str(t)), None)
        if why:
            self.bad.append((seed, why))

    async def all(self, show):
        loop = asyncio.get_running_loop()
        servers = [await loop.create_server(
            lambda port=port: Server(self.book, port), sock=sock)
            for port, sock in self.listeners()]
        seeds = iter(self.seeds)

        async def some():
            for seed in seeds:
                await self.compare(seed, show)
        await asyncio.gather(*(some() for _ in range(AT_ONCE)))
        for s in servers:
            s.close()

    def run(self, show=False):
        with self.net.client.entered():
            asyncio.run(self.all(show))
        return self.bad


def difference(who, a, b):
    for i in range(max(len(a), len(b))):
        x = a[i] if i < len(a) else "nothing"
        y = b[i] if i < len(b) else "nothing"
        if x != y:
            return "%s got %.300r directly, %.300r through mailwall" % (
                who, x, y)
    return None


def spawn(worker):
    """Run a worker; (pid, descriptor of its result)."""
    rfd, wfd = os.pipe()
    pid = os.fork()
    if pid:
        os.close(wfd)
        return pid, rfd
    try:
        # The gateway does not wait for the reply to its own QUIT.
        logging.getLogger("asyncio").setLevel(logging.ERROR)
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(sig, signal.SIG_DFL)
        os.close(rfd)
        data = pickle.dumps(worker.run())
        while data:
            data = data[os.write(wfd, data):]
        os._exit(0)
    finally:
        os._exit(1)


def collect(pid, rfd):
    with os.fdopen(rfd, "rb") as f:
        data = f.read()
    _, status = os.waitpid(pid, 0)
    check(status == 0 and data, "a worker of the test died")
    return pickle.loads(data)


def batch(net, seeds):
    """Differences of these sessions."""
    running = [spawn(Worker(net, n, seeds[n::WORKERS]))
               for n in range(WORKERS)]
    bad = []
    for pid, rfd in running:
        bad += collect(pid, rfd)
    return sorted(bad)


def gateway(net, antivirus, seeds):
    with Gateway(net, "tproxy", antivirus=antivirus) as gw:
        before = gw.snapshot()
        for i in range(0, len(seeds), BATCH):
            some = seeds[i:i + BATCH]
            with case("%d sessions from %d, antivirus %s" %
                      (len(some), some[0], antivirus)):
                bad = batch(net, some)
                check(not bad, lambda: "%d differ: %s" % (
                    len(bad), "; ".join("SEED=%d: %s" % b
                                        for b in bad[:SHOWN])))
        with case("the gateway is whole, antivirus " + antivirus):
            gw.leaks(before)
            check(gw.stop() == 0, "exit status")
            text = gw.log.text()
            check("terminated by signal" not in text, "a process died")


def one(net, seed):
    with Gateway(net, "tproxy", antivirus="none") as gw:
        with case("session %d" % seed):
            plan = Plan(seed)
            print("server offers", plan.keywords)
            for c in plan.commands:
                print("client says", c.kind, c.wire[:200],
                      "..." if len(c.wire) > 200 else "")
            bad = Worker(net, 0, [seed]).run(True)
            print(gw.log.text())
            check(not bad, lambda: bad[0][1])


def main():
    n = int(os.environ.get("SESSIONS") or 2000)
    with Net() as net:
        if os.environ.get("SEED"):
            one(net, int(os.environ["SEED"]))
            return
        some = n // EMBEDDED
        gateway(net, "none", range(0, n - some))
        gateway(net, "embedded", range(n - some, n))


run(main)

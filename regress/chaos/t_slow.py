#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Peers that are slow on purpose: everybody else is served, they are not.

Which clock ended a session is read from the log: no time is asserted but for
"not before", and "not for ever".
"""

import socket
import sys

sys.path.insert(0, "regress/lib")
sys.path.insert(0, "regress/bench")

import measure                                                  # noqa: E402
from slow import PHASES, Crowd                                  # noqa: E402
from mwtest import client, mail, wait                           # noqa: E402
from mwtest.case import case, check, check_equal, run           # noqa: E402
from mwtest.client import Client                                # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Gone, Hang, Reply, Server             # noqa: E402

EACH = 45               # slow clients in each phase
DEAF = 10               # clients that never read
MAILS = 20              # messages of others meanwhile
MEMORY = 8192           # bytes of user memory for a slow session
IDLE, BLOCK, SESSION = 4000, 3000, 14000    # ms
CONF = """
workers 2
timeout { connect 5s, banner 3s, command 3s, data 3s, block %dms, dot 6s,
    client %dms, keepalive 1s, session %dms, scan 5s }
""" % (BLOCK, IDLE, SESSION)
KEYWORDS = ("SIZE 104857600", "8BITMIME", "HELP", "PIPELINING", "CHUNKING",
            "AUTH PLAIN")

# Which clock ends a phase, in ms: a byte is progress of a message, so that
# there the whole session is what is limited; of a command it is none.
CLOCK = {"silent": IDLE, "hello": IDLE, "command": IDLE, "auth": IDLE,
         "data": SESSION, "chunk": SESSION, "mute": BLOCK}


def pass_through(net, srv, n):
    """Messages of others, one after the other."""
    for i in range(n):
        r = client.send(net.client, srv.addr, mail.plain(), Net.CLIENTS[2],
                        sender="normal%d@client.example" % i)
        check_equal(r.code, 250, "reply to message %d" % i)


def ends(gw, mark):
    """{port of the client: its last event}"""
    return {int(e["client"].rsplit(":", 1)[1]): e
            for e in gw.log.events(mark) if e.word == "end"}


def clocks(gw, mark, ports):
    """Each phase ended by its clock, and not before that."""
    wait.until(lambda: set(ports) <= set(ends(gw, mark)),
               "the sessions to be over in the log")
    seen = ends(gw, mark)
    for name in PHASES:
        with case("%s: ended by its own clock" % name):
            for port, c in ports.items():
                if c.name != name:
                    continue
                e = seen[port]
                ms = int(e["ms"])
                check_equal(c.last, 421, "last reply (%s)" % e["why"])
                check(ms >= CLOCK[name], "ended after %d ms" % ms)
                # Which of two clocks: half way between them is far away
                # from both.
                if CLOCK[name] < SESSION:
                    check(ms < SESSION, "held for %d ms" % ms)


def crowd(net, srv, gw):
    """A byte every 100 ms, in every phase."""
    before, mark = gw.snapshot(), gw.log.mark()
    pids = sorted(gw.children("proxy"))
    pass_through(net, srv, MAILS)
    base = measure.memory(pids)
    with Crowd(net.client, srv.addr, pause=0.1) as slow:
        for name in PHASES:
            slow.open(name, EACH)
        # The longest-lived, so that it is sure that they are there.
        with case("%d slow clients take their places" % len(slow.clients)):
            slow.wait_held()
            for c in slow.clients:
                check(c.last in (220, 250, 334, 354, 421), "%s: %r" %
                      (c.name, bytes(c.heard)))
        ports = {c.sock.getsockname()[1]: c for c in slow.clients
                 if not c.over}
        held = len(ports)
        during = measure.memory(pids)
        with case("mail flows meanwhile"):
            check(held >= 2 * EACH, "only %d were left" % held)
            pass_through(net, srv, MAILS)
        with case("a slow session costs little memory"):
            each = (during["Anonymous"] - base["Anonymous"]) / held
            print("# %d bytes for each of %d" % (each, held))
            check(each < MEMORY, "%d bytes" % each)
        with case("they are all sent away"):
            slow.wait_over()
        clocks(gw, mark, ports)
    with case("nothing is left of them"):
        gw.leaks(before, 64, 30)
    with case("none of their messages exists"):
        check(not any(m.mail_from.startswith("slow")
                      for m in srv.messages(complete=False)),
              "the server has one")


def never_reads(net, srv, gw):
    """Questions, and a window that is closed to the answers."""
    before, mark = gw.snapshot(), gw.log.mark()
    srv.script["help"] = Reply(["214 start"] + ["x" * 400] * 60)
    deaf = []
    with case("clients that never read: mail flows"):
        for _ in range(DEAF):
            c = Client(net.client, srv.addr, rcvbuf=2048)
            deaf.append(c)
            c.ehlo()
            c.sock.settimeout(1)
            try:
                for _ in range(400):
                    c.sock.send(b"HELP\r\n" * 100)
            except (socket.timeout, ConnectionError):
                pass
        pass_through(net, srv, MAILS)
    with case("clients that never read: ended by the gateway"):
        ports = {c.sock.getsockname()[1] for c in deaf}
        # Time for the last words is given as well.
        wait.until(lambda: ports <= set(ends(gw, mark)),
                   "%d sessions to end" % len(deaf), 60)
        check(not any(ends(gw, mark)[p]["why"] in ("quit", "client closed")
                      for p in ports), "a client has ended it")
        gw.leaks(before, 64, 30)
    for c in deaf:
        c.close()
    del srv.script["help"]


def stopped_reader(net, srv, gw):
    """The server takes no more of a message."""
    before = gw.snapshot()
    message = mail.plain(mail.filler(8 << 20, 1))
    hangs = []

    def hang(session, line):
        if session.mail_from != "big@client.example":
            return None
        hangs.append(Hang())
        return hangs[-1]
    srv.script["mid-data"] = hang
    with case("a server that stops reading: 4xx, mail flows"):
        with Client(net.client, srv.addr, timeout=60) as c:
            c.ehlo()
            check_equal(c.envelope("big@client.example").code, 250, "RCPT")
            check_equal(c.cmd("DATA").code, 354, "DATA")
            c.send(client.stuff(message))
            wait.until(lambda: hangs, "the server to stop")
            pass_through(net, srv, MAILS)
            r = c.reply()
            check(400 <= r.code < 500, "reply %s" % r)
    for h in hangs:
        h.release()
    del srv.script["mid-data"]
    with case("a server that stops reading: no part is taken for a whole"):
        srv.wait_idle()
        check(not any(m.mail_from == "big@client.example"
                      for m in srv.messages()), "it has a message")
        gw.leaks(before, 64, 30)


def mute_servers(net, srv, gw):
    """It takes everything and says nothing."""
    for step, codes in (("banner", (421, 451)), ("ehlo", (421, 451)),
                        ("mail", (421, 451)), ("data", (421, 450, 451)),
                        ("dot", (421, 450, 451))):
        with case("a server that is silent at %s: 4xx or an end" % step):
            hang = Hang()
            srv.once(step, hang)
            try:
                with Client(net.client, srv.addr, timeout=60,
                            banner=False) as c:
                    c.reply() if step != "banner" else None
                    r = c.reply() if step == "banner" else c.ehlo()
                    if r.code == 250:
                        r = c.message(mail.plain())
                    check(r.code in codes, "reply %s" % r)
            except Gone:
                pass
            finally:
                hang.release()
            pass_through(net, srv, 1)


def half_closed(net, srv, gw):
    """FIN in every phase: the session ends without waiting."""
    before, mark = gw.snapshot(), gw.log.mark()
    with Crowd(net.client, srv.addr, pause=60) as crowd_:
        for name in PHASES:
            crowd_.open(name, 5)
        crowd_.wait_held()
        ports = [c.sock.getsockname()[1] for c in crowd_.clients]
        for c in crowd_.clients:
            c.sock.shutdown(socket.SHUT_WR)
        with case("half-closed in every phase: an end at once"):
            crowd_.wait_over()
            wait.until(lambda: set(ports) <= set(ends(gw, mark)),
                       "the sessions to be over in the log")
            for e in ends(gw, mark).values():
                check_equal(e["why"], "client closed", "reason")
    with case("half-closed in every phase: nothing is left"):
        gw.leaks(before, 64, 30)


def tunnel(net):
    """Behind STARTTLS a byte now and then keeps a session up to its end."""
    conf = "starttls pass\ntimeout { client 1s, session 3s }"
    with Server(net.server, net.B, keywords=("STARTTLS",)) as srv, \
            Gateway(net, "redirect", extra=conf, antivirus="none") as gw:
        hang = Hang()
        srv.script["starttls"] = ["220 go ahead", hang]
        with case("slow in a tunnel: the session's clock ends it"):
            with Client(net.client, srv.addr) as c:
                c.ehlo()
                check_equal(c.cmd("STARTTLS").code, 220, "STARTTLS")
                c.sock.settimeout(0.1)
                while True:
                    try:
                        c.send(b"x")
                        c.line()
                    except TimeoutError:
                        continue
                    except Gone:
                        break
            e = wait.until(lambda: next((e for e in gw.log.events(0)
                                         if e.word == "end"), None),
                           "the session to be over in the log")
            check_equal((e["why"], e["tls_passed"]),
                        ("session too long", "1"), "end")
            check(int(e["ms"]) >= 3000, "ended after %s ms" % e["ms"])
        hang.release()


def main():
    with Net() as net, \
            Server(net.server, net.A, keywords=KEYWORDS) as srv, \
            Gateway(net, "tproxy", extra=CONF) as gw:
        srv.script["auth"] = "334 "
        pids = set(gw.children())
        crowd(net, srv, gw)
        half_closed(net, srv, gw)
        never_reads(net, srv, gw)
        stopped_reader(net, srv, gw)
        mute_servers(net, srv, gw)
        with case("no process died of it"):
            check(pids <= set(gw.children()), lambda:
                  "gone: %s" % (pids - set(gw.children())))
    with Net() as net:
        tunnel(net)


run(main)

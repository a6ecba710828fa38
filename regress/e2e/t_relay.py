#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# timeout: 600
"""Mail servers as clients: Postfix and Exim relay through the gateway.

Each relays to a Postfix and to an Exim, by the address of the server, first
without a gateway and then through it.  Before the servers stands a tap that
keeps every byte: what the server saw with the gateway is compared with what
it saw without.
"""

import re
import socket
import sys
import threading

sys.path.insert(0, "regress/lib")

from mwtest import client, mail, mta, tidy, wait                # noqa: E402
from mwtest.case import case, check, check_equal, check_in, run  # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import unstuff                               # noqa: E402

SENDER = "a@client.example"
LOCKSTEP = 10           # seconds; who sends no RCPT until then awaits MAIL
BURST = 12              # messages of each client to each server, at once


class Wire:
    """A connection: .peer, and the bytes of both sides."""

    def __init__(self, peer):
        self.peer = peer
        self.up = bytearray()           # from the client
        self.down = bytearray()         # from the server
        self.ahead = False              # RCPT came before MAIL's answer
        self.done = threading.Event()


class Tap:
    """Listens at one address, hands each byte on to another.

    The server's answer to the first MAIL is kept back until a RCPT has come:
    who uses PIPELINING does not wait for it.
    """

    def __init__(self, ns, addr, to):
        self.ns = ns
        self.addr = addr
        self.to = to
        self.wires = []
        self._open = []                 # sockets
        self._lock = threading.Lock()
        self.open()
        tidy.add(self.stop)

    def open(self):
        self._sock = self.ns.socket()
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._sock.bind((self.addr, 25))
        self._sock.listen(1024)
        threading.Thread(target=self._accept, args=(self._sock,),
                         daemon=True).start()

    def close(self):
        """Refuse connections from now on."""
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._sock.close()

    def stop(self):
        self.close()
        with self._lock:
            for s in self._open:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def _accept(self, sock):
        while True:
            try:
                conn, peer = sock.accept()
            except OSError:
                return
            up = self.ns.socket()
            up.connect((self.to, 25))
            for s in (conn, up):
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            w = Wire(peer[0])
            with self._lock:
                self.wires.append(w)
                self._open += [conn, up]
            threading.Thread(target=self._wire, args=(w, conn, up),
                             daemon=True).start()

    def _wire(self, w, conn, up):
        back = threading.Thread(target=self._copy,
                                args=(w, w.down, up, conn), daemon=True)
        back.start()
        self._copy(w, w.up, conn, up)
        back.join()
        with self._lock:
            self._open.remove(conn)
            self._open.remove(up)
        conn.close()
        up.close()
        w.done.set()

    def _copy(self, w, kept, src, dst):
        try:
            while True:
                data = src.recv(1 << 18)
                if not data:
                    break
                kept += data            # before it can be answered
                if kept is w.down:
                    self._hold(w)
                dst.sendall(data)
        except OSError:
            pass
        try:
            dst.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _hold(self, w):
        if w.ahead or not w.up.startswith(b"MAIL ", w.up.find(b"\n") + 1):
            return
        try:
            wait.until(lambda: b"\r\nRCPT " in w.up, "RCPT", LOCKSTEP)
            w.ahead = True
        except wait.Timeout:
            pass

    def wait_idle(self):
        wait.until(lambda: all(w.done.is_set() for w in self.wires),
                   "the connections at %s to end" % self.addr)


def replies(down):
    """The server's replies: [bytes], the last CRLF taken off."""
    found = re.findall(rb"(?:\d{3}-[^\r\n]*\r\n)*\d{3}(?: [^\r\n]*)?\r\n",
                       down)
    check_equal(b"".join(found), bytes(down), "replies")
    return [r[:-2] for r in found]


class Dialogue:
    """A connection, read as RFC 5321 and RFC 3030 say.

    steps: [(command, [replies])], with what differs from one sending to the
    next made equal: sizes, and how many chunks a message comes in.
    messages: as the server has read them.
    """

    def __init__(self, w):
        self.up = bytes(w.up)
        self.pos = 0
        self.steps = []
        self.messages = []
        self.answers = replies(w.down)
        self.banner = self.answers.pop(0)
        self.chunks = b""
        self.chunked = False
        while self.pos < len(self.up):
            self.command()
        check_equal(self.answers, [], "replies to nothing")

    def answer(self):
        check(self.answers, "no reply to %r" % (self.steps[-1:],))
        return self.answers.pop(0)

    def until(self, end):
        i = self.up.find(end, self.pos)
        check(i >= 0, "it ends inside of a line")
        text = self.up[self.pos:i]
        self.pos = i + len(end)
        return text

    def command(self):
        line = self.until(b"\r\n").decode("utf-8", "surrogateescape")
        verb = line.split(" ")[0].upper()
        if verb == "BDAT":
            self.bdat(line)
            return
        got = [self.answer()]
        self.steps.append((re.sub(r" SIZE=\d+", " SIZE=n", line), got))
        if verb == "DATA" and got[0][:3] == b"354":
            self.pos -= 2               # an empty message: ".CRLF" follows
            body = self.until(b"\r\n.\r\n") + b"\r\n"
            self.messages.append(unstuff(body[2:]))
            got.append(self.answer())

    def bdat(self, line):
        n = int(line.split(" ")[1])
        check(self.pos + n <= len(self.up), "it ends inside of a chunk")
        self.chunks += self.up[self.pos:self.pos + n]
        self.pos += n
        got = self.answer()
        if not line.upper().endswith(" LAST"):
            check_equal(got[:1], b"2", "reply to a chunk")
            return
        self.steps.append(("BDAT", [got]))
        self.messages.append(self.chunks)
        self.chunks = b""

    def commands(self):
        return [c for c, _ in self.steps]

    def plain(self):
        """The steps; of a reply that names a queue file, its code."""
        return [(c, [r[:3] if b"queued" in r or b"id=" in r else r
                     for r in rs]) for c, rs in self.steps]


def timeless(banner):
    """Exim puts the date into it."""
    return re.sub(rb"\w{3}, .*\d\d:\d\d:\d\d", b"DATE", banner)


class Pair:
    """A relay, a server, and the tap between them."""

    def __init__(self, relay, server, tap, domain):
        self.relay = relay
        self.server = server
        self.tap = tap
        self.domain = domain
        self.name = "%s to %s" % (relay.name, server.name)
        self.direct = {}                # what: Dialogue

    def submit(self, data, rcpts, eightbit=False):
        """As a user of the relay does."""
        with client.Client(self.relay.ns, self.relay.addrs[0],
                           source=self.relay.addrs[0]) as c:
            c.ehlo()
            r = c.cmd("MAIL FROM:<%s>%s" % (
                SENDER, " BODY=8BITMIME" if eightbit else ""))
            for rcpt in rcpts:
                check_equal(r.code, 250, "reply of the relay")
                r = c.cmd("RCPT TO:<%s>" % rcpt)
            check_equal(r.code, 250, "reply of the relay")
            check_equal(c.data(data).code, 250, "reply of the relay")
            c.quit()

    def wait_session(self, n):
        """The n-th connection from here on, when it is over."""
        wait.until(lambda: len(self.tap.wires) >= n, "the relay to call; "
                   "it says " + self.relay.says()[-2000:])
        self.tap.wait_idle()
        check_equal(len(self.tap.wires), n, "connections")
        return self.tap.wires[n - 1]


def high_bytes():
    return mail.plain(b"Gr\xc3\xbc\xc3\x9fe, latin-1 \xe4\xf6, all " +
                      bytes(range(128, 256)) + b".\r\n", "8 bit",
                      MIME_Version="1.0",
                      Content_Type="text/plain; charset=utf-8",
                      Content_Transfer_Encoding="8bit")


def letters(domain):
    """{what: (message, recipients, those that the server refuses, 8bit)}"""
    one = ["b@" + domain]
    return {
        "several recipients":
            (mail.plain(), ["b%d@%s" % (i, domain) for i in range(4)], [],
             False),
        "8 bit": (high_bytes(), one, [], True),
        "dots": (mail.plain(b".\r\n..\r\n.x\r\n\r\n.\r\n\r\n...\r\n.\r\n"),
                 one, [], False),
        "an empty body": (mail.head() + b"\r\n", one, [], False),
        "200 KiB": (mail.attached(bytes(range(256)) * 800, "a.bin"), one, [],
                    False),
        "one recipient refused":
            (mail.plain(), one + ["x@no." + domain, "c@" + domain],
             ["x@no." + domain], False),
    }


def relayed(pair, what, letter, peer):
    """One message arrives once and unchanged; returns what the server saw."""
    data, rcpts, refused, eightbit = letter
    pair.server.clear()
    pair.relay.clear()
    n = len(pair.tap.wires)
    pair.submit(data, rcpts, eightbit)
    w = pair.wait_session(n + 1)
    check_equal(w.peer, peer, "peer of the server")
    d = Dialogue(w)
    check_equal(len(d.messages), 1, "messages on the wire")
    check(d.messages[0].endswith(data), "the message differs on the wire")
    check(b"\r\n\r\n" not in d.messages[0][:-len(data)], "added to it")
    good = len(rcpts) - len(refused)
    got = pair.server.wait_mail(good)
    check_equal(len(got), good, "mails")
    for m in got:
        check(m.contains(data), lambda: "differs: %r" % m.raw[:2000])
    taken = d.steps[-2][1][-1].decode().split("\r\n")[-1][4:]
    wait.until(lambda: taken in pair.relay.says(),
               "the server's reply in the relay's log: " + taken)
    if refused:
        bounce = pair.relay.wait_mail(1)[0].data.decode()
        for rcpt in refused:
            check_in(rcpt, bounce, "bounce")
            check_in(" ".join(reply_to(d, "<%s>" % rcpt).split()[:3]),
                     " ".join(bounce.split()), "bounce")
    check_equal(len(pair.relay.mails()), 1 if refused else 0, "bounces")
    check(w.ahead, "no PIPELINING")
    return d


def reply_to(d, path):
    """The server's reply to this RCPT, as text without its code."""
    for command, rs in d.steps:
        if command.startswith("RCPT") and path in command:
            return rs[0].decode()[4:]
    return "?"


def compare(direct, d):
    """What the server saw: with the gateway as without."""
    check_equal(timeless(d.banner), timeless(direct.banner), "banner")
    check_equal(d.commands(), direct.commands(), "commands")
    check_equal(d.plain(), direct.plain(), "replies")


def directly(pair):
    for what, letter in letters(pair.domain).items():
        with case("direct: %s: %s" % (pair.name, what)):
            d = relayed(pair, what, letter, pair.relay.addrs[0])
            pair.direct[what] = d
            check_in(d.steps[-1][0], "QUIT")
            if isinstance(pair.relay, mta.Exim):
                check_in("BDAT", d.commands(), "commands")


def through(net, pair, gw):
    peer = net.GATEWAY_OUT if gw.mode == "redirect" else pair.relay.addrs[0]
    for what, letter in letters(pair.domain).items():
        with case("%s: %s: %s" % (gw.mode, pair.name, what)):
            mark = gw.log.mark()
            d = relayed(pair, what, letter, peer)
            check_in(what, pair.direct, "what came directly")
            compare(pair.direct[what], d)
            e = gw.log.wait_messages(1, mark)[0]
            check_equal((e["action"], e["verdict"]), ("pass", "clean"),
                        "log")
    with case("%s: %s: infected" % (gw.mode, pair.name)):
        infected(pair, gw)


def infected(pair, gw):
    """The relay bounces it with our reply; the server never sees it."""
    pair.server.clear()
    pair.relay.clear()
    mark = gw.log.mark()
    n = len(pair.tap.wires)
    data = mail.eicar_base64()
    rcpts = ["b@" + pair.domain, "c@" + pair.domain]
    pair.submit(data, rcpts)
    bounce = pair.relay.wait_mail(1)[0].data.decode()
    w = pair.wait_session(n + 1)
    d = Dialogue(w)
    check_equal(d.messages, [], "messages")
    verbs = [c.split(" ")[0] for c in d.commands()]
    if "RSET" in verbs:                 # no need of it before QUIT
        verbs.remove("RSET")
    check_equal(verbs, ["EHLO", "MAIL", "RCPT", "RCPT", "QUIT"], "commands")
    check(b"EICAR" not in w.up and mail.b64(mail.EICAR)[:40] not in w.up,
          "the server got some of it")
    check_equal(pair.server.mails(), [], "mails")
    e = gw.log.wait_messages(1, mark)[0]
    check_equal((e["action"], e["verdict"]), ("block", "virus"), "log")
    text = " ".join(bounce.split())
    for part in rcpts + ["554 5.7.1", e.id]:
        check_in(part, text, "bounce")
    check_equal(len(pair.relay.mails()), 1, "bounces")


def server_down(pair):
    """The relay keeps it and tries again; then it arrives, once."""
    pair.server.clear()
    pair.relay.clear()
    n = len(pair.tap.wires)
    said = len(pair.relay.says())
    data = mail.plain()
    pair.tap.close()
    pair.submit(data, ["b@" + pair.domain])
    wait.until(lambda: re.search(r"status=deferred|==.*defer",
                                 pair.relay.says()[said:]),
               "the relay to defer it")
    check_equal(len(pair.tap.wires), n, "connections")
    pair.tap.open()
    pair.relay.flush()
    got = pair.server.wait_mail(1)
    pair.wait_session(n + 1)
    check(got[0].contains(data), "it differs")
    check_equal(len(pair.server.mails()), 1, "mails")
    check_equal(pair.relay.mails(), [], "bounces")


def burst(pairs):
    """Many at once: each arrives once, where it belongs."""
    want = {}
    for p in pairs:
        p.server.clear()
        p.relay.clear()
    for i in range(BURST):
        for p in pairs:
            tag = "%s, number %d" % (p.name, i)
            data = mail.plain(mail.filler(5000, i) + tag.encode() + b"\r\n",
                              tag)
            want.setdefault(p.server, []).append(data)
            p.submit(data, ["b@" + p.domain])
    for server, sent in want.items():
        got = [m.data for m in server.wait_mail(len(sent))]
        check_equal(len(got), len(sent), "mails at " + server.name)
        left = list(got)
        for data in sent:
            mine = [m for m in left if m.endswith(data)]
            check_equal(len(mine), 1, "copies of one message")
            left.remove(mine[0])
    for p in pairs:
        check_equal(p.relay.mails(), [], "bounces")


def main():
    net = Net()
    addrs = net.SERVERS
    servers = [mta.Postfix(net.server, addrs[0]),
               mta.Exim(net.server, addrs[1])]
    taps = [Tap(net.server, addrs[2], addrs[0]),
            Tap(net.server, addrs[3], addrs[1])]
    routes = {"*": addrs[2], "b.example.org": addrs[3]}
    relays = [mta.PostfixRelay(net.client, net.CLIENTS[1], routes),
              mta.EximRelay(net.client, net.CLIENTS[2], routes)]
    pairs = [Pair(r, s, t, d) for r in relays
             for s, t, d in zip(servers, taps, mta.DOMAINS)]
    for pair in pairs:
        directly(pair)
    for mode in ("tproxy", "redirect"):
        with Gateway(net, mode) as gw:
            for pair in pairs:
                through(net, pair, gw)
            if mode == "redirect":
                continue
            for pair in pairs[::3]:
                with case("%s: the server is down for a while" % pair.name):
                    server_down(pair)
            with case("many at once"):
                burst(pairs)


run(main)

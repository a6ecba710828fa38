# SPDX-License-Identifier: ISC
"""A tap before a server: it keeps every byte, and reads what it has kept.

    tap = Tap(net.server, net.B, net.A)     # B is the server for clients
    ...
    tap.wait_idle()
    d = Dialogue(tap.wires[0])
    d.steps, d.messages
"""

import re
import socket
import threading

from . import tidy, wait
from .case import check, check_equal
from .server import unstuff

LOCKSTEP = 10           # seconds; who sends no RCPT until then awaits MAIL


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

    hold: the server's answer to the first MAIL is kept back until a RCPT has
    come: who uses PIPELINING does not wait for it.
    """

    def __init__(self, ns, addr, to, hold=True):
        self.ns = ns
        self.addr = addr
        self.to = to
        self.hold = hold
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
                if kept is w.down and self.hold:
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

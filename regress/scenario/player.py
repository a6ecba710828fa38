# SPDX-License-Identifier: ISC
"""Plays a Case: one thread is the client and the server of it.

The steps are taken in their order.  While one of them waits, both sockets
are read and written, so that neither side can block the other.
"""

import select
import socket
import struct
import time

from mwtest.case import Failure

from language import CLIENT, SERVER, SPLIT
from probe import Probe, unsent

PATIENCE = 10           # seconds a step may take; only failures do
READING = 0.2           # at most: until the gateway has read a piece
SILENCE = 0.05          # how long nothing must come to be called quiet
SMALL = 4096            # receive buffer of a slow server
# What the gateway may say on its way out, without being asked.
FAREWELL = (b"", b"QUIT\r\n")


def short(data):
    text = repr(bytes(data))[1:]
    return text if len(text) <= 400 else \
        "%s... %s (%d bytes)" % (text[:200], text[-60:], len(data))


class Side:
    """One socket: what is to go out, what came in, how it ended."""

    def __init__(self, name):
        self.name = name
        self.sock = None
        self.out = bytearray()
        self.held = []          # pieces of "+"
        self.data = bytearray()
        self.skips = False
        self.end = None         # "fin", "reset": by the gateway
        self.gateway = None     # (local, remote) of the gateway's socket

    def open(self, sock):
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock

    def close(self):
        if self.sock is not None:
            self.sock.close()
            self.sock = None

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.close()

    def read(self):
        try:
            data = self.sock.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            self.end = self.end or "reset"
            return
        if data and not self.skips:
            self.data += data
        elif not data:
            self.end = self.end or "fin"

    def write(self):
        try:
            n = self.sock.send(self.out)
            del self.out[:n]
        except BlockingIOError:
            pass
        except OSError:
            self.out.clear()
            self.end = self.end or "reset"


class Player:
    """address: the server's; connect: where the client goes; gateway_side:
    the gateway's end of the client's connection."""

    def __init__(self, case, net, address, connect, gateway_side):
        self.case = case
        self.net = net
        self.address = address
        self.connect = connect
        self.client = Side(CLIENT)
        self.server = Side(SERVER)
        self.client.gateway = gateway_side
        self.listener = None
        self.probe = Probe(net.gateway)
        self.step = None

    def side(self, step):
        return self.client if step.side == CLIENT else self.server

    def fail(self, why):
        where = "line %d: " % self.step.lineno if self.step else ""
        raise Failure(where + why)

    # Sockets.

    def family(self):
        return socket.AF_INET6 if self.case.family == 6 else socket.AF_INET

    def listen(self):
        self.listener = self.net.server.socket(self.family())
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.case.slow:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                     SMALL)
        self.listener.bind((self.address, 25))
        self.listener.listen(4)
        self.listener.setblocking(False)

    def call(self):
        sock = self.net.client.socket(self.family())
        sock.settimeout(PATIENCE)
        try:
            sock.connect(self.connect)
        except OSError as e:
            sock.close()
            self.fail("the client cannot connect: %s" % e)
        self.client.open(sock)
        remote = sock.getsockname()[:2]
        self.client.gateway = (self.client.gateway, remote)

    def accept(self):
        try:
            sock, peer = self.listener.accept()
        except BlockingIOError:
            return
        self.server.open(sock)
        self.server.gateway = (peer[:2], sock.getsockname()[:2])
        self.listener.close()
        self.listener = None

    def pump(self, timeout):
        """Read and write what is possible now, or wait for that."""
        rd, wr = [], []
        if self.listener is not None:
            rd.append(self.listener)
        for side in (self.client, self.server):
            if side.sock is None:
                continue
            if side.end is None:
                rd.append(side.sock)
            if side.out and side.end != "reset":
                wr.append(side.sock)
        rd, wr, _ = select.select(rd, wr, [], timeout)
        for side in (self.client, self.server):
            if side.sock in wr:
                side.write()
            if side.sock in rd:
                side.read()
        if self.listener in rd:
            self.accept()
        return bool(rd or wr)

    def until(self, cond, what, timeout=PATIENCE):
        end = time.monotonic() + timeout
        while True:
            value = cond()
            if value:
                return value
            left = end - time.monotonic()
            if left <= 0:
                self.fail(what() if callable(what) else what)
            self.pump(min(left, 0.5))

    def waited(self, cond, timeout):
        """As until(), but it is no failure: whether it came true."""
        end = time.monotonic() + timeout
        while not cond():
            if time.monotonic() >= end:
                return False
            self.pump(0.001)
        return True

    def open_side(self, side):
        """The client connects when it is first needed, the server waits."""
        if side is self.client and side.sock is None and side.end is None:
            self.call()
        elif side is self.server and side.sock is None and \
                self.listener is not None:
            if self.client.sock is None and self.client.end is None:
                self.call()
            self.until(lambda: side.sock is not None,
                       "the gateway does not call the server")
        if side.sock is None:
            self.fail("the %s is closed already" % side.name)

    # Sending.

    def let_read(self, side):
        """Wait until the gateway has read what was sent, if it reads."""
        def done():
            if side.sock is None or side.end == "reset":
                return True
            return not side.out and unsent(side.sock) == 0 and \
                not self.probe.unread(*side.gateway)
        self.waited(done, READING)

    def do_hold(self, side):
        side.held += self.step.arg

    def do_send(self, side):
        pieces = side.held + self.step.arg
        side.held = []
        for piece in pieces:
            if piece is not SPLIT:
                side.out += piece       # all up to a split in one go
                continue
            self.flush(side)
            self.let_read(side)
        self.flush(side)

    def flush(self, side):
        """A reset is seen by the next step that expects something."""
        self.waited(lambda: not side.out or side.end == "reset",
                    0.05 if side.end else 1)

    # Expecting.

    def line(self, side, what):
        """The next line with its CRLF."""
        def find():
            return b"\n" in side.data or side.end

        def why():
            return "%s awaits %s, has %s" % (side.name, what,
                                             short(side.data))
        self.until(find, why)
        n = side.data.find(b"\n") + 1
        if n == 0:
            self.fail("%s; then %s" % (why(), side.end))
        line = bytes(side.data[:n])
        del side.data[:n]
        return line

    def expect_raw(self, side, want):
        def why():
            return "%s awaits %s, has %s%s" % (
                side.name, short(want), short(side.data),
                "; then " + side.end if side.end else "")
        self.until(lambda: len(side.data) >= len(want) or side.end or
                   not want.startswith(side.data[:len(want)]), why)
        if side.data[:len(want)] != want:
            self.fail(why())
        del side.data[:len(want)]

    def expect_line(self, side, rx):
        line = self.line(side, "/%s/" % rx.pattern.decode("latin-1"))
        if not line.endswith(b"\r\n") or not rx.fullmatch(line[:-2]):
            self.fail("%s got %s, not /%s/" % (
                side.name, short(line), rx.pattern.decode("latin-1")))

    def expect_reply(self, side, code, rx):
        lines = []
        what = "reply %s" % code.pattern.decode()
        while not lines or lines[-1][3:4] == b"-":
            line = self.line(side, what)
            if not line.endswith(b"\r\n") or \
                    line[3:4] not in (b" ", b"-", b"\r"):
                self.fail("no reply line: %s" % short(line))
            lines.append(line[:-2])
        got = b" | ".join(t[4:] for t in lines)
        if len({t[:3] for t in lines}) != 1:
            self.fail("codes differ: %s" % short(b"\r\n".join(lines)))
        if not code.fullmatch(lines[0][:3]) or \
                (rx is not None and not rx.fullmatch(got)):
            self.fail("client got %s %s, not %s %s" % (
                lines[0][:3].decode(), short(got), code.pattern.decode(),
                "" if rx is None else short(rx.pattern)))

    def do_expect(self, side):
        kind, *args = self.step.arg
        getattr(self, "expect_" + kind)(side, *args)

    # Words.

    def do_fin(self, side):
        self.until(lambda: not side.out, "cannot send it all")
        side.sock.shutdown(socket.SHUT_WR)

    def do_close(self, side):
        self.until(lambda: not side.out or side.end, "cannot send it all")
        side.end = side.end or "closed"
        side.close()

    def do_rst(self, side):
        self.let_read(side)
        side.end = "closed"
        side.reset()

    def ended(self, side, how):
        self.until(lambda: side.end,
                   "the gateway does not close the connection of the " +
                   side.name)
        if side.data:
            self.fail("before the end the %s got %s" %
                      (side.name, short(side.data)))
        if how and side.end != how:
            self.fail("the %s's connection ended by %s" %
                      (side.name, side.end))

    def do_eof(self, side):
        self.ended(side, "fin")

    def do_gone(self, side):
        self.until(lambda: side.end, "the gateway does not leave the " +
                   side.name)
        if side is self.server and side.data in FAREWELL:
            side.data.clear()
        self.ended(side, None)

    def do_skip(self, side):
        """From here on what comes is not looked at."""
        side.skips = True
        side.data.clear()

    def do_quiet(self, side):
        for each in (self.client, self.server):
            self.let_read(each)
        end = time.monotonic() + SILENCE
        while time.monotonic() < end:
            self.pump(max(0, end - time.monotonic()))
            if side.data or side.end:
                self.fail("not quiet: the %s got %s%s" % (
                    side.name, short(side.data),
                    ", " + side.end if side.end else ""))

    def do_none(self, side):
        self.pump(0)
        if self.server.sock is not None:
            self.fail("the gateway has called the server")

    def do_accept(self, side):
        pass                    # open_side() has done it

    OPS = {">": do_send, "+": do_hold, "<": do_expect, "fin": do_fin,
           "close": do_close, "rst": do_rst, "eof": do_eof,
           "gone": do_gone, "quiet": do_quiet, "skip": do_skip,
           "none": do_none, "accept": do_accept}

    # The whole.

    def leave(self):
        """The client goes; then the server's connection must end too."""
        self.step = None
        self.pump(0)
        self.let_read(self.client)
        self.pump(0)
        for side in (self.client, self.server):
            if side.held:
                self.fail("the %s holds what no step sends" % side.name)
        if self.client.data:
            self.fail("client got more than expected: %s" %
                      short(self.client.data))
        self.client.close()
        self.client.end = "closed"
        if self.server.sock is not None:
            self.until(lambda: self.server.end, lambda: "the gateway does "
                       "not leave the server, which has %s" %
                       short(self.server.data))
        if self.server.data not in FAREWELL:
            self.fail("server got more than expected: %s" %
                      short(self.server.data))

    def play(self):
        try:
            if not self.case.down:
                self.listen()
            for self.step in self.case.steps:
                side = self.side(self.step)
                if self.step.op != "none":
                    self.open_side(side)
                self.OPS[self.step.op](self, side)
            self.leave()
        finally:
            for what in (self.client, self.server, self.probe,
                         self.listener):
                if what is not None:
                    what.close()

#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A message of the store's, sent by the real proxy, confined as in service.

Master and store are below; what servers can do to it is the business of
proxy/test_outgoing.
"""

import fcntl
import os
import shutil
import socket
import struct
import sys
import tempfile

sys.path.insert(0, "regress/lib")
sys.path.insert(0, "regress/store")

from mwtest.case import case, check, check_equal, run           # noqa: E402
from storelib import (OBJ, PROC, USER, Channel, Store, addr,    # noqa: E402
                      memfd, strings, text)

PATIENCE = 30
TEXT = b"Subject: x\r\n\r\n.dot\r\n.\r\n" + b"line\r\n" * 50000
SOCK_PLAIN4 = 0


class Proxy(Store):
    """The proxy in the place of the store: both are started alike."""

    def __init__(self):
        self.rundir = tempfile.mkdtemp(prefix="mwsend.")
        os.chmod(self.rundir, 0o755)
        os.mkdir(os.path.join(self.rundir, "empty"), 0o755)
        super().__init__()
        ours, theirs = socket.socketpair(socket.AF_UNIX,
                                         socket.SOCK_SEQPACKET)
        theirs.setblocking(False)
        self.master.send("IMSG_CHAN", struct.pack(
            "=IIQ", PROC["PROC_STORE"], 1, 0), theirs.fileno())
        theirs.close()
        self.store = Channel(ours)

    @staticmethod
    def child(sock, log):
        try:
            null = os.open("/dev/null", os.O_RDWR)
            fds = [fcntl.fcntl(fd, fcntl.F_DUPFD, 20)
                   for fd in (null, null, log, sock)]
            for n, fd in enumerate(fds):
                os.dup2(fd, n)
            os.closerange(4, 1024)
            prog = os.path.join(OBJ, "mailwall-proxy")
            os.execve(prog, ["mailwall-proxy", "1"],
                      {k: v for k, v in os.environ.items() if "SAN" in k})
        finally:
            os._exit(99)

    def globals(self, **kw):
        data = super().globals(**kw)
        for old, new, size in ((b"/nonexistent", self.rundir.encode(), 256),
                               (b"_mwproxy", USER.encode(), 64)):
            data = data.replace(old.ljust(size, b"\0"),
                                new.ljust(size, b"\0"))
        return data

    def message(self, ident, port, rcpts, body, size=None):
        self.store.send("IMSG_SEND", addr("127.0.0.1", port) + struct.pack(
            "=II1032s", len(rcpts), 0, b"a@example.org"), ident=ident)
        for r in rcpts:
            self.store.send("IMSG_SEND_RCPT", strings(r), ident=ident)
        fd = memfd(body)
        self.store.send("IMSG_SEND_MAIL", struct.pack(
            "=Q", len(body) if size is None else size), fd, ident=ident)
        os.close(fd)

    def sockets(self):
        """Give the proxy what it asks for; how many that was."""
        data = self.master.expect("IMSG_SOCK_REQ")[2]
        kind, count = struct.unpack("=II", data)
        assert kind == SOCK_PLAIN4, kind
        for _ in range(count):
            with socket.socket() as s:
                s.setblocking(False)
                self.master.send("IMSG_SOCK_FD", struct.pack(
                    "=II", kind, 1), s.fileno())
        return count

    def answer(self):
        """(id, code, recipients, text)"""
        kind, ident, data = self.store.expect("IMSG_SEND_DONE")
        code, naccepted = struct.unpack("=II", data[:8])
        return ident, code, naccepted, text(data[8:])

    def close(self, keep=False):
        self.store.close()
        super().close(keep)
        shutil.rmtree(self.rundir, ignore_errors=True)


class Peer:
    """One connection of the proxy, from the server's side."""

    def __init__(self, listener):
        self.sock = listener.accept()[0]
        self.sock.settimeout(PATIENCE)
        self.file = self.sock.makefile("rb")
        self.say(b"220 ready")

    def say(self, line):
        self.sock.sendall(line + b"\r\n")

    def hear(self, want, reply):
        check_equal(self.file.readline(), want + b"\r\n", "command")
        self.say(reply)

    def data(self):
        lines = []
        while True:
            line = self.file.readline()
            if line == b".\r\n":
                return b"".join(lines)
            assert line.endswith(b"\n"), "broken off"
            lines.append(line[1:] if line.startswith(b".") else line)

    def close(self):
        self.file.close()
        self.sock.close()


def envelope(peer, size):
    peer.hear(b"EHLO [127.0.0.1]", b"250-me\r\n250 SIZE")
    peer.hear(b"MAIL FROM:<a@example.org> SIZE=%d" % size, b"250 ok")


def main():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        listener.settimeout(PATIENCE)
        port = listener.getsockname()[1]
        proxy = Proxy()
        try:
            cases(proxy, listener, port)
        finally:
            with case("it ends with its master, and was not killed"):
                proxy.close()
                check_equal(proxy.status, 0, "status")


def cases(proxy, listener, port):
    with case("delivered, by a socket that it had to ask for"):
        proxy.message(1, port, [b"b@example.org", b"c@example.org"], TEXT)
        check(proxy.sockets() > 1, "no stock")
        peer = Peer(listener)
        envelope(peer, len(TEXT))
        peer.hear(b"RCPT TO:<b@example.org>", b"250 ok")
        peer.hear(b"RCPT TO:<c@example.org>", b"550 no")
        peer.hear(b"DATA", b"354 go")
        check(peer.data() == TEXT, "another message")
        peer.say(b"250 2.0.0 Queued")
        check_equal(proxy.answer(), (1, 250, 1, "250 2.0.0 Queued"),
                    "answer")
        peer.hear(b"QUIT", b"221 bye")
        check_equal(peer.file.read(), b"", "rest")
        peer.close()
    with case("a file that is cut off, by a socket of the stock"):
        proxy.message(2, port, [b"b@example.org"], TEXT, len(TEXT) + 1)
        peer = Peer(listener)
        peer.hear(b"EHLO [127.0.0.1]", b"250 me")
        ident, code, naccepted, why = proxy.answer()
        check_equal((ident, code, naccepted), (2, 0, 0), "answer")
        check("cut off" in why, why)
        check_equal(peer.file.read(), b"", "rest")
        peer.close()
    with case("two at a time"):
        for ident in (3, 4):
            proxy.message(ident, port, [b"b@example.org"], b"")
        peers = [Peer(listener), Peer(listener)]
        for peer in peers:
            envelope(peer, 0)
            peer.hear(b"RCPT TO:<b@example.org>", b"451 later")
            peer.hear(b"QUIT", b"221 bye")
            peer.close()
        check_equal(sorted(proxy.answer() for _ in peers),
                    [(3, 451, 0, "451 later"), (4, 451, 0, "451 later")],
                    "answers")
    with case("the store is gone: no dot"):
        proxy.message(5, port, [b"b@example.org"], TEXT)
        peer = Peer(listener)
        envelope(peer, len(TEXT))
        check_equal(peer.file.readline(), b"RCPT TO:<b@example.org>\r\n",
                    "command")
        proxy.store.close()
        check_equal(peer.file.read(), b"", "rest")
        peer.close()


run(main)

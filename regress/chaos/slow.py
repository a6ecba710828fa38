# SPDX-License-Identifier: ISC
"""Clients that hold a session and hardly use it, hundreds in one thread.

    with Crowd(ns, addr, port) as crowd:
        crowd.open("data", 50)          # in one of the PHASES below
        crowd.wait_held()
        ...                             # each sends a byte a .pause
        crowd.wait_over()
        crowd.clients[0].heard
"""

import collections
import errno
import selectors
import socket
import threading
import time

from mwtest import wait

ENVELOPE = [b"MAIL FROM:<slow@client.example>\r\n",
            b"RCPT TO:<b@example.org>\r\n"]
HELLO = [b"EHLO slow.example\r\n"]

# What is said at once, reply by reply, and what then drips, for ever.
Phase = collections.namedtuple("Phase", "steps drip")
PHASES = {
    "silent": Phase([], b""),
    "hello": Phase(HELLO, b""),
    "command": Phase(HELLO, b"NOOP "),
    "auth": Phase(HELLO + [b"AUTH PLAIN\r\n"], b"AAAA"),
    "data": Phase(HELLO + ENVELOPE + [b"DATA\r\n"], b"slow\r\n"),
    "mute": Phase(HELLO + ENVELOPE + [b"DATA\r\n"], b""),
    "chunk": Phase(HELLO + ENVELOPE + [b"BDAT 1000000\r\n"], b"slow\r\n"),
}


# So many wait for their greeting at a time: a listener's queue that overflows
# loses connections of which the client believes that they stand.
GREETED = 64


class Client:
    """One of them; .heard has all that it was told."""

    def __init__(self, crowd, name):
        self.crowd = crowd
        self.name = name
        self.todo = list(PHASES[name].steps)
        self.drip = PHASES[name].drip
        self.at = 0
        self.heard = bytearray()
        self.held = False               # it is where it wanted to be
        self.over = False
        self.error = None
        self.sock = crowd.ns.socket()
        self.sock.setblocking(False)

    def connect(self):
        e = self.sock.connect_ex((self.crowd.addr, self.crowd.port))
        if e not in (0, errno.EINPROGRESS):
            raise OSError(e, "connect")

    def read(self):
        try:
            data = self.sock.recv(4096)
        except BlockingIOError:
            return
        except OSError as e:
            self.error = e
            data = b""
        if not data:
            self.end()
            return
        self.heard += data
        # A chunk is not answered before its end.
        if data.endswith(b"\r\n") and not self.held:
            self.step()

    def step(self):
        """The last reply is here: say the next thing."""
        if not self.todo:
            self.held = True
            return
        text = self.todo.pop(0)
        self.held = not self.todo and text.startswith(b"BDAT")
        self.send(text)

    def send(self, data):
        try:
            self.sock.send(data)
        except BlockingIOError:
            pass
        except OSError:
            # What was said to us before can still be read.
            self.drip = b""

    def byte(self):
        if self.held and self.drip:
            self.send(self.drip[self.at:self.at + 1])
            self.at = (self.at + 1) % len(self.drip)

    def end(self):
        self.over = True
        self.crowd.forget(self.sock)
        self.sock.close()

    @property
    def last(self):
        """Code of the last reply."""
        lines = bytes(self.heard).split(b"\r\n")
        return int(lines[-2][:3]) if len(lines) > 1 else None


class Crowd(threading.Thread):
    """All of them, and the thread that moves them."""

    def __init__(self, ns, addr, port=25, pause=1):
        super().__init__(daemon=True)
        self.ns = ns
        self.addr = addr
        self.port = port
        self.pause = pause
        self.clients = []
        self._new = collections.deque()
        self._sel = selectors.DefaultSelector()
        self._done = False

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exc):
        self._done = True
        self.join()
        for c in self.clients:
            c.sock.close()

    def forget(self, sock):
        self._sel.unregister(sock)

    def open(self, name, n):
        """n more of a phase."""
        for _ in range(n):
            c = Client(self, name)
            self.clients.append(c)
            self._new.append(c)

    def run(self):
        due = time.monotonic() + self.pause
        while not self._done:
            while self._new and self._waiting() < GREETED:
                c = self._new.popleft()
                c.connect()
                self._sel.register(c.sock, selectors.EVENT_READ, c)
            for key, _ in self._sel.select(0.05):
                key.data.read()
            if time.monotonic() >= due:
                due = time.monotonic() + self.pause
                for c in list(self.clients):
                    if not c.over:
                        c.byte()

    def _waiting(self):
        """How many are connected and have heard nothing."""
        return sum(1 for key in self._sel.get_map().values()
                   if not key.data.heard)

    def count(self, what):
        return sum(1 for c in list(self.clients) if getattr(c, what))

    def wait_held(self, timeout=60):
        """Until all are where they want to be, or are over."""
        wait.until(lambda: all(c.held or c.over or c.name == "silent" and
                               c.heard for c in self.clients),
                   "the slow clients to be in place", timeout)

    def wait_over(self, timeout=60):
        wait.until(lambda: all(c.over for c in self.clients),
                   "the slow clients to be sent away", timeout)

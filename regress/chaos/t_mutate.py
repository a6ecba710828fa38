#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Damaged sessions, both sides, through a gateway built with sanitizers.

Session n follows from SEED and n alone.  Each lane has a listener and a
server of its own and plays one session at a time, so that what the two sides
have seen can be laid side by side.

    MUTATE_SECONDS=600 MUTATE_SEED=7 regress/chaos/t_mutate.py
    MUTATE_ONLY=7/1234 regress/chaos/t_mutate.py        one, with its story
"""
# timeout: 900
# lane

import os
import random
import re
import select
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, "regress/lib")

from mutate import (Walk, flip, lines_until_dot, mutate, pure,  # noqa: E402
                    reply_next, transcript)
from mwtest import mail, wait                                   # noqa: E402
from mwtest.case import case, check, check_equal, report, run   # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.net import Net                                      # noqa: E402

SECONDS = float(os.environ.get("MUTATE_SECONDS") or 40)
SEED = int(os.environ.get("MUTATE_SEED") or 1)
ONLY = os.environ.get("MUTATE_ONLY")
LANES = 8
PATIENCE = 40           # seconds; the sum of all of the gateway's
PORT, SINK = 2500, 2600
CONF = "".join("listen on 127.0.0.1 port %d relay to 127.0.0.1 port %d\n" %
               (PORT + i, SINK + i) for i in range(LANES)) + """
workers 2
starttls %s
timeout { connect 2s, banner 1s, command 1s, data 1s, block 1s, dot 4s,
    client 1s, keepalive 500ms, session 20s, scan 3s }
"""
KEYWORDS = (b"PIPELINING", b"CHUNKING", b"SIZE 2000000", b"8BITMIME",
            b"AUTH PLAIN LOGIN", b"STARTTLS", b"DSN", b"SMTPUTF8",
            b"ENHANCEDSTATUSCODES", b"BINARYMIME", b"X-UNKNOWN", b"HELP")
OWN = re.compile(rb"(?:NOOP|RSET|DATA|QUIT|BDAT [0-9]+(?: LAST)?)\Z")
NO_CODES = (b"450 4.2.1 later\r\n", b"550 5.1.1 no\r\n", b"421 4.3.2 bye\r\n",
            b"452-4.3.1 one\r\n452 4.3.1 two\r\n")


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))


class Over(Exception):
    """The connection ends, by our will or the other's."""


class Far:
    """The server of one session: honest in what it does, not in its words.

    As long as each command got one reply (in_step), what the replies mean is
    certain, and .taken has the messages that were answered with 2yz, .whole
    all of which the end was seen.  After that anything goes.
    """

    def __init__(self, conn, rng, damage):
        self.conn = conn
        self.rng = rng
        self.damage = damage            # how probable one is, each reply
        self.buf = b""
        self.in_step = True
        self.lines = []
        self.whole = []                 # (bytes, by BDAT)
        self.taken = []
        self.mail = False
        self.rcpts = 0
        self.chunks = None
        self.keywords = [k for k in KEYWORDS if rng.random() < 0.7]
        self.late = b""                 # a reply that was held back
        self.story = []

    def run(self):
        self.conn.settimeout(PATIENCE)
        try:
            if self.damage and self.rng.random() < 0.02:
                raise Over
            if self.say(b"220 far.example ESMTP\r\n") != 220:
                self.drain()
            while self.command(self.line()):
                pass
        except Over:
            pass
        finally:
            self.conn.close()

    def more(self):
        try:
            data = self.conn.recv(1 << 17)
        except ConnectionError:
            data = b""
        if not data:
            raise Over
        self.buf += data

    def drain(self):
        while True:
            self.buf = b""
            self.more()

    def line(self):
        while b"\r\n" not in self.buf:
            self.more()
        line, self.buf = self.buf.split(b"\r\n", 1)
        self.lines.append(line)
        self.story.append(b"< " + line[:200])
        return line

    def say(self, text):
        """A reply, perhaps damaged; its code, 0 when it has none now."""
        if self.rng.random() < self.damage:
            text = self.damaged(text)
        text, self.late = text + self.late, b""
        r = reply_next(text, 0)
        if r is None or r[1] != len(text):
            self.in_step = False
        try:
            if self.rng.random() < 0.1 and len(text) > 1:
                cut = self.rng.randrange(1, len(text))
                self.put(text[:cut])
                if self.damage and self.rng.random() < 0.05:
                    raise Over
                time.sleep(self.rng.random() * 0.01)
                text = text[cut:]
            self.put(text)
        except (ConnectionError, TimeoutError):
            raise Over from None
        return r[0] if r is not None else 0

    def put(self, data):
        self.story.append(b"> " + data[:200])
        self.conn.sendall(data)

    def damaged(self, text):
        op = self.rng.randrange(10)
        if op < 2:
            for _ in range(self.rng.randrange(1, 3)):
                text = flip(self.rng, text)
        elif op < 5:
            text = self.rng.choice(NO_CODES)
        elif op == 5:
            text += self.rng.choice((text, b"250 ok\r\n", b"354 go\r\n",
                                     b"garbage\r\n", b"\r\n"))
        elif op == 6:
            i = self.rng.randrange(len(text) + 1)
            text = self.rng.choice((text[:i], text[i:], text[:i] + b"\n" +
                                    text[i:], b"", text[:4] * 20000 + text))
        elif op == 7:
            self.late, text = text, b""
        elif op == 8:
            reset(self.conn)
            raise Over
        else:
            raise Over
        return text

    def command(self, line):
        """Returns False at the end."""
        verb = line.split(b" ")[0].upper()
        if verb == b"BDAT":
            return self.bdat(line)
        if verb in (b"EHLO", b"HELO"):
            self.forget()
            self.say(self.hello(verb))
        elif verb == b"MAIL" and not self.mail:
            self.mail = 200 <= self.say(b"250 2.1.0 ok\r\n") < 300
        elif verb == b"RCPT" and self.mail:
            self.rcpts += 200 <= self.say(b"250 2.1.5 ok\r\n") < 300
        elif verb == b"DATA" and self.rcpts:
            if self.say(b"354 go\r\n") == 354:
                self.data()
        elif verb in (b"MAIL", b"RCPT", b"DATA"):
            self.say(b"503 5.5.1 out of order\r\n")
        elif verb == b"RSET":
            self.forget()
            self.say(b"250 2.0.0 ok\r\n")
        elif verb == b"AUTH":
            self.auth(line)
        elif verb == b"STARTTLS" and b"STARTTLS" in self.keywords:
            if self.say(b"220 2.0.0 go\r\n") == 220:
                self.lines.append(b"STARTTLS")
                self.in_step = False
                self.put(b"\x16\x03\x01" * 20)
                self.drain()
        elif verb == b"QUIT":
            self.say(b"221 2.0.0 bye\r\n")
            return False
        else:
            self.say(b"250 2.0.0 ok\r\n" if verb == b"NOOP" else
                     b"502 5.5.1 what?\r\n")
        return True

    def hello(self, verb):
        if verb == b"HELO" or not self.keywords:
            return b"250 far.example\r\n"
        return b"250-far.example\r\n" + b"".join(
            b"250-%s\r\n" % k for k in self.keywords[:-1]) + \
            b"250 %s\r\n" % self.keywords[-1]

    def auth(self, line):
        for _ in range(line.count(b" ") < 2 and (2 if b"LOGIN" in line.upper()
                                                 else 1)):
            if self.say(b"334 UGFzc3dvcmQ6\r\n") != 334:
                return
            if self.line() == b"*":
                break
        self.say(self.rng.choice((b"235 2.7.0 ok\r\n", b"535 5.7.8 no\r\n")))

    def forget(self):
        self.mail, self.rcpts, self.chunks = False, 0, None

    def data(self):
        """Up to the dot; it may have had enough before that."""
        enough = self.rng.randrange(30000) \
            if self.rng.random() < self.damage / 3 else None
        got, self.buf = self.buf, b""
        while (found := lines_until_dot(got, 0)) is None:
            if enough is not None and len(got) > enough:
                reset(self.conn)
                raise Over
            self.more()
            got, self.buf = got + self.buf, b""
        self.buf = got[found[1]:]
        self.judge(found[0], False)

    def judge(self, data, by_bdat):
        self.story.append(b"(message of %d bytes)" % len(data))
        self.forget()
        entry = (data, by_bdat)
        if self.in_step:
            self.whole.append(entry)
            # Known here before anybody else can know.
            self.taken.append(entry)
        code = 0
        try:
            code = self.say(b"250 2.0.0 taken\r\n")
        finally:
            if entry in self.taken and not 200 <= code < 300:
                self.taken.remove(entry)

    def bdat(self, line):
        words = line.split(b" ")
        n = int(words[1])
        while len(self.buf) < n:
            self.more()
        part, self.buf = self.buf[:n], self.buf[n:]
        if not self.rcpts:
            self.say(b"503 5.5.1 no recipients\r\n")
            return True
        self.chunks = (self.chunks or b"") + part
        if len(words) > 2:
            self.judge(self.chunks, True)
        elif not 200 <= self.say(b"250 2.0.0 more\r\n") < 300:
            self.forget()
        return True


class Near:
    """The client of one session."""

    def __init__(self, sock, rng, steps):
        self.sock = sock
        self.rng = rng
        self.steps = steps
        self.sent = b""
        self.heard = b""
        self.port = sock.getsockname()[1]
        self.open = True                # nothing seen of its end
        self.left = False               # without waiting
        self.story = []

    def listen(self, seconds, enough=lambda: False):
        """Hear until enough, the end, or so many seconds have passed."""
        end = time.monotonic() + seconds
        while self.open and not enough():
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                return
            self._hear()

    def _hear(self):
        try:
            data = self.sock.recv(65536)
        except ConnectionError:
            data = b""
        self.open = bool(data)
        self.heard += data
        self.story.append(b"< " + data[:200])

    def _send(self, data):
        self.story.append(b"> " + data[:200])
        view = memoryview(data)
        while view and self.open:
            r, w, _ = select.select([self.sock], [self.sock], [], PATIENCE)
            if not r and not w:
                return
            if r:
                self._hear()
            if w and self.open:
                try:
                    n = self.sock.send(view, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    continue
                except ConnectionError:
                    # What it said before can still be read.
                    self.listen(1)
                    self.open = False
                    return
                self.sent += bytes(view[:n])
                view = view[n:]

    def segments(self):
        """The steps as they go out."""
        style = self.rng.randrange(3)
        if style == 0:
            return self.steps
        data, out = b"".join(self.steps), []
        most = 1 << 18 if style == 1 else max(20, len(data) // 10)
        while data:
            n = self.rng.randrange(1, most)
            out.append(data[:n])
            data = data[n:]
        return out

    def run(self):
        rng = self.rng
        if rng.random() < 0.9:
            self.listen(PATIENCE, lambda: self.heard)
        segments = self.segments()
        leave = rng.random()            # how it ends, and where
        if leave < 0.2 and segments:
            segments = segments[:rng.randrange(len(segments)) + 1]
            segments[-1] = segments[-1][:rng.randrange(
                len(segments[-1]) + 1)]
        for data in segments:
            had = len(self.heard)
            self._send(data)
            if rng.random() < 0.6:
                self.listen(0.03, lambda: len(self.heard) > had)
        self.listen(PATIENCE, lambda: self.heard)
        if leave < 0.1:
            self.left = True
            if leave < 0.05:
                reset(self.sock)
        else:
            if leave < 0.9 and self.open:
                try:
                    self.sock.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
            self.listen(PATIENCE)
        stuck = self.open and not self.left
        self.sock.close()
        return not stuck


class Lane(threading.Thread):
    """Plays sessions one after the other."""

    def __init__(self, world, number):
        super().__init__(daemon=True)
        self.world = world
        self.port = PORT + number
        self.sink = world.ns.socket()
        self.sink.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sink.bind(("127.0.0.1", SINK + number))
        self.sink.listen(16)
        self.far = None

    def run(self):
        while (number := self.world.next()) is not None:
            try:
                why = self.session(number)
            except Exception as e:
                why = "%s: %s" % (type(e).__name__, e)
            if why is not None:
                self.world.failed(number, why)

    def server(self, rng, damage, stop):
        """Serve the one connection that comes, if it does."""
        while not stop.is_set():
            if select.select([self.sink], [], [], 0.05)[0]:
                break
        else:
            return
        conn, _ = self.sink.accept()
        self.far = Far(conn, rng, damage)
        try:
            self.far.run()
        except TimeoutError:
            self.far.stuck = True

    def session(self, number):
        """Play it; why it is wrong, or None."""
        rng = random.Random("%d/%d" % (SEED, number))
        which = rng.random()            # client, server, both
        times = rng.randrange(1, 5) if which < 0.75 else 0
        damage = rng.choice((0.05, 0.2)) if which > 0.5 else 0
        steps = mutate(rng, transcript(rng, number), times)
        self.far = None
        stop = threading.Event()
        server = threading.Thread(target=self.server, daemon=True, args=(
            random.Random("%d/%d/s" % (SEED, number)), damage, stop))
        server.start()
        with self.world.ns.socket() as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.connect(("127.0.0.1", self.port))
            near = Near(sock, rng, steps)
            ended = near.run()
        stop.set()
        server.join(PATIENCE * 2)
        if not ended:
            return "the client waits for ever"
        if server.is_alive() or getattr(self.far, "stuck", False):
            return "the server waits for ever"
        why = self.world.judge(number, near, self.far)
        if ONLY or why:
            self.tell(number, near)
        return why

    def tell(self, number, near):
        """The story of a session, both sides, for a person."""
        out = ["-- session %d/%d" % (SEED, number)]
        for name, story in (("client", near.story),
                            ("server", self.far.story if self.far else [])):
            out += ["   %s %r" % (name, t) for t in story[-60:]]
        print("\n".join(out), flush=True)


class World:
    """The gateway, and what the lanes have found out."""

    def __init__(self, gw):
        self.gw = gw
        self.ns = gw.ns
        self.lock = threading.Lock()
        self.end = 0
        self.number = 0
        self.last = 1 << 60
        self.wrong = []
        self.delivered = []     # (session, client's port, whole, taken)
        self.counts = dict.fromkeys(("sessions", "messages", "taken",
                                     "certain"), 0)

    def next(self):
        with self.lock:
            if time.monotonic() >= self.end or self.wrong[4:] or \
                    self.number >= self.last:
                return None
            self.number += 1
            return self.number

    def failed(self, number, why):
        with self.lock:
            self.wrong.append("%d/%d: %s" % (SEED, number, why))

    def play(self, seconds):
        self.end = time.monotonic() + seconds
        lanes = [Lane(self, i) for i in range(1 if ONLY else LANES)]
        for t in lanes:
            t.start()
        for t in lanes:
            t.join()
            t.sink.close()

    def judge(self, number, near, far):
        """The oracle: why this session was wrong, or None."""
        w = Walk(near.sent, near.heard, near.left,
                 far is not None and far.damage > 0)
        far_whole = far.whole if far else []
        far_taken = far.taken if far else []
        with self.lock:
            self.counts["sessions"] += 1
            self.counts["messages"] += len(w.messages)
            self.counts["taken"] += len(far_taken)
            self.counts["certain"] += far is not None and far.in_step
            if far_whole:
                self.delivered.append((number, near.port, list(far_whole),
                                       list(far_taken)))
        if w.wrong is not None:
            return w.wrong
        why = self.messages(w, far, far_whole, far_taken)
        if why is None and far is not None and far.in_step:
            why = self.commands(w, far)
        return why

    def messages(self, w, far, whole, taken):
        pool = [d for d, code, bdat in w.messages]
        for data, by_bdat in whole:
            if data in pool:
                pool.remove(data)
            elif not w.possible(data):
                return "server has a message that is none: %r (%d)" % (
                    data[:80], len(data))
            if not by_bdat and not pure(data):
                return "server has a bare CR, LF or NUL"
            if data == mail.EICAR + b"\r\n":
                return "server has a virus"
        if far is not None and not far.in_step:
            return None
        pool = [d for d, by_bdat in taken]
        for data, code, by_bdat in w.messages:
            if code is None or not 200 <= code < 300:
                continue
            if data not in pool:
                return "a false %d to %d bytes %r" % (code, len(data),
                                                      data[:80])
            pool.remove(data)
        return None

    def commands(self, w, far):
        """What the server took for commands were commands."""
        known = set(w.lines) | set(w.rest.split(b"\r\n"))
        for line in far.lines:
            if line not in known and OWN.match(line) is None:
                return "server got the command %r" % line[:80]
        return None


def build():
    """The product with sanitizers, beside the one that O names."""
    top = os.path.join(os.environ.get("O", "obj"), "asan")
    env = {k: v for k, v in os.environ.items()
           if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "O")}
    p = subprocess.run(["make", "-s", "O=" + top,
                        "SANITIZE=-fsanitize=address,undefined", "all"],
                       env=env, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True)
    check_equal(p.returncode, 0, "exit status of make: " + p.stdout[-1000:])
    os.environ["O"] = top


def inspected(gw, world, mark):
    """Each message that a server saw whole has a line of its own.

    It tells that the message was clean, and what the gateway knows of the
    server's answer: "pass" where that was 2yz.  A session's lines are all
    there when its last one is, the one with the word "end".
    """
    ports = {port for _, port, _, _ in world.delivered}
    wait.until(lambda: ports <= {port_of(e) for e in gw.log.events(mark)
                                 if e.word == "end"},
               "the end of each session in the log", step=0.2)
    lines = {}
    for e in gw.log.messages(mark):
        lines.setdefault(port_of(e), []).append(e)
    wrong = []
    for number, port, whole, taken in world.delivered:
        left = list(lines.get(port, []))
        for entry in whole:
            size = str(len(entry[0]))
            want = ("pass",) if entry in taken else \
                ("pass-refused", "pass-failed")
            e = next((e for e in left if e["size"] == size and
                      e["verdict"] == "clean" and e["action"] in want), None)
            if e is not None:
                left.remove(e)
                continue
            wrong.append("%d/%d: %d bytes, %s: %s" % (
                SEED, number, len(entry[0]), " or ".join(want), "; ".join(
                    "size=%(size)s verdict=%(verdict)s action=%(action)s" % e
                    for e in lines.get(port, [])) or "no line"))
    check(not wrong, lambda: "%d without a line: %s" % (
        len(wrong), ", ".join(wrong[:8])))


def port_of(event):
    """The client's port."""
    return int(event["client"].rsplit(":", 1)[1])


def unharmed(gw, pids, mark):
    """No process has died, and none has complained."""
    bad = re.compile(r"terminated by signal|exited|killed|Sanitizer|"
                     r"runtime error|fatal")
    lines = [t for t in gw.log.lines(mark) if bad.search(t)]
    check(not lines, lambda: "%d lines: %s" % (len(lines), lines[:12]))
    check(pids <= set(gw.children()), lambda: "gone: %s" %
          (pids - set(gw.children())))


def confined(gw):
    """Sanitizers or not, it is the real filter that is on."""
    for pid in gw.children():
        with open("/proc/%d/status" % pid) as f:
            check("Seccomp:\t2\n" in f.read(), "%d has no filter" % pid)


def reference():
    """It reads as the RFC says, and it can tell."""
    def seen(sent, heard):
        return Walk(sent, heard, False)
    with case("the reference finds the end of a message"):
        for wire, want in ((b".\r\n", b""), (b"..\r\n.\r\n", b".\r\n"),
                           (b"a\n.\n\r\n.\r\nX", b"a\n.\n\r\n"),
                           (b"a\r.\r\r\n.\r\n", b"a\r.\r\r\n"),
                           (b".x\r\n.\r\n", b"x\r\n")):
            check_equal(lines_until_dot(wire, 0)[0], want, repr(wire))
        for wire in (b"", b".", b".\n", b"a\r\n.\n", b"\n.\r\n", b"a.\r\n"):
            check_equal(lines_until_dot(wire, 0), None, repr(wire))
    with case("the reference matches replies"):
        hi = b"220 hi\r\n"
        w = seen(b"DATA\r\na\r\n.\r\nQUIT\r\n",
                 hi + b"354 go\r\n250-a\r\n250 b\r\n221 bye\r\n")
        check_equal((w.messages, w.wrong), ([(b"a\r\n", 250, False)], None))
        w = seen(b"BDAT 2\r\nabBDAT 1 LAST\r\ncNOOP\r\n",
                 hi + b"250 a\r\n250 b\r\n250 c\r\n")
        check_equal((w.messages, w.wrong), ([(b"abc", 250, True)], None))
        for sent, heard in ((b"NOOP\r\n", b"250 a\r\n250 b\r\n"),
                            (b"NOOP\r\n", b"354 a\r\n"),
                            (b"NOOP\r\n", b"250 a\n"),
                            (b"", b"250 a\r\n")):
            check(seen(sent, hi + heard).wrong is not None,
                  "no fault in %r" % heard)


def sessions(net, starttls, share):
    with Gateway(net, None, extra=CONF % starttls) as gw:
        world = World(gw)
        name = "starttls %s: " % starttls
        if ONLY:
            world.number = int(ONLY.split("/")[1]) - 1
            world.last = world.number + 1
        with case(name + "confined"):
            confined(gw)
        before, pids = gw.snapshot(), set(gw.children())
        mark = gw.log.mark()
        with case(name + "each ends, nobody lies, one end of data"):
            world.play(SECONDS * share)
            print("# %s%s" % (name, world.counts))
            check(not world.wrong, "; ".join(world.wrong))
            check(ONLY or world.counts["sessions"] >= 4 * SECONDS * share and
                  world.counts["taken"] > 0 and
                  world.counts["certain"] * 3 > world.counts["sessions"],
                  "too little was played: %s" % world.counts)
        with case(name + "nothing was delivered that was not inspected"):
            inspected(gw, world, mark)
        with case(name + "no process was harmed"):
            unharmed(gw, pids, mark)
        with case(name + "nothing is left behind"):
            gw.leaks(before, 64)


def main():
    global SEED
    if ONLY:
        SEED = int(ONLY.split("/")[0])
    reference()
    with case("the product builds with sanitizers"):
        build()
    with Net() as net:
        sessions(net, "withhold", 0.7)
        sessions(net, "pass", 0.3)


run(main)

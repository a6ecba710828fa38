# SPDX-License-Identifier: ISC
"""Sessions that wait in a phase of their choice, and what must hold of them.

    world = World(net, srv, gw)
    talks = world.open(PHASES)          # one session in each phase
    ...                                 # something terrible happens
    world.finish(talks)                 # go on as a client would
    world.check(talks)                  # nobody was lied to
"""

import ctypes
import os
import re
import socket
import threading
import time

from mwtest import client, mail, wait
from mwtest.case import check, check_equal
from mwtest.client import Client
from mwtest.server import Gone, Hang

# In the order of a message's life.  The last three are held by the server,
# "parsing" and "scanning" by processes that are held still.
PHASES = ("connected", "mail", "rcpt", "data", "parsing", "scanning", "go",
          "body", "dot")
HELD_AT = {"data": "go", "mid-data": "body", "dot": "dot"}
NAMES = {"proxy": "mailwall-proxy", "parser": "mailwall-parser",
         "loader": "mailwall-scanne", "worker": "mailwall-scanw",
         "store": "mailwall-store"}
STUCK = "stuck"                 # what a client is told that waits in vain


PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WALL = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long,) * 4
_libc.ptrace.restype = ctypes.c_long


class Held:
    """A process that stands still, and nobody but us knows.

    One that is stopped by a signal would be noticed by its parent.  A signal
    that is sent meanwhile takes effect at the release, SIGKILL at once.  To
    be released by the thread that holds it.
    """

    def __init__(self, pid):
        self.pid = pid
        self._ptrace(PTRACE_SEIZE)
        self._ptrace(PTRACE_INTERRUPT)
        os.waitpid(pid, WALL)

    def _ptrace(self, request):
        if _libc.ptrace(request, self.pid, 0, 0) == -1:
            e = ctypes.get_errno()
            raise OSError(e, "ptrace %#x: %s" % (request, os.strerror(e)))

    def release(self):
        try:
            self._ptrace(PTRACE_DETACH)
        except OSError:
            # Dead: its parent hears of it when we have.
            os.waitpid(self.pid, WALL)


class Talk:
    """One session with one message."""

    def __init__(self, world, phase, number):
        self.world = world
        self.phase = phase
        self.sender = "%s-%d@client.example" % (phase, number)
        body = mail.filler(8 << 20 if phase == "body" else 20000, number)
        self.message = mail.plain(body, self.sender)
        self.wire = client.stuff(self.message)
        self.client = None
        self.code = None        # last reply to the message; None: the end

    def begin(self, patience):
        """Up to the phase."""
        w = self.world
        self.client = c = Client(w.net.client, w.srv.addr, timeout=patience)
        if self.phase == "connected":
            return
        check_equal(c.ehlo().code, 250, "EHLO")
        check_equal(c.cmd("MAIL FROM:<%s>" % self.sender).code, 250, "MAIL")
        if self.phase == "mail":
            return
        check_equal(c.cmd("RCPT TO:<b@example.org>").code, 250, "RCPT")
        if self.phase == "rcpt":
            return
        check_equal(c.cmd("DATA").code, 354, "DATA")
        if self.phase == "data":
            c.send(self.wire[:10000])
            return
        c.send(self.wire)
        if self.phase in HELD_AT.values():
            wait.until(w.hangs[self.sender].entered.is_set,
                       "the server to be in phase " + self.phase)

    def end(self):
        """On from the phase, as if nothing had happened."""
        try:
            self.code = self._end()
        except Gone:
            self.code = None
        except socket.timeout:
            self.code = STUCK
        finally:
            self.client.close()

    def _end(self):
        c = self.client
        at = PHASES.index(self.phase)
        if at < 1:
            if (r := c.ehlo()).code != 250:
                return r.code
            if (r := c.cmd("MAIL FROM:<%s>" % self.sender)).code != 250:
                return r.code
        if at < 2:
            if (r := c.cmd("RCPT TO:<b@example.org>")).code != 250:
                return r.code
        if at < 3:
            if (r := c.cmd("DATA")).code != 354:
                return r.code
            c.send(self.wire)
        elif at == 3:
            c.send(self.wire[10000:])
        return c.reply().code


class World:
    """Network, server and gateway, and the sessions through them."""

    def __init__(self, net, srv, gw):
        self.net = net
        self.srv = srv
        self.gw = gw
        self.hangs = {}
        self.still = []         # (kind, Held)
        self.count = 0
        for step in HELD_AT:
            srv.script[step] = \
                lambda session, line, step=step: self._hold(session, step)

    def _hold(self, session, step):
        hang = self.hangs.get(session.mail_from)
        if hang is not None and \
                session.mail_from.startswith(HELD_AT[step] + "-"):
            return hang
        return None

    def pids(self, kind):
        return [p for p, n in self.gw.children().items() if n == NAMES[kind]]

    def signal(self, kind, sig):
        """To all of a kind; returns their pids."""
        pids = self.pids(kind)
        for pid in pids:
            try:
                os.kill(pid, sig)
            except ProcessLookupError:
                pass
        return pids

    def hold(self, kind):
        """All of a kind stand still from now on."""
        self.still += [(kind, Held(pid)) for pid in self.pids(kind)]

    def release(self, kind=None):
        """Of a kind, or all."""
        for entry in list(self.still):
            if kind in (None, entry[0]):
                self.still.remove(entry)
                entry[1].release()

    # The sessions.

    def open(self, phases, patience=45):
        """A session in each phase; parsers and workers may be held."""
        self.srv.sessions.clear()
        talks = []
        for phase in sorted(phases, key=PHASES.index, reverse=True):
            self.count += 1
            t = Talk(self, phase, self.count)
            talks.append(t)
            if phase in HELD_AT.values():
                self.hangs[t.sender] = Hang()
            if phase == "scanning":
                self.hold("worker")
            if phase == "parsing":
                self.hold("parser")
            t.begin(patience)
            if phase == "scanning":
                # In nobody's hands but the proxy's: the worker's channel.
                wait.until(self._past_parser, "the message to be scanned")
        return talks

    def _past_parser(self):
        """Only proxies hold memfds, and one of them a sealed one."""
        snap = self.gw.snapshot()
        inside = [h for h in snap.values() if h.memfds and
                  h.name in (NAMES["parser"], NAMES["loader"])]
        mine = [h for h in snap.values() if h.name == NAMES["proxy"] and
                h.memfds]
        return mine and not inside and not self._busy()

    def _busy(self):
        """Is a parser or a loader on a processor, or about to be?"""
        for kind in ("parser", "loader"):
            for pid in self.pids(kind):
                with open("/proc/%d/stat" % pid) as f:
                    if f.read().rsplit(")", 1)[1].split()[0] == "R":
                        return True
        return False

    def go_on(self):
        """Nothing holds them any longer."""
        self.release()
        for hang in self.hangs.values():
            hang.release()

    def finish(self, talks):
        """All at once: each gets an answer or an end."""
        threads = [threading.Thread(target=t.end, daemon=True)
                   for t in talks]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.hangs.clear()

    # What must hold.

    def check(self, talks):
        """Nobody waits in vain, no false 250, no part taken for a whole."""
        for t in talks:
            check(t.code != STUCK, "%s: no answer and no end" % t.phase)
        self.srv.wait_idle()
        complete = {}
        for m in self.srv.messages():
            complete.setdefault(m.mail_from, []).append(m)
        for t in talks:
            got = complete.pop(t.sender, [])
            for m in got:
                check(m.data == t.message, "%s: the server has %d bytes of "
                      "%d as a whole message" % (t.phase, len(m.data),
                                                 len(t.message)))
            if t.code == 250:
                check_equal([m.accepted for m in got], [True],
                            "%s: 250, and the server took it" % t.phase)
        check_equal(sorted(complete), [], "messages of nobody")

    def codes(self, talks):
        return {t.phase: t.code for t in talks}

    def back(self, bound=15):
        """Until a message passes; the seconds that it took."""
        start = time.monotonic()

        def passes():
            try:
                return client.send(self.net.client, self.srv.addr,
                                   mail.plain()).code == 250
            except (Gone, OSError):
                return False
        wait.until(passes, "a message to pass again", bound)
        return time.monotonic() - start

    def quiet(self, before, bound=20):
        """Until no session is left, and nothing is held that was not."""
        wait.until(lambda: not self._connections(),
                   "the connections of the proxies to end", bound)
        self.gw.leaks({p: h for p, h in before.items()
                       if h.name != NAMES["proxy"]}, 0, bound)
        # A proxy's stock of sockets may be any size; memfds may not.
        wait.until(lambda: not any(
            h.memfds for h in self.gw.snapshot().values()
            if h.name == NAMES["proxy"]), "memfds to be closed", bound)

    def _connections(self):
        """TCP connections that some proxy holds."""
        used = set()
        for name in ("tcp", "tcp6"):
            with open("/proc/%d/net/%s" % (self.gw.pid, name)) as f:
                for line in f.readlines()[1:]:
                    fields = line.split()
                    if fields[3] not in ("0A", "07"):
                        used.add(int(fields[9]))
        held = set()
        for h in self.gw.snapshot().values():
            if h.name == NAMES["proxy"]:
                held |= {int(re.search(r"\d+", t).group())
                         for t in h.fds.values() if t.startswith("socket:")}
        return used & held

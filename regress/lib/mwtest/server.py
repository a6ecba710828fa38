# SPDX-License-Identifier: ISC
"""A scripted SMTP server that remembers every byte and can misbehave.

    srv = Server(net.server, net.A)
    srv.script["rcpt"] = Reply("450 4.2.1 later")
    srv.once("dot", Reset())
    ...
    srv.sessions[0].messages[0].data

Steps, in the order of a session: "connect" (accepted, before the banner),
"banner", "ehlo", "helo", "mail", "rcpt", "data" (the command), "mid-data"
(after .mid_data bytes of a message), "dot" (after the final dot), "rset",
"noop", "quit", "help", "auth", "starttls", "vrfy", "bdat", "other".

A step's action is a Reply, a str (its text), Close, Reset, Hang, Slow, a list
of actions done in turn, or a function of (session, line) that returns one of
these, or None for the default.  A Server that is closed refuses connections.
"""

import re
import socket
import struct
import threading

from . import tidy, wait
from .wait import PATIENCE


class Reply:
    """Send these lines; continuation hyphens are put in for a list."""

    def __init__(self, text):
        if isinstance(text, (list, tuple)):
            code = text[0][:3]
            lines = [text[0][4:]] + list(text[1:])
            text = "\r\n".join("%s-%s" % (code, t) for t in lines[:-1])
            text += "\r\n" * bool(text) + "%s %s" % (code, lines[-1])
        self.data = text if isinstance(text, bytes) else text.encode()
        if not self.data.endswith(b"\r\n"):
            self.data += b"\r\n"


class Raw(Reply):
    """Send exactly these bytes."""

    def __init__(self, data):
        self.data = data


class Close:
    """Close the connection (FIN)."""


class Reset:
    """Abort the connection (RST)."""


class Hang:
    """Say nothing until .release() or the end; then go on as usual."""

    def __init__(self):
        self.entered = threading.Event()
        self.event = threading.Event()

    def release(self):
        self.event.set()


class Slow:
    """Send a reply in pieces of n bytes, a pause of so many seconds."""

    def __init__(self, reply, n=1, pause=0.01):
        self.reply = reply if isinstance(reply, Reply) else Reply(reply)
        self.n = n
        self.pause = pause


class Gone(Exception):
    """The connection is over."""


class Message:
    """What came between DATA and the dot."""

    def __init__(self, session):
        self.session = session
        self.mail_from = session.mail_from
        self.rcpts = list(session.rcpts)
        self.wire = b""         # as it came, without the final ".\r\n"
        self.complete = False   # the dot has come
        self.accepted = False   # we answer (or began to answer) 2yz to it

    @property
    def data(self):
        """The message: dots unstuffed."""
        return unstuff(self.wire)


def unstuff(wire):
    return (b"\r\n" + wire).replace(b"\r\n.", b"\r\n")[2:]


class Session(threading.Thread):
    """One connection; the attributes are its record."""

    def __init__(self, server, conn, peer):
        super().__init__(daemon=True)
        self.server = server
        self.conn = conn
        self.peer = peer[0]             # whom the server sees
        self.received = bytearray()     # every byte, in order
        self.sent = bytearray()
        self.commands = []              # lines, decoded, without CRLF
        self.messages = []
        self.helo = None
        self.mail_from = None
        self.rcpts = []
        self.closed_by = None           # "client", "server", "reset"
        self.done = threading.Event()
        self._buf = bytearray()
        self._judged = None             # message whose dot has come

    # Bytes.

    def read(self):
        try:
            data = self.conn.recv(1 << 18)
        except OSError:
            data = b""
            self.closed_by = self.closed_by or "reset"
        if not data:
            raise Gone
        self.received += data
        self._buf += data

    def readline(self):
        start = 0
        while True:
            i = self._buf.find(b"\r\n", start)
            if i >= 0:
                line = bytes(self._buf[:i])
                del self._buf[:i + 2]
                return line
            start = max(0, len(self._buf) - 1)
            self.read()

    def send(self, data):
        # Before the client can know of it.
        if self._judged is not None and data:
            self._judged.accepted = data[:1] == b"2"
            self._judged = None
        self.sent += data
        try:
            self.conn.sendall(data)
        except OSError:
            raise Gone from None

    # Actions.

    def act(self, step, line, default):
        """Do what the script says; returns the last reply's code."""
        action = self.server.action(step)
        if callable(action) and not isinstance(action, type):
            action = action(self, line)
        if action is None:
            action = default
        code = None
        for one in action if isinstance(action, list) else [action]:
            code = self.do(one, default) or code
        return code

    def do(self, action, default):
        if isinstance(action, type):
            action = action()
        if isinstance(action, str):
            action = Reply(action)
        if isinstance(action, Reply):
            self.send(action.data)
            return action.data[:3].decode("latin-1")
        if isinstance(action, Slow):
            data = action.reply.data
            for i in range(0, len(data), action.n):
                self.send(data[i:i + action.n])
                self.server.stopping.wait(action.pause)
            return data[:3].decode("latin-1")
        if isinstance(action, Hang):
            action.entered.set()
            while not (action.event.wait(0.05) or
                       self.server.stopping.is_set()):
                pass
            if self.server.stopping.is_set():
                raise Gone
            return self.do(default, None) if default else None
        if isinstance(action, Reset):
            self.conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack("ii", 1, 0))
            self.closed_by = "server"
            raise Gone
        if isinstance(action, Close):
            self.closed_by = "server"
            raise Gone
        if action is None:
            return None
        raise TypeError("no action: %r" % (action,))

    # The protocol.

    def run(self):
        try:
            self.act("connect", b"", None)
            self.act("banner", b"", "220 %s ESMTP ready" % self.server.name)
            while self.command(self.readline()):
                pass
            self.closed_by = self.closed_by or "server"
        except Gone:
            self.closed_by = self.closed_by or "client"
        finally:
            self.conn.close()
            self.done.set()

    def command(self, line):
        text = line.decode("latin-1")
        self.commands.append(text)
        verb = text.split(" ")[0].split(":")[0].lower()
        func = getattr(self, "do_" + verb, None)
        if func is not None:
            return func(text)
        known = verb in ("auth", "starttls", "vrfy", "bdat")
        self.act(verb if known else "other", text,
                 "502 5.5.1 not implemented")
        return True

    def do_ehlo(self, text):
        self.helo = text[5:]
        self.reset()
        self.act("ehlo", text, Reply(["250 %s greets you" %
                                      self.server.name] +
                                     self.server.keywords))
        return True

    def do_helo(self, text):
        self.helo = text[5:]
        self.reset()
        self.act("helo", text, "250 %s" % self.server.name)
        return True

    def reset(self):
        self.mail_from = None
        self.rcpts = []

    def do_mail(self, text):
        code = self.act("mail", text, "250 2.1.0 sender ok")
        if code and code[0] == "2":
            self.reset()
            self.mail_from = _path(text)
        return True

    def do_rcpt(self, text):
        if self.mail_from is None:
            self.send(b"503 5.5.1 MAIL first\r\n")
            return True
        code = self.act("rcpt", text, "250 2.1.5 recipient ok")
        if code and code[0] == "2":
            self.rcpts.append(_path(text))
        return True

    def do_data(self, text):
        if not self.rcpts:
            self.send(b"503 5.5.1 RCPT first\r\n")
            return True
        code = self.act("data", text, "354 go ahead")
        if code != "354":
            return True
        msg = Message(self)
        self.messages.append(msg)
        self.read_message(msg)
        msg.complete = True
        self._judged = msg
        self.act("dot", "", "250 2.0.0 taken as %s" % self.server.next_id())
        self._judged = None
        self.reset()
        return True

    def read_message(self, msg):
        """Move the buffer into msg.wire up to the dot."""
        got = bytearray()
        told = False
        while True:
            start = max(0, len(got) - 4)
            got += self._buf
            del self._buf[:]
            end = -1
            if got[:3] == b".\r\n":
                end = 0
            else:
                i = got.find(b"\r\n.\r\n", start)
                end = i + 2 if i >= 0 else -1
            if end >= 0:
                self._buf[:0] = got[end + 3:]
                msg.wire = bytes(got[:end])
                return
            if len(got) > self.server.mid_data and not told:
                told = True
                msg.wire = bytes(got)
                self.act("mid-data", "", None)
            try:
                self.read()
            except Gone:
                msg.wire = bytes(got)
                raise

    def do_rset(self, text):
        self.act("rset", text, "250 2.0.0 forgotten")
        self.reset()
        return True

    def do_noop(self, text):
        self.act("noop", text, "250 2.0.0 ok")
        return True

    def do_help(self, text):
        self.act("help", text, "214 2.0.0 no help here")
        return True

    def do_quit(self, text):
        self.act("quit", text, "221 2.0.0 bye")
        return False


def _path(text):
    m = re.search(r":\s*(?:<([^>]*)>|(\S*))", text)
    return (m.group(1) or m.group(2) or "") if m else ""


class Server:
    """Listens in a namespace; keeps its sessions in .sessions.

    name appears in banner and EHLO; keywords are the EHLO lines after the
    first.  script maps steps to actions; mid_data is the number of bytes
    after which the step "mid-data" is taken.
    """

    def __init__(self, ns, addr, port=25, name="server.example",
                 keywords=("SIZE 104857600", "8BITMIME", "HELP"),
                 script=None):
        self.ns = ns
        self.addr = addr
        self.port = port
        self.name = name
        self.keywords = list(keywords)
        self.script = dict(script or {})
        self.mid_data = 1000
        self.sessions = []
        self.stopping = threading.Event()
        self._once = {}
        self._lock = threading.Lock()
        self._ids = 0
        self._sock = None
        self.open()
        self._undo = tidy.add(self.stop)

    def open(self):
        """Listen (again)."""
        fam = socket.AF_INET6 if ":" in self.addr else socket.AF_INET
        self._sock = self.ns.socket(fam)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._sock.bind((self.addr, self.port))
        self._sock.listen(1024)
        threading.Thread(target=self._accept, args=(self._sock,),
                         daemon=True).start()

    def close(self):
        """Refuse connections from now on; sessions go on."""
        if self._sock is None:
            return
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._sock.close()
        self._sock = None

    def stop(self):
        """Close everything."""
        self.stopping.set()
        self.close()
        for s in self.sessions:
            try:
                s.conn.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for s in self.sessions:
            s.join(5)
        tidy.cancel(self._undo)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()

    def _accept(self, sock):
        while True:
            try:
                conn, peer = sock.accept()
            except OSError:
                return
            session = Session(self, conn, peer)
            with self._lock:
                self.sessions.append(session)
            session.start()

    def once(self, step, action):
        """For the next time only."""
        with self._lock:
            self._once.setdefault(step, []).append(action)

    def action(self, step):
        with self._lock:
            if self._once.get(step):
                return self._once[step].pop(0)
        return self.script.get(step)

    def next_id(self):
        with self._lock:
            self._ids += 1
            return "%s-%d" % (self.name, self._ids)

    def messages(self, complete=True):
        """All messages, of all sessions, that were complete."""
        return [m for s in list(self.sessions) for m in list(s.messages)
                if m.complete or not complete]

    def wait_messages(self, n, timeout=PATIENCE):
        wait.until(lambda: len(self.messages()) >= n,
                   "%d messages at %s" % (n, self.name), timeout)
        return self.messages()

    def wait_sessions(self, n, timeout=PATIENCE):
        """Until n connections have come."""
        wait.until(lambda: len(self.sessions) >= n,
                   "%d sessions at %s" % (n, self.name), timeout)
        return self.sessions

    def wait_idle(self, timeout=PATIENCE):
        """Until every session is over."""
        wait.until(lambda: all(s.done.is_set() for s in self.sessions),
                   "the sessions at %s to end" % self.name, timeout)

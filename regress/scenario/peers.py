# SPDX-License-Identifier: ISC
"""A client and a server whose every move follows from a seed.

Plan(seed) is what the client of one session says, and what its server can
do.  The server answers each command by what it says and nothing else, so that
the same session can be played twice, on different ways, and compared.
"""

import asyncio
import hashlib
import random

PATIENCE = 60           # seconds a session may take; only failures do
LIMIT = 50 << 20        # the gateway's message size
PASSES = ("8BITMIME", "AUTH", "BINARYMIME", "CHUNKING", "DELIVERBY", "DSN",
          "ENHANCEDSTATUSCODES", "HELP", "MT-PRIORITY", "PIPELINING",
          "SMTPUTF8")
WITHHELD = ("STARTTLS", "X-EXPS", "XCLIENT NAME ADDR", "BURL", "XVERP",
            "X-SECRET 8BITMIME")


def digest(*what):
    """A number that depends on nothing but its arguments."""
    h = hashlib.blake2b(repr(what).encode(), digest_size=8).digest()
    return int.from_bytes(h, "big")


def pieces(data, rng):
    """Data as it is written: whole, in some parts, or byte by byte."""
    kind = rng.random()
    if kind < 0.5 or len(data) < 2:
        return [data]
    if kind < 0.55 and len(data) < 300:
        return [data[i:i + 1] for i in range(len(data))]
    cuts = sorted(rng.randrange(1, len(data))
                  for _ in range(rng.randrange(1, 6)))
    return [data[a:b] for a, b in zip([0] + cuts, cuts + [len(data)])
            if a != b]


class Command:
    """kind; wire: bytes to send; final: the last of its group; after: what
    follows the first positive reply (a message, answers to AUTH)."""

    def __init__(self, kind, wire, final=True, after=None, glue=False):
        self.kind = kind
        self.wire = wire
        self.final = final
        self.after = after
        self.glue = glue        # the next group goes with the message


class Plan:
    """.keywords of the server, .commands of the client."""

    def __init__(self, seed):
        self.seed = seed
        self.rng = random.Random(seed)
        self.helo = self.rng.random() < 0.07
        self.keywords = self._keywords()
        self.has = set() if self.helo else {
            k.split()[0].upper() for k in self.keywords}
        self.commands = []
        self._greet()
        for _ in range(self.rng.choice((1, 1, 1, 2, 2, 3, 5))):
            self._between()
            self._transaction()
        self._between()
        if self.rng.random() < 0.9:
            self._say("QUIT", "QUIT")

    def _keywords(self):
        rng = self.rng
        words = [w for w in ("8BITMIME", "DSN", "SMTPUTF8", "PIPELINING",
                             "PIPELINING", "ENHANCEDSTATUSCODES", "HELP",
                             "DELIVERBY 240", "MT-PRIORITY MIXER",
                             "AUTH PLAIN LOGIN", "CHUNKING", "CHUNKING")
                 if rng.random() < 0.5]
        words = list(dict.fromkeys(words))
        if "CHUNKING" in words and rng.random() < 0.5:
            words.append("BINARYMIME")
        words += [w for w in WITHHELD if rng.random() < 0.15]
        if rng.random() < 0.6:
            words.append(rng.choice(("SIZE", "SIZE 0", "SIZE 1000000",
                                     "SIZE 999999999")))
        rng.shuffle(words)
        return [w.lower() if rng.random() < 0.05 else w for w in words]

    def _say(self, kind, text, **kw):
        if isinstance(text, str):
            text = text.encode()
        if self.rng.random() < 0.1:
            verb, sep, rest = text.partition(b" ")
            text = verb.lower() + sep + rest
        self.commands.append(Command(kind, text + b"\r\n", **kw))

    def name(self):
        return "s%d.client.example" % self.seed

    def _greet(self):
        rng = self.rng
        if self.helo:
            self._say("HELO", "HELO " + self.name())
            return
        self._say("EHLO", "EHLO " + self.name())
        if rng.random() < 0.05:
            self._say("EHLO", "EHLO " + self.name())
        if "AUTH" in self.has and rng.random() < 0.6:
            if rng.random() < 0.5:
                self._say("AUTH", "AUTH PLAIN dG9tAHRvbQB%dQ==" % rng.
                          randrange(100, 999))
            else:
                self._say("AUTH", "AUTH LOGIN",
                          after=[b"dG9t", b"%d==" % rng.randrange(10, 99)])

    def _between(self):
        rng = self.rng
        while rng.random() < 0.25:
            kind = rng.choice(("NOOP", "NOOP", "RSET", "HELP", "VRFY",
                               "EXPN"))
            arg = {"HELP": " MAIL", "VRFY": " root", "EXPN": " staff",
                   "NOOP": " %d" % rng.randrange(1000)}.get(kind, "")
            self._say(kind, kind + arg, final=kind != "RSET")

    def _address(self, who, refused):
        """refused: how often the server shall not take it."""
        rng = self.rng
        if rng.random() < refused:
            local = rng.choice(("no4", "no5")) + who
        elif self.utf8 and rng.random() < 0.5:
            local = "пошта"
        else:
            local = rng.choice((who, who, who + "+x", '"a \\" b>"'))
        return "%s@d%d.example.org" % (local, rng.randrange(1000))

    def _mail(self, size):
        rng = self.rng
        self.utf8 = "SMTPUTF8" in self.has and rng.random() < 0.4
        text = "MAIL FROM:<%s>" % (
            "" if rng.random() < 0.1 else self._address("from", 0.08))
        params = []
        if "SIZE" in self.has and rng.random() < 0.7:
            params.append("SIZE=%d" % size)
        if self.binary:
            params.append("BODY=BINARYMIME")
        elif "8BITMIME" in self.has and rng.random() < 0.5:
            params.append("BODY=" + rng.choice(("7BIT", "8BITMIME")))
        if "DSN" in self.has and rng.random() < 0.4:
            params += ["RET=HDRS", "ENVID=e+2B%d" % rng.randrange(1000)]
        if self.utf8:
            params.append("SMTPUTF8")
        rng.shuffle(params)
        self._say("MAIL", " ".join([text] + params), final=False)

    def _transaction(self):
        rng = self.rng
        left_off = False
        bdat = "CHUNKING" in self.has and rng.random() < 0.6
        self.binary = bdat and "BINARYMIME" in self.has and \
            rng.random() < 0.6
        message = self._message(bdat)
        if self.binary:
            # Not into a transaction that was left open without it.
            self._say("RSET", "RSET", final=False)
        self._mail(len(message))
        n = rng.choice((1, 1, 1, 2, 2, 3, 5, 20))
        for _ in range(n if rng.random() < 0.98 else rng.choice((0, 100))):
            more = " NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@y" \
                if "DSN" in self.has and rng.random() < 0.2 else ""
            self._say("RCPT", "RCPT TO:<%s>%s" % (
                self._address("to", 0.25), more), final=False)
        if rng.random() < 0.08:
            self._say("RSET", "RSET", final=False)
        elif bdat:
            left_off = self._chunks(message)
        else:
            self._say("DATA", "DATA", after=message,
                      glue=rng.random() < 0.4)
        if left_off or rng.random() < 0.5:
            self._say("RSET", "RSET", final=False)

    def _chunks(self, message):
        """Whether the last chunk is left off."""
        rng = self.rng
        cuts = sorted(rng.randrange(len(message) + 1)
                      for _ in range(rng.choice((0, 0, 1, 2, 4))))
        parts = [message[a:b] for a, b in
                 zip([0] + cuts, cuts + [len(message)])]
        if rng.random() < 0.3:
            parts.append(b"")
        if rng.random() < 0.1 and len(parts) > 1:
            parts = parts[:-1]
            last = None
        else:
            last = len(parts) - 1
        for i, part in enumerate(parts):
            line = b"BDAT %d%s\r\n" % (len(part),
                                       b" LAST" if i == last else b"")
            self.commands.append(Command(
                "LAST" if i == last else "BDAT", line + part, final=False))
        return last is None

    def _line(self):
        rng = self.rng
        kind = rng.random()
        if kind < 0.2:
            return b"." * rng.randrange(1, 4)
        if kind < 0.3:
            return b"." + b"x" * rng.randrange(5)
        if kind < 0.4:
            return rng.choice((b"QUIT", b"RSET", b"DATA", b". ", b" .",
                               b"BDAT 5 LAST", b"MAIL FROM:<x@y>"))
        if kind < 0.45:
            return b"y" * rng.choice((998, 1000, 4095, 8192))
        if kind < 0.5 and "8BITMIME" in self.has:
            return "größe €".encode()
        return b"text " * rng.randrange(15)

    def _message(self, bdat):
        rng = self.rng
        if rng.random() < 0.05:
            return b""
        if self.binary and rng.random() < 0.7:
            return b"Subject: x\r\n\r\n" + rng.randbytes(
                rng.choice((10, 100, 1000, 70000)))
        n = rng.choice((1, 2, 5, 20, 100)) if rng.random() < 0.96 else 3000
        lines = [self._line() for _ in range(n)]
        if rng.random() < 0.9:
            lines = [b"Subject: %d" % rng.randrange(1000), b""] + lines
        if bdat and rng.random() < 0.2:
            return b"\r\n".join(lines)  # no end of the last line
        return b"\r\n".join(lines) + b"\r\n"


def stuffed(message):
    return (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


# The server.


def answer(seed, kind, text, code):
    """A reply with this code, in a form that depends on what was said."""
    d = digest(seed, kind, text)
    lines = ["%d.0.0 %s %x" % (code // 100, kind.lower(), d)]
    if d % 7 == 0:
        lines += ["more \t text", "", "x" * (d % 400)]
    return b"".join(b"%d%s%s\r\n" % (
        code, b" " if i == len(lines) - 1 else b"-", t.encode())
        for i, t in enumerate(lines))


class Server(asyncio.Protocol):
    """One session.  log: what it got, in the end book[way, seed]."""

    def __init__(self, book, way):
        self.book = book
        self.way = way
        self.seed = None
        self.log = []
        self.buf = bytearray()
        self.out = []
        self.rng = random.Random(0)
        self.pipelining = False
        self.mode = "command"
        self.reset()

    def reset(self):
        self.sender = None
        self.rcpts = []
        self.body = bytearray()
        self.refused = None     # of BDAT, up to LAST

    def connection_made(self, transport):
        self.transport = transport
        transport.write(b"220 server.example ESMTP ready\r\n")

    def connection_lost(self, exc):
        self.book[self.way, self.seed] = self.log

    def data_received(self, data):
        self.buf += data
        while self.step():
            if self.rng.random() < 0.3:
                self.flush()
        self.flush()

    def flush(self):
        data = b"".join(self.out)
        self.out = []
        if data:
            for part in pieces(data, self.rng):
                self.transport.write(part)

    def step(self):
        """One command or one message; False when more must come."""
        if self.mode == "data":
            return self.take_data()
        if self.mode == "chunk":
            return self.take_chunk()
        i = self.buf.find(b"\r\n")
        if i < 0:
            return False
        line = bytes(self.buf[:i])
        del self.buf[:i + 2]
        verb = line.split(b" ")[0].upper().decode("latin-1")
        if self.mode == "auth":
            self.auth(line)
        else:
            getattr(self, "do_" + verb.lower(), self.do_other)(line)
        if self.buf and not self.pipelining and self.mode == "command" and \
                not (verb == "BDAT"):
            self.log.append("VIOLATION: %r behind %r" %
                            (bytes(self.buf[:60]), line))
        return True

    def say(self, kind, text, code):
        self.out.append(answer(self.seed, kind, text, code))

    def note(self, line):
        self.log.append(line.decode("utf-8", "backslashreplace"))

    def hello(self, line):
        name = line.split(b" ")[1].decode()
        self.seed = int(name[1:].split(".")[0])
        self.rng = random.Random(digest(self.seed, "server"))
        self.reset()
        self.note(line)

    def do_helo(self, line):
        self.hello(line)
        self.pipelining = False
        self.say("HELO", b"", 250)

    def do_ehlo(self, line):
        self.hello(line)
        words = Plan(self.seed).keywords
        self.pipelining = any(w.upper() == "PIPELINING" for w in words)
        words = ["server.example hello"] + words
        self.out.append(b"".join(
            b"250%s%s\r\n" % (b" " if i == len(words) - 1 else b"-",
                              w.encode()) for i, w in enumerate(words)))

    def code(self, line):
        """2xx, or what the address asks for."""
        return 550 if b"<no5" in line else 450 if b"<no4" in line else 250

    def do_mail(self, line):
        self.note(line)
        if self.sender is not None:
            self.out.append(b"503 5.5.1 Nested MAIL\r\n")
            return
        code = self.code(line)
        if code == 250:
            self.reset()
            self.sender = line
        self.say("MAIL", line, code)

    def do_rcpt(self, line):
        self.note(line)
        if self.sender is None:
            self.out.append(b"503 5.5.1 Need MAIL first\r\n")
            return
        code = self.code(line)
        if code == 250:
            self.rcpts.append(line)
        self.say("RCPT", line, code)

    def missing(self):
        return b"503 5.5.1 Need MAIL first\r\n" if self.sender is None else \
            b"554 5.5.1 No valid recipients\r\n" if not self.rcpts else None

    def do_data(self, line):
        why = self.missing()
        if why is not None:
            self.out.append(why)
        elif digest(self.seed, self.sender, self.rcpts) % 40 == 0:
            # Through the gateway this comes when the message is there.
            self.say("DATA", self.sender, 452)
            self.reset()
        else:
            self.out.append(b"354 go ahead\r\n")
            self.mode = "data"

    def take_data(self):
        buf = self.buf
        if buf[:3] == b".\r\n":
            i, end = 0, 3
        else:
            i = buf.find(b"\r\n.\r\n") + 2
            if i < 2:
                return False
            end = i + 3
        body = (b"\r\n" + bytes(buf[:i])).replace(b"\r\n.", b"\r\n")[2:]
        del buf[:end]
        self.mode = "command"
        self.message(body)
        return True

    def message(self, body):
        what = (self.sender, tuple(self.rcpts),
                hashlib.sha256(body).hexdigest(), len(body))
        self.log.append(what)
        code = (250, 250, 250, 250, 250, 250, 451, 554)[
            digest(self.seed, what) % 8]
        self.say("DOT", what, code)
        self.reset()

    def do_bdat(self, line):
        words = line.split()
        self.left = int(words[1])
        self.last = len(words) > 2
        self.refused = self.refused or self.missing()
        self.mode = "chunk"

    def take_chunk(self):
        n = min(self.left, len(self.buf))
        self.body += self.buf[:n]
        del self.buf[:n]
        self.left -= n
        if self.left:
            return False
        self.mode = "command"
        if self.refused is not None:
            self.out.append(self.refused)
            if self.last:
                self.reset()
        elif self.last:
            self.message(bytes(self.body))
        else:
            self.say("BDAT", b"", 250)
        return True

    def do_auth(self, line):
        self.note(line)
        words = line.split()
        if len(words) > 2:
            self.say("AUTH", line, 235 if digest(line) % 2 else 535)
        else:
            self.mode = "auth"
            self.answers = 0
            self.out.append(b"334 VXNlcm5hbWU6\r\n")

    def auth(self, line):
        self.note(line)
        self.answers += 1
        if self.answers == 1:
            self.out.append(b"334 UGFzc3dvcmQ6\r\n")
            return
        self.mode = "command"
        self.say("AUTH", line, 235 if digest(line) % 2 else 535)

    def do_rset(self, line):
        self.reset()
        self.say("RSET", b"", 250)

    def do_noop(self, line):
        self.note(line)
        self.say("NOOP", line, 250)

    def do_help(self, line):
        self.note(line)
        self.say("HELP", line, 214)

    def do_vrfy(self, line):
        self.say("VRFY", line, 252)

    def do_quit(self, line):
        self.say("QUIT", b"", 221)
        self.flush()
        self.transport.close()

    def do_other(self, line):
        self.say("OTHER", line, 502)


# The client.


def kept(reply):
    """What of the server's reply to EHLO is left by the gateway."""
    lines = [t[4:] for t in reply.decode().split("\r\n")[:-1]]
    keep = []
    for t in lines[1:]:
        word = t.split()[0].upper()
        if word == "SIZE":
            n = int((t.split() + ["0"])[1])
            keep.append("SIZE %d" % (min(n, LIMIT) if n else LIMIT))
        elif word in PASSES:
            keep.append(t)
    return [lines[0]] + sorted(keep)


def comparable(kind, reply):
    """A reply, as far as the gateway must not change it."""
    if kind == "EHLO":
        return kept(reply)
    if kind in ("VRFY", "EXPN", "BDAT") or b" 5.5.1 " in reply[:10]:
        return reply[:3]        # the gateway's own words
    return reply


class Client:
    """Plays a plan; .log is what it was told."""

    def __init__(self, plan):
        self.plan = plan
        self.rng = random.Random(digest(plan.seed, "client"))
        self.log = []

    async def reply(self):
        raw = b""
        while True:
            line = await self.reader.readuntil(b"\n")
            raw += line
            if line[3:4] != b"-":
                return raw

    async def write(self, data):
        for part in pieces(data, self.rng):
            self.writer.write(part)
            await asyncio.sleep(0)
        await self.writer.drain()

    def groups(self):
        """Commands that are sent together."""
        group = []
        for c in self.plan.commands:
            group.append(c)
            if c.final or "PIPELINING" not in self.plan.has or \
                    self.rng.random() < 0.1:
                yield group
                group = []
        if group:
            yield group

    async def play(self, sock):
        self.reader, self.writer = await asyncio.open_connection(
            sock=sock, limit=1 << 20)
        try:
            self.log.append(("BANNER", await self.reply()))
            glued = b""
            todo = list(self.groups())
            for i, group in enumerate(todo):
                if not glued:
                    await self.write(b"".join(c.wire for c in group))
                glued = await self.answers(
                    group, todo[i + 1] if i + 1 < len(todo) else None)
            if self.plan.commands[-1].kind == "QUIT" and \
                    await self.reader.read(100):
                self.log.append(("MORE", b"bytes behind 221"))
        finally:
            self.writer.close()

    async def answers(self, group, following):
        """The replies to a group; whether the following one is sent."""
        glued = False
        for c in group:
            reply = await self.reply()
            if c.kind == "DATA" and reply[:3] == b"354":
                data = stuffed(c.after)
                if c.glue and following and "PIPELINING" in self.plan.has:
                    glued = True
                    data += b"".join(f.wire for f in following)
                await self.write(data)
                reply = await self.reply()
            for text in c.after if c.kind == "AUTH" and c.after else ():
                if reply[:3] != b"334":
                    break
                await self.write(text + b"\r\n")
                reply = await self.reply()
            self.log.append((c.kind, comparable(c.kind, reply)))
        return glued

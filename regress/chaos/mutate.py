# SPDX-License-Identifier: ISC
"""Valid SMTP sessions, what can be made of them, and how they are to be read.

transcript() writes what a client says; mutate() damages it.  Walk is the
reference: it reads what the client has sent and heard, by lines (RFC 5321
section 2.3.8) where the gateway reads by bytes, and knows all messages, where
each of them ends, and what the client was told about it.  It trusts nobody:
the gateway is wrong where it cannot be followed.
"""

import re

from mwtest import mail

REPLY_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])"
                        rb"([\t\x20-\x7e\x80-\xff]*))?\r\n")
REPLY_LINE_MAX = 4096   # with its end; SMTP_REPLY_LINE_MAX of the product
REPLY_MAX = 65536       # SMTP_REPLY_MAX
BDAT = re.compile(rb"BDAT +([0-9]{1,18})(?: +(LAST))?\Z", re.I)
LINE_MAX = 2048         # of a command, in the product's default
WORDS = (b"\r", b"\n", b"\0", b"\r\n", b".\r\n", b"\n.\n", b"\r\n.\n",
         b"\n.\r\n", b"\r.\r", b"\r\n.\r\n", b"\r\n.\r", b" ", b"\x80\xff",
         b"RSET\r\n", b"NOOP\r\n", b"DATA\r\n", b"QUIT\r\n", b"HELP\r\n",
         b"BDAT 7\r\n", b"BDAT 0 LAST\r\n", b"BDAT 99999999 LAST\r\n",
         b"AUTH PLAIN\r\n", b"AUTH LOGIN\r\nRSET\r\n", b"STARTTLS\r\n",
         b"EHLO again.example\r\n", b"HELO again.example\r\n",
         b"MAIL FROM:<x@client.example>\r\n", b"RCPT TO:<y@example.org>\r\n",
         b"VRFY a\r\n", b"XCLIENT ADDR=192.0.2.1\r\n", b"A" * 3000,
         b"\r\nMAIL FROM:<z@client.example>\r\nRCPT TO:<z@example.org>\r\n"
         b"DATA\r\n\r\n.\r\n")


def message(rng, name):
    """Unique bytes of one of many kinds."""
    kind = rng.random()
    head = b"Subject: %s\r\n" % name
    if kind < 0.05:
        return b""
    if kind < 0.15:
        return mail.EICAR + b"\r\n"
    if kind < 0.5:
        lines = [b"." * rng.randrange(4) + b"x" * rng.randrange(90)
                 for _ in range(rng.randrange(40))]
        return head + b"\r\n" + b"".join(t + b"\r\n" for t in lines)
    if kind < 0.6:
        return head + b"\r\n" + (b"y" * 70 + b"\r\n") * rng.randrange(9000)
    if kind < 0.8:
        return head + b"Content-Type: multipart/mixed; boundary=q\r\n\r\n" + \
            b"--q\r\n\r\npart\r\n" * rng.randrange(40) + b"--q--\r\n"
    return head + b"\r\nHello.\r\n"


def stuffed(data):
    return (b"\r\n" + data).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


def _pieces(rng, data):
    """Cut in at most four, anywhere."""
    cuts = sorted(rng.randrange(len(data) + 1)
                  for _ in range(rng.randrange(4)))
    return [data[a:b] for a, b in zip([0] + cuts, cuts + [len(data)])]


def _chunks(rng, data):
    """A message by BDAT, RFC 3030."""
    parts = _pieces(rng, data)
    out = []
    for i, part in enumerate(parts):
        last = b" LAST" if i == len(parts) - 1 else b""
        out += [b"BDAT %d%s\r\n" % (len(part), last), part]
    return out


def transcript(rng, number):
    """What a client says in session number: a list of byte strings."""
    out = [b"EHLO client.example\r\n"]
    if rng.random() < 0.2:
        out += rng.choice(([b"AUTH PLAIN AGEAYg==\r\n"],
                           [b"AUTH PLAIN\r\n", b"AGEAYg==\r\n"],
                           [b"AUTH LOGIN\r\n", b"YQ==\r\n", b"Yg==\r\n"],
                           [b"AUTH LOGIN\r\n", b"*\r\n"]))
    for i in range(rng.randrange(1, 4)):
        if rng.random() < 0.15:
            out.append(rng.choice((b"NOOP\r\n", b"RSET\r\n", b"HELP\r\n",
                                   b"VRFY x\r\n", b"STARTTLS\r\n",
                                   b"FOO bar\r\n")))
        name = b"m%d-%d" % (number, i)
        out.append(b"MAIL FROM:<%s@client.example>\r\n" % name)
        out += [b"RCPT TO:<r%d@example.org>\r\n" % n
                for n in range(rng.randrange(1, 6))]
        data = message(rng, name)
        if rng.random() < 0.35:
            out += _chunks(rng, data)
        else:
            out += [b"DATA\r\n"] + _pieces(rng, stuffed(data))
    out.append(b"QUIT\r\n")
    return [t for t in out if t]


def flip(rng, data):
    """One bit."""
    if not data:
        return data
    i = rng.randrange(len(data))
    return data[:i] + bytes((data[i] ^ 1 << rng.randrange(8),)) + data[i + 1:]


def mutate(rng, steps, times):
    """So many damages: bits, cuts, doubles, order, what does not belong."""
    steps = list(steps)
    for _ in range(times):
        if not steps:
            return steps
        op = rng.randrange(6)
        i = rng.randrange(len(steps))
        step = steps[i]
        a = rng.randrange(len(step) + 1)
        b = min(len(step), a + rng.randrange(1, 40))
        if op == 0:
            steps[i] = flip(rng, step)
        elif op == 1:
            steps[i] = rng.choice((b"", step[:a] + step[b:]))
        elif op == 2:
            steps[i] = rng.choice((step + step, step[:b] + step[a:]))
        elif op == 3:
            k = rng.randrange(len(steps))
            steps[i], steps[k] = steps[k], step
        else:
            steps[i] = step[:a] + rng.choice(WORDS) + step[a:]
    return steps


def reply_next(data, pos):
    """(code, end) of the reply there; None: not whole, or not a reply.

    Beyond the limits it is none: nobody needs to believe an endless line.
    """
    code, start = None, pos
    while True:
        m = REPLY_LINE.match(data, pos)
        if m is None or code not in (None, m.group(1)):
            return None
        if m.end() - pos > REPLY_LINE_MAX or m.end() - start > REPLY_MAX:
            return None
        code, pos = m.group(1), m.end()
        if m.group(2) != b"-":
            return int(code), pos


def lines_until_dot(wire, pos):
    """(message, end) when a line is a dot alone; None: never."""
    lines = []
    while True:
        i = wire.find(b"\r\n", pos)
        if i < 0:
            return None
        line, pos = wire[pos:i], i + 2
        if line == b".":
            return b"".join(lines), pos
        lines.append((line[1:] if line[:1] == b"." else line) + b"\r\n")


def pure(data):
    """Neither CR nor LF alone, no NUL."""
    rest = data.replace(b"\r\n", b"")
    return b"\r" not in rest and b"\n" not in rest and b"\0" not in data


class Walk:
    """The client's side of a session, read to where it can be followed.

    .messages: [(bytes, code or None where none was heard, by BDAT)]
    .lines: the commands, and answers to AUTH
    .rest: what was sent behind the last answered command
    .wrong: why the gateway has left the protocol, or None
    """

    def __init__(self, sent, heard, cut, lies=False):
        """cut: the client left without waiting, and may have missed some.

        lies: the server's replies may be any, which are passed on.
        """
        self.lies = lies
        self.sent = sent
        self.heard = heard
        self.cut = cut
        self.pos = 0            # in sent
        self.at = 0             # in heard
        self.messages = []
        self.lines = []
        self.chunks = b""
        self.wrong = None
        self.opaque = False
        self.greeted = self._reply()
        # Refused, it may talk on all the same (RFC 5321 section 3.1).
        if self.greeted is not None:
            while self._command():
                pass
        self.rest = sent[self.pos:]
        if not self.opaque:
            self._end()

    def _reply(self):
        r = reply_next(self.heard, self.at)
        if r is None:
            return None
        self.at = r[1]
        return r[0]

    def _command(self):
        """One command or answer; False at the end."""
        end = self.sent.find(b"\r\n", self.pos)
        if end < 0:
            # Beyond the limit it is refused before its end has come.
            if len(self.sent) - self.pos > LINE_MAX - 2:
                self._reply()
            return False
        line = self.sent[self.pos:end]
        verb = line.split(b" ")[0].upper()
        bdat = BDAT.match(line)
        if bdat is not None and len(line) < 2000:
            return self._chunk(line, bdat, end + 2)
        code = self._reply()
        if code is None:
            return False
        self.lines.append(line)
        self.pos = end + 2
        if code in (421, 521) or verb == b"QUIT" and code == 221:
            return False
        if verb == b"STARTTLS" and code == 220:
            self.opaque = True
            return False
        if 300 <= code < 400 and not self.lies and not (
                code == 354 and verb == b"DATA" or
                code == 334 and (verb == b"AUTH" or self.in_auth)):
            self.wrong = "%d to %r" % (code, line[:60])
            return False
        self.in_auth = code == 334 and (verb == b"AUTH" or self.in_auth)
        if code == 354 and verb == b"DATA":
            return self._data()
        if code < 300 and verb in (b"RSET", b"EHLO", b"HELO"):
            self.chunks = b""
        return True

    in_auth = False     # the next line answers a 334

    def _data(self):
        found = lines_until_dot(self.sent, self.pos)
        if found is None:
            self.pos = len(self.sent)
            return False
        self.pos = found[1]
        return self._told(found[0], False)

    def _told(self, data, bdat):
        code = self._reply()
        self.messages.append((data, code, bdat))
        if code is not None and 300 <= code < 400 and not self.lies:
            self.wrong = "%d to a message" % code
        return code is not None and code not in (421, 521) and \
            self.wrong is None

    def _chunk(self, line, bdat, start):
        end = start + int(bdat.group(1))
        if self.in_auth:
            # It was asked for a secret, not for a command.
            code = self._reply()
            self.lines.append(line)
            self.pos = start
            self.in_auth = code == 334
            return code is not None and code not in (421, 521)
        if end > len(self.sent):
            return False
        self.lines.append(line)
        self.chunks += self.sent[start:end]
        self.pos = end
        if bdat.group(2) is not None:
            data, self.chunks = self.chunks, b""
            return self._told(data, True)
        code = self._reply()
        return code is not None and code not in (421, 521)

    def _end(self):
        """What was heard beyond may be one farewell."""
        if self.wrong is not None:
            return
        code = self._reply()
        if self.greeted is not None and code not in (None, 421):
            self.wrong = "%d to nothing" % code
        elif self.at < len(self.heard) and not self.cut:
            self.wrong = "heard %r" % self.heard[self.at:self.at + 60]

    def possible(self, data):
        """May data be a message of what was sent but not answered?"""
        for m in re.finditer(rb"DATA *\r\n", self.rest, re.I):
            found = lines_until_dot(self.rest, m.end())
            if found is not None and found[0] == data:
                return True
        return any(self._chained(m.start(), data) for m in
                   re.finditer(rb"BDAT ", self.rest, re.I))

    def _chained(self, pos, data):
        """Is data what these chunks make, with those answered before?"""
        got = b""
        while (end := self.rest.find(b"\r\n", pos)) >= 0:
            bdat = BDAT.match(self.rest[pos:end])
            pos = end + 2
            if bdat is None:
                continue                # some other command between them
            got += self.rest[pos:pos + int(bdat.group(1))]
            pos += int(bdat.group(1))
            if len(got) > len(data):
                return False
            if bdat.group(2) is not None:
                return data in (got, self.chunks + got)
        return False

# SPDX-License-Identifier: ISC
"""The scenario language: text into a Case.  README describes it.

A line is a step; steps happen one after the other, whoever takes them.
Macros ("hello", "envelope", ...) become the steps that they stand for.
"""

import re

CLIENT, SERVER = "client", "server"
SIDES = {"c": CLIENT, "s": SERVER}
MODES = ("tproxy", "redirect", "relay")
WILD = object()         # "*" in a pattern
SPLIT = object()        # "\/" in what is sent

HEAD = ("mode", "conf", "listen", "ip", "server")
WORDS = {
    CLIENT: ("fin", "close", "rst", "eof", "gone", "quiet", "skip"),
    SERVER: ("fin", "close", "rst", "eof", "gone", "quiet", "skip",
             "none", "accept"),
}

MACROS = {
    "envelope": """
        c> MAIL FROM:<a@client.example>
        s< MAIL FROM:<a@client.example>
        s> 250 2.1.0 sender ok
        c< 250 2.1.0 sender ok
        c> RCPT TO:<b@example.org>
        s< RCPT TO:<b@example.org>
        s> 250 2.1.5 recipient ok
        c< 250 2.1.5 recipient ok
        """,
    "data": """
        c> DATA
        c< 354
        """,
    "deliver": """
        s< DATA
        s> 354 go ahead
        """,
    "taken": """
        s> 250 2.0.0 taken
        c< 250 2.0.0 taken
        """,
    "message": """
        envelope
        data
        c+ Subject: hello
        c+
        c+ text
        c> .
        deliver
        s< Subject: hello
        s<
        s< text
        s< .
        taken
        """,
    "bye": """
        c> QUIT
        s< QUIT
        s> 221 2.0.0 bye
        c< 221 2.0.0 bye
        c eof
        s gone
        """,
}

HELLO = """
    s> 220 server.example ESMTP ready
    c< 220 server.example ESMTP ready
    c> EHLO client.example
    s< EHLO client.example
    s> 250 server.example%s
    c< 250
    """


class Error(Exception):
    """A mistake in a scenario file."""


class Step:
    """side: CLIENT or SERVER.  op: ">", "+", "<" or a word of WORDS."""

    def __init__(self, lineno, side, op, arg=None):
        self.lineno = lineno
        self.side = side
        self.op = op
        self.arg = arg


class Case:
    """One file.  conf: lines; log, nolog: regular expressions."""

    def __init__(self, name):
        self.name = name
        self.mode = None
        self.conf = []
        self.listen = ""        # options of its own listener
        self.family = 4
        self.down = False       # nobody listens at the server's address
        self.slow = False       # its receive buffer is small
        self.conferr = None     # the configuration is refused like this
        self.steps = []
        self.log = []           # (lineno, regex)
        self.nolog = []


_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|\((.+?)\*(\d+)\)|(.))|(\*)",
                     re.S)
_SIMPLE = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "s": b" ",
           "\\": b"\\", "*": b"*", "|": b"|"}


def scan(text, wild, splits):
    """Text with escapes: a list of bytes, WILD and SPLIT."""
    out = [b""]

    def put(piece):
        if isinstance(piece, bytes) and isinstance(out[-1], bytes):
            out[-1] += piece
        else:
            out.append(piece)

    pos = 0
    for m in _ESCAPE.finditer(text):
        put(text[pos:m.start()].encode())
        pos = m.end()
        if m.group(5):
            put(WILD if wild else b"*")
        elif m.group(1):
            put(bytes([int(m.group(1), 16)]))
        elif m.group(2):
            for piece in scan(m.group(2), False, False):
                put(piece * int(m.group(3)))
        elif m.group(0)[1:] in _SIMPLE:
            put(_SIMPLE[m.group(0)[1:]])
        elif m.group(0) == "\\/" and splits:
            put(SPLIT)
        else:
            raise Error("unknown escape %s" % m.group(0))
    put(text[pos:].encode())
    return [p for p in out if p != b""]


def pattern(text):
    """A compiled regular expression over bytes for a text with "*"."""
    return re.compile(b"".join(
        b".*" if p is WILD else re.escape(p)
        for p in scan(text, True, False)), re.S)


def _open_end(text):
    """(text without a final "\\c", whether it had one)."""
    if text.endswith("\\c") and not text.endswith("\\\\c"):
        return text[:-2], True
    return text, False


def sent(text, replies):
    """What ">" and "+" send: bytes and SPLIT.

    A reply may be of several lines, "250 one | two".
    """
    text, is_open = _open_end(text)
    m = re.match(r"(\d\d\d) (.*)$", text, re.S) if replies else None
    if m and " | " in m.group(2):
        lines = m.group(2).split(" | ")
        text = "\\r\\n".join("%s%s%s" % (
            m.group(1), " " if i == len(lines) - 1 else "-", line)
            for i, line in enumerate(lines))
    return scan(text, False, True) + ([] if is_open else [b"\r\n"])


def expected(text, replies):
    """What "<" awaits: ("raw", bytes), ("line", regex) or
    ("reply", code as regex, regex or None)."""
    text, is_open = _open_end(text)
    if is_open:
        return "raw", b"".join(scan(text, False, False))
    if not replies:
        return "line", pattern(text)
    m = re.match(r"([2-5x][0-9x][0-9x])(?: (.*))?$", text, re.S)
    if not m:
        raise Error("a reply begins with its code: %s" % text)
    code = re.compile(m.group(1).replace("x", "[0-9]").encode())
    return "reply", code, None if m.group(2) is None else \
        pattern(m.group(2))


def _step(case, lineno, line):
    """A line that begins with "c" or "s"."""
    side = SIDES[line[0]]
    op, arg = line[1:2], line[2:]
    if op in (">", "+", "<"):
        if arg and arg[0] != " ":
            raise Error("a blank belongs behind %s" % line[:2])
        arg = arg[1:]
        if op == "<":
            arg = expected(arg, side == CLIENT)
        else:
            arg = sent(arg, side == SERVER)
        case.steps.append(Step(lineno, side, op, arg))
        return
    word = line[1:].strip()
    if op != " " or word not in WORDS[side]:
        raise Error("unknown step: %s" % line)
    case.steps.append(Step(lineno, side, word))


def _head(case, word, arg):
    """Lines that must stand before the first step."""
    if case.steps:
        raise Error("%s comes before the first step" % word)
    if word == "mode" and arg in MODES:
        case.mode = arg
    elif word == "conf" and arg:
        case.conf.append(arg)
    elif word == "listen" and arg:
        case.listen = arg
    elif word == "ip" and arg in ("4", "6"):
        case.family = int(arg)
    elif word == "server" and arg in ("down", "slow"):
        setattr(case, arg, True)
    else:
        raise Error("%s: not %r" % (word, arg))


def _line(case, lineno, line):
    word, _, arg = line.partition(" ")
    if word in HEAD:
        _head(case, word, arg.strip())
    elif word == "conferr":
        case.conferr = re.compile(arg)
    elif word in ("log", "nolog"):
        getattr(case, word).append((lineno, re.compile(arg)))
    elif word == "hello":
        more = " | " + arg.strip() if arg.strip() else ""
        _lines(case, HELLO % more, lineno)
    elif line in MACROS:
        _lines(case, MACROS[line], lineno)
    elif line[0] in SIDES and line[1:2] in "<>+ ":
        _step(case, lineno, line)
    else:
        raise Error("what is this: %s" % line)


def _lines(case, text, lineno=None):
    """lineno: that of the macro which text is the meaning of."""
    for n, line in enumerate(text.split("\n"), 1):
        line = line.strip(" ") if lineno else line
        if not line or line.startswith("#"):
            continue
        try:
            _line(case, lineno or n, line)
        except (Error, re.error) as e:
            raise Error("line %d: %s" % (lineno or n, e)) from None


def parse(name, text):
    """The Case of a file's text; Error if it is not one."""
    case = Case(name)
    if not re.match(r"#\s*\S", text):
        raise Error("line 1: begins with a comment that says what it shows")
    _lines(case, text)
    if case.mode is None:
        case.mode = "relay" if case.conf or case.listen else "tproxy"
    if case.listen and case.mode != "relay":
        raise Error("listen: only a relay's listener is one's own")
    if case.conferr is not None and case.steps:
        raise Error("conferr: a case of its own, without steps")
    if case.conferr is None and not case.steps:
        raise Error("no step")
    return case

#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""mailwallctl, and a store that is played: what it asks, what it shows.

The store may have been taken over: nothing that it says is a control for the
terminal or markup in a page.
"""

import array
import errno
import fcntl
import html.parser
import json
import os
import pty
import re
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unicodedata

sys.path.insert(0, "regress/scanner")
from scanlib import IMSG, OBJ, WAIT, Cases, enum, memfd  # noqa: E402

CTL = enum("common/proto.h", "CTL_STATUS")
EVIL = ("\x9b2J", "a\u202efdp.exe", "\u200b", "\u56fd\u5bb6" * 6,
        "\U0001f600" * 9, "e\u0301" * 20, "<script>&\"'", "x" * 300, "\\", "")
DONE, REFUSED, USAGE, NO_ONE = range(4)


def strings(row):
    return b"".join(s if isinstance(s, bytes) else s.encode() + b"\0"
                    for pair in row.items() for s in pair)


def row(**values):
    return ("IMSG_CTL_ROW", strings(values))


def end(error=0, said=b"", nrows=0):
    return ("IMSG_CTL_END", struct.pack("=II256s", error, nrows, said))


class Result:
    def __init__(self, status, out, err, asked):
        self.status, self.out, self.err, self.asked = status, out, err, asked

    def json(self):
        assert self.status == DONE, (self.status, self.err)
        return json.loads(self.out)


class Played:
    """Where the store listens; each question has its answer."""

    def __init__(self):
        self.dir = tempfile.TemporaryDirectory(prefix="mwctl.")
        self.path = os.path.join(self.dir.name, "control")
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.bind(self.path)
        self.sock.listen(8)
        self.sock.settimeout(WAIT)

    def close(self):
        self.sock.close()
        self.dir.cleanup()

    def file(self, name):
        return os.path.join(self.dir.name, name)

    def run(self, *args, answers=None, stdout=None, env=None):
        """Without answers nobody is to be asked."""
        argv = [os.path.join(OBJ, "mailwallctl"), "-s", self.path]
        with tempfile.TemporaryFile() as out, \
                tempfile.TemporaryFile() as err:
            p = subprocess.Popen(argv + list(args), stderr=err,
                                 stdout=out if stdout is None else stdout,
                                 stdin=subprocess.DEVNULL,
                                 env={**os.environ, "TZ": "UTC",
                                      "LC_ALL": "C.UTF-8", **(env or {})})
            try:
                asked = self.serve(answers) if answers is not None else []
                status = p.wait(WAIT)
            finally:
                p.kill()
                p.wait()
            for f in (out, err):
                f.seek(0)
            return Result(status, out.read(), err.read(), asked)

    def serve(self, answers):
        c, _ = self.sock.accept()
        c.settimeout(WAIT)
        asked = []
        with c:
            for frames in answers:
                data = c.recv(65536)
                if not data:
                    break
                kind, n, ident = struct.unpack("=IIQ", data[:16])
                if kind == IMSG["IMSG_CTL_EXPLAIN"]:
                    self.send(c, ident, frames)
                    continue
                assert kind == IMSG["IMSG_CTL_REQ"] and n == 424
                r = struct.unpack("=IIQQQ64s328s", data[16:])
                asked.append([r[0]] + list(r[1:5]) +
                             [s.split(b"\0")[0].decode() for s in r[5:]])
                try:
                    self.send(c, ident, frames)
                except (BrokenPipeError, ConnectionResetError):
                    break
        return asked

    @staticmethod
    def send(c, ident, frames):
        for kind, data, *fd in frames:
            packet = struct.pack("=IIQ", IMSG[kind], len(data), ident) + data
            c.sendmsg([packet], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                  array.array("i", fd))] if fd else [])


def asks(s, args, command, limit=None, number=0, table="", key=""):
    """What a command asks; its answer is empty, and well."""
    r = s.run(*args, answers=[[end()]])
    assert r.status == DONE, (args, r.status, r.err)
    got = r.asked[0]
    assert (got[0], got[2], got[5], got[6]) == \
        (CTL["CTL_" + command], number, table, key), (args, got)
    assert limit is None or got[1] == limit, (args, got)
    return got


def questions(s):
    big = 1000000
    for args, want in (
            ("status", ("STATUS",)), ("stats", ("STATS",)),
            ("sessions", ("SESSIONS", big)), ("reload", ("RELOAD",)),
            ("verbose on", ("VERBOSE", None, 1)),
            ("verbose off", ("VERBOSE", None, 0)),
            ("log", ("LOG", 0)), ("log --limit 7", ("LOG", 7)),
            ("log --limit=4294967297", ("LOG", big)),
            ("log --match a=B", ("LOG", 0, 0, "", "a=B")),
            ("trace s=00000000000000Ff", ("TRACE", None, 255)),
            ("trace ffffffffffffffff", ("TRACE", None, 2**64 - 1)),
            ("quarantine list --match x", ("QUARANTINE_LIST", 0, 0, "", "x")),
            ("quarantine show 10", ("QUARANTINE_SHOW", None, 10)),
            ("quarantine release 10", ("QUARANTINE_RELEASE", None, 10)),
            ("quarantine forward 10 A@B.example",
             ("QUARANTINE_RELEASE", None, 10, "", "A@B.example")),
            ("quarantine delete 10", ("QUARANTINE_DELETE", None, 10)),
            ("table list", ("TABLES",)),
            ("table show <t>", ("TABLE_SHOW", big, 0, "t")),
            ("table flush t", ("TABLE_FLUSH", None, 0, "t")),
            ("table add t A@B.example", ("TABLE_ADD", None, 0, "t",
                                         "a@b.example")),
            ("table delete t <>", ("TABLE_DELETE", None, 0, "t", "<>")),
            ("block 192.0.2.1", ("TABLE_ADD", None, 0, "blocked",
                                 "192.0.2.1")),
            ("block 2001:DB8:0:0::1", ("TABLE_ADD", None, 0, "blocked",
                                       "2001:db8::1")),
            ("block ::ffff:192.0.2.1", ("TABLE_ADD", None, 0, "blocked",
                                        "192.0.2.1")),
            ("unblock 2001:DB8::1", ("TABLE_DELETE", None, 0, "blocked",
                                     "2001:db8::1"))):
        asks(s, args.split(), *want)
        asks(s, ["--json"] + args.split(), *want)


def when(s):
    got = asks(s, ["log", "--from", "@5", "--to=2026-11-26 19:00"], "LOG")
    assert got[3:5] == [5, 1795719600], got
    # time(2) may be some ms behind the clock that Python reads.
    now = int(time.time()) - 1
    for args, back in ((["log", "--from", "2h"], 7200),
                       (["quarantine", "list", "--from", "3d"], 3 * 86400)):
        got = asks(s, args, "LOG" if back == 7200 else "QUARANTINE_LIST")
        assert now - back <= got[3] <= int(time.time()) - back, got
    got = asks(s, ["block", "192.0.2.1", "90s"], "TABLE_ADD",
               table="blocked", key="192.0.2.1")
    assert now + 90 <= got[4] <= int(time.time()) + 90, got


def usage(s):
    """Nobody is asked, and it is said why not."""
    for args in ("", "bogus", "status x", "verbose", "verbose maybe", "trace",
                 "trace xyz", "log x", "log --from", "log --from never",
                 "log --from 2026-02-30", "log --limit -1", "log --what 1",
                 "log --limit 1x", "quarantine", "quarantine show",
                 "quarantine show -1", "quarantine show x",
                 "quarantine release 1 2", "quarantine save 1", "table",
                 "table show", "table show " + "t" * 64, "table add t",
                 "table add t k forever", "table add t k 0s", "block",
                 "block 192.0.2.0/24", "block 2001:db8::/32",
                 "unblock 192.0.2.1 1h", "report --from 1h --to 2h",
                 "block " + "k" * 328, "-x status", "table show <>x<>" * 9):
        r = s.run(*args.split())
        assert r.status == USAGE and r.err and not r.out, (args, r.status)
    assert s.run("-h").status == DONE
    assert s.run("version").out.startswith(b"mailwallctl ")


def no_one(s):
    r = s.run("-s", s.path + ".none", "status")
    assert r.status == NO_ONE and r.err
    r = s.run("-s", "/" + "x" * 200, "status")
    assert r.status == USAGE and r.err
    for frames in ([], [row(a="b")],
                   [("IMSG_CTL_ROW", b"odd\0"), end()],
                   [("IMSG_CTL_ROW", b"a\0no end"), end()],
                   [("IMSG_CTL_ROW", b"a\0\x1b[2J\0"), end()],
                   [("IMSG_CTL_ROW", b"a\0b\0c\0"), end()],
                   [("IMSG_CTL_END", b"short")],
                   [("IMSG_CTL_MAIL", bytes(8)), end()],
                   [("IMSG_CTL_REQ", bytes(424)), end()],
                   [("IMSG_CONF_END", b"")]):
        for args in (["status"], ["log", "--json"], ["trace", "1"],
                     ["quarantine", "save", "1", "-"], ["report"],
                     ["top", "1"]):
            r = s.run(*args, answers=[frames])
            assert r.status == NO_ONE and r.err, (frames, args, r.status)
            assert b"\x1b[2J" not in r.out + r.err


def refused(s):
    r = s.run("table", "flush", "t", answers=[[end(errno.ENOENT, b"no")]])
    assert (r.status, r.out) == (REFUSED, b"") and b"no" in r.err
    # No text: the error's own.
    r = s.run("reload", answers=[[end(errno.EPERM)]])
    assert r.status == REFUSED and b"not permitted" in r.err
    r = s.run("block", "192.0.2.1", answers=[[end(errno.ENOENT, b"none")]])
    assert r.status == REFUSED and b"table blocked dynamic" in r.err
    said = b"\x1b]0;x\x07" + "\x9b2J\u202e".encode() + b"\xff" * 300
    for args in (["reload"], ["trace", "1"], ["report"], ["metrics"]):
        for error in (0, errno.EINVAL):
            r = s.run(*args, answers=[[end(error, said)]] * 2)
            plain(r.out + r.err)
            assert r.status == (REFUSED if error else DONE), (args, r.err)


def plain(data):
    """Valid, and no control but the end of a line."""
    for c in data.decode():
        assert c == "\n" or unicodedata.category(c) not in (
            "Cc", "Cf", "Zl", "Zp"), (hex(ord(c)), data[:200])


def evil_rows(names):
    return [row(**{n: EVIL[(i + j) % len(EVIL)]
                   for j, n in enumerate(names)}) for i in range(len(EVIL))]


def hostile(s):
    names = ("time", "session", "client", "verdict", "action", "rule", "size",
             "from", "to", "subject", "helo", "dest", "state", "key", "why",
             "table", "process", "pid", "number", "name", "value", "fact",
             "code", "reply", "quarantined", "expires", "added", "seconds")
    frames = evil_rows(names) + [end()]
    for args in ("status", "stats", "sessions", "log", "trace 1",
                 "quarantine list", "quarantine show 1", "table list",
                 "table show t", "quarantine release 1"):
        r = s.run(*args.split(), answers=[frames])
        assert r.status == DONE, (args, r.err)
        plain(r.out)
        r = s.run("-j", *args.split(), answers=[frames])
        plain(r.out)
        got = r.json()
        for i, one in enumerate(got):
            for j, n in enumerate(names):
                want = EVIL[(i + j) % len(EVIL)]
                assert one[n] == (want if n != "quarantined" else False), \
                    (n, one[n])


def latin1(s):
    """Where the terminal has other characters, ours are not shown."""
    with tempfile.TemporaryDirectory(prefix="mwctl.") as d:
        subprocess.run(["localedef", "-i", "en_US", "-f", "ISO-8859-1",
                        os.path.join(d, "en_US.ISO-8859-1")], check=True,
                       capture_output=True)
        # U+00DB is C3 9B, and 9B begins a sequence there.
        r = s.run("log", answers=[[row(subject="\u00db2J"), end()]],
                  env={"LOCPATH": d, "LC_ALL": "en_US.ISO-8859-1"})
    assert r.status == DONE and b"?2J" in r.out, r.out
    assert all(c < 0x80 for c in r.out), r.out


def columns(line):
    """Of a terminal."""
    return sum(0 if unicodedata.combining(c) else
               2 if unicodedata.east_asian_width(c) in "WF" else 1
               for c in line)


def shown(master):
    """All that came to a terminal that nobody has any more.

    It comes in pieces, some of them later.
    """
    out = b""
    try:
        while True:
            out += os.read(master, 1 << 20)
    except OSError as e:
        assert e.errno == errno.EIO, e
    finally:
        os.close(master)
    return out


def terminal(s):
    """Cut to its width, and not elsewhere."""
    frames = evil_rows(("from", "to", "subject")) + [end()]
    for width in (100, 120, 160):
        master, slave = pty.openpty()
        try:
            attr = termios.tcgetattr(slave)
            attr[1] &= ~termios.OPOST
            termios.tcsetattr(slave, termios.TCSANOW, attr)
            fcntl.ioctl(slave, termios.TIOCSWINSZ,
                        struct.pack("HHHH", 24, width, 0, 0))
            r = s.run("log", answers=[frames], stdout=slave)
            assert r.status == DONE
        finally:
            os.close(slave)
        out = shown(master)
        plain(out)
        lines = out.decode().splitlines()
        assert len(lines) == len(EVIL) + 1, len(lines)
        widest = max(columns(x) for x in lines)
        assert widest <= width, (widest, width)
        assert any("~" in x for x in lines)
    out = s.run("log", answers=[frames]).out.decode()
    assert "x" * 300 in out and "~" not in out


def save(s):
    mail = b"Subject: x\r\n\r\n" + b"\0\xff" * 70000
    fd = memfd(mail)

    def answer(size=len(mail)):
        os.lseek(fd, 0, os.SEEK_SET)
        return [[row(number="1"), ("IMSG_CTL_MAIL", struct.pack("=Q", size),
                                   fd), end()]]
    path = s.file("saved")
    r = s.run("quarantine", "save", "1", path, answers=answer())
    assert r.status == DONE, r.err
    with open(path, "rb") as f:
        assert f.read() == mail
    assert os.stat(path).st_mode & 0o777 == 0o600
    # What is there is nobody's to write over.
    with open(path, "wb") as f:
        f.write(b"mine")
    r = s.run("quarantine", "save", "1", path, answers=answer())
    with open(path, "rb") as f:
        assert r.status == REFUSED and f.read() == b"mine"
    os.unlink(path)
    os.symlink(s.file("elsewhere"), path)
    r = s.run("quarantine", "save", "1", path, answers=answer())
    assert r.status == REFUSED and not os.path.exists(s.file("elsewhere"))
    os.unlink(path)
    assert s.run("quarantine", "save", "1", "-",
                 answers=answer()).out == mail
    # Less than there should be leaves nothing behind.
    r = s.run("quarantine", "save", "1", path,
              answers=answer(len(mail) + 1))
    assert r.status == REFUSED and not os.path.lexists(path), r.status
    os.close(fd)


class Page(html.parser.HTMLParser):
    """Elements that are closed as they were opened, and what they are."""

    def __init__(self, data):
        super().__init__()
        self.stack, self.names, self.text = [], set(), []
        self.feed(data)
        self.close()
        assert not self.stack, self.stack

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        for name, value in attrs:
            assert not name.startswith("on") and name not in ("src", "href")
        if tag != "meta":
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.names.add(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag, tag

    def handle_data(self, data):
        self.text.append(data)


def report_hours(s):
    """Bars begin at full hours, also where these are half hours of UTC."""
    start = 1764160000 // 3600 * 3600 + 17 * 60
    for zone in ("UTC", "Asia/Kolkata", "America/St_Johns"):
        for hours, label in ((1, r"\d\d:\d[05]"), (20, r"\d\d:[03]0"),
                             (48, r"[^<]*\d\d:00")):
            r = s.run("report", "--from", "@%d" % start, "--to",
                      "@%d" % (start + hours * 3600), env={"TZ": zone},
                      answers=[[row(time=str(start * 1000 + 1), size="10",
                                    action="pass", verdict="clean"),
                                end()]])
            assert r.status == DONE
            labels = re.findall(r'<text x="[0-9.]+" y="\d+">([^<]+)</text>',
                                r.out.decode())
            assert len(labels) > 2, labels
            for text in labels:
                assert re.fullmatch(label, text), (zone, hours, labels)


def report(s):
    r = s.run("report", answers=[[end()]])
    page = Page(r.out.decode())
    assert r.status == DONE and "svg" not in page.names
    assert "There were none." in page.text
    now = int(time.time())
    frames = []
    actions = ("pass", "block", "tempfail", "discard")
    for i in range(3000):
        frames.append(row(time=str((now - i * 7) * 1000), size="10",
                          action=actions[i % 4], dest=EVIL[i % 10] + ":25",
                          client="[2001:db8::%x]:99" % (i % 50),
                          verdict="virus" if i % 9 == 0 else "clean",
                          name=EVIL[i % 8], rule=str(i % 5),
                          deliver_ms=str(i), quarantined="1",
                          **{"from": EVIL[i % 10]}))
    r = s.run("report", "--from", "1d", answers=[frames + [end()]])
    assert r.status == DONE, r.err
    page = Page(r.out.decode())
    assert "script" not in page.names and "svg" in page.names
    assert "3000" in page.text and EVIL[6] in page.text
    assert "[2001:db8::1]" in page.text
    bars = re.findall(rb'<rect[^>]*height="([0-9.]+)"', r.out)
    assert bars and all(0 < float(b) <= 260 for b in bars), bars


def alike(n, bits=18):
    """Names that one hash after another takes for the same: FNV-1a, low bits.

    Its low bits depend on low bits only, so that two characters at the end
    reach any state from some others.
    """
    mask, prime = (1 << bits) - 1, 1099511628211
    inverse = pow(prime, -1, 1 << bits)
    letters = [c for c in range(0x21, 0x7f)]
    ends = {}
    for c in letters:
        h = (0x155 * inverse ^ c) & mask
        for b in letters:
            ends[(h * inverse ^ b) & mask] = chr(b) + chr(c)
    i = 0
    while n > 0:
        i += 1
        h = 14695981039346656037
        for c in b"%d" % i:
            h = (h ^ c) * prime & mask
        for a in letters:
            end = ends.get((h ^ a) * prime & mask)
            if end is not None and n > 0:
                n -= 1
                yield "%d%c%s" % (i, a, end)


def report_alike(s):
    """Who may choose senders cannot make it take for ever."""
    now = int(time.time())

    def spent(names):
        frames = [row(time=str(now * 1000), size="1", action="pass",
                      verdict="clean", **{"from": name}) for name in names]
        start = time.monotonic()
        r = s.run("report", "--from", "1d", answers=[frames + [end()]])
        assert r.status == DONE and b"<b>50000</b>" in r.out, r.err
        return time.monotonic() - start
    ordinary = spent("sender%d" % i for i in range(50000))
    assert spent(alike(50000)) < 8 * ordinary + 5


def screen(s):
    stats = [row(name="sessions", value="7"), row(name="messages", value="9")]
    names = ("seconds", "state", "client", "dest", "messages", "from")
    r = s.run("top", "2", answers=[
        stats + [end()], evil_rows(names) + [end()]] * 2)
    assert r.status == DONE, r.err
    out = r.out.decode()
    # Only sequences of our own.
    plain(re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", out).encode())
    assert not set(re.findall("\x1b\\[[0-9;?]*([A-Za-z])", out)) - set("HKJm")


def explain(p):
    """A text that gets shorter moves nothing to another name."""
    evil = "x" + "\u202e" * 9 + "phase"
    r = p.run("explain", "--source", "192.0.2.1", answers=[[
        row(fact="file", name=evil, type="pe"),
        row(phase="message", rule="7", action="block", matches="0",
            because=evil, points="3"),
        row(phase="message", decision="block", rule="9", reply=evil,
            tag=evil, points="5"), end()]])
    assert r.status == REFUSED, r.err
    shown = "x" + "?" * 9 + "phase"
    assert r.out.decode() == (
        "  file           %s  type=pe\n"
        "message\n"
        "  line 7     block 3: does not match: %s\n"
        "  => block by line 9, 5 points\n"
        "     reply: %s\n     tag: %s\n" % ((shown,) * 4)), r.out


def main():
    c = Cases()
    for f in (questions, when, usage, no_one, refused, hostile, latin1,
              terminal, save, explain, report, report_hours, report_alike,
              screen):
        s = Played()
        try:
            c.run(f.__name__.replace("_", " "), lambda: f(s))
        finally:
            s.close()
    c.exit()


if __name__ == "__main__":
    main()

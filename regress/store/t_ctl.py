#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Operators: what they ask and change, and those who are a nuisance."""

import array
import errno
import os
import select
import socket
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from storelib import (KEPT, STATS_LEN, Store, addr, checked, member, peek,
                      record, strings, text, wait_for)
from scanlib import IMSG, WAIT, Cases, Channel, Gone, enum

CTL = enum("common/proto.h", "CTL_STATUS")
CLIENTS_MAX = 32
CTL_LEN = 424
QUEUE_MAX = 8192        # frames that wait for one who does not read
STATS = ("sessions", "sessions_now", "refused", "messages", "messages_now",
         "bytes", "spool", "spool_max")
NOW = int(time.time())


def request(command, limit=0, number=0, since=0, until=0, table=b"", key=b""):
    if isinstance(command, str):
        command = CTL["CTL_" + command]
    return struct.pack("=IIQQQ64s328s", command, limit, number, since, until,
                       table, key)


class Answer:
    """Rows as dictionaries, and how it ended."""

    def __init__(self, rows, data, mail):
        self.rows = rows
        self.error, self.nrows = struct.unpack("=II", data[:8])
        self.text = text(data[8:])
        self.mail = mail

    def good(self):
        assert self.error == 0, (self.error, self.text)
        assert self.nrows == len(self.rows), (self.nrows, len(self.rows))
        return self.rows

    def bad(self, error):
        assert self.error == error, (self.error, self.text)
        assert self.text, "nothing is said"


class Operator(Channel):
    def __init__(self, s):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.connect(s.control)
        super().__init__(sock)
        self.ident = 0

    def request(self, command, **kw):
        self.ident += 1
        self.send("IMSG_CTL_REQ", request(command, **kw), ident=self.ident)

    def frame(self):
        """(kind, data, descriptor or None), of the last request."""
        ready, _, _ = select.select([self.sock], [], [], WAIT)
        assert ready, "no answer"
        data, anc, flags, _ = self.sock.recvmsg(65536, socket.CMSG_SPACE(8))
        fds = array.array("i")
        for level, kind, part in anc:
            fds.frombytes(part[:len(part) - len(part) % fds.itemsize])
        if not data:
            raise Gone()
        kind, length, ident = struct.unpack("=IIQ", data[:16])
        assert length == len(data) - 16 and ident == self.ident
        return kind, data[16:], fds[0] if fds else None

    def answer(self):
        rows, mail = [], None
        while True:
            kind, data, fd = self.frame()
            if kind == IMSG["IMSG_CTL_END"]:
                return Answer(rows, data, mail)
            if kind == IMSG["IMSG_CTL_MAIL"]:
                mail = (fd, struct.unpack("=Q", data)[0])
                continue
            assert kind == IMSG["IMSG_CTL_ROW"], kind
            items = data[:-1].decode().split("\0")
            assert len(items) % 2 == 0, items
            rows.append(dict(zip(items[::2], items[1::2])))

    def ask(self, command, **kw):
        self.request(command, **kw)
        return self.answer()

    def rows(self, command, **kw):
        return self.ask(command, **kw).good()

    def gone(self):
        """Has the store closed it?  Reads what is left."""
        try:
            while True:
                fd = self.frame()[2]
                if fd is not None:
                    os.close(fd)
        except (Gone, ConnectionResetError):
            return True


def listen(s):
    """A socket as master makes it, handed to the store."""
    s.place = tempfile.TemporaryDirectory(prefix="mwstore.")
    s.control = os.path.join(s.place.name, "control")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.bind(s.control)
    sock.listen(128)
    sock.setblocking(False)
    s.master.send("IMSG_CTL_LISTEN", b"", sock.fileno())
    sock.close()


def store(case, **args):
    """Run case(store, proxy, operator) with fresh ones."""
    args.setdefault("tables", (("t", 5000, 0), ("blocked", 100, 3600)))

    def run():
        s = Store(**args)
        try:
            listen(s)
            p = s.proxy()
            p.all_members()
            return case(s, p, Operator(s))
        finally:
            s.close()
            if hasattr(s, "place"):
                s.place.cleanup()
    return run


def froms(rows):
    return [r["from"] for r in rows]


def settled(s, op):
    """Descriptors, now that the operator has been let in."""
    assert len(op.rows("TABLES")) == 2
    return descriptors(s)


def descriptors(s):
    return len(os.listdir("/proc/%d/fd" % s.pid))


def works(s):
    """Another operator is served as ever."""
    op = Operator(s)
    assert len(op.rows("TABLES")) == 2
    op.close()


# Records

def fill(p):
    """Three records, a minute from one to the next, the last one now."""
    p.sync(session=0xabc, sender=b"one@example.org", subject=b"first",
           time=(NOW - 120) * 1000, rcpt=[b"x@example.net"])
    p.sync(session=0xdef, sender=b"two@example.org", time=(NOW - 60) * 1000,
           verdict=3, name=b"Eicar-Test", action=1,
           reply=b"554 5.7.1 no", rcpt=[b"x@example.net", b"Y@example.com"],
           dest=("198.51.100.9", 2525), facts=[b"s=def fact=1", b"fact=2"])
    p.sync(session=0xdef, sender=b"", subject="国家".encode(),
           time=NOW * 1000)


def log_rows(s, p, op):
    assert op.rows("LOG") == []
    fill(p)
    rows = op.rows("LOG")
    assert froms(rows) == ["", "two@example.org", "one@example.org"], rows
    r = rows[1]
    want = {"time": str((NOW - 60) * 1000), "session": "0000000000000def",
            "client": "192.0.2.1:4321", "dest": "198.51.100.9:2525",
            "helo": "client.example", "to": "x@example.net",
            "recipients": "2", "msgid": "<1@example.org>",
            "verdict": "virus", "name": "Eicar-Test", "rule": "7",
            "reply": "554 5.7.1 no", "quarantined": "0",
            "authenticated": "0", "parts": "1", "recv_ms": "1",
            "parse_us": "2", "scan_us": "3", "deliver_ms": "4"}
    for k, v in want.items():
        assert r[k] == v, (k, r[k], v)
    assert rows[0]["subject"] == "国家"


def log_match(s, p, op):
    fill(p)
    for key, n in ((b"ONE@", 1), (b"first", 1), ("国".encode(), 1),
                   (b"y@EXAMPLE.com", 1), (b"x@example.net", 2),
                   (b"198.51", 1), (b"192.0.2.1", 3), (b"CLIENT.ex", 3),
                   (b"<1@", 3), (b"eicar", 1), (b"5.7.1", 1),
                   (b"virus", 1), (b"0abc", 1), (b"DEF", 2),
                   (b"none of it", 0), (b"%", 0), (b"_", 0)):
        got = op.rows("LOG", key=key)
        assert len(got) == n, (key, len(got))


def log_time(s, p, op):
    fill(p)
    for since, until, want in (
            (0, 0, 3), (NOW, 0, 1), (NOW - 60, 0, 2), (NOW - 59, 0, 1),
            (0, NOW - 60, 2), (0, NOW - 61, 1), (NOW - 60, NOW - 60, 1),
            (0, NOW - 121, 0), (NOW + 1, 0, 0), (NOW, NOW - 60, 0),
            (1, 2**64 - 1, 3), (0, 2**63, 3), (2**64 - 1, 0, 0),
            (2**63, 2**63, 0)):
        got = len(op.rows("LOG", since=since, until=until))
        assert got == want, (since - NOW, until - NOW, got, want)


def log_clock(s, p, op):
    """Some whose clock was wrong hide no others."""
    def some(n, t):
        for i in range(n):
            p.record(time=t * 1000)
    some(300, NOW + 10 ** 8)
    some(600, NOW)
    some(300, NOW - 80000)
    some(600, NOW + 1)
    p.sync(time=NOW * 1000)
    for since, until, want in (
            (NOW, NOW + 1, 1201), (NOW, NOW, 601), (NOW, 0, 1501),
            (0, NOW + 1, 1501), (1, NOW - 1, 300)):
        got = len(op.rows("LOG", since=since, until=until, limit=5000))
        assert got == want, (since - NOW, until - NOW, got, want)


def log_limit(s, p, op):
    for i in range(150):
        p.record(sender=b"%d@sender.example" % i)
    p.sync()
    assert len(op.rows("LOG")) == 100
    assert froms(op.rows("LOG", limit=2)) == ["a@example.org",
                                              "149@sender.example"]
    assert len(op.rows("LOG", limit=2**32 - 1)) == 151
    # The newest of those that match.
    assert froms(op.rows("LOG", limit=3, key=b"1@sender")) == \
        ["141@sender.example", "131@sender.example", "121@sender.example"]


def log_while(s, p, op):
    """Records come and go while somebody reads."""
    for i in range(3000):
        p.record(sender=b"%d@example.org" % i)
    p.sync(mail=b"kept")
    op.request("LOG", limit=10000)
    got = [op.frame()]
    for i in range(3000):
        p.record(sender=b"late@example.org")
    assert p.sync()[0] == 0
    number = int(Operator(s).rows("QUARANTINE_LIST")[0]["number"])
    Operator(s).ask("QUARANTINE_DELETE", number=number).good()
    rest = op.answer()
    assert rest.error == 0
    names = [dict(zip(*[iter(got[0][1].decode().split("\0"))] * 2))["from"]]
    names += froms(rest.rows)
    assert names == ["a@example.org"] + \
        ["%d@example.org" % i for i in range(2999, -1, -1)], len(names)
    assert rest.nrows == 3001


def trace(s, p, op):
    fill(p)
    rows = op.rows("TRACE", number=0xdef)
    assert [r["from"] for r in rows if "from" in r] == \
        ["two@example.org", ""]
    assert [list(r.items())[0] for r in rows[1:5]] == [
        ("recipient", "x@example.net"), ("recipient", "Y@example.com"),
        ("fact", "s=def fact=1"), ("fact", "fact=2")]
    op.ask("TRACE", number=0xde).bad(errno.ENOENT)
    op.ask("TRACE", number=2**64 - 1).bad(errno.ENOENT)


def trace_long(s, p, op):
    """More than can be told is said to be more; facts have their room."""
    p.record(session=5, rcpt=[b"x@example.org"], facts=[b"f" * 16000] * 4)
    p.record(session=6, rcpt=[b"%d@example.org" % i for i in range(5000)],
             facts=[b"fact=1"])
    p.sync()
    a = op.ask("TRACE", number=5)
    assert [len(r["fact"]) for r in a.good() if "fact" in r] == [16000] * 4
    assert a.text == ""
    a = op.ask("TRACE", number=6)
    assert a.good()[-1] == {"fact": "fact=1"} and len(a.rows) == 2001
    assert "not all" in a.text


# Quarantine

def keep(p, mail=b"Subject: kept\r\n\r\nbody\r\n", **kw):
    kw.setdefault("rcpt", [b"x@example.net", b"y@example.net"])
    p.record(mail=mail, sender=b"k@example.org", **kw)
    _, error, number = p.done()
    assert error == 0
    return number


def quarantine(s, p, op):
    p.sync(subject=b"passed")
    number = keep(p, mail=b"m" * 70000)
    rows = op.rows("QUARANTINE_LIST")
    assert [r["number"] for r in rows] == [str(number)]
    assert rows[0]["state"] == "kept" and rows[0]["quarantined"] == "1"
    assert abs(int(rows[0]["expires"]) - NOW - 86400) < 600
    assert len(rows[0]["sha256"]) == 64
    assert len(op.rows("QUARANTINE_LIST", key=b"k@EXAMPLE")) == 1
    assert op.rows("QUARANTINE_LIST", key=b"passed") == []
    assert op.rows("QUARANTINE_LIST", until=NOW - 86400) == []
    a = op.ask("QUARANTINE_SHOW", number=number)
    assert a.good()[0]["size"] == "70000"
    assert [r["recipient"] for r in a.rows if "recipient" in r] == \
        ["x@example.net", "y@example.net"]
    fd, size = a.mail
    assert size == 70000 and os.read(fd, 80000) == b"m" * 70000
    try:
        os.write(fd, b"x")
    except OSError:
        pass
    else:
        assert 0, "it can be written to"
    os.close(fd)
    for n in (number + 1, 0, 2**64 - 1, 2**63):
        op.ask("QUARANTINE_SHOW", number=n).bad(errno.ENOENT)
        op.ask("QUARANTINE_DELETE", number=n).bad(errno.ENOENT)
        op.ask("QUARANTINE_RELEASE", number=n).bad(errno.ENOENT)
    op.ask("QUARANTINE_DELETE", number=number).good()
    op.ask("QUARANTINE_DELETE", number=number).bad(errno.ENOENT)
    assert op.rows("QUARANTINE_LIST") == [] and s.files() == []
    assert s.wait_log("command=quarantine-delete number=%d" % number)


def taken(p):
    """What a proxy is told to send: (id, nrcpt, sender, recipients, mail)."""
    _, ident, data = p.expect("IMSG_SEND")
    nrcpt, pad = struct.unpack("=II", data[20:28])
    assert data[:20] == addr("192.0.2.25", 25) and pad == 0
    sender = text(data[28:])
    got = p.expect("IMSG_SEND_RCPT")
    assert got[1] == ident
    rcpts = got[2][:-1].decode().split("\0")
    assert select.select([p.sock], [], [], WAIT)[0], "no message"
    data, anc, _, _ = p.sock.recvmsg(4096, socket.CMSG_SPACE(4))
    fds = array.array("i")
    fds.frombytes(anc[0][2])
    assert struct.unpack("=IIQ", data[:16]) == (IMSG["IMSG_SEND_MAIL"], 8,
                                                ident)
    with os.fdopen(fds[0], "rb") as f:
        mail = f.read()
    assert struct.unpack("=Q", data[16:])[0] == len(mail)
    return ident, nrcpt, sender, rcpts, mail


def sent(p, ident, code=250, n=2, reply=b"250 2.0.0 queued"):
    p.send("IMSG_SEND_DONE", struct.pack("=II256s", code, n, reply),
           ident=ident)


def state(op, number):
    return [r["state"] for r in op.rows("QUARANTINE_LIST")
            if r["number"] == str(number)]


def release(s, p, op):
    mail = b"Subject: kept\r\n\r\nbody\r\n"
    number = keep(p, mail=mail)
    op.request("QUARANTINE_RELEASE", number=number)
    ident, n, sender, rcpts, got = taken(p)
    assert (n, sender, got) == (2, "k@example.org", mail)
    assert rcpts == ["x@example.net", "y@example.net"]
    # Not twice at the same time.
    Operator(s).ask("QUARANTINE_RELEASE", number=number).bad(errno.EBUSY)
    sent(p, ident)
    assert op.answer().good() == [{"accepted": "2", "code": "250",
                                   "reply": "250 2.0.0 queued"}]
    assert state(op, number) == ["released"]
    assert s.wait_log("command=quarantine-release number=%d" % number)


def forward(s, p, op):
    number = keep(p)
    op.request("QUARANTINE_RELEASE", number=number, key=b"abuse@example.org")
    ident, n, _, rcpts, _ = taken(p)
    assert (n, rcpts) == (1, ["abuse@example.org"])
    sent(p, ident, 550, 0, b"550 5.1.1 nobody")
    a = op.answer()
    a.bad(errno.EREMOTEIO)
    assert a.rows == [{"accepted": "0", "code": "550",
                       "reply": "550 5.1.1 nobody"}]
    assert state(op, number) == ["kept"]


def release_dies(s, p, op):
    """The proxy is gone in the midst of it; then there is none."""
    number = keep(p)
    op.request("QUARANTINE_RELEASE", number=number)
    taken(p)
    p.close()
    op.answer().bad(errno.EREMOTEIO)
    assert state(op, number) == ["kept"]
    op.ask("QUARANTINE_RELEASE", number=number).bad(errno.EAGAIN)
    works(s)


def release_alone(s, p, op):
    """The operator is gone; what was sent is marked all the same."""
    number = keep(p)
    op.request("QUARANTINE_RELEASE", number=number)
    ident = taken(p)[0]
    op.close()
    works(s)
    sent(p, ident)
    assert wait_for(lambda: state(Operator(s), number) == ["released"])


# Tables

def tables(s, p, op):
    assert op.rows("TABLES") == [
        {"table": "t", "members": "0", "size": "5000", "expire": "0"},
        {"table": "blocked", "members": "0", "size": "100",
         "expire": "3600"}]
    op.ask("TABLE_ADD", table=b"t", key=b"192.0.2.7").good()
    op.ask("TABLE_ADD", table=b"t", key=b"a@example.org",
           until=NOW + 7200).good()
    p.until(lambda m: m == {("t", "192.0.2.7"): 0,
                            ("t", "a@example.org"): NOW + 7200})
    rows = op.rows("TABLE_SHOW", table=b"t")
    assert [(r["key"], r["expires"], r["why"]) for r in rows] == [
        ("192.0.2.7", "0", "operator"),
        ("a@example.org", str(NOW + 7200), "operator")]
    assert op.rows("TABLE_SHOW", table=b"blocked") == []
    assert op.rows("TABLES")[0]["members"] == "2"
    op.ask("TABLE_DELETE", table=b"t", key=b"192.0.2.7").good()
    p.until(lambda m: set(m) == {("t", "a@example.org")})
    op.ask("TABLE_DELETE", table=b"t", key=b"192.0.2.7").bad(errno.ENOENT)
    op.ask("TABLE_FLUSH", table=b"t").good()
    p.until(lambda m: not m)
    assert op.rows("TABLE_SHOW", table=b"t") == []
    for command in ("ADD", "DELETE", "FLUSH", "SHOW"):
        for table in (b"other", b"", b"T"):
            op.ask("TABLE_" + command, table=table,
                   key=b"k").bad(errno.ENOENT)
    assert s.wait_log("command=table-add number=0 table=t key=192.0.2.7")
    assert s.wait_log("command=table-flush")


def no_key(s, p, op):
    """Nobody is meant by an empty key, or one in the past."""
    op.ask("TABLE_ADD", table=b"t", key=b"").bad(errno.EINVAL)
    assert op.rows("TABLE_SHOW", table=b"t") == []
    op.ask("TABLE_ADD", table=b"t", key=b"gone", until=1)
    assert wait_for(lambda: op.rows("TABLE_SHOW", table=b"t") == [])


def table_long(s, p, op):
    for i in range(1000):
        p.send("IMSG_MEMBER_ADD", member("t", "%d@example.org" % i))
    p.until(lambda m: len(m) == 1000)
    rows = op.rows("TABLE_SHOW", table=b"t", limit=5000)
    assert [r["key"] for r in rows] == ["%d@example.org" % i
                                        for i in range(1000)]
    assert len(op.rows("TABLE_SHOW", table=b"t", limit=33)) == 33
    # From the start again, on the same connection.
    assert op.rows("TABLE_SHOW", table=b"t", limit=1)[0]["key"] == \
        "0@example.org"


# What others answer

def counted(p, *values):
    data = struct.pack("=%dQ" % len(values), *values)
    p.send("IMSG_STATS", data + bytes(STATS_LEN - len(data)))


def stats(s, p, op):
    q = s.proxy()
    q.all_members()
    counted(p, 10, 3, 1, 20, 2, 1000, 50, 100)
    counted(q, 1, 1, 1, 2, 1, 100, 5, 100)

    def now():
        return {r["name"]: int(r["value"]) for r in op.rows("STATS")}
    want = dict(zip(STATS, (11, 4, 2, 22, 3, 1100, 55, 200)))
    assert wait_for(lambda: want.items() <= now().items()), now()
    assert now()["proxies"] == 2
    # What one has done stays; what it had in hand does not.
    q.close()
    want = dict(zip(STATS, (11, 3, 2, 22, 2, 1100, 50, 100)))
    assert wait_for(lambda: want.items() <= now().items()), now()
    assert now()["proxies"] == 1
    keep(p, mail=b"12345")
    assert (now()["quarantine"], now()["quarantine_bytes"]) == (1, 5)


def labels(s, p, op):
    """What rules count: 256 labels, and no name that is none."""
    def tally(who, name):
        who.send("IMSG_TALLY", name.ljust(32, b"\0"))

    def now():
        return {r["name"]: int(r["value"]) for r in op.rows("STATS")
                if r["name"].startswith("rule_")}
    for i in range(300):
        tally(p, b"l%d" % i)
    for name in (b"l0", b"l255", b"l256", b"A-b_c.9"):
        tally(p, name)
    tally(p, b"l1")
    want = {"rule_l%d" % i: 1 + (i in (0, 1, 255)) for i in range(256)}
    assert wait_for(lambda: now() == want), now()
    for name in (b"", b"a b", b"a\n", b"\xc3\xa4", b"x" * 32):
        q = s.proxy()
        q.all_members()
        tally(q, name)
        assert q.gone(), name
    assert now() == want, now()


def asked(p, command):
    """What came to a proxy or to master: its id."""
    kind, ident, data = p.expect("IMSG_CTL_REQ")
    assert len(data) == CTL_LEN
    assert struct.unpack("=I", data[:4])[0] == CTL["CTL_" + command]
    return ident


def row(p, ident, *items):
    p.send("IMSG_CTL_ROW", strings(*items), ident=ident)


def end(p, ident, error=0, said=b""):
    p.send("IMSG_CTL_END", struct.pack("=II256s", error, 0, said),
           ident=ident)


def sessions(s, p, op):
    q = s.proxy()
    q.all_members()
    op.request("SESSIONS")
    ids = [asked(x, "SESSIONS") for x in (p, q)]
    assert ids[0] == ids[1]
    row(p, ids[0], b"session", b"1")
    end(p, ids[0])
    row(q, ids[0], b"session", b"2")
    # Such as have said the end have no more to say.
    row(p, ids[0], b"session", b"3")
    assert p.sync()[0] == 0
    end(q, ids[0])
    got = sorted(r["session"] for r in op.answer().good())
    assert got == ["1", "2"], got


def sessions_dies(s, p, op):
    q = s.proxy()
    q.all_members()
    op.request("SESSIONS")
    ident = asked(p, "SESSIONS")
    asked(q, "SESSIONS")
    row(q, ident, b"session", b"2")
    end(p, ident)
    q.close()
    assert op.answer().good() == [{"session": "2"}]
    p.close()
    assert wait_for(lambda: {"name": "proxies", "value": "0"}
                    in op.rows("STATS"))
    assert op.rows("SESSIONS") == []


def from_master(s, p, op):
    for command, number in (("STATUS", 0), ("RELOAD", 0), ("VERBOSE", 1)):
        op.request(command, number=number)
        ident = asked(s.master, command)
        row(s.master, ident, b"process", b"proxy", b"pid", b"7")
        end(s.master, ident, errno.EINVAL, b"line 3: no")
        a = op.answer()
        a.bad(errno.EINVAL)
        assert a.text == "line 3: no"
        assert a.rows == [{"process": "proxy", "pid": "7"}]
    assert s.wait_log("command=reload")


def not_asked(s, p, op):
    """A proxy says something where nobody wants to know it."""
    op.request("STATUS")
    ident = asked(s.master, "STATUS")
    for i in range(ident + 3):
        row(p, i, b"process", b"forged")
        end(p, i, 0, b"forged")
    assert p.sync()[0] == 0
    row(s.master, ident, b"process", b"proxy")
    end(s.master, ident)
    assert op.answer().good() == [{"process": "proxy"}]


def row_none(s, p, op):
    """A proxy's row that is none costs the proxy."""
    for data in (b"no end", b"a\0odd\0number\0", b"a\0\x1b\0", b"a\0"):
        q = s.proxy()
        q.all_members()
        op.request("SESSIONS")
        ident = asked(p, "SESSIONS")
        end(p, ident)
        asked(q, "SESSIONS")
        q.send("IMSG_CTL_ROW", data, ident=ident)
        assert s.bad() == q.instance
        assert op.answer().good() == []
        # Even if nobody has asked.
        q = s.proxy()
        q.all_members()
        q.send("IMSG_CTL_ROW", data, ident=99)
        assert s.bad() == q.instance
    works(s)


# Those who are a nuisance

def frames():
    """(name, packet, descriptor): each costs its connection."""
    yield "empty-header", b"x", 0
    yield "header alone", struct.pack("=IIQ", IMSG["IMSG_CTL_REQ"], 0, 1), 0
    yield "noise", b"\xff" * 440, 0
    yield "large", bytes(16384), 0
    good = request("TABLES")
    for kind, number in IMSG.items():
        if kind != "IMSG_CTL_REQ":
            yield kind, struct.pack("=IIQ", number, CTL_LEN, 1) + good, 0
    req = IMSG["IMSG_CTL_REQ"]
    yield "type", struct.pack("=IIQ", 2**32 - 1, CTL_LEN, 1) + good, 0
    for n in (-CTL_LEN, -1, 1, 8, 10000):
        data = (good + bytes(10000))[:CTL_LEN + n]
        yield "length %+d" % n, struct.pack("=IIQ", req, len(data),
                                            1) + data, 0
        yield "lies %+d" % n, struct.pack("=IIQ", req, CTL_LEN + n,
                                          1) + good, 0
    yield "descriptor", struct.pack("=IIQ", req, CTL_LEN, 1) + good, 1
    yield "descriptors", struct.pack("=IIQ", req, CTL_LEN, 1) + good, 2


def garbage(s, p, op):
    before = settled(s, op)
    for name, packet, nfds in frames():
        bad = Operator(s)
        fds = array.array("i", [s.logfd] * nfds)
        bad.sock.sendmsg([packet], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                     fds)] if nfds else [])
        bad.ident = 1
        assert bad.gone(), name
        bad.close()
    works(s)
    assert wait_for(lambda: descriptors(s) == before)
    assert len(op.rows("TABLES")) == 2
    assert p.sync()[0] == 0


def not_understood(s, p, op):
    for kw in ({"command": CTL["CTL_COMMAND_MAX"]},
               {"command": 2**32 - 1},
               {"command": "TABLE_ADD", "table": b"t" * 64, "key": b"k"},
               {"command": "TABLE_ADD", "table": b"t", "key": b"k" * 328},
               {"command": "TABLE_ADD", "table": b"t", "key": b"k\nx"},
               {"command": "TABLE_ADD", "table": b"t", "key": b"k\x7f"},
               {"command": "TABLE_ADD", "table": b"t\x1b[m", "key": b"k"},
               {"command": "LOG", "key": b"\r"}):
        op.ask(**kw).bad(errno.EINVAL)
    assert op.rows("TABLE_SHOW", table=b"t") == []


def impatient(s, p, op):
    """A second question before the answer to the first."""
    op.request("STATUS")
    asked(s.master, "STATUS")
    op.request("STATUS")
    assert op.gone()
    works(s)


def leaves(s, p, op):
    """Operators who are gone before they are answered."""
    before = settled(s, op)
    fill(p)
    for command in ("STATUS", "SESSIONS", "LOG", "TABLES"):
        one = Operator(s)
        one.request(command, limit=1000)
        one.close()
    ident = asked(s.master, "STATUS")
    row(s.master, ident, b"a", b"b")
    end(s.master, ident)
    end(p, asked(p, "SESSIONS"))
    assert wait_for(lambda: descriptors(s) == before)
    works(s)


def hundred(s, p, op):
    """As many as there may be are served, the others are told at once."""
    fill(p)
    ops = [Operator(s) for _ in range(100)]
    served = 0
    for one in ops:
        try:
            served += len(one.rows("LOG")) == 3
        except (Gone, ConnectionResetError, BrokenPipeError):
            pass
    assert served == CLIENTS_MAX - 1, served
    assert p.sync()[0] == 0
    # All at once, again and again.
    ops = [o for o in ops if o.sock.fileno() != -1]
    for one in ops:
        one.close()
    assert wait_for(lambda: descriptors(s) < 30)
    ops = [Operator(s) for _ in range(CLIENTS_MAX - 1)]
    for _ in range(20):
        for one in ops:
            one.request("LOG")
        for one in ops:
            assert len(one.answer().good()) == 4


def silent(s, p, op):
    """One that asks for all and takes nothing is dropped."""
    for i in range(5000):
        p.record(sender=b"%d@example.org" % i)
    p.sync()
    op.request("LOG", limit=10000)
    works(s)
    assert p.sync()[0] == 0
    rows = 0
    # It is the clock of the store that ends this.
    assert wait_for(lambda: not alive(op))
    try:
        while True:
            rows += op.frame()[0] == IMSG["IMSG_CTL_ROW"]
    except (Gone, ConnectionResetError):
        pass
    assert 0 < rows < 2000, rows
    works(s)


def alive(op):
    """Is the other end open?  Reads nothing."""
    poll = select.poll()
    poll.register(op.sock, 0)
    return not poll.poll(0)


def talks_only(s, p, op):
    """One that asks and asks, and takes no answer."""
    number = keep(p)
    before = settled(s, op)
    op.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    n = 0
    frame = struct.pack("=IIQ", IMSG["IMSG_CTL_REQ"], CTL_LEN, 1) + \
        request("QUARANTINE_SHOW", number=number)
    try:
        while n < 20000:
            try:
                op.sock.send(frame)
                n += 1
            except BlockingIOError:
                # Nobody takes it, now that others have had their turn.
                works(s)
                if not select.select([], [op.sock], [], 0)[1]:
                    break
    except (BrokenPipeError, ConnectionResetError):
        pass
    most = descriptors(s)
    assert n < 20000 and most < before + 30, (n, most)
    assert keep(p) == number + 1
    works(s)


def flood(s, p, op):
    """More rows than can wait are not taken for all there are."""
    op.request("SESSIONS")
    ident = asked(p, "SESSIONS")
    for i in range(QUEUE_MAX + 3000):
        row(p, ident, b"session", b"%016x" % i)
    assert p.sync()[0] == 0
    # Now there is room for the end of the answer.
    for i in range(QUEUE_MAX // 2):
        op.frame()
    works(s)
    end(p, ident)
    a = op.answer()
    a.bad(errno.ENOBUFS)
    assert a.nrows == len(a.rows) + QUEUE_MAX // 2 < QUEUE_MAX + 3000
    assert len(op.rows("TABLES")) == 2


def again(s, p, op):
    """Master has another socket; who is there stays."""
    fill(p)
    old, place = s.control, s.place
    listen(s)
    assert wait_for(lambda: served(s))
    assert len(op.rows("LOG")) == 3
    try:
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect(old)
        assert 0, "the old one is open"
    except ConnectionRefusedError:
        pass
    place.cleanup()


def served(s):
    works(s)
    return True


# Many

def ten_thousand(s, p, op):
    for i in range(10000):
        p.record(session=i, sender=b"%d@example.org" % i, subject=b"subject",
                 rcpt=[b"r%d@example.net" % i], time=(NOW - i) * 1000)
    assert p.sync()[0] == 0
    for name, want, kw in (
            ("listed", 10001, {"limit": 20000}),
            ("searched for a sender", 1, {"key": b"5000@example.org"}),
            ("searched for a recipient", 1, {"key": b"r77@example.net"}),
            ("searched for nothing there", 0, {"key": b"nothing there"}),
            ("from a time", 101, {"since": NOW - 99, "limit": 20000})):
        start = time.monotonic()
        got = len(op.rows("LOG", **kw))
        print("# 10000 records, %s: %.0f ms" %
              (name, (time.monotonic() - start) * 1000), flush=True)
        assert got == want, (name, got)


def main():
    c = Cases()
    for f in (log_rows, log_match, log_time, log_clock, log_limit, log_while,
              trace, trace_long, quarantine, release, forward, release_dies,
              release_alone, tables, no_key, table_long, stats, labels,
              sessions, sessions_dies, from_master, not_asked, row_none,
              garbage, not_understood, impatient, leaves, hundred, silent,
              talks_only, flood, again, ten_thousand):
        c.run(f.__name__.replace("_", " "), store(f))
    c.exit()


if __name__ == "__main__":
    assert len(request("LOG")) == CTL_LEN and KEPT == 0
    assert callable(checked) and callable(peek) and callable(record)
    main()

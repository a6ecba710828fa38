#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Lines of JSON in a file that master has opened, and what may be in them;
the same lines in datagrams, as a journal gets them."""

import contextlib
import hashlib
import json
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from storelib import COPY, OUT, REDIRECT, Store, out, tmpfs
from scanlib import Cases

PASS, BLOCK, DISCARD = 0, 1, 3
HOSTILE = '"\\/\u2028</script>\u00e9\U0001f600\x9b\u200b{}[],:'


def reply(number, session, text, ms):
    data = struct.pack("=QQII256s", number, session, ms, 0, text)
    return data + b"\0" * (-len(data) % 8)


class File:
    """The file, and the store that writes it."""

    def __init__(self, path):
        self.path = path
        self.store = Store()
        self.give()
        self.proxy = self.store.proxy()
        self.proxy.all_members()

    def give(self):
        """What master does at a configuration."""
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        self.store.master.send("IMSG_AUDIT_FILE", b"", fd)
        os.close(fd)
        self.forget()

    def forget(self):
        self.store.configure()
        self.store.master.expect("IMSG_CONF_DONE")

    def lines(self, path=None):
        with open(path or self.path, "rb") as f:
            data = f.read()
        assert data == b"" or data.endswith(b"\n"), data[-80:]
        return [json.loads(d.decode("utf-8")) for d in data.splitlines()]


def fields(f):
    f.proxy.sync(session=0xabc, rcpt=[b"r%d@x.example" % i
                                      for i in range(100)],
                 action=BLOCK, name=b"Virus", time=1700000000007,
                 facts=[b"file part=2 depth=0 type=pe flags=a,b size=77 "
                        b"name=\"a =b\\x22.exe\"",
                        b"tried rule=9 action=block disconnect=0"])
    one, = f.lines()
    assert one["time"] == "2023-11-14T22:13:20.007Z", one["time"]
    assert one["session"] == "0000000000000abc"
    assert one["client"] == "192.0.2.1" and one["server_port"] == 25
    assert one["recipients"] == ["r%d@x.example" % i for i in range(100)]
    assert one["action"] == "block" and one["rule"] == 7
    assert one["reply"] == "250 ok" and one["quarantined"] is False
    assert one["facts"] == [
        {"kind": "file", "part": 2, "depth": 0, "type": "pe",
         "flags": "a,b", "size": 77, "name": 'a =b".exe'},
        {"kind": "tried", "rule": 9, "action": "block", "disconnect": 0}]


def hostile(f):
    f.proxy.sync(subject=HOSTILE.encode(), sender=HOSTILE.encode(),
                 rcpt=[HOSTILE.encode()], facts=[
                     b"content text=\"\\xff\\x00\\x0a\\x5c\\x22 =\\x1\"",
                     b"file name=\\xc3\\x28 part=junk", b"word", b"= =x a",
                     b"x y=\"open", b'x y=""', HOSTILE.encode()])
    one, = f.lines()
    assert one["subject"] == one["sender"] == HOSTILE
    with open(f.path, "rb") as raw:
        assert not re.search("[\0-\x09\x0b-\x1f\x7f-\x9f]",
                             raw.read().decode()), "controls"
    assert one["recipients"] == [HOSTILE]
    facts = one["facts"]
    assert facts[0]["text"] == '\ufffd\0\n\\" =\\x1', facts[0]
    assert facts[1] == {"kind": "file", "name": "\ufffd(", "part": 0}
    assert facts[2] == {"kind": "word"}
    assert facts[4]["y"] == "open" and facts[5]["y"] == ""


def later(f):
    p = f.proxy
    p.record(session=5, mail=b"kept", action=PASS, reply=b"")
    number = p.done()[2]
    p.sync(session=6)
    assert [x["session"][-1] for x in f.lines()] == ["6"]
    p.send("IMSG_RECORD_REPLY", reply(number, 4, b"250 forged", 1))
    p.send("IMSG_RECORD_REPLY", reply(number, 5, b"250 taken", 99))
    p.send("IMSG_RECORD_REPLY", reply(number, 5, b"250 again", 98))
    p.sync(session=7)
    lines = f.lines()
    assert [x["session"][-1] for x in lines] == ["6", "5", "7"]
    assert lines[1]["reply"] == "250 taken" and lines[1]["deliver_ms"] == 99
    assert lines[1]["quarantined"] is True
    assert lines[1]["sha256"] == hashlib.sha256(b"kept").hexdigest()
    p.record(session=8, mail=b"kept", action=PASS, reply=b"")
    p.done()
    f.store.stop()
    assert f.lines()[-1]["session"][-1] == "8"


def copied(f):
    """What is sent to somebody else and passed waits for its reply, too."""
    p = f.proxy
    p.record(session=5, mail=b"copied", flags=OUT, action=PASS, reply=b"",
             outs=[out(COPY, b"archive@x.example")])
    number = p.done()[2]
    p.send("IMSG_RECORD_REPLY", reply(number, 5, b"250 taken", 99))
    # One that does not pass has been told its reply already.
    p.record(session=6, mail=b"sent", flags=OUT, action=DISCARD,
             reply=b"250 gone", outs=[out(REDIRECT, b"b@x.example")])
    p.done()
    p.sync(session=7)
    assert [(x["session"][-1], x["reply"], x["deliver_ms"])
            for x in f.lines()] == [
                ("5", "250 taken", 99), ("6", "250 gone", 4),
                ("7", "250 ok", 4)], f.lines()


def rotate(f):
    old = f.path + ".1"
    for i in range(50):
        f.proxy.record(session=i)
    os.rename(f.path, old)
    f.give()
    for i in range(50, 100):
        f.proxy.record(session=i)
    f.proxy.sync(session=100)
    a, b = f.lines(old), f.lines()
    assert [int(x["session"], 16) for x in a + b] == list(range(101))
    assert b
    f.forget()
    f.proxy.sync(session=101)
    assert len(f.lines()) == len(b)


def full(f):
    """A file system of its own: the database has room."""
    filler = os.path.join(os.path.dirname(f.path), "filler")
    f.proxy.sync(session=1)
    with open(filler, "wb", buffering=0) as x:
        try:
            while True:
                x.write(b"x" * 4096)
        except OSError:
            pass
    for i in range(100):
        assert f.proxy.sync(session=2, subject=b"s" * 200)[0] == 0
    there = len(f.lines())
    assert there < 101
    said = [x for x in f.store.log() if "audit file" in x]
    assert len(said) == 1, said
    assert re.search("No space|no room", said[0]), said
    os.unlink(filler)
    f.proxy.sync(session=3)
    assert len(f.lines()) == there + 1


SO_SNDBUFFORCE = 32


class Journal:
    """Where a journal reads, and what it makes of that."""

    def __init__(self, f):
        self.f = f
        self.path = f.path + ".sock"
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.path)
        self.sock.setblocking(False)
        self.give()

    def give(self):
        """What master does at a configuration."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.connect(self.path)
            s.setblocking(False)
            s.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 16 << 20)
            self.f.store.master.send("IMSG_AUDIT_JOURNAL", b"", s.fileno())
        self.f.forget()

    def entries(self):
        """[(name, value), ...] for each datagram that is there."""
        out = []
        while True:
            try:
                data = self.sock.recv(32 << 20)
            except BlockingIOError:
                return out
            assert data.endswith(b"\n"), data[-80:]
            # One without a sign were a field in binary, which we never send.
            out.append([tuple(x.split(b"=", 1))
                        for x in data[:-1].split(b"\n")])

    def close(self):
        self.sock.close()
        os.unlink(self.path)


NAMES = [b"PRIORITY", b"SYSLOG_IDENTIFIER", b"SYSLOG_FACILITY",
         b"MAILWALL_SESSION", b"MAILWALL_CLIENT", b"MAILWALL_SENDER",
         b"MAILWALL_VERDICT", b"MAILWALL_NAME", b"MAILWALL_RULE",
         b"MAILWALL_ACTION", b"MESSAGE"]


def journal(f):
    """What a file would have, and what it is found by."""
    kw = dict(session=0xabc, rcpt=[b"r@x.example", b"s@x.example"],
              action=BLOCK, name=b"Virus", time=1700000000007,
              sender="j\u00f6rg@x.example".encode(), subject=b"a=b",
              facts=[b"file part=2 name=\"\\x0a=b\""])
    f.proxy.sync(**kw)
    with open(f.path, "rb") as raw:
        line = raw.read()
    j = Journal(f)
    f.proxy.sync(**kw)
    one, = j.entries()
    assert [x[0] for x in one] == NAMES, one
    assert [x[1] for x in one] == [
        b"6", b"mailwall", b"2", b"0000000000000abc", b"192.0.2.1",
        "j\u00f6rg@x.example".encode(), b"clean", b"Virus", b"7", b"block",
        line[:-1]], one
    f.give()
    f.proxy.sync(**kw)
    assert j.entries() == []
    with open(f.path, "rb") as raw:
        assert raw.read() == line + line


def journal_hostile(f):
    """No value ends a field, or says anything to a terminal."""
    j = Journal(f)
    text = "a\u0085\u009b\u2028\u00a0=".encode() + b"\xff\xc2"
    f.proxy.sync(subject=text, sender=text, name=text, rcpt=[text],
                 facts=[b"file name=\"\\x0aMAILWALL_ACTION=pass\\x0a\"",
                        b"MAILWALL_ACTION=pass"], action=BLOCK)
    one, = j.entries()
    assert [x[0] for x in one] == NAMES, one
    one = dict(one)
    clean = "a??\u2028\u00a0=??".encode()
    assert one[b"MAILWALL_SENDER"] == one[b"MAILWALL_NAME"] == clean, one
    assert one[b"MAILWALL_ACTION"] == b"block", one
    assert json.loads(one[b"MESSAGE"])["facts"][0]["name"] == \
        "\nMAILWALL_ACTION=pass\n"
    # A line's end itself is no value that a proxy may send.
    # The store may be quicker to end the channel than we are with the rest.
    with contextlib.suppress(BrokenPipeError):
        f.proxy.record(sender=b"a\nMAILWALL_ACTION=pass")
    assert f.store.bad() == f.proxy.instance
    assert f.proxy.gone()
    assert j.entries() == []


def journal_later(f):
    """A line that waits goes where lines go when its reply comes."""
    p = f.proxy
    p.record(session=5, mail=b"kept", action=PASS, reply=b"")
    number = p.done()[2]
    j = Journal(f)
    p.send("IMSG_RECORD_REPLY", reply(number, 5, b"250 taken", 99))
    p.record(session=6, mail=b"kept", action=PASS, reply=b"")
    number = p.done()[2]
    one, = j.entries()
    assert [x[0] for x in one] == NAMES, one
    assert json.loads(one[-1][1])["reply"] == "250 taken"
    f.give()
    p.send("IMSG_RECORD_REPLY", reply(number, 6, b"250 too", 9))
    p.sync(session=7)
    assert j.entries() == []
    assert [x["reply"] for x in f.lines()] == ["250 too", "250 ok"]


def journal_large(f):
    """The longest line that there can be, of recipients at least."""
    j = Journal(f)
    rcpt = [b"%04d" % i + b"\xff" * 99 for i in range(10000)]
    f.proxy.sync(rcpt=rcpt)
    one, = j.entries()
    text = dict(one)[b"MESSAGE"]
    assert len(text) > 3000000, len(text)
    assert len(json.loads(text)["recipients"]) == 10000


def journal_full(f):
    """It does not read: nobody waits, and what it took is whole."""
    j = Journal(f)
    for i in range(2000):
        assert f.proxy.sync(session=i)[0] == 0
    got = j.entries()
    assert 0 < len(got) < 2000, len(got)
    assert [int(dict(x)[b"MAILWALL_SESSION"], 16) for x in got] == \
        list(range(len(got)))
    said = [x for x in f.store.log() if "audit journal" in x]
    assert len(said) == 1, said
    assert "temporarily unavailable; 1 lines lost" in said[0], said
    f.proxy.sync(session=3000)
    assert len(j.entries()) == 1


def journal_gone(f):
    """It is not there any more, and then there is another."""
    j = Journal(f)
    f.proxy.sync(session=1)
    assert len(j.entries()) == 1
    j.close()
    for i in range(10):
        assert f.proxy.sync(session=2)[0] == 0
    said = [x for x in f.store.log() if "audit journal" in x]
    assert len(said) == 1 and "refused; 1 lines lost" in said[0], said
    j = Journal(f)
    f.proxy.sync(session=3)
    one, = j.entries()
    assert dict(one)[b"MAILWALL_SESSION"] == b"%016x" % 3


def main():
    c = Cases()
    for test in (fields, hostile, later, copied, rotate, full, journal,
                 journal_hostile, journal_later, journal_large, journal_full,
                 journal_gone):
        def one(test=test):
            with tempfile.TemporaryDirectory(prefix="mwaudit.") as d:
                if test is full:
                    tmpfs(d, 65536)
                f = File(os.path.join(d, "audit.json"))
                try:
                    test(f)
                finally:
                    f.store.close()
                    if test is full:
                        subprocess.run(["umount", d], check=True)
        c.run(test.__name__, one)
    c.exit()


if __name__ == "__main__":
    main()

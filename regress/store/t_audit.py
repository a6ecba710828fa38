#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Lines of JSON in a file that master has opened, and what may be in them."""

import hashlib
import json
import os
import re
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


def main():
    c = Cases()
    for test in (fields, hostile, later, copied, rotate, full):
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

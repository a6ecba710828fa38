#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Records and the quarantine, and proxies that send nonsense."""

import errno
import hashlib
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from storelib import (OUT, PROC, QUARANTINE, REDIRECT, SYNC, Store, checked,
                      memfd, out, peek, query, record, strings, wait_for)
from scanlib import Cases

RCPT_BYTES, FACT_BYTES = 1 << 20, 64 << 10
RECORDS_MAX = 1024
NOW = int(time.time() * 1000)


def store(case, **args):
    """Run case(store, proxy) with a fresh one."""
    def run():
        s = Store(**args)
        try:
            p = s.proxy()
            p.all_members()
            return case(s, p)
        finally:
            s.close()
    return run


def after(s, p):
    """The store still works, for this proxy."""
    assert p.sync(subject=b"still there")[0] == 0


def round_trip(s, p):
    rcpt = [b"one@example.org", b"two@example.org", b"", b"b\xc3\xbc@x"]
    facts = [b"s=1 fact=%d" % i for i in range(20)]
    assert p.sync(rcpt=rcpt, facts=facts, session=2**64 - 1, time=NOW,
                  subject="Gr\u00fc\u00dfe".encode(), verdict=3, action=1,
                  name=b"Test.Virus", reply=b"550 5.7.1 virus",
                  sender=b"") == (0, 0)
    s.stop()
    rows = query(s.state, "SELECT session, time, client, client_port, dest, "
                 "dest_port, sender, subject, verdict, action, line, name, "
                 "reply, nrcpt, nparts, recv_ms, deliver_ms FROM record")
    assert rows == [(-1, NOW, "192.0.2.1", 4321, "192.0.2.25", 25,
                     "", "Gr\u00fc\u00dfe", 3, 1, 7, "Test.Virus",
                     "550 5.7.1 virus", 4, 1, 1, 4)], rows
    got = query(s.state, "SELECT path FROM recipient ORDER BY record, seq")
    assert [g[0].encode() for g in got] == rcpt, got
    got = query(s.state, "SELECT line FROM fact ORDER BY record, seq")
    assert [g[0].encode() for g in got] == facts, got


def later(number, session, reply):
    return struct.pack("=QQII256s", number, session, 9, 0, reply)


def reply_later(s, p):
    """Once, where there is none, and for the session that it was."""
    numbers = [p.sync(mail=b"x", session=2**64 - i, reply=r)[1]
               for i, r in ((1, b""), (2, b""), (3, b"550 said"))]
    for i, reply in ((1, b"250 taken"), (1, b"250 again"), (3, b"250 no")):
        p.send("IMSG_RECORD_REPLY", later(numbers[i - 1], 2**64 - i, reply))
    p.send("IMSG_RECORD_REPLY", later(numbers[1], 2**64 - 1, b"250 other"))
    p.send("IMSG_RECORD_REPLY", later(99999, 2**64 - 1, b"250 nobody"))
    after(s, p)
    s.stop()
    assert query(s.state, "SELECT reply, deliver_ms FROM record "
                 "ORDER BY number LIMIT 3") == \
        [("250 taken", 9), ("", 4), ("550 said", 4)]


def n_reply_control(p):
    p.send("IMSG_RECORD_REPLY", later(1, 1, b"250 a\nb"))


def n_reply_nowhere(p):
    p.send("IMSG_RECORD_REPLY", later(0, 1, b"250 a"))


def quarantine(s, p):
    sizes = (0, 1, 5000, 256 * 1024, 3_000_001)
    mails = [os.urandom(n) for n in sizes]
    numbers = []
    for mail in mails:
        error, number = p.sync(mail=mail, rcpt=[b"r@example.org"])
        assert error == 0 and number != 0, (error, number)
        assert s.message(number) == mail
        st = os.stat(os.path.join(s.state, "quarantine", str(number)))
        assert st.st_mode & 0o7777 == 0o600, oct(st.st_mode)
        numbers.append(number)
    assert numbers == sorted(set(numbers)), numbers
    s.stop()
    kept = checked(s.state)
    assert kept == {n: hashlib.sha256(m).hexdigest()
                    for n, m in zip(numbers, mails)}


def in_the_way(s, p):
    """A file that has a message's number already is not replaced."""
    number = p.sync(mail=b"kept")[1] + 1
    path = os.path.join(s.state, "quarantine", str(number))
    with open(path, "wb") as f:
        f.write(b"in the way")
    assert p.sync(mail=b"refused") == (errno.EEXIST, 0)
    assert s.message(number) == b"in the way"
    assert s.files() == [str(number - 1), str(number)], s.files()
    # A record without a message can have the number.
    assert p.sync()[0] == 0
    assert p.sync(mail=b"next") == (0, number + 1)
    assert s.message(number + 1) == b"next"
    assert s.message(number) == b"in the way"

    # Nothing else uses up numbers of the outbox: they are passed over.
    for n in (1, 2):
        with open(os.path.join(s.state, "outbox", str(n)), "wb") as f:
            f.write(b"in the way %d" % n)
    for n in (3, 4):
        assert p.sync(mail=b"redirected", flags=OUT | SYNC,
                      outs=[out(REDIRECT, b"r@x.example")])[0] == 0
        assert str(n) in s.files("outbox"), s.files("outbox")
    for n in (1, 2):
        with open(os.path.join(s.state, "outbox", str(n)), "rb") as f:
            assert f.read() == b"in the way %d" % n


def many(s, p):
    """Two proxies, all at once; each answer goes to the one that asked."""
    q = s.proxy()
    q.all_members()
    want = {}
    for i in range(100):
        for who in (p, q):
            mail = b"%d %d" % (who.instance, i)
            want[who, who.record(mail=mail)] = mail
    for who in (p, q):
        for i in range(100):
            ident, error, number = who.done()
            assert error == 0, error
            assert s.message(number) == want.pop((who, ident))
    assert not want


def unasked(s, p):
    """Nobody waits for it, and it is on disk soon."""
    p.record(subject=b"quiet")
    assert wait_for(lambda: peek(s.state, "SELECT subject FROM record") ==
                    [("quiet",)]), "no commit"
    s.kill()
    rows = query(s.state, "SELECT subject FROM record")
    assert rows == [("quiet",)], rows


def interleaved(s, p):
    """Frames of several records, mixed."""
    for i in (11, 12, 13):
        p.send("IMSG_RECORD", record(flags=SYNC, nrcpt=2), ident=i)
    for i in (13, 11, 12):
        p.send("IMSG_RECORD_RCPT", strings(b"a", b"b"), ident=i)
    for i in (12, 13, 11):
        p.send("IMSG_RECORD_END", ident=i)
    assert sorted(p.done()[0] for i in range(3)) == [11, 12, 13]


def large(s, p):
    """All that a record may have."""
    path = b"x" * 1000
    n = RCPT_BYTES // 1001
    facts = [b"f" * 1023] * (FACT_BYTES // 1024)
    assert p.sync(rcpt=[path] * n, facts=facts)[0] == 0
    # Ended ones do not count.
    for i in range(3):
        assert p.sync(rcpt=[path] * n, facts=facts)[0] == 0


def full(s, p):
    """The quarantine's own limit; what is told is true."""
    error, first = p.sync(mail=b"x" * 60000)
    assert error == 0
    assert p.sync(mail=b"y" * 50000) == (errno.ENOSPC, 0)
    assert s.files() == [str(first)], s.files()
    assert p.sync(mail=b"z" * 40000)[0] == 0
    assert p.sync(mail=b"z")[0] == errno.ENOSPC
    after(s, p)
    s.configure(quarantine_max=1 << 20)
    s.master.expect("IMSG_CONF_DONE")
    assert p.sync(mail=b"z" * 1000)[0] == 0
    s.stop()
    assert len(checked(s.state)) == 3
    # A refused message leaves no record: its client tries again.
    assert query(s.state, "SELECT count(*) FROM record") == [(4,)]


def expiry(s, p):
    """Kept for no time: file, row and record go, all of them."""
    for i in range(150):
        p.record(mail=b"%d" % i)
    numbers = [p.done()[2] for i in range(150)]
    assert all(numbers)
    assert wait_for(lambda: not s.files()), len(s.files())
    assert p.sync(time=32503680000000)[0] == 0
    assert wait_for(lambda: peek(s.state, "SELECT count(*) FROM record") ==
                    [(1,)])
    s.stop()
    assert query(s.state, "SELECT * FROM quarantine") == []
    # The last one is of the year 3000.
    rows = query(s.state, "SELECT time FROM record")
    assert rows == [(32503680000000,)], len(rows)
    assert query(s.state, "SELECT * FROM recipient") == []


def kept_record(s, p):
    """A record is too old, but its message is kept."""
    assert p.sync(mail=b"kept", rcpt=[b"r"], time=1)[0] == 0
    assert p.sync(time=2, rcpt=[b"other"])[0] == 0
    assert wait_for(lambda: peek(s.state, "SELECT path FROM recipient") ==
                    [("r",)]), "both are there"
    s.stop()
    assert len(checked(s.state)) == 1
    assert query(s.state, "SELECT time FROM record") == [(1,)]


def drain(s, p):
    p.record(subject=b"last")
    s.master.send("IMSG_DRAIN")
    error, number = p.sync(mail=b"during the end")
    assert error == 0
    p.record(subject=b"unasked")
    p.close()
    assert s.exit_status() == 0, s.exit_status()
    s.stop()
    assert len(checked(s.state)) == 1
    assert query(s.state, "SELECT count(*) FROM record") == [(3,)]
    assert not os.path.exists(os.path.join(s.state, "store.db-wal"))


def proxy_dies(s, p):
    """In the middle of a record, and before its answer."""
    q = s.proxy()
    q.all_members()
    p.send("IMSG_RECORD", record(flags=SYNC, nrcpt=1), ident=1)
    p.close()
    for i in range(50):
        q.record(mail=b"%d" % i)
    q.close()
    r = s.proxy()
    r.all_members()
    after(s, r)
    s.stop()
    checked(s.state)


# Nonsense: each is a function that sends it.

def n_rcpt_unknown(p):
    p.send("IMSG_RECORD_RCPT", strings(b"a"), ident=5)


def n_end_unknown(p):
    p.send("IMSG_RECORD_END", ident=5)


def n_twice(p):
    p.send("IMSG_RECORD", record(nrcpt=1), ident=5)
    p.send("IMSG_RECORD", record(nrcpt=1), ident=5)


def n_more_rcpt(p):
    p.send("IMSG_RECORD", record(nrcpt=1), ident=5)
    p.send("IMSG_RECORD_RCPT", strings(b"a", b"b"), ident=5)


def n_fewer_rcpt(p):
    p.send("IMSG_RECORD", record(nrcpt=2), ident=5)
    p.send("IMSG_RECORD_RCPT", strings(b"a"), ident=5)
    p.send("IMSG_RECORD_END", ident=5)


def n_rcpt_late(p):
    p.send("IMSG_RECORD", record(nrcpt=1), ident=5)
    p.send("IMSG_RECORD_FACT", strings(b"a"), ident=5)
    p.send("IMSG_RECORD_RCPT", strings(b"a"), ident=5)


def n_no_string(p):
    p.send("IMSG_RECORD", record(nrcpt=1), ident=5)
    p.send("IMSG_RECORD_RCPT", b"abc", ident=5)


def n_control(p):
    p.send("IMSG_RECORD", record(), ident=5)
    p.send("IMSG_RECORD_FACT", b"a\nb\0", ident=5)


def n_facts(p):
    p.send("IMSG_RECORD", record(), ident=5)
    for i in range(5):
        p.send("IMSG_RECORD_FACT", b"x" * 16383 + b"\0", ident=5)


def n_rcpt_bytes(p):
    p.send("IMSG_RECORD", record(nrcpt=10000), ident=5)
    for i in range(65):
        p.send("IMSG_RECORD_RCPT", b"x" * 16383 + b"\0", ident=5)


def n_begun(p):
    for i in range(RECORDS_MAX + 1):
        p.send("IMSG_RECORD", record(nrcpt=1), ident=i)


def n_bytes(p):
    for i in range(40):
        p.send("IMSG_RECORD", record(nrcpt=1000), ident=i)
        for j in range(60):
            p.send("IMSG_RECORD_RCPT", b"x" * 16383 + b"\0", ident=i)


def n_verdict(p):
    p.send("IMSG_RECORD", record(verdict=99), ident=5)


def n_family(p):
    data = bytearray(record())
    data[24] = 5
    p.send("IMSG_RECORD", bytes(data), ident=1)
    p.send("IMSG_RECORD_END", ident=1)


def n_flags(p):
    p.send("IMSG_RECORD", record(flags=0x100), ident=5)


def n_quarantine_unasked(p):
    p.send("IMSG_RECORD", record(flags=QUARANTINE), ident=5)


def n_time(p):
    p.send("IMSG_RECORD", record(time=2**63), ident=5)


def n_mail_missing(p):
    p.send("IMSG_RECORD", record(flags=SYNC | QUARANTINE), ident=5)
    p.send("IMSG_RECORD_END", ident=5)


def mail_frame(p, fd, size, flags=SYNC | QUARANTINE, ident=5, begin=True):
    if begin:
        p.send("IMSG_RECORD", record(flags=flags), ident=ident)
    p.send("IMSG_RECORD_MAIL", struct.pack("=Q", size), fd, ident=ident)
    os.close(fd)


def n_mail_unwanted(p):
    mail_frame(p, memfd(b"x"), 1, flags=SYNC)


def n_mail_twice(p):
    mail_frame(p, memfd(b"x"), 1)
    mail_frame(p, memfd(b"x"), 1, begin=False)


def n_mail_size(p):
    mail_frame(p, memfd(b"xy"), 1)


def n_mail_unsealed(p):
    fd = os.memfd_create("t", os.MFD_CLOEXEC | 2)
    os.write(fd, b"x")
    mail_frame(p, fd, 1)


def n_mail_file(p):
    mail_frame(p, os.open("/etc/passwd", os.O_RDONLY),
               os.stat("/etc/passwd").st_size)


def n_mail_socket(p):
    a, b = socket.socketpair()
    b.close()
    mail_frame(p, a.detach(), 0)


def n_mails(p):
    for i in range(65):
        mail_frame(p, memfd(b"x"), 1, ident=i)


def n_member_table(p):
    p.send("IMSG_MEMBER_ADD", struct.pack("=QII64s328s64s", 0, 0, 0, b"",
                                          b"key", b""))


def n_member_end(p):
    p.send("IMSG_MEMBER_ADD", struct.pack("=QII64s328s64s", 0, 0, 0,
                                          b"t" * 64, b"key", b""))


def n_send_done(p):
    p.send("IMSG_SEND_DONE", struct.pack("=II256s", 250, 1, b"250 ok"),
           ident=7)


def n_short(p):
    p.send("IMSG_RECORD", record()[:-8], ident=5)


def n_not_for_store(p):
    p.send("IMSG_CONF_END")


def n_no_frame(p):
    p.sock.send(b"x")


def nonsense(f):
    def case(s, p):
        q = s.proxy()
        q.all_members()
        try:
            f(q)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert s.bad() == q.instance
        assert q.gone(), "it is not dropped"
        after(s, p)
        assert p.sync(mail=b"mail")[0] == 0
        # Nothing of it stays.
        n = len(os.listdir("/proc/%d/fd" % s.pid))
        s.stop()
        assert n < 20, "%d descriptors" % n
        assert len(checked(s.state)) == 1
        assert query(s.state, "SELECT count(*) FROM record") == [(2,)]
    return case


def main():
    c = Cases()
    for f in (round_trip, reply_later, quarantine, in_the_way, many,
              unasked, interleaved, large, drain, proxy_dies):
        c.run(f.__name__.replace("_", " "), store(f))
    c.run("quarantine full", store(full, quarantine_max=100000))
    c.run("expiry", store(expiry, quarantine_keep=0, audit_keep=0))
    c.run("a record outlives its time with its message",
          store(kept_record, audit_keep=0))
    for name, f in sorted(globals().items()):
        if name.startswith("n_"):
            c.run("nonsense: " + name[2:].replace("_", " "),
                  store(nonsense(f)))
    c.exit()


if __name__ == "__main__":
    assert PROC["PROC_STORE"]
    main()

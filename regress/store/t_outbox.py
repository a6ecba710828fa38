#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The outbox: what is sent to whom and when, and what outlives a crash; and
what is written, as Python's email reads it.
"""

import email
import email.policy
import errno
import os
import random
import re
import sqlite3
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from storelib import (COPY, NOTIFY, OUT, QUARANTINE, REDIRECT, REPLY, SYNC,
                      Store, addr, memfd, out, outbox, peek, record, strings,
                      tmpfs, wait_for)
from scanlib import Cases, Gone
from t_full import Disk, SIZE, disk

OWN = ("10.0.0.5", 2525)
TO = b"a@admin.example"
GW = "mailwall@gw.example"
MAIL = b"From: a@b\r\nSubject: x\r\n\r\n.body\r\n"


def store(case, **conf):
    """Run case(store, proxy); conf is for the outbox."""
    def run():
        conf.setdefault("server", addr(*OWN))
        s = Store(outbox=outbox(**conf))
        try:
            p = s.proxy()
            p.all_members()
            return case(s, p)
        finally:
            s.close()
    return run


def again(s, how="kill"):
    """After its death: another one over the same state."""
    getattr(s, how)()
    n = Store(state=s.state, outbox=s.args["outbox"])
    p = n.proxy()
    p.all_members()
    return n, p


def rows(s, columns="number"):
    return peek(s.state, "SELECT %s FROM outbox ORDER BY number" % columns)


def empty(s):
    return wait_for(lambda: rows(s) == []) and s.files("outbox") == []


def parsed(data, to, policy=email.policy.default):
    m = email.message_from_bytes(data, policy=policy)
    faults = list(m.defects)
    for value in m.values():
        faults += list(getattr(value, "defects", ()))
    assert not faults, faults
    lines = data.split(b"\r\n")
    assert data.endswith(b"\r\n") and b"\n" not in b"".join(lines)
    assert max(map(len, lines)) <= 78 and max(data) < 0x80, "lines"
    assert m["From"].addresses[0].addr_spec == GW
    assert m["To"].addresses[0].addr_spec == to
    assert m["Date"].datetime is not None
    for name in ("From", "To", "Date", "Message-ID", "Subject",
                 "MIME-Version", "Auto-Submitted", "Content-Type"):
        assert len(m.get_all(name)) == 1, name
    return m, m.get_content().replace("\r\n", "\n")


def notice(s, p):
    p.record(outs=[out(NOTIFY, TO)], subject="für 读 \u202e".encode(),
             name=b"Test.Virus", verdict=3, action=1,
             rcpt=[b"r%d@x" % i for i in range(40)])
    ident, server, sender, rcpt, data = p.sends()
    assert (server, sender, rcpt) == (OWN, "", TO.decode())
    m, text = parsed(data, rcpt)
    assert m["Auto-Submitted"] == "auto-generated"
    for word in ("Test.Virus", "0000000000000001", "line 7", "für 读",
                 "192.0.2.1", "r19@x", "and 20 more", "250 ok",
                 "action block"):
        assert word in text, (word, text)
    assert "\u202e" not in text and "r20@x" not in text
    p.sent(ident)
    assert empty(s)


def kept(s, p):
    number = p.sync(mail=MAIL, outs=[out(NOTIFY, TO)])[1]
    ident, _, _, rcpt, data = p.sends()
    assert "Quarantine: number %d" % number in parsed(data, rcpt)[1]
    p.sent(ident)
    assert empty(s)
    # Both are number 1; only one of them has been sent.
    assert peek(s.state, "SELECT number, state FROM quarantine") == [(1, 0)]


def hostile(s, p):
    """Whatever strangers say, it is a valid message."""
    rng = random.Random(5)
    pool = ["=?utf-8?B?", "?=", "\r"[:0], " ", "  ", "\u202e", "读", "é", "=",
            "<>", "@", ",", ";", "\"", "\\", ".", "From ", "x" * 90, "--",
            "\U0001f600", ": ", "\u2066", "\u061c",
            "\x9b"]
    seen = set()

    def words(n):
        t = "".join(rng.choice(pool) for k in range(rng.randrange(12)))
        while len(t.encode()) >= n:
            t = t[:-1]
        return t.encode()

    for i in range(120):
        p.record(subject=words(256), name=words(128),
                 reply=b"250 " + words(250),
                 sender=words(1000), rcpt=[words(1000)] * 3, session=i,
                 outs=[out(NOTIFY, b"h%d@admin.example" % (i % 3),
                           b"" if i % 2 else words(500)),
                       out(REPLY, b"", words(500) + b"!")], nparts=1,
                 verdict=rng.randrange(3), action=rng.randrange(4))
    for i in range(120):
        ident, _, sender, rcpt, data = p.sends()
        assert sender == ""
        m, text = parsed(data, rcpt)
        assert not set("\u202e\u2066\u061c\x9b") & set(text + m["Subject"])
        seen.add(re.search("trace ([0-9a-f]{16})", text).group(1))
        seen.add(m["Message-ID"])
        p.sent(ident)
    assert len(seen) == 240
    assert wait_for(lambda: rows(s) == [])


def reply(s, p):
    """Once for a sender, in any case of its letters; by RFC 3834."""
    def ask(sender, **kw):
        p.record(sender=sender, subject=b"help", outs=[
            out(REPLY, b"", "wir 读".encode())], **kw)
    ask(b"ann@c.example")
    ident, server, sender, rcpt, data = p.sends()
    assert (server, sender, rcpt) == (OWN, "", "ann@c.example")
    m, text = parsed(data, rcpt)
    assert m["Auto-Submitted"] == "auto-replied"
    assert m["Subject"] == "Auto: help"
    assert m["In-Reply-To"] == m["References"] == "<1@example.org>"
    assert text.startswith("wir 读"), text
    p.sent(ident)
    ask(b"ANN@c.example")
    for name in (b"", b"owner-x@c.example", b"x-request@c.example",
                 b"x-BOUNCES@c.example", b"x-bounces+a=b@c.example",
                 b"Mailer-Daemon@c.example", b"postmaster@c.example",
                 b"listserv@c.example", GW.encode(), b"nowhere",
                 b"\"q q\"@c.example"):
        ask(name)
    ask(b"eve@c.example", verdict=3, name=b"V")
    ask(b"last@c.example")
    ident, _, _, rcpt, _ = p.sends()
    assert rcpt == "last@c.example", rcpt
    p.sent(ident)
    assert empty(s)


def digest(s, p):
    """Ten at once, of which two go alone; the digest has all the others."""
    for i in range(10):
        p.record(session=i, subject=b"flood %d" % i, sender=b"",
                 outs=[out(NOTIFY, TO)])
    texts = []
    for i in range(3):
        ident, _, _, rcpt, data = p.sends()
        m, text = parsed(data, rcpt)
        p.sent(ident)
        texts.append(text)
    for i in range(10):
        want = min(i, 2)
        has = [k for k in range(3) if "flood %d\n" % i in texts[k]]
        assert has == [want], (i, has)
    assert "8 messages" in m["Subject"], m["Subject"]
    assert peek(s.state, "SELECT count(*) FROM notice") == [(0,)]
    assert empty(s)


def digest_large(s, p):
    """More than its table holds: it says how many it leaves out."""
    for i in range(700):
        p.record(session=i, subject=b"x" * 250, sender=b"y" * 1000 + b"@z",
                 outs=[out(NOTIFY, TO)])
    p.sync()
    for i in range(2):
        p.sent(p.sends()[0])
    ident, _, _, rcpt, data = p.sends()
    m, text = parsed(data, rcpt)
    assert "698 messages" in m["Subject"]
    assert "\n198 more are left out here" in text
    assert "000000000000000a" in text
    p.sent(ident)
    assert empty(s)


def no_server(s, p):
    p.record(outs=[out(NOTIFY, TO)])
    assert s.wait_log("no statement \"notices server\""), s.log()
    assert p.sync(mail=MAIL, flags=OUT, outs=[out(REDIRECT, TO)])[0] == 0
    assert p.sends()[4] == MAIL
    assert peek(s.state, "SELECT count(*) FROM notice") == [(0,)]


def redirect(s, p):
    """To each by itself; refused, put off, taken."""
    outs = [out(REDIRECT, b"%d@r.example" % i) for i in range(3)]
    outs.append(out(REDIRECT, b"3@r.example", server=addr("10.0.0.9", 26)))
    error, number = p.sync(mail=MAIL, flags=OUT, outs=outs,
                           sender=b"from@c.example")
    # The number is for the server's reply, which comes later.
    assert error == 0 and number > 0, (error, number)
    got = sorted((p.sends() for i in range(4)), key=lambda g: g[3])
    here = ("192.0.2.25", 25)
    assert [g[1:] for g in got] == [
        (there, "from@c.example", "%d@r.example" % i, MAIL)
        for i, there in enumerate((here, here, here, ("10.0.0.9", 26)))]
    p.sent(got[0][0])
    p.sent(got[1][0], 451, b"451 later")
    p.sent(got[2][0], 550, b"550 nobody")
    p.sent(got[3][0], 0, b"connection lost")
    assert s.wait_log("redirect not delivered, kept as quarantine 1: 550")
    assert s.message(1) == MAIL
    ids = {}
    for i in range(2):
        g = p.sends()
        assert g[4] == MAIL
        ids[g[3]] = g[0]
    assert set(ids) == {"1@r.example", "3@r.example"}, ids
    for i in ids.values():
        p.sent(i)
    assert empty(s)
    assert s.files() == ["1"]


def too_late(s, p):
    """Its time is over: into the quarantine, not away."""
    p.sync(mail=MAIL, flags=OUT, outs=[out(REDIRECT, TO)])
    p.sent(p.sends()[0], 451, b"451 later")
    assert s.wait_log("kept as quarantine 1: 451 later"), s.log()
    assert s.message(1) == MAIL and empty(s)


def copy(s, p):
    """It waits for the server's word."""
    for arrived in (1, 0, 1):
        ident = p.record(mail=MAIL, flags=OUT, outs=[out(COPY, TO)])
        assert p.done()[:2] == (ident, 0)
        assert rows(s, "state") == [(0,)], rows(s, "state")
        assert p.sends(1.2) is None, "too early"
        p.fate(ident, arrived)
        if arrived:
            got = p.sends()
            assert got[3:] == (TO.decode(), MAIL)
            p.sent(got[0])
        else:
            assert s.wait_log("not delivered, no copy")
        assert empty(s)
    p.fate(99, 1)
    p.fate(99, 0)
    assert p.sync()[0] == 0


def reply_later(s, p):
    """What is passed is answered when the server has it, and only then."""
    def ask(sender, **kw):
        return p.sync(mail=MAIL, sender=sender, reply=b"", outs=[
            out(REPLY, b"", b"thanks")], **kw)[1]
    ann, eve, bob = (ask(n + b"@c.example") for n in (b"ann", b"eve", b"bob"))
    # Those behind it need not wait for it; those without an answer, neither.
    p.record(sender=b"last@c.example", outs=[out(REPLY, b"", b"x")])
    ident, _, _, rcpt, _ = p.sends()
    assert rcpt == "last@c.example", rcpt
    p.sent(ident)
    p.reply(eve, b"554 5.7.1 no")
    assert s.wait_log("no reply to eve@c.example: its message was not")
    p.reply(bob, b"250 ok")
    ident, _, _, rcpt, _ = p.sends()
    assert rcpt == "bob@c.example", rcpt
    p.sent(ident)
    # Nobody says what became of it.
    old = ask(b"old@c.example", time=1000)
    assert s.wait_log("no reply to old@c.example: its message was not")
    assert empty(s)
    assert peek(s.state, "SELECT record FROM notice") == [(ann,)]
    assert old > bob


def copy_lost(s, p):
    """Nobody knows what became of it: better a copy too many."""
    p.sync(mail=MAIL, flags=OUT, outs=[out(COPY, TO)])
    q = s.proxy()
    q.all_members()
    p.close()
    got = q.sends()
    assert got[4] == MAIL
    q.sent(got[0])
    assert empty(s)


def crash(s, p):
    """Killed with copies pending, redirected mail waiting or being sent."""
    p.sync(mail=MAIL, flags=OUT, outs=[out(COPY, b"c@x.example")])
    p.sync(mail=MAIL, flags=OUT, outs=[out(REDIRECT, b"r@x.example")])
    p.record(outs=[out(NOTIFY, b"n@x.example")])
    assert p.sync()[0] == 0
    s, p = again(s)
    try:
        got = [p.sends() for i in range(3)]
        assert sorted(g[3] for g in got) == ["c@x.example", "n@x.example",
                                             "r@x.example"]
        p.sent(got[0][0])
        assert wait_for(lambda: len(rows(s)) == 2)
        s, p = again(s)
        left = {got[1][3], got[2][3]}
        got = [p.sends() for i in range(2)]
        assert {g[3] for g in got} == left
        for g in got:
            p.sent(g[0])
        assert empty(s)
    finally:
        s.close(keep=True)


def lost_file(s, p):
    """A file that is gone is told of, and keeps nobody."""
    p.close()
    q = s.proxy()
    q.all_members()
    q.sync(mail=MAIL, flags=OUT, outs=[out(REDIRECT, b"r@x.example")])
    s.kill()
    for name in os.listdir(os.path.join(s.state, "outbox")):
        os.unlink(os.path.join(s.state, "outbox", name))
    with open(os.path.join(s.state, "outbox", "77"), "wb") as f:
        f.write(b"x")
    s = Store(state=s.state, outbox=s.args["outbox"])
    try:
        assert s.wait_log("the file is lost")
        assert s.wait_log("the database does not know, moved")
        assert rows(s, "state") == [(2,)] and s.files("outbox") == []
        name, = s.files("lost")
        assert name.startswith("outbox-77-"), name
    finally:
        s.close(keep=True)


def record_goes(s, p):
    """A record that is too old goes with the last that is about it."""
    def there():
        return peek(s.state, "SELECT count(*) FROM record") == [(1,)]
    p.sync(mail=MAIL, flags=OUT, time=1000, sender=b"u@x.example",
           outs=[out(REDIRECT, b"r@x.example"), out(REPLY, b"", b"x")])
    # The answer is written after all that is old was looked at, and left.
    ids = [p.sends()[0] for i in range(2)]
    p.sent(ids[0])
    assert wait_for(lambda: len(rows(s)) == 1) and there()
    p.sent(ids[1])
    assert empty(s)
    assert wait_for(lambda: peek(
        s.state, "SELECT count(*) FROM record") == [(0,)])


def redirect_to(p, ip, n=1):
    """Put n messages for that server into it; answers come between sends."""
    def recv(timeout=60.0, recv=p.recv):
        while True:
            got = recv(timeout)
            if got is None or got[0] != "IMSG_RECORD_DONE":
                return got
    p.recv = recv
    for i in range(n):
        p.record(mail=MAIL, flags=OUT, dest=(ip, 25),
                 outs=[out(REDIRECT, b"r@x.example")])


def hung_server(s, p):
    """One that says nothing keeps only what is for itself."""
    slow, other = "192.0.2.66", "192.0.2.77"
    redirect_to(p, slow, 100)
    held = [p.sends() for i in range(8)]
    assert {h[1][0] for h in held} == {slow}
    redirect_to(p, other)
    ident, server = p.sends(5)[:2]
    assert server[0] == other
    p.sent(ident)
    # As one is over, the next one has its place, and no more than that.
    p.sent(held[0][0])
    assert p.sends()[1][0] == slow
    assert p.sends(1) is None
    assert len(rows(s)) == 99


def many_servers(s, p):
    """Each has its turn, however many there are of them."""
    want = {"192.0.%d.%d" % (i // 200, i % 200 + 1) for i in range(300)}
    for ip in want:
        redirect_to(p, ip)
    got = set()
    while got != want:
        ident, server = p.sends()[:2]
        got.add(server[0])
        p.sent(ident)
    assert empty(s)


def turned_back(s, p):
    """A clock that was in the future once keeps nobody waiting for it."""
    p.sync(mail=MAIL, flags=OUT, outs=[out(REDIRECT, b"r@x.example")])
    p.sends()
    s.stop()
    db = sqlite3.connect(os.path.join(s.state, "store.db"))
    far = int(time.time()) + 10 * 365 * 86400
    with db:
        db.execute("UPDATE outbox SET next = ?, expires = ?",
                   (far, far + 86400))
        db.executemany("INSERT INTO replied VALUES (?, ?)",
                       [("u%d@x.example" % i, far) for i in range(101)])
    db.close()
    s, p = again(s)
    try:
        ident, _, _, rcpt, data = p.sends()
        assert (rcpt, data) == ("r@x.example", MAIL)
        assert rows(s, "expires")[0][0] <= time.time() + 2 * 86400
        p.sent(ident)
        p.sync(sender=b"u1@x.example", outs=[out(REPLY, b"", b"x")])
        ident, _, _, rcpt, _ = p.sends()
        assert rcpt == "u1@x.example"
        p.sent(ident)
        assert empty(s)
    finally:
        s.close()


def full(s, p):
    """The outbox's own limit; what is told is true."""
    mail = b"x" * 700000 + b"\r\n"
    p.close()
    # Nobody sends.
    p = s.proxy()
    p.all_members()
    o = [out(REDIRECT, TO)]
    assert p.sync(mail=mail, flags=OUT, outs=o)[0] == 0
    assert p.sync(mail=mail, flags=OUT, outs=o) == (errno.ENOSPC, 0)
    assert len(s.files("outbox")) == 1, s.files("outbox")
    # Neither half of it, nor what would have been kept with it.
    assert p.sync(mail=mail[400000:], flags=OUT | QUARANTINE | SYNC,
                  outs=o + o) == (errno.ENOSPC, 0)
    assert len(s.files("outbox")) == 1 and s.files() == []
    p.sent(p.sends()[0])
    assert empty(s)
    assert p.sync(mail=mail, flags=OUT, outs=o)[0] == 0


def no_disk(s, p, d):
    """A full disk: told so, nothing half-written, and then it goes on."""
    s.configure(outbox=outbox(server=addr(*OWN)))
    s.master.expect("IMSG_CONF_DONE")
    o = [out(REDIRECT, TO)]
    assert p.sync(mail=b"x" * (2 * SIZE), flags=OUT, outs=o) == (
        errno.ENOSPC, 0)
    assert s.files("outbox") == []
    assert p.sync(mail=MAIL, flags=OUT, outs=o)[0] == 0
    got = p.sends()
    d.fill()
    assert p.sync(mail=MAIL, flags=OUT, outs=o)[0] == errno.ENOSPC
    # Sent, which cannot be put down: it is not sent again for that.
    p.sent(got[0])
    assert p.sends(2) is None, "sent twice"
    d.free()
    assert empty(s)
    assert p.sync(mail=MAIL, flags=OUT, outs=o)[0] == 0
    assert p.sends()[4] == MAIL


def bad(f):
    def case(s, p):
        q = s.proxy()
        q.all_members()
        try:
            f(q)
        except (BrokenPipeError, ConnectionResetError, Gone):
            pass
        assert s.bad() == q.instance
        assert q.gone(), "it is not dropped"
        assert p.sync()[0] == 0
        assert rows(s) == [] and s.files("outbox") == []
    return case


def n_no_message(p):
    p.sync(flags=OUT, outs=[out(REDIRECT, TO)])


def n_unannounced(p):
    p.sync(outs=[out(COPY, TO)])


def n_too_many(p):
    p.sync(outs=[out(NOTIFY, TO)] * 5)


def n_kind(p):
    p.sync(outs=[out(4, TO)])


def n_address(p):
    p.sync(outs=[out(NOTIFY, b"a@b> SIZE=1")])


def n_no_address(p):
    p.sync(outs=[out(NOTIFY, b"")])


def n_reply_address(p):
    p.sync(outs=[out(REPLY, TO, b"x")])


def n_controls(p):
    p.sync(outs=[out(REPLY, b"", b"x\r\ny")])


def n_server(p):
    p.sync(outs=[out(NOTIFY, TO, server=b"\x05" * 20)])


def n_nowhere(p):
    """Without a server of its own, and without one that was meant."""
    p.sync(flags=OUT, mail=MAIL, outs=[out(REDIRECT, TO)], dest=None)


def n_message_unannounced(p):
    p.send("IMSG_RECORD", record(flags=SYNC), ident=5)
    fd = memfd(b"x")
    p.send("IMSG_RECORD_MAIL", (1).to_bytes(8, "little"), fd, ident=5)
    os.close(fd)


def no_address(s, p):
    """A row that names no server, from whenever: nobody dies of it."""
    p.sync(flags=OUT, mail=MAIL, outs=[out(REDIRECT, TO)])
    p.sends()
    s.stop()
    db = sqlite3.connect(os.path.join(s.state, "store.db"))
    with db:
        db.execute("UPDATE outbox SET server = 'none', port = 0")
    db.close()
    s, p = again(s)
    try:
        assert s.wait_log("kept as quarantine 1")
        assert empty(s) and s.message(1) == MAIL
    finally:
        s.close()


def n_after_message(p):
    p.send("IMSG_RECORD", record(flags=SYNC | OUT, size=1), ident=5)
    fd = memfd(b"x")
    p.send("IMSG_RECORD_MAIL", (1).to_bytes(8, "little"), fd, ident=5)
    os.close(fd)
    p.send("IMSG_RECORD_OUT", out(COPY, TO), ident=5)


def main():
    assert strings and tmpfs and Disk
    c = Cases()
    for f in (notice, kept, reply, reply_later, copy, copy_lost, crash,
              lost_file, no_address, record_goes, turned_back, hung_server,
              many_servers):
        c.run(f.__name__.replace("_", " "), store(f, retry=1))
    c.run("redirect", store(redirect, retry=1))
    c.run("hostile", store(hostile, limit=10000))
    c.run("digest", store(digest, limit=2, within=3))
    c.run("digest large", store(digest_large, limit=2, within=3))
    c.run("no server", store(no_server, server=b"\0" * 20))
    c.run("too late", store(too_late, retry=1, keep=0))
    c.run("full", store(full, size=1 << 20))
    c.run("full disk", disk(no_disk))
    for name, f in sorted(globals().items()):
        if name.startswith("n_"):
            c.run("nonsense: " + name[2:].replace("_", " "),
                  store(bad(f)))
    c.exit()


if __name__ == "__main__":
    main()

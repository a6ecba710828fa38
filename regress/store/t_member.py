#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Dynamic tables: wishes, expiry, size, and the copies of the proxies."""

import os
import sqlite3
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from storelib import MEMBERS_FRAME, Store, peek, query, wait_for
from scanlib import Cases

KERNEL = 1
BLOCK_LEN = 28
MANY = 60000            # members; more frames than a socket has room for


def store(case, tables=(("t", 100, 0),), **args):
    def run():
        s = Store(tables=tables, **args)
        try:
            p = s.proxy()
            assert p.all_members() == {}
            return case(s, p)
        finally:
            s.close()
    return run


def again(s, **args):
    """Another store over the same directory."""
    s.stop()
    args = dict(s.args, **args)
    return Store(state=s.state, **args)


def granted(s, p):
    q = s.proxy()
    q.all_members()
    p.wish("t", "192.0.2.7", why=b"virus")
    for who in (p, q):
        who.until(lambda m: m == {("t", "192.0.2.7"): 0})
    # Once more, by the other one: nothing changes.
    q.wish("t", "192.0.2.7")
    q.wish("t", "<>")
    for who in (p, q):
        who.until(lambda m: len(m) == 2)
    r = s.proxy()
    assert r.all_members() == p.members == q.members


def no_table(s, p):
    p.wish("other", "a")
    p.wish("t", "a")
    p.until(lambda m: m)
    assert set(p.members) == {("t", "a")}, p.members
    p.record(flags=1)
    assert p.done()[1] == 0


def restart(s, p):
    for i in range(50):
        p.wish("t", "k%d" % i, why=b"w%d" % i)
    p.until(lambda m: len(m) == 50)
    t = again(s)
    try:
        q = t.proxy()
        assert q.all_members() == p.members
    finally:
        t.stop()
    rows = query(s.state, "SELECT key, why FROM member ORDER BY number")
    assert rows == [("k%d" % i, "w%d" % i) for i in range(50)], rows


def killed(s, p):
    """What a record's answer has followed is there."""
    for i in range(20):
        p.wish("t", "k%d" % i)
    p.record(flags=1)
    while True:
        got = p.recv()
        if got[0] == "IMSG_RECORD_DONE":
            break
        p.member_frame(got)
    s.kill()
    t = Store(state=s.state, **s.args)
    try:
        assert len(t.proxy().all_members()) == 20
    finally:
        t.stop()


def after_n(s, p):
    """The third within an hour; each key for itself."""
    for i in range(2):
        p.wish("t", "a", after=3, within=3600)
        p.wish("t", "b", after=3, within=3600)
    p.wish("t", "a", after=3, within=3600)
    p.wish("t", "end")
    p.until(lambda m: ("t", "end") in m)
    assert set(p.members) == {("t", "a"), ("t", "end")}, p.members
    # Those before it do not count for the next one.
    s.stop()
    rows = query(s.state, "SELECT key FROM wish")
    assert rows == [("b",)] * 2, rows


def after_restart(s, p):
    p.wish("t", "a", after=2, within=3600)
    assert p.sync()[0] == 0
    t = again(s)
    try:
        q = t.proxy()
        assert q.all_members() == {}
        q.wish("t", "a", after=2, within=3600)
        q.until(lambda m: m)
    finally:
        t.stop()


def after_late(s, p):
    """Wishes that are too old do not count, and go."""
    p.wish("t", "a", after=2, within=60)
    assert p.sync()[0] == 0
    s.stop()
    db = sqlite3.connect(os.path.join(s.state, "store.db"))
    assert db.execute("UPDATE wish SET time = time - 61, until = until - 61"
                      ).rowcount == 1
    db.commit()
    db.close()
    t = Store(state=s.state, **s.args)
    try:
        q = t.proxy()
        q.all_members()
        q.wish("t", "a", after=2, within=60)
        q.wish("t", "end")
        q.until(lambda m: ("t", "end") in m)
        assert ("t", "a") not in q.members
        assert wait_for(lambda: peek(
            s.state, "SELECT count(*) FROM wish") == [(1,)])
    finally:
        t.stop()


def expire(s, p):
    # time(2) may be some ms behind the clock that Python reads.
    before = int(time.time()) - 1
    p.wish("long", "x")
    p.wish("short", "a")
    p.wish("short", "b")
    p.until(lambda m: len(m) == 3)
    assert before + 86400 <= p.members["long", "x"] <= before + 86460
    assert p.members["short", "a"] >= before + 1
    p.until(lambda m: len(m) == 1)
    assert list(p.members) == [("long", "x")], p.members
    q = s.proxy()
    assert q.all_members() == p.members


def renewed(s, p):
    """Who goes on stays longer, and is the youngest."""
    for key in ("a", "b", "a", "c"):
        p.wish("t", key)
    p.until(lambda m: ("t", "c") in m and len(m) == 2)
    assert set(p.members) == {("t", "a"), ("t", "c")}, p.members


def size(s, p):
    """The oldest go, for all."""
    q = s.proxy()
    q.all_members()
    for i in range(150):
        p.wish("t", "k%d" % i)
    want = {("t", "k%d" % i) for i in range(50, 150)}
    for who in (p, q):
        who.until(lambda m: set(m) == want)
    t = again(s, tables=[("t", 10, 0)])
    try:
        r = t.proxy()
        r.all_members()
        r.until(lambda m: len(m) == 10)
        assert set(r.members) == {("t", "k%d" % i) for i in range(140, 150)}
    finally:
        t.stop()


def forgotten(s, p):
    """A table that the configuration has no more, and another has come."""
    p.wish("t", "a")
    p.until(lambda m: m)
    s.configure(tables=[("u", 10, 0)])
    s.master.expect("IMSG_CONF_DONE")
    assert wait_for(lambda: peek(
        s.state, "SELECT count(*) FROM member") == [(0,)])
    q = s.proxy()
    assert q.all_members() == {}
    q.wish("u", "b")
    q.until(lambda m: ("u", "b") in m)
    p.until(lambda m: ("u", "b") in m)


def fill(state, n, expires=0, key="k%d"):
    db = sqlite3.connect(os.path.join(state, "store.db"))
    db.executemany(
        "INSERT INTO member (tbl, key, expires, added, why) VALUES "
        "('t', ?, ?, 1, '')",
        ((key % i, expires) for i in range(n)))
    db.commit()
    db.close()


def many(s, p):
    """More than fit the queue; others are served meanwhile, changes too."""
    s.stop()
    fill(s.state, MANY)
    t = Store(state=s.state, tables=[("t", MANY, 0)])
    try:
        slow, quick = t.proxy(), t.proxy()
        slow.expect("IMSG_MEMBER_SET")
        # That one does not read; this one does not care.
        assert len(quick.all_members()) == MANY
        error = quick.sync(mail=b"x" * 1000)[0]
        assert error == 0
        quick.wish("t", "new")
        quick.until(lambda m: ("t", "new") in m)
        quick.until(lambda m: ("t", "k0") not in m)
        assert len(quick.members) == MANY
        slow.all_members()
        slow.members.update({("t", "k%d" % i): 0
                             for i in range(1, MEMBERS_FRAME)})
        slow.until(lambda m: ("t", "new") in m and len(m) == MANY)
        assert slow.members == quick.members
    finally:
        t.stop()


def many_expire(s, p):
    """All at once, with a proxy that has all of them."""
    s.stop()
    fill(s.state, MANY)
    t = Store(state=s.state, tables=[("t", MANY, 0)])
    try:
        q = t.proxy()
        assert len(q.all_members()) == MANY
        t.configure(tables=[("t", 1, 0)])
        t.master.expect("IMSG_CONF_DONE")
        q.until(lambda m: len(m) == 1)
        assert ("t", "k%d" % (MANY - 1)) in q.members
    finally:
        t.stop()


def reads_nothing(s, p):
    """A proxy that does not read is dropped, and nobody else suffers."""
    q = s.proxy()
    q.all_members()
    # Its socket and its queue have room for less.
    n = 12000
    for i in range(n):
        q.wish("t", "k%d" % (i % 90))
        if i % 100 == 99:
            q.wish("t", "mark%d" % (i % 200))
            q.until(lambda m: ("t", "mark%d" % (i % 200)) in m)
            q.members.clear()
    assert s.bad() == p.instance
    assert p.gone()
    assert q.sync()[0] == 0


def kernel(s, p):
    """A master that reads slowly hears of all whom the kernel may let in."""
    n = 40000
    s.stop()
    fill(s.state, n, key="2001:db8::%x")
    t = Store(state=s.state, tables=[("t", MANY, 0, KERNEL)], ready=False)

    def blocks(remove, wanted, q=None):
        """Read so many; fewer where none has come for a while."""
        seen = set()
        idle = 0
        while len(seen) < wanted and idle < 10:
            while q and (m := q.recv(0)) is not None:
                q.member_frame(m)
            got = t.master.recv(0.5)
            idle = 0 if got else idle + 1
            if got is None or got[0] != "IMSG_BLOCK":
                continue
            data = got[2]
            for off in range(0, len(data), BLOCK_LEN):
                if data[off + 24] == remove:
                    seen.add(data[off + 4:off + 20])
        return len(seen)
    try:
        assert blocks(0, n) == n
        q = t.proxy()
        q.all_members()
        t.configure(tables=[("t", 1, 0, KERNEL)])
        # The proxy hears of it as far as it goes while master sleeps.
        while (got := q.recv(1)) is not None:
            q.member_frame(got)
        assert blocks(1, n - 1, q) == n - 1
        q.until(lambda m: len(m) == 1)
    finally:
        t.stop()


def kernel_flood(s, p):
    """Those that master had no room for are told of when it has."""
    s.configure(tables=[("t", MANY, 0, KERNEL)])
    s.master.expect("IMSG_CONF_DONE")
    n = 20000
    for i in range(n):
        p.wish("t", "2001:db8::%x" % i)
        if i % 100 == 99:
            p.until(lambda m: ("t", "2001:db8::%x" % i) in m)
    seen = set()
    while len(seen) < n:
        got = s.master.recv(5)
        assert got is not None, len(seen)
        for off in range(0, len(got[2]), BLOCK_LEN):
            seen.add(got[2][off + 4:off + 20])
    assert len([x for x in s.log() if "kernel" in x]) == 1


def wishes(s, p):
    """A flood of them is over as fast as it came."""
    s.stop()
    db = sqlite3.connect(os.path.join(s.state, "store.db"))
    with db:
        db.executemany("INSERT INTO wish (tbl, key, time, until) VALUES "
                       "('t', ?, 1, 2)",
                       (("k%d" % i,) for i in range(300000)))
    db.close()
    t = Store(state=s.state, tables=[("t", 5, 0)])
    try:
        t.proxy().all_members()
        assert wait_for(lambda: peek(
            t.state, "SELECT count(*) FROM wish") == [(0,)])
    finally:
        t.stop()


def counts(s, p):
    """Who reads slowly misses counts, and is not taken for dead."""
    q = s.proxy()
    q.all_members()
    for i in range(30000):
        p.send("IMSG_COUNT", struct.pack("=IIII328s", 0, 0, 60, 0,
                                         b"192.0.2.%d" % (i % 250)))
    p.sync()
    n = 0
    while q.recv(0.1) is not None:
        n += 1
    assert 1000 <= n < 30000, n
    q.sync()


def main():
    c = Cases()
    for f in (granted, no_table, restart, killed, after_n, after_restart,
              after_late, size, forgotten, many, many_expire,
              reads_nothing, counts, kernel, kernel_flood,
              wishes):
        c.run(f.__name__.replace("_", " "), store(f))
    c.run("expire", store(expire, (("long", 9, 86400), ("short", 9, 1))))
    c.run("renewed", store(renewed, (("t", 2, 0),)))
    c.exit()


if __name__ == "__main__":
    main()

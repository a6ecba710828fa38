#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Databases of earlier and later versions, of others, and damaged ones."""

import os
import re
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from storelib import TOP, Store, peek, query
from scanlib import Cases

APPLICATION = 0x4D57414C
CHILD_FATAL = 1


def migrations():
    """The changes of db.c, as SQL."""
    text = open(os.path.join(TOP, "store/db.c")).read()
    body = re.search(r"migrations\[\] = \{(.*?)\n\};", text, re.S).group(1)
    # A change ends with a string that has a comma behind it.
    return ["".join(re.findall(r'"([^"]*)"', p))
            for p in re.findall(r'.*?",\n', body + "\n", re.S)]


def make(state, version, application=APPLICATION):
    """A database as that version of the schema had it, with a record."""
    db = sqlite3.connect(os.path.join(state, "store.db"))
    for sql in migrations()[:version]:
        db.executescript(sql)
    if version:
        names = [r[1] for r in db.execute("PRAGMA table_info(record)")]
        db.execute("INSERT INTO record VALUES (%s)" %
                   ",".join("?" * len(names)),
                   [5, 1, 32503680000000] + ["x"] * (len(names) - 3))
        db.commit()
    db.execute("PRAGMA user_version = %d" % version)
    db.execute("PRAGMA application_id = %d" % application)
    db.close()
    own(state)


def own(state):
    st = os.stat(state)
    for name in os.listdir(state):
        os.chown(os.path.join(state, name), st.st_uid, st.st_gid)


def schema(state):
    return sorted(query(state, "SELECT sql FROM sqlite_master WHERE sql "
                        "IS NOT NULL"))


def with_dir(case):
    """case(state, make a store there)"""
    def run():
        stores = []

        def start(**args):
            ready = args.pop("ready", True)
            stores.append(Store(state=state, ready=False, **args))
            if ready:
                stores[-1].ready()
            return stores[-1]
        state = Store.directory()
        try:
            return case(state, start)
        finally:
            for s in stores:
                s.stop()
            stores[-1].own = True
            stores[-1].close()
    return run


def refused(s, word):
    assert s.exit_status() == CHILD_FATAL, s.exit_status()
    line = [x for x in s.log() if word in x and "/store.db" in x]
    assert line, s.log()


def old(version):
    def case(state, start):
        make(state, version)
        s = start(tables=[("t", 5, 0)])
        p = s.proxy()
        p.all_members()
        assert p.sync(mail=b"new")[1] == 6
        p.wish("t", "key")
        p.until(lambda m: m)
        s.stop()
        assert query(state, "SELECT number FROM record") == [(5,), (6,)]
        assert query(state, "PRAGMA user_version") == [(len(migrations()),)]
        assert query(state, "PRAGMA application_id") == [(APPLICATION,)]
        upgraded = schema(state)
        fresh = Store()
        fresh.stop()
        try:
            assert upgraded == schema(fresh.state)
        finally:
            fresh.close()
    return case


def newer(state, start):
    make(state, len(migrations()))
    db = sqlite3.connect(os.path.join(state, "store.db"))
    db.execute("PRAGMA user_version = %d" % (len(migrations()) + 1))
    db.close()
    before = open(os.path.join(state, "store.db"), "rb").read()
    refused(start(ready=False), "from a later mailwall")
    assert open(os.path.join(state, "store.db"), "rb").read() == before


def others(state, start):
    make(state, 0, 0x12345)
    refused(start(ready=False), "is not a database of mailwall")


def unnamed(state, start):
    """Somebody's tables, and no name of an application."""
    db = sqlite3.connect(os.path.join(state, "store.db"))
    db.execute("CREATE TABLE t (x)")
    db.commit()
    db.close()
    own(state)
    refused(start(ready=False), "is not a database of mailwall")


def no_database(state, start):
    with open(os.path.join(state, "store.db"), "wb") as f:
        f.write(b"This is a text. " * 1000)
    own(state)
    refused(start(ready=False), "is damaged")


def damaged(state, start):
    make(state, len(migrations()))
    path = os.path.join(state, "store.db")
    with open(path, "r+b") as f:
        f.seek(4096)
        f.write(b"\xff" * (os.path.getsize(path) - 4096))
    refused(start(ready=False), "is damaged")


def damaged_later(state, start):
    """One page, which nobody would read for days."""
    make(state, len(migrations()))
    path = os.path.join(state, "store.db")
    root = query(state, "SELECT rootpage FROM sqlite_master "
                 "WHERE name = 'quarantine_time'")[0][0]
    size = query(state, "PRAGMA page_size")[0][0]
    with open(path, "r+b") as f:
        f.seek((root - 1) * size)
        f.write(b"\xff" * size)
    own(state)
    refused(start(ready=False), "is damaged")


def cut(state, start):
    make(state, len(migrations()))
    path = os.path.join(state, "store.db")
    os.truncate(path, os.path.getsize(path) // 2)
    refused(start(ready=False), "is damaged")


def link(state, start):
    """The name is not followed to elsewhere."""
    os.symlink("/nonexistent/store.db", os.path.join(state, "store.db"))
    s = start(ready=False)
    assert s.exit_status() == CHILD_FATAL
    assert any("/store.db" in x for x in s.log()), s.log()


def moved_away(state, start):
    """Messages of a database that is gone are not taken for leftovers."""
    for where in ("quarantine", "outbox"):
        s = start()
        p = s.proxy()
        p.all_members()
        assert p.sync(mail=b"kept")[0] == 0
        s.stop()
        old = os.path.join(state, "store.db")
        os.rename(old, old + ".damaged")
        if where == "outbox":
            os.rename(os.path.join(state, "quarantine/1"),
                      os.path.join(state, "outbox/1"))
        s = start(ready=False)
        assert s.exit_status() == CHILD_FATAL, s.exit_status()
        assert any("the database is new" in x and where in x
                   for x in s.log()), s.log()
        assert s.files(where) == ["1"]
        # Nor at the next attempt.
        s = start(ready=False)
        assert s.exit_status() == CHILD_FATAL and s.files(where) == ["1"]
        os.unlink(os.path.join(state, where, "1"))
        # What no row was ever written for does not count.
        with open(os.path.join(state, where, "9.tmp"), "w"):
            pass
        own(os.path.join(state, where))
    start().stop()


def twice(state, start):
    """Two stores over one directory: the second one gives up."""
    s = start()
    refused(start(ready=False), "in use")
    p = s.proxy()
    p.all_members()
    assert p.sync(mail=b"still here")[0] == 0


def shared(state, start):
    """A directory that others can write to is not trusted."""
    os.chmod(state, 0o777)
    s = start(ready=False)
    assert s.exit_status() == CHILD_FATAL
    assert any(state in x for x in s.log()), s.log()
    os.chmod(state, 0o700)
    os.chown(state, 0, 0)
    s = start(ready=False)
    assert s.exit_status() == CHILD_FATAL


def main():
    c = Cases()
    assert len(migrations()) >= 2 and peek
    for v in range(len(migrations()) + 1):
        c.run("from version %d" % v if v else "an empty database",
              with_dir(old(v) if v else empty))
    for f in (newer, others, unnamed, no_database, damaged, damaged_later,
              cut, link, moved_away, twice, shared):
        c.run(f.__name__.replace("_", " "), with_dir(f))
    c.exit()


def empty(state, start):
    """A file of no bytes, as a crash at the very first start leaves it."""
    open(os.path.join(state, "store.db"), "w").close()
    own(state)
    p = start().proxy()
    p.all_members()
    assert p.sync(mail=b"new")[1] == 1


if __name__ == "__main__":
    main()

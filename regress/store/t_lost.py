#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Messages that the database does not know: set aside, never lost.

So it is when an older database was restored: what is newer was acknowledged,
and there is no other copy.
"""

import os
import shutil
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from storelib import OUT, REDIRECT, SYNC, Store, checked, out
from scanlib import Cases

KEEP = 86400
ASIDE = "messages that the database does not know, moved to"
STUCK = "could not be moved"


class State:
    """A state directory, and the stores that run in it one by one."""

    def __init__(self):
        self.path = Store.directory()
        self.store = None

    def start(self):
        """The next store, and a proxy of it."""
        self.stop()
        self.store = Store(state=self.path, quarantine_keep=KEEP)
        proxy = self.store.proxy()
        proxy.all_members()
        return self.store, proxy

    def stop(self):
        if self.store is not None:
            self.store.stop()
            self.store = None

    def name(self, *names):
        return os.path.join(self.path, *names)

    def write(self, where, name, data=b"", age=0):
        """A file of the store's user."""
        path = self.name(where, name)
        with open(path, "wb") as f:
            f.write(data)
        st = os.stat(self.path)
        os.chown(path, st.st_uid, st.st_gid)
        if age:
            os.utime(path, (time.time() - age,) * 2)

    def read(self, where):
        """{name: content} of a directory."""
        got = {}
        for name in sorted(os.listdir(self.name(where))):
            with open(self.name(where, name), "rb") as f:
                got[name] = f.read()
        return got

    def aside(self):
        """The same of lost, with names as they were: quarantine-17."""
        got = {}
        for name, data in self.read("lost").items():
            was, when = name.rsplit("-", 1)
            assert abs(int(when) - time.time()) < 600, name
            assert was not in got, name
            got[was] = data
        return got

    def backup(self):
        """Of the database alone; restore() brings it back."""
        self.stop()
        shutil.copyfile(self.name("store.db"), self.name("backup"))

    def restore(self):
        self.stop()
        assert not os.path.exists(self.name("store.db-wal"))
        shutil.copyfile(self.name("backup"), self.name("store.db"))

    def close(self):
        self.stop()
        shutil.rmtree(self.path)


def lines(s, word):
    return [line for line in s.log() if word in line]


def messages(p, *mails):
    """Keep them: {number as text: message}."""
    got = {}
    for mail in mails:
        error, number = p.sync(mail=mail, rcpt=[b"r@example.org"])
        assert error == 0, error
        got[str(number)] = mail
    return got


def restored(st):
    s, p = st.start()
    old = messages(p, b"old 1", b"old 2" * 1000)
    st.backup()
    s, p = st.start()
    new = messages(p, b"new 1", os.urandom(300000), b"")
    # Mail of somebody as well, which waits to be sent.
    error, number = p.sync(mail=b"redirected", flags=OUT | SYNC,
                           outs=[out(REDIRECT, b"r@x.example")])
    assert error == 0 and s.files("outbox") == ["1"]
    st.restore()

    s, p = st.start()
    want = {"quarantine-" + n: mail for n, mail in new.items()}
    want["outbox-1"] = b"redirected"
    assert st.read("quarantine") == old
    assert st.read("outbox") == {}
    assert st.aside() == want, list(st.aside())
    line, = lines(s, ASIDE)
    assert st.name("lost") + ": 4; " in line, line
    assert "restored" in line and "crash" in line, line

    again = messages(p, b"again 1", b"again 2", b"again 3", b"again 4")
    # Nobody is to take one for the other.
    assert not set(again) & (set(new) | set(old)), again
    assert st.read("quarantine") == {**old, **again}
    assert st.aside() == want, list(st.aside())
    st.stop()
    checked(st.path)

    before = st.read("lost")
    s, p = st.start()
    assert st.read("lost") == before and not lines(s, ASIDE)
    assert st.read("quarantine") == {**old, **again}


def expired(st):
    """Those that are too old go, by the time when they were found."""
    st.start()
    st.stop()
    now = int(time.time())
    gone = ("quarantine-5-%d" % (now - KEEP - 60),
            "outbox-77-%d" % (now - KEEP - 60))
    stay = ("quarantine-6-%d" % (now - KEEP + 600),
            "quarantine-7-%d" % (now + KEEP), "outbox-3-%d" % (2**64 - 1),
            "README", "quarantine-05-1", "quarantine-1", "outbox-1-x",
            "quarantine-1-2.eml", "backup-1-2", "quarantine-1-02")
    for name in gone:
        st.write("lost", name, b"old")
    for name in stay:
        st.write("lost", name, b"stays", age=KEEP + 60)
    # Nobody has been told of it for long, however old it is.
    st.write("quarantine", "9", b"found", age=KEEP + 60)
    s, p = st.start()
    left = st.read("lost")
    found, = [n for n in left if n.startswith("quarantine-9-")]
    assert left[found] == b"found"
    assert sorted(left) == sorted((found,) + stay)
    assert lines(s, "2 files, kept long enough")
    s, p = st.start()
    assert st.read("lost") == left and not lines(s, "long enough")
    assert lines(s, "lost: 4 files are there from earlier starts")


def halfway(st):
    """One that dies among them has not told of their numbers."""
    st.start()
    st.stop()
    now = int(time.time())
    st.write("lost", "quarantine-40-%d" % now, b"there already")
    st.write("lost", "quarantine-50-%d" % (now - KEEP - 60), b"too old")
    st.write("lost", "outbox-20-%d" % now, b"likewise")
    st.write("lost", "outbox-%d-%d" % (2**63, now), b"nonsense")
    st.write("quarantine", "30", b"not yet")
    s, p = st.start()
    assert messages(p, b"new") == {"51": b"new"}
    assert p.sync(mail=b"redirected", flags=OUT | SYNC,
                  outs=[out(REDIRECT, b"r@x.example")])[0] == 0
    assert st.read("outbox") == {"21": b"redirected"}


def no_directory(st):
    """Nowhere to put them: they stay, and mail goes on."""
    st.start()
    st.stop()
    os.rmdir(st.name("lost"))
    st.write("", "lost", b"of others")
    st.write("quarantine", "3", b"not moved")
    s, p = st.start()
    line, = lines(s, STUCK)
    assert "lost: 1: Not a directory" in line, line
    assert messages(p, b"new") == {"4": b"new"}
    assert st.read("quarantine") == {"3": b"not moved", "4": b"new"}


def not_whole(st):
    """What was still being written when the store died goes."""
    st.start()
    st.stop()
    for where in ("quarantine", "outbox"):
        st.write(where, "7.tmp", b"half")
    s, p = st.start()
    assert len(lines(s, "7.tmp was never acknowledged, deleted")) == 2
    for where in ("quarantine", "outbox", "lost"):
        assert st.read(where) == {}, where
    assert not lines(s, ASIDE)


def taken(st):
    """A name that is there already in lost is not taken again."""
    st.start()
    st.stop()
    now = int(time.time())
    before = {"quarantine-7-%d" % when: b"%d" % when
              for when in range(now, now + 60)}
    for name, data in before.items():
        st.write("lost", name, data)
    st.write("quarantine", "7", b"the next")
    st.start()
    after = st.read("lost")
    found = set(after) - set(before)
    assert len(found) == 1 and after.pop(found.pop()) == b"the next"
    assert after == before and st.read("quarantine") == {}


def stuck(st):
    """What cannot be moved stays, and no message is written over it."""
    s, p = st.start()
    kept = messages(p, b"kept")
    st.stop()
    st.write("quarantine", "2", b"not moved")
    st.write("quarantine", "4", b"nor this one")
    st.write("outbox", "1", b"nor that one")
    os.chmod(st.name("lost"), 0o500)
    s, p = st.start()
    line, = lines(s, STUCK)
    assert "lost: 3: Permission denied" in line, line
    assert not lines(s, ASIDE)
    kept.update(messages(p, b"after 1", b"after 2", b"after 3"))
    assert sorted(kept) == ["1", "5", "6", "7"], kept
    assert p.sync(mail=b"redirected", flags=OUT | SYNC,
                  outs=[out(REDIRECT, b"r@x.example")])[0] == 0
    assert st.read("outbox") == {"1": b"nor that one", "2": b"redirected"}
    st.stop()
    os.chmod(st.name("lost"), 0o700)
    s, p = st.start()
    assert st.read("quarantine") == kept
    assert st.aside() == {"quarantine-2": b"not moved",
                          "quarantine-4": b"nor this one",
                          "outbox-1": b"nor that one"}
    assert lines(s, ASIDE) and not lines(s, STUCK)


def no_number(st):
    """A name like a number that no message can have had."""
    st.start()
    st.stop()
    numbers = (5, 2**63 - 1, 2**64 - 1)
    for name in numbers:
        st.write("quarantine", str(name), b"%d" % name)
    s, p = st.start()
    assert st.aside() == {"quarantine-%d" % n: b"%d" % n for n in numbers}
    assert messages(p, b"new") == {"6": b"new"}


def main():
    c = Cases()
    for f in (restored, expired, halfway, no_directory, not_whole, taken, stuck,
              no_number):
        def run(f=f):
            st = State()
            try:
                f(st)
            finally:
                st.close()
        c.run(f.__name__.replace("_", " "), run)
    c.exit()


if __name__ == "__main__":
    main()

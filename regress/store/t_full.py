#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A disk that is full, in a mount namespace of this test's own.

Who asks is told so, nothing half-written stays, and the store goes on.
"""

import errno
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from storelib import OUT, REDIRECT, SYNC, Store, checked, out, peek, tmpfs
from scanlib import Cases

SIZE = 1 << 20


class Disk:
    """The state directory, and what else fills it."""

    def __init__(self, state):
        self.filler = os.path.join(state, "filler")

    def fill(self, leave=0):
        with open(self.filler, "ab", buffering=0) as f:
            try:
                while True:
                    f.write(b"x" * 4096)
            except OSError as e:
                assert e.errno == errno.ENOSPC, e
        if leave:
            os.truncate(self.filler, os.path.getsize(self.filler) - leave)

    def free(self):
        os.unlink(self.filler)


def disk(case):
    def run():
        state = Store.directory()
        try:
            # Each case has a process of its own to be in the namespace.
            pid = os.fork()
            if pid == 0:
                child(case, state)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            assert status == 0, "see above"
        finally:
            os.rmdir(state)
    return run


def child(case, state):
    code = 1
    try:
        tmpfs(state, SIZE)
        s = Store(state=state)
        p = s.proxy()
        p.all_members()
        case(s, p, Disk(state))
        code = 0
    except BaseException as e:
        print("# %s: %s" % (type(e).__name__, e), flush=True)
    finally:
        os._exit(code)


def too_large(s, p, d):
    """One message that does not fit; the next one does."""
    assert p.sync(mail=b"x" * (2 * SIZE)) == (errno.ENOSPC, 0)
    assert s.files() == [], s.files()
    error, number = p.sync(mail=b"small")
    assert error == 0
    s.stop()
    assert list(checked(s.state)) == [number]
    assert peek(s.state, "SELECT count(*) FROM record") == [(1,)]


def until_full(s, p, d):
    """Messages until it is full, all but the first of them in flight.

    Those that are committed together fail together when the database finds no
    room behind their files, so how many get through is a matter of time.
    """
    first = [p.sync(mail=b"%d" % i * 20000) for i in range(5)]
    assert [error for error, _ in first] == [0] * 5, first
    n = 60
    mails = {p.record(mail=b"%d" % i * 20000): i for i in range(n)}
    got = [p.done() for i in range(n)]
    good = [number for _, number in first] + \
        [number for _, error, number in got if error == 0]
    bad = {error for _, error, _ in got if error != 0}
    assert bad == {errno.ENOSPC} and len(good) < n, (bad, len(good))
    assert sorted(s.files()) == sorted(map(str, good))
    assert len(mails) == n
    s.kill()
    s = Store(state=s.state)
    s.stop()
    assert sorted(checked(s.state)) == good


def database(s, p, d):
    """Not a byte for the database either; then there is room again."""
    d.fill()
    good = bad = 0
    for i in range(2000):
        error, number = p.sync(facts=[b"f" * 900])
        if error == 0:
            good += 1
            bad = 0
            continue
        assert error == errno.ENOSPC, error
        # Room that the store has found for itself.
        d.fill()
        bad += 1
        if bad == 3:
            break
    assert bad == 3, "never full"
    assert p.sync(mail=b"x") == (errno.ENOSPC, 0)
    assert s.files() == [], s.files()
    # What nobody waits for is lost, and the log says so.
    p.record(facts=[b"f" * 900] * 20)
    assert s.wait_log("records are lost"), s.log()
    d.free()
    error, number = p.sync(mail=b"there is room")
    assert error == 0, error
    assert p.sync()[0] == 0
    s.kill()
    s = Store(state=s.state)
    s.stop()
    assert list(checked(s.state)) == [number]
    rows = peek(s.state, "SELECT count(*) FROM record")
    assert rows == [(good + 2,)], (rows, good)


def nearly(s, p, d):
    """Room for the file, perhaps, but not for its row."""
    assert p.sync(mail=b"first")[0] == 0
    good = 1
    for leave in (0, 4096, 8192, 12288, 16384, 20480, 40960):
        d.fill(leave)
        for i in range(60):
            error, number = p.sync(mail=b"m", facts=[b"f" * 900] * 4)
            if error != 0:
                assert error == errno.ENOSPC, error
                break
            good += 1
        assert error != 0 or i == 59
        d.free()
        assert len(s.files()) == good, (len(s.files()), good)
    s.stop()
    assert len(checked(s.state)) == good
    assert peek(s.state, "SELECT count(*) FROM record") == [(good,)]


def started(s, p, d):
    """Numbers that could not be skipped at the start are skipped later."""
    s.stop()
    st = os.stat(s.state)
    for name in ("quarantine/7", "outbox/5"):
        path = os.path.join(s.state, name)
        with open(path, "wb") as f:
            f.write(b"of a newer database")
        os.chown(path, st.st_uid, st.st_gid)
    d.fill()
    s = Store(state=s.state)
    p = s.proxy()
    p.all_members()
    assert s.wait_log("quarantine: not repaired"), s.log()
    assert p.sync(mail=b"x")[0] == errno.ENOSPC
    d.free()
    assert p.sync(mail=b"x") == (0, 8)
    assert p.sync(mail=b"y", flags=OUT | SYNC,
                  outs=[out(REDIRECT, b"r@x.example")]) == (0, 9)
    assert s.files("outbox") == ["6"], s.files("outbox")
    assert len(os.listdir(os.path.join(s.state, "lost"))) == 2
    s.stop()
    assert list(checked(s.state)) == [8]


def main():
    assert SYNC
    c = Cases()
    for f in (too_large, until_full, database, nearly, started):
        c.run(f.__name__.replace("_", " "), disk(f))
    c.exit()


if __name__ == "__main__":
    main()

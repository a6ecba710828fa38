#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Killed at any moment: what was acknowledged is there, whole.

What was not is not there at all, or whole as well.
"""

import ctypes
import hashlib
import os
import random
import select
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from storelib import LOST, Store, checked, query, wait_for
from scanlib import Cases, Gone

ROUNDS = 60
ROWS = 10000
STOPS = 1000            # system calls, in and out, far more than it takes

PTRACE_SYSCALL, PTRACE_SEIZE, PTRACE_INTERRUPT = 24, 0x4206, 0x4207
WALL = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long,) * 4
_libc.ptrace.restype = ctypes.c_long


def ptrace(request, pid):
    if _libc.ptrace(request, pid, 0, 0) == -1:
        e = ctypes.get_errno()
        raise OSError(e, "ptrace %#x: %s" % (request, os.strerror(e)))


def burst(p, rng):
    """Messages without waiting for answers: {id: digest}."""
    sent = {}
    for i in range(rng.randrange(1, 30)):
        mail = rng.randbytes(rng.choice((0, 10, 3000, 70000, 300000)))
        ident = p.record(mail=mail, rcpt=[b"r@example.org"],
                         facts=[b"fact"])
        sent[ident] = hashlib.sha256(mail).hexdigest()
    return sent


def answers(p, n):
    """n answers, or all that come before the end."""
    out = []
    try:
        while len(out) < n:
            out.append(p.done())
    except (Gone, ConnectionResetError):
        pass
    return out


def kills(seed):
    """Killed after so many answers, or soon after them."""
    def case():
        rng = random.Random(seed)
        state = Store.directory()
        acked = {}
        last = None
        try:
            for i in range(ROUNDS // 3):
                s = Store(state=state)
                last = s
                p = s.proxy()
                p.all_members()
                for number, digest in acked.items():
                    assert hashlib.sha256(
                        s.message(number)).hexdigest() == digest, number
                sent = burst(p, rng)
                got = answers(p, rng.randrange(0, len(sent) + 1))
                # Into the middle of what it does next.
                select.select([], [], [], rng.random() / 200)
                os.kill(s.pid, 9)
                # Answers that were on their way count too.
                got += answers(p, len(sent) - len(got))
                s.kill()
                p.close()
                for ident, error, number in got:
                    assert error == 0 and number not in acked, (error, number)
                    acked[number] = sent[ident]
            s = Store(state=state)
            last = s
            s.stop()
            kept = checked(state)
            for number, digest in acked.items():
                assert kept.get(number) == digest, number
            assert len(acked) > 20, len(acked)
            n = query(state, "SELECT count(*) FROM record")[0][0]
            assert n == len(kept), (n, len(kept))
            n = query(state, "SELECT count(*) FROM recipient")[0][0]
            assert n == len(kept), (n, len(kept))
        finally:
            last.own = True
            last.close()
    return case


def each_call(state):
    """Killed before and after every system call that a message takes."""
    acked = {}
    told = 0
    for n in range(STOPS):
        if told > 3:
            break
        s = Store(state=state)
        try:
            p = s.proxy()
            p.all_members()
            ptrace(PTRACE_SEIZE, s.pid)
            ptrace(PTRACE_INTERRUPT, s.pid)
            os.waitpid(s.pid, WALL)
            mail = b"message %d" % n * 1000
            p.record(mail=mail, rcpt=[b"r@example.org"])
            for i in range(n):
                # Behind its answer there is nothing but the next timer.
                if select.select([p.sock], [], [], 0)[0] and i < n - told:
                    break
                ptrace(PTRACE_SYSCALL, s.pid)
                os.waitpid(s.pid, WALL)
            os.kill(s.pid, 9)
            for ident, error, number in answers(p, 1):
                assert error == 0, error
                acked[number] = hashlib.sha256(mail).hexdigest()
                told += 1
        finally:
            s.kill()
        # What is left is what the next start finds; it must put it right.
        s = Store(state=state)
        s.stop()
        kept = checked(state)
        for number, digest in acked.items():
            assert kept.get(number) == digest, (n, number)
    # It began before there was a message, and went on beyond its answer.
    assert told > 3 and n > 30, (told, n)


def with_state(case):
    """Run case(state) with a directory in which a store has been."""
    def run():
        s = Store()
        s.stop()
        try:
            return case(s.state)
        finally:
            s.close()
    return run


def leftovers(state):
    """Files without a row are set aside, others' names stay."""
    d = os.path.join(state, "quarantine")
    for name in ("17", "18.tmp", "0", "README", "1x", "01"):
        with open(os.path.join(d, name), "w") as f:
            f.write("half")
    s = Store(state=state)
    assert s.files() == ["01", "1x", "README"], s.files()
    aside = [name.rsplit("-", 1)[0] for name in s.files("lost")]
    assert aside == ["quarantine-0", "quarantine-17"], aside
    assert any("README" in line for line in s.log())
    p = s.proxy()
    p.all_members()
    assert p.sync(mail=b"new")[0] == 0
    s.stop()


def lost(state):
    """Rows whose files are gone, or cut, are told from the others."""
    s = Store(state=state)
    p = s.proxy()
    p.all_members()
    numbers = [p.sync(mail=b"message %d" % i)[1] for i in range(3)]
    s.kill()
    d = os.path.join(state, "quarantine")
    os.unlink(os.path.join(d, str(numbers[0])))
    os.truncate(os.path.join(d, str(numbers[1])), 3)
    s = Store(state=state)
    assert s.wait_log("quarantine %d: the file is lost" % numbers[0])
    assert s.wait_log("quarantine %d: the file is not what" % numbers[1])
    s.stop()
    rows = query(state, "SELECT number FROM quarantine WHERE state = ?", LOST)
    assert [r[0] for r in rows] == numbers[:2], rows


def many_rows(state):
    """Ten thousand messages: a start, another message, and the end of all."""
    d = os.path.join(state, "quarantine")
    db = sqlite3.connect(os.path.join(state, "store.db"))
    digest = hashlib.sha256(b"x").hexdigest()
    names = [r[1] for r in db.execute("PRAGMA table_info(record)")]
    for i in range(1, ROWS + 1):
        db.execute("INSERT INTO record VALUES (%s)" %
                   ",".join("?" * len(names)), [i] + [1] * (len(names) - 1))
        db.execute("INSERT INTO quarantine (number, time, size, sha256, "
                   "state, expires) VALUES (?, 1, 1, ?, 0, 99999999999)",
                   (i, digest))
        with open(os.path.join(d, str(i)), "wb") as f:
            f.write(b"x")
    db.commit()
    db.close()
    s = Store(state=state)
    p = s.proxy()
    p.all_members()
    assert p.sync(mail=b"one more") == (0, ROWS + 1)
    s.stop()
    assert len(checked(state)) == ROWS + 1
    db = sqlite3.connect(os.path.join(state, "store.db"))
    db.execute("UPDATE quarantine SET expires = 1 WHERE number <= ?",
               (ROWS,))
    db.commit()
    db.close()
    s = Store(state=state)
    p = s.proxy()
    p.all_members()
    # Others are served meanwhile.
    assert p.sync(mail=b"another") == (0, ROWS + 2)
    # Each of them is a line in the log, which somebody must read.
    assert wait_for(lambda: s.log() and len(s.files()) == 2), len(s.files())
    s.stop()
    assert len(checked(state)) == 2


def main():
    c = Cases()
    for i in range(3):
        c.run("killed at many points, %d" % i, kills(i))
    c.run("killed at each system call", with_state(each_call))
    c.run("files without a row", with_state(leftovers))
    c.run("rows without a file", with_state(lost))
    c.run("ten thousand messages", with_state(many_rows))
    c.exit()


if __name__ == "__main__":
    main()

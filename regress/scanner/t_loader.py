#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The loader and its workers: starting, failing, being watched, ending.

The real program, confined, under a master made of this script.  To meet a
worker "in the middle of a message" it is stopped first and asked then.
"""

import os
import shutil
import signal
import struct
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from scanlib import (CLEAN, FAILED, OBJ, TOP, VIRUS, Cases, Gone, Scanner,
                     eicar, mail, wait_for)

CHILD_OK, CHILD_FATAL, CHILD_SETUP = 0, 1, 2
QUEUE = 256  # SCAN_QUEUE_MAX


def scanner(case, **args):
    """Run case(scanner, proxy) with a fresh one."""
    def run():
        s = Scanner(**args)
        try:
            s.ready()
            return case(s, s.proxy())
        finally:
            s.close()
    return run


def state(pid):
    for line in open("/proc/%d/status" % pid):
        if line.startswith("State:"):
            return line.split()[1]


def status(pid):
    out = {}
    for line in open("/proc/%d/status" % pid):
        key, _, value = line.partition(":")
        out[key] = value.split()
    return out


def descriptors(pid):
    return sorted(int(n) for n in os.listdir("/proc/%d/fd" % pid))


def go_on(pid):
    try:
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        pass  # dead already


def stop(pid):
    os.kill(pid, signal.SIGSTOP)
    assert wait_for(lambda: state(pid) == "T"), "does not stop"


def happy(s, p):
    assert p.scan(*mail())[0] == CLEAN
    assert p.scan(*mail(eicar()))[0] == VIRUS
    q = s.proxy(2)
    ids = [q.ask(*mail(os.urandom(5000))) for _ in range(40)]
    got = sorted(q.answer()[0] for _ in ids)
    assert got == ids, (got, ids)


def confined(s, p):
    p.scan(*mail())
    for pid in s.workers():
        assert wait_for(lambda: status(pid)["Seccomp_filters"] == ["2"])
    for pid in [s.pid] + s.workers():
        st = status(pid)
        assert set(st["Uid"]) == {str(s.uid)}, st["Uid"]
        assert set(st["Gid"]) == {str(s.gid)}, st["Gid"]
        assert st["Groups"] == [str(s.gid)], st["Groups"]
        for caps in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(st[caps][0], 16) == 0, (caps, st[caps])
        assert st["NoNewPrivs"] == ["1"] and st["Seccomp"] == ["2"]
        root = os.readlink("/proc/%d/root" % pid)
        assert root == s.jail, root
        assert os.readlink("/proc/%d/cwd" % pid) == s.jail
    for pid in s.workers():
        # Those of the message go just after the answer.
        assert wait_for(lambda: descriptors(pid) == [0, 1, 2, 3]), \
            descriptors(pid)
        with open("/proc/%d/maps" % pid) as f:
            assert not any("rwx" in line for line in f)


def dies(sig, reason):
    def case(s, p):
        for _ in range(5):
            assert wait_for(s.workers), "no worker"
            pid = s.workers()[0]
            stop(pid)
            ident = p.ask(*mail())
            os.kill(pid, sig)
            go_on(pid)
            got = p.answer()
            # On a busy machine it may die before it has the message.
            if got[1] != CLEAN:
                break
        assert got[:2] == (ident, FAILED) and reason in got[3], got
        assert p.scan(*mail(eicar()))[0] == VIRUS
        assert s.workers() and pid not in s.workers()
        s.wait_log("signal %d" % sig)
        assert s.wait_log("id=%016x" % (0xABC0000 + ident)), s.log()
    return case


def stopped(s, p):
    pid = s.workers()[0]
    stop(pid)
    ident = p.ask(*mail())
    got = p.answer()
    assert got[:2] == (ident, FAILED) and "time-out" in got[3], got
    assert p.scan(*mail(eicar()))[0] == VIRUS
    assert pid not in s.workers()


def waiting(s, p):
    """What waits behind a stopped worker is told so in time."""
    stop(s.workers()[0])
    ids = [p.ask(*mail()) for _ in range(5)]
    got = [p.answer() for _ in ids]
    assert sorted(g[0] for g in got) == ids
    assert {g[1] for g in got} <= {FAILED, CLEAN}, got
    assert any("time-out" in g[3] for g in got), got
    assert p.scan(*mail())[0] == CLEAN


def queue_full(s, p):
    pid = s.workers()[0]
    stop(pid)
    ids = [p.ask(*mail()) for _ in range(1 + QUEUE)]
    last = p.ask(*mail())
    got = p.answer()
    assert got[0] == last and got[1] == FAILED and "busy" in got[3], got
    os.kill(pid, signal.SIGCONT)
    assert sorted(p.answer()[0] for _ in ids) == ids


def proxy_gone(s, p):
    """Its requests go with it; the one in work is finished unheard."""
    pid = s.workers()[0]
    stop(pid)
    for _ in range(20):
        p.ask(*mail())
    q = s.proxy(2)
    ident = q.ask(*mail(eicar()))
    p.close()
    os.kill(pid, signal.SIGCONT)
    got = q.answer()
    assert got[:2] == (ident, VIRUS), got
    assert s.workers() == [pid]
    fds = len(os.listdir("/proc/%d/fd" % s.pid))
    for _ in range(20):
        assert q.scan(*mail())[0] == CLEAN
    assert len(os.listdir("/proc/%d/fd" % s.pid)) <= fds


def bad_arena(s, p):
    """An arena that the parser's captor made: nothing is believed."""
    pids = s.workers()
    msg, parts = mail()
    for arena in (b"x" * 4096, b"", bytes(72),
                  struct.pack("=IIQQQQQIIIIII", 0x4D574131, 1, 200, 72,
                              1 << 60, 1 << 60, 0, 0, 0, 0, 0, 0, 0) +
                  bytes(128)):
        got = p.scan(msg, parts, raw_arena=arena)
        assert got[0] == FAILED and "arena" in got[2], got
    assert p.scan(*mail())[0] == CLEAN
    assert s.workers() == pids


def bad_proxy(s, p):
    """A proxy that breaks the protocol loses its channel, no more."""
    q = s.proxy(2)
    p.send("IMSG_SCAN_ARENA", b"", os.open("/dev/null", os.O_RDONLY), 1)
    try:
        assert p.recv() is None
        return "channel still open"
    except (Gone, ConnectionError):
        pass
    assert q.scan(*mail())[0] == CLEAN


def backoff(s, p):
    """Dying without having worked is answered with patience."""
    def is_patient():
        # Each that comes, as soon as it has its name.
        if any("next start in" in line for line in s.log()):
            return True
        for pid in s.workers():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return False
    assert wait_for(is_patient), s.log()
    ident = p.ask(*mail())
    got = p.answer()
    assert got[:2] == (ident, CLEAN), got


def temp_cleaned(s, p):
    """A dead worker's files go before the next one begins."""
    pid = s.workers()[0]
    assert p.scan(*mail())[0] == CLEAN
    tmp = os.path.join(s.jail, "tmp")
    mine = [d for d in os.listdir(tmp)]
    assert len(mine) == 1, mine
    top = os.path.join(tmp, mine[0])
    os.makedirs(os.path.join(top, *["deep"] * 100))
    with open(os.path.join(top, "deep", "file"), "w") as f:
        f.write("left behind")
    for base, dirs, files in os.walk(top):
        for n in dirs + files:
            os.chown(os.path.join(base, n), s.uid, s.gid)
    os.kill(pid, signal.SIGKILL)
    assert p.scan(*mail())[0] in (CLEAN, FAILED)
    assert p.scan(*mail())[0] == CLEAN
    assert os.listdir(top) == [], os.listdir(top)


def drain(s, p):
    pid = s.workers()[0]
    stop(pid)
    ident = p.ask(*mail(eicar()))
    s.master.send("IMSG_DRAIN")
    os.kill(pid, signal.SIGCONT)
    got = p.answer()
    assert got[:2] == (ident, VIRUS), got
    # Still there for those who have not heard of it.
    assert p.scan(*mail())[0] == CLEAN
    p.close()
    assert s.exit_status() == CHILD_OK, s.exit_status()
    assert os.listdir(os.path.join(s.jail, "tmp")) == []


def master_gone(s, p):
    workers = s.workers()
    s.master.close()
    assert s.exit_status() == CHILD_OK, s.exit_status()
    assert wait_for(lambda: not any(os.path.exists("/proc/%d" % w)
                                    for w in workers)), "workers live on"


def loader_killed(s, p):
    workers = s.workers()
    os.kill(s.pid, signal.SIGKILL)
    s.exit_status()
    assert wait_for(lambda: not any(os.path.exists("/proc/%d" % w)
                                    for w in workers)), "workers live on"
    # The next loader removes what they left.
    n = Scanner(rundir=s.rundir)
    try:
        n.ready()
        left = os.listdir(os.path.join(s.jail, "tmp"))
        assert all(d.startswith("%d." % n.pid) for d in left), left
    finally:
        n.close()


def reload_same(s, p):
    s.configure()
    s.master.expect("IMSG_CONF_DONE")
    assert p.scan(*mail())[0] == CLEAN


def reload_other(s, p):
    s.globals = s.conf(None, "AV_EMBEDDED", 3, 30000, {"depth": 5})
    s.configure()
    kinds = {s.master.recv()[0], s.master.recv()[0]}
    assert kinds == {"IMSG_CONF_DONE", "IMSG_SCAN_STALE"}, kinds
    assert p.scan(*mail())[0] == CLEAN


def database():
    d = tempfile.mkdtemp(prefix="mwscan-db.")
    os.chmod(d, 0o755)
    for n in os.listdir(os.path.join(TOP, "regress/db")):
        shutil.copy(os.path.join(TOP, "regress/db", n), d)
    return d


def stale():
    db = database()
    s = Scanner(database=db)
    try:
        s.ready()
        p = s.proxy()
        # Not signatures: of no interest.
        open(os.path.join(db, "freshclam.dat"), "w").close()
        assert p.scan(*mail())[0] == CLEAN
        # freshclam writes beside and renames.
        tmp = os.path.join(db, "new.tmp")
        with open(tmp, "w") as f:
            f.write("Test.New:0:*:%s\n" % b"brand-new-marker".hex())
        os.chmod(tmp, 0o644)
        os.rename(tmp, os.path.join(db, "new.ndb"))
        s.master.expect("IMSG_SCAN_STALE")
        # This one goes on with what it has; a new one knows more.
        text = b"xx brand-new-marker yy\r\n"
        assert p.scan(*mail(text=text))[0] == CLEAN
        n = Scanner(database=db, rundir=s.rundir)
        try:
            n.ready()
            assert n.proxy().scan(*mail(text=text))[0] == VIRUS
            assert p.scan(*mail(eicar()))[0] == VIRUS
        finally:
            n.close()
        # Once a change, and again for the next.
        os.unlink(os.path.join(db, "new.ndb"))
        s.master.expect("IMSG_SCAN_STALE")
    finally:
        s.close()
        shutil.rmtree(db)


def refuses(text, prepare=None, **args):
    """It says why, and ends with the status that means set-up."""
    def run():
        db = database()
        if prepare:
            prepare(db)
        s = Scanner(database=args.pop("database", db), **args)
        try:
            got = s.exit_status()
            assert got == CHILD_SETUP, (got, s.log())
            assert s.wait_log(text), s.log()
        finally:
            s.close()
            shutil.rmtree(db)
    return run


def empty(db):
    for n in os.listdir(db):
        os.unlink(os.path.join(db, n))


def broken(db):
    with open(os.path.join(db, "broken.ndb"), "w") as f:
        f.write("Broken:0:*:zzzz\n")


def unreadable(db):
    os.chmod(db, 0o700)


def no_jail():
    d = tempfile.mkdtemp(prefix="mwscan.")
    s = Scanner(rundir=d)
    try:
        assert s.exit_status() == CHILD_SETUP, s.log()
    finally:
        s.close()
        shutil.rmtree(d)


def writable_jail():
    d = tempfile.mkdtemp(prefix="mwscan.")
    os.makedirs(os.path.join(d, "scanner/tmp"))
    for n in ("scanner", "scanner/tmp"):
        os.chmod(os.path.join(d, n), 0o777)
    s = Scanner(rundir=d)
    try:
        assert s.exit_status() == CHILD_SETUP, s.log()
    finally:
        s.close()
        shutil.rmtree(d)


def unknown_eicar():
    """A site's own signatures need not know it; that is only logged."""
    db = database()
    for n in os.listdir(db):
        if n != "marker.ndb":
            os.unlink(os.path.join(db, n))
    s = Scanner(database=db)
    try:
        s.ready()
        assert s.wait_log("self-test"), s.log()
    finally:
        s.close()
        shutil.rmtree(db)


def main():
    c = Cases()
    assert os.access(os.path.join(OBJ, "mailwall-scanner"), os.X_OK)
    c.run("happy", scanner(happy, workers=2))
    c.run("confined", scanner(confined, workers=2))
    c.run("sigkill", scanner(dies(signal.SIGKILL, "crashed"), workers=1))
    c.run("sigsegv", scanner(dies(signal.SIGSEGV, "crashed"), workers=1))
    c.run("sigstop", scanner(stopped, workers=1, scan_ms=1500))
    c.run("waiting", scanner(waiting, workers=1, scan_ms=1500))
    c.run("queue-full", scanner(queue_full, workers=1))
    c.run("proxy-gone", scanner(proxy_gone, workers=1))
    c.run("bad-arena", scanner(bad_arena, workers=1))
    c.run("bad-proxy", scanner(bad_proxy, workers=1))
    c.run("back-off", scanner(backoff, workers=1))
    c.run("temp-cleaned", scanner(temp_cleaned, workers=1))
    c.run("drain", scanner(drain, workers=1))
    c.run("master-gone", scanner(master_gone, workers=2))
    c.run("loader-killed", scanner(loader_killed, workers=2))
    c.run("reload-same", scanner(reload_same, workers=1))
    c.run("reload-other", scanner(reload_other, workers=1))
    c.run("stale", stale)
    c.run("no-signatures", refuses("no virus signatures", empty))
    c.run("broken-signatures", refuses("no virus signatures", broken))
    c.run("unreadable-signatures", refuses("no virus signatures",
                                           unreadable))
    c.run("missing-signatures", refuses("no virus signatures",
                                        database="/nonexistent"))
    c.run("no-jail", no_jail)
    c.run("writable-jail", writable_jail)
    c.run("unknown-eicar", unknown_eicar)
    c.exit()


main()

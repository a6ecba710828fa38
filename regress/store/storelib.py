# SPDX-License-Identifier: ISC
"""A master and proxies, as mailwall-store sees them.

Starts the real program as root, confined as in service, over socketpairs.
Numbers of frames are read from the headers; the layout of their payloads is
here once more, so that a change of it is seen.
"""

import ctypes
import fcntl
import hashlib
import os
import pwd
import select
import shutil
import signal
import socket
import sqlite3
import struct
import sys
import tempfile
import time as clock

TOP = os.getcwd()
sys.path.insert(0, os.path.join(TOP, "regress/scanner"))
from scanlib import (AV, IMSG, OBJ, PROC, TMO, WAIT, Channel,  # noqa: E402
                     Gone, enum, memfd, wait_for)

USER = "nobody"  # no user is made for a test
SYNC, QUARANTINE, AUTH, TRIED, OUT = 1, 2, 4, 8, 16
NOTIFY, REPLY, COPY, REDIRECT = range(4)
NOBODY = b"\0" * 20
RECORD_LEN, MEMBER_LEN, STATS_LEN = 2704, 472, 672
MEMBERS_FRAME = 16384 // MEMBER_LEN
KEPT, RELEASED, LOST = 0, 1, 2


def addr(ip, port=0):
    packed = socket.inet_aton(ip)
    return struct.pack("=BBH16s", 4, 0, port, packed)


def record(session=1, flags=0, nrcpt=0, size=0, time=None,
           sender=b"a@example.org", subject=b"", verdict=0, action=0,
           reply=b"250 ok", name=b"", nparts=1, dest=("192.0.2.25", 25)):
    if time is None:
        time = int(clock.time() * 1000)
    data = (struct.pack("=QQQ", session, time, size) +
            addr("192.0.2.1", 4321) + (addr(*dest) if dest else NOBODY) +
            struct.pack("=10I", flags, verdict, action, 7, nrcpt, nparts,
                        1, 2, 3, 4) +
            struct.pack("=256s1032s256s256s128s256s", b"client.example",
                        sender, subject, b"<1@example.org>", name, reply))
    return data + b"\0" * (-len(data) % 8)


def member(table, key, why=b"", after=0, within=0, expires=0):
    return struct.pack("=QII64s328s64s", expires, after, within,
                       table.encode(), key.encode(), why)


def out(kind, to=b"", body=b"", server=NOBODY, if_added=0):
    """What is sent because of a record."""
    return server + struct.pack("=II328s512s", kind, if_added, to, body)


def outbox(server=NOBODY, limit=20, within=3600, retry=60, keep=172800,
           size=1 << 30, sender=b"mailwall@gw.example"):
    """What the store may send, for its configuration."""
    return server + struct.pack("=5IQ328s", limit, within, retry, keep, 0,
                                size, sender)


def text(data):
    return data.split(b"\0")[0].decode()


def members(data):
    """[(table, key, expires)] of a frame."""
    assert len(data) % MEMBER_LEN == 0 and data
    out = []
    for off in range(0, len(data), MEMBER_LEN):
        one = data[off:off + MEMBER_LEN]
        out.append((text(one[16:80]), text(one[80:408]),
                    struct.unpack("=Q", one[:8])[0]))
    return out


def strings(*items):
    return b"".join(i + b"\0" for i in items)


class Proxy(Channel):
    def __init__(self, sock, instance):
        super().__init__(sock)
        self.ident = 0
        self.instance = instance
        self.members = {}

    def record(self, flags=0, rcpt=(), facts=(), mail=None, outs=(), **kw):
        """Send a whole record; its id.

        The message is kept, unless flags say that it is to be sent.
        """
        self.ident += 1
        i = self.ident
        if mail is not None:
            flags |= SYNC if flags & OUT else SYNC | QUARANTINE
            kw.setdefault("size", len(mail))
        self.send("IMSG_RECORD", record(flags=flags, nrcpt=len(rcpt), **kw),
                  ident=i)
        for r in rcpt:
            self.send("IMSG_RECORD_RCPT", strings(r), ident=i)
        for f in facts:
            self.send("IMSG_RECORD_FACT", strings(f), ident=i)
        for o in outs:
            self.send("IMSG_RECORD_OUT", o, ident=i)
        if mail is not None:
            fd = memfd(mail)
            self.send("IMSG_RECORD_MAIL", struct.pack("=Q", len(mail)), fd,
                      ident=i)
            os.close(fd)
        self.send("IMSG_RECORD_END", ident=i)
        return i

    def done(self):
        """The next answer: (id, errno, number)."""
        kind, ident, data = self.expect("IMSG_RECORD_DONE")
        error, pad, number = struct.unpack("=IIQ", data)
        assert pad == 0
        return ident, error, number

    def sync(self, flags=0, **kw):
        """A record, and wait for its answer: (errno, number)."""
        ident = self.record(flags=flags | SYNC, **kw)
        got, error, number = self.done()
        assert got == ident, (got, ident)
        return error, number

    def fate(self, ident, arrived):
        self.send("IMSG_RECORD_FATE", struct.pack("=II", arrived, 0),
                  ident=ident)

    def reply(self, number, text, session=1):
        """What the client heard of a message that was kept before."""
        self.send("IMSG_RECORD_REPLY", struct.pack("=QQII256s", number,
                                                   session, 1, 0, text))

    def sends(self, timeout=WAIT):
        """A message to send: (id, (ip, port), from, to, bytes), or None."""
        got = self.recv(timeout)
        if got is None:
            return None
        kind, ident, data = got
        assert kind == "IMSG_SEND", kind
        family, _, port, ip, nrcpt, pad, sender = struct.unpack(
            "=BBH16sII1032s", data)
        assert (family, nrcpt, pad) == (4, 1, 0), (family, nrcpt, pad)
        rcpt = self.expect("IMSG_SEND_RCPT")
        assert rcpt[1] == ident
        wait_for(lambda: select.select([self.sock], [], [], 0)[0])
        frame, anc, _, _ = self.sock.recvmsg(65536, socket.CMSG_SPACE(4))
        assert struct.unpack("=IIQ", frame[:16]) == (
            IMSG["IMSG_SEND_MAIL"], 8, ident)
        fd = struct.unpack("=i", anc[0][2])[0]
        size = struct.unpack("=Q", frame[16:])[0]
        with os.fdopen(fd, "rb") as f:
            mail = f.read()
        assert len(mail) == size, (len(mail), size)
        return (ident, (socket.inet_ntoa(ip[:4]), port), text(sender),
                text(rcpt[2]), mail)

    def sent(self, ident, code=250, reply=b"250 ok"):
        self.send("IMSG_SEND_DONE", struct.pack(
            "=II256s", code, code == 250, reply), ident=ident)

    def wish(self, table, key, **kw):
        self.send("IMSG_MEMBER_ADD", member(table, key, **kw))

    def all_members(self):
        """Read up to MEMBER_ALL; what there is then."""
        while True:
            got = self.recv()
            assert got is not None, "no end of members"
            if got[0] == "IMSG_MEMBER_ALL":
                return self.members
            self.member_frame(got)

    def member_frame(self, got):
        assert got[0] in ("IMSG_MEMBER_SET", "IMSG_MEMBER_DEL"), got[0]
        for table, key, expires in members(got[2]):
            if got[0] == "IMSG_MEMBER_SET":
                self.members[table, key] = expires
            else:
                self.members.pop((table, key), None)

    def until(self, condition):
        """Read members until condition(self.members)."""
        while not condition(self.members):
            got = self.recv()
            assert got is not None, "no more frames: %d" % len(self.members)
            self.member_frame(got)

    def gone(self):
        """Has the store closed the channel?  Reads what is left."""
        try:
            while self.recv() is not None:
                pass
        except (Gone, ConnectionResetError):
            return True
        return False


class Store:
    """A store in a state directory, which stays if it was given."""

    def __init__(self, state=None, tables=(), quarantine_max=1 << 30,
                 quarantine_keep=86400, audit_keep=86400, ready=True,
                 outbox=None):
        pw = pwd.getpwnam(USER)
        self.own = state is None
        self.state = state or self.directory()
        self.args = dict(tables=tables, quarantine_max=quarantine_max,
                         quarantine_keep=quarantine_keep,
                         audit_keep=audit_keep, outbox=outbox)
        self.uid = pw.pw_uid
        self.instances = 0
        self.logged = []
        self.logrest = b""
        self.status = None
        self.closed = False
        ours, theirs = socket.socketpair(socket.AF_UNIX,
                                         socket.SOCK_SEQPACKET)
        self.logfd, logw = os.pipe()
        os.set_blocking(self.logfd, False)
        self.pid = os.fork()
        if self.pid == 0:
            self.child(theirs.fileno(), logw)
        os.close(logw)
        theirs.close()
        self.master = Channel(ours)
        self.configure()
        if ready:
            self.ready()

    @staticmethod
    def directory():
        """A new state directory."""
        pw = pwd.getpwnam(USER)
        d = tempfile.mkdtemp(prefix="mwstore.")
        os.chown(d, pw.pw_uid, pw.pw_gid)
        return d

    @staticmethod
    def child(sock, log):
        try:
            null = os.open("/dev/null", os.O_RDWR)
            fds = [fcntl.fcntl(fd, fcntl.F_DUPFD, 20)
                   for fd in (null, null, log, sock)]
            for n, fd in enumerate(fds):
                os.dup2(fd, n)
            os.closerange(4, 1024)
            prog = os.path.join(OBJ, "mailwall-store")
            os.execve(prog, ["mailwall-store", "1"],
                      {k: v for k, v in os.environ.items() if "SAN" in k})
        finally:
            os._exit(99)

    def globals(self, quarantine_max, quarantine_keep, audit_keep):
        tmo = [60000] * len([t for t in TMO if t != "TMO_MAX"])
        return (struct.pack("=QQ", 50 << 20, 500 << 20) +
                struct.pack("=%dQ" % len(tmo), *tmo) +
                struct.pack("=QQ", 100 << 20, 400 << 20) +
                struct.pack("=10I", 17, 10000, 2, 2, 2, 100, 10000, 63,
                            AV["AV_NONE"], 0) +
                struct.pack("=12IQ4I16sQ4I", 0, 0, 0, 0, 2048, 1024, 10000,
                            100, 0, 0, 32, 64, 0, 0, 0, 0, 0, b"",
                            quarantine_max,
                            quarantine_keep, audit_keep, 0, 2 << 3) +
                struct.pack("=256s256s256s64s64s64s64s64s128s",
                            b"", b"/nonexistent", self.state.encode(),
                            b"_mwproxy", b"_mwparse", b"_mwscan",
                            USER.encode(), b"", b""))

    def configure(self, **kw):
        """tables: (name, size, expire in s[, flags]) each."""
        self.args.update(kw)
        a = dict(self.args)
        tables = a.pop("tables")
        mails = a.pop("outbox", None)
        self.master.send("IMSG_CONF_BEGIN", self.globals(**a))
        if mails is not None:
            self.master.send("IMSG_CONF_OUTBOX", mails)
        for i, (name, size, expire, *flags) in enumerate(tables):
            self.master.send("IMSG_CONF_DYNAMIC",
                             struct.pack("=IIQII64s", i, size, expire,
                                         *(flags or [0]), 0, name.encode()))
        self.master.send("IMSG_CONF_END")

    def ready(self):
        self.master.expect("IMSG_CONF_DONE")
        self.master.expect("IMSG_READY")

    def proxy(self):
        """A channel; members are still to be read from it."""
        self.instances += 1
        ours, theirs = socket.socketpair(socket.AF_UNIX,
                                         socket.SOCK_SEQPACKET)
        theirs.setblocking(False)
        self.master.send("IMSG_CHAN", struct.pack(
            "=IIQ", PROC["PROC_PROXY"], self.instances, 0), theirs.fileno())
        theirs.close()
        return Proxy(ours, self.instances)

    def bad(self):
        """Wait for a complaint to master: instance of the proxy."""
        data = self.master.expect("IMSG_PEER_BAD")[2]
        peer, instance = struct.unpack("=II", data[:8])
        assert peer == PROC["PROC_PROXY"]
        return instance

    def log(self):
        while True:
            try:
                data = os.read(self.logfd, 65536)
            except BlockingIOError:
                break
            if not data:
                break
            *lines, self.logrest = (self.logrest + data).split(b"\n")
            self.logged += [line.decode(errors="replace") for line in lines]
        return self.logged

    def wait_log(self, word):
        return wait_for(lambda: any(word in line for line in self.log()))

    def exit_status(self):
        """Wait for its end; negative for a signal."""
        if self.status is None:
            def ended():
                pid, st = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self.status = os.waitstatus_to_exitcode(st)
                return pid
            assert wait_for(ended), "it does not end"
        return self.status

    def kill(self):
        """At once, as by a crash."""
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            self.exit_status()
        self.close(keep=True)

    def stop(self):
        """As master's death would end it; the directory stays."""
        self.close(keep=True)

    def close(self, keep=False):
        """The end, unless it has been; its directory goes too."""
        if not self.closed:
            self.closed = True
            self.end()
        if self.own and not keep:
            shutil.rmtree(self.state, ignore_errors=True)

    def end(self):
        self.master.close()
        try:
            self.exit_status()
        except AssertionError:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            raise
        lines = self.log()
        os.close(self.logfd)
        bad = [line for line in lines if "runtime error" in line or
               "AddressSanitizer" in line]
        assert not bad, bad

    def files(self, where="quarantine"):
        """What lies in the directory of the quarantine, or the outbox."""
        return sorted(os.listdir(os.path.join(self.state, where)))

    def message(self, number):
        with open(os.path.join(self.state, "quarantine", str(number)),
                  "rb") as f:
            return f.read()


def query(state, sql, *args):
    """Ask the database of a store that is not running."""
    db = sqlite3.connect(os.path.join(state, "store.db"))
    try:
        return db.execute(sql, args).fetchall()
    finally:
        db.close()


def peek(state, sql, *args):
    """The same of one that is running, from a copy; None if that is torn."""
    with tempfile.TemporaryDirectory(prefix="mwstore.") as d:
        for name in ("store.db", "store.db-wal"):
            try:
                shutil.copy(os.path.join(state, name), d)
            except FileNotFoundError:
                pass
        try:
            return query(d, sql, *args)
        except sqlite3.DatabaseError:
            return None


def checked(state):
    """Every row of the quarantine has its file, whole, and the reverse."""
    # A full disk has no room for what looking at it takes.
    rows = peek(state, "SELECT number, size, sha256, state FROM quarantine")
    assert rows is not None, "the database cannot be read"
    d = os.path.join(state, "quarantine")
    names = set(os.listdir(d))
    for number, size, digest, st in rows:
        assert st != LOST, "%d is lost" % number
        with open(os.path.join(d, str(number)), "rb") as f:
            data = f.read()
        assert len(data) == size, (number, len(data), size)
        assert hashlib.sha256(data).hexdigest() == digest, number
        names.discard(str(number))
    assert not names, "no rows for %s" % sorted(names)
    return {r[0]: r[2] for r in rows}


def tmpfs(path, size):
    """In a mount namespace of this process alone."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x20000) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    # MS_REC | MS_PRIVATE: nothing of it reaches the others.
    if libc.mount(b"none", b"/", None, 0x4000 | 0x40000, None) != 0 or \
            libc.mount(b"tmpfs", path.encode(), b"tmpfs", 0,
                       b"size=%d" % size) != 0:
        raise OSError(ctypes.get_errno(), "mount")
    pw = pwd.getpwnam(USER)
    os.chown(path, pw.pw_uid, pw.pw_gid)
    os.chmod(path, 0o700)

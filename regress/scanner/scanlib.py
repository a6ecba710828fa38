# SPDX-License-Identifier: ISC
"""A master and a proxy, as mailwall-scanner sees them.

Starts the real program as root, confined as in service, over socketpairs.
Numbers of frames and of time-outs are read from the headers.
"""

import array
import base64
import fcntl
import os
import pwd
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

TOP = os.getcwd()
OBJ = os.environ.get("O", "obj")
USER = "nobody"  # no user is made for a test
SEALS = 0x2 | 0x4 | 0x8  # SHRINK GROW WRITE
F_ADD_SEALS = 1033
WAIT = 60.0  # s, for anything; far more than it takes

CLEAN, UNSCANNABLE, FAILED, VIRUS = range(4)
VERDICTS = ("clean", "unscannable", "scanner-failed", "virus")
RAW = 0xFFFFFFFF

PART_ARENA, PART_MULTIPART, PART_MESSAGE, PART_TEXT = 1, 2, 4, 8


def enum(path, first):
    """The names of the C enum that begins with first."""
    text = open(os.path.join(TOP, path)).read()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    body = re.search(r"enum \w+ \{\s*(%s\b.*?)\}" % first, text, re.S)
    names = [n.strip() for n in body.group(1).split(",") if n.strip()]
    return {n: i for i, n in enumerate(names)}


IMSG = enum("common/proto.h", "IMSG_NONE")
TMO = enum("common/conf.h", "TMO_CONNECT")
PROC = enum("common/proto.h", "PROC_MASTER")
AV = enum("common/conf.h", "AV_EMBEDDED")
ANOMALY = enum("common/parts.h", "A_DUP_HEADER")
ENC = enum("common/parts.h", "ENC_IDENTITY")


def marker():
    """What the test signature Test.Marker looks for."""
    return b"-".join([b"MAILWALL", b"TEST", b"MARKER", b"7f3a"])


def eicar():
    """The EICAR test string; no file of ours contains it in one piece."""
    return (rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-"
            rb"ANTIVIRUS" + b"-TEST-FILE!$H+H*")


def memfd(data):
    fd = os.memfd_create("test", os.MFD_CLOEXEC | 0x2)
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]
    fcntl.fcntl(fd, F_ADD_SEALS, SEALS)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


class Part:
    """A leaf: bytes that stand in the message, or decoded ones."""

    def __init__(self, body, name=b"", ctype=b"application/octet-stream",
                 flags=None, encoding=None):
        self.body, self.name, self.ctype = body, name, ctype
        self.flags = flags
        self.encoding = encoding


def arena(message, parts, anomalies=0, limits=0):
    head_len, part_len = 80, 80
    strings = b""
    bodies = b""
    table = []
    strings_off = head_len + part_len * len(parts)
    for p in parts:
        toff = len(strings)
        strings += p.ctype
        noff = len(strings)
        strings += p.name
        table.append([p, toff, noff])
    base = strings_off + len(strings)
    out = b""
    for p, toff, noff in table:
        at = message.find(p.body) if p.flags is None or \
            not p.flags & PART_ARENA else -1
        flags = p.flags if p.flags is not None else 0
        if at < 0:
            at = base + len(bodies)
            bodies += p.body
            flags |= PART_ARENA
        if p.ctype.startswith(b"text/"):
            flags |= PART_TEXT
        enc = p.encoding
        if enc is None:
            enc = ENC["ENC_BASE64"] if flags & PART_ARENA else \
                ENC["ENC_IDENTITY"]
        depth = 1 if out else 0
        out += struct.pack("=QQQQQIHHIIIIIIII", at, len(p.body), 0, 0, 0, 0,
                           depth, enc, flags, toff, len(p.ctype), 0, 0, noff,
                           len(p.name), 0)
    size = base + len(bodies)
    head = struct.pack("=IIQQQQQIIIIIIQ", 0x4D574131, len(parts), size,
                       head_len, strings_off, len(strings), anomalies, limits,
                       0, 0, 0, 0, 0, strings_off)
    assert len(head) == head_len and len(out) == part_len * len(parts)
    return head + out + strings + bodies


def mail(attachment=None, text=b"Hello,\r\n\r\nregards\r\n", name=b"a.bin"):
    """A small message and its parts."""
    head = (b"From: a@example.org\r\nTo: b@example.org\r\n"
            b"Subject: test\r\nMIME-Version: 1.0\r\n")
    if attachment is None:
        m = head + b"Content-Type: text/plain\r\n\r\n" + text
        return m, [Part(text, ctype=b"text/plain")]
    body = base64.encodebytes(attachment).replace(b"\n", b"\r\n")
    m = (head + b"Content-Type: multipart/mixed; boundary=bnd\r\n\r\n"
         b"--bnd\r\nContent-Type: text/plain\r\n\r\n" + text +
         b"\r\n--bnd\r\nContent-Type: application/octet-stream; name=" +
         name + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + body +
         b"\r\n--bnd--\r\n")
    return m, [Part(text, ctype=b"text/plain"), Part(attachment, name)]


class Gone(Exception):
    pass


class Channel:
    def __init__(self, sock):
        self.sock = sock
        sock.setblocking(False)

    def send(self, kind, data=b"", fd=None, ident=0):
        frame = struct.pack("=IIQ", IMSG[kind], len(data), ident) + data
        anc = []
        if fd is not None:
            anc = [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                    array.array("i", [fd]))]
        end = time.monotonic() + WAIT
        while True:
            try:
                self.sock.sendmsg([frame], anc, socket.MSG_NOSIGNAL)
                return
            except (BlockingIOError, OSError) as e:
                if e.errno not in (11, 109) or time.monotonic() > end:
                    raise
                select.select([], [self.sock], [], 0.05)

    def recv(self, timeout=WAIT):
        """(kind, id, data), or None after timeout; Gone at the end."""
        ready, _, _ = select.select([self.sock], [], [], timeout)
        if not ready:
            return None
        data = self.sock.recv(65536)
        if not data:
            raise Gone()
        kind, length, ident = struct.unpack("=IIQ", data[:16])
        assert length == len(data) - 16
        names = [n for n, v in IMSG.items() if v == kind]
        return names[0], ident, data[16:]

    def expect(self, kind, timeout=WAIT):
        got = self.recv(timeout)
        assert got is not None and got[0] == kind, (kind, got)
        return got

    def close(self):
        self.sock.close()


class Proxy(Channel):
    def __init__(self, sock):
        super().__init__(sock)
        self.ident = 0

    def ask(self, message, parts, anomalies=0, limits=0, raw_arena=None):
        self.ident += 1
        a = arena(message, parts, anomalies, limits) if raw_arena is None \
            else raw_arena
        mfd, afd = memfd(message), memfd(a)
        req = struct.pack("=QQQ", 0xABC0000 + self.ident, len(message),
                          len(a))
        self.send("IMSG_SCAN_REQ", req, mfd, self.ident)
        self.send("IMSG_SCAN_ARENA", b"", afd, self.ident)
        os.close(mfd)
        os.close(afd)
        return self.ident

    def answer(self, timeout=WAIT):
        """(id, verdict, part, name)"""
        got = self.recv(timeout)
        assert got is not None, "no answer"
        assert got[0] == "IMSG_SCAN_DONE", got
        verdict, part = struct.unpack("=II", got[2][:8])
        name = got[2][32:].split(b"\0")[0].decode("ascii")
        return got[1], verdict, part, name

    def scan(self, *args, **kw):
        ident = self.ask(*args, **kw)
        got = self.answer()
        assert got[0] == ident, (got, ident)
        return got[1:]


class Scanner:
    """One loader with its workers."""

    def __init__(self, database=None, av="AV_EMBEDDED", workers=2,
                 scan_ms=30000, rundir=None, **limits):
        pw = pwd.getpwnam(USER)
        self.uid, self.gid = pw.pw_uid, pw.pw_gid
        self.own = rundir is None
        self.rundir = rundir or tempfile.mkdtemp(prefix="mwscan.")
        os.chmod(self.rundir, 0o755)
        self.jail = os.path.join(self.rundir, "scanner")
        if self.own:
            os.mkdir(self.jail, 0o755)
            os.mkdir(os.path.join(self.jail, "tmp"), 0o700)
            os.chown(os.path.join(self.jail, "tmp"), self.uid, self.gid)
        self.logged = []
        self.logrest = b""
        self.globals = self.conf(database, av, workers, scan_ms, limits)
        ours, theirs = socket.socketpair(socket.AF_UNIX,
                                         socket.SOCK_SEQPACKET)
        self.logfd, logw = os.pipe()
        os.set_blocking(self.logfd, False)
        self.pid = os.fork()
        if self.pid == 0:
            self.child(theirs.fileno(), logw)
        os.close(logw)
        theirs.close()
        self.status = None
        self.master = Channel(ours)
        self.configure()

    @staticmethod
    def child(sock, log):
        try:
            null = os.open("/dev/null", os.O_RDWR)
            sock, log = os.dup(sock), os.dup(log)
            keep = [os.dup2(fcntl.fcntl(fd, fcntl.F_DUPFD, 20), n)
                    for n, fd in ((0, null), (1, null), (2, log), (3, sock))]
            assert keep == [0, 1, 2, 3]
            for n in keep:
                os.set_inheritable(n, True)
            os.closerange(4, 256)
            prog = os.path.join(OBJ, "mailwall-scanner")
            os.execve(prog, ["mailwall-scanner", "1"],
                      {k: v for k, v in os.environ.items() if "SAN" in k})
        finally:
            os._exit(99)

    def conf(self, database, av, workers, scan_ms, limits):
        tmo = [60000] * len([t for t in TMO if t != "TMO_MAX"])
        tmo[TMO["TMO_SCAN"]] = scan_ms
        tmo[TMO["TMO_PARSE"]] = 20000
        path = database or os.path.join(TOP, "regress/db")
        return (struct.pack("=QQ", 50 << 20, 500 << 20) +
                struct.pack("=%dQ" % len(tmo), *tmo) +
                struct.pack("=QQ", limits.get("file_max", 100 << 20),
                            limits.get("total_max", 400 << 20)) +
                struct.pack("=10I", limits.get("depth", 17),
                            limits.get("files", 10000), 2, 2, workers, 100,
                            10000, 63, AV[av], 0) +
                # newline to source_bits6; content; want_files, want_hashes,
                # pad, inside; verb[];
                # quarantine_max, quarantine_keep, audit_keep; mark,
                # log_facility
                struct.pack("=12IQ4I16sQ4I", 0, 0, 0, 0, 2048, 1024, 10000,
                            100, 0, 0, 32, 64, 0, 0, 0, 0, 0, b"", 1 << 30,
                            86400, 86400, 0, 2 << 3) +
                struct.pack("=256s256s256s64s64s64s64s64s128s",
                            path.encode(), self.rundir.encode(),
                            b"/nonexistent", b"_mwproxy", b"_mwparse",
                            USER.encode(), b"_mwstore", b"", b""))

    def configure(self):
        self.master.send("IMSG_CONF_BEGIN", self.globals)
        self.master.send("IMSG_CONF_END")

    def ready(self):
        """Wait until it is; returns (signatures, time of the database)."""
        self.master.expect("IMSG_CONF_DONE")
        return struct.unpack("=QQ", self.master.expect("IMSG_READY")[2])

    def proxy(self, instance=1):
        ours, theirs = socket.socketpair(socket.AF_UNIX,
                                         socket.SOCK_SEQPACKET)
        theirs.setblocking(False)
        self.master.send("IMSG_CHAN", struct.pack("=IIQ", PROC["PROC_PROXY"],
                                                   instance, 0),
                         theirs.fileno())
        theirs.close()
        return Proxy(ours)

    def workers(self):
        path = "/proc/%d/task/%d/children" % (self.pid, self.pid)
        return [int(p) for p in open(path).read().split()
                if self.is_worker(p)]

    @staticmethod
    def is_worker(pid):
        """Not a child that is still, or only, being started."""
        try:
            with open("/proc/%s/comm" % pid) as f:
                return f.read() == "mailwall-scanw\n"
        except OSError:
            return False

    def log(self):
        """Lines logged so far."""
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

    def wait_log(self, text):
        return wait_for(lambda: any(text in line for line in self.log()))

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

    def close(self):
        """End it as master's death would, and remove its traces."""
        self.master.close()
        if self.status is None:
            try:
                self.exit_status()
            except AssertionError:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
        # A sanitizer's finding; not the signals that tests send.
        bad = [line for line in self.log() if "runtime error" in line or
               ("ERROR: AddressSanitizer" in line and ": SEGV" not in line)]
        os.close(self.logfd)
        if self.own:
            shutil.rmtree(self.rundir, ignore_errors=True)
        assert not bad, bad


def wait_for(condition, timeout=WAIT):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        got = condition()
        if got:
            return got
        select.select([], [], [], 0.02)
    return condition()


class Cases:
    """One line a case; exit status says whether all went well."""

    def __init__(self):
        self.failed = 0

    def check(self, name, ok, why=""):
        if ok:
            print("ok %s" % name, flush=True)
        else:
            print("not ok %s - %s" % (name, why or "false"), flush=True)
            self.failed += 1
        return ok

    def run(self, name, function):
        try:
            why = function()
        except Exception as e:  # a test's own failure is a failure
            why = "%s: %s" % (type(e).__name__, e)
        self.check(name, why is None or why is True, why)

    def exit(self):
        raise SystemExit(1 if self.failed else 0)

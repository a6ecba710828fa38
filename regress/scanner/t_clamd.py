#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""antivirus clamd: a real clamd, and one that lies.

clamd is started by this script on a socket and with signatures of its own.
Without the package only the false one is used, and a case says so.
"""

import array
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from scanlib import (ANOMALY, CLEAN, FAILED, RAW, TOP, UNSCANNABLE, VIRUS,
                     Cases, Part, Scanner, eicar, mail, wait_for)

CLAMD = "/usr/sbin/clamd"


class RealClamd:
    def __init__(self, directory):
        self.dir = directory
        self.path = os.path.join(directory, "clamd.ctl")
        self.own = tempfile.mkdtemp(prefix="mwclamd.")
        db = os.path.join(self.own, "db")
        shutil.copytree(os.path.join(TOP, "regress/db"), db)
        self.conf = os.path.join(self.own, "clamd.conf")
        with open(self.conf, "w") as f:
            f.write("Foreground yes\nDatabaseDirectory %s\n"
                    "LocalSocket %s\nLocalSocketMode 666\n"
                    "TemporaryDirectory %s\nAlertExceedsMax yes\n"
                    "AlertEncrypted yes\nMaxThreads 2\n"
                    "LogFile %s/log\nSelfCheck 0\n" %
                    (db, self.path, self.own, self.own))
        self.proc = None

    def start(self):
        self.proc = subprocess.Popen(
            [CLAMD, "--config-file=" + self.conf],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert wait_for(self.answers), "clamd does not start"

    def answers(self):
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(self.path)
                s.sendall(b"zPING\0")
                return s.recv(16) == b"PONG\0"
        except OSError:
            return False

    def stop(self):
        if self.proc:
            self.proc.send_signal(signal.SIGKILL)
            self.proc.wait()
            self.proc = None
        if os.path.exists(self.path):
            os.unlink(self.path)

    def close(self):
        self.stop()
        shutil.rmtree(self.own)


class FalseClamd:
    """Answers with whatever it has been given."""

    def __init__(self, directory):
        self.path = os.path.join(directory, "clamd.ctl")
        self.reply = b"fd[10]: OK\0"
        self.asked = []
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(self.path)
        os.chmod(self.path, 0o666)
        self.sock.listen(16)
        self.held = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                conn, _ = self.sock.accept()
            except OSError:
                return
            fds = array.array("i")
            data = b""
            while not data.endswith(b"zFILDES\0\0"):
                got, anc, _, _ = conn.recvmsg(64, socket.CMSG_SPACE(16))
                if not got:
                    break
                data += got
                for _, _, raw in anc:
                    fds.frombytes(raw[:4])
            for fd in fds:
                self.asked.append(os.pread(fd, 1 << 20, 0))
                os.close(fd)
            reply = self.reply
            if callable(reply):
                reply = reply(self.asked[-1])
            if reply is None:
                self.held.append(conn)
                continue
            # A scanner that has gone by then must not end this thread.
            try:
                conn.sendall(reply)
            except OSError:
                pass
            conn.close()

    def close(self):
        self.sock.close()
        os.unlink(self.path)


def real(c):
    d = tempfile.mkdtemp(prefix="mwclamd-sock.")
    os.chmod(d, 0o755)
    clamd = RealClamd(d)
    s = Scanner(database=clamd.path, av="AV_CLAMD", workers=1)
    try:
        # It may be down: everything fails then, nothing is clean.
        s.ready()
        p = s.proxy()
        got = p.scan(*mail())
        c.check("down", got[0] == FAILED and "clamd" in got[2], got)
        clamd.start()
        got = p.scan(*mail())
        c.check("clean", got[0] == CLEAN, got)
        got = p.scan(*mail(eicar()))
        c.check("eicar", got[0] == VIRUS and "icar" in got[2], got)
        c.check("which-part", got[1] == 1, got)
        msg, parts = mail(eicar())
        msg = msg.replace(b"boundary=bnd", b"x=bnd")
        got = p.scan(msg.replace(b"base64", b"x-none"), parts)
        c.check("decoded-part-alone", got[:2] == (VIRUS, 1), got)
        import zipfile
        import io
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as z:
            z.writestr("a.txt", "some text in here")
        z = bytearray(out.getvalue())
        z[6] |= 1
        z[z.index(b"PK\1\2") + 8] |= 1
        got = p.scan(*mail(bytes(z)))
        c.check("encrypted", got[0] == UNSCANNABLE, got)
        got = p.scan(*mail(os.urandom(3 << 20)))
        c.check("large", got[0] == CLEAN, got)
        clamd.stop()
        got = p.scan(*mail())
        c.check("gone", got[0] == FAILED, got)
        clamd.start()
        got = p.scan(*mail(eicar()))
        c.check("back", got[0] == VIRUS, got)
        root = os.readlink("/proc/%d/root" % s.workers()[0])
        c.check("root-is-socket-directory", root == d, root)
        # The directory is made anew, as packages do when they restart.
        clamd.stop()
        os.rename(d, d + ".old")
        shutil.rmtree(d + ".old")
        s.master.expect("IMSG_SCAN_STALE")
        c.check("directory-replaced", True)
    finally:
        s.close()
        clamd.close()
        shutil.rmtree(d, ignore_errors=True)


def false(c):
    d = tempfile.mkdtemp(prefix="mwclamd-sock.")
    os.chmod(d, 0o755)
    clamd = FalseClamd(d)
    s = Scanner(database=clamd.path, av="AV_CLAMD", workers=1, scan_ms=2000,
                file_max=1 << 20)
    try:
        s.ready()
        p = s.proxy()
        for name, reply, verdict, text in (
                ("ok", b"fd[10]: OK\0", CLEAN, ""),
                ("ok-newline", b"fd[10]: OK\n", CLEAN, ""),
                ("found", b"fd[10]: Some.Virus FOUND\0", VIRUS, "Some.Virus"),
                ("found-odd-name", b"fd[10]: a: OK FOUND\0", VIRUS, "a: OK"),
                ("found-controls", b"fd[10]: a\x01\xffb FOUND\0", VIRUS,
                 "a??b"),
                ("limit", b"fd[10]: Heuristics.Limits.Exceeded.MaxFiles "
                 b"FOUND\0", UNSCANNABLE, "limit"),
                ("encrypted", b"fd[10]: Heuristics.Encrypted.Zip FOUND\0",
                 UNSCANNABLE, "encrypted"),
                ("error", b"fd[10]: lstat() failed. ERROR\0", FAILED,
                 "lstat"),
                ("error-ok", b"fd[10]: not OK ERROR\0", FAILED, "not OK"),
                ("ok-error", b"fd[10]: trouble OK\0", FAILED, ""),
                ("nothing", b"", FAILED, ""),
                ("ok-alone", b"OK\0", FAILED, ""),
                ("ok-no-colon", b"fd[10] OK\0", FAILED, ""),
                ("found-no-name", b"fd[10]: FOUND\0", FAILED, ""),
                ("found-empty-name", b"fd[10]:  FOUND\0", FAILED, ""),
                ("unknown", b"UNKNOWN COMMAND\0", FAILED, ""),
                ("half", b"fd[10]: O", FAILED, ""),
                ("endless", b"x" * 100000, FAILED, ""),
                ("binary", os.urandom(200) + b"\0", FAILED, "")):
            clamd.reply = reply
            got = p.scan(*mail())
            c.check("reply-" + name, got[0] == verdict and text in got[2],
                    got)
        # It has it in the message and in one part: that one is named.
        clamd.reply = lambda data: b"fd[10]: Some.Virus FOUND\0" \
            if b"POISON" in data or data.startswith(b"From:") \
            else b"fd[10]: OK\0"
        got = p.scan(*mail(b"POISON"))
        c.check("which-part", got[:2] == (VIRUS, 1), got)
        got = p.scan(*mail(b"none"))
        c.check("no-part-alone", got[:2] == (VIRUS, RAW), got)
        clamd.reply = None
        got = p.scan(*mail())
        c.check("silence", got[0] == FAILED, got)
        clamd.reply = b"fd[10]: OK\0"
        clamd.asked.clear()
        data = os.urandom(3000)
        msg, parts = mail(data)
        got = p.scan(msg, parts)
        c.check("what-is-sent", got[0] == CLEAN and msg in clamd.asked and
                data in clamd.asked, len(clamd.asked))
        got = p.scan(*mail(os.urandom(2 << 20)))
        c.check("over-the-limit", got[0] == UNSCANNABLE, got)
        got = p.scan(msg, parts, limits=1)
        c.check("parser-limit", got[0] == UNSCANNABLE, got)
    finally:
        s.close()
        clamd.close()
        shutil.rmtree(d)


def absent(c):
    """No directory yet: it comes up, fails every scan, asks for another."""
    s = Scanner(database="/nonexistent/clamd.ctl", av="AV_CLAMD", workers=1)
    try:
        s.ready()
        got = s.proxy().scan(*mail())
        c.check("absent-fails", got[0] == FAILED, got)
        s.master.expect("IMSG_SCAN_STALE")
        c.check("absent-stale", True)
    finally:
        s.close()


def main():
    c = Cases()
    c.run("false-clamd", lambda: false(c))
    c.run("absent", lambda: absent(c))
    if os.access(CLAMD, os.X_OK):
        c.run("real-clamd", lambda: real(c))
    else:
        print("ok real-clamd (package clamav-daemon is not installed)")
    c.exit()


main()

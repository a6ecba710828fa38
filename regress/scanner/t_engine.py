#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What is found, and what is admitted not to have been looked into.

Every case goes twice through the real, confined scanner: once as a message
that our parser found to be in order, once as an ambiguous one, which takes the
other way through the engine; and each of them a second time, since nothing
may be remembered wrongly.
"""

import base64
import gzip
import io
import lzma
import os
import pwd
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from scanlib import (ANOMALY, CLEAN, PART_ARENA, PART_MESSAGE, RAW,
                     UNSCANNABLE, VERDICTS, VIRUS, Cases, Part, Scanner,
                     eicar, mail, marker)

TESTFILES = "/usr/share/clamav-testfiles"
AMBIGUOUS = 1 << ANOMALY["A_BAD_HEADER"]


def zipped(members, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, data in members:
            z.writestr(name, data)
    return out.getvalue()


def zip_field(data, local, central, value, width="<H"):
    """A field of the first member changed, in both places."""
    out = bytearray(data)
    at = out.index(b"PK\1\2")
    struct.pack_into(width, out, local, value)
    struct.pack_into(width, out, at + central, value)
    return bytes(out)


def zeros(mib):
    """A member of that many MiB of nothing."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        with z.open("zeros.bin", "w") as m:
            for _ in range(mib):
                m.write(bytes(1 << 20))
    return out.getvalue()


def nested(depth, data):
    for i in range(depth):
        data = zipped([("level%d.zip" % i, data)])
    return data


def tgz(name, data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as t:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def ole2(stream, content=b""):
    """A compound file: a header, a directory and one stream."""
    head = bytearray(512)
    head[0:8] = bytes.fromhex("d0cf11e0a1b11ae1")
    struct.pack_into("<HHHHH", head, 24, 0x3E, 3, 0xFFFE, 9, 6)
    struct.pack_into("<IIIIIIIII", head, 44, 1, 1, 0, 4096, 0xFFFFFFFE, 0,
                     0xFFFFFFFE, 0, 0)
    for i in range(76, 512, 4):
        struct.pack_into("<I", head, i, 0xFFFFFFFF)
    content = content.ljust(4608, b"\0")
    n = len(content) // 512
    fat = [0xFFFFFFFD, 0xFFFFFFFE] + list(range(3, 2 + n)) + [0xFFFFFFFE]
    fat += [0xFFFFFFFF] * (128 - len(fat))

    def entry(name, kind, start, size, child=0xFFFFFFFF):
        raw = name.encode("utf-16-le") + b"\0\0"
        return (raw.ljust(64, b"\0") +
                struct.pack("<HBBIII", len(raw), kind, 1, 0xFFFFFFFF,
                            0xFFFFFFFF, child) + bytes(36) +
                struct.pack("<IQ", start, size))

    directory = entry("Root Entry", 5, 0xFFFFFFFE, 0, 1) + \
        entry(stream, 2, 2, len(content))
    return (bytes(head) + struct.pack("<128I", *fat) +
            directory.ljust(512, b"\0") + content)


def forwarded(inner):
    """A message in a message, with what our parser makes of it."""
    m, parts = mail(inner, name=b"in.zip")
    outer = (b"From: c@example.org\r\nMIME-Version: 1.0\r\n"
             b"Content-Type: message/rfc822\r\n\r\n" + m)
    return outer, [Part(m, ctype=b"message/rfc822", flags=PART_MESSAGE)] + \
        parts


def cases():
    """(name, message and parts, verdict, text in the reason)"""
    text = b"nothing but words in here, line after line\r\n" * 20
    good = zipped([("a.txt", text), ("d/", b""), ("d/b.txt", text),
                   ("empty", b""), ("tiny", b"abc")])
    bad = zipped([("e.com", eicar())])
    yield "plain-text", mail(), CLEAN, ""
    yield "attachment", mail(os.urandom(7000)), CLEAN, ""
    yield "empty-message", (b"", [Part(b"")]), CLEAN, ""
    yield "zip", mail(good), CLEAN, ""
    yield "zip-stored", mail(zipped([("a.txt", text)], 0)), CLEAN, ""
    yield "zip-in-zip", mail(nested(3, good)), CLEAN, ""
    yield "tar-gz", mail(tgz("a.txt", text)), CLEAN, ""
    yield "xz", mail(lzma.compress(text)), CLEAN, ""
    yield "zip-behind-program", mail(b"MZ stub " * 40 + good), CLEAN, ""

    yield "eicar-text", mail(text=eicar() + b"\r\n"), VIRUS, "icar"
    yield "eicar-base64", mail(eicar()), VIRUS, "icar"
    yield "eicar-zip", mail(bad), VIRUS, "icar"
    yield "eicar-zip-in-zip", mail(nested(4, bad)), VIRUS, "icar"
    yield "eicar-forwarded", forwarded(bad), VIRUS, "icar"
    yield "eicar-tar-gz", mail(tgz("e.com", eicar())), VIRUS, "icar"
    yield "eicar-gz", mail(gzip.compress(eicar())), VIRUS, "icar"
    yield "eicar-xz", mail(lzma.compress(eicar())), VIRUS, "icar"
    yield "eicar-zip-behind-program", mail(b"MZ stub " * 40 + bad), VIRUS, \
        "icar"
    m, parts = mail(text=text)
    yield "marker-header", (m.replace(b"Subject: test", b"Subject: " +
                                      marker()), parts), VIRUS, "Marker"

    yield "zip-encrypted", mail(
        zip_field(zip_field(good, 6, 8, 1), 6, 8, 1), name=b"secret.zip"), \
        UNSCANNABLE, "encrypted archive secret.zip"
    yield "zip-unknown-method", mail(zip_field(good, 8, 10, 95)), \
        UNSCANNABLE, "1 of 2 members"
    yield "zip-lzma", mail(zipped([("a", text)], zipfile.ZIP_LZMA)), \
        UNSCANNABLE, "0 of 1 members"
    yield "zip-lzma-behind-program", mail(
        b"MZ stub " * 40 + zipped([("a", text)], zipfile.ZIP_LZMA)), \
        UNSCANNABLE, "broken archive"
    yield "zip-truncated", mail(good[:-60]), UNSCANNABLE, "broken archive"
    yield "zip-junk", mail(b"PK\3\4" + os.urandom(500)), UNSCANNABLE, \
        "broken archive (ZIP) a.bin"
    yield "zip-bomb", mail(zeros(300)), UNSCANNABLE, "limit: file size"
    yield "zip-bomb-that-lies", mail(
        zip_field(zeros(300), 22, 24, 1000, "<I")), UNSCANNABLE, \
        "limit: file size"
    yield "zip-deep", mail(nested(40, good)), UNSCANNABLE, \
        "limit: archive depth"
    yield "gzip-bomb", mail(gzip.compress(bytes(120 << 20), 6)), \
        UNSCANNABLE, "limit"
    yield "gzip-junk", mail(b"\x1f\x8b\x08\0" + b"junk" * 20), \
        UNSCANNABLE, "broken archive (GZIP)"
    yield "rar", mail(b"Rar!\x1a\x07\0" + bytes.fromhex(
        "cf907300000d00000000000000") + os.urandom(300), name=b"x.rar"), \
        UNSCANNABLE, "archive type RAR cannot be opened: x.rar"
    yield "rar5", mail(b"Rar!\x1a\x07\x01\0" + os.urandom(300)), \
        UNSCANNABLE, "RAR"
    yield "ace", mail(b"\x12\x34\x31\0\0\0\x90**ACE**" + os.urandom(300)), \
        UNSCANNABLE, "archive type ACE"
    yield "zstd", mail(b"\x28\xb5\x2f\xfd" + os.urandom(300)), UNSCANNABLE, \
        "archive type ZSTD"
    yield "rar-in-zip", mail(zipped([("in.rar", b"Rar!\x1a\x07\0" +
                                      bytes(50))])), UNSCANNABLE, "RAR"
    yield "docx-encrypted", mail(ole2("EncryptedPackage"),
                                 name=b"plan.docx"), UNSCANNABLE, \
        "encrypted document plan.docx"
    fib = struct.pack("<HH", 0xA5EC, 0xC1) + bytes(6)
    yield "doc", mail(ole2("WordDocument", fib + b"\0\0")), CLEAN, ""
    yield "doc-encrypted", mail(ole2("WordDocument", fib + b"\0\1")), \
        UNSCANNABLE, "encrypted document"
    bof = struct.pack("<HHIIII", 0x809, 16, 0x50600, 0, 0, 0)
    yield "xls", mail(ole2("Workbook", bof + bytes(8))), CLEAN, ""
    yield "xls-encrypted", mail(ole2("Workbook", bof + struct.pack(
        "<HHH", 0x2F, 2, 0))), UNSCANNABLE, "encrypted document"
    yield "hostile-name", mail(b"PK\3\4" + os.urandom(500),
                               name=b"a\xe3\x81\x82%s%n.zip"), UNSCANNABLE, \
        "broken archive (ZIP) a"


def odd_cases(c, p):
    """Where the two readings of a message differ."""
    msg, parts = mail(eicar())
    # Our parser saw only text: the engine's own finds it.
    got = p.scan(msg, parts[:1], AMBIGUOUS)
    c.check("only-their-parser", got[0] == VIRUS and got[1] == RAW, got)
    # Their parser is led astray: our decoded part has it.
    hidden = msg.replace(b"boundary=bnd", b"boundary=xyz")
    for what, flag in (("plain", 0), ("ambiguous", AMBIGUOUS)):
        got = p.scan(hidden, parts, flag)
        c.check("only-our-parser-" + what, got[0] == VIRUS, got)
    # A message that had to be decoded: its own attachment counts.
    inner = base64.encodebytes(msg).replace(b"\n", b"\r\n")
    outer = (b"From: c@example.org\r\nContent-Type: message/rfc822\r\n"
             b"Content-Transfer-Encoding: base64\r\n\r\n" + inner)
    got = p.scan(outer, [Part(msg, ctype=b"message/rfc822",
                              flags=PART_MESSAGE | PART_ARENA)])
    c.check("encoded-message", got[0] == VIRUS, got)
    # A returned message inside plain text.
    got = p.scan(*mail(text=b"The message follows.\r\n\r\n" + msg))
    c.check("message-in-text", got[0] == VIRUS, got)
    clean, parts = mail(os.urandom(100))
    got = p.scan(clean, parts, limits=1)
    c.check("parser-limit", got[0] == UNSCANNABLE and "limit" in got[2], got)
    got = p.scan(clean, parts, 1 << ANOMALY["A_PARTIAL"])
    c.check("message-partial", got[0] == UNSCANNABLE, got)


def testfiles(c, p):
    """The packaged samples: found, each of them, without a forbidden call."""
    names = sorted(os.listdir(TESTFILES))
    missed = []
    for name in names:
        with open(os.path.join(TESTFILES, name), "rb") as f:
            got = p.scan(*mail(f.read(), name=name.encode()))
        # An archive that cannot be opened is no miss, and says so.
        if got[0] != VIRUS and not (got[0] == UNSCANNABLE and
                                    "cannot be opened" in got[2]):
            missed.append((name, got))
    c.check("testfiles", len(names) > 20 and not missed, missed)


def signatures(c):
    """Kinds that judge more than bytes: containers, links, expressions."""
    db = tempfile.mkdtemp(prefix="mwscan-db.")
    os.chmod(db, 0o755)
    for name, text in (
            ("t.cdb", r"Test.Cdb:CL_TYPE_MAIL:*:\.scr$:*:*:*:*:*:*"),
            ("t.pdb", r"R:bank\.example:bank\.example" +
             "\nH:bank.example"),
            ("t.ldb", "Test.Pcre;Engine:81-255,Target:0;0&1;"
             "61626364656667;0/qqq[0-9]{3}zz/")):
        with open(os.path.join(db, name), "w") as f:
            f.write(text + "\n")
    s = Scanner(workers=1, database=db)
    try:
        s.ready()
        p = s.proxy()
        got = p.scan(*mail(b"no such program", name=b"a.scr"))
        c.check("container-signature", got[0] == VIRUS and
                "Cdb" in got[2], got)
        html = (b'<html><body><a href="http://evil.example/">'
                b'http://www.bank.example/</a></body></html>\r\n')
        msg, parts = mail(text=html)
        parts[0].ctype = b"text/html"
        got = p.scan(msg.replace(b"text/plain", b"text/html"), parts)
        c.check("phishing-signature", got[0] == VIRUS and
                "Phishing" in got[2], got)
        got = p.scan(*mail(b"xx abcdefg qqq123zz"))
        c.check("regex-signature", got[0] == VIRUS, got)
        got = p.scan(*mail(b"xx abcdefg qqq12zz"))
        c.check("regex-no-match", got[0] == CLEAN, got)
    finally:
        s.close()
        shutil.rmtree(db)


def no_room(c):
    """Temporary files that do not fit: never clean."""
    rundir = tempfile.mkdtemp(prefix="mwscan.")
    tmp = os.path.join(rundir, "scanner/tmp")
    os.makedirs(tmp)
    os.chmod(os.path.dirname(tmp), 0o755)
    pw = pwd.getpwnam("nobody")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700,uid=%d"
                    % pw.pw_uid, "tmpfs", tmp], check=True)
    s = None
    try:
        s = Scanner(workers=1, rundir=rundir)
        s.ready()
        p = s.proxy()
        got = p.scan(*mail(os.urandom(20000)))
        c.check("room", got[0] == CLEAN, got)
        for what, data in (
                ("zip", zipped([("a.bin", os.urandom(3 << 20))])),
                ("zip-in-zip", zipped([("b.zip", zipped(
                    [("a.bin", os.urandom(3 << 20))]))])),
                ("gz", gzip.compress(os.urandom(3 << 20))),
                ("tar-gz", tgz("a", os.urandom(3 << 20))),
                ("xz", lzma.compress(os.urandom(3 << 20), preset=0))):
            for flag in (0, AMBIGUOUS):
                got = p.scan(*mail(data), flag)
                c.check("no-room-" + what, got[0] != CLEAN, got)
    finally:
        if s:
            s.close()
        subprocess.run(["umount", tmp], check=True)
        shutil.rmtree(rundir)


def main():
    c = Cases()
    c.run("signatures", lambda: signatures(c))
    c.run("full", lambda: no_room(c))
    s = Scanner(workers=1)
    try:
        s.ready()
        p = s.proxy()
        before = s.workers()
        for name, (msg, parts), verdict, reason in cases():
            bad = []
            for flag in (0, AMBIGUOUS, 0, AMBIGUOUS):
                got = p.scan(msg, parts, flag)
                if got[0] != verdict or reason not in got[2]:
                    bad.append((VERDICTS[got[0]], got[1], got[2], flag))
            c.check(name, not bad, bad)
        odd_cases(c, p)
        if os.path.isdir(TESTFILES):
            testfiles(c, p)
        c.check("same-worker", before == s.workers(), s.log())
    finally:
        s.close()
    c.exit()


main()

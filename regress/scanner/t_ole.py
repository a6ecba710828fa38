#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Text and flags of old office documents, wherever their sectors lie.

The samples were written by LibreOffice; everything else is made here, so that
its pieces can lie where no office would put them.
"""

import gzip
import os
import random
import resource
import shutil
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from compound import (atom, compound, label, message, native, record, slides,
                      sst, word, word_streams, workbook)
from docs import WORDS as DOCX
from docs import docx, pdf, pe, vba_pack, zipped
from scanlib import Cases
from seen import TMP, Seen

# Letters of one byte, of two, of both; a word that no search for UTF-16 or
# ASCII finds; a character beyond U+FFFF.
WORDS = ("confidential", "Geschäftsgeheimnis", "机密文件", "기밀문서",
         "тайна", "𠮷野家")
SLOW = 20       # s of the processor: half a second without sanitizers


def sample(name):
    with gzip.open(os.path.join(HERE, "samples", name + ".gz")) as f:
        return f.read()


def has(c, name, got, *words):
    missing = [w for w in words if w not in got.text]
    c.check(name, got.status == 0 and not missing, (missing, got))


def samples(c):
    has(c, "sample word", Seen("a.doc", sample("word97.doc")),
        "Ein Geschäftsgeheimnis mit Verweis", "link.example/x",
        "confidential", "机密文件", "기밀문서")
    has(c, "sample table of strings", Seen("a.xls", sample("strings.xls")),
        *["Geschäftsgeheimnis Nr. %d\n" % i for i in range(420)])
    has(c, "sample scripts", Seen("a.xls", sample("scripts.xls")),
        "机密文件", "тайна", "Überweisung", "기밀문서")
    has(c, "sample slide", Seen("a.ppt", sample("slide.ppt")),
        "Geschäftsgeheimnis", "机密文件 und тайна")


def halves(words):
    """Each word in two pieces."""
    out = []
    for w in words:
        out += [w[:len(w) // 2], w[len(w) // 2:] + "\r"]
    return out


def documents(c):
    for mixed in range(4):
        for shift in (9, 12):
            how = {"mixed": mixed, "shift": shift}
            at = "mixed %d, sectors of %d" % (mixed, 1 << shift)
            has(c, "word in pieces, " + at,
                Seen("a.doc", word(halves(WORDS), **how)), *WORDS)
            has(c, "strings, " + at, Seen("a.xls", workbook(sst(
                [w + " %d" % i for i in range(900) for w in WORDS]),
                **how)), *[w + " %d\n" % i for i in range(900)
                           for w in WORDS])
            has(c, "slides, " + at, Seen("a.ppt", slides(WORDS * 9, **how)),
                *WORDS)
            has(c, "message, " + at, Seen("a.msg", message({
                "1000001F": ("机密文件 Geschäftsgeheimnis"
                             .encode("utf-16-le")),
                "0037001E": "Geheimes über тайна".encode("utf-8"),
                "10130102": "<p>기밀문서 ".encode("cp949") * 30,
                "8000001e": "тайна".encode("cp1251") * 20}, **how)),
                "机密文件 Geschäftsgeheimnis", "Geheimes über тайна",
                "기밀문서", "тайнатайна")
    has(c, "word, the other table", Seen("a.doc", word(
        halves(WORDS), table="0Table", mixed=1)), *WORDS)
    has(c, "word, properties first", Seen("a.doc", word(
        halves(WORDS), before=5, mixed=1)), *WORDS)


def fields(c):
    text = "con\x13 HYPERLINK \x13 DATE \x14 today \x15 there " \
        "\x14fid\x15en\x13 X \x15ti\x1fal\x02 se\x1ecret"
    got = Seen("a.doc", word([text]))
    has(c, "word, code between letters", got, "confidential se-cret",
        "HYPERLINK", " DATE ")
    for n, what in ((64, "adeepend"), (100, "xxdeepend")):
        deep = "a" + "\x13x\x14" * n + "deep" + "\x15" * n + "end"
        has(c, "word, %d fields deep" % n, Seen("a.doc", word([deep])), what)
    got = Seen("a.doc", word(["a\x13never ended: secret"]))
    has(c, "word, a field without end", got, "never ended: secret")
    got = Seen("a.doc", word(["x\x15y\x14z"]))
    has(c, "word, ends without field", got, "xyz")


def tables(c):
    for most in (40, 41, 42, 43, 100):
        for rich, ext in ((0, b""), (3, b""), (2, b"x" * 90)):
            has(c, "records of %d, %d runs, %d more" % (most, rich, len(ext)),
                Seen("a.xls", workbook(sst(WORDS * 20, most, rich, ext))),
                *[w + "\n" for w in WORDS])
    w = "Geschäftsgeheimnis"
    for what, kind, data in (
            ("label", 0x204, label(w)),
            ("result", 0x207, label(w, at=0)),
            ("sheet", 0x85, label(w, 1)),
            ("header", 0x14, label(w, at=0)),
            ("footer", 0x15, label(w, at=0)),
            ("chart", 0x100d, label(w, 1, 2)),
            ("formula", 6, bytes(22) + b"\x17" + label(w, 1, 0))):
        has(c, "text of a " + what, Seen("a.xls", workbook(record(
            kind, data))), w)
    has(c, "text of a box", Seen("a.xls", workbook(
        record(0x1b6, bytes(10) + struct.pack("<H", len(w)) + bytes(6)),
        record(0x3c, b"\0" + w[:5].encode("latin-1")),
        record(0x3c, b"\0" + w[5:].encode("latin-1")))), w)
    old = "совершенно секретно".encode("cp1251")
    has(c, "text of Excel 5", Seen("a.xls", workbook(record(
        0x204, bytes(6) + struct.pack("<H", len(old)) + old), name="Book",
        version=0x500)), "совершенно секретно")
    old = "совершенно секретно".encode("cp1251")
    doc = struct.pack("<HH", 0xa5dc, 104).ljust(0x18, b"\0") + struct.pack(
        "<II", 0x300, 0x300 + len(old))
    has(c, "text of Word 95", Seen("a.doc", compound({
        "WordDocument": (doc.ljust(0x300, b"\0") + old).ljust(4096, b"\0")},
        mixed=1)), "совершенно секретно")


def macros(c):
    source = vba_pack(b'Attribute VB_Name = "Module1"\r\n' + b"".join(
        b'MsgBox "confidential %d"\r\n' % i for i in range(400)))
    # Names of procedures that stand across the ends of sectors.
    names = (b"x" * 57 + b"AutoOpen").ljust(600, b"y")
    for mixed in range(4):
        got = Seen("a.doc", compound({"Macros": {"VBA": {
            "Module1": source, "dir": bytes(100), "_VBA_PROJECT": names}},
            "WordDocument": bytes(4096)}, mixed=mixed))
        has(c, "macros, mixed %d" % mixed, got,
            *['MsgBox "confidential %d"' % i for i in range(400)])
        c.check("macros that start, mixed %d" % mixed,
                {"macros", "auto-macro"} <= got.flags, got.flags)
    fib = struct.pack("<HH", 0xa5ec, 0xc1).ljust(10, b"\0") + \
        b"\0\1".ljust(800, b"\0")
    for size in (len(fib), 4096):
        for mixed in range(3):
            got = Seen("a.doc", compound({
                "WordDocument": fib.ljust(size, b"\0"),
                "Other": bytes(1000)}, mixed=mixed))
            c.check("encrypted, %d bytes, mixed %d" % (size, mixed),
                    "encrypted" in got.flags, got.flags)


def cased(c):
    """Names in another case, entries in another form: they are opened."""
    def changed(data, how):
        for name in ("Root Entry", "WordDocument", "1Table", "Workbook",
                     "VBA", "\1Ole10Native", "PowerPoint Document"):
            raw = name.encode("utf-16-le").ljust(64, b"\0")
            at = data.find(raw)
            if at == -1:
                continue
            new = bytearray(data)
            if how == "case":
                new[at:at + 64] = name.swapcase().encode(
                    "utf-16-le").ljust(64, b"\0")
            else:
                new[at + 67] = 7
            data = bytes(new)
        return data
    files = (
        ("a.doc", word(halves(WORDS), mixed=1)),
        ("a.xls", workbook(sst(WORDS * 20, 40), mixed=1)),
        ("a.ppt", slides(WORDS * 9, mixed=1)))
    for how in ("case", "colour"):
        for name, data in files:
            got = Seen(name, changed(data, how))
            has(c, "another %s, %s" % (how, name), got, *WORDS)
            if how == "case":
                c.check("... and it is " + name[2:],
                        got.files[0][1] == name[2:], got.files)
        got = Seen("a.doc", changed(compound({
            "WordDocument": bytes(5000), "VBA": {"x": bytes(100)},
            "\1Ole10Native": native("x.exe", pe())}), how))
        c.check("another %s, flags" % how, {
            "macros", "embedded-object", "executable"} <= got.flags and
                got.files[-1][3] == "a.doc/x.exe", got)
        fib = struct.pack("<HH", 0xa5ec, 0xc1).ljust(10, b"\0") + \
            b"\0\1".ljust(5000, b"\0")
        got = Seen("a.doc", changed(compound({"WordDocument": fib}), how))
        c.check("another %s, encrypted" % how, "encrypted" in got.flags, got)
    for mini, below in ((6, 64), (7, 4096), (5, 4096), (9, 9000), (6, 1)):
        for name, data in (
                ("a.xls", workbook(sst(WORDS * 20, 40), mixed=1, mini=mini,
                                   below=below)),
                ("a.doc", word(halves(WORDS), mixed=1, mini=mini,
                               below=below))):
            has(c, "small sectors of 2^%d below %d, %s" % (
                mini, below, name), Seen(name, data), *WORDS)


def room(c):
    """What is no text does not use up the room of what is."""
    rnd = random.Random(3)
    noise = rnd.randbytes(6 << 20)
    got = Seen("a.msg", message({"1000001F": "Geheim".encode("utf-16-le")}, [
        {"37010102": b"\xff\xd8\xff" + noise, "3707001E": b"a.jpg"},
        {"37010102": zipped([("a.docx", docx())]), "3707001E": b"b.zip"}]))
    has(c, "behind a large attachment", got, "Geheim", *DOCX)
    c.check("... nothing left out", "text-truncated" not in got.flags, got)
    for mixed in (0, 1):
        got = Seen("a.xls", compound({
            "Data": noise, "Workbook": struct.pack(
                "<HHHH", 0x809, 4, 0x600, 5) + record(
                    0x204, label("Geschäftsgeheimnis")) + bytes(5000),
            "Zackage": docx()}, mixed=mixed))
        has(c, "behind large pictures, mixed %d" % mixed, got,
            "Geschäftsgeheimnis", *DOCX)
        c.check("... nothing left out, mixed %d" % mixed,
                "text-truncated" not in got.flags, got)
    got = Seen("a.vsd", compound({"VisioDocument": noise, "Zackage": docx()}))
    has(c, "behind an unknown format", got, *DOCX)
    c.check("... of which something is left out",
            "text-truncated" in got.files[0][2] and
            "text-truncated" not in got.files[1][2], got)
    inner = {}
    for i in range(30):
        inner["_%d" % i] = parts = {}
        doc, table = word_streams(["Geschäfts", "geheimnis %d\r" % i])
        parts["WordDocument"], parts["1Table"] = doc, table
    got = Seen("a.doc", compound({"ObjectPool": inner}, mixed=1))
    has(c, "thirty documents in one", got,
        *["Geschäftsgeheimnis %d\n" % i for i in range(30)])
    c.check("... each read once", "text-truncated" not in got.flags and
            got.text.count("Geschäftsgeheimnis 7\n") == 1, got)


def files(c):
    def names(got):
        return {(d, t, n) for d, t, _, n in got.files}
    for mixed in range(3):
        got = Seen("a.msg", message({}, [
            {"37010102": pe(),
             "3707001F": "правда.exe".encode("utf-16-le"),
             "3704001F": "PRAWDA~1.EXE".encode("utf-16-le")},
            {"37010102": zipped([("in/a.docx", docx())]),
             "3704001E": b"B.ZIP"},
            {"37010102": pdf(["кругом тайна"]), "3001001F": b""},
            {"37010102": "geheim: тайна".encode(), "3707001e": b"t.txt"}],
            mixed=mixed))
        c.check("attached to a message, mixed %d" % mixed, {
            (0, "msg", "a.msg"), (1, "pe", "a.msg/правда.exe"),
            (1, "zip", "a.msg/B.ZIP"), (2, "docx", "a.msg/B.ZIP/in/a.docx"),
            (1, "pdf", "a.msg"), (1, "text", "a.msg/t.txt")} == names(got) and
                got.status == 0 and "executable" in got.flags, got)
        has(c, "text of what is attached, mixed %d" % mixed, got,
            "кругом тайна", "geheim: тайна", *DOCX)
        got = Seen("a.doc", compound({
            "WordDocument": bytes(5000), "ObjectPool": {"_1": {
                "\1Ole10Native": native("invoice.exe", pe() + bytes(5000))},
                "_2": {"Package": docx()},
                "_3": {"CONTENTS": pdf(), "\1CompObj": bytes(100)},
                "_4": {"Anything": pe()}}}, mixed=mixed))
        c.check("embedded in a document, mixed %d" % mixed, {
            (0, "doc", "a.doc"), (1, "pe", "a.doc/invoice.exe"),
            (1, "docx", "a.doc"), (1, "pdf", "a.doc"),
            (1, "pe", "a.doc")} == names(got) and
                {"executable", "embedded-object"} <= got.flags, got)
    # Under a name of a zip it is one to those who go by that, too.
    for name, walked in (("a.zip", True), ("a", True), ("a.doc", False)):
        got = Seen(name, compound({"WordDocument": bytes(5000)}) + zipped(
            [("x.exe", pe())]))
        c.check("a zip behind it, as " + name,
                ((1, "pe", name + "/x.exe") in names(got)) == walked and
                ("polyglot" in got.flags) == walked, got)
    inner = message({}, [{"37010102": pe(), "3707001F":
                          "deep.exe".encode("utf-16-le")}])
    got = Seen("a.msg", message({}, [{"37010102": inner, "3707001E":
                                      b"inner.msg"}]))
    c.check("a message in a message", (
        2, "pe", "a.msg/inner.msg/deep.exe") in names(got), got)
    got = Seen("a.msg", message({"1000001E": b"MZ" + b"is what " * 30}))
    c.check("a text is no program", not got.flags and
            len(got.files) == 1, got)
    for what, label_, path in (("label", "x.js", "x.txt"),
                               ("path", "x.txt", "x.js"),
                               ("path alone", "", "x.js")):
        got = Seen("a.doc", compound({"\1Ole10Native": native(
            label_, b"var x = 1;", path)}))
        c.check("a script by its " + what, got.files[-1][1:] == (
            "js", {"script"}, "a.doc/x.js"), got)
    for n in (0, 3, 6, 10, 40):
        got = Seen("a.doc", compound({"\1Ole10Native": native(
            "x" * 20, pe())[:n]}))
        c.check("%d bytes of a package" % n, got.status == 0, got)
    # A storage that is nowhere takes nothing from one that is.
    data = bytearray(message({}, [{"37010102": b"x = 1;",
                                   "3707001E": b"x.js"}]))

    def entry(name):
        return data.index(name.encode("utf-16-le").ljust(64, b"\0"))
    top, spare = entry("Root Entry"), entry("__properties_version1.0")
    attach = entry("__attach_version1.0_#00000000")
    data[spare + 66] = 1
    struct.pack_into("<III", data, spare + 68, 0xffffffff, 0xffffffff,
                     (entry("__substg1.0_37010102") - top) // 128)
    struct.pack_into("<II", data, attach + 68, 0xffffffff, 0xffffffff)
    struct.pack_into("<I", data, top + 76, (attach - top) // 128)
    got = Seen("a.msg", bytes(data))
    c.check("a storage that is nowhere", spare < attach and
            got.files[-1][1:] == ("js", {"script"}, "a.msg/x.js"), got)
    # An entry that is its own neighbour, and child of two storages.
    whole = message({}, [{"37010102": pe(), "3707001E": b"x.exe"}] * 3)
    at = whole.index("Root Entry".encode("utf-16-le"))
    for what in (68, 72, 76):
        data = bytearray(whole)
        for i in range(at, at + 128 * 13, 128):
            struct.pack_into("<I", data, i + what, (i - at) // 128)
        got = Seen("a.msg", bytes(data))
        c.check("a tree that goes round by %d" % what, got.status == 0 and
                len(got.files) == 4, got)
    got = Seen("a.msg", message({"10090102": bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af8206865"
        "6c090020627705b06c647d0a800fa0")}))
    has(c, "compressed RTF", got, "hello world")


def hostile(c):
    def timed(name, data):
        begun = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        got = Seen("a.doc", data)
        took = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - begun
        c.check(name, got.status == 0 and took < SLOW, (took, got))
        return got
    # All chains lead back to their beginning.
    data = bytearray(compound({"WordDocument": bytes(1 << 20),
                               "1Table": bytes(100000), "x": bytes(1000)}))
    nfat, = struct.unpack_from("<I", data, 44)
    for k in range(nfat):
        at, = struct.unpack_from("<I", data, 76 + 4 * k)
        for i in range(128):
            struct.pack_into("<I", data, (at + 1) * 512 + 4 * i,
                             (i * 7 + k) % 1000)
    timed("chains in a circle", bytes(data))
    # Each document has every table, and each table is the whole file.
    many = {"d%d" % i: b"" for i in range(20000)}
    data = compound(many | {"x": bytes(200000)})
    data = data.replace("d\x001\x00".encode(), b"d\x001\x00")
    at = data.index("Root Entry".encode("utf-16-le"))
    out = bytearray(data)
    doc = word(["x" * 100000])
    where = len(out) // 512 - 1
    out += doc[512:]
    for i in range(at // 512 * 512 + 128, len(data) - 128, 128):
        if out[i:i + 2] != b"d\0":
            continue
        name = ("WordDocument" if i % 256 else "1Table").encode("utf-16-le")
        out[i:i + 64] = name.ljust(64, b"\0")
        struct.pack_into("<H", out, i + 64, len(name) + 2)
        struct.pack_into("<IQ", out, i + 116, where, 1 << 30)
    timed("ten thousand documents", bytes(out))
    # A document whose text is never shown, with many tables.
    doc = bytearray(b"\1" * (4 << 20))
    doc[:0x600] = bytes(0x600)
    struct.pack_into("<HH", doc, 0, 0xa5ec, 0xc1)
    plc = struct.pack("<IIHIH", 0, 3 * len(doc), 0, 0x40000000 | 0xc00, 0)
    clx = b"\2" + struct.pack("<I", len(plc)) + plc
    struct.pack_into("<II", doc, 0x1a2, 0, len(clx))
    data = bytearray(compound({"WordDocument": bytes(doc)} | {
        "T%04d" % i: clx for i in range(1000)}))
    for i in range(1000):
        at = data.index(("T%04d" % i).encode("utf-16-le"))
        data[at:at + 64] = "0Table".encode("utf-16-le").ljust(64, b"\0")
        struct.pack_into("<H", data, at + 64, 14)
    timed("a document with a thousand tables", bytes(data))
    # Compressed RTF that becomes much of nothing.
    body = b"\0{}{}{}{}" + b"".join(
        b"\xff" + b"".join(struct.pack(">H", (215 + 17 * k - 1) % 4096 << 4 |
                                       15) for k in range(i, i + 8))
        for i in range(0, 15 * 61000, 8))
    body = struct.pack("<IIII", len(body) + 12, 0, 0x75465a4c, 0) + body
    got = timed("compressed RTF, six times", message({}, [
        {"10090102": body} for _ in range(6)]))
    c.check("... which is not all read", "text-truncated" in got.flags,
            got.flags)
    # Pieces that all are the same text, many times over.
    text = word(["secret " * 9000])
    plc = struct.pack("<%dI" % 2001, *[i * 60000 for i in range(2001)]) + \
        struct.pack("<HIH", 0, 0x600 * 2 | 0x40000000, 0) * 2000
    clx = b"\2" + struct.pack("<I", len(plc)) + plc
    doc = bytearray(70000)
    struct.pack_into("<HH", doc, 0, 0xa5ec, 0xc1)
    struct.pack_into("<H", doc, 10, 0x0200)
    struct.pack_into("<II", doc, 0x1a2, 0, len(clx))
    got = timed("the same piece two thousand times", compound({
        "WordDocument": bytes(doc[:0x600]) + b"secret " * 9000,
        "1Table": clx}))
    c.check("... which is not all read", "text-truncated" in got.flags,
            got.flags)
    for shift in (0, 6, 7, 10, 16, 31, 32, 65535):
        data = bytearray(text)
        struct.pack_into("<H", data, 30, shift)
        got = timed("sectors of 2^%d" % shift, bytes(data))
        c.check("... are not looked into", "partly-inspected" in got.flags,
                got.flags)
    timed("a header alone", text[:512])
    timed("half a header", text[:300])
    rnd = random.Random(7)
    whole = [compound({"WordDocument": bytes(5000), "a": bytes(70)}), text,
             workbook(sst(WORDS * 50, 100)), slides(WORDS)]
    for i in range(60):
        data = bytearray(rnd.choice(whole))
        for _ in range(rnd.randrange(1, 20)):
            data[rnd.randrange(len(data))] = rnd.choice(
                (0, 1, 0xff, 0xfe, rnd.randrange(256)))
        got = Seen("a.doc", bytes(data[:rnd.randrange(600, len(data))]))
        if got.status != 0:
            break
    c.check("damaged at random", got.status == 0, got)
    text = "Geschäftsgeheimnis"
    has(c, "records of another version", Seen("a.ppt", compound({
        "PowerPoint Document": atom(0x03e8, atom(0xf00d, atom(
            0x0fa8, text.encode("latin-1"), 0xf), 1), 2).ljust(
                5000, b"\0")})), text)
    deep = b""
    for i in range(2000):
        deep = atom(0x03e8, deep, 0xf)
    timed("deep records", compound({"PowerPoint Document": deep}))


def main():
    c = Cases()
    try:
        for run in (samples, documents, fields, tables, macros, cased, room,
                    files, hostile):
            run(c)
    finally:
        shutil.rmtree(TMP)
    c.exit()


main()

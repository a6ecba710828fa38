# SPDX-License-Identifier: ISC
"""Compound files ([MS-CFB]) and the old office documents that are such.

    compound({"WordDocument": b"...", "VBA": {"dir": b"..."}}, mixed=1)

mixed is a seed: the sectors of all streams, small ones too, then lie in the
file in an order that it makes.  shift, mini and below are what the header says
of the sizes of sectors, and below which size streams have small ones.
"""

import random
import struct

FREE, END, FATSECT, DIFSECT = 0xffffffff, 0xfffffffe, 0xfffffffd, 0xfffffffc
BELOW = 4096


class Entry:
    def __init__(self, name, kind, data=b""):
        self.name, self.kind, self.data = name, kind, data
        self.left = self.right = self.child = FREE
        self.start, self.size = END if kind == 2 else 0, len(data)

    def pack(self):
        raw = self.name.encode("utf-16-le") + b"\0\0"
        return (raw.ljust(64, b"\0") + struct.pack(
            "<HBBIII", len(raw), self.kind, 1, self.left, self.right,
            self.child) + bytes(36) + struct.pack("<IQ", self.start,
                                                  self.size))


def _tree(entries, content):
    """Children into a tree of names, by length and then by letters."""
    made = []
    for name in sorted(content, key=lambda n: (len(n), n.upper())):
        what = content[name]
        made.append(len(entries))
        if isinstance(what, dict):
            e = Entry(name, 1)
            entries.append(e)
            e.child = _tree(entries, what)
        else:
            entries.append(Entry(name, 2, what))

    def root(part):
        if not part:
            return FREE
        mid = len(part) // 2
        entries[part[mid]].left = root(part[:mid])
        entries[part[mid]].right = root(part[mid + 1:])
        return part[mid]
    return root(made)


def _place(blobs, size, rnd, taken=0):
    """Blobs in sectors: their starts, the chain, what lies in each."""
    n = [-(-len(b) // size) for b in blobs]
    places = list(range(taken, taken + sum(n)))
    if rnd:
        rnd.shuffle(places)
    chain, lies, starts = {}, {}, []
    for b, count in zip(blobs, n):
        mine, places = places[:count], places[count:]
        starts.append(mine[0] if mine else END)
        for k, at in enumerate(mine):
            chain[at] = mine[k + 1] if k + 1 < count else END
            lies[at] = b[k * size:(k + 1) * size].ljust(size, b"\0")
    return starts, chain, lies


def compound(content, mixed=0, shift=9, mini=6, below=BELOW):
    rnd = random.Random(mixed) if mixed else None
    size = 1 << shift
    entries = [Entry("Root Entry", 5)]
    entries[0].child = _tree(entries, content)
    streams = [e for e in entries if e.kind == 2]
    small = [e for e in streams if 0 < e.size < below]
    large = [e for e in streams if e.size >= below]
    starts, chain, lies = _place([e.data for e in small], 1 << mini, rnd)
    for e, at in zip(small, starts):
        e.start = at
    ministream = b"".join(lies[i] for i in range(len(lies)))
    minifat = b"".join(struct.pack("<I", chain[i]) for i in range(len(chain)))
    entries[0].size = len(ministream)
    per = size // 4
    minifat += b"\xff" * (-len(minifat) % size)
    ndir = -(-len(entries) * 128 // size) * size
    blobs = [e.data for e in large] + [ministream, minifat, bytes(ndir)]
    starts, chain, lies = _place(blobs, size, rnd)
    for e, at in zip(large, starts):
        e.start = at
    entries[0].start = starts[-3]
    directory = b"".join(e.pack() for e in entries).ljust(ndir, b"\0")
    at = starts[-1]
    for i in range(0, ndir, size):
        lies[at] = directory[i:i + size]
        at = chain[at]
    n = len(lies)
    nfat = ndif = 0
    while (nfat * per < n + nfat + ndif or
           ndif * (per - 1) < nfat - 109):
        nfat = -(-(n + nfat + ndif) // per)
        ndif = max(0, -(-(nfat - 109) // (per - 1)))
    fats = list(range(n, n + nfat))
    difs = list(range(n + nfat, n + nfat + ndif))
    chain.update({i: FATSECT for i in fats})
    chain.update({i: DIFSECT for i in difs})
    table = b"".join(struct.pack("<I", chain.get(i, FREE))
                     for i in range(nfat * per))
    for k, i in enumerate(fats):
        lies[i] = table[k * size:(k + 1) * size]
    rest = fats[109:]
    for k, i in enumerate(difs):
        part = rest[k * (per - 1):(k + 1) * (per - 1)]
        lies[i] = struct.pack("<%dI" % per, *(
            part + [FREE] * (per - 1 - len(part)) +
            [difs[k + 1] if k + 1 < ndif else END]))
    head = struct.pack(
        "<8s16xHHHHH6xIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3e,
        3 if shift == 9 else 4, 0xfffe, shift, mini,
        0 if shift == 9 else ndir // size, nfat, starts[-1], 0, below,
        starts[-2], len(minifat) // size, difs[0] if difs else END, ndif)
    head += struct.pack("<109I", *(fats[:109] + [FREE] * (109 - len(
        fats[:109]))))
    return head.ljust(size, b"\0") + b"".join(
        lies[i] for i in range(len(lies)))


def word(pieces, table="1Table", before=0, **how):
    """A Word document, see word_streams()."""
    doc, pieces = word_streams(pieces, table, before)
    return compound({"WordDocument": doc, table: pieces}, **how)


def word_streams(pieces, table="1Table", before=0):
    """Its two streams; a piece of str that is ASCII has a byte a letter.

    The pieces lie in the stream in the order of their length, which is not
    that of the text.  before: so many properties in front of the table.
    """
    doc = bytearray(0x600)
    struct.pack_into("<HH", doc, 0, 0xa5ec, 0xc1)
    struct.pack_into("<H", doc, 10, 0x0200 if table == "1Table" else 0)
    struct.pack_into("<H", doc, 32, 14)
    struct.pack_into("<H", doc, 62, 22)
    struct.pack_into("<H", doc, 152, 93)
    where = {}
    for k in sorted(range(len(pieces)), key=lambda k: len(pieces[k])):
        try:
            raw, narrow = pieces[k].encode("cp1252"), True
        except UnicodeEncodeError:
            raw, narrow = pieces[k].encode("utf-16-le"), False
            doc += bytes(len(doc) % 2)
        where[k] = (len(doc) * 2 | 0x40000000 if narrow else len(doc),
                    len(raw) // (1 if narrow else 2))
        doc += raw + b"\x01\x02"
    cps, pcds, cp = [0], b"", 0
    for k in range(len(pieces)):
        cp += where[k][1]
        cps.append(cp)
        pcds += struct.pack("<HIH", 0, where[k][0], 0)
    plc = struct.pack("<%dI" % len(cps), *cps) + pcds
    clx = b"\1\4\0\x03\x08\x01\0" * before + \
        b"\2" + struct.pack("<I", len(plc)) + plc
    struct.pack_into("<I", doc, 0x4c, cp)
    struct.pack_into("<II", doc, 0x1a2, 96, len(clx))
    doc += bytes(max(0, BELOW - len(doc)))
    return bytes(doc), (bytes(96) + clx).ljust(BELOW, b"\0")


def _record(kind, data):
    return struct.pack("<HH", kind, len(data)) + data


def _string(text, size=2, rich=0, ext=b""):
    try:
        raw, flags = text.encode("latin-1"), 0
    except UnicodeEncodeError:
        raw, flags = text.encode("utf-16-le"), 1
    head = struct.pack("<HB" if size == 2 else "<BB", len(raw) >> flags,
                       flags | (8 if rich else 0) | (4 if ext else 0))
    if rich:
        head += struct.pack("<H", rich)
    if ext:
        head += struct.pack("<I", len(ext))
    return head, raw, bytes(4 * rich) + ext, flags


def sst(strings, most=8224, rich=0, ext=b""):
    """The table of strings in records of at most so many bytes."""
    out, now = [], bytearray(struct.pack("<II", len(strings), len(strings)))
    for s in strings:
        head, raw, tail, flags = _string(s, 2, rich, ext)
        if len(now) + len(head) > most:
            out.append(now)
            now = bytearray()
        now += head
        step = 2 if flags else 1
        for i in range(0, len(raw), step):
            if len(now) + step > most:
                out.append(now)
                now = bytearray([flags])
            now += raw[i:i + step]
        for i in range(len(tail)):
            if len(now) + 1 > most:
                out.append(now)
                now = bytearray()
            now += tail[i:i + 1]
    out.append(now)
    return _record(0xfc, bytes(out[0])) + b"".join(
        _record(0x3c, bytes(o)) for o in out[1:])


def label(text, size=2, at=6):
    head, raw, _, _ = _string(text, size)
    return bytes(at) + head + raw


def workbook(*records, name="Workbook", version=0x600, **how):
    body = _record(0x0809, struct.pack("<HH", version, 5) + bytes(12)) + \
        b"".join(records) + _record(0x0a, b"")
    return compound({name: body.ljust(BELOW, b"\0")}, **how)


def record(kind, data):
    return _record(kind, data)


def atom(kind, data, ver=0):
    return struct.pack("<HHI", ver, kind, len(data)) + data


def slides(texts, **how):
    """A presentation: a container in a container for each text."""
    body = b""
    for t in texts:
        try:
            a = atom(0x0fa8, t.encode("latin-1"))
        except UnicodeEncodeError:
            a = atom(0x0fa0, t.encode("utf-16-le"))
        body += atom(0x03e8, atom(0x0f0d, atom(0x0f9f, bytes(4)) + a, 0xf),
                     0xf)
    return compound({"PowerPoint Document": body.ljust(BELOW, b"\0"),
                     "Current User": bytes(20)}, **how)


def message(props, attached=(), **how):
    """Outlook's: properties by number and type ("1000001F").

    attached: their properties likewise.
    """
    def pack(p):
        return {"__substg1.0_" + k: v for k, v in p.items()} | \
            {"__properties_version1.0": bytes(32)}
    return compound(pack(props) | {
        "__attach_version1.0_#%08X" % i: pack(a)
        for i, a in enumerate(attached)}, **how)


def native(name, data, path=None):
    """A file as the packager embeds it."""
    path = ("C:\\x\\" + (path or name)).encode() + b"\0"
    body = b"\2\0" + name.encode() + b"\0" + path + struct.pack(
        "<HHI", 0, 3, len(path)) + path + struct.pack("<I", len(data)) + data
    return struct.pack("<I", len(body)) + body

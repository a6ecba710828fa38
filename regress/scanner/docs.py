# SPDX-License-Identifier: ISC
"""Small files of many formats, made by hand."""

import base64
import gzip
import io
import struct
import tarfile
import zipfile
import zlib

WORDS = ["机密文件", "기밀문서", "機密", "секретно", "سري",
         "confidential"]


def zipped(members, method=zipfile.ZIP_DEFLATED, comment=b""):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        z.comment = comment
        for name, data in members:
            z.writestr(name, data)
    return out.getvalue()


def split(word):
    """In two pieces, as an author's formatting leaves it."""
    return word[:1], word[1:]


def docx(words=WORDS, extra=()):
    w = 'xmlns:w="http://schemas.openxmlformats.org/x"'
    paras = "".join("<w:p><w:r><w:t>%s</w:t></w:r><w:r><w:rPr><w:b/></w:rPr>"
                    "<w:t xml:space='preserve'>%s</w:t></w:r></w:p>"
                    % split(word) for word in words)
    return zipped([
        ("[Content_Types].xml", "<Types/>"),
        ("word/document.xml", "<w:document %s><w:body>%s</w:body>"
         "</w:document>" % (w, paras)),
        ("word/header1.xml", "<w:hdr><w:p><w:r><w:t>in the header &#x26a0;"
         "</w:t></w:r></w:p></w:hdr>"),
        ("word/comments.xml", "<w:c><w:p><w:t>a &lt;comment&gt;</w:t></w:p>"
         "</w:c>")] + list(extra))


def xlsx(words=WORDS):
    si = "".join("<si><r><t>%s</t></r><r><t>%s</t></r></si>" % split(word)
                 for word in words)
    return zipped([("xl/workbook.xml", "<workbook/>"),
                   ("xl/sharedStrings.xml", "<sst>%s</sst>" % si),
                   ("xl/worksheets/sheet1.xml", "<worksheet><c><is><t>inline"
                    "</t></is></c></worksheet>")])


def pptx(words=WORDS):
    p = "".join("<a:p><a:r><a:t>%s</a:t></a:r><a:r><a:t>%s</a:t></a:r></a:p>"
                % split(word) for word in words)
    return zipped([("ppt/presentation.xml", "<p/>"),
                   ("ppt/slides/slide1.xml", "<p:sld>%s</p:sld>" % p)])


def odt(words=WORDS, manifest="<manifest/>"):
    p = "".join("<text:p>%s<text:span>%s</text:span></text:p>" % split(word)
                for word in words)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(zipfile.ZipInfo("mimetype"),
                   "application/vnd.oasis.opendocument.text")
        z.writestr("content.xml", "<office:text>%s</office:text>" % p)
        z.writestr("META-INF/manifest.xml", manifest)
    return out.getvalue()


def rtf(words=WORDS):
    out = (r"{\rtf1\ansi\ansicpg1252\uc1{\fonttbl{\f0 Arial;}"
           r"{\f1\fcharset134 SimSun;}{\f2\fcharset129 Batang;}"
           r"{\f3\fcharset204 Cyr;}}{\*\generator hidden words;}")
    for word in words:
        if word.isascii():
            out += word[:3] + r"{\b " + word[3:] + "}"
        else:
            out += "".join(r"\u%d?" % ord(c) for c in word)
        out += "\\par\n"

    def quoted(font, text, page):
        return r"{\f%d " % font + "".join(r"\'%02x" % b for b in
                                          text.encode(page)) + r"}\par "
    out += quoted(1, "内部资料", "gbk")
    out += quoted(2, "대외비", "cp949")
    out += quoted(3, "тайна", "cp1251")
    return (out + "}").encode()


def pdf_file(objects):
    out = b"%PDF-1.5\n"
    for n, body in objects:
        out += b"%d 0 obj\n" % n + body + b"\nendobj\n"
    return out + b"trailer\n<</Root 1 0 R>>\n%%EOF\n"


def stream(data, extra=b"", packed=True):
    if packed:
        data, extra = zlib.compress(data), extra + b"/Filter /FlateDecode"
    return b"<<%s /Length %d>>\nstream\n" % (extra, len(data)) + data + \
        b"\nendstream"


def lzw(data, early=1):
    """As PDF has it: codes of 9 to 12 bits, longer by one code too soon."""
    bits, out = [], bytearray()

    def put(code, width):
        bits.extend((code >> (width - 1 - i)) & 1 for i in range(width))
    table = {bytes([i]): i for i in range(256)}
    width, w = 9, b""
    put(256, width)
    for b in data:
        b = bytes([b])
        if w + b in table:
            w += b
            continue
        put(table[w], width)
        table[w + b] = len(table) + 2
        n = len(table) + 2
        if n + early > 1 << width:
            width += 1
        if n >= 4094:
            put(256, width)
            table = {bytes([i]): i for i in range(256)}
            width = 9
        w = b
    put(table[w], width)
    n = len(table) + 3
    if n + early > 1 << width:
        width += 1
    put(257, width)
    bits.extend([0] * (-len(bits) % 8))
    for i in range(0, len(bits), 8):
        out.append(int("".join(map(str, bits[i:i + 8])), 2))
    return bytes(out)


def runs(data):
    """RunLengthDecode: pieces as they are, and runs."""
    out = b""
    for i in range(0, len(data), 100):
        piece = data[i:i + 100]
        if len(piece) > 1 and len(set(piece)) == 1:
            out += bytes([257 - len(piece), piece[0]])
        else:
            out += bytes([len(piece) - 1]) + piece
    return out + b"\x80"


def filtered(data, how):
    """A stream with filters, the last one named first."""
    extra = b""
    for f in how:
        if f == "lzw":
            data = lzw(data)
        elif f == "lzw0":
            data, extra = lzw(data, 0), b"/DecodeParms [<</EarlyChange 0>>]"
        elif f == "runs":
            data = runs(data)
        elif f == "hex":
            data = data.hex().encode() + b">"
        elif f == "85":
            data = base64.a85encode(data) + b"~>"
        else:
            data = zlib.compress(data)
    names = {"lzw": b"LZWDecode", "lzw0": b"LZWDecode", "hex":
             b"ASCIIHexDecode", "85": b"ASCII85Decode", "flate":
             b"FlateDecode", "runs": b"RunLengthDecode"}
    return stream(data, extra + b"/Filter [" + b" ".join(
        b"/" + names[f] for f in reversed(how)) + b"]", False)


def pdf(words=WORDS, objstm=False, packed=True, how=None):
    """Codes of two bytes that only the font's table explains."""
    chars = sorted(set("".join(words)))
    code = {c: i + 1 for i, c in enumerate(chars)}
    cmap = (b"1 begincodespacerange <0000> <ffff> endcodespacerange\n"
            b"%d beginbfchar\n" % len(chars) +
            b"".join(b"<%04x> <%s>\n" % (code[c], c.encode("utf-16-be").hex()
                                         .encode()) for c in chars) +
            b"endbfchar\n")
    text = b"BT /F1 12 Tf 72 700 Td\n"
    for w in words:
        hexes = [b"%04x" % code[c] for c in w]
        text += b"[<" + hexes[0] + b"> -20 <" + b"".join(hexes[1:]) + \
            b">] TJ 0 -14 Td\n"
    text += b"/F9 9 Tf (plain \\(text\\) \\163hown) Tj T* (next) ' ET\n"
    font = b"<</Type /Font /Subtype /Type0 /ToUnicode 5 0 R>>"
    page = b"<</Type /Page /Resources <</Font <</F1 4 0 R>> >> " \
        b"/Contents 6 0 R>>"
    if how is None:
        cmap, text = stream(cmap, packed=packed), stream(text, packed=packed)
    else:
        cmap, text = filtered(cmap, how), filtered(text, how)
    objects = [(1, b"<</Type /Catalog /Pages 2 0 R>>"), (5, cmap), (6, text)]
    if objstm:
        first = b"3 0 4 %d " % (len(page) + 1)
        objects.append((7, stream(first + page + b" " + font,
                                  b"/Type /ObjStm /N 2 /First %d"
                                  % len(first))))
    else:
        objects += [(3, page), (4, font)]
    return pdf_file(objects)


def ole2(*names):
    """A compound file with these streams or storages ("x/")."""
    def entry(name, kind, clsid=bytes(16)):
        raw = name.encode("utf-16-le") + b"\0\0"
        return (raw.ljust(64, b"\0") + struct.pack("<HBB", len(raw), kind, 1)
                + struct.pack("<III", 0xffffffff, 0xffffffff, 1) + clsid +
                bytes(20) + struct.pack("<IQ", 0, 0))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(24, b"\0") + \
        struct.pack("<HHHH", 0x3e, 3, 0xfffe, 9)
    body = entry("Root Entry", 5)
    for n in names:
        body += entry(n.rstrip("/"), 1 if n.endswith("/") else 2)
    body = body.ljust((len(body) + 511) // 512 * 512, b"\0")
    return head.ljust(512, b"\0") + body


def vba_pack(source):
    """Compressed as [MS-OVBA] 2.4.1 has it, with copies where they pay."""
    out = b"\1"
    for at in range(0, len(source), 4096):
        part, tokens, n = source[at:at + 4096], [], 0
        while n < len(part):
            bits = max(4, (n - 1).bit_length() if n else 4)
            best, where = 0, 0
            longest = (0xffff >> bits) + 3
            for start in range(max(0, n - (1 << bits)), n):
                k = 0
                while (k < longest and n + k < len(part) and
                       part[start + k] == part[n + k]):
                    k += 1
                if k > best:
                    best, where = k, n - start
            if best >= 3:
                tokens.append(struct.pack(
                    "<H", (where - 1) << (16 - bits) | (best - 3)))
                n += best
            else:
                tokens.append(part[n:n + 1])
                n += 1
        body = b""
        for i in range(0, len(tokens), 8):
            group = tokens[i:i + 8]
            body += bytes([sum((len(t) == 2) << k
                               for k, t in enumerate(group))])
            body += b"".join(group)
        out += struct.pack("<H", 0xb000 | (len(body) - 1)) + body
    return out


def macros(*modules):
    """A compound file with these sources."""
    out = ole2("VBA/", "dir", "Module1", "_VBA_PROJECT")
    for m in modules:
        data = vba_pack(b'Attribute VB_Name = "Module1"\r\n' + m)
        out += data.ljust((len(data) + 511) // 512 * 512, b"\0")
    return out


def onenote(inside):
    head = bytes.fromhex("e4525c7b8cd8a74daeb15378d02996d3")
    guid = bytes.fromhex("e716e3bd65261145a4c48d4d0b7a9eac")
    return head + bytes(1000) + guid + struct.pack("<QIQ", len(inside), 0,
                                                   0) + inside


def lnk():
    return bytes.fromhex("4c0000000114020000000000c000000000000046") + \
        bytes(56) + b"c\0m\0d\0"


def pe():
    return b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + bytes(200)


def tar(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def ar(name, data):
    head = name.ljust(16) + b"0".ljust(12) + b"0".ljust(6) * 2 + \
        b"100644  " + str(len(data)).encode().ljust(10) + b"`\n"
    return b"!<arch>\n" + head + data + b"\n" * (len(data) & 1)


def cpio(name, data):
    """As new ASCII archives are."""
    def entry(n, d):
        n += b"\0"
        head = b"070701" + b"".join(b"%08x" % v for v in (
            1, 0o100644, 0, 0, 1, 0, len(d), 0, 0, 0, 0, len(n), 0))
        return (head + n + bytes(-(len(head) + len(n)) % 4) + d +
                bytes(-len(d) % 4))
    return entry(name, data) + entry(b"TRAILER!!!", b"")


def cab(name, data):
    """A cabinet, stored."""
    files = struct.pack("<IIHHHH", len(data), 0, 0, 0x5000, 0x6000, 0x20) + \
        name + b"\0"
    first = 36 + 8 + len(files)
    block = struct.pack("<IHH", 0, len(data), len(data)) + data
    head = b"MSCF" + struct.pack("<IIIIIBBHHHHH", 0, first + len(block), 0,
                                 44, 0, 3, 1, 1, 1, 0, 1, 0)
    return head + struct.pack("<IHH", first, 1, 0) + files + block


def lha(name, data):
    """Level 0, stored."""
    crc = 0
    for b in data:
        crc ^= b
        for _ in range(8):
            crc = crc >> 1 ^ (0xa001 if crc & 1 else 0)
    body = b"-lh0-" + struct.pack("<IIIBBB", len(data), len(data),
                                  0x50000000, 0x20, 0, len(name)) + \
        name + struct.pack("<H", crc)
    return bytes([len(body), sum(body) & 0xff]) + body + data + b"\0"


def rpm(name, data):
    """Lead, two headers without entries that matter, and what is packed."""
    lead = b"\xed\xab\xee\xdb\3\0" + struct.pack(">HH66sHH16x", 0, 1, b"a",
                                                 1, 5)
    empty = b"\x8e\xad\xe8\1" + bytes(4) + struct.pack(
        ">IIIIII", 1, 4, 1000, 4, 0, 1) + bytes(4)
    sig = empty + bytes(-len(empty) % 8)
    return lead + sig + empty + gzip.compress(cpio(b"./" + name, data))


def rar4(name, data):
    """RAR 1.5 to 4, stored."""
    def block(kind, flags, body, more=b""):
        b = struct.pack("<BHH", kind, flags, 7 + len(body)) + body
        return struct.pack("<H", zlib.crc32(b) & 0xffff) + b + more
    body = struct.pack("<IIBIIBBHI", len(data), len(data), 3,
                       zlib.crc32(data), 0, 20, 0x30, len(name), 0x20)
    return (b"Rar!\x1a\7\0" + block(0x73, 0, bytes(6)) +
            block(0x74, 0x8000, body + name, data) +
            block(0x7b, 0x4000, b""))


def rar5(name, data):
    """RAR 5, stored."""
    def vint(n):
        out = b""
        while n > 127:
            out += bytes([n & 127 | 128])
            n >>= 7
        return out + bytes([n])

    def block(body, more=b""):
        b = vint(len(body)) + body
        return struct.pack("<I", zlib.crc32(b)) + b + more
    f = vint(2) + vint(2) + vint(len(data)) + vint(4) + vint(len(data)) + \
        vint(0x20) + struct.pack("<I", zlib.crc32(data)) + vint(0) + \
        vint(1) + vint(len(name)) + name
    return (b"Rar!\x1a\7\1\0" + block(vint(1) + vint(0) + vint(0)) +
            block(f, data) + block(vint(5) + vint(0) + vint(0)))


def local(name, data, method=0, flags=0, usize=None):
    """A local header with its data, as zip has it."""
    body = data
    if method == 8:
        z = zlib.compressobj(9, zlib.DEFLATED, -15)
        body = z.compress(data) + z.flush()
    return struct.pack("<IHHHHHIIIHH", 0x04034b50, 20, flags, method, 0, 0,
                       zlib.crc32(data), len(body),
                       len(data) if usize is None else usize, len(name),
                       0) + name + body

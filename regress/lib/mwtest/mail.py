# SPDX-License-Identifier: ISC
"""Messages, as bytes with CRLF.

The EICAR test string is put together here, so that this file is not taken
for what it tests.
"""

import base64
import hashlib
import io
import random
import zipfile

EICAR = (b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" +
         b"EICAR-STANDARD-ANTIVIRUS" + b"-TEST-FILE!$H+H*")

_count = [0]


def sha(data):
    return hashlib.sha256(data).hexdigest()


def head(subject="test", **more):
    """A header without its blank line; each message has its own id."""
    _count[0] += 1
    lines = ["From: Alice <a@client.example>", "To: Bob <b@example.org>",
             "Date: Thu, 01 Jan 2026 00:00:00 +0000",
             "Message-ID: <%d.%s@client.example>" %
             (_count[0], "%08x" % random.getrandbits(32)),
             "Subject: " + subject]
    lines += ["%s: %s" % (k.replace("_", "-"), v) for k, v in more.items()]
    return "".join(t + "\r\n" for t in lines).encode()


def plain(body=b"Hello.\r\n", subject="test", **more):
    return head(subject, **more) + b"\r\n" + body


def b64(data):
    return base64.encodebytes(data).replace(b"\n", b"\r\n")


def multipart(parts, subject="test", boundary="=_b0"):
    """parts: [(header lines as bytes with CRLF, body as bytes)]."""
    b = boundary.encode()
    out = [head(subject, MIME_Version="1.0",
                Content_Type='multipart/mixed; boundary="%s"' % boundary),
           b"\r\n"]
    for h, body in parts:
        out += [b"--", b, b"\r\n", h, b"\r\n", body, b"\r\n"]
    out += [b"--", b, b"--\r\n"]
    return b"".join(out)


TEXT = (b"Content-Type: text/plain; charset=us-ascii\r\n", b"See below.\r\n")


def attachment(data, name="file.bin", kind="application/octet-stream"):
    """A part in base64."""
    return (('Content-Type: %s; name="%s"\r\n'
             "Content-Transfer-Encoding: base64\r\n"
             'Content-Disposition: attachment; filename="%s"\r\n' %
             (kind, name, name)).encode(), b64(data))


def attached(data, name="file.bin", subject="test"):
    return multipart([TEXT, attachment(data, name)], subject)


def zipped(data, name="eicar.com"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


def forwarded(message, subject="Fwd: test"):
    return multipart([TEXT, (b"Content-Type: message/rfc822\r\n", message)],
                     subject, "=_f0")


def eicar_plain():
    return plain(EICAR + b"\r\n", "eicar plain")


def eicar_base64():
    return attached(EICAR, "eicar.com", "eicar base64")


def eicar_zip_forwarded():
    return forwarded(attached(zipped(EICAR), "eicar.zip"), "eicar zip")




def encrypted_zip():
    """A zip with the flag of encryption on its one member, as zip -e."""
    raw = bytearray(zipped(b"x" * 64, "a.txt"))
    raw[6] |= 1                         # local header: general flags
    central = raw.index(b"PK\x01\x02")
    raw[central + 8] |= 1               # central directory
    return bytes(raw)


def filler(n, seed=1):
    """n bytes of text in lines of 78, the same for the same seed."""
    rng = random.Random(seed)
    line = ("".join(rng.choice("abcdefghijklmnopqrstuvwxyz      ")
                    for _ in range(77)) + "x").encode()
    rows = n // (len(line) + 2)
    rest = n - rows * (len(line) + 2)
    tail = b"y" * (rest - 2) + b"\r\n" if rest > 2 else b""
    return (line + b"\r\n") * rows + tail

#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What the client sent is what the server gets, to the byte.

A message ends with CRLF on the wire, so one without a final line end cannot
be sent.
"""

import sys

sys.path.insert(0, "regress/lib")

from mwtest import client, mail                                 # noqa: E402
from mwtest.case import case, check, check_equal, run           # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.mta import Postfix                                  # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Server                                # noqa: E402


def lines(n, count=3):
    """Lines of n octets, CRLF included (RFC 5321, 4.5.3.1.6)."""
    return b"".join(bytes([97 + i]) * (n - 2) + b"\r\n"
                    for i in range(count))


AWKWARD = {
    "empty": b"",
    "one-empty-line": b"\r\n",
    "only-empty-lines": b"\r\n" * 50,
    "one-letter": b"x\r\n",
    "header-only": mail.head("header only"),
    "header-and-blank-line": mail.head("header only") + b"\r\n",
    "no-header": b"\r\njust a body\r\n",
    "leading-dots": mail.plain(b".\r\n..\r\n...\r\n.x\r\n..x\r\n"),
    "first-byte-a-dot": b".\r\n" + mail.plain(),
    "only-dots": b".\r\n" * 100,
    "dots-at-line-ends": mail.plain(b"x.\r\n..x.\r\n.\r\n"),
    "dot-cr-lf-in-text": mail.plain(b"x\r\n.y\r\n .\r\n. \r\n"),
    "8-bit": mail.plain(bytes(range(128, 256)) * 3 + b"\r\n"),
    "8-bit-header": b"Subject: \xe9\xe8 \xff\r\n\r\nx\r\n",
    "utf-8": mail.plain("h\u00e9llo \u4f60\u597d\r\n".encode()),
    "controls": mail.plain(bytes(c for c in range(1, 32)
                                 if c not in (10, 13)) + b"\x7f\r\n"),
    "white-space-at-line-ends": mail.plain(b"x \r\n\t\r\n  y\t \r\n"),
    "looks-like-commands": mail.plain(b"QUIT\r\nRSET\r\nDATA\r\n"),
    "from-line": mail.plain(b"From nobody Thu Jan  1 00:00:00 2026\r\n"),
    "lines-of-998": mail.plain(lines(998)),
    "lines-of-1000": mail.plain(lines(1000)),
    "lines-of-10000": mail.plain(lines(10000)),
    "line-of-1M": mail.plain(lines(1 << 20, 1)),
    "header-line-of-10000": b"X-Long: " + b"z" * 9990 + b"\r\n\r\nx\r\n",
    "folded-header": b"X-Fold: a\r\n\tb\r\n  c\r\n\r\nx\r\n",
    "signed-looking": mail.head("dkim", DKIM_Signature="v=1;\r\n\tb=ab c d") +
    b"\r\nx  \r\n\r\n\r\n",
    "multipart": mail.attached(bytes(range(256)) * 40),
    "unclosed-multipart": mail.attached(b"x" * 999)[:-20] + b"\r\n",
    "buffer-sized": b"a" * 16382 + b"\r\n",
    "dot-at-buffer-end": (b"a" * 1022 + b"\r\n") * 64 + b".\r\n" +
    (b"b" * 1021 + b"\r\n.") * 64 + b"\r\n",
    "25-MiB": mail.plain(mail.filler(25 << 20)),
    "25-MiB-attached": mail.attached(mail.filler(18 << 20)),
}


def check_all(net, srv, label):
    """Each in a session of its own, and all in one."""
    for name, msg in AWKWARD.items():
        with case("%s: %s" % (label, name)):
            n = len(srv.messages())
            r = client.send(net.client, srv.addr, msg)
            check_equal(r.code, 250, "reply")
            got = srv.wait_messages(n + 1)[n]
            check_equal(mail.sha(got.data), mail.sha(msg),
                        "SHA-256 of %d bytes, sent %d," %
                        (len(got.data), len(msg)))
            srv.sessions.clear()
    with case("%s: one after another in one session" % label):
        small = [m for m in AWKWARD.values() if len(m) < 100000]
        with client.Client(net.client, srv.addr) as c:
            c.ehlo()
            for msg in small:
                check_equal(c.message(msg).code, 250, "reply")
            c.quit()
        check_equal([mail.sha(m.data) for m in srv.wait_messages(len(small))],
                    [mail.sha(m) for m in small], "SHA-256")


def in_pieces(net, srv):
    """However the bytes are cut into segments."""
    msg = AWKWARD["leading-dots"]
    wire = client.stuff(msg)
    srv.sessions.clear()
    with client.Client(net.client, srv.addr) as c:
        c.ehlo()
        for step in (1, 2, 3, 5, 7):
            check_equal(c.envelope().code, 250, "RCPT")
            check_equal(c.cmd("DATA").code, 354, "DATA")
            for i in range(0, len(wire), step):
                c.send(wire[i:i + step])
            check_equal(c.reply().code, 250, "reply")
    for m in srv.wait_messages(5):
        check_equal(m.data, msg, "message")


def ordinary(net):
    """A real server writes it down as it came, behind its own header."""
    names = ("leading-dots", "8-bit", "utf-8", "lines-of-998", "multipart",
             "folded-header", "white-space-at-line-ends", "dots-at-line-ends")
    with Postfix(net.server, net.B) as srv:
        for name in names:
            with case("Postfix: " + name):
                srv.clear()
                r = client.send(net.client, net.B, AWKWARD[name])
                check_equal(r.code, 250, "reply")
                got = srv.wait_mail(1)[0]
                check(got.contains(AWKWARD[name]),
                      lambda: "differs: %r" % got.raw)


def main():
    net = Net()
    with Server(net.server, net.A) as srv, \
            Server(net.server, net.A6) as srv6:
        with Gateway(net, "tproxy") as gw:
            before = gw.snapshot()
            check_all(net, srv, "tproxy")
            with case("cut into small pieces"):
                in_pieces(net, srv)
            ordinary(net)
            with case("no descriptor is left"):
                gw.leaks(before)
        with Gateway(net, "redirect"):
            check_all(net, srv6, "redirect, IPv6")


run(main)

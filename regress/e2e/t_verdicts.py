#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Verdicts and what the rules make of them."""

import sys

sys.path.insert(0, "regress/lib")

from mwtest import client, mail                                 # noqa: E402
from mwtest.case import case, check, check_equal, check_in, run  # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Gone, Server                          # noqa: E402

BY_CLIENT = """
on message block virus from 192.168.0.10
on message discard virus or unscannable from 192.168.0.11
on message tempfail virus or unscannable from 192.168.0.12
on message disconnect virus from 192.168.0.13
on message pass virus or unscannable from 192.168.0.14
on message block "550 5.7.1 our words" virus "*Eicar*" from 192.168.0.15
on message pass scanner-failed from 192.168.0.14
on message block scanner-failed from 192.168.0.13
"""

INFECTED = {
    "eicar in the text": mail.eicar_plain,
    "eicar in base64": mail.eicar_base64,
    "eicar in a zip in a forwarded message": mail.eicar_zip_forwarded,
    "eicar in a zip in a zip": lambda: mail.attached(
        mail.zipped(mail.zipped(mail.EICAR), "a.zip"), "b.zip"),
    "eicar in quoted-printable": lambda: mail.multipart([mail.TEXT, (
        b"Content-Type: application/octet-stream\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n",
        b"".join(b"=%02X" % c for c in mail.EICAR[:20]) + b"=\r\n" +
        b"".join(b"=%02X" % c for c in mail.EICAR[20:40]) + b"=\r\n" +
        b"".join(b"=%02X" % c for c in mail.EICAR[40:]))]),
    "eicar three messages deep": lambda: mail.forwarded(
        mail.forwarded(mail.forwarded(mail.eicar_base64()))),
}


class Session:
    """One message from one client address, and what came of it."""

    def __init__(self, net, srv, gw, msg, source=None):
        mark = gw.log.mark()
        n = len(srv.messages(complete=False))
        with client.Client(net.client, srv.addr, source=source) as c:
            c.ehlo()
            self.reply = c.message(msg)
            self.event = gw.log.wait_messages(1, mark)[0]
            self.data_seen = len(srv.messages(complete=False)) > n
            # Is the session still good for a clean message?
            try:
                self.next = c.message(mail.plain())
                self.open = True
                gw.log.wait_messages(2, mark)
            except Gone:
                self.next = None
                self.open = False
        self.arrived = len(srv.messages()) - n - (self.next is not None)

    def expect(self, code, action, open_, arrived=0, verdict="virus"):
        check_equal(self.reply.code, code, "reply")
        check_equal(self.event["verdict"], verdict, "logged verdict")
        check_equal(self.event["action"], action, "logged action")
        check_equal(self.open, open_, "session open")
        check_equal(self.data_seen, bool(arrived), "server heard DATA")
        check_equal(self.arrived, arrived, "messages at the server")
        if open_:
            check_equal(self.next.code, 250, "reply to the next message")
        if self.reply.code >= 400:
            check_in(self.event.id, self.reply.text, "reply")


def infected(net, srv, gw):
    for name, make in INFECTED.items():
        with case("default: %s" % name):
            s = Session(net, srv, gw, make())
            s.expect(554, "block", False)
            check_in("Eicar", s.event["virus"], "name in the log")
            check_in("Eicar", s.reply.text, "reply")
            check_in("5.7.1", s.reply.text, "reply")


def actions(net, srv, gw):
    for source, code, action, open_, arrived in (
            (10, 554, "block", True, 0),
            (11, 250, "discard", True, 0),
            (12, 451, "tempfail", True, 0),
            (13, 554, "block", False, 0),
            (14, 250, "pass", True, 1),
            (15, 550, "block", True, 0)):
        with case("virus: rule for .%d, %s" % (source, action)):
            s = Session(net, srv, gw, mail.eicar_base64(),
                        "192.168.0.%d" % source)
            s.expect(code, action, open_, arrived)
            if source == 15:
                check_in("our words", s.reply.text, "reply")
    msg = mail.attached(mail.encrypted_zip(), "secret.zip")
    for source, code, action, arrived in (
            (10, 554, "block", 0), (11, 250, "discard", 0),
            (12, 451, "tempfail", 0), (14, 250, "pass", 1)):
        with case("encrypted: rule for .%d, %s" % (source, action)):
            s = Session(net, srv, gw, msg, "192.168.0.%d" % source)
            s.expect(code, action, True, arrived, "unscannable")
            if source == 10:            # no rule: it says what was wrong
                check_in("ncrypted", s.reply.text, "reply")


def clean_after_block(net, srv):
    """Three clean, three infected ones, by turns, in one session."""
    n = len(srv.messages())
    with client.Client(net.client, srv.addr, source=net.CLIENTS[0]) as c:
        c.ehlo()
        sent = []
        for _ in range(3):
            msg = mail.plain(mail.filler(5000))
            check_equal(c.message(msg).code, 250, "clean")
            check_equal(c.message(mail.eicar_zip_forwarded()).code, 554,
                        "infected")
            sent.append(mail.sha(msg))
        check_equal(c.cmd("QUIT").code, 221, "QUIT")
    got = srv.wait_messages(n + 3)[n:]
    check_equal([mail.sha(m.data) for m in got], sent, "what arrived")
    cmds = srv.sessions[-1].commands
    check_equal(cmds.count("RSET"), 3, "RSETs that the server saw")


def size(net, srv, gw):
    big = mail.plain(mail.filler(300 * 1024))
    fits = mail.plain(mail.filler(150 * 1024))
    with client.Client(net.client, srv.addr) as c:
        with case("size: EHLO tells the gateway's limit"):
            check_in("SIZE 204800", c.ehlo().lines, "EHLO")
        with case("size: declared too big is refused at MAIL"):
            r = c.cmd("MAIL FROM:<a@client.example> SIZE=300000")
            check_equal(r.code, 552, "reply")
        with case("size: too big is refused at the dot"):
            mark = gw.log.mark()
            r = c.message(big)
            check_equal(r.code, 552, "reply")
            check_in("5.3.4", r.text, "reply")
            e = gw.log.wait_messages(1, mark)[0]
            check_equal((e["verdict"], e["action"]), ("too-big", "block"),
                        "log")
            check(not srv.messages(complete=False), "the server heard DATA")
        with case("size: one that fits passes in the same session"):
            check_equal(c.message(fits).code, 250, "reply")
            check_equal(srv.wait_messages(1)[0].data, fits, "message")


def form(net, srv, gw):
    """Messages whose end others would see elsewhere."""
    for name, text, why in (("bare LF", b"a\nb\r\n", "bare-lf"),
                            ("LF dot LF", b"a\n.\nMAIL\r\n", "bare-lf"),
                            ("LF dot CRLF", b"a\n.\r\nx\r\n", "bare-lf"),
                            ("bare CR", b"a\rb\r\n", "bare-cr"),
                            ("CR dot CR", b"a\r.\rb\r\n", "bare-cr"),
                            ("NUL", b"a\0b\r\n", "nul")):
        with case("form: %s is refused" % name):
            s = Session(net, srv, gw, mail.plain(text))
            s.expect(550, "block", True, 0, why)


def scanner_limit(net, srv, gw):
    """A part beyond the scanner's limits was not looked into."""
    with case("a part larger than the scanner's limit"):
        s = Session(net, srv, gw, mail.attached(b"\x00\x01" * 200000))
        s.expect(554, "block", True, 0, "unscannable")
    with case("a small one passes"):
        s = Session(net, srv, gw, mail.attached(b"\x00\x01" * 100))
        s.expect(250, "pass", True, 1, "clean")


def no_scanner(net, srv, gw):
    """clamd is configured and not there."""
    for source, code, action, open_, arrived in (
            (10, 451, "tempfail", True, 0), (13, 554, "block", True, 0),
            (14, 250, "pass", True, 1)):
        with case("no scanner: rule for .%d, %s" % (source, action)):
            mark = gw.log.mark()
            with client.Client(net.client, srv.addr,
                               source="192.168.0.%d" % source) as c:
                c.ehlo()
                n = len(srv.messages())
                check_equal(c.message(mail.plain()).code, code, "reply")
                e = gw.log.wait_messages(1, mark)[0]
                check_equal((e["verdict"], e["action"]),
                            ("scanner-failed", action), "log")
                check_equal(len(srv.messages()) - n, arrived, "arrived")


def main():
    net = Net()
    with Server(net.server, net.A) as srv:
        with Gateway(net, "tproxy") as gw:
            infected(net, srv, gw)
            form(net, srv, gw)
        with Gateway(net, "redirect", rules=BY_CLIENT) as gw:
            actions(net, srv, gw)
            with case("clean ones pass in a session with blocked ones"):
                clean_after_block(net, srv)
    with Server(net.server, net.A) as srv:
        with Gateway(net, "tproxy", extra="message size 200K") as gw:
            size(net, srv, gw)
    with Server(net.server, net.A) as srv:
        with Gateway(net, "tproxy",
                     antivirus="embedded { file size 100K }") as gw:
            scanner_limit(net, srv, gw)
        with Gateway(net, "tproxy", rules=BY_CLIENT,
                     antivirus='antivirus clamd "/nonexistent/clamd"') as gw:
            no_scanner(net, srv, gw)
        with Gateway(net, "tproxy", antivirus="none") as gw:
            with case("antivirus none lets everything pass"):
                s = Session(net, srv, gw, mail.eicar_plain())
                s.expect(250, "pass", True, 1, "clean")


run(main)

#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
# timeout: 600
"""SMTPUTF8 (RFC 6531) with programs that others have written.

Python's smtplib and Postfix as clients; Postfix, aiosmtpd and a scripted
server behind the gateway.  Addresses, header and text are UTF-8, and what
arrives is compared byte for byte with what was sent.
"""

import json
import os
import sys

sys.path.insert(0, "regress/lib")

from mwtest import client, mail, mta, mua, proc, wait           # noqa: E402
from mwtest.case import case, check, check_equal, check_in, run  # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.root import Root                                    # noqa: E402
from mwtest.server import Server                                # noqa: E402

SENDER = "jürgen@bücher.example"
RCPT = "δοκιμή@example.org"
OTHER = "测试@example.org"
KEYWORDS = ("SIZE 104857600", "8BITMIME", "PIPELINING", "SMTPUTF8",
            "ENHANCEDSTATUSCODES")

_SMTPLIB = """
import smtplib, sys
addr, sender, path = sys.argv[1:4]
with smtplib.SMTP(addr, 25, "client.example", 60) as s:
    if len(sys.argv) > 5:
        s.set_debuglevel(1)
    try:
        s.sendmail(sender, sys.argv[4].split(), open(path, "rb").read(),
                   ["SMTPUTF8", "BODY=8BITMIME"])
    except Exception as e:
        sys.exit("%s: %s" % (type(e).__name__, e))
"""

_AIOSMTPD = '''
import asyncio, json, sys
from aiosmtpd.smtp import SMTP

class Keep:
    async def handle_DATA(self, server, session, envelope):
        def text(a):
            return a.encode("utf-8", "surrogateescape").hex()
        with open("/srv/mails", "a") as f:
            f.write(json.dumps({
                "peer": session.peer[0], "from": text(envelope.mail_from),
                "options": [text(o) for o in envelope.mail_options],
                "to": [text(r) for r in envelope.rcpt_tos],
                "utf8": envelope.smtp_utf8,
                "data": envelope.original_content.hex()}) + "\\n")
        return "250 2.0.0 kept by aiosmtpd"

async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Keep(), enable_SMTPUTF8=sys.argv[2] == "utf8",
                     hostname="aio.example.org", loop=loop),
        sys.argv[1], 25)
    await server.serve_forever()

asyncio.run(main())
'''


class UnicodePostfix(mta.Postfix):
    """The server, with SMTPUTF8."""

    MAIN = mta.Postfix.MAIN.replace("smtputf8_enable = no",
                                    "smtputf8_enable = yes")


class Aiosmtpd:
    """aiosmtpd from Debian; .mails() is what it was given."""

    def __init__(self, net, addr, utf8=True):
        self.addr = addr
        self.root = Root("aiosmtpd", ("python3-aiosmtpd",))
        self.root.write("/srv/server.py", _AIOSMTPD)
        self.path = os.path.join(self.root.srv, "mails")
        self.program = proc.Program(
            "aiosmtpd", ["/usr/bin/python3", "/srv/server.py", addr,
                         "utf8" if utf8 else "ascii"],
            self.root.prefix(net.server))
        wait.port(net.server, addr, alive=self.program)

    def mails(self):
        if not os.path.exists(self.path):
            return []
        with open(self.path) as f:
            lines = f.read().split("\n")[:-1]
        out = []
        for m in map(json.loads, lines):
            for key in ("from", "data"):
                m[key] = bytes.fromhex(m[key])
            for key in ("to", "options"):
                m[key] = [bytes.fromhex(t).decode() for t in m[key]]
            m["from"] = m["from"].decode()
            out.append(m)
        return out


class Smtplib(mua.Smtplib):
    """Python's own client: (.ok, .text) of sending."""

    def give(self, addr, data, sender=SENDER, rcpts=(RCPT,), debug=False):
        path = os.path.join(self.dir, "message")
        with open(path, "wb") as f:
            f.write(data)
        env = dict(os.environ, PYTHONUTF8="1")
        return mua.Result(*proc.run(
            [sys.executable, "-c", _SMTPLIB, addr, sender, path,
             " ".join(rcpts)] + ["debug"] * debug, self.prefix(), env=env))


def letter(what="plain"):
    """A message whose header needs RFC 6532."""
    head = mail.head("Grüße aus %s, 件名" % what, MIME_Version="1.0",
                     Content_Type="text/plain; charset=utf-8",
                     Content_Transfer_Encoding="8bit")
    head = head.replace(b"From: Alice <a@client.example>",
                        ("From: Jürgen <%s>" % SENDER).encode())
    head = head.replace(b"To: Bob <b@example.org>",
                        ("To: Δοκιμή <%s>" % RCPT).encode())
    return head + ("\r\nтекст, ñandú, \u202eright\u202c, 🙂\r\n"
                   ".\r\n..\r\n").encode()


def envelope_utf8(session):
    """The commands of a session at the scripted server, as text."""
    return [c.encode("latin-1").decode() for c in session.commands]


def scripted(lib, srv):
    """Commands and message are the very bytes that smtplib sends."""
    n = len(srv.sessions)
    msg = letter("smtplib")
    res = lib.give(srv.addr, msg, rcpts=(RCPT, OTHER))
    check(res.ok, res.text)
    s = srv.wait_sessions(n + 1)[n]
    check(s.done.wait(wait.PATIENCE), "the session does not end")
    # It writes verbs small; DATA is the gateway's own.
    got = envelope_utf8(s)
    check_equal([t.upper() for t in got[4:]], ["DATA", "QUIT"], "commands")
    check_equal(got[:4], [
        "ehlo client.example", "mail FROM:<%s> size=%d SMTPUTF8 "
        "BODY=8BITMIME" % (SENDER, len(msg)), "rcpt TO:<%s>" % RCPT,
        "rcpt TO:<%s>" % OTHER], "commands")
    check_equal(len(s.messages), 1, "messages")
    check_equal(s.messages[0].data, msg, "message")


def not_offered(lib, srv):
    """smtplib is told that the server cannot, and says so to its user."""
    n = len(srv.sessions)
    res = lib.give(srv.addr, letter("nowhere"), debug=True)
    check(not res.ok, "it was sent: " + res.text)
    check_in("SMTPNotSupportedError", res.text)
    s = srv.wait_sessions(n + 1)[n]
    check(s.done.wait(wait.PATIENCE), "the session does not end")
    check("DATA" not in s.commands, "it came to DATA")


def refused(lib, srv):
    """The server's words, in UTF-8, come to the client as they are."""
    words = "550 5.1.1 <%s> gibt's hier nicht – さようなら" % RCPT
    srv.once("rcpt", words)
    res = lib.give(srv.addr, letter("refused"), debug=True)
    check(not res.ok, res.text)
    check_in("SMTPRecipientsRefused", res.text)
    # smtplib prints what it got as the bytes of a Python string.
    check_in(ascii(words[4:].encode())[2:-1].replace("\\'", "'"),
             res.text.replace("\\'", "'"))


def infected(lib, srv, gw):
    """A virus is found in it, and our reply is ASCII."""
    n = len(srv.messages(complete=False))
    mark = gw.log.mark()
    head = letter("virus").split(b"\r\n\r\n")[0]
    res = lib.give(srv.addr, head + b"\r\n\r\n" + mail.EICAR + b"\r\n")
    check(not res.ok, "it was sent: " + res.text)
    check_in("554", res.text)
    e = gw.log.wait_messages(1, mark)[0]
    check_equal((e["action"], e["verdict"]), ("block", "virus"), "log")
    check_equal(e["from"].strip("<>"), SENDER, "sender in the log")
    check_equal(len(srv.messages(complete=False)), n, "messages")


def to_postfix(lib, srv):
    """A real server takes it, from and for whom it was meant."""
    srv.clear()
    msg = letter("Postfix")
    res = lib.give(srv.addrs[0], msg, rcpts=(RCPT, OTHER))
    check(res.ok, res.text)
    got = srv.wait_mail(2)
    check_equal(len(got), 2, "mails")
    for m in got:
        check(m.contains(msg), lambda: "differs: %r" % m.raw)
        check_in("with UTF8SMTP", m.received_from, "Received")
        check_in(b"Return-Path: <%s>" % SENDER.encode(), m.data)
    for rcpt in (RCPT, OTHER):
        check(any(b"Delivered-To: " + rcpt.encode() in m.data for m in got),
              "none delivered to " + rcpt)


def to_aiosmtpd(lib, aio, peer):
    n = len(aio.mails())
    msg = letter("aiosmtpd")
    res = lib.give(aio.addr, msg, rcpts=(RCPT, OTHER))
    check(res.ok, res.text)
    got = aio.mails()
    check_equal(len(got), n + 1, "mails")
    m = got[n]
    check_equal(m["data"], msg, "message")
    check_equal((m["from"], m["to"]), (SENDER, [RCPT, OTHER]), "envelope")
    check_equal(sorted(m["options"]), ["BODY=8BITMIME", "SIZE=%d" % len(msg),
                                       "SMTPUTF8"], "parameters")
    check(m["utf8"], "aiosmtpd does not take it for SMTPUTF8")
    check_equal(m["peer"], peer, "peer")


def relayed(relay, srv):
    """Postfix relays it: to a server that can, and not to one that cannot."""
    srv.clear()
    relay.clear()
    msg = letter("Postfix to Postfix")
    with client.Client(relay.ns, relay.addrs[0],
                       source=relay.addrs[0]) as c:
        check_in("SMTPUTF8", c.ehlo().lines, "EHLO of the relay")
        c.send(("MAIL FROM:<%s> SMTPUTF8 BODY=8BITMIME\r\n" %
                SENDER).encode())
        check_equal(c.reply().code, 250, "MAIL")
        for rcpt in (RCPT, OTHER):
            c.send(("RCPT TO:<%s>\r\n" % rcpt).encode())
            check_equal(c.reply().code, 250, "RCPT")
        check_equal(c.data(msg).code, 250, "message")
        c.quit()
    for m in srv.wait_mail(2):
        check(m.contains(msg), lambda: "differs: %r" % m.raw)
        check_in("with UTF8SMTP", m.received_from, "Received")
    check_equal(len(srv.mails()), 2, "mails")
    check_equal(relay.mails(), [], "bounces")


def all_of(net, lib, mode, gw, peers):
    srv, ascii_srv, postfix, relay, aio = peers
    peer = net.GATEWAY_OUT if mode == "redirect" else net.CLIENTS[0]
    for name, func, *args in (
            ("smtplib to a scripted server", scripted, lib, srv),
            ("smtplib, not offered", not_offered, lib, ascii_srv),
            ("a refusal in UTF-8", refused, lib, srv),
            ("smtplib to Postfix", to_postfix, lib, postfix),
            ("Postfix to Postfix", relayed, relay, postfix)):
        with case("%s: %s" % (mode, name)):
            func(*args)
    with case("%s: smtplib to aiosmtpd" % mode):
        to_aiosmtpd(lib, aio, peer)
    if gw is not None:
        with case("%s: all of it was inspected" % mode):
            seen = [(e["action"], e["verdict"], e["from"].strip("<>"))
                    for e in gw.log.wait_messages(4)]
            check_equal(seen, 4 * [("pass", "clean", SENDER)], "log")
        with case("%s: infected" % mode):
            infected(lib, srv, gw)


def main():
    net = Net()
    lib = Smtplib(net.client)
    srv = Server(net.server, net.SERVERS[0], keywords=KEYWORDS)
    ascii_srv = Server(net.server, net.SERVERS[1])
    postfix = UnicodePostfix(net.server, net.SERVERS[2])
    relay = mta.PostfixRelay(net.client, net.CLIENTS[1],
                             {"*": net.SERVERS[2]}, utf8=True)
    aio = Aiosmtpd(net, net.SERVERS[3])
    peers = (srv, ascii_srv, postfix, relay, aio)
    all_of(net, lib, "direct", None, peers)
    for mode in ("tproxy", "redirect"):
        with Gateway(net, mode) as gw:
            all_of(net, lib, mode, gw, peers)


run(main)

#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""SMTP end to end: what one side says, the other hears."""

import base64
import sys

sys.path.insert(0, "regress/lib")

from mwtest import mail                                         # noqa: E402
from mwtest.case import case, check, check_equal, check_in, run  # noqa: E402
from mwtest.client import Client, stuff                         # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Close, Gone, Reply, Server, Slow      # noqa: E402

NAME = "A.Strange-Name.example"


def replies(net, srv):
    """Byte for byte."""
    long = Reply(["214 This is", "help", "with several", "lines",
                  "", " blanks  kept ", "\u00fcml\u00e4ut"] + ["x" * 500] * 9)
    c = Client(net.client, srv.addr)
    with case("banner"):
        check_equal(c.banner.raw,
                    ("220 %s ESMTP ready\r\n" % NAME).encode(), "banner")
    c.ehlo()
    for step, line, reply in (
            ("help", "HELP", long),
            ("help", "HELP MAIL", Reply("214 2.0.0 one line")),
            ("noop", "NOOP", Reply("250 2.0.0 awake")),
            ("noop", "NOOP with words", Reply(["250 2.0.0 a", "b"])),
            ("rset", "RSET", Reply("250 2.1.0 all gone")),
            ("mail", "MAIL FROM:<x@y.example>", Reply("450 4.1.8 who?")),
            ("mail", "MAIL FROM:<>", Reply(["250 2.1.0 the empty", "one"])),
            ("rcpt", "RCPT TO:<n@example.org>",
             Reply(["550 5.1.1 no", "5.1.1 such user"])),
            ("rcpt", "RCPT TO:<y@example.org>", Slow("250 2.1.5 drop by drop",
                                                    3, 0.001)),
            ("rset", "RSET", Reply("250"))):
        want = reply.reply.data if isinstance(reply, Slow) else reply.data
        with case("reply to %s: %d bytes" % (line, len(want))):
            srv.once(step, reply)
            check_equal(c.cmd(line).raw, want, "reply")
            check_equal(srv.sessions[-1].commands[-1], line, "command")
    with case("QUIT ends both sides"):
        check_equal(c.cmd("QUIT").raw, b"221 2.0.0 bye\r\n")
        check(c.at_end(), "the client's side stays open")
        check(srv.sessions[-1].done.wait(10), "the server's side stays open")


def ehlo(net, srv, gw):
    srv.keywords = ["SIZE 1000000", "8BITMIME", "STARTTLS", "CHUNKING",
                    "BINARYMIME", "XCLIENT NAME ADDR", "X-SECRET", "HELP",
                    "AUTH PLAIN LOGIN", "ENHANCEDSTATUSCODES", "DSN"]
    with Client(net.client, srv.addr) as c:
        r = c.ehlo("me.example")
        with case("EHLO: the server's name and greeting"):
            check_equal(r.lines[0], NAME + " greets you", "first line")
            check_equal(srv.sessions[-1].helo, "me.example", "EHLO name")
        with case("EHLO: keywords that are honoured"):
            for word in ("8BITMIME", "HELP", "AUTH PLAIN LOGIN", "DSN",
                         "ENHANCEDSTATUSCODES", "SIZE 1000000",
                         "CHUNKING", "BINARYMIME"):
                check_in(word, r.lines, "EHLO")
        for word in ("STARTTLS", "XCLIENT", "X-SECRET"):
            with case("EHLO: %s is withheld" % word):
                check(not any(t.upper().startswith(word) for t in r.lines),
                      "it is there: %s" % r.lines)
        with case("STARTTLS is refused, and logged"):
            n = len(srv.sessions[-1].commands)
            check_equal(c.cmd("STARTTLS").code // 100, 4, "reply class")
            check_equal(srv.sessions[-1].commands[n:], [], "at the server")
            gw.log.wait(r"s=[0-9a-f]{16} starttls")
        for line in ("XCLIENT NAME=x", "XFORWARD A=B",
                     "BURL x", "ETRN x", "TURN", "EXPN x", "DATA\tx",
                     "MAILFROM:<a@b>", " NOOP", "", "FOO", "NOOP\x00",
                     "NOOP" + "x" * 3000):
            with case("refused here: %.20r" % line):
                n = len(srv.sessions[-1].commands)
                r = c.cmd(line)
                check_equal(r.code // 100, 5, "reply class")
                check_equal(srv.sessions[-1].commands[n:], [],
                            "at the server")
        with case("the session goes on after that"):
            check_equal(c.message(mail.plain()).code, 250, "reply")
    srv.keywords = ["SIZE 1000000", "HELP"]


def auth(net, srv, gw):
    user = base64.b64encode(b"user").decode()
    secret = base64.b64encode(b"secret" * 200).decode()

    def login(session, line):
        session.send(b"334 VXNlcm5hbWU6\r\n")
        got.append(session.readline().decode())
        session.send(b"334 UGFzc3dvcmQ6\r\n")
        got.append(session.readline().decode())
        return "235 2.7.0 welcome"

    def cancel(session, line):
        session.send(b"334 \r\n")
        got.append(session.readline().decode())
        return "501 5.7.0 cancelled"

    srv.keywords = ["AUTH LOGIN PLAIN"]
    got = []
    mark = gw.log.mark()
    with Client(net.client, srv.addr) as c:
        c.ehlo()
        with case("AUTH LOGIN: lines pass untouched"):
            srv.once("auth", login)
            check_equal(c.cmd("AUTH LOGIN").raw, b"334 VXNlcm5hbWU6\r\n")
            check_equal(c.cmd(user).raw, b"334 UGFzc3dvcmQ6\r\n")
            check_equal(c.cmd(secret).raw, b"235 2.7.0 welcome\r\n")
            check_equal(got, [user, secret], "answers")
        with case("AUTH: cancelled by *"):
            del got[:]
            srv.once("auth", cancel)
            check_equal(c.cmd("AUTH PLAIN").code, 334)
            check_equal(c.cmd("*").code, 501)
            check_equal(got, ["*"], "answers")
        with case("AUTH: an answer that looks like a command"):
            del got[:]
            srv.once("auth", login)
            c.cmd("AUTH LOGIN")
            c.cmd("DATA")
            check_equal(c.cmd("QUIT").code, 235)
            check_equal(got, ["DATA", "QUIT"], "answers")
        with case("AUTH with its answer on the line, refused"):
            srv.once("auth", Reply(["535 5.7.8 no", "5.7.8 really"]))
            check_equal(c.cmd("AUTH PLAIN " + secret).raw,
                        b"535-5.7.8 no\r\n535 5.7.8 really\r\n")
            check_equal(srv.sessions[-1].commands[-1],
                        "AUTH PLAIN " + secret, "command")
        with case("mail goes on after AUTH"):
            check_equal(c.message(mail.plain()).code, 250, "reply")
    # All of the session, and its end.
    gw.log.wait(r" end client=", mark)
    with case("secrets are not in the log"):
        check(secret[:40] not in gw.log.text(), "it is")


def server_down(net, srv):
    with case("server down: 4yz at once, for each connection"):
        srv.close()
        for _ in range(3):
            with Client(net.client, srv.addr) as c:
                check_equal(c.banner.code, 421, "banner")
                check(c.at_end(), "the session stays open")
        srv.open()
    with case("server up again: mail passes"):
        with Client(net.client, srv.addr) as c:
            c.ehlo()
            check_equal(c.message(mail.plain()).code, 250, "reply")


def server_refuses(net, srv):
    """Whatever the server refuses, the client is told so, and no more."""
    for step in ("mail", "rcpt", "data", "dot"):
        for reply in ("452 4.3.1 later", "554 5.0.0 never"):
            with case("server refuses at %s: %s" % (step, reply[:3])):
                n = len(srv.messages())
                with Client(net.client, srv.addr) as c:
                    c.ehlo()
                    srv.once(step, reply)
                    r = c.message(mail.plain())
                    check_equal(r.code, int(reply[:3]), "reply")
                    check_equal(r.text, reply[4:], "text")
                    r = c.message(mail.plain())
                    check_equal(r.code, 250, "reply to the next message")
                check_equal([m.accepted for m in srv.messages()[n:]],
                            [True] if step != "dot" else [False, True],
                            "messages at the server")
    with case("server refuses by its banner"):
        srv.once("banner", [Reply("554 5.3.2 go away"), Close()])
        with Client(net.client, srv.addr) as c:
            check_equal(c.banner.raw, b"554 5.3.2 go away\r\n", "banner")
    with case("server says 421 in between"):
        with Client(net.client, srv.addr) as c:
            c.ehlo()
            srv.once("noop", [Reply("421 4.3.2 closing"), Close()])
            check_equal(c.cmd("NOOP").raw, b"421 4.3.2 closing\r\n")
            check(c.at_end(), "the session stays open")
    with case("server closes before its reply to the dot: 4yz"):
        n = len(srv.messages())
        srv.once("dot", Close())
        with Client(net.client, srv.addr) as c:
            c.ehlo()
            check_equal(c.message(mail.plain()).code // 100, 4, "class")
        check_equal([m.accepted for m in srv.messages()[n:]], [False])


def pipelining(net, srv):
    srv.keywords = ["PIPELINING", "SIZE 1000000"]
    with case("commands in one segment are answered in order"):
        with Client(net.client, srv.addr) as c:
            c.ehlo()
            srv.once("rcpt", "550 5.1.1 first")
            srv.once("rcpt", "250 2.1.5 second")
            c.send(b"MAIL FROM:<a@client.example>\r\n"
                   b"RCPT TO:<1@example.org>\r\n"
                   b"RCPT TO:<2@example.org>\r\nNOOP\r\nDATA\r\n")
            check_equal([c.reply().code for _ in range(5)],
                        [250, 550, 250, 250, 354], "replies")
            msg = mail.plain()
            c.send(stuff(msg) + b"RSET\r\nNOOP\r\nQUIT\r\n")
            check_equal([c.reply().code for _ in range(4)],
                        [250, 250, 250, 221], "replies")
        m = srv.messages()[-1]
        check_equal((m.data, m.rcpts), (msg, ["2@example.org"]), "message")
    with case("a whole session in one segment"):
        n = len(srv.messages())
        with Client(net.client, srv.addr, banner=False) as c:
            c.send(b"EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@example.org>"
                   b"\r\nDATA\r\nSubject: x\r\n\r\none\r\n.\r\n"
                   b"MAIL FROM:<a@b>\r\nRCPT TO:<d@example.org>\r\n"
                   b"DATA\r\nSubject: y\r\n\r\ntwo\r\n.\r\nQUIT\r\n")
            codes = []
            try:
                while True:
                    codes.append(c.reply().code)
            except Gone:
                pass
        check_equal(codes, [220, 250, 250, 250, 354, 250, 250, 250, 354,
                            250, 221], "replies")
        check_equal([m.data.split(b"\r\n\r\n")[1]
                     for m in srv.messages()[n:]], [b"one\r\n", b"two\r\n"],
                    "bodies")


def main():
    net = Net()
    with Server(net.server, net.A, name=NAME) as srv, \
            Gateway(net, "tproxy") as gw:
        before = gw.snapshot()
        replies(net, srv)
        ehlo(net, srv, gw)
        auth(net, srv, gw)
        pipelining(net, srv)
        server_refuses(net, srv)
        server_down(net, srv)
        with case("no descriptor is left"):
            gw.leaks(before)


run(main)

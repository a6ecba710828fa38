#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What the examples of mailwall.conf(5) about content do.

The configuration is read out of the page, so that nobody is told there what
is not so; the lines about content and files in the log are those that
mailwalld(8) has.
"""

import os
import re
import sys

sys.path.insert(0, "regress/lib")

from mwtest import client, mail                                 # noqa: E402
from mwtest.case import case, check, check_equal, check_in, run  # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Server                                # noqa: E402

CARD = b"4111 1111 1111 1111"
IBAN = b"DE89 3704 0044 0532 0130 00"
KEY = b"-----BEGIN RSA PRIVATE KEY-----\r\nMIIE\r\n"
# A program that does nothing: the two headers of its form.
PROGRAM = (b"MZ" + bytes(58) + b"\x40\0\0\0" + b"PE\0\0\x4c\x01" +
           bytes(300))


def locked(name):
    """With a password: what is packed makes no sense without it."""
    raw = bytearray(mail.zipped(b"x" * 64, name))
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    body = 30 + len(name)
    end = raw.index(b"PK\x01\x02")
    raw[body:end] = bytes(c ^ 0x5a for c in raw[body:end])
    return bytes(raw)


def examples():
    with open("master/mailwall.conf.5") as f:
        page = f.read()
    page = page[page.index(".Sh EXAMPLES"):]
    return [t.replace("\\e", "\\") for t in
            re.findall(r"(?ms)^\.Bd -literal.*?\n(.*?)^\.Ed", page)]


def example(word):
    """The one that has the word, without where it listens."""
    text, = [t for t in examples() if word in t]
    return re.sub(r"(?m)^listen .*\n", "", text)


class Talk:
    """Messages through a gateway with one of the examples."""

    def __init__(self, net, srv, gw):
        self.net = net
        self.srv = srv
        self.gw = gw

    def send(self, msg):
        """The reply, the summary, and the lines about it before that."""
        mark = self.gw.log.mark()
        with client.Client(self.net.client, self.srv.addr) as c:
            c.ehlo()
            reply = c.message(msg)
            event = self.gw.log.wait_messages(1, mark)[0]
        lines = [t for t in self.gw.log.lines(mark)
                 if "s=%s " % event.id in t]
        return reply, event, lines

    def expect(self, name, msg, code, *texts):
        with case(name):
            reply, event, lines = self.send(msg)
            check_equal(reply.code, code, "reply %r" % reply)
            check_equal(event["action"], "pass" if code == 250 else
                        "tempfail" if code < 500 else "block", "action")
            for t in texts:
                check(t in reply.text or any(t in x for x in lines),
                      "no %r in %r and %r" % (t, reply.text, lines))


def leaks(t):
    t.expect("leaks: nothing", mail.plain(b"Hello.\r\n"), 250)
    t.expect("leaks: a card alone", mail.plain(b"My card: " + CARD + b".\r\n"),
             250, " content table=secrets score=3 entries=1 entry=card "
             "in=text part=0 offset=0 text=\"My card: 4111")
    t.expect("leaks: a card and an account",
             mail.plain(b"My card: " + CARD + b", " + IBAN + b"\r\n"), 554,
             "Keys or numbers", "score=5 entries=2")
    t.expect("leaks: a key", mail.plain(KEY), 554, "entry=private-key")
    t.expect("leaks: a mark in disguise",
             mail.plain("C\u043enf\u00eddenti\u200bal\r\n".encode(),
                        MIME_Version="1.0", Content_Type="text/plain; "
                        "charset=utf-8"), 554, "Marked as internal",
             "table=marks", "entry=confidential in=text")
    t.expect("leaks: a mark with its letters apart",
             mail.plain(b"This is c.o.n.f.i.d.e.n.t.i.a.l, friend.\r\n"), 554,
             "Marked as internal")
    t.expect("leaks: a mark inside of a longer word",
             mail.plain(b"confidentially\r\n"), 250)
    t.expect("leaks: a mark in another scope",
             mail.plain(X_Note="confidential"), 250)
    t.expect("leaks: a project in a name",
             mail.attached(b"x", "Project-Heron.bin"), 554,
             "table=projects", "in=names")
    t.expect("leaks: a project in a text in an archive",
             mail.attached(mail.zipped(b"see HR-2024-11", "a.txt"), "a.zip"),
             554, "table=projects", "in=documents")
    t.expect("leaks: more text in a document than is read",
             mail.attached(mail.zipped(mail.filler(9 << 20), "a.txt"),
                           "a.zip"), 554, "read in full",
             "flags=text-truncated")


def files(t):
    t.expect("files: a text", mail.attached(b"text\r\n", "a.txt"), 250)
    t.expect("files: a program", mail.attached(PROGRAM, "a.bin"), 554,
             "No programs", " file part=2 depth=0 type=pe flags=executable")
    t.expect("files: a program in an archive in an archive",
             mail.attached(mail.zipped(mail.zipped(PROGRAM, "a"), "b.zip"),
                           "c.zip"), 554, "No programs",
             "depth=2 type=pe", "name=c.zip/b.zip/a")
    t.expect("files: a script", mail.attached(b"WScript.Echo(1)\r\n", "a.js"),
             554, "No programs", "type=js")
    t.expect("files: two extensions",
             mail.attached(b"[InternetShortcut]\r\nURL=http://a.example/\r\n",
                           "bill.pdf.url"), 554)
    t.expect("files: an archive with a password",
             mail.attached(locked("a.exe"), "a.zip"), 554,
             "with passwords", "verdict=unscannable",
             "depth=1 type=unknown flags=encrypted,executable",
             "depth=0 type=zip flags=encrypted")
    t.expect("files: an anomaly that honest mail has not",
             mail.plain(b"Hello.\r\n", **{"X-(note)A": "b"}), 554)


def spam(t):
    t.expect("spam: little", mail.plain(b"A lottery.\r\n"), 250,
             "table=spam score=5 entries=1 entry=lottery")
    t.expect("spam: the same often", mail.plain(b"A lottery, " * 9 +
                                                b"lottery\r\n"), 250)
    t.expect("spam: enough", mail.plain(b"Viagra\r\n"), 554, "Looks like",
             "score=10")
    t.expect("spam: enough of two",
             mail.plain(b"lottery\r\n", subject="Cheap pills"), 554,
             "score=11 entries=2")
    t.expect("spam: a name with a letter wrong",
             mail.plain(b"Hello.\r\n", subject="Your Exampel Bank"), 250)
    t.expect("spam: a name with a letter too many",
             mail.plain(b"Hello.\r\n", subject="Your Exammple Bank"), 554,
             "table=brand", "in=subject")


# Of what the text of the page says, what is not in its examples.
DETAILS = """
table ends expressions { "^re: a.*z$" }
table zero keywords { zero weight 0, one }
table twice keywords { twice, twice }
table han words { "\u673a\u5bc6" }
table case expressions { "Price \\\\d+" }
table slow expressions { "[uvw]\\\\d[uvw]\\\\d" }
table sum keywords { alpha, beta }
table white keywords { "white listed" }
on message block "554 5.7.1 virus" virus
on message block "554 5.7.1 name" attachment name "a?b/*.T"
on message block "554 5.7.1 one file" attachment type zip \\
	attachment name "*.doc"
on message block "554 5.7.1 ends" content <ends> in subject
on message block "554 5.7.1 zero" content <zero> score 1
on message block "554 5.7.1 twice" content <twice> score 2
on message block "554 5.7.1 han" content <han>
on message block "554 5.7.1 case" content <case>
on message block "554 5.7.1 slow" content <slow> in text
on message block "554 5.7.1 sum" content <sum> in subject, text score 2
on message pass clean content <white>
on message tempfail "451 4.7.1 not" content ! <zero>
"""


def details(t):
    def text(body, subject="test"):
        return mail.plain(body.encode() + b"\r\n", subject, MIME_Version="1.0",
                          Content_Type="text/plain; charset=utf-8")

    t.expect("details: !", text("x"), 451, "not")
    t.expect("details: weight 0 is found", text("zero"), 250,
             "table=zero score=0 entries=1")
    t.expect("details: weight 1 has a score", text("zero one"), 554, "zero")
    t.expect("details: ^ and $", text("zero", "Re: Re: abc zy"), 250)
    t.expect("details: ^ and $ find", text("zero", "Re: \u00c4bc Z"), 554,
             "ends")
    t.expect("details: ^ and $ are no lines",
             text("zero", "x\r\n Re: abc z\r\n y"), 250)
    t.expect("details: an exception", text("white listed"), 250)
    t.expect("details: an entry that is there twice", text("twice"), 554,
             "twice", "score=2 entries=2")
    t.expect("details: words without blanks",
             text("\u8fd9\u662f\u673a\u5bc6\u6587\u4ef6"), 554, "han")
    t.expect("details: capitals and white space",
             text("PR\u00cdCE\r\n\t 5"), 554, "case")
    t.expect("details: slow", text("u1v2"), 554, "slow")
    t.expect("details: slow, 256 KiB on",
             text("zero\r\n" + ("y" * 70 + "\r\n") * 6000 + "u1v2"), 250)
    t.expect("details: one sum for all kinds", text("alpha", "beta"), 554,
             "sum", "score=2 entries=2")
    t.expect("details: a digit is no letter", text("zero 0ne"), 250)
    t.expect("details: path of a file", mail.attached(
        mail.zipped(b"x", "c/d.t"), "A_b"), 554, "name")
    t.expect("details: all of it for one file", mail.multipart([
        (mail.TEXT[0], b"zero\r\n"),
        mail.attachment(mail.zipped(b"x", "x"), "a.zip"),
        mail.attachment(b"x", "a.doc")]), 250)
    t.expect("details: all of it for one file, found", mail.multipart([
        (mail.TEXT[0], b"zero\r\n"),
        mail.attachment(mail.zipped(b"x", "x"), "a.doc")]), 554, "one file")


def main():
    net = Net()
    with Server(net.server, net.A) as srv:
        for word, cases in (("table secrets", leaks),
                            ("table admins", files), ("table brand", spam)):
            gw = Gateway(net, rules=example(word), start=False)
            with open(os.path.join(gw.dir, "spamwords"), "w") as f:
                f.write("lottery\t5\nviagra\t10\ncheap pills\t6\n")
            os.chmod(f.name, 0o644)
            gw.start()
            with gw:
                cases(Talk(net, srv, gw))
        with Gateway(net, rules=DETAILS) as gw:
            details(Talk(net, srv, gw))


run(main)

#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Rules on who sends what to whom, and what they do beside their action."""

import glob
import os
import signal
import sys

sys.path.insert(0, "regress/lib")

from mwtest import client, mail, wait                           # noqa: E402
from mwtest.case import case, check, check_equal, check_in, run  # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Gone, Server                          # noqa: E402

TABLES = """
table staff addresses { "boss@inside.example", "@sub.inside.example",
    ".group.example", "robot@", "guest-??@inside.example", "<>" }
table leakers dynamic expire 1h
table brief dynamic expire 2s
table repeated dynamic
table abusers dynamic
table secrets keywords { "top secret", "机密文件", "기밀문서" }
"""

RULES = """
on connect block "554 5.7.1 known abuser" source <abusers>
on helo block helo { "localhost", "*.invalid" }
on helo block disconnect mark helo "tried.example"
on mail block "550 5.7.1 known leaker" disconnect sender <leakers>
on mail block "550 5.7.1 for a moment" sender <brief>
on mail block "550 5.7.1 once too often" sender <repeated>
on mail block "550 5.7.1 not one of us" sender ! <staff> from 192.168.0.11
on mail block "552 5.3.4 large" size over 1M from 192.168.0.12
on rcpt block "550 5.7.1 trap" add source <abusers> recipient "trap@example.org"
on rcpt block "550 5.7.1 competitor" recipient "@competitor.example"
on rcpt block "550 5.7.1 number" recipient "/^(sales|info)-?[0-9]{2,}@/"
on rcpt tempfail "450 4.7.1 crowd" recipients over 3 from 192.168.0.13
on message block "554 5.7.1 secret" disconnect add sender <leakers>
    content <secrets>
on message block "554 5.7.1 brief" add sender <brief> recipient brief@
on message pass add sender <repeated> after 3 in 1h recipient again@
on message block "554 5.7.1 to the press" recipient "@press.example"
on message block mark sender "tried@client.example"
on message quarantine sender "keep@client.example"
on message block "554 5.7.1 kept" quarantine sender "both@client.example"
on message pass quarantine sender "copy@client.example"
on message discard sender "drop@client.example"
on message pass tag "[?] " header "X-Checked: yes"
    sender "tag@client.example"
""".replace("\n    ", " ")


class Talk:
    """A session that says one thing after the other."""

    def __init__(self, net, srv, source=None):
        self.c = client.Client(net.client, srv.addr, source=source)

    def __enter__(self):
        return self.c

    def __exit__(self, *exc):
        self.c.close()


def kept(gw):
    """Messages in the quarantine, as bytes."""
    found = []
    for path in glob.glob(os.path.join(gw.statedir, "quarantine", "*")):
        with open(path, "rb") as f:
            found.append(f.read())
    return found


def t_helo(net, srv, gw):
    with case("helo: a name and a pattern are refused"):
        with Talk(net, srv) as c:
            check_equal(c.ehlo("localhost").code, 550)
            check_equal(c.ehlo("a.INVALID").code, 550)
            check_equal(c.ehlo("good.example").code, 250)
    with case("mark: a rule is tried, and decides nothing"):
        mark = gw.log.mark()
        with Talk(net, srv) as c:
            check_equal(c.ehlo("tried.example").code, 250)
        gw.log.wait(r"tried rule=\d+ action=block disconnect=1", mark)


def t_mail(net, srv, gw):
    names = (("boss@inside.example", 250), ("BOSS@Inside.Example", 250),
             ("other@inside.example", 550), ("x@sub.inside.example", 250),
             ("x@deep.sub.inside.example", 550), ("x@group.example", 550),
             ("x@a.group.example", 250), ("x@b.a.group.example", 250),
             ("robot@anywhere.example", 250), ("robots@a.example", 550),
             ("guest-01@inside.example", 250), ("", 250),
             ("guest-001@inside.example", 550))
    for name, code in names:
        with case("mail: <%s> is %d" % (name, code)):
            with Talk(net, srv, "192.168.0.11") as c:
                c.ehlo()
                check_equal(c.cmd("MAIL FROM:<%s>" % name).code, code)
    with case("mail: declared size"):
        with Talk(net, srv, "192.168.0.12") as c:
            c.ehlo()
            check_equal(c.cmd("MAIL FROM:<a@b.example> SIZE=1048577").code,
                        552)
            check_equal(c.cmd("MAIL FROM:<a@b.example> SIZE=1048576").code,
                        250)


def t_rcpt(net, srv, gw):
    with case("rcpt: a domain is refused, others go on"):
        with Talk(net, srv) as c:
            c.ehlo()
            c.cmd("MAIL FROM:<a@client.example>")
            check_equal(c.cmd("RCPT TO:<x@competitor.example>").code, 550)
            check_equal(c.cmd("RCPT TO:<x@example.org>").code, 250)
    with case("rcpt: an expression for addresses"):
        with Talk(net, srv) as c:
            c.ehlo()
            c.cmd("MAIL FROM:<a@client.example>")
            check_equal([c.cmd("RCPT TO:<%s@example.org>" % name).code
                         for name in ("info-23", "Sales007", "info-2",
                                      "xinfo-23")], [550, 550, 250, 250])
    with case("rcpt: in a group each has its own answer, in order"):
        with Talk(net, srv) as c:
            c.ehlo()
            c.send(b"MAIL FROM:<a@client.example>\r\n"
                   b"RCPT TO:<1@example.org>\r\n"
                   b"RCPT TO:<2@competitor.example>\r\n"
                   b"RCPT TO:<3@example.org>\r\n")
            check_equal([c.reply().code for _ in range(4)],
                        [250, 250, 550, 250])
    with case("rcpt: the fourth is one too many for this source"):
        with Talk(net, srv, "192.168.0.13") as c:
            c.ehlo()
            c.cmd("MAIL FROM:<a@client.example>")
            check_equal([c.cmd("RCPT TO:<%d@example.org>" % i).code
                         for i in range(5)], [250, 250, 250, 450, 450])
    with case("rcpt: those whom rules judge apart come apart"):
        n = len(srv.messages())
        with Talk(net, srv) as c:
            c.ehlo()
            c.cmd("MAIL FROM:<a@client.example>")
            check_equal(c.cmd("RCPT TO:<1@example.org>").code, 250)
            r = c.cmd("RCPT TO:<1@press.example>")
            check_equal(r.code, 452)
            check_in("4.5.3", r.text)
            check_equal(c.cmd("RCPT TO:<2@example.org>").code, 250)
            check_equal(c.data(mail.plain()).code, 250)
            check_equal(len(srv.messages()), n + 1)
            check_equal(c.message(mail.plain(),
                                  rcpts=("1@press.example",)).code, 554)
            check_equal(len(srv.messages()), n + 1)


def t_tables(net, srv, gw):
    with case("a trap: its source is refused from then on"):
        with Talk(net, srv, "192.168.0.14") as c:
            c.ehlo()
            c.cmd("MAIL FROM:<a@client.example>")
            check_equal(c.cmd("RCPT TO:<trap@example.org>").code, 550)

        def refused():
            with client.Client(net.client, srv.addr, banner=False,
                               source="192.168.0.14") as c:
                return c.reply().code == 554
        # Whichever worker it reaches: they hear of it by the store.
        wait.until(lambda: all(refused() for _ in range(6)),
                   "all workers to know the source")
        with Talk(net, srv, "192.168.0.15") as c:
            check_equal(c.ehlo().code, 250)
    words = {"Latin": ("leak1@client.example", "this is TOP\r\nSECRET"),
             "Chinese": ("leak2@client.example", "机密文件在此"),
             "Korean": ("leak3@client.example", "여기 기밀문서 있음")}
    for name, (sender, text) in words.items():
        with case("a leak, %s: refused, and its sender is cut" % name):
            n = len(srv.messages(complete=False))
            msg = mail.head() + (b"Content-Type: text/plain; charset=utf-8"
                                 b"\r\n\r\n" + text.encode() + b"\r\n")
            with Talk(net, srv) as c:
                c.ehlo()
                check_equal(c.message(msg, sender=sender).code, 554)
            check_equal(len(srv.messages(complete=False)), n)

            def cut():
                with Talk(net, srv) as c:
                    c.ehlo()
                    r = c.cmd("MAIL FROM:<%s>" % sender.upper())
                    if r.code != 550:
                        return False
                    check_in("known leaker", r.text)
                    try:
                        c.cmd("NOOP")
                        check(False, "the session goes on")
                    except Gone:
                        pass
                    return True
            wait.until(lambda: all(cut() for _ in range(6)),
                       "all workers to know the sender")
    with case("a member goes when its time is over"):
        with Talk(net, srv) as c:
            c.ehlo()
            check_equal(c.message(mail.plain(), sender="s@client.example",
                                  rcpts=("brief@example.org",)).code, 554)
            check_equal(c.cmd("MAIL FROM:<s@client.example>").code, 550)

        def again():
            with Talk(net, srv) as c:
                c.ehlo()
                return c.cmd("MAIL FROM:<s@client.example>").code == 250
        wait.until(again, "the entry to expire")
    with case("the third time in an hour counts, not the second"):
        with Talk(net, srv) as c:
            c.ehlo()
            for _ in range(3):
                check_equal(c.message(mail.plain(),
                                      sender="thrice@client.example",
                                      rcpts=("again@example.org",)).code,
                            250)

            def refused():
                c.cmd("RSET")
                return c.cmd("MAIL FROM:<thrice@client.example>").code == 550
            wait.until(refused, "the store to count to three")
    with case("two times are not three"):
        with Talk(net, srv) as c:
            c.ehlo()
            for _ in range(2):
                c.message(mail.plain(), sender="twice@client.example",
                          rcpts=("again@example.org",))
            check_equal(c.cmd("MAIL FROM:<twice@client.example>").code, 250)


def t_restart(net, srv, gw):
    with case("tables survive a restart"):
        gw.stop()
        gw.start()
        with Talk(net, srv) as c:
            c.ehlo()
            r = c.cmd("MAIL FROM:<leak1@client.example>")
            check_equal(r.code, 550)
            check_in("known leaker", r.text)
    with case("tables survive the death of the store"):
        mark = gw.log.mark()
        for pid in gw.children("store"):
            os.kill(pid, signal.SIGKILL)
        gw.log.wait(r"store\[\d+\]: ready", mark)
        with Talk(net, srv) as c:
            c.ehlo()
            check_equal(c.cmd("MAIL FROM:<leak2@client.example>").code, 550)


def t_quarantine(net, srv, gw):
    cases = (("keep", 250, 0), ("both", 554, 0), ("copy", 250, 1))
    for name, code, arrives in cases:
        with case("quarantine: %s" % name):
            n = len(srv.messages(complete=False))
            msg = mail.plain(b"kept: " + name.encode() + b"\r\n.\r\n..x\r\n")
            with Talk(net, srv) as c:
                c.ehlo()
                check_equal(c.message(msg, sender=name +
                                      "@client.example").code, code)
                check_in(msg, kept(gw))
            check_equal(len(srv.messages(complete=False)), n + arrives)
    with case("discard: the client hears 250, the server nothing"):
        n = len(srv.messages(complete=False))
        with Talk(net, srv) as c:
            c.ehlo()
            check_equal(c.message(mail.plain(),
                                  sender="drop@client.example").code, 250)
            check_equal(c.message(mail.plain()).code, 250)
        check_equal(len(srv.messages(complete=False)), n + 1)
    with case("no store, no promise: 451, and the rest flows"):
        stores = gw.children("store")
        mark = gw.log.mark()
        before = kept(gw)
        for pid in stores:
            os.kill(pid, signal.SIGSTOP)    # master replaces it
        with Talk(net, srv) as c:
            c.ehlo()
            r = c.message(mail.plain(b"lost?\r\n"),
                          sender="keep@client.example")
            if r.code != 250:
                check_equal(r.code, 451)
            check_equal(c.message(mail.plain()).code, 250)
        gw.log.wait(r"store\[\d+\]: ready", mark)
        now = kept(gw)
        if r.code == 250:
            check_equal(len(now), len(before) + 1)


def t_edit(net, srv, gw):
    with case("tag and header: on top, and before the subject"):
        msg = mail.plain(b"body\r\n", subject="a subject")
        with Talk(net, srv) as c:
            c.ehlo()
            check_equal(c.message(msg, sender="tag@client.example").code, 250)
        got = srv.messages()[-1].data
        check(got.startswith(b"X-Checked: yes\r\n"), got[:60])
        check_in(b"\r\nSubject: [?] a subject\r\n", got)
        check_equal(got.split(b"\r\n", 1)[1].replace(b"[?] ", b""), msg)


def main():
    with Net() as net, Server(net.server, net.A) as srv:
        with Gateway(net, "tproxy", antivirus="none", extra=TABLES,
                     rules=RULES) as gw:
            for t in (t_helo, t_mail, t_rcpt, t_tables, t_restart,
                      t_quarantine, t_edit):
                t(net, srv, gw)


run(main)

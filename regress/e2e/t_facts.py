#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Rules on when, where and how often; points; fields; bodies seen before."""

import email.message
import hashlib
import io
import os
import subprocess
import sys
import time
import zipfile

sys.path.insert(0, "regress/lib")

from mwtest import client, mail, wait                           # noqa: E402
from mwtest.case import case, check, check_equal, check_in, run  # noqa: E402
from mwtest.gateway import Gateway, objdir                      # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Server                                # noqa: E402

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def clock(seconds):
    return time.strftime("%H:%M", time.localtime(seconds))


def rules():
    now = time.time()
    listed = hashlib.sha256(b"listed").hexdigest()
    # An hour on each side: nobody runs for so long.
    here = "%s-%s" % (clock(now - 3600), clock(now + 3600))
    away = "%s-%s" % (clock(now + 7200), clock(now + 10800))
    # Of the day on which a time begins that may go over midnight.
    today = DAYS[time.localtime(now - 3600).tm_wday]
    other = DAYS[(time.localtime(now - 3600).tm_wday + 3) % 7]
    return """
inside { 192.168.0.0/16 }
listen on 127.0.0.1 port 2525 relay to 127.0.0.1 port 2526 name other
table seen dynamic expire 1h
table folded addresses fold-tags { "one@client.example" }
table pairs dynamic
table files dynamic
table words keywords { "remote work" weight 3, lottery weight 2 }

on connect block "554 5.7.1 busy" from 192.168.0.11
    more than 3 sessions in 1h by source
on connect score 2 from 192.168.0.12
on helo score 1 helo "odd.example"
on helo block "550 5.7.1 points" helo "sum.example" scored 3
on mail block "550 5.7.1 it is time" sender "@now.example" time %(here)s
on mail block "550 5.7.1 not yet" sender "@later.example" time %(away)s
on mail block "550 5.7.1 today" sender "@today.example" day %(today)s
    time %(here)s
on mail block "550 5.7.1 another day" sender "@other.example"
    day %(other)s
on mail block "550 5.7.1 outbound" sender "@out.example" direction outbound
on mail block "550 5.7.1 inbound" sender "@in.example"
    direction inbound, internal, external
on mail block "550 5.7.1 here" sender "@here.example" listener lan
on mail block "550 5.7.1 there" sender "@there.example" listener other
on mail block "550 5.7.1 folded" sender <folded>
on mail tempfail "450 4.7.1 slow down" sender "@fast.example"
    more than 4 messages in 1h by sender
on rcpt tempfail "450 4.7.1 popular" recipient "popular@example.org"
    more than 2 recipients in 1h by recipient
on rcpt block "550 5.7.1 %%{sender} knows %%{recipient} [%%{source}]"
    pair <pairs>
on message pass add pair <pairs> sender "pair@client.example"
on message block "554 5.7.1 rule %%{rule}" add attachment <files>
    sender "taint@client.example"
on message block "554 5.7.1 a known file" attachment hash <files>
on message block "554 5.7.1 a listed file" attachment hash %(listed)s
on rcpt tempfail "450 4.7.1 much" recipient "most@example.org"
    more than 2 recipients in 1h by recipient
on rcpt block "550 5.7.1 waits" recipient "waits@example.org"
on message block "554 5.7.1 flagged" field "X-Flag: y?s*"
on message block "554 5.7.1 no id" field ! "Message-ID: *"
    sender "id@client.example"
on message block "554 5.7.1 subject" subject "*win*prize*"
on message block "554 5.7.1 both" content <words> in text
    content <words> in subject sender "both@client.example"
on message discard body <seen> sender "@client.example"
on message score 3 content <words> score 3
on message score 2 content <words> in subject score 2
on message score -4 sender "friend@client.example"
on message block "554 5.7.1 many points" scored 5
on message pass add body <seen> clean sender "seen@client.example"
""".replace("\n    ", " ") % locals()


def talk(net, srv, source=None):
    c = client.Client(net.client, srv.addr, source=source)
    return c


def mail_code(net, srv, path, source=None):
    c = talk(net, srv, source)
    try:
        c.ehlo()
        return c.cmd("MAIL FROM:<%s>" % path).code
    finally:
        c.close()


def send(net, srv, sender="a@client.example", subject="hello", text="x",
         header=""):
    msg = ("Message-ID: <1@x>\r\nFrom: a@b\r\nSubject: %s\r\n%s\r\n%s\r\n" %
           (subject, header, text)).encode()
    if sender.startswith("id@"):
        msg = msg.split(b"\r\n", 1)[1]
    return client.send(net.client, srv.addr, msg, sender=sender)


def t_session(net, srv, gw):
    for path, code in (("a@now.example", 550), ("a@later.example", 250),
                       ("a@today.example", 550), ("a@other.example", 250),
                       ("a@out.example", 550), ("a@in.example", 250),
                       ("a@here.example", 550), ("a@there.example", 250),
                       ("one@client.example", 550),
                       ("one+tag@client.example", 550),
                       ("two+one@client.example", 250)):
        with case("mail: <%s> is %d" % (path, code)):
            check_equal(mail_code(net, srv, path), code)
    with case("points of connection and greeting add up"):
        c = talk(net, srv, "192.168.0.12")
        check_equal(c.ehlo("odd.example").code, 250)
        # The last greeting counts, its points with it.
        check_equal(c.ehlo("sum.example").code, 250)
        c.close()
        mark = gw.log.mark()
        c = talk(net, srv, "192.168.0.12")
        c.ehlo("odd.example")
        c.close()
        gw.log.wait(r"scored rule=\d+ points=2", mark)
        gw.log.wait(r"scored rule=\d+ points=1", mark)


def t_rates(net, srv, gw):
    with case("the fourth session of a source in an hour is refused"):
        codes = []
        for _ in range(4):
            c = talk(net, srv, "192.168.0.11")
            codes.append(c.banner.code)
            c.close()
            # Another worker may have it next, and must have heard.
            time.sleep(0.2)
        check_equal(codes, [220, 220, 220, 554])
    with case("the fifth message of a sender is put off, others are not"):
        c = talk(net, srv)
        c.ehlo()
        codes = []
        for _ in range(5):
            codes.append(c.cmd("MAIL FROM:<a@fast.example>").code)
            c.cmd("RSET")
        check_equal(codes, [250, 250, 250, 250, 450])
        check_equal(c.cmd("MAIL FROM:<b@fast.example>").code, 250)
        c.close()
        check_equal(wait.until(lambda: mail_code(
            net, srv, "a@fast.example") == 450 or None, "other workers"),
            True)
    with case("recipients are counted each, in a group as well"):
        c = talk(net, srv)
        c.ehlo()
        c.send(b"MAIL FROM:<a@client.example>\r\n" +
               b"RCPT TO:<popular@example.org>\r\n" * 2 +
               b"RCPT TO:<Popular@example.org>\r\n"
               b"RCPT TO:<other@example.org>\r\n")
        check_equal([c.reply().code for _ in range(5)],
                    [250, 250, 250, 450, 250])
        c.close()
    with case("one that was counted, waited and then found no room is one"):
        srv.keywords = ["PIPELINING"]
        c = talk(net, srv, "192.168.0.15")
        c.ehlo()
        c.cmd("MAIL FROM:<a@client.example>")
        # Up to a megabyte less what may be in flight; then one too many.
        line = b"RCPT TO:<%s@example.org>\r\n" % (b"x" * 988)
        for n in (60,) * 16 + (21,):
            c.send(line * n)
            check_equal({c.reply().code for _ in range(n)}, {250})
        c.send(line + b"RCPT TO:<waits@example.org>\r\n")
        check_equal([c.reply().code for _ in range(2)], [250, 452])
        c.cmd("RSET")
        c.cmd("MAIL FROM:<a@client.example>")
        check_equal([c.cmd("RCPT TO:<most@example.org>").code
                     for _ in range(3)], [250, 250, 450])
        c.close()


def t_message(net, srv, gw):
    with case("a field, decoded, is like a pattern"):
        check_equal(send(net, srv, header="X-Flag: YES, indeed\r\n").code,
                    554)
        check_equal(send(net, srv, header="x-flag : =?utf-8?Q?yes?=\r\n")
                    .code, 554)
        check_equal(send(net, srv, header="X-Flag: no yes\r\n").code, 250)
        check_equal(send(net, srv, header="X-Flags: yes\r\n").code, 250)
        check_equal(send(net, srv, text="X-Flag: yes").code, 250)
    with case("a field that is not there"):
        check_equal(send(net, srv, sender="id@client.example").code, 554)
        check_equal(send(net, srv).code, 250)
    with case("a subject is like a pattern"):
        check_equal(send(net, srv, subject="WIN a\r\n PRIZE today").code, 554)
        check_equal(send(net, srv, subject="a prize to win").code, 250)
    with case("two conditions on text must both hold"):
        for subject, text, code in (("lottery", "x", 250),
                                    ("x", "lottery", 250),
                                    ("lottery", "remote work", 554)):
            r = send(net, srv, "both@client.example", subject, text)
            check_equal(r.code, code)
    with case("points of several rules add up"):
        check_equal(send(net, srv, text="remote work").code, 250)
        r = send(net, srv, subject="lottery", text="remote work")
        check_equal(r.code, 554)
        check_in("many points", r.text)
        r = send(net, srv, "friend@client.example", "lottery", "remote work")
        check_equal(r.code, 250)
    with case("a body that was seen is gone the second time"):
        n = len(srv.messages())
        check_equal(send(net, srv, "seen@client.example", text="body").code,
                    250)
        check_equal(len(srv.messages()), n + 1)

        def again():
            m = len(srv.messages())
            check_equal(send(net, srv, subject="other", text="body").code,
                        250)
            return len(srv.messages()) == m or None
        wait.until(again, "all workers to know it")
        n = len(srv.messages())
        check_equal(send(net, srv, text="body.").code, 250)
        check_equal(len(srv.messages()), n + 1)


def with_file(net, srv, data, name, sender="a@client.example"):
    m = email.message.EmailMessage()
    m["From"], m["Message-ID"] = "a@b", "<1@x>"
    m.set_content("see there")
    m.add_attachment(data, "application", "octet-stream", filename=name)
    return client.send(net.client, srv.addr,
                       m.as_bytes().replace(b"\n", b"\r\n"), sender=sender)


def zipped(name, data):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr(name, data)
    return out.getvalue()


def t_files(net, srv, gw):
    first, other = zipped("a.txt", b"one"), zipped("a.txt", b"two")
    with case("a file that was refused once is known under any name"):
        mark = gw.log.mark()
        check_equal(with_file(net, srv, first, "first.zip").code, 250)
        gw.log.wait(r"file part=\d+ depth=0 type=zip .*sha256=%s name=" %
                    hashlib.sha256(first).hexdigest(), mark)
        r = with_file(net, srv, first, "first.zip", "taint@client.example")
        check_equal(r.code, 554)
        check_in("rule ", r.text)

        def again():
            r = with_file(net, srv, first, "second.bin")
            return "a known file" in r.text or None
        wait.until(again, "all workers to know it")
        check_equal(with_file(net, srv, other, "first.zip").code, 250)
    with case("a file with a digest that is listed, in an archive as well"):
        r = with_file(net, srv, zipped("x.txt", b"listed"), "x.zip")
        check_equal(r.code, 554)
        check_in("a listed file", r.text)
        r = with_file(net, srv, zipped("x.txt", b"listed."), "x.zip")
        check_equal(r.code, 250)


def t_pairs(net, srv, gw):
    def rcpt(sender, path):
        c = client.Client(net.client, srv.addr)
        try:
            c.ehlo()
            c.cmd("MAIL FROM:<%s>" % sender)
            return c.cmd("RCPT TO:<%s>" % path)
        finally:
            c.close()
    with case("who has written to whom; macros in a reply"):
        check_equal(send(net, srv, "pair@client.example").code, 250)
        r = wait.until(lambda: (lambda r: r.code == 550 and r or None)(
            rcpt("Pair@client.example", "b@example.org")),
            "all workers to know it")
        check_in("Pair@client.example knows b@example.org [192.168.0.",
                 r.text)
        check_equal(rcpt("pair@client.example", "user@example.org").code, 250)
        check_equal(rcpt("b@client.example", "b@example.org").code, 250)
    with case("a pair that an operator puts in, and takes out"):
        for verb, code in (("add", 550), ("delete", 250)):
            subprocess.run([os.path.join(objdir(), "mailwallctl"), "-s",
                            os.path.join(gw.rundir, "control"), "table", verb,
                            "pairs", "New@client.example B@example.org"],
                           check=True, timeout=60)
            wait.until(lambda: rcpt("new@client.example",
                                    "b@example.org").code == code,
                       "all workers to know it")


def main():
    with Net() as net, Server(net.server, net.A) as srv:
        with Gateway(net, "tproxy", antivirus="none", rules=rules(),
                     listen="name lan") as gw:
            t_session(net, srv, gw)
            t_rates(net, srv, gw)
            t_message(net, srv, gw)
            t_files(net, srv, gw)
            t_pairs(net, srv, gw)


run(main)

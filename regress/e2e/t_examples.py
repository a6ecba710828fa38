#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What the examples of mailwall.conf(5) for whole sites do."""

import os
import re
import sys

sys.path.insert(0, "regress/lib")

from mwtest import client, mail, wait                           # noqa: E402
from mwtest.case import case, check, check_equal, check_in, run  # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Gone, Server                          # noqa: E402


def example(word):
    """The one that has the word, without where it listens."""
    with open("master/mailwall.conf.5") as f:
        page = f.read()
    found = [t.replace("\\e", "\\") for t in
             re.findall(r"(?ms)^\.Bd -literal.*?\n(.*?)^\.Ed", page)
             if word in t]
    check_equal(len(found), 1, "examples with " + word)
    return re.sub(r"(?m)^listen .*\n", "", found[0])


def talk(net, srv, source=None):
    return client.Client(net.client, srv.addr, source=source)


def banner(net, srv, source):
    with client.Client(net.client, srv.addr, source=source,
                       banner=False) as c:
        return c.reply().code


def firewall(net, servers, gw):
    a, b, c, other = servers
    msg = mail.plain(b"for you\r\n")
    for srv in (a, b, c):
        with case("firewall: %s gets its mail, and sees who sends it" %
                  srv.addr):
            check_equal(client.send(net.client, srv.addr, msg).code, 250)
            check_equal(srv.wait_messages(1)[0].data, msg)
            check_equal(srv.sessions[-1].peer, net.CLIENTS[0])
    with case("firewall: a server that is none of them cannot be called"):
        check_equal(banner(net, other, None), 554)
        check_equal(len(other.sessions), 0)
    with case("firewall: known abusers are turned away, at each"):
        for srv in (a, b, c):
            check_equal(banner(net, srv, "192.168.0.15"), 554)
            check_equal(banner(net, srv, "192.168.0.14"), 220)
    with case("firewall: what is too large, infected or encrypted stays "
              "outside, and the session of a virus ends"):
        check_equal(client.send(net.client, b.addr,
                                mail.attached(mail.encrypted_zip(),
                                              "a.zip")).code, 554)
        with talk(net, b) as s:
            s.ehlo()
            check_equal(s.cmd("MAIL FROM:<a@b.example> SIZE=31457281").code,
                        552)
            check_equal(s.message(mail.eicar_plain()).code, 554)
            try:
                s.cmd("NOOP")
                check(False, "the session goes on")
            except Gone:
                pass
        check_equal(len(b.messages()), 1)


def leaks(net, srv, gw):
    marked = mail.plain(b"This is internal\r\nonly.\r\n")
    with case("leaks: what is marked does not leave, and is kept"):
        with talk(net, srv) as c:
            c.ehlo()
            r = c.message(marked, sender="mole@example.org")
            check_equal(r.code, 554)
            check_in("Must not leave", r.text)
        gw.log.wait("quarantined")
        check_equal(len(srv.messages(complete=False)), 0)

    def cut():
        with talk(net, srv) as c:
            c.ehlo()
            r = c.cmd("MAIL FROM:<mole@example.org>")
            if r.code != 550:
                return False
            try:
                c.cmd("NOOP")
                return False
            except Gone:
                return True
    with case("leaks: who tried is cut the next time, others are not"):
        wait.until(lambda: all(cut() for _ in range(4)), "to be cut")
        with talk(net, srv) as c:
            c.ehlo()
            check_equal(c.message(mail.plain()).code, 250)
    with case("leaks: numbers of cards are kept, but for those who may"):
        card = mail.plain(b"My card: 4111 1111 1111 1111.\r\n")
        n = len(srv.messages())
        with talk(net, srv) as c:
            c.ehlo()
            check_equal(c.message(card).code, 250)
            check_equal(len(srv.messages()), n)
            check_equal(c.message(card, sender="pay@example.org").code, 250)
            check_equal(len(srv.messages()), n + 1)
    with case("leaks: who writes to the decoy is not let in again"):
        with talk(net, srv, "192.168.0.11") as c:
            c.ehlo()
            c.cmd("MAIL FROM:<x@spam.example>")
            check_equal(c.cmd("RCPT TO:<decoy@example.org>").code, 550)
        wait.until(lambda: all(banner(net, srv, "192.168.0.11") == 554
                               for _ in range(4)), "to be refused")
        check_equal(banner(net, srv, "192.168.0.12"), 220)
    with case("leaks: the third virus in an hour is one too many"):
        for i in range(3):
            check_equal(banner(net, srv, "192.168.0.13"), 220)
            with talk(net, srv, "192.168.0.13") as c:
                c.ehlo()
                check_equal(c.message(mail.eicar_plain()).code, 554)
        wait.until(lambda: all(banner(net, srv, "192.168.0.13") == 421
                               for _ in range(4)), "to be put off")


def relay(net, srv, gw):
    with case("mx: mail for our own domains, and no relay"):
        with talk(net, srv) as c:
            c.ehlo()
            c.cmd("MAIL FROM:<a@client.example>")
            for path, code in (("b@example.org", 250),
                               ("b@EXAMPLE.com", 250),
                               ("b@elsewhere.example", 550),
                               ("b@sub.example.org", 550),
                               ("b%x.example@example.org", 553),
                               ("postmaster@x.example", 250)):
                check_equal(c.cmd("RCPT TO:<%s>" % path).code, code, path)
    with case("mx: who says it is us is not"):
        with talk(net, srv) as c:
            check_equal(c.ehlo("mail.example.org").code, 550)
            check_equal(c.ehlo("printer.local").code, 550)
            check_equal(c.ehlo("client.example").code, 250)
    with case("mx: too large"):
        with talk(net, srv) as c:
            c.ehlo()
            check_equal(c.cmd("MAIL FROM:<a@b.example> SIZE=30000000").code,
                        552)
    with case("mx: what is odd is marked, and arrives"):
        odd = mail.plain(b"x\r\n", subject="one").replace(
            b"\r\nSubject:", b"\r\nContent-Type: text/plain\r\n"
            b"Content-Type: text/html\r\nSubject:")
        with talk(net, srv) as c:
            c.ehlo()
            check_equal(c.message(odd).code, 250)
        got = srv.messages()[-1].data
        check(got.startswith(b"X-Mailwall: suspicious\r\n"), got[:60])
        check_in(b"\r\nSubject: [?] one\r\n", got)


def t_firewall(net):
    text = example("servers = ")
    for n, addr in zip((10, 11, 12), net.SERVERS):
        text = text.replace("192.0.2.%d" % n, addr)
    servers = [Server(net.server, addr) for addr in net.SERVERS]
    with servers[0], servers[1], servers[2], servers[3]:
        with Gateway(net, "tproxy", rules=text, start=False) as gw:
            with open(os.path.join(gw.dir, "abusers"), "w") as f:
                f.write("# from the list\n192.168.0.15/32\n")
            gw.start()
            firewall(net, servers, gw)


def main():
    with Net() as net:
        t_firewall(net)
        for word, cases in (("table marked", leaks),
                            ("table ours", relay)):
            with Server(net.server, net.A) as srv:
                with Gateway(net, rules=example(word)) as gw:
                    cases(net, srv, gw)


run(main)

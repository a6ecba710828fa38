#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Marks on messages that pass: what the server gets, from confined processes.

Where they go is the business of proxy/test_edit.
"""

import sys

sys.path.insert(0, "regress/lib")

from mwtest import client, mail                                 # noqa: E402
from mwtest.case import case, check, check_equal, run           # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Server                                # noqa: E402

RULES = """
on message pass tag "[\u00e4] " header "X-Checked: yes" from 192.168.0.11
on message pass tag "[x] " header "X-Checked: yes"
"""
BIG = mail.plain(b"." + b"x" * 76 + b"\r\n") + \
    (b"." + b"y" * 76 + b"\r\n") * (10 * 1024 * 1024 // 79)


def marked(msg, tag=b"[x] "):
    return b"X-Checked: yes\r\n" + msg.replace(
        b"\r\nSubject: ", b"\r\nSubject: " + tag, 1)


def main():
    with Net() as net, Server(net.server, net.A) as srv, \
            Gateway(net, "tproxy", rules=RULES, antivirus="none") as gw:
        def through(msg, source=None):
            n = len(srv.messages())
            with client.Client(net.client, net.A, source=source) as c:
                c.ehlo()
                check_equal(c.message(msg).code, 250, "reply")
            return srv.wait_messages(n + 1)[n].data

        with case("a tag and a field"):
            msg = mail.plain()
            check_equal(through(msg), marked(msg), "message")
        with case("an empty message"):
            check_equal(through(b""),
                        b"X-Checked: yes\r\nSubject: [x]\r\n", "message")
        with case("a tag that is encoded"):
            msg = mail.plain()
            check_equal(through(msg, "192.168.0.11"),
                        marked(msg, b"=?UTF-8?B?W8OkXQ==?= "), "message")
        with case("dots and 10 MiB"):
            check(through(BIG) == marked(BIG), "another message")
        with case("a signature may break, and the log says so"):
            mark = gw.log.mark()
            msg = b"DKIM-Signature: v=1\r\n" + mail.plain()
            check_equal(through(msg), marked(msg), "message")
            gw.log.wait(r"edited: a signature may not verify", mark=mark)
        with case("nobody has died"):
            check_equal([line for line in gw.log.lines()
                         if "signal" in line or "died" in line], [], "log")


run(main)

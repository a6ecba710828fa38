#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The audit file: a line for each message, also when it is renamed."""

import os
import sys

sys.path.insert(0, "regress/lib")

from mwtest import client, mail, wait                           # noqa: E402
from mwtest.audit import lines                                  # noqa: E402
from mwtest.case import case, check, check_equal, check_in, run  # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Server                                # noqa: E402

EXTRA = """
table secrets keywords { "机密文件" }
audit file "%s"
"""
RULES = """
on message block sender "bad@client.example"
on message pass quarantine content <secrets> in text
"""


def senders(*paths):
    return [x["sender"] for p in paths for x in lines(p)]


def send(net, srv, name, body=b"x\r\n", rcpts=("b@example.org",)):
    return client.send(net.client, srv.addr, mail.plain(
        body, Content_Type="text/plain; charset=utf-8",
        Content_Transfer_Encoding="8bit"), sender=name + "@client.example",
        rcpts=rcpts)


def wait_line(path, name):
    name += "@client.example"
    wait.until(lambda: name in senders(path), "the line of " + name)
    one, = [x for x in lines(path) if x["sender"] == name]
    return one


def t_lines(net, srv, path):
    with case("a message that passes"):
        check_equal(send(net, srv, "plain").code, 250)
        one = wait_line(path, "plain")
        check_equal((one["action"], one["verdict"]), ("pass", "clean"))
        check_equal(one["reply"][:3], "250")
        check_equal(os.stat(path).st_mode & 0o777, 0o640)
    with case("one that is blocked"):
        check_equal(send(net, srv, "bad").code, 554)
        one = wait_line(path, "bad")
        check_equal(one["action"], "block")
        check(one["rule"] > 0, one)
    with case("one that is kept and passed, with words not of ASCII"):
        body = "看 机密文件 看\r\n".encode()
        check_equal(send(net, srv, "kept", body).code, 250)
        one = wait_line(path, "kept")
        check_equal(one["quarantined"], True)
        check_equal(one["reply"][:3], "250")
        hit, = [f for f in one["facts"] if f["kind"] == "content"]
        check_equal(hit["table"], "secrets")
        check_in("机密文件", hit["text"])
    with case("a hundred recipients"):
        rcpts = tuple("r%d@example.org" % i for i in range(100))
        check_equal(send(net, srv, "many", rcpts=rcpts).code, 250)
        check_equal(tuple(wait_line(path, "many")["recipients"]), rcpts)


def t_rotate(net, srv, gw, path):
    with case("renamed, and opened anew: no line lost or doubled"):
        before = senders(path)
        os.rename(path, path + ".1")
        sent = []
        for i in range(20):
            if i == 10:
                gw.reload()
            sent.append("rot%d@client.example" % i)
            check_equal(send(net, srv, "rot%d" % i).code, 250)
        wait_line(path, "rot19")
        check_equal(senders(path + ".1", path), before + sent)
        check(len(senders(path)) <= 10, senders(path))


def t_refused(gw, path):
    with case("no regular file, no link"):
        for make in (lambda n: os.mkfifo(n), lambda n: os.symlink(path, n)):
            name = path + ".x"
            make(name)
            gw.write(gw.text().replace('"%s"' % path, '"%s"' % name))
            check_in("failed", gw.reload().group(0))
            os.unlink(name)
        gw.write()
        gw.reload()


def main():
    with Net() as net, Server(net.server, net.A) as srv:
        gw = Gateway(net, "tproxy", rules=RULES, start=False)
        path = os.path.join(gw.dir, "audit.json")
        gw.extra = EXTRA % path
        gw.write()
        with gw:
            gw.start()
            t_lines(net, srv, path)
            t_rotate(net, srv, gw, path)
            t_refused(gw, path)


run(main)

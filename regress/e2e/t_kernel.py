#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Members of tables that the kernel drops."""

import json
import os
import socket
import sqlite3
import sys
import time

sys.path.insert(0, "regress/lib")

from mwtest import client, mail, proc, wait                     # noqa: E402
from mwtest.case import case, check, check_equal, check_in, run  # noqa: E402
from mwtest.gateway import Gateway, objdir                      # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Server                                # noqa: E402

NFT = "etc/mailwall-block.nft"
RULES = """
table attackers dynamic expire 1h kernel
table brief dynamic expire 2s kernel
table names dynamic kernel
table plain dynamic
on rcpt block "550 5.1.1 Unknown" add source <attackers>
    recipient "trap@example.org"
on rcpt block "550 5.1.1 Unknown" add source <brief>
    recipient "brief@example.org"
on rcpt block "550 5.1.1 Unknown" add source <plain> add sender <names>
    recipient "plain@example.org"
""".replace("\n    ", " ")


def elements(net, name):
    """{address: seconds or None} of a set."""
    status, out = proc.run(["nft", "-j", "list", "set", "inet", "mailwall",
                            name], net.gateway.prefix())
    check_equal(status, 0, out)
    found = {}
    for item in json.loads(out)["nftables"]:
        for e in item.get("set", {}).get("elem", ()):
            e = e["elem"] if isinstance(e, dict) else {"val": e}
            found[e["val"]] = e.get("timeout")
    return found


def rcpt(net, srv, source, path):
    with client.Client(net.client, srv.addr, source=source) as c:
        c.ehlo()
        c.cmd("MAIL FROM:<a@client.example>")
        return c.cmd("RCPT TO:<%s>" % path).code


def connects(net, srv, source):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    s = net.client.socket(family)
    try:
        s.settimeout(1)
        s.bind((source, 0))
        s.connect((srv.addr, 25))
        return s.recv(3) == b"220"
    except (socket.timeout, TimeoutError):
        return False
    finally:
        s.close()


def ctl(gw, *args):
    return proc.run([os.path.join(objdir(), "mailwallctl"), "-s",
                     os.path.join(gw.rundir, "control")] + list(args),
                    gw.prefix())


def load(net):
    status, out = proc.run(["nft", "-f", NFT], net.gateway.prefix())
    check_equal(status, 0, out)


def t_without(net, srv, gw):
    with case("without the sets mail goes on, and the log says what is "
              "missing"):
        mark = gw.log.mark()
        check_equal(rcpt(net, srv, "192.168.0.15", "trap@example.org"), 550)
        gw.log.wait(r"kernel: 1 addresses not blocked: no sets block4 and "
                    r"block6", mark)
        check(connects(net, srv, "192.168.0.15"), "still let in")
        status, out = ctl(gw, "table", "flush", "attackers")
        check_equal(status, 0, out)


def t_blocked(net, srv, gw):
    load(net)
    with case("a source is dropped, others are not"):
        check_equal(rcpt(net, srv, "192.168.0.11", "trap@example.org"), 550)
        wait.until(lambda: "192.168.0.11" in elements(net, "block4"),
                   "the kernel to know it")
        check_equal(elements(net, "block4")["192.168.0.11"], 3600)
        check(not connects(net, srv, "192.168.0.11"), "is let in")
        check(connects(net, srv, "192.168.0.12"), "the neighbour is not")
    with case("IPv6 likewise"):
        with Server(net.server, net.A6) as srv6:
            check_equal(rcpt(net, srv6, "2001:db8:1::11",
                             "trap@example.org"), 550)
            wait.until(lambda: "2001:db8:1::11" in elements(net, "block6"),
                       "the kernel to know it")
            check(not connects(net, srv6, "2001:db8:1::11"), "is let in")
            check(connects(net, srv6, "2001:db8:1::12"), "neighbour")
    with case("a time that is short ends"):
        check_equal(rcpt(net, srv, "192.168.0.13", "brief@example.org"), 550)
        wait.until(lambda: "192.168.0.13" in elements(net, "block4"),
                   "the kernel to know it")
        wait.until(lambda: "192.168.0.13" not in elements(net, "block4"),
                   "the kernel to forget it")
        check(connects(net, srv, "192.168.0.13"), "is not let in")
    with case("tables that are not for the kernel, and members that are no "
              "addresses, stay outside"):
        check_equal(rcpt(net, srv, "192.168.0.14", "plain@example.org"), 550)
        wait.until(lambda: "a@client.example" in
                   ctl(gw, "table", "show", "names")[1], "the member")
        check("192.168.0.14" not in elements(net, "block4"), "is there")


def t_operator(net, srv, gw):
    with case("an operator's word counts, both ways"):
        status, out = ctl(gw, "table", "add", "attackers", "192.168.0.14")
        check_equal(status, 0, out)
        wait.until(lambda: "192.168.0.14" in elements(net, "block4"),
                   "the kernel to know it")
        status, out = ctl(gw, "table", "delete", "attackers", "192.168.0.14")
        check_equal(status, 0, out)
        wait.until(lambda: "192.168.0.14" not in elements(net, "block4"),
                   "the kernel to forget it")
        check(connects(net, srv, "192.168.0.14"), "is not let in")
    with case("a longer stay is a longer time"):
        ctl(gw, "table", "add", "brief", "192.168.0.15",
            "2s")
        wait.until(lambda: "192.168.0.15" in elements(net, "block4"),
                   "the kernel to know it")
        ctl(gw, "table", "add", "attackers", "192.168.0.15", "1h")
        wait.until(lambda: elements(net, "block4").get("192.168.0.15") ==
                   3600, "the longer time")
        # The shorter one ends, and that changes nothing.
        wait.until(lambda: "192.168.0.15" not in
                   ctl(gw, "table", "show", "brief")[1], "the short one")
        check("192.168.0.15" in elements(net, "block4"), "is forgotten")


def t_restart(net, srv, gw):
    with case("after a restart the sets are filled again"):
        gw.stop()
        load(net)
        check_equal(elements(net, "block4"), {})
        gw.start()
        wait.until(lambda: "192.168.0.11" in elements(net, "block4"),
                   "the kernel to know it")
        left = elements(net, "block4")["192.168.0.11"]
        check(3000 < left <= 3600, "%s seconds" % left)
        check(not connects(net, srv, "192.168.0.11"), "is let in")


def t_full(net, srv, gw):
    with case("a set that is full takes no more, and gives back"):
        with open(NFT) as f:
            text = f.read().replace("size 1000000", "size 3")
        small = os.path.join(gw.dir, "small.nft")
        with open(small, "w") as f:
            f.write(text)
        status, out = proc.run(["nft", "-f", small], net.gateway.prefix())
        check_equal(status, 0, out)
        for i in (1, 2, 3):
            ctl(gw, "table", "add", "brief", "198.51.100.%d" % i, "1h")
        full = {"198.51.100.%d" % i for i in (1, 2, 3)}
        wait.until(lambda: set(elements(net, "block4")) == full,
                   "three addresses")
        ctl(gw, "table", "add", "attackers", "198.51.100.4", "1h")
        # Time-outs of those that are there can be changed all the same.
        ctl(gw, "table", "add", "attackers", "198.51.100.2", "2h")
        wait.until(lambda: elements(net, "block4").get("198.51.100.2") ==
                   7200, "the longer time")
        check_equal(set(elements(net, "block4")), full)
        ctl(gw, "table", "delete", "brief", "198.51.100.1")
        wait.until(lambda: "198.51.100.1" not in elements(net, "block4"),
                   "the kernel to forget one")
        ctl(gw, "table", "add", "attackers", "198.51.100.5", "1h")
        wait.until(lambda: "198.51.100.5" in elements(net, "block4"),
                   "the kernel to know another")


def t_many(net, srv, gw):
    """What costs the kernel 10 ms an address would take minutes."""
    with case("twenty thousand more are there soon after a restart"):
        gw.stop()
        load(net)
        db = sqlite3.connect(os.path.join(gw.statedir, "store.db"))
        now = int(time.time())
        with db:
            db.executemany(
                "INSERT INTO member (tbl, key, expires, added, why) "
                "VALUES ('attackers', ?, ?, ?, '')",
                (("10.%d.%d.%d" % (i >> 16, i >> 8 & 255, i & 255),
                  now + 3600, now) for i in range(20000)))
        db.close()
        gw.start()
        wait.until(lambda: len(elements(net, "block4")) >= 20001,
                   "the kernel to know all", step=0.5)
        check_equal(client.send(net.client, srv.addr, mail.plain()).code,
                    250, "mail meanwhile")
        status, out = ctl(gw, "table", "delete", "attackers", "10.0.0.7")
        check_equal(status, 0, out)
        wait.until(lambda: "10.0.0.7" not in elements(net, "block4"),
                   "the kernel to forget one", step=0.5)


def main():
    with Net() as net, Server(net.server, net.A) as srv:
        with Gateway(net, "tproxy", antivirus="none", rules=RULES) as gw:
            for t in (t_without, t_blocked, t_operator, t_restart,
                      t_full, t_many):
                t(net, srv, gw)


run(main)

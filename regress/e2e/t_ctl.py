#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""mailwallctl against a running gateway, as an operator uses it."""

import json
import os
import socket
import subprocess
import sys

sys.path.insert(0, "regress/lib")

from mwtest import client, mail, wait                           # noqa: E402
from mwtest.case import case, check, check_equal, check_in, run  # noqa: E402
from mwtest.gateway import Gateway, objdir                      # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Server                                # noqa: E402

EXTRA = """
table leakers dynamic expire 1h
table blocked dynamic
table secrets keywords { "机密文件" }
"""
RULES = """
on connect block "554 5.7.1 blocked" source <blocked>
on message block "554 5.7.1 secret" add sender <leakers> content <secrets>
on message quarantine sender "keep@client.example"
on message pass quarantine sender "copy@client.example"
"""
SUBJECT = "=?utf-8?B?5Zu95a62?= \x07bell"


class Ctl:
    def __init__(self, gw):
        self.socket = os.path.join(gw.rundir, "control")

    def __call__(self, *args):
        p = subprocess.run([os.path.join(objdir(), "mailwallctl"), "-s",
                            self.socket] + list(args), text=False,
                           capture_output=True, timeout=60)
        self.err = p.stderr.decode()
        return p.returncode, p.stdout

    def rows(self, *args):
        status, out = self(*args, "--json")
        check_equal(status, 0, "exit status")
        return json.loads(out)


def t_seen(net, srv, gw, ctl):
    for name in ("plain", "keep", "other"):
        with client.Client(net.client, srv.addr) as c:
            c.ehlo()
            check_equal(c.message(mail.plain(b"x\r\n", subject=SUBJECT),
                                  sender=name + "@client.example",
                                  rcpts=("b@example.org", "c@example.org")
                                  ).code, 250)
    wait.until(lambda: len(ctl.rows("log")) == 3, "records")
    with case("log: newest first, with what became of each"):
        rows = ctl.rows("log")
        check_equal([r["from"] for r in rows],
                    [n + "@client.example" for n in
                     ("other", "keep", "plain")])
        check_equal([r["action"] for r in rows],
                    ["pass", "discard", "pass"])
        check_equal(rows[0]["recipients"], 2)
        check_equal(rows[0]["subject"], "国家 \ufffdbell")
        check_equal(rows[1]["quarantined"], True)
        check(rows[0]["reply"].startswith("250 "), rows[0]["reply"])
    with case("log: what matches, and no more than asked for"):
        check_equal(len(ctl.rows("log", "--match", "KEEP@")), 1)
        check_equal(len(ctl.rows("log", "--match", "c@example")), 3)
        check_equal(len(ctl.rows("log", "--match", "discard")), 1)
        check_equal(len(ctl.rows("log", "--match", "nothing")), 0)
        check_equal(len(ctl.rows("log", "--limit", "2")), 2)
        check_equal(len(ctl.rows("log", "--from", "1h")), 3)
        check_equal(len(ctl.rows("log", "--to", "1h")), 0)
    with case("log: a table has no control characters"):
        status, out = ctl("log")
        check_equal(status, 0)
        check(b"\x07" not in out and b"\x1b" not in out, out)
        check_equal(len(out.splitlines()), 4)
    with case("trace: the number that the client was told"):
        number = ctl.rows("log", "--match", "keep@")[0]["session"]
        rows = ctl.rows("trace", "s=" + number)
        check_equal([r["recipient"] for r in rows if "recipient" in r],
                    ["b@example.org", "c@example.org"])
        check_equal(ctl("trace", "0")[0], 1)
        check_equal(ctl("trace", "xyz")[0], 2)
    with case("status: every process is ready"):
        rows = ctl.rows("status")
        check_equal({r["process"] for r in rows},
                    {"proxy", "parser", "scanner", "store"})
        check_equal({r["state"] for r in rows}, {"ready"})

    def counted():
        stats = {r["name"]: r["value"] for r in ctl.rows("stats")}
        return stats["messages"] == 3 and stats
    with case("stats: all workers together"):
        stats = wait.until(counted, "three messages to be counted")
        check_equal((stats["action_pass"], stats["action_discard"],
                     stats["quarantine"]), (2, 1, 1))
    with case("sessions: one that is there"):
        with client.Client(net.client, srv.addr) as c:
            c.ehlo("here.example")
            c.cmd("MAIL FROM:<live@client.example>")
            rows = ctl.rows("sessions")
            check_equal([(r["helo"], r["from"], r["state"]) for r in rows],
                        [("here.example", "live@client.example",
                          "command")])


def t_quarantine(net, srv, gw, ctl):
    number = str(ctl.rows("quarantine", "list")[0]["number"])
    with case("quarantine: listed, shown, saved as it came"):
        check_equal(len(ctl.rows("quarantine", "list")), 1)
        row = ctl.rows("quarantine", "show", number)[0]
        check_equal((row["from"], row["state"]),
                    ("keep@client.example", "kept"))
        status, out = ctl("quarantine", "save", number, "-")
        check_equal(status, 0)
        check_equal(len(out), row["size"])
        check_in(b"\r\nSubject: =?utf-8?B?5Zu95a62?=", out)
    n = len(srv.messages())
    with case("quarantine: released to the server that was meant"):
        rows = ctl.rows("quarantine", "release", number)
        check_equal((rows[0]["accepted"], rows[0]["code"]), (2, 250))
        got = srv.messages()[n]
        check_equal(got.data, out)
        check_equal(sorted(got.rcpts), ["b@example.org", "c@example.org"])
        check_equal(ctl.rows("quarantine", "list")[0]["state"], "released")
    with case("quarantine: forwarded to somebody else"):
        ctl.rows("quarantine", "forward", number, "abuse@example.org")
        check_equal(srv.messages()[n + 1].rcpts, ["abuse@example.org"])
    with case("quarantine: a server that refuses it, and the message stays"):
        srv.once("rcpt", "550 5.1.1 nobody")
        status, _ = ctl("quarantine", "forward", number, "x@example.org")
        check_equal(status, 1)
        check_in("stays in the quarantine", ctl.err)
        check_equal(len(ctl.rows("quarantine", "list")), 1)
    with case("quarantine: deleted, and there is no second time"):
        check_equal(ctl("quarantine", "delete", number)[0], 0)
        check_equal(ctl.rows("quarantine", "list"), [])
        check_equal(ctl("quarantine", "delete", number)[0], 1)
        check_equal(ctl("quarantine", "release", number)[0], 1)
        check_equal(os.listdir(os.path.join(gw.statedir, "quarantine")), [])


def t_tables(net, srv, gw, ctl):
    with case("table: who was put there by a rule, and why"):
        with client.Client(net.client, srv.addr) as c:
            c.ehlo()
            check_equal(c.message(mail.plain("机密文件\r\n".encode()),
                                  sender="leak@client.example").code, 554)
        rows = wait.until(lambda: ctl.rows("table", "show", "leakers"),
                          "a member")
        check_equal(rows[0]["key"], "leak@client.example")
        check(rows[0]["why"].startswith("s="), rows[0]["why"])
        check(rows[0]["expires"] > rows[0]["added"], rows[0])
    with case("table: added, found in any case, deleted, flushed"):
        check_equal(ctl("table", "add", "leakers", "X@Y.Example", "1h")[0],
                    0)
        keys = [r["key"] for r in ctl.rows("table", "show", "<leakers>")]
        check_equal(keys, ["leak@client.example", "x@y.example"])
        check_equal(ctl("table", "delete", "leakers", "x@y.example")[0], 0)
        check_equal(ctl("table", "delete", "leakers", "x@y.example")[0], 1)
        check_equal(ctl("table", "flush", "leakers")[0], 0)
        wait.until(lambda: ctl.rows("table", "show", "leakers") == [],
                   "an empty table")
        check_equal(ctl("table", "show", "none")[0], 1)
    with case("block: an address, from then on, and no more"):
        def code():
            with client.Client(net.client, srv.addr, banner=False,
                               source="192.168.0.12") as c:
                return c.reply().code
        check_equal(code(), 220)
        check_equal(ctl("block", "192.168.0.12", "1h")[0], 0)
        wait.until(lambda: all(code() == 554 for _ in range(6)), "554")
        check_equal(ctl("unblock", "192.168.0.12")[0], 0)
        wait.until(lambda: all(code() == 220 for _ in range(6)), "220")


def t_steer(net, srv, gw, ctl):
    with case("reload: a new configuration, and one that is wrong"):
        mark = gw.log.mark()
        check_equal(ctl("reload")[0], 0)
        gw.log.wait("reload: done", mark)
        gw.write("nonsense\n")
        check_equal(ctl("reload")[0], 1)
        check_in("old configuration stays", ctl.err)
        check_in("mailwall.conf:1:1: unknown word nonsense", ctl.err)
        gw.write()
    with case("verbose: on and off"):
        check_equal(ctl("verbose", "on")[0], 0)
        check_equal(ctl("verbose", "off")[0], 0)
        check_equal(ctl("verbose", "perhaps")[0], 2)
    with case("top: a screen without a terminal"):
        status, out = ctl("top", "1")
        check_equal(status, 0)
        check_in(b"sessions now", out)
    with case("metrics: text for Prometheus"):
        wanted = (b"# TYPE mailwall_messages_total counter\n"
                  b"mailwall_messages_total 4\n")
        wait.until(lambda: wanted in ctl("metrics")[1],
                   "four messages to be counted")
        status, out = ctl("metrics")
        check_equal(status, 0)
        check_in(b'mailwall_actions_total{action="block"} 1\n', out)
        check_in(b'mailwall_processes{kind="store"} 1\n', out)
    with case("report: a page that is whole, and asks nobody"):
        status, out = ctl("report")
        check_equal(status, 0)
        check(out.startswith(b"<!DOCTYPE html>") and
              out.endswith(b"</html>\n"), out[:40])
        for bad in (b"<script", b"http:", b"https:", b"url("):
            check(bad not in out, bad)
        check_in(b"<svg", out)
    with case("errors: usage, and nobody there"):
        check_equal(ctl("bogus")[0], 2)
        check_equal(ctl("log", "--from", "never")[0], 2)
        check_equal(ctl("quarantine", "show", "-1")[0], 2)
        none = Ctl(gw)
        none.socket += ".none"
        check_equal(none("status")[0], 3)


TABLES = """
table nets file "nets"
table senders addresses file "senders"
table words keywords file "words"
table filled dynamic
"""
TABLE_RULES = """
on connect block "554 5.7.1 net" source <nets>
on mail block "550 5.7.1 sender" sender <senders>
on message block "554 5.7.1 word" content <words>
"""


def t_table_reload(net, srv):
    """One table alone, while the other files have changed as well."""
    gw = Gateway(net, "tproxy", antivirus="none", extra=TABLES,
                 rules=TABLE_RULES, start=False)

    def put(name, text):
        path = os.path.join(gw.dir, name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, 0o644)

    def mail_code(sender):
        with client.Client(net.client, srv.addr) as c:
            c.ehlo()
            return c.cmd("MAIL FROM:<%s>" % sender).code

    def word_code(word):
        return client.send(net.client, srv.addr,
                           mail.plain(subject=word)).code

    def until(code, what, arg):
        # A proxy hears of it a moment after mailwallctl has its answer.
        wait.until(lambda: [what(arg) for _ in range(6)] == [code] * 6 or
                   None, "%s everywhere" % code)

    put("nets", "203.0.113.0/24\n")
    put("senders", "one@client.example\n")
    put("words", "alpha\n")
    with gw:
        gw.start()
        ctl = Ctl(gw)
        with case("table reload: this one, and no other file"):
            check_equal(mail_code("one@client.example"), 550)
            put("nets", "0.0.0.0/0\n")
            put("words", "beta\n")
            gw.write("nonsense\n")
            put("senders", "two@client.example\n")
            with client.Client(net.client, srv.addr) as c:
                c.ehlo()
                check_equal(ctl("table", "reload", "senders")[0], 0)
                until(550, mail_code, "two@client.example")
                check_equal(mail_code("one@client.example"), 250)
                # This session goes on, under the old one or the new.
                check_equal(c.cmd("MAIL FROM:<a@client.example>").code, 250)
            check_equal(word_code("alpha"), 554)
            check_equal(word_code("beta"), 250)
        with case("table reload: words, too"):
            check_equal(ctl("table", "reload", "words")[0], 0)
            until(554, word_code, "beta")
            check_equal(word_code("alpha"), 250)
            check_equal(mail_code("two@client.example"), 550)
        with case("table reload: a bad line is named, the old table stays"):
            put("senders", "three@client.example\n\n@@x\n")
            check_equal(ctl("table", "reload", "senders")[0], 1)
            check_in("senders:3:1:", ctl.err)
            check_in("the old table stays", ctl.err)
            check_equal(mail_code("two@client.example"), 550)
            check_equal(mail_code("three@client.example"), 250)
            for name in ("filled", "nobody"):
                check_equal(ctl("table", "reload", name)[0], 1)
                check_in("no table <%s> that comes from a file" % name,
                         ctl.err)
        with case("table reload: what was loaded last is what stays"):
            put("senders", "four@client.example\n")
            check_equal(ctl("table", "reload", "senders")[0], 0)
            until(550, mail_code, "four@client.example")
            check_equal(word_code("beta"), 554)
            put("nets", "203.0.113.0/24\n")
            gw.write()
            check_equal(gw.reload().group(1), "done")
            check_equal(mail_code("four@client.example"), 550)


def t_copy(net, srv, gw, ctl):
    with case("log: a message that was kept and passed has its reply"):
        with client.Client(net.client, srv.addr) as c:
            c.ehlo()
            reply = c.message(mail.plain(b"x\r\n"),
                              sender="copy@client.example")
            check_equal(reply.code, 250)

        def row():
            rows = ctl.rows("log", "--match", "copy@client")
            return len(rows) == 1 and rows[0]["reply"] and rows[0]
        got = wait.until(row, "the reply in its record")
        check(got["reply"].startswith("250 "), got)
        check_equal((got["action"], got["quarantined"]), ("pass", True))
        # One that was not delivered has what its client heard.
        rows = ctl.rows("log", "--match", "keep@client")
        check(rows and rows[0]["reply"], rows)


def t_hostile(net, srv, gw, ctl):
    with case("a client that speaks nonsense loses its connection only"):
        for data in (b"", b"x", b"\xff" * 16, bytes(16384), b"A" * 440):
            s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            s.settimeout(20)
            s.connect(ctl.socket)
            s.send(data)
            check_equal(s.recv(100), b"", "its end")
            s.close()
        check_equal({r["state"] for r in ctl.rows("status")}, {"ready"})
    with case("clients that say nothing keep nobody out for long"):
        idle = []
        for _ in range(40):
            s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            s.connect(ctl.socket)
            idle.append(s)
        wait.until(lambda: ctl("status")[0] == 0, "an answer")
        for s in idle:
            s.close()


def main():
    with Net() as net, Server(net.server, net.A) as srv:
        with Gateway(net, "tproxy", antivirus="none", extra=EXTRA,
                     rules=RULES) as gw:
            ctl = Ctl(gw)
            for t in (t_seen, t_quarantine, t_tables, t_steer, t_copy,
                      t_hostile):
                t(net, srv, gw, ctl)
        t_table_reload(net, srv)


run(main)

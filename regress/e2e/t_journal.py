#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The audit in systemd's journal, a real one, and without it."""

import json
import os
import subprocess
import sys

sys.path.insert(0, "regress/lib")

from mwtest import client, mail, wait                           # noqa: E402
from mwtest.audit import lines                                  # noqa: E402
from mwtest.case import case, check, check_equal, check_in, run  # noqa: E402
from mwtest.gateway import USERS, Gateway, objdir               # noqa: E402
from mwtest.journal import Journal                              # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Server                                # noqa: E402

JOURNAL = "audit journal\n"
RULES = """
on message block sender "bad@client.example"
on message pass quarantine sender "kept@client.example"
"""
# What is another in each message, however alike they are.
OWN = ("time", "session", "client_port", "message_id", "receive_ms",
       "parse_us", "scan_us", "reply", "deliver_ms")
EVIL = ("=?utf-8?q?a=0AMAILWALL=5FACTION=3Dblock=0A=07=1B[31m?= "
        "=?utf-8?b?woXCmw==?= MAILWALL_RULE=9")


def send(net, srv, name, subject="test", **kw):
    return client.send(net.client, srv.addr, mail.plain(subject=subject),
                       sender=name + "@client.example", **kw).code


def entry(j, name):
    """The one entry about a sender, waited for."""
    match = "MAILWALL_SENDER=%s@client.example" % name
    one, = wait.until(lambda: j.entries(match), "the entry of " + name)
    return one


def senders(j, *match):
    return [x["MAILWALL_SENDER"].split("@")[0]
            for x in j.entries("SYSLOG_IDENTIFIER=mailwall", *match)]


def ctl(gw, *args):
    """The lines that mailwallctl prints."""
    p = subprocess.run([os.path.join(objdir(), "mailwallctl"), "-s",
                        os.path.join(gw.rundir, "control")] + list(args),
                       stdout=subprocess.PIPE, text=True, timeout=60,
                       check=True)
    return p.stdout.splitlines()


def lost(gw):
    n, = [x.split()[1] for x in ctl(gw, "metrics")
          if x.startswith("mailwall_audit_lost_total ")]
    return int(n)


def recorded(gw, name):
    """Of how many the store knows; then their lines are out, or lost."""
    return sum(name in x for x in ctl(gw, "-j", "log", "--limit", "1000"))


def t_absent(gw, j):
    with case("no journal: -n does not mind"):
        status, text = gw.check()
        check_equal(status, 0)
        check("audit" not in text, text)
    with case("no journal: no start"):
        gw.start(ready=False)
        check(gw.program.wait() != 0, "it runs")
        check_in("audit journal: /run/systemd/journal/socket: No such file",
                 gw.program.text())
        check_in("cannot start without its audit", gw.program.text())
        gw.rules_stop()


def t_entries(net, srv, gw, j):
    with case("a message that passes"):
        check_equal(send(net, srv, "plain"), 250)
        one = entry(j, "plain")
        said = json.loads(one["MESSAGE"])
        check_equal((one["PRIORITY"], one["SYSLOG_FACILITY"]), ("6", "2"))
        check_equal(one["SYSLOG_IDENTIFIER"], "mailwall")
        check_equal(one["MAILWALL_ACTION"], "pass")
        check_equal(one["MAILWALL_SESSION"], said["session"])
        check_equal(one["MAILWALL_CLIENT"], said["client"])
        check_equal(said["reply"][:3], "250")
    with case("by the store's process"):
        pid, = gw.children("store")
        check_equal(one["_PID"], str(pid))
        check_equal(one["_UID"], str(dict(USERS)["_mwstore"]))
        check_equal(one["_TRANSPORT"], "journal")
    with case("found by what was done"):
        check_equal(send(net, srv, "bad"), 554)
        one = entry(j, "bad")
        check_equal(one["MAILWALL_RULE"],
                    str(json.loads(one["MESSAGE"])["rule"]))
        check_equal(senders(j, "MAILWALL_ACTION=block"), ["bad"])
    with case("one that is kept and passed waits for its reply"):
        check_equal(send(net, srv, "kept"), 250)
        said = json.loads(entry(j, "kept")["MESSAGE"])
        check_equal(said["quarantined"], True)
        check_equal(said["reply"][:3], "250")
    with case("ten thousand recipients"):
        rcpts = ["r%d.%s@example.org" % (i, "x" * 40) for i in range(10000)]
        check_equal(send(net, srv, "many", rcpts=rcpts), 250)
        said = json.loads(entry(j, "many")["MESSAGE"])
        check_equal(said["recipients"], rcpts)
    with case("none was lost"):
        check_equal(lost(gw), 0)


def t_hostile(net, srv, j):
    with case("a subject makes no field"):
        check_equal(send(net, srv, "evil", EVIL), 250)
        one = entry(j, "evil")
        check_equal(one["MAILWALL_ACTION"], "pass")
        check_equal(sorted(x for x in one if x.startswith("MAILWALL_")),
                    ["MAILWALL_" + x for x in (
                        "ACTION", "CLIENT", "NAME", "RULE", "SENDER",
                        "SESSION", "VERDICT")])
        check_in("MAILWALL_ACTION=block", json.loads(one["MESSAGE"])
                 ["subject"])
        check(not any(ord(c) < 0x20 or 0x7f <= ord(c) < 0xa0
                      for c in one["MESSAGE"]), one["MESSAGE"])
    with case("nor does an address"):
        with client.Client(net.client, srv.addr) as c:
            c.ehlo("client.example")
            r = c.cmd('MAIL FROM:<"q MAILWALL_RULE=1\xc2\x85\xc2\x9b"@'
                      'client.example> SMTPUTF8')
            check_equal(r.code, 250)
            c.cmd("RCPT TO:<b@example.org>")
            c.cmd("DATA")
            c.send(client.stuff(mail.plain()))
            check_equal(c.reply().code, 250)
        one, = wait.until(lambda: j.entries(
            'MAILWALL_SENDER="q MAILWALL_RULE=1??"@client.example'),
            "the entry")
        check_equal(one["MAILWALL_RULE"], "0")
        check_in('"q MAILWALL_RULE=1\u0085\u009b"@',
                 json.loads(one["MESSAGE"])["sender"])


def t_reload(net, srv, gw, j, path):
    with case("from the journal to a file: the same lines"):
        check_equal(send(net, srv, "same"), 250)
        said = json.loads(entry(j, "same")["MESSAGE"])
        gw.extra = 'audit file "%s"\n' % path
        gw.write()
        check_in("done", gw.reload().group(0))
        check_equal(send(net, srv, "same"), 250)
        one, = wait.until(lambda: lines(path), "the line")
        check_equal(list(one), list(said))
        for name in OWN:
            one[name] = said[name]
        check_equal(one, said)
        check_equal(senders(j).count("same"), 1)
    with case("and back"):
        gw.extra = JOURNAL
        gw.write()
        check_in("done", gw.reload().group(0))
        check_equal(send(net, srv, "back"), 250)
        entry(j, "back")
        check_equal(len(lines(path)), 1)


def t_paused(net, srv, gw, j):
    with case("a journal that does not read: mail goes on"):
        before = lost(gw)
        mark = gw.log.mark()
        j.pause()
        for i in range(40):
            check_equal(send(net, srv, "paused%d" % i), 250)
        # Their clients have not waited for the store.
        wait.until(lambda: recorded(gw, "paused") == 40, "all records")
        wait.until(lambda: lost(gw) > before, "losses to be counted")
        gw.log.wait(r"audit journal: .*temporarily unavailable; 1 lines",
                    mark)
    with case("what it was sent is there when it reads again"):
        j.go_on()
        check_equal(send(net, srv, "paused"), 250)
        entry(j, "paused")
        got = [x for x in senders(j) if x.startswith("paused")][:-1]
        check(0 < len(got) < 40, got)
        check_equal(got, ["paused%d" % i for i in range(len(got))])
    with case("and all others are counted"):
        # Metrics are up to a second old.
        wait.until(lambda: lost(gw) - before == 40 - len(got), "the count")


def t_gone(net, srv, gw, j):
    with case("no journal any more: mail goes on, lines are counted"):
        before = lost(gw)
        j.stop()
        for i in range(10):
            check_equal(send(net, srv, "gone%d" % i), 250)
        wait.until(lambda: lost(gw) == before + 10, "ten lines lost")
    with case("complaints: one a minute"):
        said = [x for x in gw.log.lines() if "lines lost so far" in x]
        check(1 <= len(said) <= 2, said)
    with case("and no reload without it"):
        mark = gw.log.mark()
        check_in("failed", gw.reload().group(0))
        gw.log.wait("audit journal: /run/systemd/journal/socket: ", mark)
        check_equal(send(net, srv, "stays"), 250)
    with case("another journal, found at a reload"):
        j.start()
        check_in("done", gw.reload().group(0))
        check_equal(send(net, srv, "again"), 250)
        entry(j, "again")
        check(not [x for x in senders(j) if x.startswith("gone")], "gone")


def main():
    with Net() as net, Server(net.server, net.A) as srv:
        j = Journal(net.gateway)
        gw = Gateway(net, "tproxy", rules=RULES, extra=JOURNAL, run=j.run,
                     start=False)
        t_absent(gw, j)
        with j, gw:
            gw.start()
            t_entries(net, srv, gw, j)
            t_hostile(net, srv, j)
            t_reload(net, srv, gw, j, os.path.join(gw.dir, "audit.json"))
            t_paused(net, srv, gw, j)
            t_gone(net, srv, gw, j)


run(main)

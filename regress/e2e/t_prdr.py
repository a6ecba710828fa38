#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""PRDR: recipients that rules judge differently, in one transaction.

First a server that does what it is told, then Exim on both sides.
"""

import json
import os
import re
import subprocess
import sys

sys.path.insert(0, "regress/lib")

from mwtest import client, mail, mta, wait                      # noqa: E402
from mwtest.case import case, check, check_equal, check_in, run  # noqa: E402
from mwtest.gateway import Gateway, objdir                      # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Close, Raw, Reply, Server             # noqa: E402

RULES = """
table words keywords { "secret" }
table strict dynamic
table again dynamic
on message log apartly content <words> recipient strict@
on message count both content <words> recipient strict@
on message tempfail disconnect content <words> recipient slow@
on message count together
on message pass strip log stripped attachment name "*.exe"
on message pass recipient vip@
on message block "554 5.7.1 Not to %{recipient}" add recipient <again>
    content <words> recipient strict@
on message tempfail "451 4.7.1 Later" content <words> recipient later@
on message pass tag "[s] " content <words> recipient tagged@
on message pass header "X-S: 1" content <words> recipient marked@
on message quarantine recipient kept@
""".replace("\n    ", " ") + "".join(
    'on message block "554 5.7.1 %d" recipient "bulk%d@"\n' % (i, i)
    for i in range(20))
EHLO = Reply(["250 mx.example.org", "PRDR", "SIZE", "PIPELINING"])
SECRET = mail.plain(b"a secret\r\n", subject="s")


class Each:
    """A server's reply to the dot, one for each of its recipients."""

    def __init__(self, codes=None):
        self.codes = codes or {}

    def __call__(self, session, line):
        lines = ["353 go on"]
        for r in session.rcpts:
            code = self.codes.get(r.split("@")[0], 250)
            lines.append("%d %d.0.0 <%s>" % (code, code // 100, r))
        lines.append("250 2.0.0 all")
        return Raw("".join(x + "\r\n" for x in lines).encode())


class Talk:
    def __init__(self, net, srv):
        self.c = client.Client(net.client, srv.addr)
        self.c.ehlo()

    def rcpts(self, names, params=" PRDR"):
        """Codes of the envelope."""
        codes = [self.c.cmd("MAIL FROM:<a@client.example>" + params).code]
        for name in names:
            codes.append(self.c.cmd("RCPT TO:<%s@example.org>" % name).code)
        return codes

    def send(self, names, data=SECRET):
        """Texts of all replies to the message."""
        check_equal(set(self.rcpts(names)), {250}, "envelope")
        r = self.c.data(data)
        if r.code != 353:
            return ["%d %s" % (r.code, r.text)]
        replies = [self.c.reply() for _ in range(len(names) + 1)]
        return ["%d %s" % (r.code, r.text) for r in replies]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.c.close()


def codes(replies):
    return [int(r[:3]) for r in replies]


def got(srv):
    """The last message: its recipients, and itself."""
    m = srv.messages()[-1]
    return [r.split("@")[0] for r in m.rcpts], m.data


def count(gw, name):
    """How often rules have matched under that name."""
    p = subprocess.run([os.path.join(objdir(), "mailwallctl"), "-s",
                        os.path.join(gw.rundir, "control"), "stats",
                        "--json"], capture_output=True, timeout=60)
    rows = {r["name"]: r["value"] for r in json.loads(p.stdout)}
    return rows.get("rule_" + name, 0)


def t_offer(net, srv):
    with case("offered only where the server offers it"):
        with client.Client(net.client, srv.addr) as c:
            check_in("PRDR", c.ehlo().text)
        srv.script.pop("ehlo")
        with client.Client(net.client, srv.addr) as c:
            check("PRDR" not in c.ehlo().text, "offered")
            check_equal(c.cmd("MAIL FROM:<a@client.example> PRDR").code, 501)
        srv.script["ehlo"] = EHLO
    with case("nonsense behind it"):
        with Talk(net, srv) as t:
            check_equal(t.rcpts([], " PRDR=x"), [501])
            check_equal(t.rcpts([], " PRDR PRDR"), [501])
            check_equal(t.rcpts(["a"], " PRDR SIZE=100"), [250, 250])
    with case("without it, the second one comes on its own"):
        with Talk(net, srv) as t:
            check_equal(t.rcpts(["a", "strict"], ""), [250, 250, 452])


def t_alike(net, srv):
    with case("judged alike: the server's replies, in one transaction"):
        srv.once("dot", Each({"b": 550, "c": 450}))
        with Talk(net, srv) as t:
            check_equal(t.send(["a", "b", "c"], mail.plain()),
                        ["250 2.0.0 <a@example.org>",
                         "550 5.0.0 <b@example.org>",
                         "450 4.0.0 <c@example.org>", "250 2.0.0 all"])
        verbs = [c.split()[0] for c in srv.sessions[-1].commands]
        check_equal(verbs.count("MAIL"), 1)
        check("RSET" not in verbs, "reset")
    with case("judged alike: one reply for all"):
        with Talk(net, srv) as t:
            check_equal(codes(t.send(["a", "b"], mail.plain())), [250])
            check_equal(codes(t.send(["a"], mail.plain())), [250])
    with case("not alike, but nothing is done: one reply, one transaction"):
        clean = mail.plain()
        for names in (["a", "strict"], ["strict", "tagged", "a"]):
            with Talk(net, srv) as t:
                check_equal(codes(t.send(names, clean)), [250])
            check_equal(got(srv), (names, clean))
            check("RSET" not in srv.sessions[-1].commands, "reset")
        with Talk(net, srv) as t:
            check_equal(codes(t.send(["vip", "a"])), [250])
        check_equal(got(srv), (["vip", "a"], SECRET))
    with case("judged alike, and refused: one reply for all"):
        with Talk(net, srv) as t:
            check_equal(codes(t.send(["strict", "strict"])), [554])


def t_apart(net, srv, gw):
    for each, want in ((Each({"c": 550}), [250, 554, 550, 250]),
                       (None, [250, 554, 250, 250])):
        name = "replies" if each else "one reply"
        with case("one is refused, the server has %s" % name):
            if each:
                srv.once("dot", each)
            with Talk(net, srv) as t:
                r = t.send(["a", "strict", "c"])
                check_equal(codes(r), want)
                check_in("Not to strict@example.org", r[1])
                # The session goes on as any other.
                check_equal(codes(t.send(["a"], mail.plain())), [250])
            check_equal(srv.messages()[-2].rcpts,
                        ["a@example.org", "c@example.org"])
            check_equal(srv.messages()[-2].data, SECRET)
            gw.log.wait(r"apart rule=\d+ recipients=1 reply=554")
    with case("it is said who"):
        mark = gw.log.mark()
        srv.once("dot", Each({"c": 550}))
        with Talk(net, srv) as t:
            check_equal(codes(t.send(["strict", "a", "c"])),
                        [554, 250, 550, 250])
        gw.log.wait(r"action=pass .*reply=\"250 2.0.0 all", mark=mark)
        lines = gw.log.lines(mark)
        for want in (r"apart rule=\d+ recipient=strict@example.org "
                     r'reply="554 5.7.1 Not to ',
                     r"undelivered recipient=c@example.org "
                     r'reply="550 5.0.0 ',
                     r"logged rule=\d+ name=apartly"):
            found = [x for x in lines if re.search(want, x)]
            check_equal(len(found), 1, want)
    with case("a rule that judges twice counts once a message"):
        n = [count(gw, x) for x in ("both", "together", "stripped")]
        with Talk(net, srv) as t:
            check_equal(codes(t.send(["strict", "a", "bulk1"])),
                        [554, 250, 554, 250])
            exe = mail.attached(b"MZ", "x.exe")
            check_equal(codes(t.send(["a", "strict"], exe)), [250])
        check(b'name="x.exe"' not in got(srv)[1], "it is still there")
        wait.until(lambda: count(gw, "stripped") == n[2] + 1, "a match")
        check_equal([count(gw, x) for x in ("both", "together")],
                    [n[0] + 1, n[1] + 2])
    with case("who goes with the message for the same reason"):
        with Talk(net, srv) as t:
            check_equal(codes(t.send(["strict", "vip", "a"])),
                        [554, 250, 250, 250])
        check_equal(got(srv), (["vip", "a"], SECRET))
    with case("who may have it comes before who has to wait"):
        with Talk(net, srv) as t:
            check_equal(codes(t.send(["slow", "a"])), [452, 250, 250])
        check_equal(got(srv)[0], ["a"])
    with case("the envelope is as the client has put it"):
        srv.once("dot", Each())
        with Talk(net, srv) as t:
            line = "MAIL From:<a@client.example> SIZE=99 PRDR"
            check_equal(t.c.cmd(line).code, 250)
            for name in ("strict", "A+b"):
                check_equal(t.c.cmd("rcpt to:<%s@Example.ORG>" % name).code,
                            250)
            check_equal(t.c.data(SECRET).code, 353)
            check_equal([t.c.reply().code for _ in range(3)],
                        [554, 250, 250])
        said = srv.sessions[-1].commands
        check_equal([c for c in said if c == line], [line, line])
        check_equal(said.count("rcpt to:<A+b@Example.ORG>"), 2)
        check_equal(said.count("rcpt to:<strict@Example.ORG>"), 1)
    with case("in a group"):
        srv.once("dot", Each())
        with Talk(net, srv) as t:
            t.c.send(b"MAIL FROM:<a@client.example> PRDR\r\n"
                     b"RCPT TO:<a@example.org>\r\n"
                     b"RCPT TO:<strict@example.org>\r\n"
                     b"RCPT TO:<b@example.org>\r\nDATA\r\n")
            check_equal([t.c.reply().code for _ in range(5)],
                        [250, 250, 250, 250, 354])
            t.c.send(client.stuff(SECRET))
            check_equal([t.c.reply().code for _ in range(5)],
                        [353, 250, 554, 250, 250])
    with case("what more than one decision needs comes again"):
        with Talk(net, srv) as t:
            r = t.send(["tagged", "a", "strict", "marked"])
            check_equal(codes(r), [250, 452, 554, 452, 250])
        names, data = got(srv)
        check_equal(names, ["tagged"])
        check_in(b"Subject: [s] s", data)
    with case("kept for one, refused for another"):
        n = len(srv.messages())
        with Talk(net, srv) as t:
            check_equal(codes(t.send(["strict", "kept"])), [554, 250, 250])
        check_equal(len(srv.messages()), n)
    with case("all are refused: one of them may come again"):
        with Talk(net, srv) as t:
            check_equal(codes(t.send(["strict", "later"])), [554, 451, 451])
            check_equal(codes(t.send(["bulk1", "bulk2"])), [554, 554, 554])
        check_equal(len(srv.messages()), n)
    with case("more decisions than are looked at"):
        names = ["a"] + ["bulk%d" % i for i in range(20)]
        with Talk(net, srv) as t:
            r = t.send(names)
        check_equal(codes(r), [250] + [554] * 15 + [452] * 5 + [250])
        check_in("554 5.7.1 14 ", r[15])


def t_server(net, srv):
    with case("the server will not have a recipient again"):
        with Talk(net, srv) as t:
            check_equal(set(t.rcpts(["a", "strict", "b"])), {250})
            srv.once("rcpt", Reply("450 4.2.1 not now"))
            check_equal(t.c.data(SECRET).code, 353)
            check_equal([t.c.reply().code for _ in range(4)],
                        [450, 554, 250, 250])
        check_equal(got(srv)[0], ["b"])
    n = len(srv.messages())
    with case("the last reply is not final when somebody may come again"):
        with Talk(net, srv) as t:
            check_equal(set(t.rcpts(["strict", "a", "b"])), {250})
            srv.once("rcpt", Reply("550 5.1.1 no"))
            srv.once("rcpt", Reply("450 4.2.1 not now"))
            check_equal(t.c.data(SECRET).code, 353)
            check_equal([t.c.reply().code for _ in range(4)],
                        [554, 550, 450, 450])
            check_equal(set(t.rcpts(["tagged", "marked"])), {250})
            srv.once("dot", Reply("550 5.7.1 no"))
            check_equal(t.c.data(SECRET).code, 353)
            check_equal([t.c.reply().code for _ in range(3)],
                        [550, 452, 450])
    n = len(srv.messages())
    with case("the server will not forget who is refused"):
        with Talk(net, srv) as t:
            check_equal(set(t.rcpts(["strict", "b"])), {250})
            srv.once("rset", Reply("502 5.5.1 no"))
            check_equal(t.c.data(SECRET).code, 451)
        check_equal(len(srv.messages()), n)
    for step in ("mail", "rcpt", "data"):
        with case("the server will have nothing again: " + step):
            with Talk(net, srv) as t:
                check_equal(set(t.rcpts(["strict", "b"])), {250})
                srv.once(step, Reply("550 5.1.1 no"))
                check_equal(t.c.data(SECRET).code, 353)
                check_equal([t.c.reply().code for _ in range(3)],
                            [554, 550, 550])
                check_equal(codes(t.send(["a"], mail.plain())), [250])
            n += 1
            check_equal(len(srv.messages()), n)
    for step in ("rset", "mail", "rcpt", "data", "dot"):
        with case("the server goes at " + step):
            with Talk(net, srv) as t:
                check_equal(set(t.rcpts(["a", "strict"])), {250})
                srv.once(step, Close())
                check_equal(t.c.data(SECRET).code, 451)
    for name, data in (("too few", b"353 x\r\n250 a\r\n"),
                       ("another 354", b"353 x\r\n354 a\r\n"),
                       ("421", b"353 x\r\n250 a\r\n421 bye\r\n")):
        with case("the server's replies: " + name):
            srv.once("dot", [Raw(data), Close()])
            with Talk(net, srv) as t:
                check_equal(codes(t.send(["a", "b", "c"], mail.plain())),
                            [451])


def t_many(net, srv):
    with case("two hundred recipients"):
        names = ["strict"] + ["u%d" % i for i in range(199)]
        srv.once("dot", Each({"u7": 550}))
        with Talk(net, srv) as t:
            check_equal(set(t.rcpts(names)), {250})
            check_equal(t.c.cmd("RCPT TO:<x@example.org>").code, 452)
            check_equal(t.c.data(SECRET).code, 353)
            r = [t.c.reply().code for _ in range(201)]
        check_equal(r, [554] + [550 if n == "u7" else 250
                                for n in names[1:]] + [250])
        check_equal(len(got(srv)[0]), 199)


def t_exim(net):
    """Picky is refused by the server, strict by us, others have it."""
    srv = mta.EximPrdr(net.server, net.SERVERS[1])
    relay = mta.EximRelay(net.client, net.CLIENTS[2],
                          {"*": net.SERVERS[1]})
    names = ("ann", "strict", "picky", "bob")
    with Gateway(net, "redirect", RULES) as gw, srv, relay:
        with case("Exim to Exim: each has what is due to it"):
            with client.Client(net.client, relay.addrs[0],
                               source=relay.addrs[0]) as c:
                c.ehlo()
                r = c.message(SECRET, "a@client.example",
                              [n + "@example.org" for n in names])
                check_equal(r.code, 250)
            mails = srv.wait_mail(1)
            gw.log.wait(r"apart rule=\d+ recipients=1 reply=554")
            check_equal(len(gw.log.messages()), 1)
            wait.until(lambda: "Completed" in relay.says(), "the relay")
            said = relay.says()
            for n in ("ann", "bob"):
                check_in("> %s@example.org R=away" % n, said)
            for n, why in (("strict", "Not to strict@example.org"),
                           ("picky", "not for picky")):
                line = [x for x in said.splitlines()
                        if "** %s@example.org" % n in x]
                check_equal(len(line), 1, said)
                check_in(why, line[0])
            check(mails, "no mail")


def main():
    with Net() as net:
        with Server(net.server, net.A) as srv, \
                Gateway(net, "redirect", RULES) as gw:
            srv.script["ehlo"] = EHLO
            t_offer(net, srv)
            t_alike(net, srv)
            t_apart(net, srv, gw)
            t_server(net, srv)
            t_many(net, srv)
        t_exim(net)


run(main)

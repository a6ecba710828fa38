#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Mail that the gateway sends itself: notices, digests, copies, redirected
messages, replies; and what becomes of it while servers or the store are gone.
"""

import email
import email.policy
import glob
import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, "regress/lib")

from mwtest import client, mail, wait                           # noqa: E402
from mwtest.case import case, check, check_equal, check_in, run  # noqa: E402
from mwtest.gateway import Gateway, objdir                      # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Hang, Server                          # noqa: E402

OWN, ARCHIVE = "10.1.0.3", "10.1.0.4"
FROM = "mailwall@gw.example"
EXTRA = """
notices server %s from "%s" limit 2 in 4s
outbox retry 1s
outbox keep 1h
table third dynamic expire 1h
""" % (OWN, FROM)

# A rule for each case, by the sender.
RULES = """
on message block notify "one@admin.example" sender one@
on message quarantine notify "kept@admin.example" sender kept@
on message pass quarantine strip virus sender strip@
on message block notify "after@admin.example" sender strip@
on message log labelled sender label@
on message count "only.counted" sender label@
on message block log thrice add sender <third> after 3 in 1h \
    notify "third@admin.example" with "%{sender} thrice: 读" sender third@
on message block notify "down@admin.example" sender down@
on message block notify "slow@admin.example" notify "fast@admin.example" \
    sender two@
on message block notify "never@admin.example" sender never@
on message block notify "many@admin.example" sender many@
on message block notify "virus@admin.example" virus
on message discard redirect "abuse@org.example" sender redirect@
on message discard redirect "abuse@org.example" server {a} sender other@
on message discard redirect "nobody@org.example" server {a} sender refused@
on message discard redirect "later@org.example" server {a} sender late@
on message pass copy "archive@org.example" server {a} sender copy@
on message block "550 5.7.1 no" reply "Nobody here wants \\"{{x}}\\": 读" \
    recipient auto@
on message pass reply "Thank you" recipient thanks@
on message pass copy "archive@org.example" server {a} reply "Copied" \
    recipient both@
on message pass quarantine reply "Kept" recipient kept@
""".replace("\\\n    ", "").replace("{a}", ARCHIVE).replace("{{x}}", "it")


class Talk:
    def __init__(self, net, srv, gw):
        self.net, self.srv, self.gw = net, srv, gw

    def send(self, sender, msg=None, rcpts=("b@example.org",)):
        """The code for the dot."""
        if msg is None:
            msg = mail.plain(b"x\r\n", subject="about " + sender)
        if "@" not in sender and sender:
            sender += "@client.example"
        with client.Client(self.net.client, self.srv.addr) as c:
            c.ehlo()
            return c.message(msg, sender=sender, rcpts=rcpts).code

    def ctl(self, *args):
        p = subprocess.run([os.path.join(objdir(), "mailwallctl"), "-s",
                            os.path.join(self.gw.rundir, "control")] +
                           list(args), capture_output=True, timeout=60)
        return p.returncode, p.stdout + p.stderr

    def count(self, name):
        """A number of mailwallctl stats; None: there is none yet."""
        rows = json.loads(self.ctl("stats", "--json")[1])
        return {r["name"]: r["value"] for r in rows}.get(name)

    def outbox(self):
        status, out = self.ctl("outbox", "list", "--json")
        check_equal(status, 0, "outbox list: %r" % out)
        return json.loads(out)

    def waits(self, to):
        """Rows of the outbox for an address that were tried in vain."""
        return [r for r in self.outbox() if r["to"] == to and r["tries"] > 0]

    def empty(self):
        wait.until(lambda: not self.outbox(), "an empty outbox")


def got(srv, rcpt):
    return [m for m in srv.messages() if rcpt in m.rcpts]


def wait_got(srv, rcpt, n=1):
    wait.until(lambda: len(got(srv, rcpt)) >= n, "%d for %s" % (n, rcpt), 30)
    check_equal(len(got(srv, rcpt)), n, "messages for " + rcpt)
    return got(srv, rcpt)


def parsed(msg):
    """As a mail program reads it, which finds no fault."""
    m = email.message_from_bytes(msg.data, policy=email.policy.default)
    faults = list(m.defects)
    for name, value in m.items():
        faults += list(getattr(value, "defects", ()))
    check_equal(faults, [], "defects")
    check(all(len(line) <= 78 for line in msg.data.split(b"\r\n")),
          "long lines")
    check_equal(m["MIME-Version"], "1.0")
    check_equal(msg.mail_from, "", "return path")
    check_equal(m["From"].addresses[0].addr_spec, FROM)
    check_equal(m["To"].addresses[0].addr_spec, msg.rcpts[0])
    check(m["Date"].datetime is not None and m["Message-ID"], "Date, id")
    return m


def t_notice(t, own):
    with case("notice: what has happened, as a valid message"):
        msg = mail.plain(b"x\r\n", subject="=?utf-8?B?6K+75oiR?= \u202ex")
        check_equal(t.send("one", msg, ("b@example.org", "c@example.org")),
                    554)
        m = parsed(wait_got(own, "one@admin.example")[0])
        check_equal(m["Auto-Submitted"], "auto-generated")
        text = m.get_content()
        s = t.gw.log.messages()[-1].id
        for word in (s, "192.168.0.10", "10.1.0.2", "one@client.example",
                     "b@example.org", "c@example.org", "读我", "clean",
                     "action block", "554 5.7.1"):
            check_in(word, text)
        check("\u202e" not in text, "text is turned round")
    with case("notice: number in the quarantine"):
        check_equal(t.send("kept"), 250)
        text = parsed(wait_got(own, "kept@admin.example")[0]).get_content()
        number = os.path.basename(glob.glob(os.path.join(
            t.gw.statedir, "quarantine", "[0-9]*"))[0])
        check_in("Quarantine: number " + number, text)
    with case("notice: a virus and its name"):
        check_equal(t.send("eve", mail.eicar_plain()), 554)
        m = parsed(wait_got(own, "virus@admin.example")[0])
        check_in("virus", m["Subject"])
        check_in("icar", m["Subject"])


def t_strip(t, own):
    with case("notice: of the rule that decides about what was stripped"):
        check_equal(t.send("strip", mail.attached(mail.EICAR, "x.com")), 554)
        m = parsed(wait_got(own, "after@admin.example")[0])
        check_equal(m["Subject"], "[mailwall] blocked: clean")
        s = t.gw.log.messages()[-1].id
        rows = json.loads(t.ctl("trace", s, "--json")[1])
        check_equal([(r["action"], r["reply"][:7]) for r in rows
                     if "action" in r],
                    [("pass", "changed"), ("block", "554 5.7")])


def t_label(t, own):
    with case("notice: only when the third time has its effect"):
        for _ in range(2):
            check_equal(t.send("third"), 554)
        wait.until(lambda: t.count("rule_thrice") == 2, "two matches")
        check_equal(t.outbox(), [])
        check_equal(got(own, "third@admin.example"), [])
        check_equal(t.send("third"), 554)
        m = parsed(wait_got(own, "third@admin.example")[0])
        check_equal(m["Subject"],
                    "[mailwall] third@client.example thrice: 读")
        check_in("thrice: 读\r\n\r\nA message was blocked",
                 m.get_content())
        with client.Client(t.net.client, t.srv.addr) as c:
            c.ehlo()
            for _ in range(2):
                check_equal(c.message(mail.plain(b"x\r\n"),
                                      sender="third@client.example",
                                      rcpts=("b@example.org",)).code, 554)
        wait.until(lambda: t.count("rule_thrice") == 5, "five matches")
        t.empty()
        wait_got(own, "third@admin.example")
    with case("log and count: the next rule decides"):
        check_equal(t.send("label"), 250)
        wait.until(lambda: t.count("rule_only.counted") == 1, "a match")
        check_equal(t.count("rule_labelled"), 1)
        s = t.gw.log.messages()[-1].id
        lines = [x for x in t.gw.log.lines() if s in x and " logged " in x]
        check_equal(len(lines), 1)
        check_in("name=labelled", lines[0])
        status, out = t.ctl("trace", s, "--json")
        check_in(b"name=labelled", out)
        check_in(b'mailwall_rule_matches_total{name="labelled"} 1',
                 t.ctl("metrics")[1])


def t_retry(t, own):
    with case("notice: its server is down, and comes up"):
        own.close()
        check_equal(t.send("down"), 554)
        wait.until(lambda: t.waits("down@admin.example"), "a try in vain")
        own.open()
        wait_got(own, "down@admin.example")
        t.empty()
    with case("retry: one of two recipients is put off"):
        own.script["rcpt"] = lambda s, line: \
            "451 4.2.1 later" if "slow@" in line else "250 ok"
        check_equal(t.send("two"), 554)
        wait_got(own, "fast@admin.example")
        wait.until(lambda: t.waits("slow@admin.example"), "a try in vain")
        check_in("later", t.waits("slow@admin.example")[0]["reply"])
        del own.script["rcpt"]
        wait_got(own, "slow@admin.example")
        t.empty()
        check_equal(len(got(own, "fast@admin.example")), 1, "fast ones")
    with case("a notice that is refused is given up, and that is said"):
        own.script["rcpt"] = lambda s, line: \
            "550 5.1.1 nobody" if "never@" in line else "250 ok"
        mark = t.gw.log.mark()
        check_equal(t.send("never"), 554)
        t.gw.log.wait(r"notify not delivered, given up: 550 5.1.1", mark)
        t.empty()
        del own.script["rcpt"]


def t_digest(t, own):
    with case("digest: the first two alone, the others together"):
        for i in range(9):
            check_equal(t.send("many", mail.plain(
                b"x\r\n", subject="flood %d" % i)), 554)
        wait_got(own, "many@admin.example", 3)
        texts = [parsed(m).get_content().replace("\r\n", "\n")
                 for m in got(own, "many@admin.example")]
        # The first two go by connections of their own, at one time.
        texts[:2] = sorted(texts[:2], key=lambda x: "flood 0\n" not in x)
        for i in range(9):
            check_equal(["flood %d\n" % i in x for x in texts],
                        [i == 0, i == 1, i > 1], "where %d is" % i)
        check_in("7 messages", parsed(got(own, "many@admin.example")[2])
                 ["Subject"])


def t_redirect(t, srv, arch):
    msg = mail.plain(b".dot\r\n" + mail.filler(50000), subject="r")
    with case("redirect: by the original server, to others alone"):
        check_equal(t.send("redirect", msg), 250)
        m = wait_got(srv, "abuse@org.example")[0]
        check_equal(m.rcpts, ["abuse@org.example"])
        check_equal(m.mail_from, "redirect@client.example")
        check_equal(m.data, msg, "message")
    with case("redirect: by another server"):
        check_equal(t.send("other", msg), 250)
        m = wait_got(arch, "abuse@org.example")[0]
        check_equal((m.mail_from, m.data), ("other@client.example", msg))
    with case("redirect: refused, so it is kept"):
        arch.script["rcpt"] = lambda s, line: "550 5.1.1 nobody"
        mark = t.gw.log.mark()
        check_equal(t.send("refused", msg), 250)
        m = t.gw.log.wait(r"redirect not delivered, kept as quarantine "
                          r"(\d+)", mark)
        del arch.script["rcpt"]
        path = os.path.join(t.gw.statedir, "quarantine", m.group(1))
        with open(path, "rb") as f:
            check_equal(f.read(), msg, "kept message")
        t.empty()
        status, out = t.ctl("quarantine", "show", m.group(1))
        check_equal(status, 0, "quarantine show")
    check(not [m for m in srv.messages() if b"Subject: r\r\n" in m.data and
               "b@example.org" in m.rcpts], "the recipient has one")


def t_crash(t, srv, arch):
    with case("redirect: the store is killed before it is sent"):
        arch.close()
        msg = mail.plain(b"late\r\n")
        check_equal(t.send("late", msg), 250)
        for pid in t.gw.children("store"):
            os.kill(pid, signal.SIGKILL)
        arch.open()
        check_equal(wait_got(arch, "later@org.example")[0].data, msg)
        wait.until(lambda: t.ctl("status")[0] == 0, "the store")
        t.empty()
    with case("copy: the store is killed before the server's 250"):
        hang = Hang()
        srv.once("dot", hang)
        msg = mail.plain(b"hangs\r\n")
        with client.Client(t.net.client, srv.addr) as c:
            c.ehlo()
            c.envelope(sender="copy@client.example",
                       rcpts=("b@example.org",))
            c.cmd("DATA")
            c.send(client.stuff(msg))
            wait.until(lambda: t.outbox() and
                       t.outbox()[0]["state"] == "pending", "a copy")
            for pid in t.gw.children("store"):
                os.kill(pid, signal.SIGKILL)
            hang.release()
            check_equal(c.reply().code, 250)
        wait.until(lambda: msg in [m.data for m in
                                   got(arch, "archive@org.example")],
                   "the copy")
        wait.until(lambda: t.ctl("status")[0] == 0, "the store")
        t.empty()


def t_copy(t, srv, arch):
    msg = mail.plain(b".x\r\n" + mail.filler(70000), subject="copy")
    with case("copy: the same bytes, beside the message itself"):
        check_equal(t.send("copy", msg), 250)
        m = wait_got(arch, "archive@org.example")[0]
        check_equal((m.mail_from, m.data), ("copy@client.example", msg))
        check(msg in [x.data for x in got(srv, "b@example.org")],
              "the message itself")
        t.empty()
    with case("copy: none of what the server refuses"):
        for step in ("dot", "data"):
            srv.once(step, "554 5.7.1 no")
            mark = t.gw.log.mark()
            check_equal(t.send("copy", mail.plain(b"refused\r\n")), 554)
            t.gw.log.wait(r"not delivered, no copy", mark)
        t.empty()
        check_equal(len(got(arch, "archive@org.example")), 1, "copies")


LISTS = ("Auto-Submitted: auto-generated", "auto-submitted : auto-replied",
         "List-Id: <x.example>", "Precedence: bulk", "Precedence:  List",
         "precedence: junk", "X-Auto-Response-Suppress: All",
         "List-Unsubscribe:\r\n <mailto:x@example.org>")
NAMES = ("", "owner-list@c.example", "list-request@c.example",
         "LIST-bounces@c.example", "MAILER-DAEMON@c.example",
         "postmaster@c.example", "list-bounces+x=y.example@c.example", FROM)


def t_reply(t, srv, own):
    def ask(sender, extra="", rcpt="auto@example.org"):
        head = extra + "\r\n" if extra else ""
        return t.send(sender, head.encode() + mail.plain(
            b"Auto-Submitted: yes\r\n", subject="help"), (rcpt,))
    with case("reply: to the sender, by RFC 3834"):
        check_equal(ask("ann@c.example", "Auto-Submitted: no"), 550)
        m = parsed(wait_got(own, "ann@c.example")[0])
        check_equal(m["Auto-Submitted"], "auto-replied")
        check_in('Nobody here wants "it": 读', m.get_content())
        ident = json.loads(t.ctl("log", "--limit", "1", "--json")[1])[0]
        check_equal(m["In-Reply-To"], ident["msgid"])
        check_equal(m["References"], ident["msgid"])
        check_in("@client.example>", m["References"])
        check_equal(m["Subject"], "Auto: help")
    with case("reply: what is no mail of a person has none"):
        mark = t.gw.log.mark()
        for i, line in enumerate(LISTS):
            check_equal(ask("p%d@c.example" % i, line), 550)
        for name in NAMES:
            check_equal(ask(name), 550)
        check_equal(ask("far@c.example", "\r\n".join(
            ["X-Long: " + "x" * 900] * 2400 + [LISTS[0]])), 550)
        t.gw.log.wait(r"no reply: its header is too long", mark)
        check_equal(ask("ANN@c.example"), 550)      # once in seven days
        t.gw.log.wait(r"no reply to ann@c.example: it had one", mark)
        check_equal(ask("last@c.example"), 550)
        wait_got(own, "last@c.example")
        t.empty()
        answered = [m.rcpts[0] for m in own.messages()
                    if b"Auto: help" in m.data]
        check_equal(answered, ["ann@c.example", "last@c.example"])
    with case("reply: an infected message has none"):
        check_equal(t.send("eve@c.example", mail.eicar_plain(),
                           ("thanks@example.org",)), 554)
        check_equal(t.send("bob@c.example", None,
                           ("thanks@example.org",)), 250)
        wait_got(own, "bob@c.example")
        check_equal(got(own, "eve@c.example"), [])
    with case("reply: to what is copied or kept, if the server takes it"):
        for n, rcpt in enumerate(("both@example.org", "kept@example.org")):
            srv.once("dot", "554 5.7.1 no")
            mark = t.gw.log.mark()
            check_equal(t.send("no%d@c.example" % n, None, (rcpt,)), 554)
            t.gw.log.wait(r"no reply to no%d@c.example: its message was not "
                          "delivered" % n, mark)
            check_equal(t.send("yes%d@c.example" % n, None, (rcpt,)), 250)
            wait_got(own, "yes%d@c.example" % n)
            check_equal(got(own, "no%d@c.example" % n), [])
        t.empty()


def t_ctl(t, own):
    with case("mailwallctl outbox: list, show, retry, delete"):
        own.close()
        check_equal(t.send("down"), 554)
        wait.until(lambda: t.waits("down@admin.example"), "a try in vain")
        row = t.waits("down@admin.example")[0]
        check_equal((row["kind"], row["state"] in ("waiting", "sending")),
                    ("notify", True))
        number = str(row["number"])
        status, out = t.ctl("outbox", "list")
        check_in(b"down@admin.example", out)
        status, out = t.ctl("outbox", "show", number)
        check_equal(status, 0)
        check_in(b"down@admin.example", out)
        status, out = t.ctl("outbox", "save", number, "-")
        check_in(b"Auto-Submitted: auto-generated", out)
        check(t.ctl("outbox", "show", "99999")[0] != 0, "one that is none")
        tries = t.waits("down@admin.example")[0]["tries"]

        def again():
            t.ctl("outbox", "retry", number)
            return t.waits("down@admin.example")[0]["tries"] > tries
        wait.until(again, "another try")
        wait.until(lambda: t.ctl("outbox", "delete", number)[0] == 0,
                   "it to be deleted")
        check_equal(t.outbox(), [])
        own.open()


def main():
    with Net() as net, Server(net.server, net.A) as srv, \
            Server(net.server, OWN) as own, \
            Server(net.server, ARCHIVE) as arch, \
            Gateway(net, "redirect", RULES, EXTRA) as gw:
        t = Talk(net, srv, gw)
        t_notice(t, own)
        t_strip(t, own)
        t_label(t, own)
        t_retry(t, own)
        t_digest(t, own)
        t_redirect(t, srv, arch)
        t_copy(t, srv, arch)
        t_reply(t, srv, own)
        t_ctl(t, own)
        t_crash(t, srv, arch)


run(main)

#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""mailwallctl explain: what would become of a message, and nothing of it."""

import array
import fcntl
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, "regress/lib")
sys.path.insert(0, "regress/scanner")
sys.path.insert(0, "regress/chaos")

from phases import Held                                         # noqa: E402
from scanlib import IMSG, SEALS, F_ADD_SEALS                    # noqa: E402
from mwtest import client, mail, tidy, wait               # noqa: E402
from mwtest.case import case, check, check_equal, check_in, run  # noqa: E402
from mwtest.gateway import Gateway, objdir                      # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Server                                # noqa: E402

EXTRA = """
inside { 192.168.0.0/16 }
listen on 127.0.0.1 port 2525 relay to 127.0.0.1 port 2526 name other
message size 2M
table leakers dynamic expire 1h
table seen dynamic expire 1h
table staff addresses { "boss@example.org" }
notices server 10.1.0.9 port 25 from "mailwall@example.org"
disclaimer firm "Example Ltd."
table secrets keywords { "机密文件" weight 3, "crown jewels" weight 2 }
address refuse percent
"""
RULES = """
on connect block "554 5.7.1 not you" source 192.168.0.13
on connect block "554 5.7.1 busy" source 192.168.0.12
    more than 100 sessions in 1h by source
on connect score 1 source 192.168.0.14
on helo block "550 5.7.1 bad name" helo "bad.example"
on mail block sender <leakers>
on mail block "550 5.7.1 who" sender "evil@client.example"
on mail block "550 5.7.1 at night" sender "@night.example" time 22:00-06:00
on mail tempfail "450 4.7.1 slow down" sender "@fast.example"
    more than 2 messages in 1h by sender
on mail score 2 sender "odd@client.example"
on rcpt block "550 5.7.1 not them" recipient "nobody@example.org"
on rcpt block recipient "boss@example.org" authenticated
on message block mark virus
on message block disconnect virus
on message quarantine add sender <leakers> content <secrets> score 3
on message score 4 content <secrets> in subject
on message block "554 5.7.1 macros and such" attachment type executable
on message block "554 5.7.1 hidden" attachment is double-extension
on message discard body <seen>
on message block "554 5.7.1 odd" anomaly hostile
on message pass tag "[big] " size over 100K recipients over 1
on message block "554 5.7.1 to them" recipient <staff>
on message block "554 5.7.1 points" scored 3
on message pass add body <seen> sender "seen@client.example"
on message pass strip attachment name "*.gone"
on message pass disclaimer firm copy "c@example.org" reply "Thanks"
    sender "firm@client.example"
"""


class Ctl:
    def __init__(self, gw):
        self.socket = os.path.join(gw.rundir, "control")

    def __call__(self, *args, data=None):
        argv = [os.path.join(objdir(), "mailwallctl"), "-s", self.socket]
        p = subprocess.run(argv + list(args), input=data, timeout=90,
                           capture_output=True)
        self.err = p.stderr.decode()
        return p.returncode, p.stdout

    def rows(self, *args, data=None, status=(0, 1)):
        got, out = self(*args, "--json", data=data)
        check(got in status, "exit status %d: %s" % (got, self.err))
        self.status = got
        return json.loads(out)


class Explained:
    """The answer, taken apart."""

    def __init__(self, ctl, data=None, source="192.168.0.10",
                 sender="a@client.example", rcpts=("b@example.org",),
                 helo="client.example", more=()):
        args = ["explain", "--source", source, "--helo", helo]
        args += ["--from", "<%s>" % sender]
        for r in rcpts:
            args += ["--to", r]
        args += list(more)
        if data is not None:
            args.append("-")
        self.rows = ctl.rows(*args, data=data)
        self.status = ctl.status
        self.last = self.rows[-1]
        self.decisions = [r for r in self.rows if "decision" in r]
        self.rules = [r for r in self.rows if "because" in r]

    def fact(self, name):
        return [r.get("text", r.get("value")) for r in self.rows
                if r.get("fact") == name]

    def all(self, name):
        return [r for r in self.rows if r.get("fact") == name]

    def why(self, line):
        return [r["because"] for r in self.rules if r["rule"] == line]


def line_of(gw, text):
    """Of the first rule that has the text."""
    with open(gw.conf) as f:
        for n, line in enumerate(f, 1):
            if text in line and line.startswith("on "):
                return n
    raise ValueError(text)


def hostile():
    """A comment in the name of a field, which some readers skip."""
    return mail.head("odd") + b"Content(x)-Type: text/html\r\n\r\nx\r\n"


def secret(subject="test"):
    return mail.plain("这是机密文件。\r\n".encode(), subject,
                      MIME_Version="1.0",
                      Content_Type="text/plain; charset=utf-8")


# What is sent and asked: name, message, and what is not as usual.
def messages():
    big = mail.plain(mail.filler(150000))
    two = ("b@example.org", "c@example.org")
    exe = b"MZ" + b"\0" * 58 + b"\x40\0\0\0PE\0\0" + b"\0" * 300
    return (
        ("a clean one", mail.plain(), {}),
        ("dots at the begin of lines", mail.plain(b".\r\n..\r\n.x\r\n"), {}),
        ("a virus", mail.eicar_plain(), {}),
        ("a virus in a zip in a message", mail.eicar_zip_forwarded(), {}),
        ("words that must not leave", secret(), {}),
        ("words in the subject", mail.plain(subject="crown jewels"), {}),
        ("a program", mail.attached(exe, "a.exe"), {}),
        ("a second extension", mail.attached(b"x", "a.pdf.exe"), {}),
        ("an anomaly", hostile(), {}),
        ("a big one to two", big, {"rcpts": two}),
        ("a big one to one", big, {}),
        ("points of two phases", mail.plain(),
         {"sender": "odd@client.example", "source": "192.168.0.14"}),
        ("a locked archive", mail.attached(mail.encrypted_zip(), "a.zip"),
         {}),
        ("somebody of the staff", mail.plain(),
         {"rcpts": ("boss@example.org",)}),
        ("a bare LF", mail.plain(b"a\nb\r\n"), {}),
        ("a NUL", mail.plain(b"a\0b\r\n"), {}),
        ("too big a one", mail.plain(mail.filler(3 << 20)), {}),
        ("a sender who may not", None, {"sender": "evil@client.example"}),
        ("a sender of a form", None, {"sender": "a%b@client.example"}),
        ("a recipient who may not", None,
         {"rcpts": ("nobody@example.org",)}),
        ("a name of a client", None, {"helo": "bad.example"}),
        ("a client who may not", None, {"source": "192.168.0.13"}),
        ("the staff and others", None,
         {"rcpts": ("b@example.org", "boss@example.org")}),
    )


def really(net, srv, gw, data, source="192.168.0.10",
           sender="a@client.example", rcpts=("b@example.org",),
           helo="client.example"):
    """By SMTP: the reply without its session, and the log's summary."""
    with client.Client(net.client, srv.addr, source=source) as c:
        r = c.banner
        if r.code == 220:
            r = c.ehlo(helo)
        if r.code == 250:
            r = c.cmd("MAIL FROM:<%s> SIZE=%d" % (sender, len(data or b"")))
        for to in rcpts if r.code == 250 else ():
            r = c.cmd("RCPT TO:<%s>" % to)
            if r.code != 250:
                break
        event = None
        if r.code == 250 and data is not None:
            mark = gw.log.mark()
            r = c.data(data)
            event = gw.log.wait_messages(1, mark)[0]
        text = re.sub(r" \[[0-9a-f]{16}\]$", "", r.text)
        return r.code, text, event


def state(gw, ctl):
    """All that a message leaves behind."""
    stats = {r["name"]: r["value"] for r in ctl.rows("stats")
             if not r["name"].endswith("_now") and r["name"] != "spool"}
    return (stats, ctl.rows("table", "show", "leakers"),
            ctl.rows("table", "show", "seen"), ctl.rows("log"),
            ctl.rows("quarantine", "list"),
            sorted(os.listdir(os.path.join(gw.statedir, "quarantine"))))


def t_nothing(gw, ctl):
    """No side effects: before any message was sent."""
    # Workers tell of themselves once a second.
    wait.until(lambda: {r["name"]: r["value"] for r in ctl.rows("stats")}
               ["spool_max"] > 0, "numbers")
    before = state(gw, ctl)
    mark = gw.log.mark()
    for name, data, how in messages():
        Explained(ctl, data, **how)
    for _ in range(4):
        e = Explained(ctl, sender="a@fast.example")
        check_equal(e.status, 0, "not counted")
    Explained(ctl, mail.plain(), sender="seen@client.example")
    # Numbers come once a second, records a moment later.
    time.sleep(1.5)
    check_equal(state(gw, ctl), before)
    check_equal(gw.log.messages(mark), [])
    gw.log.wait(r"operator uid=0 command=explain", mark)


def t_agrees(net, srv, gw, ctl):
    for name, data, how in messages():
        with case("as by SMTP: " + name):
            e = Explained(ctl, data, **how)
            # What the first did to tables must not judge the second.
            ctl("table", "flush", "leakers")
            code, text, event = really(net, srv, gw, data, **how)
            ctl("table", "flush", "leakers")
            last = e.last if data is not None else next(
                (d for d in e.decisions if d["decision"] != "pass"), e.last)
            passes = last["decision"] == "pass"
            if not passes:
                check_equal("%d %s" % (code, text), last["reply"])
            else:
                check_equal((code, last["reply"]), (250, ""))
            if event is None:
                check_equal(code == 250, e.status == 0)
                continue
            check_equal(e.fact("verdict"), [event["verdict"]])
            check_equal(last["rule"], int(event["rule"]))
            check_equal(last["decision"], event["action"])
            check_equal(last["disconnect"], event["disconnect"] == "1")
            # With a tag it is longer.
            if last["tag"] == "":
                check_equal(e.fact("size"), [int(event["size"])])
            check_equal(e.status, 0 if passes else 1)
            if event["verdict"] == "virus":
                check_equal(e.fact("virus"), [event["virus"]])


def t_facts(gw, ctl):
    with case("facts: the client and its commands"):
        e = Explained(ctl, sender="A@Client.example",
                      more=("--destination", "10.1.0.2", "--authenticated",
                            "--time", "2026-11-27 23:05"))
        check_equal([e.fact(n) for n in (
            "source", "destination", "listener", "direction", "helo",
            "authenticated", "sender", "recipient", "time")],
            [["192.168.0.10"], ["10.1.0.2"], ["lan"], ["outbound"],
             ["client.example"], ["yes"], ["A@Client.example"],
             ["b@example.org"], ["fri 23:05"]])
    with case("facts: another listener is one that was named"):
        e = Explained(ctl, more=("--listener", "other"))
        check_equal((e.fact("listener"), e.fact("destination")),
                    (["other"], ["127.0.0.1"]))
        check_equal(ctl("explain", "--source", "::1", "--listener", "none")
                    [0], 2)
        check_in("no listener", ctl.err)
    with case("facts: a time that was named"):
        line = line_of(gw, "at night")
        e = Explained(ctl, sender="a@night.example",
                      more=("--time", "2026-11-27 23:05"))
        check_equal((e.last["rule"], e.last["reply"]),
                    (line, "550 5.7.1 at night"))
        e = Explained(ctl, sender="a@night.example",
                      more=("--time", "2026-11-27 12:05"))
        check_equal((e.status, e.why(line)), (0, ["it is fri 12:05"]))
    with case("facts: files with their types and flags"):
        e = Explained(ctl, mail.attached(mail.zipped(b"x", "a.pdf.exe"),
                                         "b.zip"))
        got = {f["text"]: f for f in e.all("file")}
        check_equal(got["b.zip"]["class"], "archive")
        check_in("double-extension", got["b.zip/a.pdf.exe"]["flags"])
        check_equal(got["b.zip/a.pdf.exe"]["depth"], 1)
    with case("facts: what was found in the text"):
        e = Explained(ctl, secret())
        c = e.all("content")[0]
        check_equal((c["table"], c["score"], c["entry"]),
                    ("secrets", 3, "机密文件"))
        check_in("这是机密文件", c["text"])
        check_equal((e.last["quarantine"], e.last["add"]),
                    (True, "sender to <leakers>"))
    with case("facts: anomalies and how bad they are"):
        got = {a["severity"] for a in Explained(ctl, hostile())
               .all("anomaly")}
        check_in("hostile", got)
    with case("facts: body, subject, identity, parts"):
        e = Explained(ctl, mail.plain(b"body\r\n", "=?utf-8?Q?=C3=A4?="))
        check_equal(e.fact("subject"), ["ä"])
        check_equal(e.fact("body"), [mail.sha(b"body\r\n")])
        check_equal(e.fact("parts"), [1])
    with case("facts: points, of rules that do not decide"):
        e = Explained(ctl, mail.plain(), source="192.168.0.14",
                      sender="odd@client.example")
        scored = [(r["rule"], r["points"]) for r in e.rules
                  if r["action"] == "score" and r["matches"]]
        check_equal(scored, [(line_of(gw, "on connect score 1"), 1),
                             (line_of(gw, "on mail score 2"), 2)])
        check_equal(e.last["points"], 3)
        line = line_of(gw, "scored 3")
        check_equal(Explained(ctl, mail.plain()).why(line),
                    ["0 points are less than 3"])
    with case("facts: one that is only tried matches and decides nothing"):
        e = Explained(ctl, mail.eicar_plain())
        got = [r for r in e.rules if r["tried"]]
        check_equal([r["matches"] for r in got], [True])
        check_equal(e.last["rule"], got[0]["rule"] + 1)
    with case("rules: each that was looked at, and none behind the last"):
        e = Explained(ctl, mail.eicar_plain())
        with open(gw.conf) as f:
            lines = [n for n, t in enumerate(f, 1) if t.startswith("on ")]
        check_equal([r["rule"] for r in e.rules],
                    [n for n in lines if n <= e.last["rule"]])
        check(all(r["matches"] or r["because"] for r in e.rules), e.rules)
    with case("what is done with what is passed"):
        e = Explained(ctl, mail.plain(), sender="firm@client.example")
        check_equal((e.status, e.last["strip"], e.last["disclaimer"],
                     e.last["mail"]), (0, False, "firm",
                                       "copy c@example.org, reply"))
        check_in("helo required", e.fact("not asked")[0])
        # Of what is left nothing is known yet.
        e = Explained(ctl, mail.attached(b"x", "a.gone"))
        check_equal((e.status, e.last["decision"], e.last["strip"]),
                    (1, "pass", True))
    with case("a recipient who is judged apart"):
        e = Explained(ctl, mail.plain(),
                      rcpts=("b@example.org", "boss@example.org"))
        got = {d["recipient"]: d for d in e.decisions if "recipient" in d}
        check_in("452 4.5.3", got["boss@example.org"]["reply"])
        check_equal((e.status, e.last["decision"]), (1, "pass"))


def t_history(net, srv, gw, ctl):
    line = line_of(gw, "slow down")
    with case("counts over time: with those that there were"):
        for n in (1, 2):
            e = Explained(ctl, sender="a@fast.example")
            check_equal((e.status, e.all("count")[-1]["value"]), (0, n))
            check_in("%d messages in 3600s by sender" % n, e.why(line)[0])
            # That counts; any worker may be asked next.
            check_equal(really(net, srv, gw, None,
                               sender="a@fast.example")[0], 250)
            wait.until(lambda: Explained(ctl, sender="a@fast.example").all(
                "count")[-1]["value"] == n + 1, "workers to know")
        e = Explained(ctl, sender="a@fast.example")
        check_equal((e.status, e.last["rule"]), (1, line))
        check_equal(really(net, srv, gw, None, sender="a@fast.example")[0],
                    450)
    with case("dynamic tables: as they are"):
        line = line_of(gw, "sender <leakers>")
        check_equal(Explained(ctl).why(line),
                    ['sender "a@client.example" is not in <leakers>'])
        check_equal(ctl("table", "add", "leakers", "a@client.example")[0], 0)
        wait.until(lambda: Explained(ctl).last["rule"] == line,
                   "proxies to know")
        ctl("table", "flush", "leakers")
        wait.until(lambda: Explained(ctl).last["rule"] == 0,
                   "proxies to know")


def t_people(gw, ctl):
    path = os.path.join(tidy.directory("eml"), "a.eml")
    with open(path, "wb") as f:
        f.write(mail.eicar_plain().replace(b"\r\n", b"\n"))
    with case("people: a file with the line ends of this system"):
        status, out = ctl("explain", "--source=192.168.0.10",
                          "--from=<>", "--to=b@example.org", path)
        check_equal(status, 1)
        text = out.decode()
        line = line_of(gw, "on message block disconnect virus")
        check_in("message\n", text)
        check_in("line %d" % (line - 1), text)
        check_in("mark block: matches", text)
        check_in("=> block, disconnect by line %d" % line, text)
        check_in("reply: 554 5.7.1 Message refused: virus", text)
    with case("people: a last line without its end"):
        e = Explained(ctl, b"Subject: x\r\n\r\nx")
        check_equal(e.fact("size"), [17])
    with case("people: nothing of a message steers the terminal"):
        status, out = ctl("explain", "--source", "192.168.0.10", "-",
                          data=mail.plain(subject="a\x1b[2Jb"))
        check_equal(status, 0)
        check(b"\x1b" not in out, out)
    with case("people: what is not said is not known"):
        status, out = ctl("explain", "--source", "2001:db8:1::10", "-",
                          data=mail.plain())
        check_equal(status, 0)
        check_in("no recipient is known", out.decode())
    with case("people: what cannot be asked"):
        for args in (["explain"], ["explain", "--source", "x"],
                     ["explain", "--source", "::1", "--time", "x"],
                     ["explain", "--source", "::1", "--to"],
                     ["explain", "--source", "::1", path, path],
                     ["explain", "--source", "::1", path + "x"],
                     ["explain", "--source", "::1"] +
                     ["--to", "x" * 300] * 40):
            check_equal(ctl(*args)[0], 2)


def question(flags, size):
    """A frame, as mailwallctl makes them or not."""
    with open("common/limits.h") as f:
        text = f.read()

    def limit(name):
        return int(re.search(r"define %s\s+(\d+)" % name, text).group(1))
    data = struct.pack("=BBH16s", 4, 0, 0, socket.inet_aton("192.168.0.10"))
    data += bytes(20) + struct.pack("=QQIIII", 0, size, flags, 0, 0, 0)
    data += bytes(limit("CONF_NAME_MAX") + limit("SMTP_HELO_MAX") +
                  limit("SMTP_ADDR_MAX") + 8 + limit("EXPLAIN_RCPT_MAX"))
    return struct.pack("=IIQ", IMSG["IMSG_CTL_EXPLAIN"], len(data), 1) + data


def send(s, frame, fd):
    s.sendmsg([frame], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                         array.array("i", [fd]))] if fd is not None else [])


def end_of(s):
    """The error of the end; None when there is none."""
    while True:
        got = s.recv(65536)
        if not got:
            return None
        if struct.unpack("=I", got[:4])[0] == IMSG["IMSG_CTL_END"]:
            return struct.unpack("=I", got[16:20])[0]


def ask(ctl, fd, size, flags=8):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.settimeout(60)
        s.connect(ctl.socket)
        send(s, question(flags, size), fd)
        return end_of(s)


def t_hostile(gw, ctl):
    def memfd(seals, data=b"Subject: x\r\n\r\nx\r\n", size=None):
        fd = os.memfd_create("m", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
        os.write(fd, data)
        if size is not None:
            os.ftruncate(fd, size)
        if seals:
            fcntl.fcntl(fd, F_ADD_SEALS, seals)
        return fd
    pids = gw.children("proxy"), gw.children("store")
    n = len(b"Subject: x\r\n\r\nx\r\n")
    with case("hostile: what is not sealed, or no memfd, is not taken"):
        check_equal(ask(ctl, memfd(SEALS), n), 0)
        for seals in (0, SEALS & ~2, SEALS & ~4, SEALS & ~8):
            check_equal(ask(ctl, memfd(seals), n), 22)
        r, w = os.pipe()
        for fd in (r, w, os.open("/etc/passwd", os.O_RDONLY),
                   os.open("/dev/zero", os.O_RDONLY)):
            check_equal(ask(ctl, fd, n), 22)
        check_equal(ask(ctl, memfd(SEALS), n + 1), 22)
        check_equal(ask(ctl, memfd(SEALS), n, flags=0), 22)
        check_equal(ask(ctl, None, n), 22)
        check_equal(ask(ctl, memfd(SEALS), n, flags=16), 22)
    with case("hostile: a hole of a gigabyte is not read"):
        check_equal(ask(ctl, memfd(SEALS, size=1 << 30), 1 << 30), 0)
        check_equal(ask(ctl, memfd(SEALS, size=(1 << 30) + 1),
                        (1 << 30) + 1), 22)
    with case("hostile: each worker has one at a time"):
        held = [Held(pid) for pid in gw.children("parser")]
        frame = question(8, n)
        socks = []
        errors = []
        for _ in range(4):
            s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            s.settimeout(60)
            s.connect(ctl.socket)
            send(s, frame, memfd(SEALS))
            socks.append(s)
        for s in socks[2:]:
            errors.append(end_of(s))
        check_equal(errors, [16, 16])
        # The other two go away; their messages are still in hand.
        socks[0].close()
        socks[1].close()
        check_equal(ask(ctl, None, 0, flags=0), 16)
        for h in held:
            h.release()
        wait.until(lambda: ask(ctl, None, 0, flags=0) == 0,
                   "a worker to be free")
    with case("hostile: everybody is as before"):
        check_equal((gw.children("proxy"), gw.children("store")), pids)


def t_crash(gw, ctl):
    """Parsers that hang or die: said so, and then replaced."""
    with case("a parser that does not answer is a verdict"):
        held = [Held(pid) for pid in gw.children("parser")]
        mark = gw.log.mark()
        e = Explained(ctl, mail.plain())
        check_equal((e.fact("verdict"), e.fact("reason")),
                    (["scanner-failed"], ["parser: time-out"]))
        check_equal((e.status, e.last["decision"], e.last["reply"][:3]),
                    (1, "tempfail", "451"))
        gw.log.wait(r"inspection failed: parser: time-out", mark)
        for h in held:
            h.release()
        wait.until(lambda: Explained(ctl, mail.plain()).status == 0,
                   "parsers to be replaced")
    with case("a worker that dies while it explains"):
        held = [Held(pid) for pid in gw.children("parser")]
        argv = [os.path.join(objdir(), "mailwallctl"), "-s", ctl.socket,
                "explain", "--source", "::1", "-"]
        with subprocess.Popen(argv, stdin=subprocess.PIPE,
                              stderr=subprocess.PIPE,
                              stdout=subprocess.PIPE) as p:
            mark = gw.log.mark()
            p.stdin.write(mail.plain())
            p.stdin.close()
            gw.log.wait("explained to an operator", mark)
            for pid in gw.children("proxy"):
                os.kill(pid, signal.SIGKILL)
            check_in(b"has ended", p.stderr.read())
            check_equal(p.wait(), 2)
        for h in held:
            h.release()
        wait.until(lambda: ctl("explain", "--source", "::1")[0] == 0,
                   "another worker")


def main():
    with Net() as net, Server(net.server, net.A) as srv:
        rules = RULES.replace("\n    ", " ")
        with Gateway(net, "tproxy", rules=rules,
                     extra=EXTRA + "timeout parse 3s\nworkers 2\n",
                     listen="name lan") as gw:
            ctl = Ctl(gw)
            with case("nothing follows from a question"):
                t_nothing(gw, ctl)
            t_agrees(net, srv, gw, ctl)
            t_facts(gw, ctl)
            t_history(net, srv, gw, ctl)
            t_people(gw, ctl)
            t_hostile(gw, ctl)
            t_crash(gw, ctl)
        rules = "on message block \"554 5.7.1 none\" subject \"no*\"\n"
        with Gateway(net, "tproxy", rules=rules, antivirus="none") as gw:
            ctl = Ctl(gw)
            with case("without a scanner for viruses"):
                check_equal(Explained(ctl, mail.eicar_plain()).status, 0)
                e = Explained(ctl, mail.plain(subject="not so"))
                check_equal((e.status, e.last["rule"]),
                            (1, line_of(gw, "on message")))


run(main)

#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Metrics over HTTP: what is in them, and who can disturb whom."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

sys.path.insert(0, "regress/lib")

from mwtest import client, mail, prometheus, wait               # noqa: E402
from mwtest.case import case, check, check_equal, check_in, run  # noqa: E402
from mwtest.gateway import Gateway, objdir                      # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Server                                # noqa: E402

PORT = 9725
EXTRA = """
table leakers dynamic size 7 expire 1h
metrics listen "%s"
metrics listen on 127.0.0.1 port %d
"""
RULES = 'on message quarantine sender "keep@client.example"\n'
GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


class Web:
    """Where metrics are: a path, or the namespace's loopback."""

    def __init__(self, gw, path=None):
        self.gw, self.path = gw, path

    def connect(self):
        if self.path:
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(30)
            s.connect(self.path)
        else:
            s = self.gw.ns.socket()
            s.settimeout(30)
            s.connect(("127.0.0.1", PORT))
        return s

    def ask(self, data=GET):
        """All that comes back: (status, fields, body)."""
        with self.connect() as s:
            s.sendall(data)
            return answer(s)


def answer(s):
    got = b""
    while True:
        try:
            more = s.recv(65536)
        except ConnectionResetError:
            more = b""
        if not more:
            break
        got += more
    if not got:
        return None, {}, b""
    head, body = got.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    fields = dict(t.lower().split(": ", 1) for t in lines[1:])
    return int(lines[0].split()[1]), fields, body


def value(web, name, **labels):
    samples = prometheus.parse(web.ask()[2].decode())[1]
    return samples.get((name, tuple(labels.items())))


def t_answers(gw, webs):
    for web in webs:
        kind = "path" if web.path else "address"
        with case("%s: the text, by what it is" % kind):
            status, fields, body = web.ask()
            check_equal(status, 200)
            check_equal(fields["content-type"],
                        "text/plain; version=0.0.4; charset=utf-8")
            check_equal(int(fields["content-length"]), len(body))
            prometheus.parse(body.decode())
        with case("%s: other requests" % kind):
            for data, want in (
                    (b"GET /metrics HTTP/1.0\n\n", 200),
                    (b"GET /metrics?x=y HTTP/1.1\r\n\r\n", 200),
                    (b"GET / HTTP/1.1\r\n\r\n", 404),
                    (b"GET /metricsx HTTP/1.1\r\n\r\n", 404),
                    (b"GET /../metrics HTTP/1.1\r\n\r\n", 404),
                    (b"POST /metrics HTTP/1.1\r\n\r\n", 405),
                    (b"get /metrics HTTP/1.1\r\n\r\n", 405),
                    (b"GET /metrics HTTP/2.0\r\n\r\n", 400),
                    (b"GET /metrics\r\n\r\n", 400),
                    (b"GET /met\0rics HTTP/1.1\r\n\r\n", 400),
                    (b"\r\n\r\n", 400),
                    (b"\x16\x03\x01\n\n", 400)):
                check_equal(web.ask(data)[0], want, repr(data))
        with case("%s: HEAD has no body" % kind):
            status, fields, body = web.ask(GET.replace(b"GET", b"HEAD"))
            check_equal((status, body), (200, b""))
            check(int(fields["content-length"]) > 1000, fields)
        with case("%s: a request byte by byte" % kind):
            with web.connect() as s:
                for i in range(len(GET)):
                    s.sendall(GET[i:i + 1])
                check_equal(answer(s)[0], 200)


def t_numbers(net, srv, gw, web):
    for name in ("plain", "keep", "other"):
        with client.Client(net.client, srv.addr) as c:
            c.ehlo()
            check_equal(c.message(mail.plain(b"x\r\n"),
                                  sender=name + "@client.example").code,
                        250)
    count = "mailwall_phase_duration_seconds_count"
    with case("numbers: messages are counted in each phase"):
        wait.until(lambda: value(web, "mailwall_messages_total") == 3,
                   "three messages")
        check_equal(value(web, count, phase="receive"), 3)
        check_equal(value(web, count, phase="parse"), 3)
        check_equal(value(web, count, phase="deliver"), 2)
        check_equal(value(web, "mailwall_actions_total", action="pass"), 2)
        check_equal(value(web, "mailwall_quarantine_messages"), 1)
        check(value(web, "mailwall_database_bytes") > 0, "database")
        check(0 < value(web, "mailwall_disk_free_bytes") <=
              value(web, "mailwall_disk_bytes"), "disk")
        check_equal(value(web, "mailwall_audit_lost_total"), 0)
        check_equal(value(web, "mailwall_table_members", table="leakers"),
                    0)
        check_equal(value(web, "mailwall_table_limit_members",
                          table="leakers"), 7)
    with case("numbers: processes, and those that have died"):
        name = "mailwall_process_deaths_total"
        check_equal(value(web, name, kind="parser"), 0)
        ready = value(web, "mailwall_processes", kind="parser")
        os.kill(next(iter(gw.children("parser"))), signal.SIGKILL)
        wait.until(lambda: value(web, name, kind="parser") == 1 and
                   value(web, "mailwall_processes", kind="parser") == ready,
                   "a death to be counted, and its successor")
    with case("numbers: mailwallctl has the same text"):
        p = subprocess.run([os.path.join(objdir(), "mailwallctl"), "-s",
                            os.path.join(gw.rundir, "control"), "metrics"],
                           capture_output=True, timeout=60)
        check_equal(p.returncode, 0)
        ours = prometheus.parse(web.ask()[2].decode())
        theirs = prometheus.parse(p.stdout.decode())
        check_equal(set(theirs[1]), set(ours[1]))
    if shutil.which("promtool"):
        with case("numbers: promtool has no objection"):
            p = subprocess.run(["promtool", "check", "rules",
                                "etc/mailwall-alerts.yml"],
                               capture_output=True, timeout=60)
            check_equal(p.returncode, 0, p.stdout)
            p = subprocess.run(["promtool", "check", "metrics"],
                               input=web.ask()[2], capture_output=True,
                               timeout=60)
            check_equal((p.returncode, p.stdout + p.stderr), (0, b""))


def attempt(web):
    try:
        return web.connect()
    except BlockingIOError:
        return None


def t_hostile(gw, web, other):
    with case("hostile: a header without an end"):
        check_equal(web.ask(b"GET /metrics HTTP/1.1\r\n" +
                            b"A: b\r\n" * 3000)[0] in (400, None), True)
    with case("hostile: one that says nothing is left"):
        with web.connect() as s:
            check_equal(s.recv(10), b"", "its end")
        with web.connect() as s:
            s.sendall(GET[:-2])
            check_equal(s.recv(10), b"", "its end")
    with case("hostile: silent ones keep nobody out"):
        idle = []
        for _ in range(40):
            # A path's backlog may be full for a moment.
            idle.append(wait.until(lambda: attempt(web), "a connection"))
        check_equal(other.ask()[0], 200)
        check_equal(web.ask()[0], 200)
        check_equal(idle[0].recv(10), b"", "its end")
        for s in idle:
            s.close()
    with case("hostile: one that takes nothing, and those that leave"):
        for _ in range(50):
            with wait.until(lambda: attempt(web), "a connection") as s:
                s.sendall(GET)
        check_equal(web.ask()[0], 200)
    with case("hostile: the store is the one it was"):
        check_equal(value(web, "mailwall_process_deaths_total",
                          kind="store"), 0)


def t_life(net, gw, webs):
    path, address = webs
    with case("life: a reload keeps, moves and takes away sockets"):
        moved = path.path + "2"
        gw.write(gw.text().replace(path.path, moved))
        gw.reload()
        wait.until(lambda: Web(gw, moved).ask()[0] == 200, "the new path")
        check(not os.path.exists(path.path), "the old path is left")
        check_equal(address.ask()[0], 200)
        gw.write("\n".join(t for t in gw.text().split("\n")
                           if not t.startswith("metrics")))
        gw.reload()

        def refused():
            try:
                address.ask()
            except OSError:
                return True
            return False
        wait.until(refused, "the address to be free")
        check(not os.path.exists(moved), "the path is left")
        gw.write()
        gw.reload()
        wait.until(lambda: os.path.exists(path.path) and
                   path.ask()[0] == 200, "the path again")
    with case("life: the store's successor has the sockets"):
        os.kill(next(iter(gw.children("store"))), signal.SIGKILL)
        wait.until(lambda: value(path, "mailwall_process_deaths_total",
                                 kind="store") == 1, "the next store")
    with case("life: what is no socket is not removed"):
        name = os.path.join(gw.dir, "file")
        with open(name, "w") as f:
            f.write("x")
        gw.write(gw.text().replace(path.path, name))
        m = gw.reload()
        check_in("failed", m.group(0))
        check(os.path.exists(name), "it is gone")
        check_equal(path.ask()[0], 200)
        gw.write()
        check_equal(os.stat(path.path).st_mode & 0o777, 0o600)


def t_examples(web):
    families = prometheus.parse(web.ask()[2].decode())[0]
    for name in ("etc/mailwall-alerts.yml", "etc/mailwall-dashboard.json"):
        with case("%s: each metric exists" % os.path.basename(name)):
            with open(name) as f:
                text = f.read()
            if name.endswith("json"):
                dashboard(json.loads(text))
            used = set(re.findall(r"\bmailwall_[a-z_]+", text))
            check(len(used) > 5, used)
            used = {re.sub("_(bucket|sum|count)$", "", u) for u in used}
            check_equal(used - set(families), set())


def dashboard(board):
    """Every panel has a unit; nothing is fetched from elsewhere."""
    check("http" not in json.dumps(board), "a reference")
    check(len(board["panels"]) > 5, "panels")
    ids = [p["id"] for p in board["panels"]]
    check_equal(len(set(ids)), len(ids))
    for p in board["panels"]:
        if p["type"] == "row":
            continue
        check(p["fieldConfig"]["defaults"]["unit"], p["title"])
        check(p["targets"] and all(t["expr"] for t in p["targets"]),
              p["title"])


def main():
    with Net() as net, Server(net.server, net.A) as srv:
        gw = Gateway(net, "tproxy", rules=RULES,
                     start=False)
        gw.extra = EXTRA % (os.path.join(gw.dir, "metrics"), PORT)
        gw.write()
        with gw:
            gw.start()
            path, address = Web(gw, os.path.join(gw.dir, "metrics")), Web(gw)
            t_answers(gw, (path, address))
            t_numbers(net, srv, gw, path)
            t_examples(path)
            t_hostile(gw, path, address)
            t_hostile(gw, address, path)
            t_life(net, gw, (path, address))


run(main)

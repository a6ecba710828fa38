#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Who the client is: told to us by balancers, told by us to servers.

Headers of the PROXY protocol count from configured addresses only; servers
that are configured for it hear of the client by such a header or by XCLIENT,
or get nothing at all.  Real haproxy in front, real Postfix behind.
"""

import re
import ssl
import struct
import subprocess
import sys

sys.path.insert(0, "regress/lib")

from mwtest import client, mail, wait                           # noqa: E402
from mwtest.case import case, check, check_equal, check_in, run  # noqa: E402
from mwtest.client import Client                                # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.mta import Postfix                                  # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.proc import Program                                 # noqa: E402
from mwtest.root import Root                                    # noqa: E402
from mwtest.server import Close, Reply, Server                  # noqa: E402

SIG = b"\r\n\r\n\0\r\nQUIT\n"
V1 = b"PROXY TCP4 203.0.113.9 192.168.0.1 4711 25\r\n"
V1_6 = b"PROXY TCP6 2001:db8:77::9 2001:db8:1::1 4711 25\r\n"
V2 = SIG + b"\x21\x11" + struct.pack(">H", 12 + 4) + bytes(
    [203, 0, 113, 9, 192, 168, 0, 1]) + struct.pack(">HH", 4711, 25) + \
    b"\x04\x00\x01x"
LOCAL = SIG + b"\x20\x00\x00\x00"
BALANCER, OTHER = Net.CLIENTS[0], Net.CLIENTS[1]


def talk(net, source, header, pieces=False, port=25):
    """A session behind a header; the client, greeted."""
    c = Client(net.client, net.GATEWAY, port, source=source, banner=False)
    for i in range(0, len(header), 1 if pieces else len(header)):
        c.send(header[i:i + (1 if pieces else len(header))])
    c.banner = c.reply()
    return c


def believed(net, srv, gw):
    n = 0
    for name, header, shown in (
            ("v1", V1, "203.0.113.9:4711"),
            ("v1, IPv6", V1_6, "[2001:db8:77::9]:4711"),
            ("v2 with more behind the addresses", V2, "203.0.113.9:4711"),
            ("v1 unknown", b"PROXY UNKNOWN\r\n", BALANCER),
            ("v2 local", LOCAL, BALANCER)):
        for pieces in (False, True):
            with case("believed: %s%s" % (name, ", byte by byte" * pieces)):
                msg = mail.plain()
                with talk(net, BALANCER, header, pieces) as c:
                    check_equal(c.banner.code, 220, "banner")
                    c.ehlo()
                    check_equal(c.message(msg).code, 250)
                    c.quit()
                n += 1
                e = gw.message(n)
                check_in(shown, e["client"], "client in the log")
                check(srv.wait_messages(n)[n - 1].data == msg,
                      "the message is another one")
    with case("believed: the rules judge whom the header names"):
        with talk(net, BALANCER, V1.replace(b".9 ", b".66 ")) as c:
            check_equal(c.banner.code, 554, "banner")
    with case("believed: the end of the session names both"):
        m = gw.log.wait(r"end client=203\.0\.113\.9:4711 .* peer=%s:" %
                        re.escape(BALANCER))
        check_in("messages=1", m.string, "line")


def broken(net, srv, gw):
    """From a balancer only a header opens the door; no word to others."""
    for name, data in (
            ("none", b"EHLO client.example\r\n"),
            ("bare LF", V1.replace(b"\r\n", b"\n")),
            ("leading zero", V1.replace(b"4711", b"04711")),
            ("two blanks", V1.replace(b"TCP4 ", b"TCP4  ")),
            ("wrong family", V1.replace(b"TCP4", b"TCP6")),
            ("over-long", b"PROXY UNKNOWN " + 120 * b"x" + b"\r\n"),
            ("version 3", SIG + b"\x31\x11\x00\x0c" + 12 * b"\0"),
            ("command 2", SIG + b"\x22\x11\x00\x0c" + 12 * b"\0"),
            ("datagram", SIG + b"\x21\x12\x00\x0c" + 12 * b"\0"),
            ("too short for its family", SIG + b"\x21\x21\x00\x0c" +
             12 * b"\0"),
            ("huge", SIG + b"\x21\x11\xff\xff")):
        with case("broken header: " + name):
            mark, n = gw.log.mark(), len(srv.sessions)
            with Client(net.client, net.GATEWAY, source=BALANCER,
                        banner=False) as c:
                c.send(data)
                check(c.at_end(), "an answer: %r" % bytes(c.received))
            gw.log.wait("bad PROXY header", mark)
            check_equal(len(srv.sessions), n, "sessions at the server")
    with case("a header that stops half way"):
        mark = gw.log.mark()
        with Client(net.client, net.GATEWAY, source=BALANCER,
                    banner=False) as c:
            c.send(V1[:20])
            c.half_close()
            check(c.at_end(), "an answer")
        gw.log.wait("end client=%s" % BALANCER, mark)
    with case("a header that never comes"):
        mark = gw.log.mark()
        with Client(net.client, net.GATEWAY, source=BALANCER,
                    banner=False) as c:
            check(c.at_end(), "an answer")
        gw.log.wait("no PROXY header in time", mark)
    with case("commands right behind the header are early talk"):
        with Client(net.client, net.GATEWAY, source=BALANCER,
                    banner=False) as c:
            c.send(V1 + b"EHLO client.example\r\n")
            check_equal(c.reply().code, 554, "reply")


def talks_early(net, gw, port, source, header):
    """Send a header that is none here: the source stays who it is.

    A server that is quick to greet has the client's bytes read as commands.
    """
    mark = gw.log.mark()
    with Client(net.client, net.GATEWAY, port, source=source,
                banner=False) as c:
        c.send(header)
        code = c.reply().code
        check(code in (220, 554), "reply is %d" % code)
    gw.log.wait("end client=%s:" % re.escape(source), mark)


def not_believed(net, srv, gw):
    """From anybody else it is a client that talks too early."""
    for name, header in (("v1", V1), ("v2", V2)):
        with case("not believed: %s from another address" % name):
            talks_early(net, gw, 25, OTHER, header)
    with case("not believed: a listener without balancers"):
        talks_early(net, gw, 2525, BALANCER, V1)
    with case("not believed: an ordinary client needs no header"):
        r = client.send(net.client, net.GATEWAY, mail.plain(), OTHER)
        check_equal(r.code, 250, "reply")


def balancers(net, srv):
    lines = """
listen on %s port 25 relay to %s proxy protocol from { %s, 2001:db8:1::10 }
listen on %s port 2525 relay to %s
on connect block "554 5.7.1 not you" from 203.0.113.66
early refuse
""" % (net.GATEWAY, net.A, BALANCER, net.GATEWAY, net.A)
    with Gateway(net, None, extra=lines) as gw:
        before = gw.snapshot()
        believed(net, srv, gw)
        broken(net, srv, gw)
        not_believed(net, srv, gw)
        with case("balancers: nothing is left open"):
            gw.leaks(before)


class Told:
    """What a server reads in front of a session, by version."""

    def __init__(self, version):
        self.version = version
        self.heads = []

    def __call__(self, session, line):
        if self.version == 1:
            self.heads.append(session.readline())
            return None
        while len(session._buf) < 16 or \
                len(session._buf) < 16 + session._buf[15]:
            session.read()
        n = 16 + session._buf[15]
        self.heads.append(bytes(session._buf[:n]))
        del session._buf[:n]
        return None


def sent(net, srv, srv6):
    """Headers for servers, over the three kinds of listeners."""
    for version in (1, 2):
        told = Told(version)
        conf = "server { %s, %s } identity proxy v%d" % (net.A, net.A6,
                                                        version)
        relay = "listen on %s port 2525 relay to %s\n" % (net.GATEWAY, net.A)
        for mode in ("redirect", "tproxy", "relay"):
            addr, port = (net.GATEWAY, 2525) if mode == "relay" else \
                (net.A, 25)
            srv.script["connect"] = srv6.script["connect"] = told
            with Gateway(net, None if mode == "relay" else mode,
                         extra=relay + conf) as gw:
                with case("sent: v%d, %s" % (version, mode)):
                    with Client(net.client, addr, port,
                                source=net.CLIENTS[2]) as c:
                        own = c.sock.getsockname()[1]
                        c.ehlo()
                        check_equal(c.message(mail.plain()).code, 250)
                    check_equal(told.heads[-1], header(
                        version, net.CLIENTS[2], addr, own, port), "header")
                    check_equal(gw.message(1)["action"], "pass")
                if mode == "relay":
                    continue
                with case("sent: v%d, %s, IPv6" % (version, mode)):
                    with Client(net.client, net.A6) as c:
                        check_equal(c.ehlo().code, 250)
                    check_in(b"TCP6 2001:db8:1::" if version == 1 else
                             SIG + b"\x21\x21\x00\x24\x20\x01\x0d\xb8",
                             told.heads[-1], "header")
                with case("sent: v%d, %s, nothing to other servers" %
                          (version, mode)), Server(net.server, net.B) as b:
                    with Client(net.client, net.B) as c:
                        check_equal(c.ehlo().code, 250)
                    b.wait_sessions(1)
                    check(b.sessions[0].received.startswith(b"EHLO"),
                          "it got %r" % bytes(b.sessions[0].received))
    srv.script.clear()
    srv6.script.clear()


def header(version, src, dst, sport, dport):
    if version == 1:
        return ("PROXY TCP4 %s %s %d %d" % (src, dst, sport, dport)).encode()
    octets = bytes(int(x) for a in (src, dst) for x in a.split("."))
    return SIG + b"\x21\x11\x00\x0c" + octets + struct.pack(">HH", sport,
                                                            dport)


def xclient_server(offer="XCLIENT NAME ADDR PORT DESTADDR DESTPORT",
                   answer="220 server.example ESMTP again"):
    """Script for a server that takes XCLIENT, or does not."""
    ehlo = Reply(["250 server.example", "PIPELINING"] +
                 [offer] * bool(offer) + ["8BITMIME"])

    def other(session, line):
        if str(line).upper().startswith("XCLIENT"):
            return answer
        return None
    return {"ehlo": ehlo, "other": other}


def xclient(net, srv):
    conf = "server %s identity xclient" % net.A
    with Gateway(net, "redirect", extra=conf) as gw:
        srv.script.update(xclient_server())
        with case("xclient: told before the client's first command"):
            n = len(srv.sessions)
            with Client(net.client, net.A, source=net.CLIENTS[3]) as c:
                port = c.sock.getsockname()[1]
                check_equal(c.banner.text, "server.example ESMTP again")
                r = c.ehlo()
                check_equal(r.lines, ["server.example", "PIPELINING",
                                      "8BITMIME"], "reply to EHLO")
                check_equal(c.message(mail.plain()).code, 250, "message")
                check_equal(c.cmd("XCLIENT ADDR=10.9.9.9").code, 502)
                c.quit()
            got = srv.wait_sessions(n + 1)[n].commands
            check(re.match(r"EHLO \[10\.1\.0\.1\]$", got[0]), got[0])
            check_equal(got[1], "XCLIENT DESTADDR=%s DESTPORT=25 PORT=%d "
                        "NAME=[UNAVAILABLE] ADDR=%s" % (net.A, port,
                                                        net.CLIENTS[3]))
            check(got[2].startswith("EHLO client"), got[2])
            check(not any("10.9.9.9" in x for x in got), "passed on")
        with case("xclient: only what was announced"):
            srv.script.update(xclient_server("xclient addr"))
            n = len(srv.sessions)
            with Client(net.client, net.A, source=net.CLIENTS[3]) as c:
                c.ehlo()
            check_equal(srv.wait_sessions(n + 1)[n].commands[1],
                        "XCLIENT ADDR=" + net.CLIENTS[3])
        with case("xclient: 250 instead of a greeting"):
            srv.script.update(xclient_server(answer="250 2.0.0 ok"))
            with Client(net.client, net.A) as c:
                check_equal(c.banner.raw, b"220 server.example ESMTP "
                            b"ready\r\n", "banner")
                c.ehlo()
                check_equal(c.message(mail.plain()).code, 250, "message")
        for name, args, why in (
                ("not offered", {"offer": ""}, "offers no XCLIENT"),
                ("without an address", {"offer": "XCLIENT NAME PORT"},
                 "offers no XCLIENT"),
                ("not authorised", {"answer": "550 5.7.0 not you"},
                 "refuses XCLIENT"),
                ("not understood", {"answer": "501 5.5.4 what"},
                 "refuses XCLIENT")):
            with case("xclient: no mail when it is " + name):
                srv.script.update(xclient_server(**args))
                mark, n = gw.log.mark(), len(srv.sessions)
                with Client(net.client, net.A) as c:
                    check_equal(c.banner.code, 421, "banner")
                    check(c.at_end(), "it goes on")
                gw.log.wait("identity refused: .*" + why, mark)
                got = srv.wait_sessions(n + 1)[n].commands
                check(not any(x.startswith("MAIL") for x in got), got)
        with case("xclient: the server wants none of this client"):
            srv.script.update(xclient_server(answer="554 5.7.1 bad client"))
            with Client(net.client, net.A) as c:
                check_equal(c.banner.text, "5.7.1 bad client", "banner")
        with case("xclient: the server goes in between"):
            srv.script.update(xclient_server(answer=Close))
            with Client(net.client, net.A) as c:
                check_equal(c.banner.code, 421, "banner")
        with case("xclient: an early talker waits for it"):
            srv.script.update(xclient_server())
            with Client(net.client, net.A, banner=False) as c:
                c.send(b"EHLO a\r\nQUIT\r\n")
                check_equal(c.reply().code, 220)
                check_equal(c.reply().code, 250)
                check_equal(c.reply().code, 221)
        srv.script.clear()


class PostfixXclient(Postfix):
    """Believes the gateway by XCLIENT on port 25, by header on 2526."""

    MAIN = Postfix.MAIN + "smtpd_authorized_xclient_hosts = 10.1.0.1\n"
    MASTER = Postfix.MASTER + """\
2526      inet  n  -  n  -   -  smtpd
  -o smtpd_upstream_proxy_protocol=haproxy
"""


def postfix(net):
    conf = """
listen on %s port 2525 relay to %s
listen on %s port 2526 relay to %s port 2526
server %s identity %s
"""
    with PostfixXclient(net.server, net.SERVERS[2]) as srv:
        at = net.SERVERS[2]
        for what, port in (("xclient", 2525), ("proxy v1", 2526),
                           ("proxy v2", 2526)):
            with Gateway(net, None, extra=conf % (
                    net.GATEWAY, at, net.GATEWAY, at, at, what)) as gw:
                with case("Postfix is told by " + what):
                    n = len(srv.mails())
                    with Client(net.client, net.GATEWAY, port,
                                source=net.CLIENTS[4]) as c:
                        check_equal(c.banner.code, 220, "banner")
                        check_equal(c.ehlo().code, 250, "EHLO")
                        check_equal(c.message(mail.plain()).code, 250)
                        c.quit()
                    got = srv.wait_mail(n + 1)[n]
                    check_in("[%s]" % net.CLIENTS[4], got.received_from)
                    check_equal(gw.message(1)["action"], "pass", "action")


HAPROXY = """
defaults
    mode tcp
    timeout connect 10s
    timeout client 60s
    timeout server 60s
listen one
    bind %s:2501
    server gw %s:25 send-proxy
listen two
    bind %s:2502
    server gw %s:25 send-proxy-v2
listen three
    bind %s:2503 ssl crt /srv/cert.pem
    server gw %s:25 send-proxy-v2-ssl
"""
TLS_RULES = """
on mail block "550 5.7.1 not over tls" ! tls sender "secure@client.example"
on mail block "550 5.7.1 over tls" tls sender "plain@client.example"
"""


def certificate():
    """A key and its certificate, of nobody."""
    p = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
         "-keyout", "-", "-out", "-", "-days", "2", "-subj", "/CN=balancer"],
        check=True, capture_output=True, text=True)
    return p.stdout


def over_tls(c):
    """Go on encrypted; the certificate is nobody's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    c.sock = context.wrap_socket(c.sock)
    c.banner = c.reply()


def haproxy(net, srv):
    """In the clients' network, as somebody else's machine."""
    lines = "listen on %s port 25 relay to %s proxy protocol from %s" % (
        net.GATEWAY, net.A, BALANCER)
    root = Root("haproxy", ["haproxy"])
    root.write("/srv/haproxy.cfg", HAPROXY % ((BALANCER, net.GATEWAY) * 3))
    root.write("/srv/cert.pem", certificate())
    prog = Program("haproxy", ["haproxy", "-db", "-f", "/srv/haproxy.cfg"],
                   root.prefix(net.client))
    wait.port(net.client, BALANCER, 2501, alive=prog)
    with Gateway(net, None, extra=lines, rules=TLS_RULES) as gw:
        # haproxy connects from the first address of its network.
        for n, (port, what) in enumerate(((2501, "send-proxy"),
                                          (2502, "send-proxy-v2"))):
            with case("haproxy in front: " + what):
                with Client(net.client, BALANCER, port,
                            source=net.CLIENTS[5]) as c:
                    check_equal(c.banner.code, 220, "banner")
                    c.ehlo()
                    check_equal(c.message(mail.plain()).code, 250)
                    c.quit()
                e = gw.message(n + 1)
                check_in(net.CLIENTS[5] + ":", e["client"], "client")
        for port, who, code in ((2502, "secure", 550), (2502, "plain", 250),
                                (2503, "secure", 250), (2503, "plain", 550),
                                (2501, "secure", 550)):
            with case("haproxy in front: port %d, %s is %d" %
                      (port, who, code)):
                with Client(net.client, BALANCER, port,
                            source=net.CLIENTS[5],
                            banner=port != 2503) as c:
                    if port == 2503:
                        over_tls(c)
                    c.ehlo()
                    check_equal(c.cmd("MAIL FROM:<%s@client.example>" %
                                      who).code, code)
    prog.stop()


def tproxy_header(net, srv):
    """The server sees whom the balancer has named."""
    conf = "listen tproxy port 5001 proxy protocol from " + BALANCER
    with Gateway(net, None, extra=conf, firewall=None) as gw:
        gw.mode, gw.port, gw.firewall = "tproxy", 5001, ()
        gw.rules_start()
        try:
            with case("tproxy: the address of the header is the server's "
                      "client"):
                # An address of the clients' network that answers reach.
                with Client(net.client, net.A, source=BALANCER,
                            banner=False) as c:
                    c.send(("PROXY TCP4 %s %s 4711 25\r\n" %
                            (net.CLIENTS[5], net.A)).encode())
                    check_equal(c.reply().code, 220, "banner")
                    c.ehlo()
                    check_equal(c.message(mail.plain()).code, 250)
                check_equal(srv.sessions[-1].peer, net.CLIENTS[5], "peer")
        finally:
            gw.rules_stop()
            gw.mode = None


def main():
    with Net() as net:
        with Server(net.server, net.A) as srv, \
                Server(net.server, net.A6) as srv6:
            balancers(net, srv)
            sent(net, srv, srv6)
            xclient(net, srv)
            tproxy_header(net, srv)
            haproxy(net, srv)
        postfix(net)


run(main)

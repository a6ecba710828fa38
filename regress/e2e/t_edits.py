#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Messages that a rule changes, from confined processes to the server.

What becomes of many forms of messages is the business of proxy/test_body.
Here the parser takes them apart and the scanner finds what is in them; a
message without what was removed is judged once more.
"""

import email
import html
import sys

sys.path.insert(0, "regress/lib")

from mwtest import client, mail                                 # noqa: E402
from mwtest.case import case, check, check_equal, check_in, run  # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Server                                # noqa: E402

DISCLAIMERS = """
disclaimer en "Example Ltd." "<private>"
disclaimer de "Example GmbH, Z\u00fcrich"
disclaimer ko "\uc608\uc81c \uc8fc\uc2dd\ud68c\uc0ac"
"""
RULES = """
table no words { forbidden }
on message pass strip signed pass attachment name "*.two" source 192.168.0.15
on message pass source 192.168.0.15
on message score 3 source 192.168.0.14
on message pass quarantine strip header "X-Removed: yes" virus
on message pass strip "gone" signed block attachment name "*.one"
on message pass strip attachment type executable, zip
on message block "554 5.7.1 words" content <no>
on message block "554 5.7.1 points" scored 5
on message pass disclaimer de source 192.168.0.11
on message pass disclaimer ko source 192.168.0.12
on message pass disclaimer en signed edit source 192.168.0.13
on message pass disclaimer en
"""
PE = b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0\x4c\1" + bytes(400)
DKIM = b"DKIM-Signature: v=1; a=rsa-sha256; d=a.example; b=abcd\r\n"
EN = "Example Ltd.\r\n<private>"
DE = "Example GmbH, Z\u00fcrich"
KO = "\uc608\uc81c \uc8fc\uc2dd\ud68c\uc0ac"


def typed(ctype, body, coding="8bit"):
    return mail.plain(body, MIME_Version="1.0", Content_Type=ctype,
                      Content_Transfer_Encoding=coding)


def text(data):
    """The text of a message, whatever it is in."""
    m = email.message_from_bytes(data)
    return m.get_payload(decode=True).decode(
        m.get_content_charset("us-ascii"))


def removing(gw, send):
    with case("an executable is removed, the text arrives"):
        mark = gw.log.mark()
        msg = mail.attached(PE, "tool.exe")
        data = send(msg)
        was = email.message_from_bytes(msg).get_payload()
        now = email.message_from_bytes(data).get_payload()
        check_equal(len(now), 2, "parts")
        check_in("See below.", now[0].get_payload(), "text")
        check_equal(now[1].get_content_type(), "text/plain", "notice")
        note = now[1].get_payload(decode=True).decode()
        check_in("tool.exe", note, "notice")
        check_in("type pe", note, "notice")
        e = gw.message(1, mark)
        check_in(e.id, note, "notice")
        check_equal((e["action"], e["verdict"]), ("pass", "clean"), "log")
        gw.log.wait(r"removed part=\d+ .*tool\.exe", mark=mark)
        check(b"TVo" not in data, "it is still there")
        check_equal(was[0].get_content_type(), now[0].get_content_type(),
                    "type of the text")
    with case("points count once, however often it is judged"):
        data = send(mail.attached(PE, "tool.exe"), "192.168.0.14")
        check(b"TVo" not in data, "it is still there")
    with case("a message that is nothing else"):
        h, body = mail.attachment(PE, "tool.exe")
        data = send(mail.head(MIME_Version="1.0") + h + b"\r\n" + body)
        check_in("tool.exe", text(data), "notice")
        check_equal(email.message_from_bytes(data)["Subject"], "test",
                    "subject")
    with case("an archive for its member"):
        data = send(mail.attached(mail.zipped(PE, "x/tool.exe"), "a.zip"))
        check_in("a.zip", email.message_from_bytes(data).get_payload()[1]
                 .get_payload(decode=True).decode(), "notice")
        check(b"UEsD" not in data, "it is still there")
    with case("in a message that is forwarded"):
        inner = mail.attached(PE, "tool.exe")
        data = send(mail.forwarded(inner))
        now = email.message_from_bytes(data)
        part = now.get_payload()[1].get_payload()[0].get_payload()[1]
        check_in("tool.exe", part.get_payload(decode=True).decode(),
                 "notice")
    with case("a virus by its part, kept in quarantine, with a mark"):
        mark = gw.log.mark()
        data = send(mail.attached(mail.EICAR, "e.txt"))
        check(data.startswith(b"X-Removed: yes\r\n"), "no mark")
        check(b"WDVPIVAlQEFQ" not in data, "it is still there")
        check_in("virus", email.message_from_bytes(data).get_payload()[1]
                 .get_payload(decode=True).decode(), "notice")
        gw.log.wait(r"quarantined", mark=mark)
        check_equal(gw.message(1, mark)["verdict"], "clean", "log")
    with case("a virus that the engine finds in the message as a whole"):
        inner = mail.multipart([
            (mail.TEXT[0], b"Content-Type: text/plain\r\n\r\nSee.\r\n"),
            mail.attachment(mail.EICAR, "g.txt")], boundary="=_in")
        data = send(mail.forwarded(inner))
        check(b"WDVPIVAlQEFQ" not in data, "it is still there")
        part = email.message_from_bytes(data).get_payload()[1]
        check_in("g.txt", part.get_payload()[0].get_payload()[1]
                 .get_payload(decode=True).decode(), "notice")
    with case("two viruses and an executable: as often as it takes"):
        h2, b2 = mail.attachment(mail.EICAR, "f.txt")
        h3, b3 = mail.attachment(PE, "tool.exe")
        h1, b1 = mail.attachment(mail.zipped(mail.EICAR), "e.zip")
        data = send(mail.multipart([mail.TEXT, (h1, b1), (h2, b2),
                                    (h3, b3)]))
        now = email.message_from_bytes(data).get_payload()
        check_equal([p.get_content_type() for p in now],
                    ["text/plain"] * 4, "types")
    with case("the notice of the rule"):
        data = send(mail.attached(b"abc", "a.one"))
        check_in(b"\r\n\r\ngone\r\n", data, "notice")


def refusing(gw, send):
    with case("what is left is judged"):
        mark = gw.log.mark()
        r = send.try_it(mail.multipart([
            (mail.TEXT[0], b"This is forbidden.\r\n"),
            mail.attachment(PE, "tool.exe")]))
        check_equal(r.code, 554, "reply")
        check_in("words", r.text, "reply")
        gw.log.wait(r"removed part=", mark=mark)
        gw.message(1, mark)
    with case("what can be read in two ways is refused"):
        mark = gw.log.mark()
        msg = mail.attached(PE, "tool.exe").replace(
            b'boundary="=_b0"', b'boundary="=_b0"; boundary="other"')
        r = send.try_it(msg)
        check_equal(r.code, 554, "reply")
        gw.log.wait(r"message refused: it can be read in several ways",
                    mark=mark)
        check_equal(gw.message(1, mark)["action"], "block", "log")
    with case("there is an end to it"):
        mark = gw.log.mark()
        r = send.try_it(mail.multipart([mail.TEXT] + [
            mail.attachment(mail.EICAR, "%d.txt" % i) for i in range(5)]))
        check_equal(r.code, 554, "reply")
        gw.log.wait(r"message refused: it was changed 4 times", mark=mark)
        gw.message(1, mark)
    with case("a signed message passes as it is, if the rule says so"):
        mark = gw.log.mark()
        msg = DKIM + mail.attached(b"abc", "a.two")
        check_equal(send(msg, "192.168.0.15"), msg, "message")
        gw.log.wait(r"nothing removed: message is signed", mark=mark)
        gw.message(1, mark)
        msg = mail.attached(b"abc", "a.two")
        check(b"YWJj" not in send(msg, "192.168.0.15"), "not removed")
        gw.message(1, mark)
    with case("a signature is broken, and the log says so"):
        mark = gw.log.mark()
        data = send(DKIM + mail.attached(PE, "tool.exe"))
        check_in(b"DKIM-Signature", data, "header")
        gw.log.wait(r"edited: a signature may not verify", mark=mark)
        gw.message(1, mark)
    with case("or the message refused"):
        mark = gw.log.mark()
        r = send.try_it(DKIM + mail.attached(b"abc", "a.one"))
        check_equal(r.code, 554, "reply")
        gw.log.wait(r"message refused: it is signed", mark=mark)
        gw.message(1, mark)


def disclaiming(gw, send):
    def ends(name, msg, source, want):
        with case("disclaimer: " + name):
            data = send(msg, source)
            was, now = text(msg), text(data)
            check_equal(now.split(), was.split() + want.split(), "text")

    ends("ascii", mail.plain(), None, EN)
    ends("ascii, becomes UTF-8", mail.plain(), "192.168.0.11", DE)
    ends("latin1", typed("text/plain; charset=iso-8859-1",
         "Gr\u00fc\u00dfe\r\n".encode("latin1")), "192.168.0.11", DE)
    ends("latin1, becomes UTF-8", typed("text/plain; charset=iso-8859-1",
         "Gr\u00fc\u00dfe\r\n".encode("latin1")), "192.168.0.12", KO)
    ends("utf-8", typed("text/plain; charset=utf-8",
         "\uc548\ub155\r\n".encode()), "192.168.0.12", KO)
    ends("base64", typed("text/plain; charset=utf-8", mail.b64(
         "\uc548\ub155\r\n".encode()), "base64"), "192.168.0.11", DE)
    ends("quoted-printable", typed("text/plain; charset=iso-8859-1",
         b"Gr=FC=DFe =\r\nan alle\r\n", "quoted-printable"),
         "192.168.0.11", DE)
    ends("Korean charset", typed("text/plain; charset=euc-kr",
         "\uc548\ub155\ud558\uc138\uc694\r\n".encode("euc-kr")),
         "192.168.0.12", KO)
    ends("Korean charset, from the parser's conversion", typed(
         "text/plain; charset=euc-kr",
         "\uc548\ub155\ud558\uc138\uc694\r\n".encode("euc-kr")),
         "192.168.0.11", DE)
    with case("disclaimer: format=flowed"):
        data = send(typed("text/plain; charset=us-ascii; format=flowed",
                          b"Hello \r\nworld\r\n", "7bit"))
        check_in(b"Hello \r\nworld\r\n\r\nExample Ltd.\r\n<private>\r\n",
                 data, "text")
    with case("disclaimer: HTML"):
        data = send(typed("text/html; charset=us-ascii",
                          b"<html><body>Hi</body></html>\r\n", "7bit"),
                    "192.168.0.12")
        check_in(KO, html.unescape(text(data)), "text")
        check_in(b"</div>\r\n</body></html>", data, "text")
    with case("disclaimer: megabytes of blanks in one line"):
        # Looked at once, not once more for each of them.
        data = send(typed("text/plain; charset=us-ascii", b"a" +
                          b" " * (3 << 20) + b"z\r\n", "quoted-printable"))
        check_in(b"z\r\n\r\nExample Ltd.\r\n<private>\r\n", data[-200:],
                 "text")
    with case("disclaimer: not twice"):
        mark = gw.log.mark()
        msg = send(mail.plain())
        check_equal(send(msg), msg, "message")
        gw.log.wait(r"no disclaimer=en: it is there", mark=mark)
    with case("disclaimer: signed mail is untouched"):
        mark = gw.log.mark()
        msg = DKIM + mail.plain()
        check_equal(send(msg), msg, "message")
        gw.log.wait(r"no disclaimer=en: message is signed", mark=mark)
        msg = mail.head(MIME_Version="1.0") + \
            b'Content-Type: multipart/signed; boundary=s; micalg=sha-256;' \
            b'\r\n protocol="application/pgp-signature"\r\n\r\n--s\r\n' \
            b"\r\nHello.\r\n--s\r\nContent-Type: application/pgp-signature" \
            b"\r\n\r\nabcd\r\n--s--\r\n"
        check_equal(send(msg), msg, "message")
        gw.log.wait(r"no disclaimer=en: it is signed", mark=mark)
    with case("disclaimer: signed mail, if the rule says so"):
        mark = gw.log.mark()
        data = send(DKIM + mail.plain(), "192.168.0.13")
        check_in("Example Ltd.", text(data), "text")
        gw.log.wait(r"disclaimer=en added .*may not verify", mark=mark)
    with case("disclaimer: with an attachment of another kind"):
        msg = mail.attached(b"abc", "a.txt")
        data = send(msg)
        was = email.message_from_bytes(msg).get_payload()
        now = email.message_from_bytes(data).get_payload()
        check_in("Example Ltd.", now[0].get_payload(), "text")
        check_equal(now[1].as_bytes(), was[1].as_bytes(), "attachment")
    with case("disclaimer: behind what was removed"):
        data = send(mail.attached(PE, "tool.exe"))
        now = email.message_from_bytes(data).get_payload()
        check_in("Example Ltd.", now[0].get_payload(), "text")
        check_in("tool.exe", now[1].get_payload(decode=True).decode(),
                 "notice")


class Sender:
    def __init__(self, net, srv):
        self.net, self.srv = net, srv

    def try_it(self, msg, source=None):
        with client.Client(self.net.client, self.net.A, source=source) as c:
            c.ehlo()
            return c.message(msg)

    def __call__(self, msg, source=None):
        n = len(self.srv.messages())
        r = self.try_it(msg, source)
        check_equal(r.code, 250, "reply: %s" % r.text)
        return self.srv.wait_messages(n + 1)[n].data


def main():
    with Net() as net, Server(net.server, net.A) as srv, \
            Gateway(net, "tproxy", rules=RULES, extra=DISCLAIMERS) as gw:
        send = Sender(net, srv)
        removing(gw, send)
        refusing(gw, send)
        disclaiming(gw, send)
        with case("nobody has died, nothing is left"):
            check_equal([line for line in gw.log.lines()
                         if "signal" in line or "died" in line], [], "log")


run(main)

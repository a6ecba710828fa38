#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Words that must not leave, through a gateway, from client to server.

A secret word of each script, in each charset that it is written in, in each
place of a message, and in disguise: such a message is refused and the server
never sees it.  The same message with an honest word, its neighbour, passes.
"""

import os
import sys
import urllib.parse

sys.path.insert(0, "regress/lib")
sys.path.insert(0, "regress/scanner")

import docs                                                     # noqa: E402
from mwtest import client, mail                                 # noqa: E402
from mwtest.case import case, check, check_equal, run            # noqa: E402
from mwtest.gateway import Gateway                              # noqa: E402
from mwtest.net import Net                                      # noqa: E402
from mwtest.server import Server                                # noqa: E402

# Script: the secret, its neighbour, charsets as (declared, Python's codec).
WORDS = {
    "zh": ("机密文件", "机场文件", (("gb18030", 0), ("gbk", 0),
                                    ("gb2312", 0))),
    "tw": ("機密檔案", "機場檔案", (("big5", 0),)),
    "ko": ("기밀문서", "기본문서", (("euc-kr", 0), ("cp949", 0),
                                    ("iso-2022-kr", 0))),
    "ja": ("極秘資料", "参考資料", (("iso-2022-jp", 0),
                                    ("shift_jis", 0), ("euc-jp", 0))),
    "ru": ("секретно", "конкретно", (("koi8-r", 0),
                                     ("windows-1251", 0),
                                     ("iso-8859-5", 0))),
    "ar": ("سري للغاية", "مهم للغاية", (("windows-1256", 0),
                                        ("iso-8859-6", 0))),
    "en": ("top secret", "top quality", (("us-ascii", 0),
                                         ("iso-8859-1", 0))),
}
UNICODE = (("utf-8", 0), ("utf-16", 0), ("utf-16le", "utf-16-le"))
RULES = 'on message block "554 5.7.1 secret" content <secrets>\n'
PER_SESSION = 25        # messages in one session


def single(kind, charset, data):
    return mail.plain(mail.b64(data), MIME_Version="1.0",
                      Content_Type="text/%s; charset=%s" % (kind, charset),
                      Content_Transfer_Encoding="base64")


def html(text, charset="utf-8", codec=None):
    page = "<html><body><p>See %s.</p></body></html>" % text
    return single("html", charset, page.encode(codec or charset))


def encoded(data, charset):
    return "=?%s?B?%s?=" % (charset, mail.b64(data).decode().strip())


def named(data, charset):
    """An attachment whose name is in a charset (RFC 2231, section 4)."""
    head = ("Content-Type: application/octet-stream\r\n"
            "Content-Disposition: attachment; filename*=%s''%s.bin\r\n" %
            (charset, urllib.parse.quote(data, safe="")))
    return mail.multipart([mail.TEXT, (head.encode(), b"0")])


def charsets(word, more):
    """(name, message) for each charset and place."""
    like = next(w[1] for w in WORDS.values() if more is w[2])
    if more is WORDS["ja"][2]:
        like = "これは" + like + "です"
    for charset, codec in UNICODE + more:
        codec = codec or charset
        data = ("%s." % word).encode(codec)
        yield charset + " body", single("plain", charset, data)
        yield charset + " html", html(word, charset, codec)
        if charset.startswith("utf-16"):
            continue
        data = word.encode(codec)
        yield charset + " subject", mail.plain(
            subject=encoded(data, charset))
        yield charset + " name", named(data, charset)
        yield charset + " 8bit", mail.plain(
            b"See " + data + b".\r\n", MIME_Version="1.0",
            Content_Type="text/plain; charset=" + charset)
        yield charset + " undeclared", mail.plain(
            (word + "\r\n").encode(codec) * 8)
        yield charset + " undeclared, long", mail.plain(
            (like + ".\r\n").encode(codec) * 700 +
            (word + ".\r\n").encode(codec))


def files(word):
    """(name, message) for each kind of document."""
    made = {"docx": docs.docx([word]), "odt": docs.odt([word]),
            "pdf": docs.pdf([word]),
            "zip": mail.zipped(word.encode(), "a.txt"),
            "docx.zip": mail.zipped(docs.docx([word]), "a.docx")}
    for name, data in made.items():
        yield name, mail.attached(data, "a." + name)


def disguises(word):
    """(name, message) for each way to hide a word."""
    def text(t):
        return single("plain", "utf-8", ("See %s.\r\n" % t).encode())
    a, b = word[:2], word[2:]
    yield "zero-width", text("\u200b".join(word))
    yield "soft hyphen", text(a + "\u00ad" + b)
    yield "entities", html("".join("&#%d;" % ord(c) for c in word))
    yield "tags", html("%s<b></b>%s" % (a, b))
    yield "comment", html("%s<!-- x -->%s" % (a, b))
    yield "<wbr>", html("%s<wbr>%s" % (a, b))
    yield "encoded words, split", mail.plain(subject="%s\r\n %s" % (
        encoded(a.encode(), "utf-8"), encoded(b.encode(), "utf-8")))
    raw = "".join("=%02X" % c for c in a.encode()) + "=\r\n" + \
        "".join("=%02X" % c for c in b.encode()) + "\r\n"
    yield "soft break", mail.plain(
        raw.encode(), MIME_Version="1.0",
        Content_Type="text/plain; charset=utf-8",
        Content_Transfer_Encoding="quoted-printable")
    if word.isascii():
        yield "full width", text("".join(
            chr(ord(c) + 0xfee0) if c != " " else "\u3000" for c in word))
        yield "look-alikes", text(word.replace("o", "\u043e")
                                  .replace("e", "\u0435"))


def ident(msg):
    return msg.split(b"Message-ID: ")[1].split(b"\r\n")[0]


def replies(net, srv, msgs):
    """The code of the reply to each message, a few of them a session."""
    out = []
    for i in range(0, len(msgs), PER_SESSION):
        with client.Client(net.client, srv.addr) as c:
            c.ehlo()
            out += [c.message(m).code for m in msgs[i:i + PER_SESSION]]
    return out


def verify(net, srv, what, make):
    """Messages of make(secret) are refused, those of its neighbour pass."""
    for lang, (secret, honest, more) in WORDS.items():
        bad, good = list(make(secret, more)), list(make(honest, more))
        codes = replies(net, srv, [m for _, m in bad + good])
        seen = {ident(m.data) for m in srv.messages(complete=False)}
        for i, (name, msg) in enumerate(bad):
            with case("%s, %s: %s, secret" % (what, lang, name)):
                check_equal(codes[i], 554)
                check(ident(msg) not in seen, "the server has seen it")
        for i, (name, msg) in enumerate(good, len(bad)):
            with case("%s, %s: %s, honest" % (what, lang, name)):
                check_equal(codes[i], 250)
                check(ident(msg) in seen, "the server has not seen it")


def t_reload(net, srv, gw, path):
    def codes(*words):
        return replies(net, srv, [single("plain", "utf-8", w.encode())
                                  for w in words])
    secret = WORDS["zh"][0]
    with case("reload: the new word counts, the old one no longer"):
        write(path, ["новое слово"])
        check_equal(gw.reload().group(1), "done")
        check_equal(codes("новое слово", secret), [554, 250])
    with case("reload: a faulty list is refused, by file and line"):
        mark = gw.log.mark()
        with open(path, "wb") as f:
            f.write(secret.encode() + b"\n\xff\xfe\xff\n")
        check_equal(gw.reload().group(1), "failed")
        gw.log.wait("secrets:2:", mark)
    with case("reload: the old list stays in force"):
        check_equal(codes("новое слово", secret), [554, 250])


def write(path, words):
    with open(path, "w", encoding="utf-8") as f:
        f.write("".join(w + "\n" for w in words))


def main():
    with Net() as net, Server(net.server, net.A) as srv:
        for antivirus in ("none", "embedded"):
            gw = Gateway(net, "tproxy", RULES, antivirus=antivirus,
                         start=False)
            path = os.path.join(gw.dir, "secrets")
            write(path, [w[0] for w in WORDS.values()])
            gw.extra = 'table secrets keywords file "%s"' % path
            gw.write()
            with gw:
                gw.start()
                if antivirus == "none":
                    verify(net, srv, "charset", charsets)
                verify(net, srv, antivirus, lambda w, _: files(w))
                verify(net, srv, antivirus, lambda w, _: disguises(w))
                t_reload(net, srv, gw, path)


run(main)

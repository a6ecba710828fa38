#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Another reader's opinion of messages that were changed.

The cases of proxy/test_body (regress/proxy/body): Python's email package
takes message and result apart.  What was not to be changed is the same, what
was removed is a text, and a text that got a disclaimer is what it was and the
disclaimer.
"""

import email
import html
import os
import sys

sys.path.insert(0, "regress/lib")

from mwtest.case import case, check, check_equal, run           # noqa: E402

CASES = "regress/proxy/body"
SESSION = "0123456789abcdef"


def order(name):
    """What was to be removed, the notice, and the disclaimer."""
    strips, notice, lines = [], "", []
    with open("%s/%s.do" % (CASES, name), encoding="utf-8") as f:
        for line in f:
            what, _, text = line.rstrip("\n").partition(" ")
            if what == "strip":
                strips.append(text)
            elif what == "notice":
                notice = text
            else:
                lines.append(text)
    return strips, notice, lines


def read(path):
    with open(path, "rb") as f:
        return f.read()


def text(part):
    charset = part.get_content_charset("us-ascii")
    if charset == "ks_c_5601-1987":
        charset = "cp949"
    return part.get_payload(decode=True).decode(charset)


def words(s):
    return s.split()


def is_notice(part, notice):
    body = text(part)
    return part.get_content_type() == "text/plain" and \
        (body.rstrip() == notice if notice else SESSION in body)


def check_disclaimed(old, new, lines):
    was, now = text(old), text(new)
    if new.get_content_type() == "text/html":
        check(all(x in html.unescape(now) for x in lines),
              "no disclaimer: %r" % now)
        first = now.rindex("<div>")
        last = now.index("</div>\r\n", first) + len("</div>\r\n")
        check_equal("".join((now[:first] + now[last:]).split()),
                    "".join(was.split()), "the rest of the HTML")
        return
    check_equal(words(now), words(was) + words(" ".join(lines)), "text")
    check(now.startswith(was.rstrip("\r\n")), "the text has changed")


def fields(part):
    return [(k, str(v)) for k, v in part.items()
            if not k.lower().startswith("content-") and
            k.lower() != "mime-version"]


def compare(old, new, notice, lines, found):
    """Walk through both at once; found counts what has changed."""
    check_equal(new.defects, old.defects, "defects")
    check_equal(fields(new), fields(old), "other fields")
    if old.is_multipart() and new.is_multipart():
        check_equal(new.get_content_type(), old.get_content_type(), "type")
        check_equal((new.preamble, new.epilogue),
                    (old.preamble, old.epilogue), "preamble, epilogue")
        a, b = old.get_payload(), new.get_payload()
        check_equal(len(b), len(a), "number of parts")
        for x, y in zip(a, b):
            compare(x, y, notice, lines, found)
    elif not old.is_multipart() and old.items() == new.items() and \
            old.get_payload() == new.get_payload():
        return
    elif not new.is_multipart() and is_notice(new, notice):
        found["removed"] += 1
    else:
        check(not old.is_multipart(), "a container has changed")
        check_disclaimed(old, new, lines)
        found["disclaimed"] += 1


def main():
    names = sorted(x[:-3] for x in os.listdir(CASES) if x.endswith(".do"))
    for name in names:
        done = read("%s/%s.ok" % (CASES, name))
        if done.startswith(b"refused: "):
            continue
        with case(name):
            strips, notice, lines = order(name)
            found = {"removed": 0, "disclaimed": 0}
            was = read("%s/%s.eml" % (CASES, name))
            compare(email.message_from_bytes(was),
                    email.message_from_bytes(done), notice, lines, found)
            check_equal(found["removed"], 1 if name ==
                        "strip-inner-and-outer" else len(strips), "removed")
            check((found["disclaimed"] > 0) == (lines != []),
                  "disclaimers: %d" % found["disclaimed"])
            check(b"\n" not in done.replace(b"\r\n", b""), "a bare LF")
            check(max(map(len, done.split(b"\r\n"))) <= max(
                998, max(map(len, was.split(b"\r\n")))), "a long line")


run(main)

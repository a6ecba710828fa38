# SPDX-License-Identifier: ISC
"""Reading mailwalld's log.

An event is "s=<16 hex> word key=value key="quoted value" ..."; the summary
of a message is the event whose word is "message".
"""

import re

from . import wait
from .wait import PATIENCE

_EVENT = re.compile(r"(?:^|\s)s=([0-9a-f]{16})\s+(.*)$")
_FIELD = re.compile(r'([A-Za-z_][\w-]*)=("(?:[^"\\]|\\.)*"|\S*)')
_ESCAPE = re.compile(r"\\x([0-9a-fA-F]{2})")


class Event(dict):
    """The fields of one line; .id, .word (before the fields), .line."""

    def __init__(self, ident, rest, line):
        super().__init__()
        self.id = ident
        self.line = line
        m = _FIELD.search(rest)
        self.word = rest[:m.start()].strip() if m else rest.strip()
        for key, value in _FIELD.findall(rest):
            if value.startswith('"'):
                value = value[1:-1]
            self[key] = _ESCAPE.sub(lambda m: chr(int(m.group(1), 16)),
                                    value)


def parse(line):
    """An Event, or None when the line is none."""
    m = _EVENT.search(line)
    return Event(m.group(1), m.group(2), line) if m else None


class Log:
    """A growing log file."""

    def __init__(self, path):
        self.path = path

    def text(self, mark=0):
        try:
            with open(self.path, "rb") as f:
                f.seek(mark)
                return f.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def mark(self):
        """Where the log ends now, for the mark= of the others."""
        try:
            with open(self.path, "rb") as f:
                return f.seek(0, 2)
        except FileNotFoundError:
            return 0

    def lines(self, mark=0):
        """Whole lines only."""
        return self.text(mark).split("\n")[:-1]

    def events(self, mark=0, ident=None):
        found = [e for e in map(parse, self.lines(mark)) if e is not None]
        return [e for e in found if ident is None or e.id == ident]

    def messages(self, mark=0):
        """The summaries of messages."""
        return [e for e in self.events(mark) if e.word == "message"]

    def wait(self, pattern, mark=0, timeout=PATIENCE):
        """Until a line matches the regular expression; its match."""
        rx = re.compile(pattern)

        def find():
            for line in self.lines(mark):
                m = rx.search(line)
                if m:
                    return m
            return None
        try:
            return wait.until(find, "log line /%s/" % pattern, timeout)
        except wait.Timeout as e:
            raise wait.Timeout("%s; the log says:\n%s" %
                               (e, self.text(mark)[-4000:])) from None

    def wait_messages(self, n, mark=0, timeout=PATIENCE):
        """Until there are n summaries; they are returned."""
        wait.until(lambda: len(self.messages(mark)) >= n,
                   "%d message lines" % n, timeout)
        return self.messages(mark)

    def told(self, text, timeout=PATIENCE):
        """The summary of the message that our own reply text was given to.

        The reply has the session in brackets.  Waited for, since the log
        does not come by the way of the reply; the last one, where the
        session had several.
        """
        m = re.search(r"\[([0-9a-f]{16})\]", text)
        if m is None:
            raise ValueError("no session in the reply: %s" % text)

        def find():
            return [e for e in self.events(ident=m.group(1))
                    if e.word == "message"]
        return wait.until(find, "the message line of session " + m.group(1),
                          timeout)[-1]

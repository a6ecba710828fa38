#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""How SQLite finds rows: no statement of the store goes through a table that
strangers can fill, nor sorts one, each time that it is run.
"""

import glob
import os
import re
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from t_schema import migrations
from scanlib import Cases

STRING = r'"(?:[^"\\]|\\.)*"'

# What goes through all of a table, and why it may.
ALLOWED = {
    # a few rows that were just found
    "SELECT count(*) FROM (SELECT 1 FROM wish WHERE tbl = ? AND key = ? "
    "AND time > ? LIMIT ?)",
    # at the start, or after a commit that failed
    "SELECT count(*) FROM sqlite_master",
    "SELECT sum(size) FROM outbox WHERE state <> ?",
    "SELECT sum(size) FROM quarantine WHERE state <> ?",
    "SELECT number, size FROM outbox WHERE state <> ?",
    "SELECT number, size FROM quarantine WHERE state <> ?",
    # a row for each of a few tables, at the start
    "SELECT seq FROM sqlite_sequence WHERE name = ?",
    "DELETE FROM sqlite_sequence WHERE name = ?",
    # after a reload only
    "SELECT DISTINCT tbl FROM member",
    # numbers of rows, from an index: 2 ms for a million
    "SELECT count(*) FROM outbox",
    "SELECT count(*) FROM quarantine",
    "SELECT count(*) FROM member",
    # where there is no statement "notices server"
    "SELECT count(*) FROM notice",
    "DELETE FROM notice",
    "DELETE FROM told",
}


def statements():
    """All strings of the sources that are SQL, as the compiler has them."""
    found = set()
    for path in glob.glob("store/*.c"):
        text = re.sub(r"/\*.*?\*/", "", open(path).read(), flags=re.S)
        if path == "store/db.c":
            text = text.replace(re.search(
                r"migrations\[\] = \{.*?\n\};", text, re.S).group(0), "")
        macros = dict(re.findall(
            r"#define (\w+)(?:[ \t]|\\\n)+(\"(?:.*\\\n)*.*)", text))
        for name, body in macros.items():
            text = re.sub(r"#define %s(?:.*\\\n)*.*" % name, "", text)
            text = re.sub(r"\b%s\b" % name,
                          lambda m: body.replace("\\\n", " "), text)
        for group in re.findall(r"%s(?:\s+%s)*" % (STRING, STRING), text):
            sql = "".join(s[1:-1] for s in re.findall(STRING, group))
            if re.match("(SELECT|INSERT|UPDATE|DELETE) ", sql):
                found.add(sql)
    return sorted(found)


def plan(db, sql):
    n = sql.count("?")
    numbered = [int(i) for i in re.findall(r"\?(\d+)", sql)]
    rows = db.execute("EXPLAIN QUERY PLAN " + sql,
                      [1] * (max(numbered) if numbered else n))
    return [r[3] for r in rows]


def main():
    c = Cases()
    db = sqlite3.connect(":memory:")
    for sql in migrations():
        db.executescript(sql)
    found = statements()

    def all_found():
        assert len(found) > 60, len(found)
        gone = ALLOWED - set(found)
        assert not gone, gone

    def no_walk():
        slow = []
        for sql in found:
            steps = plan(db, sql)
            # min() and max() without an index walk, too: they say so less.
            if sql not in ALLOWED and any(
                    s.startswith("SCAN") and "CONSTANT" not in s or
                    "TEMP B-TREE" in s or re.fullmatch(r"SEARCH \w+", s) and
                    "WHERE" in sql for s in steps):
                slow.append((sql, steps))
        assert not slow, slow

    c.run("all statements are looked at", all_found)
    c.run("none walks", no_walk)
    c.exit()


if __name__ == "__main__":
    main()

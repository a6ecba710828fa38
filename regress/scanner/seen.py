# SPDX-License-Identifier: ISC
"""What test_inspect says of a file."""

import os
import subprocess
import tempfile

PROG = os.path.join(os.environ.get("O", "obj"), "regress/scanner/test_inspect")
TMP = tempfile.mkdtemp(prefix="mwdocs.")


class Seen:
    """What test_inspect said."""

    def __init__(self, name, data):
        path = os.path.join(TMP, "file")
        with open(path, "wb") as f:
            f.write(data)
        # The sanitizer's search for leaks needs calls that the filter ends.
        env = dict(os.environ, ASAN_OPTIONS="detect_leaks=0")
        got = subprocess.run([PROG, name, path], env=env,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.status = got.returncode
        self.errors = got.stderr.decode(errors="replace")[-2000:]
        head, _, text = got.stdout.partition(b"\ntext\n")
        self.text = text.decode(errors="replace")
        self.files, self.scans, self.finding = [], [], ""
        self.flags = set()
        for line in head.decode(errors="replace").split("\n"):
            kind, _, rest = line.partition(" ")
            if kind == "file":
                depth, typ, flags, fname = rest.split(" ", 3)
                self.files.append((int(depth), typ, set(flags.split(",")) -
                                   {"-"}, fname))
            elif kind == "flags":
                self.flags = set(rest.split(",")) - {"-"}
            elif kind == "finding":
                self.finding = rest
            elif kind == "scan":
                self.scans.append(rest)

    def __repr__(self):
        return repr((self.status, self.files, self.flags, self.finding,
                     self.scans, self.text[:300], self.errors))

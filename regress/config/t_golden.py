#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
#
# Each NNN-name.in is read as a configuration file; NNN-name.ok has what is
# said about it: errors and warnings, and of a valid one each line that
# differs from the defaults.  What is printed for a valid one must read back
# as the same.  The example that is installed and those in mailwall.conf(5)
# must be valid, without a warning.
#
#	t_golden.py -u		write the .ok files anew

import os
import re
import shutil
import subprocess
import sys
import tempfile

O = os.path.abspath(os.environ.get("O", "obj"))
PROG = O + "/regress/config/test_load"
HERE = os.path.abspath("regress/config")
TOP = os.getcwd()
failed = 0


def result(name, why=None):
    global failed
    if why is None:
        print("ok " + name)
    else:
        failed = 1
        print("not ok %s - %s" % (name, why.replace("\n", " | ")[:600]))
    sys.stdout.flush()


def run(path):
    p = subprocess.run([PROG, path], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE)
    return (p.returncode, p.stdout.decode("utf-8", "replace"),
            p.stderr.decode("utf-8", "replace"))


def write(name, text):
    with open(name, "w") as f:
        f.write(text)
    os.chmod(name, 0o600)


def describe(name, defaults):
    """What belongs into the .ok file, and what is printed or None."""
    code, out, err = run(name)
    if code not in (0, 1) or (code == 1 and (out or not err)):
        return "exit status %d\n%s" % (code, err), None
    lines = [x for x in out.splitlines(True) if x not in defaults]
    return err + "".join(lines), out if code == 0 else None


def round_trip(name, printed):
    write("again", printed)
    code, out, err = run("again")
    if code != 0:
        result(name, "what is printed is refused: " + err)
    elif out != printed:
        result(name, "what is printed reads back as something else")
    else:
        result(name)


def golden(update):
    write("defaults", "listen redirect on 127.0.0.1 port 1\n")
    code, out, err = run("defaults")
    result("defaults", None if code == 0 and err == "" else err)
    defaults = set(out.splitlines(True))
    defaults -= {"listen redirect on 127.0.0.1 port 1\n", "}\n"}
    cases = sorted(x[:-3] for x in os.listdir(HERE) if x.endswith(".in"))
    if len(cases) < 70:
        result("cases", "only %d found" % len(cases))
    for name in cases:
        got, printed = describe(name + ".in", defaults)
        ok = HERE + "/" + name + ".ok"
        if update:
            with open(ok, "w") as f:
                f.write(got)
        want = open(ok, encoding="utf-8", errors="replace").read() \
            if os.path.exists(ok) else "no .ok file"
        result(name, None if got == want else
               "got: " + got + " want: " + want)
        if printed is not None:
            round_trip(name + "-again", printed)


def example(name, text):
    write(name, text)
    code, out, err = run(name)
    result(name, None if code == 0 and err == "" else err)


def examples():
    write("abusers", "198.51.100.1\n")
    with open(TOP + "/etc/spamwords.example") as f:
        write("spamwords", f.read())
    with open(TOP + "/etc/mailwall.conf.example") as f:
        text = f.read()
    example("shipped-example", text)
    # What is commented out there is right, too.
    every = re.sub(r"(?m)^#(?=[a-z}\t])", "", text)
    every = re.sub(r"(?m)^antivirus clamd.*$", "", every)
    example("shipped-example-all", every)
    with open(TOP + "/master/mailwall.conf.5") as f:
        page = f.read()
    page = page[page.index(".Sh EXAMPLES"):]
    found = re.findall(r"(?ms)^\.Bd -literal.*?\n(.*?)^\.Ed", page)
    result("manual-examples", None if len(found) == 9 else
           "%d instead of 9" % len(found))
    for i, text in enumerate(found):
        example("manual-example-%d" % (i + 1), text.replace("\\e", "\\"))


def manual():
    """Every keyword and every default value is in mailwall.conf(5)."""
    with open(TOP + "/master/mailwall.conf.5") as f:
        page = f.read()
    with open(TOP + "/master/keyword.c") as f:
        words = re.findall(r'(?m)^\t\{ "([a-z-]+)", [A-Z_]+, ', f.read())
    marked = set()
    for line in page.splitlines():
        if re.match(r"\.(It |Cm |Ic |Op |Bl |Xo|Nd|Pp)", line):
            marked.update(re.findall(r"[a-z-]+", line))
    missing = [w for w in words if w not in marked]
    result("manual-keywords", "%d words" % len(words) if len(words) < 60
           else " ".join(missing) or None)
    write("defaults", "listen redirect on 127.0.0.1 port 1\n")
    out = run("defaults")[1]
    # workers and spool memory depend on the machine.
    for line in out.splitlines():
        words = line.replace('"', "").split()
        if line.startswith("\t"):
            want = r"(?m)^\.It Cm %s Ta %s Ta " % tuple(words)
        elif len(words) == 2 and words[0] in ("parsers", "scanners",
                                              "sessions", "mark"):
            want = r"\.It Ic %s [^:]*?Default: %s\b" % (
                words[0], "0" if words[1] == "0x0" else words[1])
        elif words[0] == "message":
            want = r"\.It Ic message %s [^:]*?Default: %s\b" % (
                words[1], words[2])
        else:
            continue
        flat = page if line.startswith("\t") else page.replace("\n", " ")
        result("manual-default " + " ".join(words),
               None if re.search(want, flat) else "not as documented")


def quoted(path, begin="", end=None):
    """The words in quotes of a table in a source file."""
    with open(TOP + path) as f:
        text = f.read()
    text = text[text.index(begin):]
    if end is not None:
        text = text[:text.index(end)]
    return re.findall(r'"([a-z0-9-]+)"[ ,\t\n}]', text)


def names():
    """Every name of a type, a flag and so on is in mailwall.conf(5)."""
    with open(TOP + "/master/mailwall.conf.5") as f:
        page = f.read()
    for what, least, found, at in (
            ("types", 60, quoted("/common/facts.c", "types[FT_MAX]", "};"),
             "Types"),
            ("classes", 9, quoted("/common/facts.c", "*const\t classes",
                                  "};"), "Types"),
            ("flags", 26, quoted("/common/facts.c", "} flags[]", "};"),
             "The flags are"),
            ("scopes", 8, quoted("/common/conflist.c", "conf_scope_name",
                                 "};"), "kinds, by default"),
            ("identifiers", 7, quoted("/common/conflist.c",
                                      "conf_ident_name", "};"),
             ".It Ic identifiers")):
        part = page[page.index(at):]
        part = part[:part.index(".El")]
        marked = set(re.findall(r"[a-z0-9-]+", "\n".join(
            x for x in part.splitlines() if x.startswith(".It "))))
        missing = [w for w in found if w not in marked]
        result("manual-" + what, "only %d" % len(found)
               if len(found) < least else " ".join(missing) or None)


def main():
    tmp = tempfile.mkdtemp(prefix="mailwall-config.")
    try:
        os.chdir(tmp)
        # Not in place: as root, the files of someone else are refused.
        shutil.copytree(HERE + "/files", tmp, dirs_exist_ok=True)
        for name in os.listdir(HERE):
            if name.endswith(".in"):
                shutil.copyfile(HERE + "/" + name, name)
        for root, dirs, files in os.walk("."):
            for name in files:
                os.chmod(root + "/" + name, 0o600)
        golden("-u" in sys.argv)
        examples()
        manual()
        names()
    finally:
        os.chdir(TOP)
        shutil.rmtree(tmp)
    sys.exit(failed)


main()

# SPDX-License-Identifier: ISC
"""mailwalld in the gateway's namespace, with its real rules.

    gw = Gateway(net, "tproxy")
    ...
    gw.log.wait_messages(1)

It runs in a private mount namespace where /etc/passwd and /etc/group have
its four users as well: the machine stays as it is.
"""

import glob
import os
import shutil
import signal

from . import leak, proc, tidy, wait
from .wait import PATIENCE
from .proc import Program

PORTS = {"redirect": 5000, "tproxy": 5001}
USERS = (("_mwproxy", 59901), ("_mwparse", 59902), ("_mwscan", 59903),
         ("_mwstore", 59904))

_START = """
set -e
mount --make-rprivate /
mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/group" /etc/group
[ -z "$2" ] || mount --bind "$2" /run
shift 2
exec "$@"
"""


def objdir():
    return os.path.abspath(os.environ.get("O", "obj"))


class Gateway:
    """A running mailwalld.

    mode is "redirect", "tproxy", or None for no listener of that kind and
    no rules.  rules: lines of the configuration that say what to do with
    messages.  extra: any other lines.  antivirus: "embedded", which may be
    followed by limits ("embedded { file size 1M }"), "none", or a whole
    line.  firewall: more options of mailwall-firewall, or None to do
    without.  run: a directory that is /run for it, see Journal.
    """

    def __init__(self, net, mode="tproxy", rules="", extra="",
                 antivirus="embedded", port=None, firewall=(),
                 conf=None, start=True, libexec=None, listen="", run=None):
        self.net = net
        self.ns = net.gateway
        self.mode = mode
        self.port = port or PORTS.get(mode)
        self.listen = listen
        self.rules = rules
        self.extra = extra
        self.libexec = libexec or objdir()
        self.run = run
        self.dir = tidy.directory("gw")
        self.rundir = os.path.join(self.dir, "run")
        self.statedir = os.path.join(self.dir, "state")
        self.db = os.path.join(self.dir, "db")
        self.conf = os.path.join(self.dir, "mailwall.conf")
        os.mkdir(self.db)
        for f in glob.glob("regress/db/*.[hn]db"):
            shutil.copy(f, self.db)
        self.antivirus = self._antivirus(antivirus)
        self._users()
        self.firewall = firewall
        self.program = None
        self.write(conf)
        if start:
            self.start()

    def _antivirus(self, what):
        if what.startswith("embedded"):
            return 'antivirus embedded database "%s"%s' % (self.db, what[8:])
        return what if " " in what else "antivirus " + what

    def _users(self):
        for name, fields in (("passwd", "::/nonexistent:/usr/sbin/nologin"),
                             ("group", "")):
            with open("/etc/" + name) as f:
                lines = [t for t in f.read().split("\n")
                         if t and t.split(":")[0] not in dict(USERS)]
            for user, uid in USERS:
                ids = "%d:%d" % (uid, uid) if name == "passwd" else \
                    "%d:" % uid
                lines.append("%s:x:%s%s" % (user, ids, fields))
            with open(os.path.join(self.dir, name), "w") as f:
                f.write("\n".join(lines) + "\n")

    def text(self):
        """The configuration, as it is to be."""
        listen = "listen %s port %d %s\n" % (
            self.mode, self.port, self.listen) if self.mode else ""
        return ('run directory "%s"\nstate directory "%s"\n'
                '%s%s\n%s\n%s\n' %
                (self.rundir, self.statedir, listen, self.antivirus,
                 self.extra, self.rules))

    def write(self, text=None):
        """Write the configuration file (anew)."""
        with open(self.conf, "w") as f:
            f.write(text if text is not None else self.text())
        os.chmod(self.conf, 0o644)

    # Life.

    def prefix(self):
        """For commands beside mailwalld: its namespaces but no more."""
        return self.ns.prefix() + ["unshare", "--mount", "--", "sh", "-c",
                                   _START, "sh", self.dir, self.run or ""]

    def argv(self, *more):
        return [os.path.join(objdir(), "mailwalld"), "-f", self.conf,
                "-L", self.libexec] + list(more)

    def start(self, ready=True):
        """Run it and lead port 25 into it."""
        self.program = Program("mailwalld", self.argv("-d", "-v"),
                               self.prefix(),
                               os.path.join(self.dir, "log"))
        self.pid = self.program.pid
        self.log = self.program.log
        if ready:
            self.wait_ready()
        if self.mode and self.firewall is not None:
            self.rules_start()

    def wait_ready(self, timeout=PATIENCE):
        def ready():
            if self.program.poll() is not None:
                raise wait.Timeout("mailwalld ended:\n" +
                                   self.program.text())
            return any(t.endswith("mailwalld: ready")
                       for t in self.log.lines())
        try:
            wait.until(ready, "mailwalld to be ready", timeout)
        except wait.Timeout as e:
            raise wait.Timeout("%s\n%s" % (e, self.program.text())) from None

    def rules_start(self):
        self._rules("start", self.mode, "-i", "in0", "--to-port",
                    str(self.port), *self.firewall)

    def rules_stop(self):
        self._rules("stop")

    def _rules(self, *args):
        status, text = proc.run(["etc/mailwall-firewall"] + list(args),
                                self.ns.prefix())
        if status:
            raise RuntimeError("mailwall-firewall %s: %s" %
                               (" ".join(args), text))

    def check(self, *more):
        """mailwalld -n: (exit status, output)."""
        return proc.run(self.argv("-n", *more), self.prefix())

    def reload(self, pattern=r"reload: (done|failed)"):
        """SIGHUP, and wait for what the log says to it.

        After "done" every proxy has the new configuration.
        """
        mark = self.log.mark()
        self.program.signal(signal.SIGHUP)
        m = self.log.wait(pattern, mark)
        if "done" in m.group(0):
            for pid in self.children("proxy"):
                self.log.wait(r"proxy\[%d\]: configured" % pid, mark)
        return m

    def stop(self, timeout=PATIENCE):
        """SIGTERM; its exit status."""
        if self.mode and self.firewall is not None:
            self.rules_stop()
        return self.program.stop(timeout=timeout)

    def close(self):
        """End it in any way; its children, which follow, are waited for."""
        if self.program is not None:
            kids = list(self.children())
            self.program._kill()
            wait.until(lambda: not any(os.path.exists("/proc/%d" % k)
                                       for k in kids),
                       "the children of mailwalld to end")
        if self.mode and self.firewall is not None:
            self.rules_stop()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    # Looking inside.

    def children(self, kind=None):
        """{pid: name} of its processes; kind as in "proxy"."""
        return {p: st[0] for p, st in leak.tree(self.pid).items()
                if p != self.pid and st[1] != "Z" and
                (kind is None or st[0] == ("mailwall-" + kind)[:15])}

    def snapshot(self):
        return leak.snapshot(self.pid)

    def connections(self):
        """TCP connections that are still open, as ss(8) tells them."""
        out = self.ns.run(["ss", "-Htan", "state", "connected", "exclude",
                           "time-wait"], capture_output=True, text=True)
        return out.stdout.split("\n")[:-1]

    def leaks(self, before, slack=24, timeout=10):
        """No connection, no descriptor more than in the snapshot before.

        slack: the proxies keep a stock of sockets, refilled in batches.
        """
        wait.until(lambda: not self.connections(),
                   "connections to be closed", timeout)
        leak.check(self.pid, before, slack, timeout)

    def message(self, n=1, mark=0):
        """The n-th summary line, waited for."""
        return self.log.wait_messages(n, mark)[n - 1]

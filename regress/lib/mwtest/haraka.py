# SPDX-License-Identifier: ISC
"""Haraka, a mail server in JavaScript, from the registry of npm.

    srv = Haraka(net.server, net.A, net.A6)
    relay = HarakaRelay(net.client, net.CLIENTS[1], {"*": net.A})

As the servers and relays of mta.py.  It is installed once, into obj/npm, as
it was on one day: its version and, by the date, those of all that it needs,
so that a newer one cannot break a test.  That day's say that they run with
the Node.js of Debian 12.  No script of a package is run.
"""

import fcntl
import os
import re
import shutil
import subprocess

from . import tidy, wait
from .gateway import objdir
from .mta import DOMAINS, Mta
from .proc import Program

VERSION = "3.1.1"
DAY = "2026-01-01"
TRIES = 3               # the registry may be slow, or away for a moment
LIMIT = 180             # seconds, each


def installed():
    """The directory of Haraka, fetched now if need be."""
    top = os.path.join(objdir(), "npm")
    os.makedirs(top, exist_ok=True)
    path = os.path.join(top, "haraka-" + VERSION)
    with open(path + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(path):
            _install(path + ".new")
            os.rename(path + ".new", path)      # whole, or not there
    return os.path.join(path, "node_modules", "Haraka")


def _install(path):
    if shutil.which("npm") is None or shutil.which("node") is None:
        raise RuntimeError("Haraka needs node and npm: etc/deps check")
    for _ in range(TRIES):
        shutil.rmtree(path, ignore_errors=True)
        os.mkdir(path)
        with open(os.path.join(path, "package.json"), "w") as f:
            f.write('{ "private": true }\n')
        try:
            p = subprocess.run(
                ["npm", "install", "--omit=optional", "--omit=dev",
                 "--no-audit", "--no-fund", "--ignore-scripts",
                 "--no-package-lock", "--before=" + DAY,
                 "Haraka@" + VERSION], cwd=path, timeout=LIMIT,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT)
        except subprocess.TimeoutExpired:
            text = "npm is not done after %d s" % LIMIT
            continue
        if p.returncode == 0:
            return
        text = p.stdout.decode("utf-8", "replace")[-2000:]
    raise RuntimeError("Haraka cannot be installed from the registry of "
                       "npm: " + text)


class _Directory:
    """In place of a Root: it needs no other root than the machine's."""

    def __init__(self, name):
        self.srv = tidy.directory("srv-" + name, 0o777)


# Names do not resolve in here, at once and not after a time-out.
_START = """
mount --make-rprivate /
mount --bind "$1/resolv.conf" /etc/resolv.conf
shift
exec "$@"
"""

# Takes mail for its domains and puts it into files.
_SERVER = """
const fs = require('fs');
const path = require('path');
const dir = path.join(process.env.HARAKA, '..');

exports.hook_rcpt = function (next, connection, params) {
    const host = params[0].host || '';
    next(%s.includes(host) ? OK : DENY, 'no such domain here');
};

exports.hook_queue = function (next, connection) {
    const name = connection.transaction.uuid;
    const tmp = path.join(dir, 'mail', 'tmp', name);
    const out = fs.createWriteStream(tmp);
    out.once('close', () => {
        fs.renameSync(tmp, path.join(dir, 'mail', 'new', name));
        next(OK);
    });
    connection.transaction.message_stream.pipe(out);
};
"""

# Takes any mail and sends it on; what cannot be sent is written down.
_RELAY = """
const fs = require('fs');
const path = require('path');
const dir = path.join(process.env.HARAKA, '..');
const routes = %s;

exports.hook_connect = function (next, connection) {
    connection.relaying = true;
    next();
};

exports.hook_rcpt = function (next) { next(OK); };

exports.hook_get_mx = function (next, hmail, domain) {
    next(OK, { priority: 0, exchange: routes[domain] || routes['*'],
        port: 25, bind: '%s', bind_helo: 'relay.client.example' });
};

exports.hook_bounce = function (next, hmail, error) {
    const text = hmail.todo.rcpt_to.map((r) =>
        r.address() + ' ' + (r.dsn_smtp_response || r.dsn_msg)).join('\\n');
    const name = hmail.filename + '.' + Date.now();
    fs.writeFileSync(path.join(dir, 'mail', 'tmp', name),
        'Subject: bounce\\n\\n' + String(error) + '\\n' + text + '\\n');
    fs.renameSync(path.join(dir, 'mail', 'tmp', name),
        path.join(dir, 'mail', 'new', name));
    next(OK);
};
"""


class Haraka(Mta):
    name = "haraka"

    def __init__(self, ns, *addrs):
        self.home = installed()
        self.ns = ns
        self.addrs = addrs
        self.root = _Directory(self.name)
        for d in ("mail/new", "mail/tmp", "haraka/config", "haraka/plugins",
                  "haraka/queue"):
            os.makedirs(os.path.join(self.root.srv, d))
        self._write("resolv.conf", "nameserver 127.0.0.1\n"
                    "options timeout:1 attempts:1\n")
        self.configure()
        self.program = Program(
            self.name, ["node", self.home + "/bin/haraka", "-c",
                        self.root.srv + "/haraka"],
            ns.prefix() + ["unshare", "--mount", "--", "sh", "-ec", _START,
                           "sh", self.root.srv])
        for addr in addrs:
            wait.port(ns, addr, alive=self.program)

    def _write(self, path, text):
        with open(os.path.join(self.root.srv, path), "w") as f:
            f.write(text)

    def configure(self):
        self._config("mx.example.org", _SERVER % list(DOMAINS))

    def _config(self, me, plugin):
        # Not taken from the installation by itself.
        with open(os.path.join(self.home, "config", "connection.ini")) as f:
            limits = re.sub(r"(?m)^bytes=.*", "bytes=104857600", f.read())
        listen = ["[%s]:25" % a if ":" in a else a + ":25"
                  for a in self.addrs]
        for name, text in (
                ("config/me", me + "\n"),
                ("config/smtp.ini", "listen=%s\n" % ",".join(listen)),
                ("config/log.ini", "[main]\nlevel=info\n"),
                ("config/plugins", "ours\n"),
                ("config/connection.ini", limits),
                ("config/outbound.ini", "enable_tls=false\n"
                 "local_mx_ok=true\n"),
                ("plugins/ours.js", plugin)):
            self._write("haraka/" + name, text)

    def close(self):
        self.program._kill()

    def run(self, argv):
        raise NotImplementedError


class HarakaRelay(Haraka):
    """What it cannot send is a mail of its own making, not one by mail."""

    def __init__(self, ns, addr, routes):
        self.routes = dict(routes)
        super().__init__(ns, addr)

    def configure(self):
        routes = "{ %s }" % ", ".join("'%s': '%s'" % r
                                      for r in self.routes.items())
        self._config("relay.client.example",
                     _RELAY % (routes, self.addrs[0]))

    def says(self):
        return self.program.text()

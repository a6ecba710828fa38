# SPDX-License-Identifier: ISC
"""Real clients: swaks, msmtp, curl, s-nail, Python's smtplib, smtp-source.

    res = Swaks(net.client).send(net.A, message)
    res.ok, res.text

Each is told nothing of a gateway.  .exact says whether the client sends the
message as it is given or makes one of its own (then it bears the subject).
"""

import os
import re
import sys

from . import proc, tidy
from .root import Root


class Result:
    def __init__(self, status, text):
        self.status = status
        self.text = text
        self.ok = status == 0


class Mua:
    name = None
    exact = True
    ipv6 = True
    sets_source = True          # can choose the address it comes from

    def __init__(self, ns):
        self.ns = ns
        self.dir = tidy.directory("mua-" + self.name)

    def send(self, addr, data, sender="a@client.example",
             rcpt="b@example.org", source=None):
        path = os.path.join(self.dir, "message")
        with open(path, "wb") as f:
            f.write(data)
        argv, stdin = self.command(addr, path, data, sender, rcpt, source)
        return Result(*proc.run(argv, self.prefix(), stdin))

    def prefix(self):
        return self.ns.prefix()

    def command(self, addr, path, data, sender, rcpt, source):
        """(argv, what it reads from standard input)."""
        raise NotImplementedError


def _unix(data):
    return data.replace(b"\r\n", b"\n")


class Swaks(Mua):
    name = "swaks"
    ipv6 = False                # needs a Perl module that is not installed

    def command(self, addr, path, data, sender, rcpt, source):
        with open(path, "wb") as f:     # it adds the last CRLF itself
            f.write(data[:-2])
        argv = ["swaks", "--server", addr, "--from", sender, "--to", rcpt,
                "--ehlo", "client.example", "--data", "@" + path,
                "--timeout", "60"]
        return argv + (["--local-interface", source] if source else []), None


class Msmtp(Mua):
    name = "msmtp"

    def command(self, addr, path, data, sender, rcpt, source):
        argv = ["msmtp", "--file=/dev/null", "--host=" + addr, "--port=25",
                "--tls=off", "--auth=off", "--domain=client.example",
                "--from=" + sender]
        argv += ["--source-ip=" + source] if source else []
        return argv + ["--", rcpt], _unix(data)


class Curl(Mua):
    name = "curl"

    def command(self, addr, path, data, sender, rcpt, source):
        host = "[%s]" % addr if ":" in addr else addr
        argv = ["curl", "-sS", "-v", "--mail-from", sender,
                "--mail-rcpt", rcpt, "-T", path,
                "smtp://%s/client.example" % host]
        return argv + (["--interface", source] if source else []), None


class SNail(Mua):
    name = "s-nail"
    exact = False
    sets_source = False
    ipv6 = False                # its URLs have no IPv6 literals

    def command(self, addr, path, data, sender, rcpt, source):
        head, body = data.split(b"\r\n\r\n", 1)
        m = re.search(rb"(?m)^Subject: (.*?)\r?$", head)
        return ["s-nail", "-n", "-#", "-S", "v15-compat=yes", "-S",
                "mta=smtp://%s:25" % addr, "-S", "smtp-auth=none",
                "-r", sender, "-S", "hostname=client.example",
                "-S", "sendwait", "-S", "DEAD=/dev/null",
                "-s", m.group(1).decode() if m else "test", rcpt], _unix(body)


_SMTPLIB = """
import smtplib, sys
addr, sender, rcpt, source, path = sys.argv[1:]
with smtplib.SMTP(addr, 25, "client.example", 60,
                  (source, 0) if source else None) as s:
    s.sendmail(sender, [rcpt], open(path, "rb").read())
"""


class Smtplib(Mua):
    name = "smtplib"

    def command(self, addr, path, data, sender, rcpt, source):
        return [sys.executable, "-c", _SMTPLIB, addr, sender, rcpt,
                source or "", path], None


class SmtpSource(Mua):
    """Postfix's load generator; makes its own message."""

    name = "smtp-source"
    exact = False
    sets_source = False

    def __init__(self, ns):
        super().__init__(ns)
        self.root = Root("postfix", ("postfix",))

    def prefix(self):
        return self.root.prefix(self.ns)

    def command(self, addr, path, data, sender, rcpt, source):
        m = re.search(rb"(?m)^Subject: (.*?)\r?$", data)
        return ["smtp-source", "-6" if ":" in addr else "-4", "-f", sender,
                "-t", rcpt, "-M", "client.example", "-l", "5000", "-S",
                m.group(1).decode() if m else "test",
                "inet:[%s]:25" % addr], None


ALL = (Swaks, Msmtp, Curl, SNail, Smtplib, SmtpSource)

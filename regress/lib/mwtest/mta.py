# SPDX-License-Identifier: ISC
"""Real mail servers: Postfix, Exim, OpenSMTPD and sendmail from Debian.

    srv = Postfix(net.server, net.A, net.A6)
    ...
    srv.wait_mail(1)[0].body()

Each takes mail for everybody at example.org and b.example.org and puts every
message into a file of its own, as its delivery gives it.

    relay = PostfixRelay(net.client, net.CLIENTS[1],
                         routes={"*": net.A, "b.example.org": net.B})

A relay is such a server on the client side: it takes any mail from its own
address, sends it on to the addresses of its routes, and keeps the mail for
client.example, which is where its bounces go.
"""

import os
import re

from . import wait
from .proc import Program
from .root import Root

DOMAINS = ("example.org", "b.example.org")


class Delivered:
    """A message in a mailbox: lines end in LF there."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as f:
            self.raw = f.read()

    @property
    def data(self):
        """With CRLF, as it was on the wire."""
        raw = self.raw
        if raw[:5] == b"From ":         # the separator of an mbox
            raw = raw[raw.index(b"\n") + 1:]
        return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")

    def contains(self, message):
        """Is this the message: what the server put before it, then it?"""
        return self.data.endswith(message) and \
            self.data[:-len(message)].count(b"\r\n\r\n") == 0

    @property
    def received_from(self):
        """The newest Received field, unfolded."""
        head = self.data.split(b"\r\n\r\n")[0].decode("latin-1")
        head = re.sub(r"\r\n[ \t]+", " ", head)
        m = re.search(r"(?m)^Received: (.*?)\r?$", head)
        return m.group(1) if m else ""


class Mta:
    """One server in the server namespace, on port 25 of its addresses."""

    name = None
    packages = ()
    maildir = "/srv/mail/new"

    def __init__(self, ns, *addrs):
        self.ns = ns
        self.addrs = addrs
        self.root = Root(self.name, self.packages)
        self.root.write("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n" +
                        "".join("%s mx.example.org mx\n" % a for a in addrs))
        self.root.write("/etc/resolv.conf", "nameserver 127.0.0.1\n"
                        "options timeout:1 attempts:1\n")
        self.root.write("/etc/mailname", "mx.example.org\n")
        self.root.user("vmail", 5000)
        for d in ("mail/cur", "mail/new", "mail/tmp"):
            os.makedirs(os.path.join(self.root.srv, d), exist_ok=True)
        os.system("chown -R 5000:5000 '%s/mail'" % self.root.srv)
        self.configure()
        # The shell is the first process of a pid namespace and takes all
        # others along; the servers themselves change ids, which makes the
        # kernel forget that they were to die with their parent.
        self.program = Program(
            self.name, self.argv(),
            ["nsenter", "--mount=/proc/%d/ns/mnt" % self.root.holder.pid,
             "--net=" + ns.path, "--", "unshare", "--pid", "--fork",
             "--kill-child", "--", "chroot", self.root._top + "/root",
             "sh", "-c", '"$@"; exit $?', "sh"])
        for addr in addrs:
            wait.port(ns, addr, alive=self.program)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        """End it: the first process of its pid namespace takes all along."""
        self.program._kill()
        self.root.close()

    def configure(self):
        """Write the configuration into self.root."""
        raise NotImplementedError

    def argv(self):
        """The server in the foreground."""
        raise NotImplementedError

    def run(self, argv):
        """Another program of the package, in its root, at the server."""
        from .proc import run
        return run(argv, self.root.prefix(self.ns))

    def mails(self):
        path = self.root.srv + self.maildir[4:]
        names = sorted(os.listdir(path),
                       key=lambda n: os.stat(path + "/" + n).st_mtime_ns)
        return [Delivered(path + "/" + n) for n in names]

    def wait_mail(self, n, timeout=60):
        try:
            wait.until(lambda: len(self.mails()) >= n,
                       "%d mails at %s" % (n, self.name), timeout, 0.05)
        except wait.Timeout as e:
            raise wait.Timeout("%s; it says:\n%s" %
                               (e, self.program.text()[-3000:])) from None
        return self.mails()

    def clear(self):
        for m in self.mails():
            os.unlink(m.path)


class Postfix(Mta):
    name = "postfix"
    packages = ("postfix",)

    # Services that a test needs; nothing is chrooted.
    MASTER = """\
smtp      inet  n  -  n  -   -  smtpd
pickup    unix  n  -  n  60  1  pickup
cleanup   unix  n  -  n  -   0  cleanup
qmgr      unix  n  -  n  300 1  qmgr
tlsmgr    unix  -  -  n  1000? 1 tlsmgr
rewrite   unix  -  -  n  -   -  trivial-rewrite
bounce    unix  -  -  n  -   0  bounce
defer     unix  -  -  n  -   0  bounce
trace     unix  -  -  n  -   0  bounce
verify    unix  -  -  n  -   1  verify
flush     unix  n  -  n  1000? 0 flush
proxymap  unix  -  -  n  -   -  proxymap
smtp      unix  -  -  n  -   -  smtp
relay     unix  -  -  n  -   -  smtp
showq     unix  n  -  n  -   -  showq
error     unix  -  -  n  -   -  error
retry     unix  -  -  n  -   -  error
discard   unix  -  -  n  -   -  discard
local     unix  -  n  n  -   -  local
virtual   unix  -  n  n  -   -  virtual
lmtp      unix  -  -  n  -   -  lmtp
anvil     unix  -  -  n  -   1  anvil
scache    unix  -  -  n  -   1  scache
postlog   unix-dgram n - n - 1 postlogd
"""

    MAIN = """\
compatibility_level = 3.6
myhostname = mx.example.org
mydestination =
inet_interfaces = %s
inet_protocols = all
mynetworks = 127.0.0.0/8
maillog_file = /dev/stdout
virtual_mailbox_domains = %s
virtual_mailbox_base = /srv
virtual_mailbox_maps = static:mail/
virtual_uid_maps = static:5000
virtual_gid_maps = static:5000
virtual_mailbox_limit = 0
virtual_minimum_uid = 5000
message_size_limit = 104857600
alias_maps =
alias_database =
local_header_rewrite_clients =
smtpd_relay_restrictions = reject_unauth_destination
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtputf8_enable = no
strict_8bitmime = no
smtpd_forbid_bare_newline = yes
import_environment = MAIL_CONFIG
"""

    def configure(self):
        r = self.root
        r.user("postfix", 5025)
        r.user("postdrop", 5026)
        r.write("/etc/postfix/main.cf",
                self.MAIN % (", ".join(self.addrs), ", ".join(DOMAINS)))
        r.write("/etc/postfix/master.cf", self.MASTER)
        for d in ("/var/lib/postfix", "/var/spool/postfix"):
            os.makedirs(r.path + d, exist_ok=True)
        os.chown(r.path + "/var/lib/postfix", 5025, 5025)

    def argv(self):
        return ["/usr/sbin/postfix", "start-fg"]


class Exim(Mta):
    name = "exim"
    packages = ("exim4-daemon-light",)

    CONF = """\
primary_hostname = mx.example.org
domainlist local_domains = %s
local_interfaces = <; %s
exim_user = Debian-exim
exim_group = Debian-exim
never_users =
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = acl_data
message_size_limit = 100M
host_lookup =
rfc1413_query_timeout = 0s
smtp_enforce_sync = true
smtp_accept_max = 100
remote_max_parallel = 1
log_file_path = /var/log/exim4/%%slog
keep_environment =
tls_advertise_hosts =
queue_only = false
begin acl
acl_rcpt:
  accept domains = +local_domains
  deny message = relay not permitted
acl_data:
  accept
begin routers
all:
  driver = accept
  transport = file
begin transports
file:
  driver = appendfile
  maildir_format
  directory = /srv/mail
  create_directory
  user = vmail
  group = vmail
  delivery_date_add = false
  envelope_to_add = false
  return_path_add = false
begin retry
*  *  F,2h,1m
begin rewrite
begin authenticators
"""

    def configure(self):
        r = self.root
        r.user("Debian-exim", 5027)
        r.write("/etc/exim4/exim4.conf", self.CONF %
                (" : ".join(DOMAINS), " ; ".join(self.addrs)))
        for d in ("/var/spool/exim4", "/var/log/exim4"):
            os.makedirs(r.path + d, exist_ok=True)
            os.chown(r.path + d, 5027, 5027)

    def argv(self):
        return ["/usr/sbin/exim4", "-bdf", "-q1m"]


class EximPrdr(Exim):
    """Exim with a reply for each recipient; "picky" wants no message."""

    CONF = Exim.CONF.replace("acl_smtp_data = acl_data\n", """\
acl_smtp_data = acl_data
acl_smtp_data_prdr = acl_prdr
prdr_enable = true
""").replace("acl_data:\n", """\
acl_prdr:
  deny local_parts = picky
    message = not for picky
  accept
acl_data:
""")


class OpenSmtpd(Mta):
    name = "opensmtpd"
    packages = ("opensmtpd",)

    def configure(self):
        r = self.root
        r.user("opensmtpd", 5028)
        r.user("opensmtpq", 5029)
        r.write("/etc/aliases", "")
        listen = "".join("listen on %s port 25\n" % a for a in self.addrs)
        r.write("/etc/smtpd.conf", """\
smtp max-message-size 100M
%s
table everybody { "@" = vmail }
table domains { %s }
action "file" maildir "/srv/mail" virtual <everybody>
match from any for domain <domains> action "file"
""" % (listen, ", ".join(DOMAINS)))
        r.write("/etc/mailname", "mx.example.org\n")
        spool = r.path + "/var/spool/smtpd"
        for d, owner, group, mode in (
                ("", 0, 0, 0o711), ("/corrupt", 5029, 0, 0o700),
                ("/incoming", 5029, 0, 0o700), ("/offline", 0, 5029, 0o770),
                ("/purge", 5029, 0, 0o700), ("/queue", 5029, 0, 0o700),
                ("/temporary", 5029, 0, 0o700)):
            os.makedirs(spool + d, exist_ok=True)
            os.chown(spool + d, owner, group)
            os.chmod(spool + d, mode)
        os.makedirs(r.path + "/var/lib/opensmtpd/empty", exist_ok=True)

    def argv(self):
        return ["/usr/sbin/smtpd", "-d"]


class Sendmail(Mta):
    name = "sendmail"
    packages = ("sendmail-bin", "sendmail-cf", "m4")

    MC = """\
divert(-1)
define(`_USE_ETC_MAIL_')
divert(0)
include(`/usr/share/sendmail/cf/m4/cf.m4')
VERSIONID(`mailwall test')
OSTYPE(`debian')
DOMAIN(`debian-mta')
undefine(`confHOST_STATUS_DIRECTORY')
define(`confCW_FILE', `-o /etc/mail/local-host-names')
define(`confDONT_PROBE_INTERFACES', `True')
define(`confTO_IDENT', `0')
define(`confMAX_MESSAGE_SIZE', `104857600')
define(`confPRIVACY_FLAGS', `')
define(`ALIAS_FILE', `')
FEATURE(`no_default_msa')
FEATURE(`nocanonify')
FEATURE(`accept_unresolvable_domains')
FEATURE(`accept_unqualified_senders')
%s
MAILER(`smtp')
MAILER_DEFINITIONS
Mfile, P=/srv/deliver, F=lsDFMPqn79:, S=0, R=0, T=X-Unix,
	U=vmail:vmail, L=0, D=/tmp, A=deliver $u
LOCAL_RULE_0
%s
"""

    def configure(self):
        r = self.root
        r.user("smmta", 5030)
        r.user("smmsp", 5031)
        daemons = "".join(
            "DAEMON_OPTIONS(`Family=%s, Addr=%s, Port=25, Name=D%d')\n" %
            ("inet6" if ":" in a else "inet", a, i)
            for i, a in enumerate(self.addrs))
        rules = "".join("R$* < @ %s . > $*\t$#file $@ %s $: $1\n"
                        "R$* < @ %s > $*\t$#file $@ %s $: $1\n" %
                        (d, d, d, d) for d in DOMAINS)
        r.write("/etc/mail/test.mc", self.MC % (daemons, rules))
        r.write("/etc/mail/local-host-names", "\n")
        r.write("/etc/mail/relay-domains", "\n".join(DOMAINS) + "\n")
        r.write("/etc/mail/access", "")
        r.write("/srv/deliver", "#!/bin/sh\n"
                "f=$(mktemp /srv/mail/tmp/XXXXXXXXXX) &&\n"
                "cat >\"$f\" && mv \"$f\" /srv/mail/new/\n", 0o755)
        for d in ("/var/spool/mqueue", "/run/sendmail/mta",
                  "/var/lib/sendmail"):
            os.makedirs(r.path + d, exist_ok=True)
        status, text = self.run(["sh", "-c", "m4 /etc/mail/test.mc "
                                 ">/etc/mail/sendmail.cf"])
        if status:
            raise RuntimeError("m4: " + text)

    def argv(self):
        return ["/usr/libexec/sendmail/sendmail", "-bD", "-q1m",
                "-C", "/etc/mail/sendmail.cf"]



class PostfixRelay(Postfix):
    """Postfix that relays; with utf8, it speaks SMTPUTF8."""

    # What differs from the server, taken by Postfix in place of the above.
    MORE = """\
myhostname = relay.client.example
mynetworks = 127.0.0.0/8 %(addr)s
virtual_mailbox_domains = client.example
smtpd_relay_restrictions = permit_mynetworks reject
relayhost = [%(default)s]
transport_maps = %(routes)s
smtp_dns_support_level = disabled
smtp_bind_address = %(addr)s
smtputf8_enable = %(utf8)s
"""

    def __init__(self, ns, addr, routes, utf8=False):
        self.routes = dict(routes)
        self.utf8 = utf8
        super().__init__(ns, addr)

    def configure(self):
        super().configure()
        routes = ["{%s%s = smtp:[%s]}" % (dot, domain, to)
                  for domain, to in self.routes.items() if domain != "*"
                  for dot in ("", ".")]
        more = self.MORE % {
            "addr": self.addrs[0], "default": self.routes["*"],
            "routes": "inline:{%s}" % ", ".join(routes) if routes else "",
            "utf8": "yes" if self.utf8 else "no"}
        ours = {t.split(" = ")[0] for t in more.split("\n")}
        main = (self.MAIN % (self.addrs[0], "")).split("\n")
        self.root.write("/etc/postfix/main.cf", more + "\n".join(
            t for t in main if t.split(" = ")[0] not in ours))

    def says(self):
        """Its log."""
        return self.program.text()

    def flush(self):
        """Try at once what waits in the queue."""
        status, text = self.run(["/usr/sbin/postqueue", "-f"])
        if status:
            raise RuntimeError("postqueue: " + text)


class EximRelay(Exim):
    """Exim that relays; it uses BDAT where the server offers it."""

    def __init__(self, ns, addr, routes):
        self.routes = dict(routes)
        super().__init__(ns, addr)

    def configure(self):
        super().configure()
        addr = self.addrs[0]
        routes = ["%s%s %s" % (star, domain, to)
                  for domain, to in self.routes.items() if domain != "*"
                  for star in ("", "*.")] + ["* " + self.routes["*"]]
        conf = self.CONF % ("client.example", addr)
        for old, new in (
                ("primary_hostname = mx.example.org",
                 "primary_hostname = relay.client.example"),
                ("  deny message",
                 "  accept hosts = %s\n  deny message" % addr),
                ("all:\n  driver = accept",
                 "away:\n  driver = manualroute\n"
                 "  domains = ! +local_domains\n"
                 "  route_list = %s\n  transport = away\n  no_more\n"
                 "all:\n  driver = accept" % " ; ".join(routes)),
                ("begin transports\n",
                 "begin transports\naway:\n  driver = smtp\n"
                 "  interface = %s\n" % addr)):
            if old not in conf:
                raise RuntimeError("no %r in Exim's configuration" % old)
            conf = conf.replace(old, new)
        self.root.write("/etc/exim4/exim4.conf", conf)

    def says(self):
        with open(self.root.path + "/var/log/exim4/mainlog", "rb") as f:
            return f.read().decode("utf-8", "replace")

    def flush(self):
        status, text = self.run(["/usr/sbin/exim4", "-qff"])
        if status:
            raise RuntimeError("exim4 -qff: " + text)


ALL = (Postfix, Exim, OpenSmtpd, Sendmail)

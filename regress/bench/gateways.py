# SPDX-License-Identifier: ISC
"""What is measured: nothing at all, haproxy, mailwall in three ways, clamsmtp.

Each stands on a port of the loopback of one network namespace, in front of
the same sink.  haproxy, clamsmtp and clamd are Debian's packages, unpacked.
All have their temporary files on a tmpfs, and all scan with the same small
database.
"""

import glob
import os
import shutil
import signal
import sys

sys.path.insert(0, "regress/lib")

from mwtest import gateway, wait                            # noqa: E402
from mwtest.net import Ns                                   # noqa: E402
from mwtest.proc import Program                             # noqa: E402
from mwtest.root import Root                                # noqa: E402

ADDR = "127.0.0.1"
SINK = 2600

HAPROXY = """
global
	maxconn 9500
defaults
	mode tcp
	timeout connect 30s
	timeout client 10m
	timeout server 10m
listen smtp
	bind %s:%d
	server sink %s:%d
"""

# Options as the package has them; but for where things lie, and for more
# threads than its 12: clamsmtp holds a connection to clamd as long as its
# session lasts (MaxConnections, 64), and the 13th session would wait for ever.
CLAMD = """
LocalSocket /srv/clamd.sock
LocalSocketMode 666
FixStaleSocket true
Foreground true
DatabaseDirectory /srv/db
LogFile /tmp/clamd.log
LogTime true
LogSyslog false
LogClean false
LogVerbose false
ScanMail true
ScanArchive true
ArchiveBlockEncrypted false
MaxDirectoryRecursion 15
ReadTimeout 180
MaxThreads 64
MaxConnectionQueueLength 30
MaxQueue 100
SelfCheck 3600
ScanPE true
MaxEmbeddedPE 10M
ScanOLE2 true
ScanPDF true
ScanHTML true
MaxHTMLNormalize 10M
MaxHTMLNoTags 2M
MaxScriptNormalize 5M
MaxZipTypeRcg 1M
ScanSWF true
ScanELF true
AlgorithmicDetection true
PhishingSignatures true
PhishingScanURLs true
DetectPUA false
ScanPartialMessages false
StructuredDataDetection false
IdleTimeout 30
CommandReadTimeout 30
ExtendedDetectionInfo true
ForceToDisk false
DisableCache false
MaxScanTime 120000
MaxScanSize 100M
MaxFileSize 25M
MaxRecursion 16
MaxFiles 10000
MaxPartitions 50
MaxIconsPE 100
PCREMatchLimit 10000
PCRERecMatchLimit 5000
PCREMaxFileSize 25M
ScanXMLDOCS true
ScanHWP3 true
MaxRecHWP3 16
StreamMaxLength 25M
Bytecode true
BytecodeSecurity TrustSigned
BytecodeTimeout 60000
"""

CLAMSMTP = """
OutAddress: %s:%d
Listen: %s:%d
ClamAddress: /srv/clamd.sock
TempDirectory: /tmp
PidFile: /tmp/clamsmtpd.pid
"""


class Loopback:
    """A network namespace that is all there is, where mwtest has three."""

    def __init__(self):
        self.gateway = Ns("bench")
        # Thousands of connections to one address and port.
        self.gateway.sysctl("net.ipv4.ip_local_port_range", "10000 65000")

    def close(self):
        self.gateway.delete()


class Sink:
    """smtpsink; counts() says what it has seen."""

    def __init__(self, net):
        self.program = Program("smtpsink",
                               [gateway.objdir() + "/regress/bench/smtpsink",
                                "-a", ADDR, str(SINK)], net.gateway.prefix())
        self.pid = self.program.pid
        wait.port(net.gateway, ADDR, SINK, alive=self.program)

    def counts(self):
        """{"sessions": .., "messages": .., "bytes": ..}"""
        n = len(self.program.log.lines())
        self.program.signal(signal.SIGUSR1)
        wait.until(lambda: len(self.program.log.lines()) > n,
                   "smtpsink's counts")
        return {k: int(v) for k, v in
                (f.split("=") for f in self.program.log.lines()[-1].split())}


class Subject:
    """One thing to measure.  .port, and .pids: roots of its processes."""

    def __init__(self, key, title, port, pids, exact=True):
        self.key = key
        self.title = title
        self.port = port
        self.pids = pids
        self.exact = exact      # passes bytes on unchanged


class Mailwall(gateway.Gateway):
    """mailwalld as in service: no debugging output, run directory on tmpfs."""

    def __init__(self, net, port, antivirus, extra=""):
        self.listen = "listen on %s port %d relay to %s port %d\n" % (
            ADDR, port, ADDR, SINK)
        super().__init__(net, None, antivirus=antivirus,
                         extra=self.listen + extra)

    def argv(self, *more):
        return super().argv(*[a for a in more if a != "-v"])

    def prefix(self):
        return super().prefix() + [
            "sh", "-c", 'mkdir -p "$0"; mount -t tmpfs -o mode=755 tmpfs "$0"'
            ' && exec "$@"', self.rundir]


def haproxy(net, port):
    """A Program: haproxy in TCP mode, threads as it chooses."""
    root = Root("haproxy", ["haproxy"])
    root.write("/srv/haproxy.cfg", HAPROXY % (ADDR, port, ADDR, SINK))
    prog = Program("haproxy", ["haproxy", "-db", "-f", "/srv/haproxy.cfg"],
                   root.prefix(net.gateway))
    wait.port(net.gateway, ADDR, port, alive=prog)
    return prog


def clamsmtp(net, port):
    """(clamd, clamsmtpd, path of clamd's socket)."""
    root = Root("clamsmtp", ["clamsmtp", "clamav-daemon"])
    os.mkdir(root.srv + "/db")
    for f in glob.glob("regress/db/*.[hn]db"):
        shutil.copy(f, root.srv + "/db")
    root.write("/srv/clamd.conf", CLAMD)
    root.write("/srv/clamsmtpd.conf", CLAMSMTP % (ADDR, SINK, ADDR, port))
    prefix = root.prefix(net.gateway)
    sock = root.srv + "/clamd.sock"
    clamd = Program("clamd", ["clamd", "-c", "/srv/clamd.conf"], prefix)

    def answers():
        if clamd.poll() is not None:
            raise wait.Timeout("clamd ended:\n" + clamd.text())
        return os.path.exists(sock)
    wait.until(answers, "clamd's socket")
    # Level 3 is a line a message, as mailwall writes one.
    smtp = Program("clamsmtpd", ["clamsmtpd", "-d", "3", "-f",
                                 "/srv/clamsmtpd.conf"], prefix)
    wait.port(net.gateway, ADDR, port, alive=smtp)
    return clamd, smtp, sock


def start(net, which):
    """Start the subjects named in which; a list of Subjects in that order."""
    subjects = {"direct": Subject("direct", "direct", SINK, [])}
    if "haproxy" in which:
        p = haproxy(net, 2501)
        subjects["haproxy"] = Subject("haproxy", "haproxy, TCP mode", 2501,
                                      [p.pid])
    for key, title, port, av in (
            ("none", "mailwall, antivirus none", 2502, "none"),
            ("embedded", "mailwall, embedded scanner", 2503, "embedded")):
        if key in which:
            gw = Mailwall(net, port, av)
            subjects[key] = Subject(key, title, port, [gw.pid])
    if "clamsmtp" in which or "clamd" in which:
        clamd, smtp, sock = clamsmtp(net, 2504)
        subjects["clamsmtp"] = Subject("clamsmtp", "clamsmtp with clamd",
                                       2504, [clamd.pid, smtp.pid], False)
        if "clamd" in which:
            gw = Mailwall(net, 2505, 'antivirus clamd "%s"' % sock)
            subjects["clamd"] = Subject("clamd", "mailwall with clamd", 2505,
                                        [gw.pid, clamd.pid])
    return [subjects[key] for key in which]

# SPDX-License-Identifier: ISC
"""A scripted SMTP client: says what it is told to, bytes and all.

    with Client(net.client, net.A) as c:
        check_equal(c.ehlo().code, 250)
        check_equal(c.message(data).code, 250)
"""

import socket
import struct

from .server import Gone        # the other side has closed


class Reply:
    """.code (int), .lines (text without codes), .raw (bytes), .text."""

    def __init__(self, raw):
        self.raw = raw
        text = raw.decode("utf-8", "replace").rstrip("\r\n").split("\r\n")
        self.code = int(text[-1][:3])
        self.lines = [t[4:] for t in text]
        self.text = "\n".join(self.lines)

    def __repr__(self):
        return "<%s>" % self.raw.decode("utf-8", "replace").rstrip()


def stuff(data):
    """A message in wire form, with the final dot."""
    wire = (b"\r\n" + data).replace(b"\r\n.", b"\r\n..")[2:]
    if wire and not wire.endswith(b"\r\n"):
        raise ValueError("a message ends with CRLF")
    return wire + b".\r\n"


class Client:
    """Connected at once; reads the banner into .banner unless told not to.

    source is the address to come from; timeout bounds each wait.
    """

    def __init__(self, ns, addr, port=25, source=None, banner=True,
                 timeout=20, rcvbuf=None):
        fam = socket.AF_INET6 if ":" in addr else socket.AF_INET
        self.sock = ns.socket(fam)
        self.sock.settimeout(timeout)
        self._buf = bytearray()
        self.received = bytearray()
        self.banner = None
        try:
            if rcvbuf:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                     rcvbuf)
            if source:
                self.sock.bind((source, 0))
            self.sock.connect((addr, port))
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if banner:
                self.banner = self.reply()
        except BaseException:
            self.sock.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    # Bytes.

    def send(self, data):
        """Bytes as they are."""
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as e:
            raise Gone(str(e)) from None

    def _read(self):
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Gone("connection closed")
        self.received += data
        self._buf += data

    def line(self):
        """One line with its CRLF; Gone at the end."""
        while b"\n" not in self._buf:
            self._read()
        i = self._buf.index(b"\n") + 1
        line = bytes(self._buf[:i])
        del self._buf[:i]
        return line

    def reply(self):
        """One whole reply; Gone when the connection ends first."""
        raw = b""
        while True:
            line = self.line()
            raw += line
            if line[3:4] != b"-":
                return Reply(raw)

    def at_end(self, timeout=60):
        """True when the other side closes without another byte."""
        self.sock.settimeout(timeout)
        try:
            self._read()
        except Gone:
            return not self._buf
        return False

    # Commands.

    def cmd(self, text):
        """A command line, and its reply."""
        self.send(text.encode("latin-1") + b"\r\n")
        return self.reply()

    def ehlo(self, name="client.example"):
        return self.cmd("EHLO " + name)

    def envelope(self, sender="a@client.example", rcpts=("b@example.org",)):
        """MAIL and RCPTs; the last reply, or the first refusal."""
        r = self.cmd("MAIL FROM:<%s>" % sender)
        for rcpt in rcpts:
            if r.code != 250:
                break
            r = self.cmd("RCPT TO:<%s>" % rcpt)
        return r

    def data(self, data):
        """DATA, the message (unstuffed), the dot: the last reply."""
        r = self.cmd("DATA")
        if r.code != 354:
            return r
        self.send(stuff(data))
        return self.reply()

    def message(self, data, sender="a@client.example",
                rcpts=("b@example.org",)):
        """A whole transaction: the last reply, or the first refusal."""
        r = self.envelope(sender, rcpts)
        return self.data(data) if r.code == 250 else r

    def quit(self):
        r = self.cmd("QUIT")
        self.close()
        return r

    # Ways to leave.

    def close(self):
        self.sock.close()

    def half_close(self):
        """FIN: we say nothing more, but listen."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.sock.close()


def send(ns, addr, data, source=None, sender="a@client.example",
         rcpts=("b@example.org",), helo="client.example"):
    """One session with one message: the reply to it."""
    with Client(ns, addr, source=source) as c:
        c.ehlo(helo)
        r = c.message(data, sender, rcpts)
        try:
            c.cmd("QUIT")
        except Gone:
            pass
        return r

# SPDX-License-Identifier: ISC
"""How much a socket of the gateway has not read yet: sock_diag(7).

What is sent in pieces shall be read in pieces.  The next piece goes out when
the receive queue at the other end is empty: a condition, not a guess.
"""

import errno
import fcntl
import socket
import struct
import termios

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST = 1
NLMSG_ERROR = 2
RQUEUE = 16 + 4 + 48 + 4        # nlmsghdr, four bytes, id, expires


class Probe:
    """Asks in one namespace; not to be shared by threads."""

    def __init__(self, ns):
        with ns.entered():
            self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                                      NETLINK_SOCK_DIAG)
        self.sock.settimeout(5)
        self.seq = 0

    def close(self):
        self.sock.close()

    def unread(self, local, remote):
        """Bytes in the receive queue of a connection; None without it."""
        v6 = ":" in local[0]
        fam = socket.AF_INET6 if v6 else socket.AF_INET
        size = 16

        def packed(addr):
            return socket.inet_pton(fam, addr).ljust(size, b"\0")

        self.seq += 1
        ident = struct.pack(">HH", local[1], remote[1]) + \
            packed(local[0]) + packed(remote[0]) + \
            struct.pack("=III", 0, 0xffffffff, 0xffffffff)
        body = struct.pack("=BBBxI", fam, socket.IPPROTO_TCP, 0,
                           0xffffffff) + ident
        self.sock.send(struct.pack("=IHHII", 16 + len(body),
                                   SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST,
                                   self.seq, 0) + body)
        while True:
            data = self.sock.recv(8192)
            _, kind, _, seq = struct.unpack_from("=IHHI", data)
            if seq != self.seq:
                continue
            if kind == NLMSG_ERROR:
                error = -struct.unpack_from("=i", data, 16)[0]
                if error == errno.ENOENT:
                    return None
                raise OSError(error, "sock_diag")
            return struct.unpack_from("=I", data, RQUEUE)[0]


def unsent(sock):
    """Bytes that the other kernel has not acknowledged."""
    return struct.unpack("=i", fcntl.ioctl(sock, termios.TIOCOUTQ,
                                           b"\0" * 4))[0]

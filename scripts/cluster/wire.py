#!/usr/bin/env python3
"""A wire between two taps that delays and loses frames: what netem does, for kernels without it.

    python3 scripts/cluster/wire.py TAP NAMESPACE TAP

One end is in this network namespace, the other in NAMESPACE. Reads lines `DELAY LOSS` from standard input: seconds, and a
share of 0 to 1, for each direction. Ends when its input does.
"""

import collections
import ctypes
import fcntl
import os
import random
import select
import struct
import sys
import time

CLONE_NEWNET = 0x40000000
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000
TUNSETIFF = 0x400454CA
FRAME_BYTES = 65536


def enter(namespace):
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{namespace}") as file:
        if libc.setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter the namespace {namespace}")


def attach(tap):
    """A descriptor that reads and writes the frames of a tap of the current namespace."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH", tap.encode(), IFF_TAP | IFF_NO_PI))
    return descriptor


class Wire:
    def __init__(self, one, other):
        self.peer = {one: other, other: one}
        # Frames on their way: when they arrive, where, and what; the delay is one for all, so they stay in order.
        self.flying = collections.deque()
        self.delay, self.loss = 0.0, 0.0

    def shape(self, line):
        self.delay, self.loss = (float(word) for word in line.split())

    def take(self, descriptor):
        """Sends off what came out of a tap."""
        while True:
            try:
                frame = os.read(descriptor, FRAME_BYTES)
            except BlockingIOError:
                return
            except OSError:
                return  # The other end's link is down.
            if random.random() >= self.loss:
                self.flying.append((time.monotonic() + self.delay, self.peer[descriptor], frame))

    def deliver(self):
        """Puts what has arrived into its tap; how long until the next frame arrives, None if none flies."""
        while self.flying:
            wait = self.flying[0][0] - time.monotonic()
            if wait > 0:
                return wait
            _, descriptor, frame = self.flying.popleft()
            try:
                os.write(descriptor, frame)
            except OSError:
                pass  # A link that is down loses it.
        return None

    def run(self, control):
        watched = [*self.peer, control]
        while True:
            ready, _, _ = select.select(watched, [], [], self.deliver())
            if control in ready:
                line = control.readline()
                if not line:
                    return
                self.shape(line)
            for descriptor in self.peer:
                if descriptor in ready:
                    self.take(descriptor)


def main():
    here, namespace, there = sys.argv[1:]
    one = attach(here)
    enter(namespace)
    Wire(one, attach(there)).run(sys.stdin)


if __name__ == "__main__":
    main()

"""RTP (L16) by hand, for the tests of rtp.read, rtp.write and the conference: a talker, a listener, and an ear."""
import array
import math
import socket
import struct
import sys
import threading
import time

from camera_server import free_port

RATE = 48000


def free_ports(count):
    """Even UDP ports that were free a moment ago."""
    found = set()
    while len(found) < count:
        found.add(free_port(socket.SOCK_DGRAM))
    return sorted(found)


def tone(frequency, level, channels, samples):
    """Whole periods: the frequency times the length must be a whole number."""
    assert frequency * samples % RATE == 0
    values = array.array("h", (round(32767 * level * math.sin(2 * math.pi * frequency * n / RATE))
                               for n in range(samples) for _ in range(channels)))
    if sys.byteorder == "little":
        values.byteswap()
    return values.tobytes()


class Talker:
    """Packets of one tone; the payload is always the same, since a packet holds whole periods."""

    def __init__(self, port, frequency, level=0.04, channels=1, samples=480, payload_type=96, ssrc=1):
        self.address, self.samples, self.payload_type, self.ssrc = ("127.0.0.1", port), samples, payload_type, ssrc
        self.payload = tone(frequency, level, channels, samples)
        self.sequence, self.timestamp = 65000 + ssrc, 0xfffff000 + ssrc  # both wrap soon
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sent, self.is_on = 0, True

    def send_until(self, now):
        """Everything that is due so many seconds after the start."""
        while self.is_on and (self.sent + 1) * self.samples <= now * RATE:
            header = struct.pack("!BBHII", 0x80, self.payload_type, self.sequence & 0xffff,
                                 self.timestamp & 0xffffffff, self.ssrc)
            try:
                self.socket.sendto(header + self.payload, self.address)
            except ConnectionRefusedError:
                pass
            self.sequence += 1
            self.timestamp += self.samples
            self.sent += 1


class Stage(threading.Thread):
    """All talkers of a test, in one thread."""

    def __init__(self, talkers):
        super().__init__(daemon=True)
        self.talkers, self.is_over = talkers, False

    def run(self):
        began = time.monotonic()
        while not self.is_over:
            for talker in self.talkers:
                talker.send_until(time.monotonic() - began)
            time.sleep(0.004)


class Listener(threading.Thread):
    """Keeps the packets that come to a port: (sequence, timestamp, marker, payload type, samples as bytes)."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind(("127.0.0.1", port))
        self.socket.settimeout(0.1)
        self.packets, self.is_over = [], False

    def run(self):
        while not self.is_over:
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                continue
            first, second, sequence, timestamp, _ = struct.unpack("!BBHII", data[:12])
            assert first == 0x80
            self.packets.append((sequence, timestamp, second >> 7, second & 0x7f, data[12:]))

    def channel(self, number, channels, first=0, count=None):
        """Of all packets, or of so many from the first on."""
        end = None if count is None else first + count
        values = array.array("h", b"".join(packet[4] for packet in self.packets[first:end]))
        if sys.byteorder == "little":
            values.byteswap()
        return values[number::channels]


def level_of(samples, frequency):
    """The amplitude of a tone in samples that hold whole periods of it (Goertzel), full scale 1."""
    factor, before, last = 2 * math.cos(2 * math.pi * frequency / RATE), 0.0, 0.0
    for sample in samples:
        before, last = last, sample + factor * last - before
    power = last * last + before * before - factor * last * before
    return 2 * math.sqrt(max(power, 0)) / len(samples) / 32767

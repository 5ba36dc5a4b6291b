#!/usr/bin/env python3
"""RTP with a stranger: ffmpeg sends L16 to rtp.read, receives rtp.write's, and a multicast group carries it between two
services of ours."""
import array
import signal
import subprocess
import sys
import wave

from lib import SLOW, Node, check, need, wait_for
from rtp_peer import RATE, Listener, free_ports, level_of

need("ffmpeg")
LEVEL = 0.1  # test.audio's -20 dB


def play(path, channels=2):
    """The sound of a file that ffmpeg or raw.write wrote, the first channel."""
    with wave.open(path, "rb") as sound:
        check(sound.getframerate() == RATE and sound.getnchannels() == channels, f"{path}: {sound.getparams()}")
        values = array.array("h", sound.readframes(sound.getnframes()))
    if sys.byteorder == "big":
        values.byteswap()
    return values[::channels]


def quiet_ffmpeg(*words):
    return subprocess.Popen(["ffmpeg", "-v", "error", "-nostdin", "-y", *words], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL)


def end(command):
    command.send_signal(signal.SIGINT)
    command.communicate(timeout=20 * SLOW)


def from_ffmpeg(node, port, back):
    """ffmpeg's packets, read and sent on: the tone arrives, at its level, and nothing counts as lost."""
    sender = quiet_ffmpeg("-re", "-f", "lavfi", "-i", f"aevalsrc={LEVEL}*sin(2*PI*1000*t)|0:s={RATE}", "-c:a",
                          "pcm_s16be", "-payload_type", "97", "-f", "rtp", f"rtp://127.0.0.1:{port}")
    listener, ledger = Listener(back), node.path("read.ledger")
    listener.start()
    command = node.spawn("run", f"rtp.read url=rtp://127.0.0.1:{port} payload_type=97 latency=150ms ! "
                         f"rtp.write url=rtp://127.0.0.1:{back} ptime=4ms payload_type=100", "--for", "60s", "--no-profile",
                         "--quiet", "--ledger", ledger)
    try:
        wait_for(lambda: len(listener.packets) > 400 or command.poll() is not None, 30, "what ffmpeg sends is not heard")
        if command.poll() is not None:
            raise AssertionError("the service has ended: " + command.stderr.read())
    finally:
        end(command)
        sender.kill()
        sender.wait()
        listener.is_over = True
    packets = listener.packets[:400]
    check({packet[3] for packet in packets} == {100}, "the payload type is the one asked for")
    check({len(packet[4]) for packet in packets} == {192 * 4}, "4 ms are 192 samples")
    steps = {((b[0] - a[0]) & 0xffff, (b[1] - a[1]) & 0xffffffff) for a, b in zip(packets, packets[1:])}
    check(steps == {(1, 192)}, f"numbers and stamps go on: {steps}")
    heard = level_of(listener.channel(0, 2)[200 * 192:200 * 192 + 9600], 1000)
    check(0.97 < heard / LEVEL < 1.03, f"ffmpeg's tone is heard at {heard / LEVEL:.3f} of its level")
    check(level_of(listener.channel(1, 2)[200 * 192:200 * 192 + 9600], 1000) < LEVEL / 1000, "channels keep apart")


def to_ffmpeg(node, port):
    """ffmpeg hears what rtp.write sends, by an SDP of three lines."""
    with open(node.path("us.sdp"), "w", encoding="utf-8") as text:
        text.write(f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {port} RTP/AVP 96\n"
                   "a=rtpmap:96 L16/48000/2\n")
    command = node.spawn("run", f"test.audio frequency=1000 ! rtp.write url=rtp://127.0.0.1:{port}", "--for", "60s",
                         "--no-profile", "--quiet", "--ledger", node.path("write.ledger"))
    try:
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", "-protocol_whitelist", "file,udp,rtp", "-i",
                        node.path("us.sdp"), "-t", "1", node.path("heard.wav")], check=True, timeout=30 * SLOW)
    finally:
        end(command)
    sound = play(node.path("heard.wav"))
    check(len(sound) >= RATE * 9 // 10, f"ffmpeg heard {len(sound)} samples in a second")
    heard = level_of(sound[9600:19200], 1000)
    check(0.99 < heard / LEVEL < 1.01, f"ffmpeg hears our tone at {heard / LEVEL:.3f} of its level")


def by_multicast(node, port):
    """One service sends to a group on the loopback interface, two read it."""
    address = f"rtp://239.255.77.{port % 250 + 1}:{port}"
    sender = node.spawn("run", f"test.audio frequency=500 channels=6 ! rtp.write url={address} interface=127.0.0.1 ptime=1ms",
                        "--for", "60s", "--no-profile", "--quiet", "--ledger", node.path("group.ledger"))
    try:
        readers = []
        for name in ("one", "two"):
            readers.append(node.spawn(
                "run", f"rtp.read url={address} interface=127.0.0.1 channels=6 latency=150ms ! raw.write url={node.path(name)}",
                "--for", "1s", "--no-profile", "--json", "--ledger", node.path(name + ".ledger")))
        for name, reader in zip(("one", "two"), readers):
            reader.communicate(timeout=30 * SLOW)
            with open(node.path(name), "rb") as raw:
                values = array.array("f", raw.read())
            last = values[-6 * 480:]  # six planes of the last quantum
            check(len(last) == 6 * 480, f"{name} hears the group")
            for channel in range(6):
                samples = [value * 32767 for value in last[channel * 480:channel * 480 + 480]]
                heard = level_of(samples, 500)
                check(0.95 < heard / LEVEL < 1.05, f"{name} hears channel {channel} at {heard / LEVEL:.3f} of its level")
    finally:
        end(sender)


with Node() as node:
    ports = free_ports(4)
    from_ffmpeg(node, ports[0], ports[1])
    to_ffmpeg(node, ports[2])
    by_multicast(node, ports[3])

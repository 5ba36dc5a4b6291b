#!/usr/bin/env python3
"""Makes the seeds that are no text: OUT/TARGET/NAME, the same ones every time. Findings kept as
hexadecimal text (tests/fuzz/corpus/TARGET/NAME.hex) become bytes too."""
import hashlib
import os
import random
import struct
import sys

here = os.path.dirname(os.path.abspath(__file__))
out = sys.argv[1]
TARGETS = ("service", "one_liner", "negotiate", "ledger", "records", "control", "link", "rtp", "snapshot", "package")


def write(target, name, data):
    with open(os.path.join(out, target, name), "wb") as file:
        file.write(data)


def near(kind, number=0):
    """A number as fuzz.h's eat_near() reads it: 0 what is honest, 1 a byte from it, 3 anything."""
    return bytes([kind]) + (b"" if kind == 0 else struct.pack("<b", number) if kind == 1 else struct.pack("<q", number))


def record(process, kind, outcome=1, component=0):
    """records.c: a process says one honest record."""
    return bytes([process, 5, kind, outcome, 0, 0, 0, component]) + near(0) * 7


def records():
    honest = b"\1" + b"".join(record(0, 1) + record(2, 3, 0, 2) + record(0, 2, 0, 1) for _ in range(8))
    poll = bytes([0, 2]) + struct.pack("<I", 1000000000)
    write("records", "honest", honest + poll + record(0, 6))
    write("records", "gap", b"\1" + record(0, 1) + poll + bytes([0, 1, 8, 0]) + record(0, 1) + poll)
    write("records", "count-lies", b"\0" + record(0, 1) + bytes([0, 0]) + struct.pack("<Q", 1 << 63) + poll)


def link():
    put = bytes([0, 4]) + near(0) * 3 + b"\1" + near(0) + near(0) + b"\0\0" + near(0)
    end = bytes([0, 4]) + near(0) * 3 + b"\0" + near(3, 0xffffffff) + near(0) + b"\1\0" + near(0)
    take = bytes([0, 2, 0])
    for mode in range(2):
        write("link", f"honest-{mode}", bytes([mode, 1, 0, 1, 0, 0]) + (put + take) * 20 + end + take * 4)
    write("link", "scribbled", bytes([0, 0, 1, 0, 0, 1]) + (put + bytes([0, 0, 64, 0, 3, 1, 2, 3, 4])) * 12 + take)


def snapshot():
    head = near(0) * 3
    page = b"\2" + near(0) + b"\1\1"
    write("snapshot", "honest", head + page * 3 + b"\3" + near(0) + struct.pack("<I", 1))
    write("snapshot", "far-page", head + b"\2" + near(1, 9) + b"\0\1")
    write("snapshot", "raw", b"\x40TTSNAP\1\0" + bytes(120))


def rtp():
    packet = near(0) + b"\0" + near(0) + b"\1\1\0\1"
    write("rtp", "honest", b"\x14" + packet * 120)
    lost = near(1, 3) + b"\0" + near(1, 3) + b"\1\1\0\1"
    write("rtp", "lost", b"\x14" + (packet * 5 + lost) * 20)
    write("rtp", "restart", b"\x14" + packet * 30 + (near(3, 99) + b"\1" + near(3, 7) + b"\1\1\0\1") * 30)


def ledger():
    agreement = (b'"service":"s","class":"targeted","class_reason":"r","promised":true,"deadline_ns":40000000,'
                 b'"loss":0.01,"rate":[50,1],"epoch_ns":5,"components":[{"name":"a","kind":"null"}],'
                 b'"sinks":[{"name":"sink","component":0,"rate":[50,1]}]')

    def frame(index, outcome):
        return struct.pack("<BBBBHHqqqqqqq", 1, outcome, 0 if outcome == 1 else 3, 0, 0, 0, index, index * 20000000,
                           index * 20000000 + 40000000, index * 20000000 + 1000, 0, 39999000, 0)

    frames = b"".join(frame(n, 1 + n % 3) for n in range(4))
    event = b'{"at_ns":5,"event":"restart","process":"container","text":"x","first":1,"last":2}'
    body = struct.pack("<BB", 0, len(frames) // 8) + frames + struct.pack("<BB", 2, len(event)) + event
    count = b'{"frames":4,"hops":0}'
    write("ledger", "default", b"\0\0\0" + body + struct.pack("<BB", 3, len(count)) + count)
    write("ledger", "signed", b"\0" + struct.pack("<H", len(agreement)) + agreement + body)
    write("ledger", "raw", b"\1TTLEDGR1" + struct.pack("<IIQQ", 1, 0, 0, 2) + bytes(32) + b"{}" + bytes(96))


def negotiate():
    chooser = random.Random(1)
    for n in range(24):
        write("negotiate", f"graph-{n}", bytes(chooser.randrange(256) for _ in range(chooser.randrange(8, 60))))


def control():
    lines = {"status": b'{"op":"status"}\n', "last": b'{"op":"last"}\n', "run": b'{"op":"run","form":"graph","text":"x"}\n',
             "stop": b'{"op":"stop","name":"news"}\n', "logs": b'{"op":"logs","follow":true}\n',
             "set": b'{"op":"set","name":"news","set":"cam.x=1","at":9}\n',
             "move": b'{"op":"move","name":"news","component":"scale","container":"audio"}\n'}
    for name, line in lines.items():
        write("control", name, line)
    write("control", "pieces", b'{"op":\1"run"\1,"fds":["stdin"]}\2\n\1\3{"op":"watch"}\n')
    write("control", "fd", b'\x20\x02{"op":"run","fds":["stdin"]}\n\1{"op":"stop"}\n')


def leb(number):
    out = b""
    while True:
        out += bytes([number & 0x7f | (0x80 if number > 0x7f else 0)])
        number >>= 7
        if not number:
            return out


def name(text):
    return leb(len(text)) + text.encode()


def module(body, pages=6):
    """A component's WebAssembly with this as the code of tactus_enter."""
    def section(number, *items):
        contents = leb(len(items)) + b"".join(items)
        return bytes([number]) + leb(len(contents)) + contents

    def code(text):
        return leb(len(text)) + text

    constant = b"\x41" + leb(65536) + b"\x0b"
    return (b"\0asm\1\0\0\0" + section(1, b"\x60\2\x7f\x7f\1\x7f", b"\x60\0\0", b"\x60\2\x7f\x7e\1\x7f") +
            section(2, name("tactus1") + name("note") + b"\0\2") + section(3, b"\1", b"\0") + section(4, b"\x70\1\2\2") +
            section(5, b"\1" + leb(pages) + leb(pages + 9)) + section(6, b"\x7f\1" + constant, b"\x7f\0" + constant) +
            section(7, name("memory") + b"\2\0", name("_initialize") + b"\0\1", name("tactus_enter") + b"\0\2",
                    name("tactus_record") + b"\3\1") +
            section(9, b"\0\x41\0\x0b\1\2") + section(10, code(b"\0\x0b"), code(body)) +
            section(11, b"\0\x41\x08\x0b" + name("words")))


def package():
    bodies = {"plain": b"\0\x20\0\x0b", "load": b"\0\x20\1\x28\2\x10\x0b", "far": b"\0\x20\1\x28\2\xff\xff\xff\xff\x0f\x0b",
              "loop": b"\1\1\x7e\3\x40\x20\0\x0d\0\x0b\x20\2\xa7\x0b", "call": b"\0\x20\0\x20\1\x41\0\x11\0\0\x0b",
              "if": b"\0\x20\0\4\x7f\x41\1\5\x20\1\x41\2\x6a\x0b\x0b",
              "switch": b"\0\2\x40\2\x40\x20\0\x0e\2\0\1\0\x0b\x0b\x20\0\x42\7\x10\0\x0b"}
    for label, body in bodies.items():
        write("package", "module-" + label, b"\2" + module(body))
    parts = {"manifest": b"{}", "wasm": module(bodies["plain"]), "native": b"\x7fELF"}
    table, data, at = b"", b"", 48 + 64 * len(parts)
    for label, contents in parts.items():
        gap = -at % 64
        table += struct.pack("<16sQQ", label.encode(), at + gap, len(contents)) + hashlib.sha256(contents).digest()
        data += bytes(gap) + contents
        at += gap + len(contents)
    write("package", "raw", b"\1TACTUSP\n" + struct.pack("<II", 1, len(parts)) + hashlib.sha256(table).digest() + table + data)
    write("package", "manifest", b'\0{"hashes":{},"machine":7}')
    ports = struct.pack("<7IIiI", 100, 0, 0, 1, 0, 0, 0, 0, 0, 0)[:36] + struct.pack("<iI", -1, 0)
    component = struct.pack("<13I", 1, 52, 1, 3, 100, 100, 0, 120, 0, 1, 0, 0, 9)
    memory = bytes(16) + component + bytes(100 - 68) + b"name\0" + bytes(15) + ports + bytes(64)
    write("package", "description", b"\3" + struct.pack("<H", 16) + memory)


for target in TARGETS:
    os.makedirs(os.path.join(out, target), exist_ok=True)
    folder = os.path.join(here, "corpus", target)
    for kept in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        if kept.endswith(".hex"):
            with open(os.path.join(folder, kept), encoding="ascii") as text:
                write(target, kept[:-4], bytes.fromhex(text.read()))
for make in (records, link, rtp, snapshot, ledger, negotiate, control, package):
    make()

"""A camera for the tests of inputs that go away: live MPEG-TS for whoever connects."""
import random
import socket
import subprocess
import threading

CAMERA = ["ffmpeg", "-v", "quiet", "-nostdin", "-re", "-f", "lavfi", "-i", "testsrc2=s=160x90:r=25", "-c:v", "libx264", "-preset",
          "ultrafast", "-tune", "zerolatency", "-g", "5", "-f", "mpegts", "-flush_packets", "1"]


def free_port(kind=socket.SOCK_STREAM):
    """One of those that the kernel gives to nobody who does not name it: it stays free for a test beside others."""
    while True:
        port = random.randrange(10000, 32000, 2)
        with socket.socket(socket.AF_INET, kind) as one:
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


class Sender:
    """Whoever connects gets live MPEG-TS without a length, until it is killed. is_web: to those who asked by HTTP."""

    def __init__(self, port, is_web=False):
        self.is_web, self.socket = is_web, socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", port))
        self.socket.listen()
        self.children, self.thread = [], threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            with peer:
                if self.is_web:
                    answer(peer)
                self.children.append(subprocess.Popen([*CAMERA, "-"], stdin=subprocess.DEVNULL, stdout=peer.fileno(),
                                                      stderr=subprocess.DEVNULL))

    def kill(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()
        for child in self.children:
            child.kill()
            child.wait()


def answer(peer):
    asked = b""
    while b"\r\n\r\n" not in asked:
        more = peer.recv(4096)
        if not more:
            break
        asked += more
    peer.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: video/mp2t\r\n\r\n")

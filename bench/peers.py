"""The peers' command lines, their best honest settings: the same x264 with one thread, a bilinear scaler, short queues."""

X264 = ["speed-preset=ultrafast", "tune=zerolatency", "threads=1"]


def gst(*parts):
    """One gst-launch of parts joined by !."""
    return ["gst-launch-1.0", "-q"] + [word for number, part in enumerate(parts)
                                       for word in ((["!"] if number else []) + part.split())]


def ffmpeg(*words):
    return ["ffmpeg", "-v", "error", *words]


def gst_source(width, height, rate):
    return (f"fdsrc fd=0 blocksize={width * height * 3 // 2}",
            f"rawvideoparse format=i420 width={width} height={height} framerate={rate}/1")


def raw(width, height, rate):
    return f"-f rawvideo -pix_fmt yuv420p -s {width}x{height} -r {rate}".split()


SCALED, CODED = "video/x-raw,width=640,height=360", "x264enc " + " ".join(X264)
SCALE = "videoscale method=bilinear"
OUT = "fdsink fd=1 sync=false"
FF_X264 = "-c:v libx264 -preset ultrafast -tune zerolatency -threads 1 -f nut -flush_packets 1 -".split()
FF_DECODE = ffmpeg(*"-flags low_delay -threads 1 -f nut -i - -f rawvideo -pix_fmt yuv420p -".split())


def gst_transcode(queue):
    """queue: what stands between the stages; empty: none, one thread does all."""
    between = [queue] if queue else []
    return [gst(*gst_source(1280, 720, 50), *between, SCALE, SCALED, *between, CODED, *(["queue"] if queue else []), "h264parse",
                "avdec_h264 max-threads=1", *between, OUT)]


def gst_transcode_tasks():
    return [gst(*gst_source(1280, 720, 50), SCALE, SCALED, "gdppay", OUT),
            gst("fdsrc fd=0 blocksize=345600", "gdpdepay", CODED, "gdppay", OUT),
            gst("fdsrc fd=0", "gdpdepay", "h264parse", "avdec_h264 max-threads=1", OUT)]


def ffmpeg_transcode():
    return [ffmpeg("-fflags", "nobuffer", *raw(1280, 720, 50), "-i", "-", "-vf", "scale=640:360:flags=bilinear", *FF_X264),
            FF_DECODE]


def ffmpeg_transcode_tasks():
    return [ffmpeg("-fflags", "nobuffer", *raw(1280, 720, 50), "-i", "-", "-vf", "scale=640:360:flags=bilinear", "-f", "rawvideo",
                   "-"),
            ffmpeg("-fflags", "nobuffer", *raw(640, 360, 50), "-i", "-", *FF_X264), FF_DECODE]


def ffmpeg_mosaic():
    """{0} to {3}: the FIFOs."""
    inputs = [word for number in range(4)
              for word in [*raw(1280, 720, 50), "-thread_queue_size", "8", "-i", "{%d}" % number]]
    scaled = ";".join(f"[{number}]scale=640:360:flags=bilinear[{name}]" for number, name in enumerate("abcd"))
    return [ffmpeg(*inputs, "-filter_complex", scaled + ";[a][b][c][d]xstack=inputs=4:layout=0_0|w0_0|0_h0|w0_h0", "-f",
                   "rawvideo", "-")]


def gst_mosaic():
    places = "sink_1::xpos=640 sink_2::ypos=360 sink_3::xpos=640 sink_3::ypos=360"
    words = ["gst-launch-1.0", "-q", *f"compositor name=m background=black {places}".split(), "!",
             "video/x-raw,format=I420,width=1280,height=720,framerate=50/1", "!", *OUT.split()]
    for number in range(4):
        words += ["filesrc", "location={%d}" % number, "blocksize=1382400", "!"]
        words += ("rawvideoparse format=i420 width=1280 height=720 framerate=50/1 ! queue max-size-buffers=2 ! " + SCALE
                  + " ! " + SCALED + f" ! queue max-size-buffers=2 ! m.sink_{number}").split()
    return [words]


def gst_conference(count, base, out):
    """audiomixer waits 20 ms, each jitter buffer as long as ours."""
    words = ["gst-launch-1.0", "-q"] + (
        "audiomixer name=m latency=20000000 output-buffer-duration=5000000 ! audioconvert ! rtpL16pay min-ptime=5000000 "
        f"max-ptime=5000000 ! udpsink host=127.0.0.1 port={out} sync=false").split()
    caps = "application/x-rtp,media=audio,clock-rate=48000,encoding-name=L16,channels=2,payload=96"
    for n in range(count):
        words += (f"udpsrc port={base + 2 * n} caps={caps} ! rtpjitterbuffer latency=20 ! rtpL16depay ! audioconvert ! m.").split()
    return words


def ffmpeg_conference(paths, out):
    words = []
    for path in paths:
        words += "-protocol_whitelist file,udp,rtp -fflags nobuffer -analyzeduration 0 -probesize 32".split() + ["-i", path]
    mix = f"amix=inputs={len(paths)}:normalize=0"
    return ffmpeg(*words, "-filter_complex", mix, "-c:a", "pcm_s16be", "-f", "rtp", f"rtp://127.0.0.1:{out}")

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

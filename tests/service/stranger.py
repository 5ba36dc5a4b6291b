#!/usr/bin/env python3
"""Wrong inputs as a stranger writes them: each answer has its exit code, the place, the word and what was meant."""
import os

from lib import Node, check

BASE = """tactus: 1
service: s
rate: 50
components:
  cam:   {kind: test.video, params: {width: 640, height: 360}}
  scale: {kind: video.scale, params: {width: 320, height: 180}}
  out:   {kind: "null"}
flows: [cam ! scale ! out]
"""

# Graph, exit code, what stderr says without its line breaks.
GRAPHS = [
    ("test.video ! video.scal ! null", 2, "graph:1:14: unknown kind 'video.scal'; did you mean 'video.scale'?"),
    ("test.vide ! null", 2, "graph:1:1: unknown kind 'test.vide'; did you mean 'test.video'?"),
    ("test.video widht=640 ! null", 2, "graph:1:12: 'video' (test.video) has no parameter 'widht'; did you mean 'width'?"),
    ("test.video width=banana ! null", 2, "graph:1:18: 'banana' is no value for 'width' of 'video'; write a whole number"),
    ("test.video width=-5 ! null", 2, "graph:1:18: '-5' is no value"),
    ("test.video width=99999999999999999999 ! null", 2, "graph:1:18: '99999999999999999999' is no value"),
    ("test.video width=70000 ! null", 2, "from 1 to 8192"),
    ("test.video width= ! null", 2, "graph:1:18: '' is no value"),
    ("test.video rate=0 ! null", 2, "graph:1:17: '0' is no rate; write frames a second"),
    ("test.video rate=1/0 ! null", 2, "graph:1:17: '1/0' is no rate"),
    ("test.video null", 2, "the service has no flows; write at least a source ! a sink"),
    ("test.video !", 2, "graph:1:12: a flow ends in a component"),
    ("! null", 2, "graph:1:1: a '!' has nothing before it"),
    ("test.video !! null", 2, "graph:1:12: '!!' is one word here; write a '!' with a space"),
    ("test.video!null", 2, "graph:1:1: 'test.video!null' is one word here"),
    ("", 2, "the service has no components"),
    ("test.video name=cam cam.vidoe ! null", 2, "graph:1:21: 'cam' (test.video) has no output 'vidoe'"),
    ("test.video name=cam ! null com.out ! null", 2, "no component is named 'com'; did you mean 'cam'?"),
    ("test.video name=a ! null name=a", 2, "graph:1:31: 'a' names a component already"),
    ("test.video name=a ! null a.out", 2, "graph:1:26: no '!' joins this to anything"),
    ("test.video ! video/x-raw,width=abc ! null", 2, "graph:1:14: 'abc' is no width of a filter"),
    ("test.video ! video/x-rw ! null", 2, "graph:1:14: 'video/x-rw' is no filter; did you mean 'video/x-raw'?"),
    ("test.video width=640 ! video/x-raw,width=320 ! null", 2, "write a component between them, such as video.scale"),
    ("test.video ! audio.mix ! null", 2, "graph:1:14: 'video' gives nothing that 'mix' (audio.mix) takes"),
    ("video.scale ! null", 2, "graph:1:1: 'scale' (video.scale) has nothing at its input 'in'"),
    ("video.scale name=a ! a.", 2, "the flows run in a circle: a after a"),
    ("av.read url=clip.mp4 ! null", 2, "several outputs of 'read' fit this flow; write read.video or read.audio"),
    ("av.read name=r r.video ! av.decode ! null", 2, "'r' (av.read) needs the parameter 'url'"),
    ("av.read name=r url=nothere.mp4 r.video ! av.decode ! null", 3, "nothere.mp4': No such file or directory"),
    ("av.read name=r url=. r.video ! av.decode ! null", 3, "it is a folder"),
    ("image.read path=nothere.png ! null", 3, "nothere.png': No such file or directory"),
    ("raw.read url=nothere format=I420 width=16 height=16 rate=25 ! null", 3, "No such file or directory"),
    ("test.video ! av.encode codec=libx246 ! null", 2, "libavcodec has no encoder 'libx246'; `ffmpeg -encoders` lists them; did "
     "you mean 'libx264'?"),
    ("test.video ! av.encode codec=libx264 presett=fast ! null", 2, "lists them; did you mean 'preset'?"),
    ("test.video ! av.encode codec=libx264 profile=hihg ! null", 2, "it has baseline main high high10 high422 high444; did you "
     "mean 'high'?"),
    ("test.video ! av.encode codec=aac ! null", 2, "'aac' encodes no video; for that there are libx264, libx265, mpeg2video"),
    ("text.clock format='%H ! null", 2, "graph:1:12: a quote is not closed"),
]

# What is replaced in BASE by what, and what stderr says behind the file's name.
FILES = [
    ("  scale:", "   scale:", ":6:4: this is no YAML: did not find expected key"),
    ("  scale:", "\tscale:", ":6:1: this is no YAML: found character that cannot start any token"),
    ("rate: 50", "rat: 50", ":3:1: a service has no key 'rat'; did you mean 'rate'?"),
    ("params: {width: 320", "parms: {width: 320", ":6:30: a component has no key 'parms'; did you mean 'params'?"),
    ("rate: 50", "rate: [50]", ":3:7: `rate` is a list here; write one value"),
    ("flows: [cam ! scale ! out]", "flows: cam ! out", ":8:8: `flows` is one value here; write a list"),
    ("  out:  ", "  scale:", ":7:3: the key 'scale' is here twice, first in line 6"),
    ("cam ! scale", "cma ! scale", ":8:9: there is no component 'cma'; did you mean 'cam'?"),
    ("! scale !", "! scale.ni !", ":8:15: 'scale' (video.scale) has no input 'ni'; did you mean 'in'?"),
    ("cam ! scale ! out", "cam ! out", ":6:3: 'scale' (video.scale) is connected to nothing"),
    ("rate: 50", "deadline: 40 bananas", ":3:11: '40 bananas' is no deadline; write a time with its unit"),
    ("rate: 50", "deadline: 40", ":3:11: '40' is no deadline"),
    ("rate: 50", "loss: 150%", ":3:7: '150%' is no loss"),
    ("tactus: 1\n", "", ":1:1: the service's text does not say its version; write tactus: 1"),
    ("tactus: 1", "tactus: 2", ":1:9: this build reads version 1"),
    ("height: 360}}", "height: 360}", ":6:3: this is no YAML: did not find expected ',' or '}'"),
    ("height: 360", "height: 7.5", "'7.5' is no value for 'height' of 'cam'"),
    ("video.scal", "video.scla", ":6:17: unknown kind 'video.sclae'; did you mean 'video.scale'?"),
    ("kind: video.scale,", "kind: video.scale, overrun: throtle,", "did you mean 'throttle'?"),
    ("width: 320,", "width: 320, method: bilnear,", "did you mean 'bilinear'?"),
    ("service: s", "service: &a s", ":2:10: a service's text has no anchors"),
    (BASE, "", ":1:1: the text is empty; write a service that begins with `tactus: 1`"),
    (BASE, "hello\n", ":1:1: a service is one value here; write a map"),
]

# What only the start finds out: said once.
STARTS = [
    ("test.video ! av.encode codec=libx264 ! av.write url=/no/where.mp4", "cannot open '/no/where.mp4': No such file or directory"),
    ("test.video ! raw.write url=/no/where", "'/no/where': No such file or directory"),
]

# Words before the daemon is asked.
WORDS = [
    (["test.video ! null", "--for", "5"], 2, "--for 5 is no time: write a number and its unit"),
    (["test.video ! null", "--deadline", "-1ms"], 2, "'-1ms' is no deadline"),
    (["test.video ! null", "--loss", "x"], 2, "'x' is no loss bound"),
    (["test.video ! null", "--loss", "0"], 2, "'0' is no loss bound; write a part above 0 and below 1"),
    (["test.video ! null", "--loss", "100%"], 2, "'100%' is no loss bound"),
    (["test.video ! null", "--deadline", "3601s"], 2, "'3601s' is no deadline; write a time up to 3600s"),
    (["test.video ! null", "--name", "a b"], 2, "'a b' is no service's name"),
    (["a.yaml", "b.yaml"], 2, "one FILE at a time; 'b.yaml' is one word too many"),
    (["test.video ! av.encode codec=libx265x ! av.write url=x.mkv"], 2, "'encode' (av.encode): libavcodec has no encoder 'libx265x'"),
    (["test.video ! null", "--bogus", "x"], 2, "unknown option '--bogus'; --help lists those"),
    (["test.video ! null", "--nam", "x"], 2, "unknown option '--nam'; did you mean '--name'?"),
    (["test.video ! null", "--set", "video.widt=3"], 2, "has no parameter 'widt'; did you mean 'width'?"),
    (["test.video ! null", "--set", "vide.width=3"], 2, "there is no component 'vide'; did you mean 'video'?"),
    (["test.video ! null", "--set", "video"], 2, "write component.parameter=value"),
    (["nothere.yaml"], 3, "cannot read nothere.yaml: No such file or directory"),
    (["."], 3, "is a folder, not the file of a service"),
    ([], 2, "Name a FILE, or write a GRAPH"),
]


def ask(node, words, code, said):
    ran = node.run("check", "--no-profile", *words, code=code)
    heard = " ".join(ran.stderr.split())
    check(said in heard, f"{words}: '{said}' is not in: {heard}")
    check(all(len(line) <= 80 for line in ran.stderr.splitlines()), f"{words}: wider than a terminal: {ran.stderr}")


with Node() as node:
    for graph, code, said in GRAPHS:
        ask(node, [graph], code, said)
    path = node.path("s.yaml")
    for old, new, said in FILES:
        check(old in BASE, f"'{old}' is not in the file")
        with open(path, "w", encoding="utf-8") as file:
            file.write(BASE.replace(old, new, 1))
        ask(node, [path], 2, said)
    for graph, said in STARTS:
        ran = node.run("run", "--no-profile", graph, code=3)
        heard = " ".join(ran.stderr.split())
        check(heard.count(said) == 1, f"{graph}: '{said}' is not there once: {heard}")
    for words, code, said in WORDS:
        ran = node.run("run", *words, code=code)
        check(said in " ".join(ran.stderr.split()), f"{words}: '{said}' is not in: {ran.stderr}")
    if os.getuid() != 0:  # root reads everything
        os.chmod(path, 0)
        ask(node, [path], 3, "Permission denied")

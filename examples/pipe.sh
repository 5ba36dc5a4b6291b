#!/bin/sh
# See raw pictures go in at stdin and out at stdout, half as wide and high, none lost. Prints how many.
set -eu
tactus=${TACTUS:-tactus}
count=250
# A picture of 320x180 in I420 is 86,400 bytes; one of 160x90 is 21,600.
got=$(head -c $((count * 86400)) /dev/zero |
    $tactus run raw.read url=- format=I420 width=320 height=180 rate=25 \
        ! video.scale width=160 height=90 ! raw.write url=- --quiet | wc -c)
if [ "$got" -ne $((count * 21600)) ]; then
    echo "$got bytes came out, and $((count * 21600)) were due" >&2
    exit 1
fi
echo "$count pictures in, $count out"

#!/bin/sh
# See late-source.yaml with its feed: pictures for five seconds, with a pause of one second in them.
set -eu
cd "$(dirname "$0")"
tactus=${TACTUS:-tactus}
place=$(mktemp -d)
mkfifo "$place/feed.fifo"
# A picture of 160x90 in I420 is 21,600 bytes; 25 of them are a second.
{
    for second in 1 2 3 4; do
        head -c $((25 * 21600)) /dev/zero || break
        [ "$second" -ne 2 ] || sleep 1
        sleep 0.9
    done
} >"$place/feed.fifo" 2>/dev/null &
feeder=$!
trap 'kill $feeder 2>/dev/null || true; rm -rf "$place"' EXIT
# A feed whose time nobody keeps allows no promise; and measuring costs would read it empty.
code=0
$tactus run late-source.yaml --set "feed.url=$place/feed.fifo" --for 5s --best-effort "$@" || code=$?
exit $code

#!/bin/sh
# Starts Facelens: the window where there is a display, otherwise a demonstration that writes to out/.
set -eu
cd "$(dirname "$0")/.."
facelens=${VENV:-.venv}/bin/facelens

case $(uname -s) in
Darwin | MINGW* | MSYS* | CYGWIN*) display=yes ;;
*) display=${DISPLAY:-}${WAYLAND_DISPLAY:-} ;;
esac

if [ -n "$display" ]; then
    exec "$facelens"
fi

echo "There is no display, so no window: analysing the bundled pictures and 100 frames of the demo instead."
mkdir -p out
# room for the tables where nothing tells the width
[ -t 1 ] || export COLUMNS="${COLUMNS:-120}"
"$facelens" score assets/samples/astronaut.jpg assets/samples/group.jpg --json out/faces.json --annotate out
"$facelens" live --source demo --headless --frames 100 --stats out/live.json --record out/demo.mp4
echo
echo "Written to out/:"
ls out

#!/bin/sh
# Sets Facelens up: system libraries (Debian and Ubuntu, as root), a virtual environment, the packages.
#
#     sh tools/setup.sh run     what the program needs
#     sh tools/setup.sh test    that, and what the tests and the training need
#
# What is already there is left alone, so a second run takes no time.
# PYTHON names the interpreter (python3), VENV the folder of the virtual environment (.venv).
set -eu
cd "$(dirname "$0")/.."

goal=${1:-run}
PYTHON=${PYTHON:-python3}
VENV=${VENV:-.venv}

say() { printf '%s\n' "$*"; }
die() {
    printf '%s\n' "$*" >&2
    exit 1
}

# --- system libraries ---

base="python3-venv"
# Qt, even without a display, and OpenCV
base="$base libgl1 libegl1 libglib2.0-0 libxkbcommon0 libfontconfig1 libdbus-1-3"
# Qt's X11 window
base="$base libxcb-cursor0 libxkbcommon-x11-0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0"
# Qt's Wayland window
base="$base libwayland-cursor0 libwayland-egl1"
# text: the interface, and Chinese, Japanese and Korean
base="$base fonts-dejavu-core fonts-wqy-microhei"
# tests: a compiler, for the camera that they simulate
extra="gcc libc6-dev"

installed() {
    # The second name is the one Debian gave many libraries in 2024 (64-bit time).
    for name in "$1" "${1}t64"; do
        case $(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null) in
        installed) return 0 ;;
        esac
    done
    return 1
}

system_libraries() {
    [ "$(uname -s)" = Linux ] && command -v apt-get >/dev/null 2>&1 || return 0
    wanted=$base
    [ "$goal" = run ] || wanted="$base $extra"
    missing=
    for package in $wanted; do
        installed "$package" || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        say "Some system libraries are missing; ask an administrator to run: apt-get install --no-install-recommends$missing"
        return 0
    fi
    say "Installing system libraries:$missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq || say "The package lists could not be refreshed; trying with those at hand."
    # shellcheck disable=SC2086
    apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends $missing >/dev/null && return 0
    # One name that this release does not know must not keep the others away.
    for package in $missing; do
        apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends "$package" >/dev/null ||
            say "The system package $package could not be installed; going on without it."
    done
}

# --- virtual environment and packages ---

environment() {
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        die "Facelens needs Python 3.11 or later, and $PYTHON is not; set PYTHON to one, for example: make PYTHON=python3.12 run"
    # its own pip does not start when the folder was moved or the interpreter is gone
    if ! "$VENV/bin/pip" --version >/dev/null 2>&1; then
        say "Making the virtual environment $VENV"
        rm -rf "$VENV"
        "$PYTHON" -m venv "$VENV" ||
            die "The virtual environment could not be made; on Debian and Ubuntu ask an administrator to run: apt-get install python3-venv"
    fi
}

packages() {
    # The stamp holds what was installed from; a set-up for tests also serves to run.
    state="$(cat pyproject.toml constraints.txt | cksum) $(pwd)"
    for stamp in "$VENV/.facelens-$goal" "$VENV/.facelens-test"; do
        [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$state" ] && return 0
    done
    what=. size="about a gigabyte"
    [ "$goal" = run ] || what=".[test,train]" size="about three gigabytes"
    say "Installing Facelens and its packages into $VENV (the first time $size, some minutes)"
    quiet=
    [ -t 1 ] || quiet=--quiet
    "$VENV/bin/python" -m pip install $quiet --disable-pip-version-check --constraint constraints.txt --editable "$what" ||
        die "The packages could not be installed; check the network connection and the space on the disk, then run it again."
    printf '%s\n' "$state" >"$VENV/.facelens-$goal"
}

case $goal in
run | test) ;;
*) die "Usage: sh tools/setup.sh run|test" ;;
esac
system_libraries
environment
packages

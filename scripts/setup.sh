#!/bin/sh
# Makes .venv with everything that running, testing and checking picdns needs.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

usable() { "$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

if ! usable && command -v apt-get >/dev/null; then
    root=""
    [ "$(id -u)" -eq 0 ] || root=sudo
    echo "Python 3.11 with venv is missing: installing it with apt-get${root:+, by sudo}."
    $root apt-get update -q
    $root apt-get install -y -q python3 python3-venv
fi
if ! usable; then
    echo "picdns needs Python 3.11 or newer with venv and pip. Install it, or name it: PYTHON=python3.12 make ..." >&2
    exit 1
fi
[ -x .venv/bin/python ] || "$python" -m venv .venv
echo "Installing what picdns needs into .venv, which may take a minute."
.venv/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt \
    -e '.[dev,bench]' \
    -e plugins/cloudflare -e plugins/duckdns -e plugins/http01 -e plugins/lan -e plugins/pic_ngo
touch .venv/installed

#!/bin/sh
# Make .venv and install the package in it: venv.sh PACKAGE. Debian ships venv apart from Python; it is fetched if it may be.
set -eu
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Python 3.11 or newer is needed; $python is $($python --version 2>&1). Set PYTHON=/path/to/python3.11" >&2
    exit 1
}
if [ ! -x .venv/bin/python ] || ! .venv/bin/python -m pip --version > /dev/null 2>&1; then
    rm -rf .venv
    if ! "$python" -m venv .venv > /dev/null 2>&1; then
        if command -v apt-get > /dev/null && [ "$(id -u)" = 0 ]; then
            apt-get update -qq && apt-get install -y -qq python3-venv > /dev/null
        else
            echo "The venv module is missing. Run: sudo apt-get install python3-venv" >&2
            exit 1
        fi
        rm -rf .venv
        "$python" -m venv .venv
    fi
fi
echo "Installing into .venv ..."
.venv/bin/python -m pip install --quiet --disable-pip-version-check -e "$1"

#!/usr/bin/env bash
# Starts the server, gives it work, opens its dashboard in a browser without a screen, and looks at what was drawn.
# PUNICA names a program already built; CHROMIUM a browser that is not called chromium or google-chrome.
set -euo pipefail
cd "$(dirname "$0")/../.."
port=${PORT:-18474}
work=$(mktemp -d)
browser=${CHROMIUM:-$(command -v chromium || command -v google-chrome || true)}
[ -n "$browser" ] || { echo "no browser: install chromium, or name one in CHROMIUM"; exit 1; }

if [ -z "${PUNICA:-}" ]; then
    swift build -c release --product punica
    PUNICA=$(swift build -c release --show-bin-path)/punica
fi

server=
stop() {
    [ -z "$server" ] || { kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }
    server=
}
trap 'stop; cat "$work/log" 2>/dev/null || true; rm -rf "$work"' EXIT

serve() {
    stop
    "$PUNICA" serve --port "$port" "$@" >"$work/log" 2>&1 &
    server=$!
    for _ in $(seq 600); do
        if python3 -c "import urllib.request as u; u.build_opener(u.ProxyHandler({})).open('http://127.0.0.1:$port/ready')" 2>/dev/null; then
            return
        fi
        kill -0 "$server" || { echo "the server ended before it was ready"; exit 1; }
        sleep 0.1
    done
    echo "the server is not ready after a minute"
    exit 1
}

look() {
    timeout 120 "$browser" --headless --no-sandbox --disable-gpu --no-proxy-server --user-data-dir="$work/profile" \
        --virtual-time-budget=6000 --dump-dom "http://127.0.0.1:$port/dashboard" >"$work/dom.html" 2>"$work/browser.log" ||
        { cat "$work/browser.log"; exit 1; }
    python3 scripts/dashboard/checks.py "$1" "$work/dom.html"
}

serve
python3 scripts/dashboard/load.py --url "http://127.0.0.1:$port" --seconds 6 --at-once 8
look open

serve --admin-key secret
look locked

stop
trap 'rm -rf "$work"' EXIT
echo "the dashboard shows what it should"

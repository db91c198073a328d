#!/usr/bin/env bash
# Starts the server as the README says, checks it with the openai package, and stops it with SIGTERM.
set -euo pipefail
cd "$(dirname "$0")/../.."
port=${PORT:-18473}
log=$(mktemp)
venv=${CLIENT_VENV:-.build/client-venv}

# The first build takes minutes; built apart so that waiting for the server means waiting for the server.
swift build -c release --product punica
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r scripts/client/requirements.txt
fi

swift run -c release punica serve --port "$port" --api-key client-key --admin-key admin-key >"$log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; cat "$log"' EXIT
for _ in $(seq 600); do
    if python3 -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$port/ready')" 2>/dev/null; then
        break
    fi
    kill -0 "$server" || { echo "the server ended before it was ready"; exit 1; }
    sleep 0.1
done

"$venv/bin/python" scripts/client/openai_client.py --url "http://127.0.0.1:$port" --key client-key \
    --admin-key admin-key --adapters-directory Demo/adapters

pid=$(pgrep -P "$server" punica || echo "$server")
kill -TERM $pid
for _ in $(seq 100); do kill -0 "$server" 2>/dev/null || break; sleep 0.1; done
if kill -0 "$server" 2>/dev/null; then echo "the server did not stop after SIGTERM"; exit 1; fi
wait "$server" || { echo "the server ended with an error: $?"; exit 1; }
trap - EXIT
echo "the server stopped cleanly after SIGTERM"

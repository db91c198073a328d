#!/usr/bin/env bash
# Files by size, the largest first, and the share below 200 lines.
set -euo pipefail
cd "$(dirname "$0")/.."
git ls-files '*.swift' '*.c' '*.h' '*.cu' '*.cuh' '*.cpp' '*.hpp' '*.py' | xargs wc -l | grep -v ' total$' | sort -rn >/tmp/punica-size.$$
trap 'rm -f /tmp/punica-size.$$' EXIT
head -15 /tmp/punica-size.$$
awk '{ n++; if ($1 <= 200) small++ } END { printf "%d files, %.0f %% of at most 200 lines\n", n, 100 * small / n }' /tmp/punica-size.$$

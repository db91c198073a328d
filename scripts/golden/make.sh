#!/usr/bin/env bash
# Makes all golden files anew, with the versions of README.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=.venv-golden
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet torch==2.11.0 transformers==5.17.0 peft==0.21.2 tokenizers==0.23.3 jinja2==3.1.6
"$venv/bin/python" scripts/golden/models.py Tests/Golden/models
for script in tokenization templates; do "$venv/bin/python" "scripts/golden/$script.py"; done
python3 scripts/golden/check_manifests.py

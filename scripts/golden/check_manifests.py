"""Checks that a MANIFEST.json stands beside every golden file's subject and names its generator and versions."""

import json
import pathlib
import sys

root = pathlib.Path(__file__).resolve().parents[2]
problems = []
subjects = [path for path in sorted((root / "Tests" / "Golden").iterdir()) if path.is_dir()] + [root / "Demo"]
for subject in subjects:
    manifest = subject / "MANIFEST.json"
    if not manifest.exists():
        problems.append(f"{subject.relative_to(root)} has no MANIFEST.json")
        continue
    content = json.loads(manifest.read_text())
    for key in ("script", "versions", "seed", "command"):
        if key not in content:
            problems.append(f"{manifest.relative_to(root)} lacks '{key}'")
    script = content.get("script")
    for name in [script] if isinstance(script, str) else script or []:
        if not (root / name).exists():
            problems.append(f"{manifest.relative_to(root)}: {name} does not exist")
print("\n".join(problems) or f"{len(subjects)} subjects, each with its generator and versions")
sys.exit(bool(problems))

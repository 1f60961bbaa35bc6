"""Includes between the folders of src/ go down the table of docs/architecture.md only."""

import re
import sys
from pathlib import Path

ALLOWED = {
    "base": set(),
    "wire": {"base"},
    "http": {"base"},
    "auth": {"base", "wire"},
    "log": {"base"},
    "meta": {"base"},
    "lake": {"base", "wire", "http", "auth"},
    "leases": {"base", "wire", "meta"},
    "streams": {"base", "wire", "auth", "log", "meta"},
    "worker": {"base", "log"},
    "firehose": {
        "base",
        "wire",
        "http",
        "auth",
        "log",
        "meta",
        "lake",
        "streams",
        "worker",
    },
    "analytics": {
        "base",
        "wire",
        "http",
        "auth",
        "log",
        "meta",
        "lake",
        "streams",
        "firehose",
        "worker",
    },
}
EVERYTHING = {"server", "cli"}

source = Path(__file__).resolve().parent.parent / "src"
include = re.compile(r'^\s*#\s*include\s+"([a-z_]+)/', re.MULTILINE)
wrong = []
files = 0
for file in sorted(source.rglob("*")):
    if file.suffix not in {".h", ".cc"}:
        continue
    files += 1
    folder = file.relative_to(source).parts[0]
    if folder in EVERYTHING:
        continue
    if folder not in ALLOWED:
        wrong.append(f"{file}: folder src/{folder} is not in the table")
        continue
    for target in include.findall(file.read_text()):
        if target != folder and target not in ALLOWED[folder]:
            wrong.append(f"{file}: src/{folder} must not include {target}/")
print("\n".join(wrong) or f"includes of {files} files go the right way")
sys.exit(1 if wrong or files == 0 else 0)

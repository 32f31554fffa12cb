"""Record what the README shows: `python bench/record_readme.py` runs the demo and keeps what it prints.

Writes `docs/recorded/demo.txt` and `docs/recorded/inputs.json`, the hashes of everything that the output depends
on. `--check` compares those hashes and ends with 1 when the recording is stale: then record again, and `make docs`.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
RECORDED = ROOT / "docs" / "recorded"
PACKAGE = ROOT / "src" / "sqltailor"
INPUTS = [
    *sorted((PACKAGE / "demo" / "questions").glob("*.jsonl")),
    *sorted((PACKAGE / "demo").glob("*.py")),
    PACKAGE / "demo" / "glossary.yaml",
    PACKAGE / "demo" / "shop.sql",
    PACKAGE / "recipes" / "demo.yaml",
    PACKAGE / "generate" / "bases" / "table.py",
    *sorted((PACKAGE / "prompt").glob("*.py")),
]


def main() -> None:
    """Record, or check."""
    if "--check" in sys.argv:
        known = json.loads((RECORDED / "inputs.json").read_text())
        stale = sorted(name for name, digest in hashes().items() if known.get(name) != digest)
        if stale:
            sys.exit(
                f"docs/recorded is stale: {', '.join(stale)} changed. Run: python bench/record_readme.py && make docs"
            )
        return
    RECORDED.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        demo = run(["demo", "--questions", "100"], Path(folder))
    (RECORDED / "demo.txt").write_text("$ sqltailor demo --questions 100\n" + demo)
    (RECORDED / "inputs.json").write_text(json.dumps(hashes(), indent=2) + "\n")


def run(command: list[str], folder: Path) -> str:
    """Return what a command prints on stdout."""
    done = subprocess.run(
        [sys.executable, "-m", "sqltailor", *command], cwd=folder, stdout=subprocess.PIPE, text=True, check=True
    )
    return "\n".join(line.rstrip() for line in done.stdout.splitlines()) + "\n"


def hashes() -> dict[str, str]:
    """Return file → SHA-256 of the inputs."""
    return {str(path.relative_to(ROOT)): hashlib.sha256(path.read_bytes()).hexdigest() for path in INPUTS}


if __name__ == "__main__":
    main()

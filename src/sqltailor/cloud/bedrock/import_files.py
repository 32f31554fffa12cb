"""A run's merged weights in S3, as Custom Model Import reads them."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqltailor.aws.importable import FILES, MAX_BYTES, config_for_import, tokenizer_for_import
from sqltailor.aws.s3 import Place, keys_below, read_text, upload
from sqltailor.aws.session import client
from sqltailor.errors import ConfigError
from sqltailor.export.artifacts import export
from sqltailor.export.merge import base_folder
from sqltailor.generate.references import resolve
from sqltailor.runs import Run, read_json, write_json_atomic

CONFIG, TOKENIZER, TEMPLATE = "config.json", "tokenizer_config.json", "chat_template.jinja"


def config_of(run: Run, merged: Place | None, *, region: str, account: str) -> Mapping[str, Any]:
    """Return the configuration of a run's model: of its merged weights in S3, else of its base on this machine."""
    if merged is None:
        found: dict[str, Any] = read_json(base_folder(resolve(str(run.path)).base) / CONFIG)
        return found
    read: dict[str, Any] = json.loads(read_text(client("s3", region), merged / CONFIG, account=account))
    return read


def put_weights(run: Run, to: Place, *, region: str, account: str) -> None:
    """Merge a run's weights on this machine, and upload them. What is there already is not uploaded again."""
    folder = run.path / "export" / "import"
    if not folder.is_dir():
        export(str(run.path), "merged", out=folder, dtype="base", check=False)
    files = [file for file in sorted(folder.iterdir()) if file.name.endswith(FILES)]
    if (size := sum(file.stat().st_size for file in files)) > MAX_BYTES:
        raise ConfigError(f"{run.path} has {size:,} bytes; Custom Model Import takes at most {MAX_BYTES:,}.")
    s3 = client("s3", region)
    with tempfile.TemporaryDirectory() as name:
        changed = Path(name)
        template = folder / TEMPLATE
        text = template.read_text(encoding="utf-8") if template.is_file() else None
        write_json_atomic(changed / CONFIG, config_for_import(read_json(folder / CONFIG)))
        write_json_atomic(changed / TOKENIZER, tokenizer_for_import(read_json(folder / TOKENIZER), text))
        for file in [*(f for f in files if f.name not in (CONFIG, TOKENIZER)), *sorted(changed.iterdir())]:
            upload(s3, file, to / file.name, account=account)
    shutil.rmtree(folder)


def change_there(merged: Place, *, region: str, account: str) -> None:
    """Write the small files of merged weights in S3 as Bedrock wants them; its endpoint reads these, too."""
    s3 = client("s3", region)
    there = {key.removeprefix((merged / "").key) for key in keys_below(s3, merged / "", account=account)}
    template = read_text(s3, merged / TEMPLATE, account=account) if TEMPLATE in there else None
    with tempfile.TemporaryDirectory() as name:
        config = json.loads(read_text(s3, merged / CONFIG, account=account))
        write_json_atomic(Path(name) / CONFIG, config_for_import(config))
        tokenizer = json.loads(read_text(s3, merged / TOKENIZER, account=account))
        write_json_atomic(Path(name) / TOKENIZER, tokenizer_for_import(tokenizer, template))
        for file in sorted(Path(name).iterdir()):
            upload(s3, file, merged / file.name, account=account, overwrite=True)

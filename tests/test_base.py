"""The base model's training code: the fast twin is Llama, and training sees what inference will see."""

import json
import os
import random
import socket
import subprocess
import sys
from functools import partial

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from base.batches import END, SQL, encode_groups, fill, pack, visible  # noqa: E402
from base.model import Size, Twin, llama_config, logits, to_llama  # noqa: E402
from base.pairs import Pair, canonical_sql, cut  # noqa: E402
from base.realise import Realised, make_pool, realise, realise_together  # noqa: E402
from base.tokenizer import train_tokenizer  # noqa: E402
from sqltailor.prompt.encode import encode_pair  # noqa: E402
from sqltailor.prompt.text import build_prompt, compact_schema  # noqa: E402
from sqltailor.sql.dialect import parse  # noqa: E402
from sqltailor.sql.schema import from_ddl  # noqa: E402
from sqltailor.types import Example  # noqa: E402

SIZE = Size(hidden=32, layers=2, heads=2, feed_forward=48, vocabulary=300, max_length=64)
SCHEMA = from_ddl(
    "CREATE TABLE city (name VARCHAR, home_country VARCHAR, pop INTEGER);CREATE TABLE club (name VARCHAR, city VARCHAR)"
)
SQL_TEXT = "SELECT name FROM city WHERE home_country = 'New Zealand' AND pop > 1200"


def pair() -> Pair:
    question = "Which name has the home country New Zealand and pop over 1200?"
    return Pair("spider", "x", question, tuple(cut(SQL_TEXT, SCHEMA)), SCHEMA, SCHEMA)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    train_tokenizer([SQL_TEXT, pair().question, compact_schema(SCHEMA)], folder, vocabulary=300)
    return transformers.AutoTokenizer.from_pretrained(folder)


def test_the_twin_gives_the_logits_of_llama():
    torch.manual_seed(0)
    parts = torch.sparse_coo_tensor([[7, 7, 8], [0, 1, 1]], [1.0, 0.5, 0.5], (SIZE.vocabulary, 2)).coalesce()
    twin = Twin(SIZE, subwords=parts).eval()
    torch.nn.init.normal_(twin.part_embedding)
    config = {k: v for k, v in llama_config(SIZE).items() if k not in ("model_type", "architectures", "dtype")}
    llama = transformers.LlamaForCausalLM(transformers.LlamaConfig(**config)).eval()
    missing, unexpected = llama.load_state_dict(to_llama(twin), strict=False)
    assert missing in ([], ["lm_head.weight"])
    assert unexpected == []
    ids = torch.randint(0, SIZE.vocabulary, (3, 20))
    with torch.no_grad():
        assert torch.allclose(logits(twin(ids, twin.table()), twin.table()), llama(ids).logits, atol=1e-5)


def test_batches_hold_the_ids_that_inference_will_see(tokenizer):
    example = Example("1", (SQL_TEXT,), "Which <|end|> city?")
    asked = build_prompt(example, SCHEMA, name="compact")
    before, answer = encode_pair(tokenizer, asked, SQL_TEXT)
    [group] = encode_groups(tokenizer.backend_tokenizer, [[Realised(example, SCHEMA, {}, [])]])
    batch = pack([[group]], 128)
    assert batch.ids[0, : len(group)].tolist() == before + answer
    assert batch.position[0, : len(group)].tolist() == list(range(len(group)))
    assert batch.ids[batch.kind == SQL].tolist() == answer
    assert answer[-1] == END
    assert before.count(END) == 0  # the control token in the question is plain text


def test_packed_questions_get_the_logits_that_they_get_alone(tokenizer):
    pool = make_pool([pair()])
    groups = [realise_together([pair()] * n, pool, random.Random(n)) for n in (3, 1, 2)]
    rows = fill(encode_groups(tokenizer.backend_tokenizer, groups), 512)
    batch = pack(rows, 512)
    net = Twin(Size(hidden=32, layers=2, heads=2, feed_forward=48, vocabulary=300, max_length=512)).eval()
    with torch.no_grad():
        packed = net(batch.ids.long(), net.table(), batch.position.long(), visible(batch))
        for r, groups_of_row in enumerate(rows):
            for g, group in enumerate(groups_of_row, 1):
                for b, (ids, _) in enumerate(group.branches, 1):
                    alone = net(torch.tensor([group.schema + ids]), net.table())[0]
                    here = (batch.group[r] == g) & ((batch.branch[r] == 0) | (batch.branch[r] == b))
                    assert torch.allclose(packed[r][here], alone, atol=1e-5)


def test_rows_are_filled_and_lose_nothing(tokenizer):
    pool = make_pool([pair()])
    groups = [realise_together([pair()] * (1 + n % 3), pool, random.Random(n)) for n in range(30)]
    encoded = encode_groups(tokenizer.backend_tokenizer, groups)
    rows = fill(encoded, 512)
    assert sorted(map(id, encoded)) == sorted(id(g) for row in rows for g in row)
    assert all(sum(map(len, row)) <= 512 for row in rows)
    assert len(rows) <= -(-sum(map(len, encoded)) // 512) + 2


def test_pieces_of_a_statement_give_it_back():
    assert canonical_sql(pair()) == SQL_TEXT
    assert [p.text for p in pair().pieces if p.kind == "string"] == ["New Zealand"]


def test_a_column_named_like_a_keyword_leaves_the_keyword_alone():
    sql = 'SELECT "From", COUNT(*) FROM trip GROUP BY "From"'
    pieces = tuple(cut(sql, from_ddl('CREATE TABLE trip ("From" VARCHAR, days INTEGER)')))
    assert canonical_sql(pair()._replace(pieces=pieces)) == sql
    assert [p.text for p in pieces if p.kind == "column"] == ["From", "From"]


@pytest.mark.parametrize("together", [False, True])
def test_variations_change_question_schema_and_sql_together(together):
    pool = make_pool([pair()])
    seen = set()
    for seed in range(200):
        rng = random.Random(seed)
        item = realise_together([pair()] * 3, pool, rng)[-1] if together else realise(pair(), pool, rng)
        sql = item.example.sql[0]
        seen.add(sql)
        names = {c.name for t in item.schema.tables for c in t.columns}
        tree = parse(sql)
        assert {c.name for c in tree.find_all(__import__("sqlglot").exp.Column)} <= names
        for value in [p.text for p in cut(sql, item.schema) if p.kind in ("string", "number")]:
            known = f"{item.example.question} {item.glossary}"
            assert value.lower() in known.lower()
    assert len(seen) > 20


SHARING = """
import json, sys
import torch
from base.model import Size, Twin
from base.train import _join, _mean
rank = _join()
torch.manual_seed(0)
net = Twin(Size(hidden=16, layers=1, heads=2, feed_forward=16, vocabulary=32, max_length=16))
ids = torch.arange(20).view(2, 10)
ids = ids[rank : rank + 1] if len(sys.argv) > 1 else ids
net(ids, net.table()).square().mean().backward()
numbers = _mean(net, [float(rank), 1.0])
if rank == 0:
    print(json.dumps([numbers, [p.grad.double().sum().item() for p in net.parameters()]]))
if torch.distributed.is_initialized():
    torch.distributed.destroy_process_group()
"""


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def test_processes_share_their_gradients_and_their_counts():
    run = partial(subprocess.run, capture_output=True, text=True, check=True, timeout=120)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    alone = run([sys.executable, "-c", SHARING], env=environment)
    network = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2"}
    command = [sys.executable, "-c", SHARING, "half"]
    other = subprocess.Popen(command, env=environment | network | {"RANK": "1"})
    try:
        shared = run(command, env=environment | network | {"RANK": "0"})
    finally:
        other.kill()
        other.wait()
    numbers, gradients = json.loads(shared.stdout)
    assert numbers == [0.5, 1.0]
    assert gradients == pytest.approx(json.loads(alone.stdout)[1], rel=1e-4, abs=1e-7)

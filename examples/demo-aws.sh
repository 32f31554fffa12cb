#!/usr/bin/env bash
# Amazon Bedrock without an account: tune, deploy, converse, evaluate and delete, against a Bedrock on this machine that
# really fine-tunes a local base. Every command below is the one for the real service.
#
#   make demo-aws            or: examples/demo-aws.sh [FOLDER] [BASE]
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
out="${1:-sqltailor-demo-aws}" base="${2:-nano}" python="${PYTHON:-python3}"
began=$SECONDS
export OMP_WAIT_POLICY=PASSIVE HF_HUB_OFFLINE="${HF_HUB_OFFLINE:-1}"
python="$(command -v "$python")"

show() { # show COMMAND...: print it, then run it
  printf '\n$ sqltailor %s\n' "$*"
  "$python" -m sqltailor "$@"
}

mkdir -p "$out" && cd "$out"
"$python" - <<'PY'
"""The sample shop and its questions, and a recipe for Bedrock in place of the demo's."""
from pathlib import Path

from sqltailor.demo.journey import draw_questions, make_pairs, prepare
from sqltailor.project import Project
from sqltailor.recipe import load_recipe

prepare(Path())
with Project(load_recipe("demo", ["database.url=sqlite:///shop.db"]).recipe) as project:
    make_pairs(project)
Path("recipe.yaml").write_text(
    f"""base: amazon.nova-micro-v1:0:128k
database: {{url: sqlite:///shop.db, sample_personal: true}}
prompt: {{hints: 8}}
data:
  train: [data/train.jsonl, data/values.jsonl, data/synth.jsonl]
  test: {draw_questions("new_wordings", 40)}
train: {{backend: bedrock, epochs: 3}}
generate: {{max_tokens: 128}}
"""
)
PY

printf '\n$ sqltailor local-bedrock --base %s --speed 100 &\n' "$base"
: >aws.env
"$python" -m sqltailor local-bedrock --base "$base" --port 0 --speed 100 >aws.env 2>local-bedrock.log &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null || true' EXIT
until grep -q AWS_DEFAULT_REGION aws.env; do
  kill -0 $server || { cat local-bedrock.log; exit 1; }
  sleep 0.2
done
. ./aws.env

show train --dry-run
show train --yes
show deploy bedrock --yes --name shop
arn="$("$python" -m sqltailor deploy list --json | "$python" -c 'import json, sys; print(json.load(sys.stdin)[0]["arn"])')"
printf '\n$ python examples/converse.py %s\n' "$arn"
"$python" "$here/converse.py" "$arn"
show eval
show ask "Which three brands have the most items?" --run || true
show deploy list
show deploy delete --all --data --yes
show deploy list
printf '\n%d s, and nothing is left that costs.\n' $((SECONDS - began))

# make demo, make test: both set everything up first, in .venv, from exact pins.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# Where the CPU build of torch comes from on Linux without an NVIDIA GPU; not used where pip is configured already.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
# What the demo tunes: a name of `sqltailor bases`. nano needs no download and takes two minutes.
BASE ?= small
# Processes that run the tests.
WORKERS ?= 2
EXTRAS := train,serve,report,llama
EXTRAS_AWS := train,report,local-bedrock
EXTRAS_DEV := train,serve,mcp,gpu,report,postgres,mysql,duckdb,warehouse,files,export,local-bedrock,ray,dev
# What stands for Bedrock's models in demo-aws.
AWS_BASE ?= nano

.PHONY: demo demo-aws test check format docs lock clean help
help:
	@echo "make demo    tune a real base on the sample database and measure it (minutes, CPU; BASE=nano: two minutes)"
	@echo "make demo-aws  Amazon Bedrock without an account: tune, deploy, ask, evaluate, delete, on this machine"
	@echo "make test    run the tests"
	@echo "make check   format, lint, types, fresh docs, tests"
	@echo "make docs    write the generated parts of README.md and docs/ again"
	@echo "make lock    write requirements.lock again from the newest versions"

# $(call install,EXTRAS): the project with extras, at the pinned versions
define install
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@extra=""; \
	if [ "$$(uname)" = Linux ] && ! command -v nvidia-smi >/dev/null && \
	   ! $(BIN)/pip config list 2>/dev/null | grep -qE 'index-url|find-links'; then \
	  extra="--extra-index-url $(TORCH_INDEX)"; \
	fi; \
	echo "installing sqltailor[$(1)] into $(VENV)"; \
	$(BIN)/pip install --quiet --disable-pip-version-check -c requirements.lock $$extra -e '.[$(1)]'
	@touch $@
endef

$(VENV)/.installed: pyproject.toml requirements.lock
	$(call install,$(EXTRAS))

$(VENV)/.installed-aws: pyproject.toml requirements.lock
	$(call install,$(EXTRAS_AWS))

$(VENV)/.installed-dev: pyproject.toml requirements.lock
	$(call install,$(EXTRAS_DEV))

demo: $(VENV)/.installed
	$(BIN)/sqltailor demo --base $(BASE)

demo-aws: $(VENV)/.installed-aws
	PYTHON=$(abspath $(BIN)/python) examples/demo-aws.sh sqltailor-demo-aws $(AWS_BASE)

test: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

format: $(VENV)/.installed-dev
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/cog --check -r README.md docs/cli.md docs/data.md docs/training.md docs/choosing.md
	$(BIN)/python bench/record_readme.py --check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

docs: $(VENV)/.installed-dev
	$(BIN)/cog -r README.md docs/cli.md docs/data.md docs/training.md docs/choosing.md
	$(BIN)/python -m sqltailor.recipe docs/recipe.md

lock:
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet torch==2.13.0 -e '.[$(EXTRAS_DEV),track]'
	.venv-lock/bin/pip freeze --exclude-editable | sed 's/+cpu$$//' > requirements.lock
	rm -rf .venv-lock

clean:
	rm -rf .venv .venv-lock sqltailor-demo sqltailor-demo-aws dist .pytest_cache .mypy_cache .ruff_cache

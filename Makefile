# Every target is a thin call of the command line `weakvid`; `make` alone lists them.
# Variables reach the commands through the environment, so that paths may hold spaces.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.SUFFIXES:
SHELL := /bin/sh

.PHONY: help setup demo-corpus shards asr train evaluate compare embed report demo launch logs stop verify view \
        status doctor \
        test test-gpu check bench bench-shards bench-loader bench-loss bench-colearning ablation colearning prove clean

# Where torch comes from: a requirement (TORCH), and another package index (TORCH_INDEX).
TORCH ?= torch==2.13.0
export TORCH TORCH_INDEX PYTHON SOURCE OUT SHARDS RUN PRESET MODEL VERB ADDRESS

STAMP := .venv/.installed
WEAKVID ?= .venv/bin/weakvid
PY := .venv/bin/python
# Byte code is made at the first import, of what is imported: that is less than all of it.
PIP := $(PY) -m pip install --disable-pip-version-check --no-compile -q

CORPUS := data/demo/videos/truth/corpus.json
DEMO_SHARDS := data/demo/shards/manifest.json
DEMO_RUN := runs/demo/config.yaml

# Your own videos are cut at full size; your own runs have no truth of the demo to be held against.
SHARDS_PRESET = $(or $(PRESET),$(if $(SOURCE),local,demo))
TRAIN_PRESET = $(or $(PRESET),demo)
RUN_PRESET = $(or $(PRESET),$(if $(filter-out demo,$(RUN)),local,demo))

help: ## Print this list
	@echo 'usage: make TARGET [VARIABLE=VALUE ...]'
	@echo
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1|\2/p' Makefile | \
	  while IFS='|' read -r target text; do printf '  %-16s %s\n' "$$target" "$$text"; done
	@echo
	@echo 'variables:'
	@echo '  SOURCE=DIR OUT=DIR   shards: your videos with their captions -> where shards go'
	@echo '  SHARDS=DIR RUN=NAME  train: what to read, what to call the run (evaluate, report: RUN)'
	@echo '  VERB=NAME ADDRESS=URL   launch: what the cluster does, its dashboard (logs, stop: RUN)'
	@echo '  PRESET=NAME          demo (small models, any CPU), local (one GPU), cluster, paper'
	@echo '  ARGS="--a.b 3"       settings passed on; `weakvid VERB --help` lists them'
	@echo '  PYTHON= TORCH= TORCH_INDEX=   setup: interpreter, torch requirement, torch package index'
	@echo
	@echo 'examples:'
	@echo '  make demo'
	@echo '  make shards SOURCE=videos OUT=data/real'
	@echo '  make train SHARDS=data/real RUN=real ARGS="--training.steps 60"'
	@echo '  make evaluate RUN=real && make report RUN=real'

setup: $(STAMP) ## Make .venv and install everything into it
	@echo 'ready: .venv/bin/weakvid --help'

$(STAMP): pyproject.toml constraints.txt
	@set -eu; \
	if [ ! -x $(PY) ]; then \
	  if [ -n "$${PYTHON:-}" ]; then set -- "$$PYTHON"; else set -- python3.11 python3.12 python3; fi; \
	  found=''; \
	  for python in "$$@"; do \
	    if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' \
	        2>/dev/null; then found="$$python"; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "setup: needs Python 3.11 or 3.12, found none as: $$*" >&2; \
	    echo '       install one, or name it: make setup PYTHON=/path/to/python3.11' >&2; exit 1; \
	  fi; \
	  "$$found" -m venv .venv || { rm -rf .venv; \
	    echo "setup: $$found cannot make a .venv; install its venv package (python3-venv)" >&2; exit 1; }; \
	fi; \
	grep -v '^torch==' constraints.txt > .venv/constraints.txt; \
	echo "setup: installing $$TORCH, then the rest; this takes some minutes"; \
	if [ -n "$${TORCH_INDEX:-}" ]; then \
	  $(PIP) "$$TORCH" --index-url "$$TORCH_INDEX"; \
	else \
	  $(PIP) "$$TORCH" -c .venv/constraints.txt; \
	fi; \
	$(PIP) -e '.[dev]' -c .venv/constraints.txt; \
	touch $(STAMP)

demo-corpus: $(STAMP) ## Write the demo's little narrated videos into data/demo/videos
	$(WEAKVID) demo-corpus $(ARGS)

$(CORPUS): | $(STAMP)
	$(WEAKVID) demo-corpus

shards: $(STAMP) $(if $(SOURCE),,$(CORPUS)) ## Videos -> shards (SOURCE, OUT; default: the demo corpus)
	@if [ -n "$$SOURCE" ] && [ -z "$$OUT" ]; then \
	  echo 'shards: SOURCE needs OUT=DIR, the folder that receives the shards' >&2; exit 2; fi
	$(WEAKVID) shards --preset $(SHARDS_PRESET) $(if $(SOURCE),--sources.path "$$SOURCE") \
	  $(if $(OUT),--shards.out "$$OUT") $(ARGS)

asr: $(STAMP) ## Videos without captions -> transcripts (SOURCE, OUT, MODEL; needs the extra asr)
	@if [ -z "$$SOURCE" ] || [ -z "$$OUT" ]; then \
	  echo 'asr: needs SOURCE=DIR and OUT=DIR, the folder that receives the transcripts' >&2; exit 2; fi
	$(WEAKVID) asr --sources.path "$$SOURCE" --sources.transcripts "$$OUT" \
	  $(if $(MODEL),--asr.model "$$MODEL") $(ARGS)

$(DEMO_SHARDS): $(CORPUS) | $(STAMP)
	$(WEAKVID) shards

train: $(STAMP) $(if $(SHARDS),,$(DEMO_SHARDS)) ## Shards -> a run; again: goes on (SHARDS, RUN; default: demo)
	$(WEAKVID) train --preset $(TRAIN_PRESET) $(if $(SHARDS),--data.shards "$$SHARDS") \
	  $(if $(RUN),--run.name "$$RUN") $(ARGS)

$(DEMO_RUN): | $(STAMP) $(DEMO_SHARDS)
	$(WEAKVID) train

evaluate: $(STAMP) $(if $(RUN),,$(DEMO_RUN)) ## A run -> retrieval and fusion figures (RUN)
	$(WEAKVID) evaluate --preset $(RUN_PRESET) $(if $(RUN),--run.name "$$RUN") $(ARGS)
	$(if $(RUN)$(PRESET),,$(WEAKVID) compare --grid.workers 2)

compare: $(STAMP) ## Fusion methods on a run's features, or on tasks that ARGS name (RUN)
	$(WEAKVID) compare $(if $(RUN),--grid.features "runs/$$RUN/evaluation" --grid.out "runs/$$RUN/fusion") $(ARGS)

embed: $(STAMP) $(if $(RUN),,$(DEMO_RUN)) ## A run and shards -> features of clips, to search in (RUN, SHARDS, OUT)
	$(WEAKVID) embed $(if $(RUN),--run.name "$$RUN") $(if $(SHARDS),--embedding.shards "$$SHARDS") \
	  $(if $(OUT),--embedding.out "$$OUT") $(ARGS)

report: $(STAMP) $(if $(RUN)$(OUT),,$(DEMO_RUN)) ## A run (RUN) or shards (OUT) -> report.html
	$(if $(OUT),$(WEAKVID) report "$$OUT",$(WEAKVID) report --preset $(RUN_PRESET) $(if $(RUN),--run.name "$$RUN")) $(ARGS)

DEMO = $(MAKE) --no-print-directory SOURCE= OUT= SHARDS= RUN= PRESET=
demo: $(STAMP) $(CORPUS) ## All of it on the demo corpus, to a report (ARGS go to train)
	@$(DEMO) shards ARGS=
	@$(WEAKVID) report data/demo/shards --truth data/demo/videos
	@$(DEMO) train
	@$(DEMO) evaluate ARGS=
	@$(DEMO) embed ARGS=
	@$(DEMO) report ARGS=

# The same variables as the verb itself takes; settings for a cluster unless others are named.
LAUNCH_OUT = $(if $(filter asr,$(VERB)),--sources.transcripts,$(if $(filter embed,$(VERB)),--embedding.out,--shards.out))
LAUNCH_SHARDS = $(if $(filter embed,$(VERB)),--embedding.shards,--data.shards)
LAUNCH_PRESET = $(if $(filter asr compare embed,$(VERB)),,--preset $(or $(PRESET),cluster))
ON_CLUSTER = $(if $(ADDRESS),--address "$$ADDRESS")
launch: $(STAMP) ## A verb as a job on a Ray cluster (VERB, ADDRESS, and what the verb takes)
	@if [ -z "$$VERB" ]; then \
	  echo 'launch: needs VERB=shards|asr|train|evaluate|compare|embed|report' >&2; exit 2; fi
	$(WEAKVID) launch "$$VERB" $(ON_CLUSTER) $(LAUNCH_PRESET) $(if $(SOURCE),--sources.path "$$SOURCE") \
	  $(if $(OUT),$(LAUNCH_OUT) "$$OUT") $(if $(SHARDS),$(LAUNCH_SHARDS) "$$SHARDS") \
	  $(if $(RUN),--run.name "$$RUN") $(ARGS)

logs: $(STAMP) ## What a launched job prints, to its end (RUN: its name, ADDRESS)
	@if [ -z "$$RUN" ]; then echo 'logs: needs RUN=NAME, the name of the job' >&2; exit 2; fi
	$(WEAKVID) logs "$$RUN" --follow $(ON_CLUSTER) $(ARGS)

stop: $(STAMP) ## A launched job drains, and ends (RUN: its name, ADDRESS)
	@if [ -z "$$RUN" ]; then echo 'stop: needs RUN=NAME, the name of the job' >&2; exit 2; fi
	$(WEAKVID) stop "$$RUN" $(ON_CLUSTER) $(ARGS)

verify: $(STAMP) ## Check written shards against their manifest (OUT)
	$(WEAKVID) verify "$${OUT:-data/demo/shards}"

view: $(STAMP) ## Look into shards in a browser, on this machine only (OUT)
	$(WEAKVID) view "$${OUT:-data/demo/shards}" $(ARGS)

status: $(STAMP) ## How far shards (OUT) or a run (RUN) have come
	@set -eu; if [ -n "$$OUT" ]; then $(WEAKVID) status "$$OUT"; fi; \
	if [ -n "$$RUN" ]; then $(WEAKVID) status "runs/$$RUN"; fi; \
	if [ -z "$$OUT$$RUN" ]; then \
	  for folder in data/demo/shards runs/demo; do \
	    if [ -d "$$folder" ]; then $(WEAKVID) status "$$folder"; else echo "$$folder: not begun"; fi; \
	  done; fi

doctor: $(STAMP) ## Check this machine, and say how to mend it
	$(WEAKVID) doctor

test: $(STAMP) ## Run the tests, without the long proofs
	$(PY) -m pytest $(ARGS)

test-gpu: $(STAMP) ## Run the tests that need a GPU with CUDA; skipped without one
	$(PY) -m pytest -m gpu -rs tests/gpu $(ARGS)

check: $(STAMP) ## Format, lint, types, floors, spelling
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	.venv/bin/pyrefly check
	.venv/bin/lint-imports
	.venv/bin/codespell
	$(PY) -m pytest -q tests/test_house.py

bench: $(STAMP) ## Clips a second of each stage, on 24 demo videos
	rm -rf data/bench runs/bench
	$(WEAKVID) demo-corpus --out data/bench/videos --videos 24
	$(WEAKVID) shards --sources.path data/bench/videos --shards.out data/bench/shards
	$(WEAKVID) train --data.shards data/bench/shards --run.name bench --training.steps 20

bench-shards: $(STAMP) ## CPU of the builder beside ffmpeg's, two workers beside one, on real videos
	$(PY) -m benchmarks.shards_speed $(ARGS)

bench-loader: $(STAMP) $(DEMO_SHARDS) ## How long the model waits for clips; what a clip and a seek cost
	$(PY) -m benchmarks.loader $(ARGS)

bench-colearning: $(STAMP) $(DEMO_SHARDS) ## What a co-learning step costs beside one of MIL-NCE alone
	$(PY) -m benchmarks.colearning_step $(ARGS)

bench-loss: $(STAMP) ## Memory and time of the loss beside the plain formulation
	$(PY) -m benchmarks.loss $(ARGS)

ablation: $(STAMP) $(DEMO_SHARDS) ## Losses and bag sizes on the demo corpus, for the demo run's report
	$(PY) -m benchmarks.ablation runs/demo/ablation $(ARGS)

colearning: $(STAMP) $(DEMO_SHARDS) ## MIL-NCE, cyclic and both on the demo corpus, for the demo run's report
	$(PY) -m benchmarks.colearning runs/demo/colearning $(ARGS)

prove: $(STAMP) ## Run the long proofs, none skipped; figures go to docs/proofs/NAME.md
	WEAKVID_PROVE=1 $(PY) -m pytest -m slow -ra -s $(or $(ARGS),tests)

clean: ## Remove caches, build files, the demo's and the benchmark's data and runs
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	rm -rf data/demo data/bench runs/demo runs/bench
	find . -path ./.venv -prune -o -type d -name __pycache__ -exec rm -rf {} +

# The project's tasks. `make install` and `make run` are all that a user needs; see docs/set-up.md.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help install run check test test-all test-crash docs bench-start bench-collect bench-throughput bench-metrics bench-cores bench-jobs bench-state bench-sinks soak install-test

ARGS ?= ticker --dashboard

help: ## Say what can be made
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

install: ## Install everything that is missing; does nothing when it is all there
	@python=$$(install/find_python.sh) && "$$python" -m install

run: install ## Install, then run `python coin_spark.py ticker --dashboard`; other words: make run ARGS="ticker --source simulate"
	@.venv/bin/python coin_spark.py $(ARGS)

check: ## Lint, formatting, types, the documentation as a site
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy src install $(wildcard coin_spark.py)
	NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs build --strict --quiet

test: install-test check ## Install, a MySQL-protocol server and the ClickHouse engine included, then check and test
	.venv/bin/poetry run pytest -m "not slow" -n 2 --dist loadfile --no-loadscope-reorder

test-all: install-test check ## The same with the tests that take longer
	.venv/bin/poetry run pytest -n 2 --dist loadfile --no-loadscope-reorder

test-crash: install-test ## SIGKILL jobs, broker and databases a hundred times over 200,000 records, and compare every row with the oracle; half an hour or more
	@PYTHONPATH=. .venv/bin/python -m tests.crash.run $(if $(filter command,$(origin ARGS)),$(ARGS))

docs: ## Write the pages that are made from the code (docs/tables.md, .env.example), and build the documentation as a site: site/index.html
	@PYTHONPATH=. .venv/bin/python docs/generate.py
	@NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs build --strict --quiet

bench-start: install ## Time to the first rows, memory, time to stop; takes five minutes, wants the machine alone
	@.venv/bin/python bench/start.py

bench-collect: install .bench/bin/cryptofeed-2.4.1 ## Frames a second, parsing beside cryptofeed and the whole collector; wants the machine alone
	@PYTHONPATH=. .venv/bin/python -m bench.collect $(if $(filter command,$(origin ARGS)),$(ARGS))

bench-throughput: install ## All ticker metrics beside Flink SQL and ordinary Spark queries; takes an hour, 3 GB of disk, wants the machine alone
	@PYTHONPATH=. .venv/bin/python -m bench.throughput_install
	@PYTHONPATH=. .venv/bin/python -m bench.throughput $(if $(filter command,$(origin ARGS)),$(ARGS))

bench-metrics: install ## What 8 and 16 metrics cost beside 4; wants the machine alone
	@PYTHONPATH=. .venv/bin/python -m bench.metrics_cost $(if $(filter command,$(origin ARGS)),$(ARGS))

bench-cores: install ## One processor against two; wants the machine alone
	@PYTHONPATH=. .venv/bin/python -m bench.cores $(if $(filter command,$(origin ARGS)),$(ARGS))

bench-jobs: install ## Records a second of the order-book job and the trade job; wants the machine alone
	@PYTHONPATH=. .venv/bin/python -m bench.jobs $(if $(filter command,$(origin ARGS)),$(ARGS))

bench-state: install ## State, memory and batch times of 1,800 prices over an hour of event time; wants the machine alone
	@PYTHONPATH=. .venv/bin/python -m bench.state $(if $(filter command,$(origin ARGS)),$(ARGS))

bench-sinks: install-test ## Rows a second into MySQL and ClickHouse, beside Spark's own JDBC append; wants the machine alone
	@PYTHONPATH=. .venv/bin/python -m bench.sinks_install
	@PYTHONPATH=. .venv/bin/python -m bench.sinks $(if $(filter command,$(origin ARGS)),$(ARGS))

soak: install-test ## Memory, state, handles and lag of two jobs over an hour (MINUTES=60) at 2,000 records/s (RATE=2000); wants the machine alone
	@PYTHONPATH=. .venv/bin/python -m bench.soak $(if $(MINUTES),--minutes $(MINUTES)) $(if $(RATE),--rate $(RATE))

# What we are measured against has a folder of its own (Flink: .bench/flink, by bench/throughput_install.py): in a group of poetry its dependencies would change the versions in everybody's .venv.
.bench/bin/cryptofeed-2.4.1:
	@python=$$(install/find_python.sh) && "$$python" -m venv .bench
	@.bench/bin/python -m pip install --quiet --disable-pip-version-check cryptofeed==2.4.1
	@touch $@

install-test:
	@python=$$(install/find_python.sh) && "$$python" -m install --for-tests

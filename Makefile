# Each target can be run alone, in a fresh checkout.

.PHONY: build test demo format lint clean setup

SOURCES = Sources Tests Package.swift

# The program: .build/release/graftc
build: setup
	swift build -c release --product graftc

# Optimised, because the heavy tests multiply matrices.
test: setup
	swift test -c release --scratch-path .build-test -Xswiftc -enable-testing

# Grafts an operator onto a small model and draws pictures with both.
demo: build
	@bash scripts/demo.sh

format:
	swift format -i --parallel --recursive $(SOURCES)

lint:
	swift format lint --strict --parallel --recursive $(SOURCES)

clean:
	rm -rf .build demo-out

setup:
	@bash scripts/setup.sh

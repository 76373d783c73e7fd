# Each target can be run alone, in a fresh checkout.

.PHONY: build test demo format lint clean setup

SOURCES = Sources Tests Package.swift

# The program: .build/release/graftc
build: setup
	swift build -c release --product graftc

# Optimised, because the heavy tests multiply matrices. Tests see what has package access, so no code is built a second
# time to be testable.
test: setup
	swift test -c release --disable-testable-imports

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

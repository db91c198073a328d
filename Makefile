# `make` alone lists the verbs.
.PHONY: help build test ci serve bench golden format lint size clean

help:
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST)
build: ## the optimised executable
	swift build -c release
test: ## all tests that need no GPU
	swift test
ci: ## everything that is checked before a change lands
	bash .ci/run
serve: ## serve the bundled demo
	swift run -c release punica serve
bench: ## measure batching across adapters, and the engine's own cost
	swift run -c release punica-bench engine
	swift run -c release punica-bench engine --backend echo
golden: ## make the golden files anew (needs the Python of scripts/golden/README.md)
	bash scripts/golden/make.sh
format: ## lay the sources out
	swift format -i -r Sources Tests Package.swift
lint: ## check the layout
	swift format lint --strict -r Sources Tests Package.swift
size: ## files and functions that have grown large
	bash scripts/size.sh
clean: ## remove what was built
	rm -rf .build

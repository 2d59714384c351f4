# make demo, make test: both install what is missing and say what.
export CI LAB SOAK ONLY RUNS
VITEST = sh scripts/node.sh node node_modules/vitest/vitest.mjs run

.PHONY: help demo test check bench soak pictures setup
help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

demo: ## a guided tour on simulated clusters (LAB=1: on the lab's real p10)
	@sh scripts/setup.sh $(if $(LAB),test,demo)
	@$(if $(LAB),sh scripts/node.sh node test/lab/with.ts p10 -- sh scripts/node.sh node test/lab/demo.ts '{p10.kubeconfig}',bin/sluice demo)

test: ## every test, on real servers where they can be had
	@sh scripts/setup.sh test
	@SLUICE_LAB_EARLY='kube p10 redmine' $(VITEST)

check: ## types, lint, format, imports, dead code
	@sh scripts/setup.sh check
	@sh scripts/node.sh node scripts/check.ts

bench: ## speed and memory, beside kubectl, a bare queue and other bots (ONLY=chat: those rows alone)
	@sh scripts/setup.sh bench
	@sh scripts/node.sh node test/bench/main.ts

soak: ## every fault, not only the sample
	@sh scripts/setup.sh test
	@SOAK=1 $(VITEST) test/faults
	@SOAK=1 $(VITEST) test/bot/conformance -t 'rate limit'

pictures: ## docs/demo.svg and docs/pictures, drawn anew (brings chromium, pngquant and fonts)
	@sh scripts/setup.sh demo
	@sh scripts/setup-pictures.sh
	@sh scripts/node.sh node scripts/pictures.ts "$$(command -v chromium || command -v chromium-browser)"
	@pngquant --force --ext .png --skip-if-larger --quality 70-95 docs/pictures/*.png || true
	@sh scripts/node.sh node scripts/picture.ts

setup: ## only install what is missing
	@sh scripts/setup.sh test

# Each target is one task of tasks.py, which runs on Windows too: `py tasks.py book`. `make help` lists them all.
PYTHON ?= python3
TASKS := env lint house notebooks book unit coverage nbval pages test prove versions lab serve slides bank figures bench lock sample clean

.PHONY: help $(TASKS)
help:
	@$(PYTHON) tasks.py --help
$(TASKS):
	@$(PYTHON) tasks.py $@ $(NAMES) $(if $(BUDGET),--budget $(BUDGET)) $(if $(PORT),--port $(PORT)) $(if $(ALL),--all)

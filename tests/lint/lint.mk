# make lint             layers, globals, headers, purposes, sizes, host calls, printf, format, cppcheck, spelling
.PHONY: lint
lint: $(LIB_OBJECTS)
	@tests/lint/run.sh $(LIB_OBJECTS)

# make outline          the map of the tree: each file's purpose
.PHONY: outline
outline:
	@tests/lint/outline.sh

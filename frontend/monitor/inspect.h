/* The machine as a tree of JSON objects. Needs Jansson. */
#ifndef FRONTEND_MONITOR_INSPECT_H
#define FRONTEND_MONITOR_INSPECT_H

struct machine;
struct json_t;

/* What is at the path ("" or NULL: everything), or NULL: there is nothing. Only while the machine is held. */
struct json_t *inspect(struct machine *machine, const char *path);

#endif

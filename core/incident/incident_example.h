/** incident_example.h - an alert that no rule has raised: for dry runs, tests of plans and drills.
 *
 *  The incident of a drill is its own: no real alert joins it, it joins nothing, it is left out of
 *  the figures, and it ends with incident_end_drill().
 */
#ifndef TOCSIN_CORE_INCIDENT_INCIDENT_EXAMPLE_H
#define TOCSIN_CORE_INCIDENT_INCIDENT_EXAMPLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct err_note;
struct incident_store;

struct incident_example {
	/** {rule, title, severity, category, message, labels, dimension}; only `rule` must be
	 *  there. Borrowed. */
	const json_t *alert;
	bool is_resolved, is_drill;
	int64_t now_ms;
	/** Of a field of the dimension, or NULL; for an alert without category. May be NULL. */
	const char *(*category_of)(const void *arg, const char *field, const char *value);
	const void *arg;
};

/** It fires or is over. Gives the incident; 0: none. ERR_INVALID. The caller kicks the commit. */
int incident_on_example(struct incident_store *store, const struct incident_example *example,
			uint64_t *number, struct err_note *why);

/** What fires in the incident of a drill is over. Nothing happens to any other. The caller kicks
 *  the commit. */
void incident_end_drill(struct incident_store *store, uint64_t number, int64_t now_ms);

/** After incident_run_ended(): with its last run, the incident of a drill ends. */
void incident_drill_run_ended(struct incident_store *store, uint64_t number, int64_t now_ms);

#endif

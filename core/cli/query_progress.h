/** query_progress.h - one line on a terminal that says how far the query is; nothing elsewhere. */
#ifndef TOCSIN_CORE_CLI_QUERY_PROGRESS_H
#define TOCSIN_CORE_CLI_QUERY_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct env;

struct query_progress {
	const struct env *env;
	uint64_t size_bytes; /**< of all inputs; 0 when unknown */
	int64_t start_ms;
	int64_t shown_ms;
	bool is_terminal;
	bool is_shown;
};

/** Silent unless standard error is a terminal and the rows go elsewhere. */
void query_progress_init(struct query_progress *progress, const struct env *env,
			 uint64_t size_bytes);
void query_progress_show(struct query_progress *progress, uint64_t bytes, uint64_t readings);
void query_progress_hide(struct query_progress *progress);

#endif

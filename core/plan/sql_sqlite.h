/** sql_sqlite.h - one query of a SQLite file, read only, within a time and a size.
 *
 *  Blocks: for a worker thread. Nothing but SELECT is allowed: no second statement, no PRAGMA, no
 *  ATTACH, no extension; the file may be hostile.
 *  Owner: `query` is the caller's; sql_query_stop() may be called by another thread.
 */
#ifndef TOCSIN_CORE_PLAN_SQL_SQLITE_H
#define TOCSIN_CORE_PLAN_SQL_SQLITE_H

#include <jansson.h>

#include <stdatomic.h>
#include <stdint.h>

#include "core/base/err.h"

enum { SQL_ROWS_MAX = 1000, SQL_REPLY_BYTES_MAX = 64 * 1024, SQL_ARGS_MAX = 100 };

enum sql_end {
	SQL_DONE,
	SQL_BUSY,    /**< locked, or the file cannot be opened or read now */
	SQL_LATE,    /**< the time is over, or it was stopped */
	SQL_REFUSED, /**< it will not be better at the next try */
};

struct sql_query {
	const char *path, *sql;
	const json_t *args; /**< list of texts, numbers, booleans; or NULL */
	uint32_t rows_max;
	int64_t end_ms; /**< of env_live()'s monotonic clock */
	atomic_bool is_stopped;
	enum sql_end end;
	struct err_note why;
	json_t *result; /**< owned: {columns, rows, row_count, cut} */
};

void sql_query_run(struct sql_query *query);
void sql_query_stop(struct sql_query *query);

#endif

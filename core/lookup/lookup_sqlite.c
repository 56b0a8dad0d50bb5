#include "core/lookup/lookup.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/lookup/lookup_internal.h"

#include <sqlite3.h>
#include <string.h>

/** A hostile file may hold a view that never ends: this many steps of SQLite's machine are more
 *  than any table within the limits takes. */
enum { STEPS_MAX = 200 * 1000 * 1000, STEPS_A_CALL = 100 * 1000 };

static int on_steps(void *arg)
{
	int *calls = arg;

	return ++*calls > STEPS_MAX / STEPS_A_CALL;
}

static int fail(sqlite3 *db, struct err_note *why)
{
	return err_set(why, ERR_INVALID, "SQLite says: %.160s", sqlite3_errmsg(db));
}

static int add_columns(struct lookup *lookup, sqlite3_stmt *query, struct err_note *why)
{
	int code = 0;

	for (int i = 0; code == 0 && i < sqlite3_column_count(query); i++)
		code = lookup_add_column(lookup, slice_of(sqlite3_column_name(query, i)), why);
	return code;
}

static int add_row(struct lookup *lookup, sqlite3_stmt *query, struct err_note *why)
{
	for (int i = 0; i < (int)lookup->column_count; i++) {
		struct slice text = {"", 0};
		int code;

		if (sqlite3_column_type(query, i) == SQLITE_BLOB)
			return err_set(why, ERR_INVALID, "row %u: column \"%.64s\" is a blob",
				       lookup->row_count + 1, lookup->names[i]);
		if (sqlite3_column_type(query, i) != SQLITE_NULL) {
			text.data = (const char *)sqlite3_column_text(query, i);
			text.length = (size_t)sqlite3_column_bytes(query, i);
		}
		if (!utf8_is_valid(text))
			return err_set(why, ERR_INVALID, "row %u: column \"%.64s\" is not UTF-8",
				       lookup->row_count + 1, lookup->names[i]);
		code = lookup_add_cell(lookup, text, why);
		if (code != 0)
			return code;
	}
	return lookup_end_row(lookup, why);
}

static int read_table(struct lookup *lookup, sqlite3 *db, const char *table, struct err_note *why)
{
	sqlite3_stmt *query = NULL;
	char *text = sqlite3_mprintf("SELECT * FROM \"%w\"", table);
	int code;
	int step;

	if (text == NULL || sqlite3_prepare_v2(db, text, -1, &query, NULL) != SQLITE_OK) {
		sqlite3_free(text);
		return fail(db, why);
	}
	sqlite3_free(text);
	code = add_columns(lookup, query, why);
	while (code == 0 && (step = sqlite3_step(query)) != SQLITE_DONE)
		code = step == SQLITE_ROW ? add_row(lookup, query, why) : fail(db, why);
	sqlite3_finalize(query);
	return code;
}

int lookup_open_sqlite(struct lookup **out, const char *path, const char *table,
		       struct err_note *why)
{
	struct lookup *lookup = lookup_new();
	sqlite3 *db = NULL;
	int calls = 0;
	int code = 0;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
		code = db != NULL ? err_set(why, ERR_NOT_FOUND, "SQLite says: %.160s",
					    sqlite3_errmsg(db))
				  : err_set(why, ERR_IO, "SQLite cannot start");
	if (code == 0) {
		/* The file may be hostile: see "Defense against the dark arts", sqlite.org. */
		sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
		sqlite3_limit(db, SQLITE_LIMIT_LENGTH, LOOKUP_BYTES_MAX);
		sqlite3_progress_handler(db, STEPS_A_CALL, on_steps, &calls);
		code = read_table(lookup, db, table, why);
	}
	sqlite3_close(db);
	if (code != 0) {
		lookup_unref(lookup);
		return code;
	}
	*out = lookup;
	return 0;
}

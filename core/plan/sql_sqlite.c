#include "core/plan/sql_sqlite.h"

#include "core/base/env.h"
#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/plan/plan_json.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

enum { STEPS_A_CALL = 1000, BUSY_PAUSE_MS = 10, VALUE_BYTES_MAX = 1024 * 1024 };

/* A larger whole number is not the same in Lua. */
#define WHOLE_MAX 9007199254740992.0

static bool is_over(const struct sql_query *query)
{
	return atomic_load(&query->is_stopped) || env_mono_ms(env_live()) >= query->end_ms;
}

static int on_steps(void *arg)
{
	return is_over(arg);
}

static int on_busy(void *arg, int count)
{
	(void)count;
	if (is_over(arg))
		return 0;
	sqlite3_sleep(BUSY_PAUSE_MS);
	return 1;
}

static int on_ask(void *arg, int what, const char *a, const char *b, const char *c, const char *d)
{
	(void)arg, (void)c, (void)d;
	if (what == SQLITE_FUNCTION)
		return b && strcmp(b, "load_extension") == 0 ? SQLITE_DENY : SQLITE_OK;
	(void)a;
	return what == SQLITE_SELECT || what == SQLITE_READ || what == SQLITE_RECURSIVE
		       ? SQLITE_OK
		       : SQLITE_DENY;
}

static int fail(struct sql_query *query, sqlite3 *db, int number)
{
	bool is_busy = number == SQLITE_BUSY || number == SQLITE_LOCKED ||
		       number == SQLITE_CANTOPEN || number == SQLITE_IOERR;
	query->end = is_busy ? SQL_BUSY : SQL_REFUSED;
	if (is_over(query) && (is_busy || number == SQLITE_INTERRUPT)) {
		query->end = is_busy ? SQL_BUSY : SQL_LATE;
		return err_set(&query->why, ERR_TIMEOUT, "the time of the query is over%s%.160s",
			       is_busy ? ": " : "", is_busy ? sqlite3_errmsg(db) : "");
	}
	if (number == SQLITE_AUTH)
		return err_set(&query->why, ERR_DENIED, "only SELECT is allowed: %.160s",
			       sqlite3_errmsg(db));
	return err_set(&query->why, ERR_INVALID, "SQLite says: %.160s", sqlite3_errmsg(db));
}

static int refuse(struct sql_query *query, const char *text)
{
	query->end = SQL_REFUSED;
	return err_set(&query->why, ERR_INVALID, "%s", text);
}

static int open_file(struct sql_query *query, sqlite3 **db)
{
	int number = sqlite3_open_v2(query->path, db, SQLITE_OPEN_READONLY, NULL);
	if (*db == NULL)
		return refuse(query, "SQLite cannot start");
	if (number != SQLITE_OK)
		return fail(query, *db, number);
	/* The file may be hostile: see "Defense against the dark arts", sqlite.org. */
	sqlite3_db_config(*db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(*db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_limit(*db, SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX);
	sqlite3_limit(*db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_progress_handler(*db, STEPS_A_CALL, on_steps, query);
	sqlite3_busy_handler(*db, on_busy, query);
	sqlite3_set_authorizer(*db, on_ask, NULL);
	return 0;
}

static int bind_one(sqlite3_stmt *statement, int index, const json_t *value)
{
	double number = json_number_value(value);
	if (json_is_string(value))
		return sqlite3_bind_text(statement, index, json_string_value(value),
					 (int)json_string_length(value), SQLITE_TRANSIENT);
	if (json_is_boolean(value))
		return sqlite3_bind_int(statement, index, json_is_true(value));
	if (number == floor(number) && fabs(number) < WHOLE_MAX)
		return sqlite3_bind_int64(statement, index, (sqlite3_int64)number);
	return sqlite3_bind_double(statement, index, number);
}

static int prepare(struct sql_query *query, sqlite3 *db, sqlite3_stmt **statement)
{
	const char *rest = NULL;
	int count = (int)json_array_size(query->args);
	int number = sqlite3_prepare_v2(db, query->sql, -1, statement, &rest);
	if (number != SQLITE_OK)
		return fail(query, db, number);
	if (*statement == NULL)
		return refuse(query, "there is no statement");
	if (rest[strspn(rest, " \t\r\n;")] != '\0')
		return refuse(query, "only one statement is allowed");
	if (sqlite3_bind_parameter_count(*statement) != count) {
		query->end = SQL_REFUSED;
		return err_set(&query->why, ERR_INVALID,
			       "the statement has %d places for values (?), but args has %d",
			       sqlite3_bind_parameter_count(*statement), count);
	}
	for (int i = 0; i < count; i++) {
		number = bind_one(*statement, i + 1, json_array_get(query->args, (size_t)i));
		if (number != SQLITE_OK)
			return fail(query, db, number);
	}
	return 0;
}

static int name_columns(struct sql_query *query, sqlite3_stmt *statement, json_t *columns)
{
	for (int i = 0; i < sqlite3_column_count(statement); i++) {
		const char *name = sqlite3_column_name(statement, i);
		for (size_t k = 0; k < json_array_size(columns); k++) {
			const char *other = json_string_value(json_array_get(columns, k));
			if (name && other && strcmp(name, other) == 0)
				return refuse(query, "two columns have one name: give one of them "
						     "another with AS");
		}
		json_array_append_new(columns, plan_json_clean(slice_of(name), 200));
	}
	return 0;
}

/* NULL for SQL's NULL. */
static json_t *read_value(sqlite3_stmt *statement, int i)
{
	char text[32];
	sqlite3_int64 whole;
	switch (sqlite3_column_type(statement, i)) {
	case SQLITE_NULL: return NULL;
	case SQLITE_INTEGER:
		whole = sqlite3_column_int64(statement, i);
		if (fabs((double)whole) < WHOLE_MAX)
			return json_integer(whole);
		snprintf(text, sizeof(text), "%lld", whole);
		return json_string(text);
	case SQLITE_FLOAT:
		if (isfinite(sqlite3_column_double(statement, i)))
			return json_real(sqlite3_column_double(statement, i));
		return json_string(sqlite3_column_double(statement, i) > 0 ? "inf" : "-inf");
	default: break;
	}
	const char *data = (const char *)sqlite3_column_text(statement, i);
	size_t length = (size_t)sqlite3_column_bytes(statement, i);
	return plan_json_clean((struct slice){data ? data : "", length}, VALUE_BYTES_MAX);
}

static int add_row(struct sql_query *query, sqlite3_stmt *statement, json_t *rows, size_t *bytes)
{
	const json_t *columns = json_object_get(query->result, "columns");
	json_t *row = json_object();
	json_array_append_new(rows, row);
	for (int i = 0; i < sqlite3_column_count(statement); i++) {
		const char *name = json_string_value(json_array_get(columns, (size_t)i));
		json_t *value;
		if (sqlite3_column_type(statement, i) == SQLITE_BLOB)
			return refuse(query, "a column is a blob: ask for hex() of it");
		value = read_value(statement, i);
		if (value)
			json_object_set_new(row, name, value);
	}
	char *text = plan_json_text(row);
	*bytes += strlen(text) + 1;
	mem_free(text);
	if (*bytes > SQL_REPLY_BYTES_MAX)
		return refuse(query, "the answer is longer than 65536 bytes: ask for less");
	return 0;
}

static int read_rows(struct sql_query *query, sqlite3 *db, sqlite3_stmt *statement)
{
	json_t *columns = json_array(), *rows = json_array();
	bool is_cut = false;
	size_t bytes = 0;
	int number = SQLITE_DONE;
	query->result = json_pack("{s:o, s:o}", "columns", columns, "rows", rows);
	int code = name_columns(query, statement, columns);
	while (code == 0 && !is_cut && (number = sqlite3_step(statement)) == SQLITE_ROW) {
		is_cut = json_array_size(rows) >= query->rows_max;
		if (!is_cut)
			code = add_row(query, statement, rows, &bytes);
	}
	if (code == 0 && number != SQLITE_DONE && number != SQLITE_ROW)
		code = fail(query, db, number);
	json_object_set_new(query->result, "row_count",
			    json_integer((json_int_t)json_array_size(rows)));
	json_object_set_new(query->result, "cut", json_boolean(is_cut));
	return code;
}

void sql_query_run(struct sql_query *query)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *statement = NULL;
	query->end = SQL_DONE;
	int code = open_file(query, &db);
	if (code == 0)
		code = prepare(query, db, &statement);
	if (code == 0)
		code = read_rows(query, db, statement);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	if (code != 0) {
		json_decref(query->result);
		query->result = NULL;
	}
}

void sql_query_stop(struct sql_query *query)
{
	atomic_store(&query->is_stopped, true);
}

#include "core/lookup/lookup.h"

#include <criterion/criterion.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/err.h"

static char path[] = "/tmp/tocsin-lookup-XXXXXX";

static void make_path(void)
{
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	close(fd);
}

static void remove_path(void)
{
	unlink(path);
}

TestSuite(lookup, .init = make_path, .fini = remove_path);

static void write_file(const char *text, size_t length)
{
	FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	cr_assert_eq(fwrite(text, 1, length, file), length);
	fclose(file);
}

static void expect_cell(const struct lookup *lookup, uint32_t row, uint32_t column,
			const char *text)
{
	struct slice cell = lookup_cell(lookup, row, column);

	cr_expect(slice_equal(cell, slice_of(text)), "%.*s", (int)cell.length, cell.data);
}

static void expect_csv_fault(const char *text, int code, const char *words)
{
	struct lookup *lookup = NULL;
	struct err_note why = {0};

	write_file(text, strlen(text));
	cr_expect_eq(lookup_open_csv(&lookup, path, &why), code);
	cr_expect_null(lookup);
	cr_expect_not_null(strstr(why.text, words), "%s", why.text);
}

Test(lookup, csv_with_quotes_empty_cells_and_a_mark)
{
	static const char text[] = "\xEF\xBB\xBFmerchant,note,limit\r\n"
				   "m1,\"a, \"\"b\"\"\nc\",5\r\n"
				   ",\xE5\x8C\x97\xE4\xBA\xAC,\n"
				   "m3,\"\",7";
	struct lookup *lookup = NULL;
	struct err_note why = {0};

	write_file(text, sizeof(text) - 1);
	cr_assert_eq(lookup_open_csv(&lookup, path, &why), 0, "%s", why.text);
	cr_expect_eq(lookup_row_count(lookup), 3);
	cr_expect_eq(lookup_column_count(lookup), 3);
	cr_expect_eq(lookup_find_column(lookup, "limit"), 2);
	cr_expect_eq(lookup_find_column(lookup, "Limit"), -1);
	cr_expect_str_eq(lookup_column_name(lookup, 0), "merchant");
	expect_cell(lookup, 0, 1, "a, \"b\"\nc");
	expect_cell(lookup, 1, 0, "");
	expect_cell(lookup, 1, 1, "\xE5\x8C\x97\xE4\xBA\xAC");
	expect_cell(lookup, 2, 1, "");
	expect_cell(lookup, 2, 2, "7");
	lookup_unref(lookup);
}

Test(lookup, csv_faults_name_their_row)
{
	expect_csv_fault("", ERR_INVALID, "it is empty");
	expect_csv_fault("a,b\n1\n", ERR_INVALID, "row 2: found 1 cells, but the first line has 2");
	expect_csv_fault("a,b\n1,2\n1,2,3\n", ERR_INVALID, "row 3: found 3 cells");
	expect_csv_fault("a,,b\n", ERR_INVALID, "row 1: column 2 has no name");
	expect_csv_fault("a,a\n", ERR_INVALID, "row 1: two columns are named \"a\"");
	expect_csv_fault("a\n\"x\n", ERR_INVALID, "row 2");
	expect_csv_fault("a\nx\"y\"\n", ERR_INVALID, "row 2");
	expect_csv_fault("a\n\xC3\n", ERR_INVALID, "row 2: cell 1 is not UTF-8");
}

Test(lookup, csv_that_is_not_there_or_no_file)
{
	struct lookup *lookup = NULL;
	struct err_note why = {0};

	cr_expect_eq(lookup_open_csv(&lookup, "/nonexistent/a.csv", &why), ERR_NOT_FOUND);
	cr_expect_eq(lookup_open_csv(&lookup, "/tmp", &why), ERR_INVALID);
}

Test(lookup, csv_rows_at_the_limit)
{
	struct lookup *lookup = NULL;
	struct err_note why = {0};
	FILE *file = fopen(path, "w");

	fputs("a\n", file);
	for (int i = 0; i < LOOKUP_ROWS_MAX; i++)
		fputs("x\n", file);
	fclose(file);
	cr_assert_eq(lookup_open_csv(&lookup, path, &why), 0, "%s", why.text);
	cr_expect_eq(lookup_row_count(lookup), LOOKUP_ROWS_MAX);
	lookup_unref(lookup);
	lookup = NULL;
	file = fopen(path, "a");
	fputs("x\n", file);
	fclose(file);
	cr_expect_eq(lookup_open_csv(&lookup, path, &why), ERR_RANGE);
	cr_expect_not_null(strstr(why.text, "more than 200000 rows"), "%s", why.text);
}

static void run_sql(const char *text)
{
	sqlite3 *db = NULL;

	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

Test(lookup, sqlite_numbers_nulls_and_odd_names)
{
	struct lookup *lookup = NULL;
	struct err_note why = {0};

	run_sql("CREATE TABLE \"my \"\"limits\" (merchant TEXT, share REAL, n INTEGER);"
		"INSERT INTO \"my \"\"limits\" VALUES ('m1', 0.5, 7), (NULL, 2, NULL);");
	cr_assert_eq(lookup_open_sqlite(&lookup, path, "my \"limits", &why), 0, "%s", why.text);
	cr_expect_eq(lookup_row_count(lookup), 2);
	expect_cell(lookup, 0, 0, "m1");
	expect_cell(lookup, 0, 1, "0.5");
	expect_cell(lookup, 0, 2, "7");
	expect_cell(lookup, 1, 0, "");
	expect_cell(lookup, 1, 1, "2.0");
	expect_cell(lookup, 1, 2, "");
	lookup_unref(lookup);
}

Test(lookup, sqlite_faults)
{
	struct lookup *lookup = NULL;
	struct err_note why = {0};

	run_sql("CREATE TABLE t (a); INSERT INTO t VALUES (x'00ff');"
		"CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
		"FROM n)"
		" SELECT max(i) AS a FROM n;");
	cr_expect_eq(lookup_open_sqlite(&lookup, path, "none", &why), ERR_INVALID);
	cr_expect_not_null(strstr(why.text, "no such table"), "%s", why.text);
	cr_expect_eq(lookup_open_sqlite(&lookup, path, "t", &why), ERR_INVALID);
	cr_expect_not_null(strstr(why.text, "row 1: column \"a\" is a blob"), "%s", why.text);
	cr_expect_eq(lookup_open_sqlite(&lookup, path, "endless", &why), ERR_INVALID);
	cr_expect_not_null(strstr(why.text, "interrupted"), "%s", why.text);
	cr_expect_eq(lookup_open_sqlite(&lookup, "/nonexistent/a.db", "t", &why), ERR_NOT_FOUND);
	cr_expect_not_null(strstr(why.text, "SQLite says: unable to open"), "%s", why.text);
	write_file("this is not a database at all, but a text", 41);
	cr_expect_eq(lookup_open_sqlite(&lookup, path, "t", &why), ERR_INVALID);
	cr_expect_str_eq(why.text, "SQLite says: file is not a database");
	cr_expect_null(lookup);
}

Test(lookup, sqlite_text_that_is_not_utf8)
{
	struct lookup *lookup = NULL;
	struct err_note why = {0};

	run_sql("CREATE TABLE t (a, b); INSERT INTO t VALUES ('x', 'y'), ('x', CAST(x'ff' AS "
		"TEXT));");
	cr_expect_eq(lookup_open_sqlite(&lookup, path, "t", &why), ERR_INVALID);
	cr_expect_str_eq(why.text, "row 2: column \"b\" is not UTF-8");
	cr_expect_null(lookup);
}

Test(lookup, sqlite_of_a_file_with_damaged_pages)
{
	static const char rubbish[4096] = "\xff\xff\xff\xff";
	struct lookup *lookup = NULL;
	struct err_note why = {0};
	FILE *file;

	run_sql("PRAGMA page_size = 4096; CREATE TABLE t (a); WITH RECURSIVE n(i) AS (SELECT 1 "
		"UNION "
		"ALL SELECT i + 1 FROM n WHERE i < 9999) INSERT INTO t SELECT i FROM n;");
	file = fopen(path, "r+");
	cr_assert_not_null(file);
	fseek(file, sizeof(rubbish), SEEK_SET);
	cr_assert_eq(fwrite(rubbish, 1, sizeof(rubbish), file), sizeof(rubbish));
	fclose(file);
	cr_expect_eq(lookup_open_sqlite(&lookup, path, "t", &why), ERR_INVALID);
	cr_expect_str_eq(why.text, "SQLite says: database disk image is malformed");
	cr_expect_null(lookup);
}

Test(lookup, sqlite_that_another_program_writes)
{
	struct lookup *lookup = NULL;
	struct err_note why = {0};
	sqlite3 *db = NULL;

	run_sql("CREATE TABLE t (a); INSERT INTO t VALUES ('x');");
	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	cr_expect_eq(lookup_open_sqlite(&lookup, path, "t", &why), ERR_INVALID);
	cr_expect_str_eq(why.text, "SQLite says: database is locked");
	sqlite3_close(db);
	cr_expect_eq(lookup_open_sqlite(&lookup, path, "t", &why), 0, "%s", why.text);
	lookup_unref(lookup);
}

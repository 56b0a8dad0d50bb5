#include "core/cli/cli.h"

#include "core/cli/impact_print.h"
#include "core/cli/remote.h"

#include <stdio.h>
#include <string.h>

static const char status_help[] =
	"Usage: tocsin status [--json] [--state DIR | --socket PATH]\n"
	"\n"
	"What the daemon has read, what it waits for, and what it could not use.\n"
	"\n"
	"Examples:\n"
	"  tocsin status\n"
	"  tocsin status --json | jq '.sources[0].readings'\n";

static const char reload_help[] =
	"Usage: tocsin reload [--wait] [--json] [--state DIR | --socket PATH]\n"
	"\n"
	"Reads the site again and swaps it in whole. It prints each file that was loaded, refused\n"
	"(with file:line and reason) or removed, what a new version does to the state of the one\n"
	"it replaces, and how many files there are; with --wait also each unchanged file. It ends\n"
	"with 5 when any file was refused; a refused file never replaces a good version. SIGHUP\n"
	"does the same without answer.\n"
	"\n"
	"Example:\n"
	"  tocsin reload --wait\n";

static void print_dead_letters(const json_t *sources)
{
	size_t index, inner;
	const json_t *source, *letter;
	json_array_foreach(sources, index, source)
	{
		json_array_foreach(json_object_get(source, "dead_letters"), inner, letter)
		{
			const json_t *path = json_object_get(letter, "path");
			fputs("  ", stdout);
			remote_print_value(path != NULL ? path
							: json_object_get(letter, "partition"));
			fputs(" at ", stdout);
			remote_print_value(json_object_get(letter, "offset"));
			fputs(": ", stdout);
			remote_print_value(json_object_get(letter, "reason"));
			fputs("\n    ", stdout);
			remote_print_value(json_object_get(letter, "text"));
			putchar('\n');
		}
	}
}

static void print_behind(const json_t *sources)
{
	size_t index, inner;
	const json_t *source, *tail;
	json_array_foreach(sources, index, source)
	{
		json_array_foreach(json_object_get(source, "tails"), inner, tail)
		{
			if (json_integer_value(json_object_get(tail, "behind_bytes")) == 0)
				continue;
			fputs("  ", stdout);
			remote_print_value(json_object_get(source, "name"));
			fputs(": ", stdout);
			remote_print_value(json_object_get(tail, "pattern"));
			fputs(" is ", stdout);
			remote_print_value(json_object_get(tail, "behind_bytes"));
			fputs(" bytes behind\n", stdout);
		}
	}
}

/** Why a rule was stopped, and how it goes on. */
static void print_quarantined(const json_t *list)
{
	size_t index;
	const json_t *row;
	json_array_foreach(list, index, row)
	{
		fputs("  ", stdout);
		remote_print_value(json_object_get(row, "name"));
		putchar('@');
		remote_print_value(json_object_get(row, "version"));
		fputs(" is quarantined since ", stdout);
		remote_print_value(json_object_get(row, "since"));
		fputs(": ", stdout);
		remote_print_value(json_object_get(row, "reason"));
		putchar('\n');
	}
	if (json_array_size(list) > 0)
		puts("  hint: mend it in a new version (tocsin rule edit NAME), or tocsin rule "
		     "enable "
		     "NAME@VERSION");
}

static void print_part(const json_t *status, const char *name)
{
	const char *member;
	json_t *value;
	printf("%-10s", name);
	json_object_foreach(json_object_get(status, name), member, value)
	{
		printf(" %s ", member);
		remote_print_value(value);
	}
	putchar('\n');
}

/** Most of what can happen has not: only what has. */
static void print_what_happened(const json_t *status, const char *name)
{
	const char *member;
	json_t *value;
	printf("%-10s", name);
	json_object_foreach(json_object_get(status, name), member, value)
	{
		if (json_integer_value(value) == 0)
			continue;
		printf(" %s ", member);
		remote_print_value(value);
	}
	putchar('\n');
}

static void print_status(const json_t *status)
{
	static const char *const sources[] = {
		"name=SOURCE",          "readings=READINGS", "malformed=MALFORMED", "late=LATE",
		"late_dropped=DROPPED", "clamped=CLAMPED",   "watermark=WATERMARK", NULL};
	static const char *const rules[] = {
		"name=RULE",           "version=V",   "type=TYPE",     "firing=FIRING",
		"keys=KEYS",           "fired=FIRED", "errors=ERRORS", "quarantined=QUARANTINED",
		"evaluated=EVALUATED", NULL};
	static const char *const outputs[] = {
		"name=OUTPUT",     "kind=KIND", "waiting=WAITING",       "sent=SENT",
		"retries=RETRIES", "dead=DEAD", "last_error=LAST ERROR", NULL};
	printf("tocsin ");
	remote_print_value(json_object_get(status, "version"));
	printf(", pid ");
	remote_print_value(json_object_get(status, "pid"));
	printf(", up ");
	remote_print_value(json_object_get(status, "uptime_s"));
	printf(" s, generation ");
	remote_print_value(json_object_get(status, "generation"));
	printf("\n\n");
	remote_print_table(json_object_get(status, "sources"), sources);
	print_behind(json_object_get(status, "sources"));
	print_dead_letters(json_object_get(status, "sources"));
	putchar('\n');
	remote_print_table(json_object_get(status, "rules"), rules);
	print_quarantined(json_object_get(status, "quarantined"));
	putchar('\n');
	remote_print_table(json_object_get(status, "outputs"), outputs);
	putchar('\n');
	print_part(status, "http");
	print_what_happened(status, "handling");
	print_part(status, "incidents");
	print_part(status, "news");
	print_what_happened(status, "escalation");
	print_what_happened(status, "paging");
	print_part(status, "plans");
	print_part(status, "audit");
	print_part(status, "storage");
	print_part(status, "readers");
}

/** Both verbs take options only. True: a word was there, and the error was printed. */
static bool has_words(const struct remote *remote, const char *verb)
{
	if (remote->word_count > 0)
		fprintf(stderr, "tocsin %s: \"%s\" is not an option\nhint: tocsin %s --help\n",
			verb, remote->words[0], verb);
	return remote->word_count > 0;
}

int cli_status(int argc, char **argv)
{
	struct remote remote;
	json_t *result = NULL;
	int code = remote_parse(&remote, argc, argv, status_help);
	if (code >= 0)
		return code;
	if (has_words(&remote, "status"))
		return EXIT_USAGE;
	code = remote_call(&remote, "status", json_object(), &result);
	if (code != EXIT_DONE)
		return code;
	if (remote.is_json)
		remote_print_json(result);
	else
		print_status(result);
	json_decref(result);
	return EXIT_DONE;
}

static bool has_status(const json_t *file, const char *status)
{
	const char *found = json_string_value(json_object_get(file, "status"));
	return found != NULL && strcmp(found, status) == 0;
}

static void print_file(const json_t *file)
{
	const json_t *line = json_object_get(file, "line");
	const json_t *reason = json_object_get(file, "reason");
	const json_t *impact = json_object_get(file, "impact");
	remote_print_value(json_object_get(file, "status"));
	putchar(' ');
	remote_print_value(json_object_get(file, "path"));
	if (json_integer_value(line) > 0)
		printf(":%lld", (long long)json_integer_value(line));
	if (json_is_string(reason)) {
		fputs(": ", stdout);
		remote_print_value(reason);
	}
	putchar('\n');
	if (impact != NULL)
		impact_print(impact);
}

static void print_files(const json_t *files, bool has_all)
{
	static const char *const names[] = {"loaded", "unchanged", "refused", "removed"};
	enum { NAMES = sizeof(names) / sizeof(names[0]) };
	size_t counts[NAMES] = {0}, index;
	const json_t *file;
	json_array_foreach(files, index, file)
	{
		for (int i = 0; i < NAMES; i++)
			counts[i] += has_status(file, names[i]);
		if (has_all || !has_status(file, "unchanged"))
			print_file(file);
	}
	for (int i = 0; i < NAMES; i++)
		fprintf(stderr, "%s%zu %s", i == 0 ? "reload: " : ", ", counts[i], names[i]);
	fputc('\n', stderr);
}

int cli_reload(int argc, char **argv)
{
	struct remote remote;
	json_t *result = NULL;
	int code = remote_parse(&remote, argc, argv, reload_help);
	if (code >= 0)
		return code;
	if (has_words(&remote, "reload"))
		return EXIT_USAGE;
	code = remote_call(&remote, "reload", json_object(), &result);
	if (code != EXIT_DONE)
		return code;
	if (remote.is_json)
		remote_print_json(result);
	else
		print_files(json_object_get(result, "files"), remote.waits);
	if (json_is_true(json_object_get(result, "refused")))
		code = EXIT_REFUSED;
	json_decref(result);
	return code;
}

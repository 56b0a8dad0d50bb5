#include "core/cli/cli.h"

#include "core/cli/remote.h"

#include <jansson.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: tocsin oncall people [PERSON] [--json] [--state DIR]\n"
	"       tocsin oncall page PERSON TEXT [--all] [--incident N]\n"
	"\n"
	"people: who is reached how: ways, quiet hours, caps that are used up, pages that are "
	"held.\n"
	"page:   pages somebody now, by the first way that has room; --all: by all ways. Quiet "
	"hours\n"
	"        and caps hold, as for every page; --all without an incident skips quiet hours.\n"
	"\n"
	"The daemon answers. Exit code: 0 done, 2 wrong use, 4 no daemon, 5 refused.\n"
	"\n"
	"Examples:\n"
	"  tocsin oncall people\n"
	"  tocsin oncall people wang --json\n"
	"  tocsin oncall page wang 'a test: does this ring?' --all\n"
	"  tocsin oncall page li 'please join' --incident 12\n";

static json_t *spell_ways(const json_t *ways)
{
	size_t index;
	const json_t *way;
	char text[512] = "";
	size_t length = 0;

	json_array_foreach(ways, index, way)
	{
		const char *address = json_string_value(json_object_get(way, "address"));
		const char *free_at = json_string_value(json_object_get(way, "free"));

		length += (size_t)snprintf(
			text + length, sizeof(text) - length, "%s%s%s%s%s%s", index > 0 ? ", " : "",
			json_string_value(json_object_get(way, "output")),
			address != NULL ? " " : "", address != NULL ? address : "",
			free_at != NULL ? ", full until " : "", free_at != NULL ? free_at : "");
		if (length >= sizeof(text))
			break;
	}
	return length > 0 ? json_string(text) : json_null();
}

static json_t *spell_quiet(const json_t *quiet)
{
	const char *until = json_string_value(json_object_get(quiet, "until"));

	if (!json_is_object(quiet))
		return json_null();
	return json_sprintf("%s-%s%s%s", json_string_value(json_object_get(quiet, "from")),
			    json_string_value(json_object_get(quiet, "to")),
			    until != NULL ? ", now until " : "", until != NULL ? until : "");
}

static void print_people(const json_t *people)
{
	static const char *const columns[] = {
		"person=PERSON", "name=NAME",   "zone=ZONE", "quiet=QUIET",
		"held=HELD",     "reach=REACH", NULL};
	json_t *rows = json_deep_copy(people);
	size_t index;
	json_t *row;

	json_array_foreach(rows, index, row)
	{
		json_object_set_new(row, "quiet", spell_quiet(json_object_get(row, "quiet")));
		json_object_set_new(row, "reach", spell_ways(json_object_get(row, "reach")));
	}
	remote_print_table(rows, columns);
	json_decref(rows);
}

static void print_page(const json_t *result)
{
	const char *person = json_string_value(json_object_get(result, "person"));
	const char *held_for = json_string_value(json_object_get(result, "held_for"));

	if (held_for == NULL)
		printf("%s: on its way\n", person);
	else
		printf("%s: held until %s: %s\n", person,
		       json_string_value(json_object_get(result, "held_until")), held_for);
}

static int wrong_use(const char *text)
{
	fprintf(stderr, "tocsin oncall: %s\nhint: tocsin oncall people --help\n", text);
	return EXIT_USAGE;
}

static int put_page(const struct remote *remote, json_t *args)
{
	char *end = NULL;

	if (remote->word_count != 3)
		return wrong_use("page wants a person and a text");
	json_object_set_new(args, "text", json_string(remote->words[2]));
	if (remote->has_all)
		json_object_set_new(args, "important", json_true());
	if (remote->incident == NULL)
		return EXIT_DONE;
	json_object_set_new(args, "incident",
			    json_integer((json_int_t)strtoll(remote->incident, &end, 10)));
	if (end == remote->incident || *end != '\0')
		return wrong_use("--incident wants a number");
	return EXIT_DONE;
}

int cli_oncall_people(int argc, char **argv)
{
	struct remote remote;
	json_t *args, *result = NULL;
	int code = remote_parse(&remote, argc, argv, help);
	bool is_page;

	if (code >= 0)
		return code;
	is_page = remote.word_count > 0 && strcmp(remote.words[0], "page") == 0;
	args = json_object();
	if (remote.word_count > 1)
		json_object_set_new(args, "person", json_string(remote.words[1]));
	if (is_page)
		code = put_page(&remote, args);
	else
		code = remote.word_count > 2 ? wrong_use("people wants one person at most")
					     : EXIT_DONE;
	if (code != EXIT_DONE) {
		json_decref(args);
		return code;
	}
	code = remote_call(&remote, is_page ? "oncall.page" : "oncall.people", args, &result);
	if (code != EXIT_DONE)
		return code;
	if (remote.is_json)
		remote_print_json(result);
	else if (is_page)
		print_page(result);
	else
		print_people(result);
	json_decref(result);
	return EXIT_DONE;
}

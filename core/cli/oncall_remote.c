#include "core/cli/oncall_remote.h"

#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/cli/cli.h"
#include "core/cli/remote.h"
#include "core/config/config.h"
#include "core/model/timestamp.h"
#include "core/oncall/schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const override_columns[] = {
	"number=NUMBER", "schedule=SCHEDULE", "person=PERSON", "from=FROM",
	"to=TO",         "actor=BY",          "reason=REASON", NULL};
static const char *const chain_columns[] = {"incident=INCIDENT", "chain=CHAIN", "state=STATE",
					    "pass=PASS",         "step=STEP",   "steps=OF",
					    "due=DUE",           NULL};

static int wrong_use(const char *text)
{
	fprintf(stderr, "tocsin oncall: %s\nhint: tocsin oncall --help\n", text);
	return EXIT_USAGE;
}

static void print(const struct oncall_request *request, const json_t *rows,
		  const char *const *columns)
{
	if (request->remote->is_json)
		remote_print_json(rows);
	else
		remote_print_table(rows, columns);
}

static void put_time(json_t *args, const char *name, bool has_it, int64_t ms)
{
	char text[TIMESTAMP_TEXT_BYTES_MAX];

	if (!has_it)
		return;
	timestamp_format(ms, text);
	json_object_set_new(args, name, json_string(text));
}

static int add(const struct oncall_request *request, int count, char **words)
{
	json_t *args, *result = NULL, *rows;
	int code;

	if (count != 2 || !request->has_to)
		return wrong_use("override add wants SCHEDULE PERSON and --to TIME");
	args = json_pack("{s:s, s:s}", "schedule", words[0], "person", words[1]);
	put_time(args, "from", request->has_from, request->from_ms);
	put_time(args, "to", true, request->to_ms);
	if (request->remote->reason != NULL)
		json_object_set_new(args, "reason", json_string(request->remote->reason));
	code = remote_call(request->remote, "override.add", args, &result);
	if (code != EXIT_DONE)
		return code;
	rows = json_pack("[o]", result);
	if (request->remote->is_json)
		remote_print_json(result);
	else
		remote_print_table(rows, override_columns);
	json_decref(rows);
	return EXIT_DONE;
}

static int remove_one(const struct oncall_request *request, int count, char **words)
{
	json_t *args, *result = NULL;
	int64_t number = 0;
	int code;

	if (count != 1 || number_parse_int(slice_of(words[0]), &number) != 0 || number < 1)
		return wrong_use("override remove wants the NUMBER of an override");
	args = json_pack("{s:I}", "number", (json_int_t)number);
	if (request->remote->reason != NULL)
		json_object_set_new(args, "reason", json_string(request->remote->reason));
	code = remote_call(request->remote, "override.remove", args, &result);
	if (code == EXIT_DONE && request->remote->is_json)
		remote_print_json(result);
	else if (code == EXIT_DONE)
		printf("override %lld is removed\n", (long long)number);
	json_decref(result);
	return code;
}

static int list(const struct oncall_request *request, const char *verb, const char *member,
		const char *const *columns)
{
	json_t *result = NULL;
	int code = remote_call(request->remote, verb, json_object(), &result);

	if (code != EXIT_DONE)
		return code;
	print(request, member != NULL ? json_object_get(result, member) : result, columns);
	json_decref(result);
	return EXIT_DONE;
}

static int change(const struct oncall_request *request, int count, char **words)
{
	if (count > 0 && strcmp(words[0], "add") == 0)
		return add(request, count - 1, words + 1);
	if (count > 0 && strcmp(words[0], "remove") == 0)
		return remove_one(request, count - 1, words + 1);
	if (count == 1 && strcmp(words[0], "list") == 0)
		return list(request, "override.list", "overrides", override_columns);
	return wrong_use("override wants add, list or remove");
}

bool oncall_ask(const struct oncall_request *request, int count, char **words, int *code)
{
	if (count > 0 && strcmp(words[0], "override") == 0)
		*code = change(request, count - 1, words + 1);
	else if (count == 1 && strcmp(words[0], "chains") == 0)
		*code = list(request, "chain.list", NULL, chain_columns);
	else
		return false;
	return true;
}

/* ---- schedules with the daemon's overrides ---- */

/** The daemon's answer when it is of this site; or NULL, and why is said. */
static json_t *ask_overrides(const struct oncall_request *request)
{
	json_t *answer = remote_try(request->remote, "override.list", json_object());
	const char *site = json_string_value(json_object_get(answer, "site"));
	char *here = realpath(request->site_dir, NULL);
	bool is_same = site != NULL && here != NULL && strcmp(site, here) == 0;

	if (answer == NULL)
		fprintf(stderr,
			"tocsin oncall: no daemon answers in %s: this is what the files say, "
			"without overrides that were added by command\n",
			request->remote->state_dir);
	else if (!is_same)
		fprintf(stderr,
			"tocsin oncall: the daemon in %s runs another site (%s): its overrides "
			"are not in this answer\n",
			request->remote->state_dir, site != NULL ? site : "unknown");
	free(here);
	if (is_same)
		return answer;
	json_decref(answer);
	return NULL;
}

static int64_t get_time(const json_t *row, const char *name)
{
	int64_t ms = 0;

	timestamp_parse(slice_of(json_string_value(json_object_get(row, name))), &ms);
	return ms;
}

static void merge(const struct config *config, const json_t *rows,
		  const struct oncall_schedule *schedule, struct oncall_schedule *out)
{
	struct oncall_override *more = mem_alloc_array(json_array_size(rows) + 1, sizeof(*more));
	uint32_t count = 0;
	size_t index;
	json_t *row;

	json_array_foreach(rows, index, row)
	{
		const char *name = json_string_value(json_object_get(row, "schedule"));
		const char *person = json_string_value(json_object_get(row, "person"));

		if (name == NULL || person == NULL || strcmp(name, schedule->name) != 0)
			continue;
		more[count].person = config_find_person(config, person);
		more[count].from_ms = get_time(row, "from");
		more[count].to_ms = get_time(row, "to");
		count += more[count].person != NULL;
	}
	oncall_merge(schedule, more, count, out);
	mem_free(more);
}

struct oncall_schedule *oncall_with_stored(const struct oncall_request *request,
					   const struct config *config)
{
	struct oncall_schedule *schedules =
		mem_alloc_array(config->schedule_count + 1, sizeof(*schedules));
	json_t *answer = ask_overrides(request);

	for (uint32_t i = 0; i < config->schedule_count; i++)
		merge(config, json_object_get(answer, "overrides"), &config->schedules[i],
		      &schedules[i]);
	json_decref(answer);
	return schedules;
}

void oncall_schedules_free(struct oncall_schedule *schedules, const struct config *config)
{
	for (uint32_t i = 0; i < config->schedule_count; i++)
		mem_free(schedules[i].overrides);
	mem_free(schedules);
}

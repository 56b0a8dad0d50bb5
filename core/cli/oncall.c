#include "core/cli/cli.h"

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/cli/big_stack.h"
#include "core/cli/oncall_rehearse.h"
#include "core/cli/oncall_remote.h"
#include "core/cli/remote.h"
#include "core/config/config.h"
#include "core/model/timestamp.h"
#include "core/oncall/schedule.h"
#include "lua/host/generation.h"

#include <jansson.h>

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
	"Usage: tocsin oncall COMMAND [OPTION…] [--json] [--site DIR]\n"
	"\n"
	"  who [SCHEDULE]     who is on call now, or at --at TIME\n"
	"  shifts SCHEDULE    who is on call from when to when, and when nobody is\n"
	"  list               the schedules of the site\n"
	"  override add SCHEDULE PERSON [--from TIME] --to TIME [--reason TEXT]\n"
	"                     somebody else is on call for a while (from now on)\n"
	"  override list      what was added so; override remove NUMBER takes it back\n"
	"  rehearse FILE      whom the chains would call for the incidents of a file "
	"(docs/on-call.md)\n"
	"  chains             who is being called for which incident, and what comes next\n"
	"  people [PERSON]    how people are reached; page PERSON TEXT: see people --help\n"
	"\n"
	"  --at TIME              like 2026-11-22T06:00:00Z or 2026-11-22T14:00:00+08:00\n"
	"  --from TIME, --to TIME the span of shifts (from now, 14 days; at most 92 days)\n"
	"  --site DIR             the site (default: " CLI_SITE_DEFAULT ")\n"
	"  --state DIR            where the daemon keeps its state\n"
	"\n"
	"who, shifts and list read the site's files and add the daemon's overrides when it runs;\n"
	"rehearse reads files alone; the other commands need the daemon. Times are printed in "
	"UTC.\n"
	"Exit code: 0 done, 1 no such schedule or a site with faults, 2 wrong use, 4 no daemon,\n"
	"5 refused.\n"
	"\n"
	"Examples:\n"
	"  tocsin oncall who payments\n"
	"  tocsin oncall override add payments li --to 2026-11-23T09:00:00+08:00 --reason ill\n"
	"  tocsin oncall who --at 2026-12-24T20:00:00+01:00 --json\n"
	"  tocsin oncall shifts payments --from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z\n"
	"  tocsin oncall rehearse night.jsonl --to 2026-11-23T08:00:00Z\n";

enum { DEFAULT_SPAN_DAYS = 14 };

struct request {
	struct oncall_request ask;
	struct remote remote;
	const char *command, *schedule;
	int64_t at_ms;
};

static const char *const who_columns[] = {"schedule=SCHEDULE", "person=PERSON", "name=NAME", NULL};
static const char *const shift_columns[] = {"from=FROM", "to=TO", "person=PERSON", "name=NAME",
					    NULL};
static const char *const fact_columns[] = {"at=AT", "incident=INCIDENT", "text=WHAT ELSE", NULL};
static const char *const page_columns[] = {"at=AT",
					   "incident=INCIDENT",
					   "person=PERSON",
					   "output=OUTPUT",
					   "event=EVENT",
					   "cause=CAUSE",
					   NULL};
static const char *const list_columns[] = {"schedule=SCHEDULE", "zone=ZONE", "layers=LAYERS",
					   "overrides=OVERRIDES", NULL};

static void put_person(json_t *row, const struct oncall_person *person)
{
	json_object_set_new(row, "person", person != NULL ? json_string(person->id) : json_null());
	json_object_set_new(row, "name", person != NULL ? json_string(person->name) : json_null());
}

static void put_time(json_t *row, const char *key, int64_t ms)
{
	char text[TIMESTAMP_TEXT_BYTES_MAX];

	timestamp_format(ms, text);
	json_object_set_new(row, key, json_string(text));
}

static void add_who(json_t *rows, const struct request *request,
		    const struct oncall_schedule *schedule)
{
	json_t *row = json_pack("{s:s}", "schedule", schedule->name);

	put_time(row, "at", request->at_ms);
	put_person(row, oncall_who(schedule, request->at_ms));
	json_array_append_new(rows, row);
}

static void on_shift(void *arg, const struct oncall_shift *shift)
{
	json_t *row = json_object();

	put_time(row, "from", shift->from_ms);
	put_time(row, "to", shift->to_ms);
	put_person(row, shift->person);
	json_array_append_new(arg, row);
}

static void add_schedule(json_t *rows, const struct oncall_schedule *schedule)
{
	json_array_append_new(rows,
			      json_pack("{s:s, s:s, s:i, s:i}", "schedule", schedule->name, "zone",
					schedule->zone_name, "layers", (int)schedule->layer_count,
					"overrides", (int)schedule->override_count));
}

static int no_schedule(const struct config *config, const char *name)
{
	fprintf(stderr, "tocsin oncall: the site has no schedule \"%s\"; it has ", name);
	for (uint32_t i = 0; i < config->schedule_count; i++)
		fprintf(stderr, "%s%s", i > 0 ? ", " : "", config->schedules[i].name);
	fprintf(stderr, "%s\n", config->schedule_count == 0 ? "none" : "");
	return EXIT_FAILED;
}

static int print_answer(const struct request *request, const struct config *config,
			const struct oncall_schedule *schedules)
{
	const struct oncall_schedule *one = NULL;
	const char *const *columns = list_columns;
	json_t *rows;

	if (request->schedule != NULL) {
		one = config_find_schedule(config, request->schedule);
		if (one == NULL)
			return no_schedule(config, request->schedule);
		one = &schedules[one - config->schedules];
	}
	rows = json_array();
	if (strcmp(request->command, "shifts") == 0) {
		columns = shift_columns;
		oncall_shifts(one, request->ask.from_ms, request->ask.to_ms, on_shift, rows);
	} else if (strcmp(request->command, "who") == 0) {
		columns = who_columns;
		for (uint32_t i = 0; i < config->schedule_count; i++)
			if (request->schedule == NULL ||
			    strcmp(schedules[i].name, request->schedule) == 0)
				add_who(rows, request, &schedules[i]);
	} else {
		for (uint32_t i = 0; i < config->schedule_count; i++)
			add_schedule(rows, &schedules[i]);
	}
	if (request->remote.is_json)
		remote_print_json(rows);
	else
		remote_print_table(rows, columns);
	json_decref(rows);
	if (config->schedule_count == 0)
		fputs("tocsin oncall: the site has no schedules: see docs/on-call.md\n", stderr);
	return EXIT_DONE;
}

static int answer(const struct request *request, const struct config *config)
{
	struct oncall_schedule *schedules = oncall_with_stored(&request->ask, config);
	int code = print_answer(request, config, schedules);

	oncall_schedules_free(schedules, config);
	return code;
}

static int rehearse(const struct request *request, struct config *config)
{
	struct rehearsal rehearsal = {config, request->schedule,
				      request->ask.has_to ? request->ask.to_ms : 0};
	struct err_note why = {{0}};
	json_t *result = NULL;

	if (oncall_rehearse(&rehearsal, &result, &why) != 0) {
		fprintf(stderr, "tocsin oncall: %s\n", why.text);
		return EXIT_FAILED;
	}
	if (request->remote.is_json) {
		remote_print_json(result);
	} else {
		remote_print_table(json_object_get(result, "pages"), page_columns);
		putchar('\n');
		remote_print_table(json_object_get(result, "facts"), fact_columns);
	}
	json_decref(result);
	return EXIT_DONE;
}

static int load_and_answer(void *arg)
{
	const struct request *request = arg;
	static const char *const no_scripts[] = {NULL};
	struct generation *generation = NULL;
	struct err_note why = {{0}};
	int code = EXIT_FAILED;

	if (generation_load(&generation, request->ask.site_dir, no_scripts, 0, &why) != 0) {
		fprintf(stderr, "tocsin oncall: %s\n", why.text);
		return EXIT_FAILED;
	}
	if (generation->config == NULL)
		fprintf(stderr, "tocsin oncall: %s has faults: tocsin check --site %s\n",
			request->ask.site_dir, request->ask.site_dir);
	else if (strcmp(request->command, "rehearse") == 0)
		code = rehearse(request, generation->config);
	else
		code = answer(request, generation->config);
	generation_free(generation);
	return code;
}

static int wrong_use(const char *text)
{
	fprintf(stderr, "tocsin oncall: %s\nhint: tocsin oncall --help\n", text);
	return EXIT_USAGE;
}

static int check_words(struct request *request, int count, char **words)
{
	bool is_shifts;

	request->command = count > 0 ? words[0] : "";
	request->schedule = count > 1 ? words[1] : NULL;
	is_shifts = strcmp(request->command, "shifts") == 0;
	if (!is_shifts && strcmp(request->command, "who") != 0 &&
	    strcmp(request->command, "list") != 0 && strcmp(request->command, "rehearse") != 0)
		return wrong_use(
			"wants who, shifts, list, override, chains, rehearse, people or page");
	if (count > (strcmp(request->command, "list") == 0 ? 1 : 2))
		return wrong_use("too many words");
	if (is_shifts && request->schedule == NULL)
		return wrong_use("shifts wants the name of a schedule");
	if (strcmp(request->command, "rehearse") == 0 && request->schedule == NULL)
		return wrong_use("rehearse wants a FILE of events");
	if (is_shifts && (request->ask.to_ms <= request->ask.from_ms ||
			  request->ask.to_ms - request->ask.from_ms > ONCALL_SPAN_MS_MAX))
		return wrong_use("--to must be after --from, by at most 92 days");
	if (is_shifts && (request->ask.from_ms % ONCALL_STEP_MS != 0 ||
			  request->ask.to_ms % ONCALL_STEP_MS != 0))
		return wrong_use("--from and --to must be whole minutes");
	return EXIT_DONE;
}

static bool parse_time(const char *text, int64_t *out_ms)
{
	if (timestamp_parse(slice_of(text), out_ms) == 0)
		return true;
	wrong_use("a TIME is like 2026-11-22T06:00:00Z");
	return false;
}

/** -1: go on; otherwise the exit code. */
static int parse_options(struct request *request, int argc, char **argv)
{
	static const struct option options[] = {
		{"site", required_argument, NULL, 's'},   {"at", required_argument, NULL, 'a'},
		{"from", required_argument, NULL, 'f'},   {"to", required_argument, NULL, 't'},
		{"state", required_argument, NULL, 'S'},  {"socket", required_argument, NULL, 'c'},
		{"reason", required_argument, NULL, 'r'}, {"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
	};
	struct oncall_request *ask = &request->ask;
	int option;

	optind = 0; /* main has read its own options: start again (GNU) */
	while ((option = getopt_long(argc, argv, "hj", options, NULL)) != -1) {
		bool is_good = true;

		switch (option) {
		case 's': ask->site_dir = optarg; break;
		case 't':
			ask->has_to = true;
			is_good = parse_time(optarg, &ask->to_ms);
			break;
		case 'a': is_good = parse_time(optarg, &request->at_ms); break;
		case 'f':
			ask->has_from = true;
			is_good = parse_time(optarg, &ask->from_ms);
			break;
		case 'S': request->remote.state_dir = optarg; break;
		case 'c': request->remote.socket = optarg; break;
		case 'r': request->remote.reason = optarg; break;
		case 'j': request->remote.is_json = true; break;
		case 'h': fputs(help, stdout); return EXIT_DONE;
		default: fputs("hint: tocsin oncall --help\n", stderr); return EXIT_USAGE;
		}
		if (!is_good)
			return EXIT_USAGE;
	}
	return -1;
}

int cli_oncall(int argc, char **argv)
{
	struct request request = {.ask = {.site_dir = CLI_SITE_DEFAULT}};
	int64_t now_ms = env_wall_ms(env_live());
	int code;

	if (argc > 1 && (strcmp(argv[1], "people") == 0 || strcmp(argv[1], "page") == 0))
		return cli_oncall_people(argc, argv);
	request.at_ms = now_ms;
	request.ask.remote = &request.remote;
	request.ask.from_ms = now_ms - now_ms % ONCALL_STEP_MS;
	remote_init(&request.remote, help);
	code = parse_options(&request, argc, argv);
	if (code >= 0)
		return code;
	if (oncall_ask(&request.ask, argc - optind, argv + optind, &code))
		return code;
	if (!request.ask.has_to)
		request.ask.to_ms =
			request.ask.from_ms + DEFAULT_SPAN_DAYS * 24 * 60 * ONCALL_STEP_MS;
	code = check_words(&request, argc - optind, argv + optind);
	return code != EXIT_DONE ? code : cli_on_big_stack(load_and_answer, &request);
}

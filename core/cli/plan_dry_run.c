/* The very Lua and run machine of the daemon on a store in memory: the clock jumps from one due
 * time to the next, actions are answered by their simulators, people by --answer. */
#include "core/cli/plan_dry_run.h"

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/cli/big_stack.h"
#include "core/cli/cli.h"
#include "core/cli/plan_dry_drive.h"
#include "core/cli/plan_dry_incident.h"
#include "core/cli/plan_effects.h"
#include "core/cli/plan_world.h"
#include "core/cli/remote.h"
#include "core/cli/script_version.h"
#include "core/model/span.h"
#include "core/model/timestamp.h"
#include "core/plan/plan.h"
#include "lua/host/generation.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: tocsin plan dry-run PLAN[@VERSION] [OPTION…]\n"
	"\n"
	"Runs the plan with a clock that jumps and a store in memory, and lists what it would do.\n"
	"Nothing is sent, run or waited for, and secrets are not read: each action is answered by\n"
	"its simulator, as if all went well. No daemon is needed.\n"
	"\n"
	"  --site DIR             the site (default: " CLI_SITE_DEFAULT ")\n"
	"  --incident FILE | N    the incident: a document as of tocsin incident show N --json, "
	"or\n"
	"                         the daemon's number N (default: an example that fits the plan)\n"
	"  --params JSON          parameters of the run\n"
	"  --answer ID=VALUE      answers an ask: yes, no, or a value (then it is approved)\n"
	"  --signal NAME[=VALUE]  the signal is sent at the beginning\n"
	"  --fail STEP=TEXT       each try of this step fails with this sentence\n"
	"  --result STEP=JSON     what this step gives, in the place of its simulator\n"
	"  --resolve SPAN         the alerts of the incident are over after this time\n"
	"  --at TIME              when it begins (default: now)\n"
	"  --json                 one document: plan, state, effects\n"
	"  --state DIR, --socket PATH   of the daemon, for --incident N\n"
	"\n"
	"Exit code: 0 the run ended well, 1 it failed or waits for a person, 2 wrong use,\n"
	"4 no daemon, 5 it has no such incident.\n"
	"\n"
	"Examples:\n"
	"  tocsin plan dry-run provider_switch --answer switch=yes\n"
	"  tocsin plan dry-run merchant_outage --resolve 90s\n";

struct dry_run {
	struct plan_dry_drive drive;
	struct remote remote;
	const char *site_dir, *plan, *incident, *params;
	int64_t resolve_ms; /**< after the beginning; 0: never */
	bool is_json;
	char *name; /**< "plan@3" */
};

/* ---- what it says ---- */

static json_t *ended_row(const json_t *rows, const char *run_id)
{
	size_t index;
	json_t *row, *found = NULL;
	json_array_foreach(rows, index, row)
	{
		const char *run = json_string_value(json_object_get(row, "run"));
		const char *kind = json_string_value(json_object_get(row, "kind"));
		if (strcmp(kind, "ended") == 0 && strcmp(run, run_id) == 0)
			found = row;
	}
	return found;
}

/** Whether something in the run was called so: a misspelt name must not look like a rehearsal. */
static bool was_met(const struct policy *policy, const json_t *rows)
{
	static const char *const kinds[] = {[POLICY_ANSWER] = "asked",
					    [POLICY_SIGNAL] = "awaited",
					    [POLICY_FAIL] = "effect",
					    [POLICY_RESULT] = "effect"};
	size_t index;
	const json_t *row;
	json_array_foreach(rows, index, row)
	{
		const char *kind = json_string_value(json_object_get(row, "kind"));
		const char *step = json_string_value(json_object_get(row, "step"));
		if (step && strcmp(kind, kinds[policy->kind]) == 0 &&
		    plan_effects_is_step(step, policy->name))
			return true;
	}
	return false;
}

/** Names of options that met nothing. */
static json_t *list_unmet(const struct plan_dry_drive *drive, const json_t *rows)
{
	static const char *const options[] = {[POLICY_ANSWER] = "--answer",
					      [POLICY_SIGNAL] = "--signal",
					      [POLICY_FAIL] = "--fail",
					      [POLICY_RESULT] = "--result"};
	json_t *unmet = json_array();
	for (uint32_t i = 0; i < drive->policy_count; i++) {
		const struct policy *policy = &drive->policies[i];
		if (!was_met(policy, rows))
			json_array_append_new(
				unmet, json_sprintf("%s %s", options[policy->kind], policy->name));
	}
	return unmet;
}

static void print_json(const struct dry_run *run, json_t *rows)
{
	const struct plan_dry_drive *drive = &run->drive;
	const json_t *ended = ended_row(rows, drive->run_id);
	json_t *document = json_object();
	json_object_set_new(document, "plan", json_string(run->name));
	char time[TIMESTAMP_TEXT_BYTES_MAX];
	timestamp_format(drive->begin_ms, time);
	json_object_set_new(document, "begin", json_string(time));
	json_object_set_new(document, "state",
			    ended ? json_incref(json_object_get(ended, "state"))
				  : json_string("waiting"));
	if (ended)
		json_object_set(document, "result", json_object_get(ended, "result"));
	if (ended)
		json_object_set(document, "error", json_object_get(ended, "error"));
	if (!ended && drive->waiting_for)
		json_object_set_new(document, "waiting_for", json_string(drive->waiting_for));
	json_object_set(document, "refused", drive->refused);
	json_object_set_new(document, "unmet", list_unmet(drive, rows));
	json_object_set(document, "effects", rows);
	remote_print_json(document);
	json_decref(document);
}

static void print_plain(const struct dry_run *run, const json_t *rows)
{
	const struct plan_dry_drive *drive = &run->drive;
	size_t index;
	const json_t *row;
	const char *step;
	json_t *text;
	printf("%s, dry: nothing of this happens\n", run->name);
	json_array_foreach(rows, index, row)
	{
		struct bytes time = BYTES_EMPTY, line = BYTES_EMPTY;
		plan_effects_append_time(json_integer_value(json_object_get(row, "at_ms")), &time);
		plan_effects_append(row, &line);
		printf("  %-10s %s\n", time.data, line.data);
		bytes_deinit(&time);
		bytes_deinit(&line);
	}
	json_object_foreach(drive->refused, step, text)
	{
		printf("what was for %s was refused: %s\n", step, json_string_value(text));
	}
	json_t *unmet = list_unmet(drive, rows);
	json_array_foreach(unmet, index, row)
	{
		printf("%s met nothing: this run came to no such name\n", json_string_value(row));
	}
	json_decref(unmet);
	if (!drive->has_ended)
		printf("it waits for a person: %s\n", drive->waiting_for ? drive->waiting_for : "");
}

static void print(const struct dry_run *run)
{
	json_t *rows = plan_effects_list(run->drive.world->engine, run->drive.begin_ms);
	if (run->is_json)
		print_json(run, rows);
	else
		print_plain(run, rows);
	json_decref(rows);
}

/* ---- the run ---- */

/** Gives the number of the incident. */
static int open_incident(struct dry_run *run, const struct plan *plan, uint64_t *number,
			 struct err_note *why)
{
	struct plan_dry_drive *drive = &run->drive;
	if (!run->incident) {
		drive->alert = plan_dry_incident_example(plan, run->site_dir);
		return plan_world_alert(drive->world, drive->alert, true, number, why);
	}
	int code =
		plan_dry_incident_read(run->incident, &run->remote, &drive->world->incident, why);
	if (code == 0)
		*number = (uint64_t)json_integer_value(
			json_object_get(drive->world->incident, "number"));
	return code;
}

/** With the other plans of the site, which it may call; without them when one of them is faulty. */
static int load(struct generation **out, const struct script_set *set, const char *site_dir,
		struct err_note *why)
{
	struct script_set all = *set;
	struct err_note ignored = {{0}};
	script_set_put_rest(&all, site_dir);
	if (script_set_load(out, &all, site_dir, &ignored) == 0)
		return 0;
	return script_set_load(out, set, site_dir, why);
}

static const struct plan *find_plan(const struct generation *generation, const char *name)
{
	uint32_t i = 0;
	while (strcmp(generation->plans[i]->name, name) != 0)
		i++;
	return generation->plans[i];
}

/** The incident opens before there is a plan that it would start by itself. */
static int dry_run(struct dry_run *run, struct err_note *why)
{
	struct script_set none = {.kind = SCRIPT_PLAN}, set = none;
	struct generation *generation = NULL, *empty = NULL;
	uint64_t number = 0;
	int code = script_set_put(&set, run->site_dir, run->plan, why);
	if (code == 0)
		code = load(&generation, &set, run->site_dir, why);
	if (code == 0)
		code = script_set_load(&empty, &none, run->site_dir, why);
	if (code == 0)
		code = plan_dry_drive_open(&run->drive, why);
	if (code != 0) {
		generation_free(generation);
		generation_free(empty);
		return code;
	}
	run->name = mem_format("%s@%u", set.items[0].name, set.items[0].version);
	plan_world_install(run->drive.world, empty);
	code = open_incident(run, find_plan(generation, set.items[0].name), &number, why);
	plan_world_install(run->drive.world, generation);
	if (code == 0)
		code = plan_dry_drive_run(&run->drive, set.items[0].name, run->params, number, why);
	return code;
}

static int run_on_big_stack(void *arg)
{
	struct dry_run *run = arg;
	struct err_note why = {{0}};
	int code = dry_run(run, &why);
	if (code == 0)
		print(run);
	else if (why.text[0])
		fprintf(stderr, "tocsin plan dry-run: %s\n", why.text);
	bool was_told = code != 0 && !why.text[0]; /* by the call of the daemon */
	bool is_done = code == 0 && run->drive.is_done;
	plan_dry_drive_close(&run->drive);
	mem_free(run->name);
	if (was_told)
		return code == ERR_CLOSED ? EXIT_UNREACHABLE : EXIT_REFUSED;
	return is_done ? EXIT_DONE : EXIT_FAILED;
}

/* ---- options ---- */

static bool add_policy(struct dry_run *run, enum policy_kind kind, const char *text)
{
	struct plan_dry_drive *drive = &run->drive;
	const char *equals = strchr(text, '=');
	json_error_t error;
	if (drive->policy_count == POLICIES_MAX) {
		fprintf(stderr, "tocsin plan dry-run: at most %d answers and the like\n",
			POLICIES_MAX);
		return false;
	}
	if (equals == text || (!equals && kind != POLICY_SIGNAL)) {
		fprintf(stderr, "tocsin plan dry-run: \"%s\" is not NAME=VALUE\n", text);
		return false;
	}
	if (kind == POLICY_RESULT) {
		json_t *json = json_loads(equals + 1, JSON_DECODE_ANY, &error);
		if (!json_is_object(json)) {
			json_decref(json);
			fprintf(stderr, "tocsin plan dry-run: \"%s\": a result is a JSON object\n",
				text);
			return false;
		}
		json_decref(json);
	}
	size_t length = equals ? (size_t)(equals - text) : strlen(text);
	drive->policies[drive->policy_count++] =
		(struct policy){kind, mem_copy_bytes(text, length), equals ? equals + 1 : NULL};
	return true;
}

static bool take_time(int64_t *out, const char *text)
{
	if (timestamp_parse(slice_of(text), out) == 0)
		return true;
	fprintf(stderr, "tocsin plan dry-run: \"%s\" is not a time like 2026-01-05T08:00:00Z\n",
		text);
	return false;
}

static bool take_span(int64_t *out, const char *text)
{
	struct err_note why = {{0}};
	if (span_parse(text, out, &why) == 0)
		return true;
	fprintf(stderr, "tocsin plan dry-run: --resolve: %s\n", why.text);
	return false;
}

static bool take_params(struct dry_run *run, const char *text)
{
	json_error_t error;
	json_t *json = json_loads(text, 0, &error);
	bool is_object = json_is_object(json);
	json_decref(json);
	run->params = text;
	if (!is_object)
		fprintf(stderr, "tocsin plan dry-run: --params is not a JSON object\n");
	return is_object;
}

/* A bad option was told of. */
static bool take_option(struct dry_run *run, int option, const char *text)
{
	switch (option) {
	case 's': run->site_dir = text; return true;
	case 'i': run->incident = text; return true;
	case 'p': return take_params(run, text);
	case 'a': return add_policy(run, POLICY_ANSWER, text);
	case 'g': return add_policy(run, POLICY_SIGNAL, text);
	case 'f': return add_policy(run, POLICY_FAIL, text);
	case 'r': return add_policy(run, POLICY_RESULT, text);
	case 'o': return take_span(&run->resolve_ms, text);
	case 't': return take_time(&run->drive.begin_ms, text);
	case 'd': run->remote.state_dir = text; return true;
	case 'S': run->remote.socket = text; return true;
	case 'j': run->is_json = true; return true;
	default: fputs("Try: tocsin plan dry-run --help\n", stderr); return false;
	}
}

static void forget(struct dry_run *run)
{
	for (uint32_t i = 0; i < run->drive.policy_count; i++)
		mem_free(run->drive.policies[i].name);
}

int plan_dry_run(int argc, char **argv)
{
	static const struct option options[] = {
		{"site", required_argument, NULL, 's'},
		{"incident", required_argument, NULL, 'i'},
		{"params", required_argument, NULL, 'p'},
		{"answer", required_argument, NULL, 'a'},
		{"signal", required_argument, NULL, 'g'},
		{"fail", required_argument, NULL, 'f'},
		{"result", required_argument, NULL, 'r'},
		{"resolve", required_argument, NULL, 'o'},
		{"at", required_argument, NULL, 't'},
		{"state", required_argument, NULL, 'd'},
		{"socket", required_argument, NULL, 'S'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct dry_run run = {
		.site_dir = CLI_SITE_DEFAULT,
		.drive = {.begin_ms = env_wall_ms(env_live()), .resolve_ms = INT64_MAX},
		.remote = {.state_dir = getenv("TOCSIN_STATE")}};
	int option;
	if (!run.remote.state_dir)
		run.remote.state_dir = CLI_STATE_DEFAULT;
	optind = 0;
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			forget(&run);
			return EXIT_DONE;
		}
		if (!take_option(&run, option, optarg)) {
			forget(&run);
			return EXIT_USAGE;
		}
	}
	if (optind + 1 != argc) {
		fputs("tocsin plan dry-run: wants one PLAN or PLAN@VERSION\n", stderr);
		forget(&run);
		return EXIT_USAGE;
	}
	run.plan = argv[optind];
	if (run.resolve_ms > 0)
		run.drive.resolve_ms = run.drive.begin_ms + run.resolve_ms;
	return cli_on_big_stack(run_on_big_stack, &run);
}

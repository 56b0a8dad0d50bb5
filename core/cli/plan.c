#include "core/cli/cli.h"

#include "core/base/bytes.h"
#include "core/base/number.h"
#include "core/cli/plan_dry_run.h"
#include "core/cli/plan_show.h"
#include "core/cli/remote.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
	"Usage: tocsin plan COMMAND [--json] [--state DIR | --socket PATH]\n"
	"\n"
	"  list                  active plans and what starts them\n"
	"  runs [--active]       runs, newest last\n"
	"  show RUN              one run with its journal\n"
	"  dry-run PLAN          what it would do: nothing happens, no daemon is needed (--help)\n"
	"  test [PLAN…]          runs plans/<name>/test.lua (--help)\n"
	"  check [PLAN…]         faults and warnings of the site's plans, no daemon (--help)\n"
	"  watch RUN             prints what the run does until it has ended; 1: it failed\n"
	"  run PLAN              starts it by hand; --incident N, --params JSON\n"
	"  drill PLAN            its steps reach what `drill` of tocsin.lua names, for an incident "
	"of\n"
	"                        its own; --value ALERT: JSON with its rule, dimension, severity\n"
	"  restart RUN           a new run with the params and incident of one that has ended\n"
	"  approve RUN [STEP]    answers what the run asks; for a step in doubt: it happened\n"
	"  reject RUN [STEP]     answers no; for a step in doubt: it did not happen\n"
	"  signal RUN NAME       sends what a run waits for in ctx:signal(NAME)\n"
	"  pause RUN             no new step and no new try, its time-out stands still\n"
	"  resume RUN            goes on after a pause\n"
	"  retry RUN [STEP]      tries a waiting or doubtful step at once; --value: new arguments\n"
	"  set RUN [STEP]        the step is done, with --value as its result\n"
	"  skip RUN [STEP]       goes on without the step, sleep, signal or answer\n"
	"  migrate RUN           goes on with the active version (--to N: with that one), when it\n"
	"                        asks for all that the journal has\n"
	"  verify [RUN]          replays journals without any effect; 1: one of them differs\n"
	"  cancel RUN            ends it where it stands; what is out already stays out\n"
	"  cancel RUN --rollback  ends it and undoes what it did, the latest first\n"
	"\n"
	"  STEP           which one, when several branches of the run wait; also --ask STEP\n"
	"  --value VALUE  of the answer, signal or result: JSON or a plain text\n"
	"  --incident N   the incident that the new run is of\n"
	"  --params JSON  over the params that the plan declares: {\"limit\": 5}\n"
	"  --force        starts it although its breaker is open\n"
	"  --as ACTOR     the person who decided; the journal keeps who brought it, too\n"
	"  --reason TEXT  kept in the journal\n"
	"\n"
	"Exit code: 0 done, 1 check, dry-run, test, verify or watch found a fault, 2 wrong use,\n"
	"4 no daemon, 5 refused.\n"
	"\n"
	"Examples:\n"
	"  tocsin plan runs --active\n"
	"  tocsin plan show provider_switch-7-c60bb328\n"
	"  tocsin plan approve provider_switch-7-c60bb328 --as wang --reason 'provider confirmed'\n"
	"  tocsin plan cancel provider_switch-8-e9588d35 --rollback --reason 'no help'\n"
	"  tocsin plan dry-run provider_switch --answer switch=yes\n"
	"  tocsin plan run provider_switch --incident 1 --reason 'the desk asked'\n"
	"  tocsin plan drill provider_switch --value '{\"dimension\": {\"city\": \"Wuhan\"}}'\n";

static const char *const list_columns[] = {"name=PLAN",
					   "version=V",
					   "risk=RISK",
					   "owner=OWNER",
					   "on=STARTS ON",
					   "drilled=DRILLED",
					   "done=LAST DONE",
					   "description=DESCRIPTION",
					   NULL};
static const char *const run_columns[] = {"id=RUN",      "plan=PLAN",
					  "version=V",   "incident=INCIDENT",
					  "state=STATE", "started=STARTED",
					  "ended=ENDED", "waiting_for=WAITING FOR",
					  "error=ERROR", NULL};

/** Adds --value, which is JSON or else a plain text; what begins like JSON must be JSON, because an
 *  answer cannot be taken back. */
static bool put_value(json_t *args, const char *text)
{
	if (text == NULL)
		return true;
	json_error_t error;
	json_t *value = json_loads(text, JSON_DECODE_ANY, &error);
	if (value == NULL && text[0] != '\0' && strchr("{[\"", text[0]) != NULL) {
		fprintf(stderr, "tocsin plan: --value is not JSON: column %d: %s\n", error.column,
			error.text);
		return false;
	}
	json_object_set_new(args, "value", value != NULL ? value : json_string(text));
	return true;
}

/** "opened, rule pay_failed"; "by hand". What it does not ask for is left out. */
static json_t *spell_trigger(const json_t *on)
{
	static const char *const members[] = {"rule", "severity", "category", "priority"};
	const char *event = json_string_value(json_object_get(on, "incident"));
	struct bytes text = BYTES_EMPTY;
	if (event == NULL)
		return json_string("by hand");
	bytes_append_text(&text, event);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		const char *value = json_string_value(json_object_get(on, members[i]));
		if (value != NULL)
			bytes_append_format(&text, ", %s %s", members[i], value);
	}
	if (json_is_true(json_object_get(on, "major")))
		bytes_append_text(&text, ", major");
	json_t *spelt = json_stringn(text.data, text.length);
	bytes_deinit(&text);
	return spelt;
}

static void print_plans(json_t *plans)
{
	size_t index;
	json_t *row;
	json_array_foreach(plans, index, row)
	{
		json_object_set_new(row, "on", spell_trigger(json_object_get(row, "on")));
	}
	remote_print_table(plans, list_columns);
}

enum words { WORDS_NONE, WORDS_RUN, WORDS_STEP, WORDS_NAME, WORDS_PLAN, WORDS_ANY_RUN };

static const struct command {
	const char *name;
	enum words words; /**< that follow it */
} commands[] = {
	{"list", WORDS_NONE},   {"runs", WORDS_NONE},    {"show", WORDS_RUN},
	{"drill", WORDS_PLAN},  {"run", WORDS_PLAN},     {"restart", WORDS_RUN},
	{"watch", WORDS_RUN},   {"approve", WORDS_STEP}, {"reject", WORDS_STEP},
	{"signal", WORDS_NAME}, {"pause", WORDS_RUN},    {"resume", WORDS_RUN},
	{"retry", WORDS_STEP},  {"set", WORDS_STEP},     {"skip", WORDS_STEP},
	{"cancel", WORDS_RUN},  {"migrate", WORDS_RUN},  {"verify", WORDS_ANY_RUN},
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

static bool check_words(const struct remote *remote, const struct command *command)
{
	static const char *const wants[] = {"no more words",
					    "one RUN id",
					    "one RUN id, and a STEP of it when several wait",
					    "one RUN id and the NAME of the signal",
					    "the name of one PLAN",
					    "one RUN id, or none for all"};
	int given = remote->word_count - 1;
	bool is_good = command->words == WORDS_NONE   ? given == 0
		       : command->words == WORDS_RUN  ? given == 1
		       : command->words == WORDS_PLAN ? given == 1
		       : command->words == WORDS_NAME ? given == 2
		       : command->words == WORDS_ANY_RUN
			       ? given <= 1
			       : given == 1 || (given == 2 && !remote->ask);
	if (!is_good)
		fprintf(stderr, "tocsin plan %s: wants %s\nhint: tocsin plan --help\n",
			command->name, wants[command->words]);
	return is_good;
}

static void put_text(json_t *args, const char *name, const char *text)
{
	if (text != NULL)
		json_object_set_new(args, name, json_string(text));
}

/** Adds --incident and --params. */
static bool put_start(json_t *args, const struct remote *remote)
{
	int64_t number = 0;
	json_error_t error;
	if (remote->incident != NULL &&
	    (number_parse_int(slice_of(remote->incident), &number) != 0 || number < 1)) {
		fprintf(stderr, "tocsin plan: --incident wants a number from 1, not \"%s\"\n",
			remote->incident);
		return false;
	}
	if (number > 0)
		json_object_set_new(args, "incident", json_integer(number));
	json_t *params = remote->params != NULL ? json_loads(remote->params, 0, &error) : NULL;
	if (remote->params != NULL && !json_is_object(params)) {
		fprintf(stderr, "tocsin plan: --params must be a JSON object: %s\n",
			params != NULL ? "found a list" : error.text);
		json_decref(params);
		return false;
	}
	if (params != NULL)
		json_object_set_new(args, "params", params);
	return true;
}

static bool put_version(json_t *args, const char *text)
{
	int64_t version = 0;
	if (text == NULL)
		return true;
	if (number_parse_int(slice_of(text), &version) != 0 || version < 1) {
		fprintf(stderr, "tocsin plan: --to must be a version, not \"%s\"\n", text);
		return false;
	}
	json_object_set_new(args, "version", json_integer(version));
	return true;
}

/* NULL: an option is wrong, and that was said. */
static json_t *make_args(const struct remote *remote, const struct command *command)
{
	json_t *args = json_object();
	if (command->words != WORDS_NONE)
		put_text(args, command->words == WORDS_PLAN ? "plan" : "run", remote->words[1]);
	if (remote->word_count == 3)
		put_text(args, command->words == WORDS_NAME ? "name" : "step", remote->words[2]);
	if (command->words == WORDS_STEP)
		put_text(args, "step", remote->ask);
	put_text(args, "as", remote->as);
	if (!put_version(args, remote->to)) {
		json_decref(args);
		return NULL;
	}
	put_text(args, "reason", remote->reason);
	if (remote->rolls_back)
		json_object_set_new(args, "rollback", json_true());
	if (remote->is_forced)
		json_object_set_new(args, "force", json_true());
	if (remote->has_active)
		json_object_set_new(args, "active", json_true());
	if (put_value(args, remote->value) && put_start(args, remote))
		return args;
	json_decref(args);
	return NULL;
}

int cli_plan(int argc, char **argv)
{
	struct remote remote;
	char verb[32];
	json_t *result = NULL;
	if (argc > 1 && strcmp(argv[1], "dry-run") == 0)
		return plan_dry_run(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "test") == 0)
		return cli_plan_test(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "check") == 0)
		return cli_plan_check(argc - 1, argv + 1);
	int code = remote_parse(&remote, argc, argv, help);
	if (code >= 0)
		return code;
	const struct command *command = find_command(remote.word_count > 0 ? remote.words[0] : "");
	if (command == NULL)
		return remote_no_command(&remote, "plan");
	if (!check_words(&remote, command))
		return EXIT_USAGE;
	if (strcmp(command->name, "watch") == 0)
		return plan_watch(&remote);
	if (strcmp(command->name, "verify") == 0)
		return plan_verify(&remote);
	json_t *args = make_args(&remote, command);
	if (args == NULL)
		return EXIT_USAGE;
	snprintf(verb, sizeof(verb), "plan.%s", command->name);
	code = remote_call(&remote, verb, args, &result);
	if (code != EXIT_DONE)
		return code;
	if (remote.is_json)
		remote_print_json(result);
	else if (strcmp(command->name, "list") == 0)
		print_plans(result);
	else if (command->words == WORDS_NONE)
		remote_print_table(result, run_columns);
	else
		plan_show_print(result);
	json_decref(result);
	return EXIT_DONE;
}

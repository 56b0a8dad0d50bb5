#include "core/cli/cli.h"

#include "core/base/bytes.h"
#include "core/base/number.h"
#include "core/cli/remote.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
	"Usage: tocsin incident COMMAND [--json] [--state DIR | --socket PATH]\n"
	"\n"
	"  list [--all]              open incidents (or all)\n"
	"  show NUMBER               one incident with its timeline\n"
	"  timeline NUMBER           its timeline, with --json what each record changed\n"
	"  ack NUMBER                I have seen it and take it\n"
	"  unack NUMBER              I give it back\n"
	"  handle NUMBER             I am at work on it\n"
	"  mitigate NUMBER           nobody feels it any more\n"
	"  resolve NUMBER            it is over\n"
	"  close NUMBER              it is reviewed\n"
	"  cancel NUMBER             it was a false alarm (needs --reason)\n"
	"  reopen NUMBER             it is not over (needs --reason)\n"
	"  approve NUMBER            the candidate is an incident\n"
	"  reject NUMBER             the candidate is none (needs --reason)\n"
	"  merge NUMBER INTO         it is part of another one\n"
	"  assign NUMBER PERSON      who owns it; - for nobody\n"
	"  role NUMBER ROLE PERSON   commander, scribe, liaison or comms; - for nobody\n"
	"  comment NUMBER TEXT       a line on the timeline\n"
	"  set NUMBER FIELD VALUE    priority (P1..P5, auto), impact, urgency (1..4, auto), "
	"title,\n"
	"                            category, parent, major, drill (yes, no); times (RFC 3339,\n"
	"                            need --reason): impact_start, detected, opened, acked,\n"
	"                            mitigated, resolved, closed\n"
	"  snooze NUMBER SPAN        quiet for so long; off ends it\n"
	"  stats                     MTTA, handling time, MTTR, MTBF: mean, median, p90\n"
	"\n"
	"  --rev N        refuse when the incident changed since revision N was shown\n"
	"  --reason TEXT  kept on the timeline\n"
	"  --since T      stats: of incidents opened since (30d, or a time)\n"
	"  --by category  stats: a row for each category too\n"
	"\n"
	"Examples:\n"
	"  tocsin incident list\n"
	"  tocsin incident ack 1 --rev 3 --reason 'on it'\n"
	"  tocsin incident set 1 priority P1\n"
	"  tocsin incident set 1 impact_start 2026-11-22T05:58:00Z --reason 'from the access log'\n"
	"  tocsin incident role 1 commander wang\n"
	"  tocsin incident snooze 1 30m\n"
	"  tocsin incident stats --since 30d --by category\n";

/** Words after the command's name, by the argument they are. */
struct command {
	const char *name;
	const char *verb;     /**< when it is another one */
	const char *words[3]; /**< arguments; those that end with # are numbers */
	const char *field;    /**< of incident.set, when the command stands for one */
};

static const struct command commands[] = {
	{"list", NULL, {NULL}, NULL},
	{"show", NULL, {"number#"}, NULL},
	{"timeline", NULL, {"number#"}, NULL},
	{"ack", NULL, {"number#"}, NULL},
	{"unack", NULL, {"number#"}, NULL},
	{"handle", NULL, {"number#"}, NULL},
	{"mitigate", NULL, {"number#"}, NULL},
	{"resolve", NULL, {"number#"}, NULL},
	{"close", NULL, {"number#"}, NULL},
	{"cancel", NULL, {"number#"}, NULL},
	{"reopen", NULL, {"number#"}, NULL},
	{"approve", NULL, {"number#"}, NULL},
	{"reject", NULL, {"number#"}, NULL},
	{"merge", NULL, {"number#", "into#"}, NULL},
	{"assign", "set", {"number#", "value"}, "owner"},
	{"role", "set", {"number#", "field", "value"}, NULL},
	{"comment", NULL, {"number#", "text"}, NULL},
	{"set", NULL, {"number#", "field", "value"}, NULL},
	{"snooze", NULL, {"number#", "for"}, NULL},
	{"stats", NULL, {NULL}, NULL},
};

static const char *const list_columns[] = {"number=#",
					   "state=STATE",
					   "priority=PRIORITY",
					   "severity=SEVERITY",
					   "title=TITLE",
					   "key=KEY",
					   "category=CATEGORY",
					   "owner=OWNER",
					   "firing_count=FIRING",
					   "opened=OPENED",
					   "resolved=RESOLVED",
					   "revision=REVISION",
					   NULL};

static void print_timeline(const json_t *timeline, const char *indent)
{
	static const char *const members[] = {"time", "state", "kind", "actor", "text"};
	size_t index;
	const json_t *record;
	json_array_foreach(timeline, index, record)
	{
		fputs(indent, stdout);
		for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
			fputs(i > 0 ? "  " : "", stdout);
			remote_print_value(json_object_get(record, members[i]));
		}
		putchar('\n');
	}
}

/** 90.5 s as "1m30s": two units are enough. */
static void print_span(const json_t *figure, const char *member)
{
	static const struct {
		const char *name;
		long long seconds;
	} units[] = {{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}};
	double exact = json_number_value(json_object_get(figure, member));
	long long left = (long long)(exact + 0.5);
	char text[48] = "";
	int parts = 0;
	for (int i = 0; i < 4 && parts < 2; i++) {
		if (left < units[i].seconds && !(i == 3 && parts == 0))
			continue;
		size_t used = strlen(text);
		snprintf(text + used, sizeof(text) - used, "%lld%s", left / units[i].seconds,
			 units[i].name);
		left %= units[i].seconds;
		parts++;
	}
	bool is_none = json_integer_value(json_object_get(figure, "count")) == 0;
	printf("%10s", is_none ? "-" : text);
}

static void print_stats(const json_t *rows)
{
	static const char *const figures[] = {"mtta", "handling", "mttr", "mtbf"};
	size_t index;
	const json_t *row;
	json_array_foreach(rows, index, row)
	{
		const json_t *category = json_object_get(row, "category");
		fputs(index > 0 ? "\n" : "", stdout);
		if (json_is_string(category))
			remote_print_value(category);
		else
			fputs("all", stdout);
		printf(": %lld incidents, %lld open, %lld reopened\n",
		       (long long)json_integer_value(json_object_get(row, "incidents")),
		       (long long)json_integer_value(json_object_get(row, "open")),
		       (long long)json_integer_value(json_object_get(row, "reopened")));
		printf("  %-10s%8s%10s%10s%10s\n", "", "of", "mean", "median", "p90");
		for (size_t i = 0; i < 4; i++) {
			const json_t *figure = json_object_get(row, figures[i]);
			printf("  %-10s%8lld", figures[i],
			       (long long)json_integer_value(json_object_get(figure, "count")));
			print_span(figure, "mean_s");
			print_span(figure, "median_s");
			print_span(figure, "p90_s");
			putchar('\n');
		}
	}
}

static void print_show(const json_t *incident)
{
	const char *member;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)incident, member, value)
	{
		if (strcmp(member, "timeline") == 0)
			continue;
		printf("%-16s ", member);
		remote_print_value(value);
		putchar('\n');
	}
	printf("\ntimeline\n");
	print_timeline(json_object_get(incident, "timeline"), "  ");
}

static bool put_number(json_t *args, const char *name, const char *text)
{
	int64_t number = 0;
	if (text == NULL)
		return true;
	if (number_parse_int(slice_of(text), &number) != 0 || number < 0) {
		fprintf(stderr, "tocsin incident: %s must be a whole number, not \"%s\"\n", name,
			text);
		return false;
	}
	json_object_set_new(args, name, json_integer(number));
	return true;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

static int count_words(const struct command *command)
{
	int count = 0;
	while (count < 3 && command->words[count] != NULL)
		count++;
	return count;
}

static int refuse_words(const struct command *command)
{
	fprintf(stderr, "tocsin incident %s: wants%s", command->name,
		command->words[0] != NULL ? " one" : "");
	for (int i = 0; i < count_words(command); i++) {
		fputc(' ', stderr);
		for (const char *c = command->words[i]; *c != '\0' && *c != '#'; c++)
			fputc(toupper((unsigned char)*c), stderr);
	}
	fprintf(stderr, "%s\n", command->words[0] == NULL ? " no more words" : "");
	return EXIT_USAGE;
}

static bool is_role(const char *name)
{
	static const char *const roles[] = {"commander", "scribe", "liaison", "comms"};
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		if (strcmp(roles[i], name) == 0)
			return true;
	}
	fprintf(stderr,
		"tocsin incident role: there is no role \"%s\"; allowed: commander, scribe, "
		"liaison, comms\n",
		name);
	return false;
}

/** The arguments of the verb; NULL: something was said about them. */
static json_t *make_args(const struct remote *remote, const struct command *command)
{
	json_t *args = json_object();
	bool is_good = put_number(args, "revision", remote->revision);
	if (strcmp(command->name, "role") == 0)
		is_good = is_good && is_role(remote->words[2]);
	for (int i = 0; is_good && i < count_words(command); i++) {
		char name[16];
		size_t length = strcspn(command->words[i], "#");
		snprintf(name, sizeof(name), "%.*s", (int)length, command->words[i]);
		if (command->words[i][length] == '#')
			is_good = put_number(args, name, remote->words[i + 1]);
		else
			json_object_set_new(args, name, json_string(remote->words[i + 1]));
	}
	if (command->field != NULL)
		json_object_set_new(args, "field", json_string(command->field));
	if (remote->has_all)
		json_object_set_new(args, "all", json_true());
	if (remote->since != NULL)
		json_object_set_new(args, "since", json_string(remote->since));
	if (remote->by != NULL)
		json_object_set_new(args, "by", json_string(remote->by));
	if (remote->reason != NULL)
		json_object_set_new(args, "reason", json_string(remote->reason));
	if (is_good)
		return args;
	json_decref(args);
	return NULL;
}

int cli_incident(int argc, char **argv)
{
	struct remote remote;
	char verb[32];
	json_t *result = NULL;
	int code = remote_parse(&remote, argc, argv, help);
	if (code >= 0)
		return code;
	const struct command *command = find_command(remote.word_count > 0 ? remote.words[0] : "");
	if (command == NULL)
		return remote_no_command(&remote, "incident");
	if (remote.word_count != 1 + count_words(command))
		return refuse_words(command);
	json_t *args = make_args(&remote, command);
	if (args == NULL)
		return EXIT_USAGE;
	snprintf(verb, sizeof(verb), "incident.%s",
		 command->verb != NULL ? command->verb : command->name);
	code = remote_call(&remote, verb, args, &result);
	if (code != EXIT_DONE)
		return code;
	if (remote.is_json)
		remote_print_json(result);
	else if (strcmp(command->name, "list") == 0)
		remote_print_table(result, list_columns);
	else if (strcmp(command->name, "stats") == 0)
		print_stats(result);
	else if (strcmp(command->name, "timeline") == 0)
		print_timeline(result, "");
	else
		print_show(result);
	json_decref(result);
	return EXIT_DONE;
}

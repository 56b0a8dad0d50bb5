#include "core/cli/cli.h"

#include "core/base/bytes.h"
#include "core/base/mem.h"
#include "core/cli/impact_print.h"
#include "core/cli/line_diff.h"
#include "core/cli/remote.h"
#include "core/cli/rule_file.h"
#include "core/cli/rule_shadow.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
	"Usage: tocsin rule COMMAND [OPTION…]\n"
	"\n"
	"  list                     every rule with its active version and what it sees\n"
	"  show NAME[@VERSION]      versions, what each key has and keeps, source text\n"
	"  history NAME             every kept version with its state, actor and reason\n"
	"  diff NAME[@A] [@B]       what differs between two versions: from the one that runs to "
	"the\n"
	"                           newest, unless named; ends with 1 when they differ\n"
	"  new NAME                 writes rules/NAME/1.lua from a template, or the next version "
	"of\n"
	"                           a rule that is there; prints the path\n"
	"  edit NAME                copies the newest version to the next number; prints the path\n"
	"  enable NAME[@VERSION]    pending, then enabled at --at TIME (default: now)\n"
	"  disable NAME[@VERSION]   stops it; firing alerts resolve with a reason\n"
	"  activate NAME@VERSION    makes a kept version the active one at --at TIME\n"
	"  rollback NAME            back to the version that ran before\n"
	"  shadow NAME@VERSION      runs a version beside the active one from now on: its alerts "
	"are\n"
	"                           kept, and sent to nobody. NAME --compare: how they differ "
	"from\n"
	"                           those of the active one; NAME --stop ends it; alone: the list\n"
	"\n"
	"  --at TIME      RFC 3339, for example 2026-11-22T18:00:00+08:00\n"
	"  --reason TEXT  kept in the history and in the audit log\n"
	"  --plan         enable, disable, activate, rollback: only tells what would happen to "
	"the\n"
	"                 panes, the state of each key, and the firing alerts\n"
	"  --type TYPE    new: count (default), field, continuous, group, baseline, script\n"
	"  --site DIR     new, edit: the site (default: " CLI_SITE_DEFAULT ")\n"
	"  --editor       new, edit: opens the file in $VISUAL or $EDITOR, on a terminal\n"
	"  --json         one JSON document\n"
	"  --state DIR    where the daemon keeps its state, or --socket PATH\n"
	"\n"
	"Examples:\n"
	"  tocsin rule list\n"
	"  tocsin rule activate merchant_failures@1 --plan\n"
	"  tocsin rule rollback merchant_failures --reason 'threshold was too low'\n";

static const char *const list_columns[] = {
	"name=RULE",     "version=V",     "type=TYPE", "state=STATE",
	"active=ACTIVE", "firing=FIRING", "keys=KEYS", "fired=FIRED",
	"errors=ERRORS", "reason=REASON", NULL};
static const char *const history_columns[] = {"version=V",
					      "state=STATE",
					      "active=ACTIVE",
					      "effective=EFFECTIVE",
					      "first_seen=FIRST SEEN",
					      "actor=ACTOR",
					      "reason=REASON",
					      NULL};
static const char *const kept_columns[] = {"key=KEY", "state=STATE", "timers=TIMERS",
					   "firing=FIRING", NULL};

enum { VALUE_COLUMNS_MAX = 68 };

/** Which statistics there are depends on the rule. */
static void print_values(const json_t *result)
{
	const char *columns[VALUE_COLUMNS_MAX + 1] = {"key=KEY", "count=COUNT"};
	size_t count = 2, index;
	const json_t *name;

	json_array_foreach(json_object_get(result, "statistics"), index, name)
	{
		if (count < VALUE_COLUMNS_MAX - 2)
			columns[count++] = json_string_value(name);
	}
	columns[count++] = "severity=SEVERITY";
	columns[count] = "stage=STAGE";
	remote_print_table(json_object_get(result, "values"), columns);
}

static void print_kept(const json_t *result)
{
	const json_t *kept = json_object_get(result, "kept");
	json_int_t count = json_integer_value(json_object_get(result, "kept_keys"));

	if (count == 0)
		return;
	printf("\nkept for %lld keys", (long long)count);
	if ((size_t)count > json_array_size(kept))
		printf(", %zu of them", json_array_size(kept));
	putchar('\n');
	remote_print_table(kept, kept_columns);
}

/** What the rule is for, in its author's words; lines stay lines. */
static void print_description(const char *text)
{
	if (text == NULL || text[0] == '\0')
		return;
	printf("%s\n", text);
}

static void print_show(const json_t *result)
{
	printf("rule ");
	remote_print_value(json_object_get(result, "name"));
	printf(", active version ");
	remote_print_value(json_object_get(result, "active"));
	putchar('\n');
	print_description(json_string_value(json_object_get(result, "description")));
	putchar('\n');
	remote_print_table(json_object_get(result, "versions"), history_columns);
	putchar('\n');
	print_values(result);
	print_kept(result);
	const char *source = json_string_value(json_object_get(result, "source"));
	printf("\n-- version ");
	remote_print_value(json_object_get(result, "shown"));
	putchar('\n');
	remote_print_source(source != NULL ? source : "(its file is not there)\n");
}

/** What the command asked for does to the state. */
static void print_change(const json_t *result)
{
	size_t index;
	const json_t *row;
	remote_print_table(result, history_columns);
	json_array_foreach(result, index, row)
	{
		const json_t *impact = json_object_get(row, "impact");
		if (impact == NULL)
			continue;
		putchar('\n');
		impact_print(impact);
	}
}

static void print_plan(const json_t *result)
{
	fputs("version ", stdout);
	remote_print_value(json_object_get(result, "from"));
	fputs(" -> ", stdout);
	remote_print_value(json_object_get(result, "to"));
	if (json_is_string(json_object_get(result, "at"))) {
		fputs(" at ", stdout);
		remote_print_value(json_object_get(result, "at"));
	}
	putchar('\n');
	impact_print(result);
}

/** Texts of two versions as a unified diff: exit code 1 when they differ, as diff has it. */
static int print_diff(const json_t *result)
{
	const char *name = json_string_value(json_object_get(result, "name"));
	const char *from = json_string_value(json_object_get(result, "from_source"));
	const char *to = json_string_value(json_object_get(result, "to_source"));
	struct bytes out = BYTES_EMPTY;
	char *from_label, *to_label;
	bool differs;
	if (name == NULL || from == NULL || to == NULL)
		return EXIT_FAILED;
	from_label = mem_format("rules/%s/%lld.lua", name,
				(long long)json_integer_value(json_object_get(result, "from")));
	to_label = mem_format("rules/%s/%lld.lua", name,
			      (long long)json_integer_value(json_object_get(result, "to")));
	differs = line_diff(from, from_label, to, to_label, &out);
	if (differs)
		remote_print_source(out.data);
	bytes_deinit(&out);
	mem_free(from_label);
	mem_free(to_label);
	return differs ? EXIT_FAILED : EXIT_DONE;
}

enum shape {
	SHAPE_LIST,
	SHAPE_SHOW,
	SHAPE_HISTORY,
	SHAPE_CHANGE,
	SHAPE_DIFF,
	SHAPE_FILE,
	SHAPE_SHADOW
};

static const struct command {
	const char *name;
	enum shape shape;
	const char *wants;
} commands[] = {
	{"list", SHAPE_LIST, "no more words"},
	{"show", SHAPE_SHOW, "one NAME or NAME@VERSION"},
	{"history", SHAPE_HISTORY, "one NAME"},
	{"diff", SHAPE_DIFF, "NAME, NAME@A, or NAME@A @B"},
	{"new", SHAPE_FILE, "one NAME, without a version: the next one is made"},
	{"edit", SHAPE_FILE, "one NAME, without a version: the next one is made"},
	{"enable", SHAPE_CHANGE, "one NAME or NAME@VERSION"},
	{"disable", SHAPE_CHANGE, "one NAME or NAME@VERSION"},
	{"activate", SHAPE_CHANGE, "one NAME@VERSION; tocsin rule history NAME lists the versions"},
	{"shadow", SHAPE_SHADOW, "NAME@VERSION, NAME --stop, NAME --compare, or no more words"},
	{"rollback", SHAPE_CHANGE, "one NAME: the version that ran before is found"},
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

/* The words after the command. */
struct words {
	char name[256];
	json_int_t version, to;
};

/** May the command have this version, or none? */
static bool fits_version(const struct command *command, json_int_t version)
{
	if (strcmp(command->name, "activate") == 0)
		return version > 0;
	return version == 0 || command->shape == SHAPE_SHOW || command->shape == SHAPE_DIFF ||
	       command->shape == SHAPE_SHADOW || strcmp(command->name, "enable") == 0 ||
	       strcmp(command->name, "disable") == 0;
}

static bool read_words(const struct remote *remote, const struct command *command,
		       struct words *words)
{
	char rest[8];
	int count = remote->word_count;
	*words = (struct words){{0}, 0, 0};
	if (command->shape == SHAPE_LIST || (command->shape == SHAPE_SHADOW && count == 1))
		return count == 1;
	if (count == 3 && (command->shape != SHAPE_DIFF || remote->words[2][0] != '@' ||
			   !remote_split_version(remote->words[2], rest, sizeof(rest), &words->to)))
		return false;
	return (count == 2 || count == 3) &&
	       remote_split_version(remote->words[1], words->name, sizeof(words->name),
				    &words->version) &&
	       fits_version(command, words->version);
}

static json_t *make_args(const struct remote *remote, const struct command *command,
			 const struct words *words)
{
	bool is_diff = command->shape == SHAPE_DIFF;
	json_t *args = json_object();
	if (command->shape != SHAPE_LIST)
		json_object_set_new(args, "name", json_string(words->name));
	if (words->version > 0)
		json_object_set_new(args, is_diff ? "from" : "version",
				    json_integer(words->version));
	if (words->to > 0)
		json_object_set_new(args, "to", json_integer(words->to));
	if (remote->at != NULL)
		json_object_set_new(args, "at", json_string(remote->at));
	if (remote->reason != NULL)
		json_object_set_new(args, "reason", json_string(remote->reason));
	if (remote->is_plan)
		json_object_set_new(args, "plan", json_true());
	return args;
}

static int print_result(const struct remote *remote, const struct command *command,
			const json_t *result)
{
	if (remote->is_json) {
		remote_print_json(result);
		return EXIT_DONE;
	}
	switch (command->shape) {
	case SHAPE_SHOW: print_show(result); break;
	case SHAPE_LIST: remote_print_table(result, list_columns); break;
	case SHAPE_HISTORY: remote_print_table(result, history_columns); break;
	case SHAPE_DIFF: return print_diff(result);
	case SHAPE_CHANGE:
		if (remote->is_plan)
			print_plan(result);
		else
			print_change(result);
		break;
	case SHAPE_SHADOW:
	case SHAPE_FILE: break;
	}
	return EXIT_DONE;
}

int cli_rule(int argc, char **argv)
{
	struct remote remote;
	struct words words;
	char verb[32];
	json_t *result = NULL;
	int code = remote_parse(&remote, argc, argv, help);
	if (code >= 0)
		return code;
	const struct command *command =
		remote.word_count > 0 ? find_command(remote.words[0]) : NULL;
	if (command == NULL)
		return remote_no_command(&remote, "rule");
	if (!read_words(&remote, command, &words)) {
		fprintf(stderr, "tocsin rule %s: wants %s\n", command->name, command->wants);
		return EXIT_USAGE;
	}
	if (remote.is_plan && command->shape != SHAPE_CHANGE) {
		fprintf(stderr,
			"tocsin rule %s: --plan is for enable, disable, activate and "
			"rollback\n",
			command->name);
		return EXIT_USAGE;
	}
	if (command->shape == SHAPE_SHADOW)
		return cli_rule_shadow(&remote, words.name, words.version);
	if (command->shape == SHAPE_FILE)
		return cli_rule_file(&remote, words.name, strcmp(command->name, "new") == 0);
	snprintf(verb, sizeof(verb), "rule.%s", command->name);
	code = remote_call(&remote, verb, make_args(&remote, command, &words), &result);
	if (code != EXIT_DONE)
		return code;
	code = print_result(&remote, command, result);
	json_decref(result);
	return code;
}

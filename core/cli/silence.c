#include "core/cli/cli.h"

#include "core/base/bytes.h"
#include "core/base/number.h"
#include "core/cli/remote.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
	"Usage: tocsin silence COMMAND [OPTION…] [--json] [--state DIR | --socket PATH]\n"
	"\n"
	"  add MATCHER…          alerts that match all of these are told to nobody\n"
	"  list [--all]          silences that have not ended (or all)\n"
	"  show NUMBER           one silence\n"
	"  expire NUMBER         ends it now; what still fires is sent\n"
	"  preview MATCHER…      which open alerts these would match\n"
	"  preview NUMBER        which open alerts the silence matches\n"
	"\n"
	"  MATCHER: NAME=TEXT, NAME=TEXT,TEXT (any of them) or NAME=~REGEX; NAME is rule, "
	"severity,\n"
	"  state, category, labels.NAME, or a field of the dimension\n"
	"\n"
	"  --reason TEXT      why (add needs it)\n"
	"  --for SPAN         how long: 30m, 2h, 3d\n"
	"  --start TIME, --end TIME   like 2026-11-22T06:00:00Z; start: now\n"
	"  --until-resolved   ends when the last alert that it matches resolves (or after 7d)\n"
	"  --days DAYS --from HH:MM --to HH:MM   only at these times: mon-fri 22:00 06:00\n"
	"  --zone ZONE        of these times; default: the site's\n"
	"\n"
	"Examples:\n"
	"  tocsin silence add rule=pay_failures merchantId=m1,m2 --for 2h --reason 'known fault'\n"
	"  tocsin silence add 'labels.team=~^pay' --days sun --from 02:00 --to 04:00 --for 90d \\\n"
	"    --reason 'weekly maintenance'\n";

enum { MATCHER_WORDS_MAX = 64 };

/** Options and words of one command line, borrowed from argv. */
struct request {
	struct remote remote; /* what remote_call() needs, and --json, --all */
	const char *reason, *span, *start, *end, *days, *from, *to, *zone;
	bool until_resolved;
	const char *words[MATCHER_WORDS_MAX];
	int word_count;
};

static const struct option options[] = {
	{"state", required_argument, NULL, 's'},
	{"socket", required_argument, NULL, 'S'},
	{"reason", required_argument, NULL, 'r'},
	{"for", required_argument, NULL, 'f'},
	{"start", required_argument, NULL, 'b'},
	{"end", required_argument, NULL, 'e'},
	{"days", required_argument, NULL, 'd'},
	{"from", required_argument, NULL, 'F'},
	{"to", required_argument, NULL, 'T'},
	{"zone", required_argument, NULL, 'z'},
	{"until-resolved", no_argument, NULL, 'u'},
	{"json", no_argument, NULL, 'j'},
	{"all", no_argument, NULL, 'a'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/** -1: go on; otherwise the exit code. */
static int parse(struct request *request, int argc, char **argv)
{
	int option;
	*request = (struct request){.remote = {.help = help}};
	request->remote.state_dir = getenv("TOCSIN_STATE");
	if (request->remote.state_dir == NULL)
		request->remote.state_dir = CLI_STATE_DEFAULT;
	optind = 1;
	while ((option = getopt_long(argc, argv, "hj", options, NULL)) != -1) {
		switch (option) {
		case 's': request->remote.state_dir = optarg; break;
		case 'S': request->remote.socket = optarg; break;
		case 'r': request->reason = optarg; break;
		case 'f': request->span = optarg; break;
		case 'b': request->start = optarg; break;
		case 'e': request->end = optarg; break;
		case 'd': request->days = optarg; break;
		case 'F': request->from = optarg; break;
		case 'T': request->to = optarg; break;
		case 'z': request->zone = optarg; break;
		case 'u': request->until_resolved = true; break;
		case 'j': request->remote.is_json = true; break;
		case 'a': request->remote.has_all = true; break;
		case 'h': fputs(help, stdout); return EXIT_DONE;
		default: fprintf(stderr, "hint: tocsin %s --help\n", argv[0]); return EXIT_USAGE;
		}
	}
	for (; optind < argc; optind++) {
		if (request->word_count == MATCHER_WORDS_MAX) {
			fprintf(stderr, "tocsin silence: too many words at \"%s\"\n", argv[optind]);
			return EXIT_USAGE;
		}
		request->words[request->word_count++] = argv[optind];
	}
	request->remote.words[0] = request->words[0];
	request->remote.word_count = request->word_count > 0 ? 1 : 0;
	return -1;
}

/* ---- matchers ---- */

/** "a", ["a","b"] or {"regex": "…"}. */
static json_t *matcher_value(const char *text)
{
	if (text[0] == '~')
		return json_pack("{s:s}", "regex", text + 1);
	if (strchr(text, ',') == NULL)
		return json_string(text);
	json_t *list = json_array();
	for (;;) {
		size_t length = strcspn(text, ",");
		json_array_append_new(list, json_stringn(text, length));
		if (text[length] == '\0')
			return list;
		text += length + 1;
	}
}

static json_t *part_of(json_t *match, const char *name)
{
	json_t *part = json_object_get(match, name);
	if (part == NULL) {
		part = json_object();
		json_object_set_new(match, name, part);
	}
	return part;
}

/** Takes the value. A second one would replace the first without a word. */
static bool put_once(json_t *part, const char *key, json_t *value, const char *name)
{
	const json_t *old = json_object_get(part, key);
	if (old == NULL)
		return json_object_set_new(part, key, value) == 0;
	if (json_is_string(old) && json_is_string(value))
		fprintf(stderr, "tocsin silence: %s is given twice; write %s=%s,%s\n", name, name,
			json_string_value(old), json_string_value(value));
	else
		fprintf(stderr, "tocsin silence: %s is given twice; write one list or one regex\n",
			name);
	json_decref(value);
	return false;
}

/** "labels.team=x" becomes {"labels": {"team": "x"}}. */
static bool put_matcher(json_t *match, const char *word)
{
	static const char *const plain[] = {"rule", "severity", "state", "category"};
	const char *equals = strchr(word, '=');
	char name[256];
	if (equals == NULL || equals == word || (size_t)(equals - word) >= sizeof(name)) {
		fprintf(stderr,
			"tocsin silence: \"%s\" is no matcher: write NAME=VALUE, "
			"for example rule=slow\n",
			word);
		return false;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(equals - word), word);
	json_t *value = matcher_value(equals + 1);
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (strcmp(name, plain[i]) == 0)
			return put_once(match, name, value, name);
	if (strncmp(name, "labels.", 7) == 0)
		return put_once(part_of(match, "labels"), name + 7, value, name);
	size_t skip = strncmp(name, "dimension.", 10) == 0 ? 10 : 0;
	return put_once(part_of(match, "dimension"), name + skip, value, name);
}

static bool put_matchers(const struct request *request, json_t *args)
{
	json_t *match = json_object();
	json_object_set_new(args, "match", match);
	if (request->word_count < 2) {
		fprintf(stderr, "tocsin silence %s: wants MATCHERs, for example rule=slow\n",
			request->words[0]);
		return false;
	}
	for (int i = 1; i < request->word_count; i++)
		if (!put_matcher(match, request->words[i]))
			return false;
	return true;
}

static bool put_number(const struct request *request, json_t *args)
{
	int64_t number = 0;
	if (request->word_count != 2 ||
	    number_parse_int(slice_of(request->words[1]), &number) != 0 || number < 0) {
		fprintf(stderr, "tocsin silence %s: wants one NUMBER\n", request->words[0]);
		return false;
	}
	json_object_set_new(args, "number", json_integer(number));
	return true;
}

static void put_text(json_t *args, const char *name, const char *text)
{
	if (text != NULL)
		json_object_set_new(args, name, json_string(text));
}

static bool put_silence(const struct request *request, json_t *args)
{
	put_text(args, "reason", request->reason);
	put_text(args, "for", request->span);
	put_text(args, "start", request->start);
	put_text(args, "end", request->end);
	put_text(args, "zone", request->zone);
	if (request->until_resolved)
		json_object_set_new(args, "until_resolved", json_true());
	if (request->days != NULL || request->from != NULL || request->to != NULL) {
		json_t *range = json_object(), *when = json_array();
		put_text(range, "days", request->days);
		put_text(range, "from", request->from);
		put_text(range, "to", request->to);
		json_array_append_new(when, range);
		json_object_set_new(args, "when", when);
	}
	return put_matchers(request, args);
}

/* ---- commands ---- */

static bool put_nothing(const struct request *request, json_t *args)
{
	if (request->remote.has_all)
		json_object_set_new(args, "all", json_true());
	if (request->word_count > 1)
		fprintf(stderr, "tocsin silence list: wants no more words\n");
	return request->word_count == 1;
}

static bool put_preview(const struct request *request, json_t *args)
{
	bool is_number = request->word_count == 2 &&
			 strspn(request->words[1], "0123456789") == strlen(request->words[1]);
	return is_number ? put_number(request, args) : put_matchers(request, args);
}

static bool put_expire(const struct request *request, json_t *args)
{
	put_text(args, "reason", request->reason);
	return put_number(request, args);
}

static const struct {
	const char *name;
	const char *verb;
	bool (*put)(const struct request *request, json_t *args);
} commands[] = {
	{"add", "silence.add", put_silence},         {"list", "silence.list", put_nothing},
	{"show", "silence.show", put_number},        {"expire", "silence.expire", put_expire},
	{"preview", "silence.preview", put_preview},
};

static const char *const silence_columns[] = {"number=#",      "state=STATE", "match=MATCH",
					      "when=WHEN",     "end=ENDS",    "author=AUTHOR",
					      "reason=REASON", "muted=MUTED", NULL};
static const char *const alert_columns[] = {
	"opened=OPENED", "state=STATE",       "rule=RULE", "key=KEY",
	"wait=WAITS",    "severity=SEVERITY", NULL};

static void print_one(const json_t *silence)
{
	const char *member;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)silence, member, value)
	{
		printf("%-14s ", member);
		remote_print_value(value);
		putchar('\n');
	}
}

static void print_result(const struct request *request, const char *command, const json_t *result)
{
	if (request->remote.is_json)
		remote_print_json(result);
	else if (!json_is_array(result))
		print_one(result);
	else
		remote_print_table(result,
				   strcmp(command, "list") == 0 ? silence_columns : alert_columns);
}

int cli_silence(int argc, char **argv)
{
	struct request request;
	json_t *result = NULL;
	int code = parse(&request, argc, argv);
	if (code >= 0)
		return code;
	const char *command = request.word_count > 0 ? request.words[0] : "";
	size_t at = 0, count = sizeof(commands) / sizeof(commands[0]);
	while (at < count && strcmp(commands[at].name, command) != 0)
		at++;
	if (at == count)
		return remote_no_command(&request.remote, "silence");
	json_t *args = json_object();
	if (!commands[at].put(&request, args)) {
		json_decref(args);
		return EXIT_USAGE;
	}
	code = remote_call(&request.remote, commands[at].verb, args, &result);
	if (code != EXIT_DONE)
		return code;
	print_result(&request, command, result);
	json_decref(result);
	return EXIT_DONE;
}

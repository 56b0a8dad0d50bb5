#include "core/cli/remote.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/base/printable.h"
#include "core/base/short_numbers.h"
#include "core/cli/cli.h"
#include "core/control/client.h"

#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static const struct option options[] = {
	{"state", required_argument, NULL, 's'},
	{"socket", required_argument, NULL, 'S'},
	{"reason", required_argument, NULL, 'r'},
	{"at", required_argument, NULL, 't'},
	{"value", required_argument, NULL, 'v'},
	{"revision", required_argument, NULL, 'R'},
	{"site", required_argument, NULL, 'd'},
	{"type", required_argument, NULL, 'T'},
	{"rule", required_argument, NULL, 'u'},
	{"limit", required_argument, NULL, 'l'},
	{"key", required_argument, NULL, 'k'},
	{"as", required_argument, NULL, 'n'},
	{"ask", required_argument, NULL, 'q'},
	{"since", required_argument, NULL, 'i'},
	{"by", required_argument, NULL, 'b'},
	{"rev", required_argument, NULL, 'R'},
	{"incident", required_argument, NULL, 'I'},
	{"params", required_argument, NULL, 'P'},
	{"to", required_argument, NULL, 'x'},
	{"force", no_argument, NULL, 'f'},
	{"rollback", no_argument, NULL, 'B'},
	{"plan", no_argument, NULL, 'p'},
	{"editor", no_argument, NULL, 'e'},
	{"stop", no_argument, NULL, 'o'},
	{"compare", no_argument, NULL, 'c'},
	{"json", no_argument, NULL, 'j'},
	{"all", no_argument, NULL, 'a'},
	{"active", no_argument, NULL, 'A'},
	{"wait", no_argument, NULL, 'w'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

void remote_init(struct remote *remote, const char *help)
{
	memset(remote, 0, sizeof(*remote));
	remote->help = help;
	remote->state_dir = getenv("TOCSIN_STATE");
	if (remote->state_dir == NULL)
		remote->state_dir = CLI_STATE_DEFAULT;
}

int remote_parse(struct remote *remote, int argc, char **argv, const char *help)
{
	int option;
	remote_init(remote, help);
	optind = 1;
	while ((option = getopt_long(argc, argv, "hj", options, NULL)) != -1) {
		switch (option) {
		case 's': remote->state_dir = optarg; break;
		case 'S': remote->socket = optarg; break;
		case 'r': remote->reason = optarg; break;
		case 't': remote->at = optarg; break;
		case 'v': remote->value = optarg; break;
		case 'R': remote->revision = optarg; break;
		case 'd': remote->site_dir = optarg; break;
		case 'T': remote->type = optarg; break;
		case 'u': remote->rule = optarg; break;
		case 'l': remote->limit = optarg; break;
		case 'k': remote->key = optarg; break;
		case 'n': remote->as = optarg; break;
		case 'q': remote->ask = optarg; break;
		case 'i': remote->since = optarg; break;
		case 'b': remote->by = optarg; break;
		case 'I': remote->incident = optarg; break;
		case 'P': remote->params = optarg; break;
		case 'x': remote->to = optarg; break;
		case 'B': remote->rolls_back = true; break;
		case 'f': remote->is_forced = true; break;
		case 'o': remote->stops = true; break;
		case 'c': remote->compares = true; break;
		case 'p': remote->is_plan = true; break;
		case 'e': remote->has_editor = true; break;
		case 'j': remote->is_json = true; break;
		case 'a': remote->has_all = true; break;
		case 'A': remote->has_active = true; break;
		case 'w': remote->waits = true; break;
		case 'h': fputs(help, stdout); return EXIT_DONE;
		default: fprintf(stderr, "hint: tocsin %s --help\n", argv[0]); return EXIT_USAGE;
		}
	}
	for (; optind < argc; optind++) {
		if (remote->word_count == REMOTE_WORDS_MAX) {
			fprintf(stderr, "tocsin %s: too many words at \"%s\"\n", argv[0],
				argv[optind]);
			return EXIT_USAGE;
		}
		remote->words[remote->word_count++] = argv[optind];
	}
	return -1;
}

int remote_no_command(const struct remote *remote, const char *verb)
{
	if (remote->word_count > 0)
		fprintf(stderr, "tocsin %s: there is no command \"%s\"\n\n", verb,
			remote->words[0]);
	fputs(remote->help, stderr);
	return EXIT_USAGE;
}

static int print_refusal(const json_t *answer)
{
	const char *error = json_string_value(json_object_get(answer, "error"));
	struct bytes text = BYTES_EMPTY;
	printable_append(&text, error != NULL ? error : "no reason given", false);
	fprintf(stderr, "tocsin: refused: %s\n", text.data);
	bytes_deinit(&text);
	return EXIT_REFUSED;
}

int remote_call(const struct remote *remote, const char *verb, json_t *args, json_t **result)
{
	struct err_note why = {{0}};
	char *text = json_dumps(args, JSON_COMPACT), *answer = NULL;
	char *socket = remote->socket != NULL ? mem_copy_text(remote->socket)
					      : mem_format("%s/control.sock", remote->state_dir);
	json_decref(args);
	int code = control_request(socket, verb, text, REMOTE_TIMEOUT_MS, &answer, &why);
	free(text);
	if (code != 0) {
		fprintf(stderr, "tocsin: %s\n", why.text);
		if (remote->socket == NULL)
			fprintf(stderr, "hint: is \"tocsin run --state %s\" running?\n",
				remote->state_dir);
		mem_free(socket);
		return EXIT_UNREACHABLE;
	}
	mem_free(socket);
	json_t *object = json_loads(answer, 0, NULL);
	mem_free(answer);
	int exit_code = EXIT_DONE;
	if (object == NULL) {
		fprintf(stderr, "tocsin: the daemon's answer is not JSON\n");
		return EXIT_FAILED;
	}
	if (json_is_true(json_object_get(object, "ok")))
		*result = json_incref(json_object_get(object, "result"));
	else
		exit_code = print_refusal(object);
	json_decref(object);
	return exit_code;
}

json_t *remote_try(const struct remote *remote, const char *verb, json_t *args)
{
	char *text = json_dumps(args, JSON_COMPACT), *answer = NULL;
	char *socket = remote->socket != NULL ? mem_copy_text(remote->socket)
					      : mem_format("%s/control.sock", remote->state_dir);
	json_t *object = NULL, *result = NULL;
	if (control_request(socket, verb, text, REMOTE_TRY_TIMEOUT_MS, &answer, NULL) == 0)
		object = json_loads(answer, 0, NULL);
	if (json_is_true(json_object_get(object, "ok")))
		result = json_incref(json_object_get(object, "result"));
	json_decref(object);
	json_decref(args);
	mem_free(answer);
	mem_free(socket);
	free(text);
	return result;
}

void remote_print_json(const json_t *result)
{
	char *text = json_dumps(result, JSON_INDENT(2) | JSON_ENCODE_ANY);
	struct bytes out = BYTES_EMPTY;
	short_numbers_append(&out, slice_of(text != NULL ? text : "null"));
	bytes_append_char(&out, '\n');
	fwrite(out.data, 1, out.length, stdout);
	bytes_deinit(&out);
	free(text);
}

/** Appends a value the way a table cell shows it. */
static void append_value(const json_t *value, struct bytes *out)
{
	char number[NUMBER_TEXT_BYTES_MAX];
	if (json_is_string(value)) {
		printable_append(out, json_string_value(value), false);
	} else if (json_is_integer(value)) {
		bytes_append_format(out, "%lld", (long long)json_integer_value(value));
	} else if (json_is_real(value)) {
		number_format(json_real_value(value), number);
		bytes_append_text(out, number);
	} else if (json_is_boolean(value)) {
		bytes_append_text(out, json_is_true(value) ? "yes" : "no");
	} else if (value == NULL || json_is_null(value)) {
		bytes_append_char(out, '-');
	} else {
		char *text = json_dumps(value, JSON_COMPACT);
		printable_append(out, text, false);
		free(text);
	}
}

void remote_print_source(const char *text)
{
	struct bytes clean = BYTES_EMPTY;
	printable_append(&clean, text, true);
	fputs(clean.length > 0 ? clean.data : "", stdout);
	bytes_deinit(&clean);
}

void remote_print_value(const json_t *value)
{
	struct bytes text = BYTES_EMPTY;
	append_value(value, &text);
	fputs(text.length > 0 ? text.data : "", stdout);
	bytes_deinit(&text);
}

enum { COLUMNS_MAX = 16, CELL_WIDTH_MAX = 60, LAST_CELL_WIDTH_MAX = 200 };

/** Columns of a terminal that a text takes: a Chinese character two, a combining mark none. */
static size_t width_of(const struct bytes *text)
{
	size_t width = 0;
	for (size_t i = 0; i < text->length;) {
		wchar_t character = 0;
		mbstate_t state = {0};
		size_t used = mbrtowc(&character, text->data + i, text->length - i, &state);
		if (used == 0 || used > text->length - i)
			return text->length;
		int columns = wcwidth(character);
		width += columns > 0 ? (size_t)columns : 0;
		i += used;
	}
	return width;
}

/** A text wider than `width_max` ends with "…" instead: --json has all of it. */
static void cut_cell(struct bytes *text, size_t width_max)
{
	size_t width = 0, kept = 0;
	for (size_t i = 0; i < text->length;) {
		wchar_t character = 0;
		mbstate_t state = {0};
		size_t used = mbrtowc(&character, text->data + i, text->length - i, &state);
		bool is_text = used > 0 && used <= text->length - i;
		int columns = is_text ? wcwidth(character) : 1;
		i += is_text ? used : 1;
		width += columns > 0 ? (size_t)columns : 0;
		if (width < width_max)
			kept = i;
	}
	if (width <= width_max)
		return;
	text->length = kept;
	bytes_append_text(text, "…");
}

/** What stands in one cell; the last column may be wider, nothing follows it. */
static void read_cell(const json_t *row, const char *member, bool is_last, struct bytes *text)
{
	bytes_clear(text);
	append_value(json_object_get(row, member), text);
	cut_cell(text, is_last ? LAST_CELL_WIDTH_MAX : CELL_WIDTH_MAX);
}

static void print_cell(const struct bytes *text, size_t width, bool is_last)
{
	fputs(text->length > 0 ? text->data : "", stdout);
	if (is_last)
		putchar('\n');
	else
		printf("%*s", (int)(width - width_of(text)) + 2, "");
}

/** Member name and title of a column "member=TITLE". */
static void column_parts(const char *column, char *member, size_t bytes, struct bytes *title)
{
	const char *equals = strchr(column, '=');
	size_t length = equals != NULL ? (size_t)(equals - column) : strlen(column);
	snprintf(member, bytes, "%.*s", (int)length, column);
	bytes_clear(title);
	bytes_append_text(title, equals != NULL ? equals + 1 : column);
}

void remote_print_table(const json_t *rows, const char *const *columns)
{
	size_t widths[COLUMNS_MAX] = {0}, count = 0, index;
	struct bytes text = BYTES_EMPTY;
	char member[64];
	const json_t *row;
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	locale_t before = uselocale(utf8); /* without it a character counts as its bytes */
	for (; columns[count] != NULL && count < COLUMNS_MAX; count++) {
		column_parts(columns[count], member, sizeof(member), &text);
		widths[count] = text.length;
		json_array_foreach(rows, index, row)
		{
			read_cell(row, member, columns[count + 1] == NULL, &text);
			size_t width = width_of(&text);
			widths[count] = width > widths[count] ? width : widths[count];
		}
	}
	for (size_t i = 0; i < count; i++) {
		column_parts(columns[i], member, sizeof(member), &text);
		print_cell(&text, widths[i], i + 1 == count);
	}
	json_array_foreach(rows, index, row)
	{
		for (size_t i = 0; i < count; i++) {
			column_parts(columns[i], member, sizeof(member), &text);
			read_cell(row, member, i + 1 == count, &text);
			print_cell(&text, widths[i], i + 1 == count);
		}
	}
	uselocale(before);
	if (utf8 != (locale_t)0)
		freelocale(utf8);
	bytes_deinit(&text);
}

bool remote_split_version(const char *word, char *name, size_t name_bytes, json_int_t *version)
{
	const char *at = strrchr(word, '@');
	int64_t number = 0;
	snprintf(name, name_bytes, "%.*s", (int)(at != NULL ? at - word : (long)strlen(word)),
		 word);
	*version = 0;
	if (at == NULL)
		return true;
	if (number_parse_int(slice_of(at + 1), &number) != 0 || number < 1)
		return false;
	*version = number;
	return true;
}

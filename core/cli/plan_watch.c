/* `plan watch RUN`: asks the daemon again and again for the records that are new. */
#include "core/cli/plan_show.h"

#include "core/cli/cli.h"
#include "core/cli/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LOOK_MS = 200, GONE_MAX_MS = 60 * 1000 /**< a daemon that starts again is waited for */ };

struct watch {
	const struct remote *remote;
	json_int_t seen;
	char day[11];
	char state[700]; /**< as it was told last */
};

static json_t *make_args(const struct watch *watch)
{
	return json_pack("{s:s, s:I}", "run", watch->remote->words[1], "since", watch->seen);
}

static void print_records(struct watch *watch, const json_t *run)
{
	size_t index;
	const json_t *record;
	json_array_foreach(json_object_get(run, "journal"), index, record)
	{
		watch->seen = json_integer_value(json_object_get(record, "seq"));
		if (watch->remote->is_json) {
			char *text = json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS);
			puts(text);
			free(text);
		} else {
			plan_show_print_record(record, watch->day);
		}
	}
}

/** The state, when it is another one than before. */
static void print_state(struct watch *watch, const json_t *run)
{
	char state[700];
	const json_t *waiting = json_object_get(run, "waiting_for");
	const json_t *error = json_object_get(run, "error");
	const json_t *more = json_is_string(error) ? error : waiting;
	snprintf(state, sizeof(state), "%s%s%.600s",
		 json_string_value(json_object_get(run, "state")), json_is_string(more) ? ": " : "",
		 json_is_string(more) ? json_string_value(more) : "");
	if (watch->remote->is_json || strcmp(state, watch->state) == 0)
		return;
	memcpy(watch->state, state, sizeof(state));
	json_t *shown = json_string(state);
	fputs("-- ", stdout);
	remote_print_value(shown);
	putchar('\n');
	json_decref(shown);
}

static bool has_ended(const json_t *run)
{
	return json_is_string(json_object_get(run, "ended"));
}

static void pause_ms(int ms)
{
	struct timespec span = {0, ms * 1000000L};
	nanosleep(&span, NULL);
}

int plan_watch(const struct remote *remote)
{
	struct watch watch = {.remote = remote};
	json_t *run = NULL;
	int gone_ms = 0, code = remote_call(remote, "plan.show", make_args(&watch), &run);
	while (code == EXIT_DONE) {
		print_records(&watch, run);
		print_state(&watch, run);
		fflush(stdout);
		if (has_ended(run))
			break;
		json_decref(run);
		do {
			pause_ms(LOOK_MS);
			run = remote_try(remote, "plan.show", make_args(&watch));
			gone_ms = run ? 0 : gone_ms + LOOK_MS;
		} while (!run && gone_ms < GONE_MAX_MS);
		/* Says why, when there is still none. */
		if (!run)
			code = remote_call(remote, "plan.show", make_args(&watch), &run);
	}
	const char *state = json_string_value(json_object_get(run, "state"));
	if (code == EXIT_DONE && strcmp(state ? state : "", "done") != 0)
		code = EXIT_FAILED;
	json_decref(run);
	return code;
}

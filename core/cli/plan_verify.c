/* `plan verify [RUN]`: asks the daemon to replay journals, one after the other. */
#include "core/cli/plan_show.h"

#include "core/cli/cli.h"
#include "core/cli/remote.h"

static const char *const columns[] = {
	"id=RUN",          "plan=PLAN",       "version=V",        "state=STATE",
	"records=RECORDS", "replays=REPLAYS", "difference=WHERE", NULL};

static int verify(const struct remote *remote, const char *run_id, json_t *rows, bool *is_same)
{
	json_t *row = NULL;
	int code = remote_call(remote, "plan.verify", json_pack("{s:s}", "run", run_id), &row);
	if (code != EXIT_DONE)
		return code;
	*is_same = *is_same && json_is_true(json_object_get(row, "replays"));
	json_array_append_new(rows, row);
	return EXIT_DONE;
}

int plan_verify(const struct remote *remote)
{
	json_t *runs = NULL, *rows = json_array();
	bool is_same = true;
	size_t index;
	const json_t *run;
	int code = EXIT_DONE;
	if (remote->word_count > 1) {
		code = verify(remote, remote->words[1], rows, &is_same);
	} else {
		code = remote_call(remote, "plan.runs", json_object(), &runs);
		json_array_foreach(runs, index, run)
		{
			if (code == EXIT_DONE)
				code = verify(remote, json_string_value(json_object_get(run, "id")),
					      rows, &is_same);
		}
	}
	if (code == EXIT_DONE && remote->is_json)
		remote_print_json(rows);
	else if (code == EXIT_DONE)
		remote_print_table(rows, columns);
	json_decref(runs);
	json_decref(rows);
	return code == EXIT_DONE && !is_same ? EXIT_FAILED : code;
}

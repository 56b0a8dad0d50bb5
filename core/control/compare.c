#include "core/control/compare.h"

#include "core/base/mem.h"
#include "core/control/json_text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

/* ---- alerts to findings ---- */

/** The text of the dimension's values, as alerts show a key. */
static json_t *key_of(const json_t *alert)
{
	struct bytes text = BYTES_EMPTY;
	const char *name;
	json_t *value, *key;

	json_object_foreach((json_t *)(uintptr_t)json_object_get(alert, "dimension"), name, value)
	{
		char *one = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);

		if (text.length > 0)
			bytes_append_char(&text, ',');
		bytes_append_text(&text, one != NULL ? one : json_string_value(value));
		free(one);
	}
	key = json_text_slice(bytes_slice(&text));
	bytes_deinit(&text);
	return key;
}

/** Findings of the key, in order of time; made when there are none yet. */
static json_t *findings_of(json_t *by_key, const json_t *alert)
{
	char *name = json_dumps(json_object_get(alert, "dimension"), JSON_SORT_KEYS | JSON_COMPACT);
	json_t *findings;

	if (name == NULL)
		return NULL;
	findings = json_object_get(by_key, name);
	if (findings == NULL) {
		findings = json_array();
		json_take(by_key, name, findings);
	}
	free(name);
	return findings;
}

/** The last one when it has not ended. */
static json_t *open_finding(const json_t *findings)
{
	size_t count = json_array_size(findings);
	json_t *last = count > 0 ? json_array_get(findings, count - 1) : NULL;

	return last != NULL && json_is_null(json_object_get(last, "to")) ? last : NULL;
}

static json_t *begin(json_t *findings, const json_t *alert, const char *state)
{
	static const char *const copied[] = {"dimension", "value", "severity"};
	json_t *finding = json_object();

	json_take(finding, "key", key_of(alert));
	json_put_text(finding, "state", state);
	json_object_set(finding, "from", json_object_get(alert, "window_end"));
	json_take(finding, "to", json_null());
	for (size_t i = 0; i < sizeof(copied) / sizeof(copied[0]); i++)
		json_object_set(finding, copied[i], json_object_get(alert, copied[i]));
	json_array_append_new(findings, finding);
	return finding;
}

static void add_alert(json_t *by_key, const json_t *alert)
{
	const char *state = text_of(alert, "state");
	json_t *findings = findings_of(by_key, alert), *open;

	if (findings == NULL)
		return;
	open = open_finding(findings);
	if (open != NULL && strcmp(text_of(open, "state"), state) == 0) {
		/* The severity of what goes on has moved: the last one stands for it. */
		json_object_set(open, "severity", json_object_get(alert, "severity"));
		return;
	}
	if (open != NULL)
		json_object_set(open, "to", json_object_get(alert, "window_end"));
	if (strcmp(state, "resolved") != 0) {
		begin(findings, alert, state);
	} else if (open == NULL) {
		/* It began before this version was watched. */
		open = begin(findings, alert, "firing");
		json_object_set(open, "to", json_object_get(alert, "window_end"));
		json_take(open, "from", json_null());
	}
}

static json_t *to_findings(const json_t *alerts)
{
	json_t *by_key = json_object();
	const json_t *alert;
	size_t index;

	json_array_foreach(alerts, index, alert) add_alert(by_key, alert);
	return by_key;
}

/* ---- two lists of findings of a key ---- */

/** RFC 3339 in UTC: the order of the texts is that of the times. Absent: before all, or after. */
static bool is_before(const json_t *a, const char *a_name, const json_t *b, const char *b_name)
{
	const char *from = text_of(a, a_name), *to = text_of(b, b_name);

	return to[0] == '\0' || strcmp(from, to) < 0;
}

static bool is_one(const json_t *a, const json_t *b)
{
	if (strcmp(text_of(a, "state"), text_of(b, "state")) != 0)
		return false;
	if (json_equal(json_object_get(a, "from"), json_object_get(b, "from")))
		return true;
	return is_before(a, "from", b, "to") && is_before(b, "from", a, "to");
}

static void add_pair(json_t *result, uint64_t *same, json_t *a, json_t *b)
{
	static const char *const compared[] = {"from", "to", "value", "severity"};
	json_t *differs = json_array(), *row;

	for (size_t i = 0; i < sizeof(compared) / sizeof(compared[0]); i++)
		if (!json_equal(json_object_get(a, compared[i]), json_object_get(b, compared[i])))
			json_array_append_new(differs, json_string(compared[i]));
	if (json_array_size(differs) == 0) {
		(*same)++;
		json_decref(differs);
		return;
	}
	row = json_object();
	json_object_set(row, "key", json_object_get(a, "key"));
	json_object_set(row, "from", json_object_get(a, "from"));
	json_take(row, "differs", differs);
	json_object_set(row, "a", a);
	json_object_set(row, "b", b);
	json_array_append_new(json_object_get(result, "different"), row);
}

static void compare_key(json_t *result, uint64_t *same, const json_t *a, const json_t *b)
{
	size_t i = 0, k = 0;

	while (i < json_array_size(a) || k < json_array_size(b)) {
		json_t *left = json_array_get(a, i), *right = json_array_get(b, k);

		if (left != NULL && right != NULL && is_one(left, right)) {
			add_pair(result, same, left, right);
			i++;
			k++;
		} else if (right == NULL || (left != NULL && strcmp(text_of(left, "from"),
								    text_of(right, "from")) < 0)) {
			json_array_append(json_object_get(result, "only_a"), left);
			i++;
		} else {
			json_array_append(json_object_get(result, "only_b"), right);
			k++;
		}
	}
}

/* ---- the whole ---- */

static int compare_rows(const void *left, const void *right)
{
	const json_t *a = *(json_t *const *)left, *b = *(json_t *const *)right;
	int order = strcmp(text_of(a, "from"), text_of(b, "from"));

	return order != 0 ? order : strcmp(text_of(a, "key"), text_of(b, "key"));
}

/** By time, then by key. */
static void sort(json_t *result, const char *name)
{
	json_t *list = json_object_get(result, name), *sorted = json_array(), *row;
	size_t count = json_array_size(list), index;
	json_t **rows = mem_alloc_array(count + 1, sizeof(*rows));

	json_array_foreach(list, index, row) rows[index] = row;
	if (count > 1)
		qsort(rows, count, sizeof(json_t *), compare_rows);
	for (size_t i = 0; i < count; i++)
		json_array_append(sorted, rows[i]);
	mem_free(rows);
	json_take(result, name, sorted);
}

json_t *compare_alerts(const json_t *a, const json_t *b)
{
	static const char *const lists[] = {"only_a", "only_b", "different"};
	json_t *result = json_object(), *left = to_findings(a), *right = to_findings(b), *findings;
	uint64_t same = 0;
	const char *key;

	json_put_int(result, "alerts_a", json_array_size(a));
	json_put_int(result, "alerts_b", json_array_size(b));
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		json_take(result, lists[i], json_array());
	json_object_foreach(left, key, findings)
		compare_key(result, &same, findings, json_object_get(right, key));
	json_object_foreach(right, key, findings)
	{
		if (json_object_get(left, key) == NULL)
			compare_key(result, &same, NULL, findings);
	}
	json_put_int(result, "same", same);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		sort(result, lists[i]);
	json_decref(left);
	json_decref(right);
	return result;
}

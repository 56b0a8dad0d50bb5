#include "core/handling/match_alert.h"

#include "core/config/config.h"
#include "core/filter/regex.h"
#include "core/model/alert.h"

#include <string.h>

void match_subject_init(struct match_subject *subject, const struct alert *alert,
			const struct config *config, struct regex_matcher *matcher)
{
	int count;

	*subject = (struct match_subject){.alert = alert, .config = config, .matcher = matcher};
	count = dimension_decode(alert->key, subject->values, DIMENSION_FIELDS_MAX);
	subject->value_count = count < 0 ? 0 : count;
	if ((uint32_t)subject->value_count > alert->by_count)
		subject->value_count = (int)alert->by_count;
}

void match_subject_deinit(struct match_subject *subject)
{
	json_decref(subject->labels);
	bytes_deinit(&subject->text);
}

static const char *label_of(struct match_subject *subject, const char *name)
{
	if (subject->labels == NULL && subject->alert->labels_json != NULL)
		subject->labels = json_loads(subject->alert->labels_json, 0, NULL);
	return json_string_value(json_object_get(subject->labels, name));
}

static const char *dimension_of(struct match_subject *subject, const char *name)
{
	for (int i = 0; i < subject->value_count; i++) {
		if (strcmp(subject->alert->by[i], name) != 0)
			continue;
		if (subject->values[i].type == VALUE_NIL)
			return NULL;
		bytes_clear(&subject->text);
		value_append_text(&subject->values[i], &subject->text);
		return subject->text.length > 0 ? subject->text.data : "";
	}
	return NULL;
}

const char *match_subject_text(struct match_subject *subject, const struct match_field *field)
{
	const struct alert *alert = subject->alert;

	switch (field->what) {
	case MATCH_RULE: return alert->rule;
	case MATCH_SEVERITY: return alert->severity;
	case MATCH_STATE: return alert_state_name(alert->state);
	case MATCH_CATEGORY: return alert->category;
	case MATCH_LABEL: return label_of(subject, field->name);
	case MATCH_DIMENSION: return dimension_of(subject, field->name);
	}
	return NULL;
}

static bool is_listed(const struct matcher *matcher, const char *text)
{
	for (uint32_t i = 0; i < matcher->value_count; i++)
		if (strcmp(matcher->values[i], text) == 0)
			return true;
	return false;
}

static bool matcher_holds(const struct matcher *matcher, struct match_subject *subject)
{
	const char *text = match_subject_text(subject, &matcher->field);

	while (text != NULL) {
		if (matcher->regex != NULL
			    ? regex_match(matcher->regex, slice_of(text), subject->matcher)
			    : is_listed(matcher, text))
			return true;
		if (matcher->field.what != MATCH_CATEGORY || subject->config == NULL)
			return false;
		text = config_category_parent(subject->config, text);
	}
	return false;
}

bool match_holds(const struct match *match, struct match_subject *subject)
{
	for (uint32_t i = 0; i < match->count; i++)
		if (!matcher_holds(&match->matchers[i], subject))
			return false;
	return true;
}

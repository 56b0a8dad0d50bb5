#include "core/app/app_links.h"

#include "core/app/app_internal.h"
#include "core/app/app_people.h"
#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/oncall/person.h"
#include "core/paging/paging.h"
#include "core/plan/plan_question.h"

#include <jansson.h>

#include <string.h>

/* Whoever a plan asks is paged; `topic` names the question: run, line end, step. */

enum { PEOPLE_MAX = 200 };

struct asked {
	const struct app *app;
	const struct oncall_person *people[PEOPLE_MAX];
	uint32_t count;
};

static void add(void *arg, const char *id)
{
	struct asked *asked = arg;
	const struct oncall_person *person = config_find_person(asked->app->config, id);
	for (uint32_t i = 0; i < asked->count; i++)
		if (asked->people[i] == person)
			return;
	if (person != NULL && asked->count < PEOPLE_MAX)
		asked->people[asked->count++] = person;
}

/** Names of the command line are nobody here: nothing says how to reach them. */
static void add_named(struct app *app, const json_t *name, struct asked *asked)
{
	if (json_is_string(name))
		app_people(app, json_string_value(name), add, asked, NULL);
}

static void page_one(struct app *app, const struct plan_question *question,
		     const struct oncall_person *person)
{
	char *topic = mem_format("%s\n%s", question->run_id, question->step);
	char *cause = mem_format("plan %s asks", question->plan);
	struct err_note why = {""};
	const struct page page = {
		.person = person->id,
		.incident = question->incident,
		.event = "ask",
		.text = json_string_value(json_object_get(question->args, "text")),
		.is_important = true,
		.cause = cause,
		.topic = topic,
	};
	/* Not reached now: paging keeps it, and the timeline says so. */
	if (paging_page(app->paging, &page, &why) != 0)
		log_warn(PLAN, "%s: %s asks %s: %s", question->run_id, question->step, person->id,
			 why.text);
	mem_free(topic);
	mem_free(cause);
}

void app_on_ask(void *arg, const struct plan_question *question)
{
	struct app *app = arg;
	const json_t *who = json_object_get(question->args, "who");
	bool not_starter = json_is_true(json_object_get(question->args, "not_starter"));
	struct asked asked = {.app = app};
	add_named(app, who, &asked);
	for (size_t i = 0; i < json_array_size(who); i++)
		add_named(app, json_array_get(who, i), &asked);
	for (uint32_t i = 0; i < asked.count; i++) {
		bool is_starter = question->starter != NULL &&
				  strcmp(question->starter, asked.people[i]->id) == 0;
		if (asked.people[i]->reach_count > 0 && !(not_starter && is_starter))
			page_one(app, question, asked.people[i]);
	}
}

/* ---- what a topic means ---- */

/** Owned; `*step` is within it. NULL: no topic of a question. */
static char *split(const char *topic, const char **step)
{
	char *run = mem_copy_text(topic), *end = strchr(run, '\n');
	if (end == NULL) {
		mem_free(run);
		return NULL;
	}
	*end = '\0';
	*step = end + 1;
	return run;
}

static void is_there(void *arg, const struct plan_question *question)
{
	bool *found = arg;
	(void)question;
	*found = true;
}

bool app_ask_is_open(void *arg, const char *topic)
{
	struct app *app = arg;
	const char *step = NULL;
	char *run = split(topic, &step);
	bool found = false;
	if (run != NULL)
		plan_engine_question(app->plans, run, step, is_there, &found, NULL);
	mem_free(run);
	return found;
}

struct linking {
	struct app *app;
	const char *person;
	bool is_short;
	struct bytes *out;
};

static void append_links(void *arg, const struct plan_question *question)
{
	const struct linking *linking = arg;
	const struct oncall_person *person =
		config_find_person(linking->app->config, linking->person);
	bool is_zh =
		person != NULL && person->language != NULL && strcmp(person->language, "zh") == 0;
	struct bytes yes = BYTES_EMPTY, no = BYTES_EMPTY;
	if (!app_links_append(linking->app, question, linking->person, true, &yes) ||
	    !app_links_append(linking->app, question, linking->person, false, &no))
		bytes_clear(&yes);
	/* Behind either link stand both buttons. */
	if (yes.length > 0 && linking->is_short)
		bytes_append_slice(linking->out, bytes_slice(&yes));
	else if (yes.length > 0)
		bytes_append_format(linking->out,
				    is_zh ? "批准：%s\n拒绝：%s" : "Approve: %s\nReject: %s",
				    yes.data, no.data);
	bytes_deinit(&yes);
	bytes_deinit(&no);
}

void app_ask_append_links(void *arg, const char *topic, const char *person, bool is_short,
			  struct bytes *out)
{
	struct app *app = arg;
	const char *step = NULL;
	char *run = split(topic, &step);
	struct linking linking = {app, person, is_short, out};
	if (run != NULL)
		plan_engine_question(app->plans, run, step, append_links, &linking, NULL);
	mem_free(run);
}

#include "core/paging/paging_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/config/config_paging.h"
#include "core/model/timestamp.h"
#include "core/oncall/person.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* An output whose queue is full, or gone: nothing says when it has room. */
enum { TRY_AGAIN_MS = 60 * 1000 };

static const struct config_output *output_of(const struct paging *paging,
					     const struct person_reach *way, uint32_t *index)
{
	const struct config_output *output = config_find_output(paging->config, way->output);

	if (output != NULL)
		*index = (uint32_t)(output - paging->config->outputs);
	return output;
}

static const struct cap_log *log_of(const struct paging *paging, const char *person,
				    const char *output)
{
	static const struct cap_log none = {0};
	const struct used_way *used = paging_find_used(paging, person, output);

	return used != NULL ? &used->log : &none;
}

static void add_reason(struct page_batch *batch, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add_reason(struct page_batch *batch, const char *format, ...)
{
	size_t length = strlen(batch->reason);
	va_list args;

	if (length > 0)
		length += (size_t)snprintf(batch->reason + length, sizeof(batch->reason) - length,
					   "; ");
	if (length >= sizeof(batch->reason))
		return;
	va_start(args, format);
	vsnprintf(batch->reason + length, sizeof(batch->reason) - length, format, args);
	va_end(args);
}

static void is_full_until(struct page_batch *batch, int64_t free_ms)
{
	if (batch->free_ms == 0 || free_ms < batch->free_ms)
		batch->free_ms = free_ms;
}

/** True: both the person's cap and the output's have room. */
static bool has_room(const struct paging *paging, struct page_batch *batch, const char *output,
		     uint32_t index)
{
	const struct config_paging *site = paging->config->paging;
	const struct config_caps *caps[] = {&site->person[index], &site->output[index]};
	const char *people[] = {batch->person->id, ""};
	uint32_t full[2] = {0, 0};
	int64_t free_ms[2];
	int worst;

	for (int i = 0; i < 2; i++)
		free_ms[i] =
			cap_log_free_ms(log_of(paging, people[i], output), caps[i], site->reserve,
					batch->is_high, batch->now_ms, &full[i]);
	worst = free_ms[1] > free_ms[0] ? 1 : 0;
	if (free_ms[worst] == 0)
		return true;
	add_reason(batch, "%.40s has had its %u in %" PRId64 "s%s", output,
		   caps_allowed(caps[worst], full[worst], site->reserve, batch->is_high),
		   caps[worst]->rates[full[worst]].span_ms / 1000,
		   worst == 1 ? " of all people" : "");
	is_full_until(batch, free_ms[worst]);
	return false;
}

static void take(struct paging *paging, const char *person, const char *output,
		 const struct config_caps *caps, int64_t now_ms)
{
	struct used_way *used = paging_used(paging, person, output);

	cap_log_take(&used->log, caps, now_ms);
	used_way_store(paging, used);
}

/** A file takes a row at once, and has no gate that would tell. */
static bool tells_outcome(const struct config_output *output)
{
	return output->kind == OUTPUT_WEBHOOK || output->kind == OUTPUT_CHANNEL;
}

static bool send_by(struct paging *paging, struct page_batch *batch, uint32_t way,
		    const struct config_output *output, uint32_t index)
{
	const struct config_paging *site = paging->config->paging;
	struct bytes row = BYTES_EMPTY;
	struct err_note why = {""};
	char id[64];
	int code;

	snprintf(id, sizeof(id), "page-%" PRId64 "-%" PRIu64 "-%u", batch->now_ms,
		 batch->pages[0]->number, way);
	page_row_append(paging, batch, way, &row);
	code = paging->options.send(paging->options.arg, output->name, id, bytes_slice(&row), &why);
	if (code == 0) {
		take(paging, batch->person->id, output->name, &site->person[index], batch->now_ms);
		if (site->output[index].count > 0)
			take(paging, "", output->name, &site->output[index], batch->now_ms);
		paging->usage.sent++;
		if (!tells_outcome(output))
			paging_on_sent(paging, output->name, id, bytes_slice(&row), true, NULL);
	} else {
		add_reason(batch, "%.40s: %.100s", output->name, why.text);
		is_full_until(batch, batch->now_ms + TRY_AGAIN_MS);
	}
	bytes_deinit(&row);
	return code == 0;
}

static void tell_timeline(const struct paging *paging, const struct page_batch *batch,
			  const char *ways)
{
	for (uint32_t i = 0; i < batch->count; i++) {
		const struct held_page *page = batch->pages[i];
		const char *cause = page->cause != NULL ? page->cause : "";

		page_note(paging, page->incident, "page", "%s by %s%s%s%s%s", page->person, ways,
			  cause[0] != '\0' ? " (" : "", cause, cause[0] != '\0' ? ")" : "",
			  batch->count > 1 ? ", with pages of other incidents" : "");
	}
}

bool page_send(struct paging *paging, struct page_batch *batch)
{
	struct bytes ways = BYTES_EMPTY;
	bool is_sent = false;

	batch->reason[0] = '\0';
	batch->free_ms = 0;
	for (uint32_t i = batch->first_way; i < batch->person->reach_count; i++) {
		const struct person_reach *way = &batch->person->reach[i];
		uint32_t index = 0;
		const struct config_output *output = output_of(paging, way, &index);

		if (output == NULL || !has_room(paging, batch, output->name, index) ||
		    !send_by(paging, batch, i, output, index))
			continue;
		bytes_append_format(&ways, "%s%s", is_sent ? ", " : "", output->name);
		is_sent = true;
		if (!batch->is_important)
			break;
	}
	if (!is_sent && batch->free_ms <= batch->now_ms)
		batch->free_ms = batch->now_ms + TRY_AGAIN_MS;
	if (is_sent) {
		paging->usage.bundled += batch->count - 1;
		tell_timeline(paging, batch, ways.data);
	}
	bytes_deinit(&ways);
	return is_sent;
}

void paging_each_way(const struct paging *paging, const struct oncall_person *person,
		     void (*each)(void *arg, const struct paging_way *way), void *arg)
{
	int64_t now_ms = paging->options.now_ms(paging->options.arg);

	for (uint32_t i = 0; i < person->reach_count; i++) {
		const struct person_reach *reach = &person->reach[i];
		struct page_batch batch = {.person = person, .now_ms = now_ms};
		uint32_t used[RATES_MAX], index = 0;
		const struct config_output *output = output_of(paging, reach, &index);
		const struct cap_log *log = log_of(paging, person->id, reach->output);
		const struct config_caps *caps;
		struct paging_way way = {.output = reach->output, .address = reach->address};

		if (output == NULL)
			continue;
		caps = &paging->config->paging->person[index];
		way.rates = caps->rates;
		way.rate_count = caps->count;
		way.used = used;
		for (uint32_t k = 0; k < caps->count; k++)
			used[k] = cap_log_used(log, caps->rates[k].span_ms, now_ms);
		if (!has_room(paging, &batch, output->name, index))
			way.free_ms = batch.free_ms;
		each(arg, &way);
	}
}

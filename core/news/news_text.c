#include "core/news/news_internal.h"

#include "core/base/mem.h"
#include "core/channel/message.h"
#include "core/incident/incident.h"
#include "core/model/zone.h"

static void append_line(const struct news *news, const struct news_line *line, bool is_zh,
			struct bytes *out)
{
	const struct news_event_row *row = news_event_row(line->event);
	int64_t local_s = line->at_ms / 1000;

	if (news->zone != NULL)
		local_s += zone_offset_s(news->zone, line->at_ms);
	bytes_append_format(out, "%s%02d:%02d %s", out->length > 0 ? "\n" : "",
			    (int)(local_s / 3600 % 24), (int)(local_s / 60 % 60),
			    is_zh ? row->zh : row->en);
	if (line->detail != NULL)
		bytes_append_format(out, is_zh ? "：%s" : ": %s", line->detail);
}

/** An edited message keeps its past; another says what is new. The newest first: what is too long
 *  is cut at its end. */
static void append_lines(const struct news *news, const struct news_item *item,
			 const struct news_known *known, const struct news_output *output,
			 struct bytes *out)
{
	uint64_t after = output->kind == NEWS_EDITED ? 0 : known->told;
	uint32_t from = item->line_count;

	while (from > 0 && item->lines[from - 1].sequence > after)
		from--;
	/* The title says it already. */
	if (item->line_count - from == 1 && item->lines[from].detail == NULL)
		return;
	for (uint32_t i = item->line_count; i > from; i--)
		append_line(news, &item->lines[i - 1], output->is_zh, out);
}

void news_append_body(const struct news *news, const struct news_item *item,
		      const struct news_known *known, const struct news_output *output,
		      const struct incident *incident, struct bytes *out)
{
	struct bytes json = BYTES_EMPTY, text = BYTES_EMPTY;
	char *title = NULL;

	incident_append_summary(incident, &json);
	if (incident->message != NULL)
		bytes_append_text(&text, incident->message);
	append_lines(news, item, known, output, &text);
	if (incident->is_drill)
		title = mem_format("[%s] %s", output->is_zh ? "演练" : "drill", incident->title);
	const struct message message = {
		.event = news_event_row(item->event)->message,
		.title = title,
		.text = text.length > 0 ? text.data : NULL,
		.incident_json = json.data,
	};

	message_append_row(&message, out);
	mem_free(title);
	bytes_deinit(&json);
	bytes_deinit(&text);
}

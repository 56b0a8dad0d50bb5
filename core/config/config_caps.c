#include "core/config/config_internal.h"

#include "core/base/report.h"
#include "core/config/config_paging.h"

#include <string.h>

#define MINUTE_MS (60 * 1000LL)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

enum { RESERVE_DEFAULT = 5, RESERVE_MAX = 100, BUNDLE_DEFAULT_MS = 30000 };

const struct option config_caps_rows[] = {
	{.name = "person",
	 .type = OPTION_TABLE,
	 .example = "{ voice = { { 1, \"1m\" }, { 5, \"1h\" }, { 20, \"1d\" } } }",
	 .help = "pages of one person, by output",
	 .lua_type = "table<string, { [1]: integer, [2]: string }[]>"},
	{.name = "output",
	 .type = OPTION_TABLE,
	 .example = "{ voice = { { 500, \"1d\" } } }",
	 .help = "pages of all people together, by output: what its provider allows",
	 .lua_type = "table<string, { [1]: integer, [2]: string }[]>"},
	{.name = "reserve",
	 .type = OPTION_INT,
	 .min = 0,
	 .max = RESERVE_MAX,
	 .example = "5",
	 .help = "so many of the longest span are kept for P1 and P2, and the same share of the "
		 "shorter ones"},
	{.name = "bundle",
	 .type = OPTION_SPAN,
	 .min = 0,
	 .max = (double)HOUR_MS,
	 .example = "\"30s\"",
	 .help = "pages of a person so soon after another are one message; \"0s\": never"},
	{.name = NULL},
};

/** What carriers and people bear: a call has the lowest limits of the two big carriers in China. */
static struct config_caps default_caps(const struct config_output *output)
{
	static const struct config_caps voice = {
		{{1, MINUTE_MS}, {3, 15 * MINUTE_MS}, {5, HOUR_MS}, {20, DAY_MS}}, 4};
	static const struct config_caps sms = {
		{{1, MINUTE_MS}, {5, 15 * MINUTE_MS}, {11, HOUR_MS}, {21, 3 * HOUR_MS}}, 4};
	static const struct config_caps text = {{{5, MINUTE_MS}, {60, HOUR_MS}}, 2};

	if (output->kind != OUTPUT_CHANNEL || output->channel->kind != CHANNEL_GATEWAY)
		return text;
	return output->channel->is_voice ? voice : sms;
}

static bool is_right(const struct tree *node, struct config_caps *caps)
{
	bool is_good = config_rates(node, caps->rates, &caps->count);

	for (uint32_t i = 0; i < caps->count; i++)
		is_good = is_good && caps->rates[i].count <= CONFIG_CAP_COUNT_MAX;
	return is_good;
}

/** By the index of the output; `name` is "person" or "output". */
static void read_caps_of(struct config_builder *builder, const struct tree *map, const char *name,
			 struct config_caps *caps)
{
	const struct config *config = builder->config;

	if (map == NULL)
		return;
	for (const struct tree *item = map->first; item != NULL; item = item->next) {
		const struct config_output *output =
			item->key != NULL ? config_find_output(config, item->key) : NULL;

		if (output == NULL)
			report_add(builder->report, builder->file, item->line,
				   "\"%s\" of caps names \"%.64s\", which is no output of the "
				   "site; example: %s = { voice = { { 1, \"1m\" } } }",
				   name, item->key != NULL ? item->key : "", name);
		else if (!is_right(item, &caps[output - config->outputs]))
			report_add(builder->report, builder->file, item->line,
				   "\"%s\" of caps for \"%s\" must be { COUNT, SPAN } or a list of "
				   "at most %d of them, counts from 1 to %d, spans from 1s to 1d; "
				   "example: %s = { { 1, \"1m\" }, { 20, \"1d\" } }",
				   name, item->key, RATES_MAX, CONFIG_CAP_COUNT_MAX, item->key);
	}
}

void config_read_caps(struct config_builder *builder, const struct tree *caps)
{
	struct config *config = builder->config;
	struct config_paging *paging = arena_zalloc(&config->arena, sizeof(*paging));
	size_t bytes = (config->output_count + 1) * sizeof(struct config_caps);

	paging->person = arena_zalloc(&config->arena, bytes);
	paging->output = arena_zalloc(&config->arena, bytes);
	paging->reserve = RESERVE_DEFAULT;
	paging->bundle_ms = BUNDLE_DEFAULT_MS;
	config->paging = paging;
	for (uint32_t i = 0; i < config->output_count; i++)
		paging->person[i] = default_caps(&config->outputs[i]);
	if (caps == NULL ||
	    options_check(caps, config_caps_rows, builder->file, "caps", builder->report) > 0)
		return;
	read_caps_of(builder, tree_get(caps, "person"), "person", paging->person);
	read_caps_of(builder, tree_get(caps, "output"), "output", paging->output);
	paging->reserve = (uint32_t)option_int(caps, "reserve", RESERVE_DEFAULT);
	paging->bundle_ms = option_span_ms(caps, "bundle", BUNDLE_DEFAULT_MS);
}

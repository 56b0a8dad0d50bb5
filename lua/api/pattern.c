#define PCRE2_CODE_UNIT_WIDTH 8
#include "lua/api/pattern.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "lua/api/pattern_translate.h"
#include "lua/host/state.h"

#include <pcre2.h>

enum { UNITS_PER_START = 4, GROUPS_MAX = PATTERN_CAPTURES_MAX + PATTERN_BYTES_MAX / 4 };

struct pattern {
	char *text;
	size_t length;
	bool has_anchor;
	uint64_t used_at; /**< for eviction of the least recently used */
	pcre2_code *code;
	bool is_anchored;
	int capture_count;
	struct {
		int group;
		bool is_position;
	} captures[PATTERN_CAPTURES_MAX];
};

struct pattern_cache {
	struct pattern entries[PATTERN_CACHE_MAX];
	uint32_t count;
	uint64_t clock;
	pcre2_match_context *context;
	pcre2_match_data *match_data;
};

static int on_start_position(pcre2_callout_block *block, void *arg)
{
	(void)block;
	return budget_is_spent(arg, UNITS_PER_START) ? PCRE2_ERROR_CALLOUT : 0;
}

struct pattern_cache *pattern_cache_new(void)
{
	struct pattern_cache *cache = mem_alloc(sizeof(*cache));

	cache->context = pcre2_match_context_create(NULL);
	cache->match_data = pcre2_match_data_create(GROUPS_MAX + 1, NULL);
	REQUIRE(cache->context && cache->match_data);
	pcre2_set_match_limit(cache->context, PATTERN_STEPS_MAX);
	pcre2_set_heap_limit(cache->context, PATTERN_HEAP_KIB_MAX);
	return cache;
}

static void pattern_clear(struct pattern *pattern)
{
	pcre2_code_free(pattern->code);
	mem_free(pattern->text);
	memset(pattern, 0, sizeof(*pattern));
}

void pattern_cache_free(struct pattern_cache *cache)
{
	if (!cache)
		return;
	for (uint32_t i = 0; i < cache->count; i++)
		pattern_clear(&cache->entries[i]);
	pcre2_match_context_free(cache->context);
	pcre2_match_data_free(cache->match_data);
	mem_free(cache);
}

static int pattern_compile(struct pattern *out, const char *text, size_t length, bool has_anchor,
			   struct err_note *why)
{
	struct translation translation;
	PCRE2_SIZE offset;
	int code, number;

	code = translate_pattern(text, length, has_anchor, &translation, why);
	if (code != 0)
		goto out;
	out->code = pcre2_compile((PCRE2_SPTR)translation.regex.data, translation.regex.length,
				  PCRE2_DOTALL, &number, &offset, NULL);
	if (!out->code) {
		PCRE2_UCHAR message[120];

		pcre2_get_error_message(number, message, sizeof(message));
		code = err_set(why, ERR_INVALID, "pattern cannot be compiled: %s", message);
		goto out;
	}
	out->text = mem_copy_bytes(text, length);
	out->length = length;
	out->has_anchor = has_anchor;
	out->is_anchored = translation.is_anchored;
	out->capture_count = translation.capture_count;
	for (int i = 0; i < translation.capture_count; i++) {
		out->captures[i].group = translation.captures[i].group;
		out->captures[i].is_position = translation.captures[i].is_position;
	}
out:
	bytes_deinit(&translation.regex);
	return code;
}

static struct pattern *make_room(struct pattern_cache *cache)
{
	struct pattern *oldest = &cache->entries[0];

	if (cache->count < PATTERN_CACHE_MAX)
		return &cache->entries[cache->count++];
	for (uint32_t i = 1; i < cache->count; i++)
		if (cache->entries[i].used_at < oldest->used_at)
			oldest = &cache->entries[i];
	pattern_clear(oldest);
	return oldest;
}

int pattern_get(struct pattern_cache *cache, const char *text, size_t length, bool has_anchor,
		const struct pattern **out, struct err_note *why)
{
	struct pattern fresh = {0}, *room;
	int code;

	for (uint32_t i = 0; i < cache->count; i++) {
		struct pattern *entry = &cache->entries[i];

		if (entry->length != length || entry->has_anchor != has_anchor ||
		    memcmp(entry->text, text, length) != 0)
			continue;
		entry->used_at = ++cache->clock;
		*out = entry;
		return 0;
	}
	code = pattern_compile(&fresh, text, length, has_anchor, why);
	if (code != 0)
		return code;
	room = make_room(cache);
	*room = fresh;
	room->used_at = ++cache->clock;
	*out = room;
	return 0;
}

bool pattern_is_anchored(const struct pattern *pattern)
{
	return pattern->is_anchored;
}

int pattern_run(struct script_state *state, const struct pattern *pattern, const char *subject,
		size_t length, size_t from, struct pattern_match *out)
{
	struct pattern_cache *cache = state->patterns;
	const PCRE2_SIZE *offsets;
	int code;

	pcre2_set_callout(cache->context, on_start_position, state);
	code = pcre2_match(pattern->code, (PCRE2_SPTR)subject, length, from,
			   pattern->is_anchored ? PCRE2_ANCHORED : 0, cache->match_data,
			   cache->context);
	if (code == PCRE2_ERROR_NOMATCH)
		return 0;
	if (code == PCRE2_ERROR_CALLOUT)
		return ERR_BUDGET;
	if (code < 0)
		return ERR_FULL; /* match, heap or depth limit */
	offsets = pcre2_get_ovector_pointer(cache->match_data);
	out->start = offsets[0];
	out->end = offsets[1];
	out->capture_count = pattern->capture_count;
	for (int i = 0; i < pattern->capture_count; i++) {
		int group = pattern->captures[i].group;

		out->captures[i].start = offsets[2 * group];
		out->captures[i].end = offsets[2 * group + 1];
		out->captures[i].is_position = pattern->captures[i].is_position;
	}
	return 1;
}

char *pattern_translate(const char *text, size_t length, struct err_note *why)
{
	struct translation translation;
	char *out = NULL;

	if (translate_pattern(text, length, true, &translation, why) == 0)
		out = bytes_take_text(&translation.regex);
	bytes_deinit(&translation.regex);
	return out;
}

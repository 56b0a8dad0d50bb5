#include "core/window/metric.h"

#include <string.h>

#include <xxhash.h>

#include "core/base/mem.h"
#include "core/base/require.h"

/* Changing the encoding orphans every stored pane; then this word changes with it. */
static const char encoding_name[] = "tocsin metric 1";

/* Length before bytes, count before lists: no two definitions have one encoding. */
static void append_text(struct bytes *out, const char *text)
{
	bytes_append_be32(out, (uint32_t)strlen(text));
	bytes_append_text(out, text);
}

static void append_list(struct bytes *out, const char *const *texts, uint32_t count)
{
	bytes_append_be32(out, count);
	for (uint32_t i = 0; i < count; i++)
		append_text(out, texts[i]);
}

static bool keeps_extras(const struct metric_spec *spec)
{
	for (uint32_t i = 0; spec->needs != NULL && i < spec->value_count; i++)
		if (spec->needs[i] != CELL_NUMBER)
			return true;
	return false;
}

/* Its first word is longer than any text, so a filter function's name is never taken for it.
 * Without extras it is not there, as it was before there were any. */
static void append_needs(struct bytes *text, const struct metric_spec *spec)
{
	bytes_append_be32(text, UINT32_MAX);
	for (uint32_t i = 0; i < spec->value_count; i++)
		bytes_append_u8(text, spec->needs[i]);
	if (spec->lines_max > 0)
		bytes_append_u8(text, spec->lines_max);
}

static struct metric_id hash_text(const struct bytes *text)
{
	XXH128_canonical_t canonical;
	struct metric_id id;

	XXH128_canonicalFromHash(&canonical, XXH3_128bits(text->data, text->length));
	_Static_assert(sizeof(canonical.digest) == METRIC_ID_BYTES, "XXH3-128 has 16 bytes");
	memcpy(id.bytes, canonical.digest, METRIC_ID_BYTES);
	return id;
}

static struct metric_id make_id(const struct metric_spec *spec)
{
	struct bytes text = BYTES_EMPTY;
	struct metric_id id;

	append_text(&text, encoding_name);
	append_text(&text, spec->source);
	append_text(&text, spec->filter);
	append_list(&text, spec->by, spec->by_count);
	append_list(&text, spec->values, spec->value_count);
	bytes_append_be64(&text, (uint64_t)spec->pane_ms);
	if (spec->filter_function != NULL)
		append_text(&text, spec->filter_function);
	if (keeps_extras(spec))
		append_needs(&text, spec);
	id = hash_text(&text);
	bytes_deinit(&text);
	return id;
}

struct metric *metric_new(const struct metric_spec *spec)
{
	struct metric *metric = mem_alloc(sizeof(*metric));

	REQUIRE(spec->by_count <= DIMENSION_FIELDS_MAX);
	REQUIRE(spec->value_count <= METRIC_VALUES_MAX);
	REQUIRE(spec->pane_ms > 0);
	metric->id = make_id(spec);
	metric->source = mem_copy_text(spec->source);
	metric->filter = mem_copy_text(spec->filter);
	metric->has_filter_function = spec->filter_function != NULL;
	metric->by_count = spec->by_count;
	for (uint32_t i = 0; i < spec->by_count; i++)
		metric->by[i] = mem_copy_text(spec->by[i]);
	metric->value_count = spec->value_count;
	for (uint32_t i = 0; i < spec->value_count; i++)
		metric->values[i] = mem_copy_text(spec->values[i]);
	metric->aggregate_count = spec->value_count > 0 ? spec->value_count : 1;
	cell_layout_init(&metric->cells, spec->value_count, spec->needs);
	metric->cells.lines_max = spec->lines_max;
	metric->pane_ms = spec->pane_ms;
	metric->reference_count = 1;
	return metric;
}

static struct metric_id derive_id(const struct metric *metric, const char *level)
{
	struct bytes text = BYTES_EMPTY;
	struct metric_id id;

	append_text(&text, encoding_name);
	bytes_append(&text, metric->id.bytes, METRIC_ID_BYTES);
	append_text(&text, level);
	id = hash_text(&text);
	bytes_deinit(&text);
	return id;
}

struct metric *metric_derive(const struct metric *metric, const char *level, int64_t pane_ms)
{
	struct metric *derived = mem_alloc(sizeof(*derived));

	REQUIRE(pane_ms > 0);
	*derived = *metric;
	derived->id = derive_id(metric, level);
	derived->source = mem_copy_text(metric->source);
	derived->filter = mem_copy_text(metric->filter);
	for (uint32_t i = 0; i < metric->by_count; i++)
		derived->by[i] = mem_copy_text(metric->by[i]);
	for (uint32_t i = 0; i < metric->value_count; i++)
		derived->values[i] = mem_copy_text(metric->values[i]);
	derived->pane_ms = pane_ms;
	derived->reference_count = 1;
	return derived;
}

struct metric *metric_ref(struct metric *metric)
{
	__atomic_add_fetch(&metric->reference_count, 1, __ATOMIC_RELAXED);
	return metric;
}

void metric_unref(struct metric *metric)
{
	/* Whoever frees must see what the others wrote before they let go. */
	if (metric == NULL || __atomic_sub_fetch(&metric->reference_count, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (uint32_t i = 0; i < metric->by_count; i++)
		mem_free(metric->by[i]);
	for (uint32_t i = 0; i < metric->value_count; i++)
		mem_free(metric->values[i]);
	mem_free(metric->source);
	mem_free(metric->filter);
	mem_free(metric);
}

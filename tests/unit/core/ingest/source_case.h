/** source_case.h - for the tests of pool and sources: a live loop, an intake for JSON lines, and a
 *  ledger that keeps positions and totals by the engine's rule (a bundle counts when `from` is the
 *  committed position) and outlives a source that is stopped and made again.
 */
#ifndef TOCSIN_TESTS_UNIT_CORE_INGEST_SOURCE_CASE_H
#define TOCSIN_TESTS_UNIT_CORE_INGEST_SOURCE_CASE_H

#include <criterion/criterion.h>

#include "core/base/err.h"
#include "core/ingest/intake.h"
#include "core/ingest/source.h"
#include "tests/support/run_loop.h"

#include <string.h>

enum { LEDGER_PARTITIONS_MAX = 64 };
struct ledger_partition {
	char name[128];
	struct position committed;
	uint64_t readings;
	bool is_open;
	bool is_forgotten;
};

struct source_case {
	struct loop *loop;
	struct intake *intake;
	struct pool *pool;
	struct ledger_partition partitions[LEDGER_PARTITIONS_MAX];
	uint32_t partition_count;
	uint64_t readings;
	uint64_t malformed;
	uint32_t bundles;
	uint32_t gaps;
	bool is_holding; /**< nothing becomes durable: bundles wait in `held` */
	struct bundle *held;
	struct bundle **held_end;
	uint32_t rooms;
	uint64_t wanted;    /**< readings, for has_wanted() */
	uint32_t refuse_at; /**< the bundle with this number is refused as if it were a gap */
	void (*on_gap)(struct source_case *source, uint32_t partition);
	void (*on_room)(struct source_case *source);
	void *source; /**< under test */
};

static inline void case_settle(struct source_case *source, struct bundle *bundle)
{
	if (!source->is_holding) {
		if (bundle->on_durable)
			bundle->on_durable(bundle->arg, bundle);
		bundle_free(bundle);
		return;
	}
	bundle->next = NULL;
	*source->held_end = bundle;
	source->held_end = &bundle->next;
}

static inline void case_release(struct source_case *source)
{
	struct bundle *bundle = source->held;

	source->is_holding = false;
	source->held = NULL;
	source->held_end = &source->held;
	while (bundle) {
		struct bundle *next = bundle->next;
		case_settle(source, bundle);
		bundle = next;
	}
}

static inline void case_on_bundle(void *arg, struct bundle *bundle)
{
	struct source_case *source = arg;
	struct ledger_partition *partition = &source->partitions[bundle->partition];

	source->bundles++;
	if (bundle->is_positioned) {
		bool fits = bundle->is_reset
				    ? bundle->from.epoch == partition->committed.epoch + 1
				    : bundle->from.epoch == partition->committed.epoch &&
					      bundle->from.offset == partition->committed.offset;
		if (!fits || source->bundles == source->refuse_at) {
			uint32_t number = bundle->partition;
			source->gaps++;
			bundle_free(bundle);
			if (source->on_gap)
				source->on_gap(source, number);
			return;
		}
		partition->committed = bundle->to;
	}
	partition->readings += bundle->counters.readings;
	source->readings += bundle->counters.readings;
	source->malformed += bundle->counters.malformed;
	case_settle(source, bundle);
}

static inline void case_on_room(void *arg)
{
	struct source_case *source = arg;
	source->rooms++;
	if (source->on_room)
		source->on_room(source);
}

static inline int case_open(void *arg, const char *name, uint32_t *partition,
			    struct position *committed, struct err_note *why)
{
	struct source_case *source = arg;
	uint32_t i = 0;

	(void)why;
	while (i < source->partition_count && strcmp(source->partitions[i].name, name) != 0)
		i++;
	cr_assert_lt(i, LEDGER_PARTITIONS_MAX);
	snprintf(source->partitions[i].name, sizeof(source->partitions[i].name), "%s", name);
	if (i == source->partition_count)
		source->partition_count++;
	source->partitions[i].is_open = true;
	*partition = i;
	*committed = source->partitions[i].committed;
	return 0;
}

static inline void case_close(void *arg, uint32_t partition, bool is_forgotten)
{
	struct source_case *source = arg;

	source->partitions[partition].is_open = false;
	source->partitions[partition].is_forgotten = is_forgotten;
}

static inline struct intake *case_intake(void *arg)
{
	return ((struct source_case *)arg)->intake;
}

static inline void case_open_pool(struct source_case *source, uint32_t reader_count)
{
	struct pool_options options = {
		.reader_count = reader_count,
		.seed = 1,
		.on_bundle = case_on_bundle,
		.on_room = case_on_room,
		.arg = source,
	};

	cr_assert_eq(pool_new(&source->pool, source->loop, env_live(), &options, NULL), 0);
}

static inline struct source_case *case_new(uint32_t reader_count, uint32_t line_bytes_max)
{
	struct source_case *source = calloc(1, sizeof(*source));
	struct schema schema;
	struct intake_options options = {
		.source = "test",
		.format = FORMAT_JSON,
		.lateness_ms = 5000,
		.max_ahead_ms = 60000,
		.line_bytes_max = line_bytes_max,
	};

	schema_init(&schema);
	source->loop = run_loop_new();
	source->intake = intake_new(&options, &schema, 1);
	source->held_end = &source->held;
	schema_deinit(&schema);
	case_open_pool(source, reader_count);
	return source;
}

static inline void case_free(struct source_case *source)
{
	case_release(source);
	pool_free(source->pool);
	intake_unref(source->intake);
	loop_free(source->loop);
	free(source);
}

static inline bool case_has_wanted(void *arg)
{
	return ((struct source_case *)arg)->readings >= ((struct source_case *)arg)->wanted;
}

static inline bool case_wait_readings(struct source_case *source, uint64_t wanted)
{
	source->wanted = wanted;
	return run_loop_until(source->loop, case_has_wanted, source) && source->readings == wanted;
}

#endif

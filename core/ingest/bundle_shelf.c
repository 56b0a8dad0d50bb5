#include "core/ingest/bundle.h"

#include "core/base/mem.h"
#include "core/ingest/intake.h"

#include <pthread.h>

/*  One for all readers and the owner: a lock and a walk over a few pointers for each bundle, that
 *  is for each block of bytes. References: the owner's, and one of each bundle that is out. */
struct bundle_shelf {
	pthread_mutex_t lock;
	uint64_t seed;
	uint64_t generation; /**< the newest that was asked for */
	uint32_t reference_count;
	uint32_t count;
	struct bundle *bundles[BUNDLE_SHELF_MAX];
};

struct bundle_shelf *bundle_shelf_new(uint64_t seed)
{
	struct bundle_shelf *shelf = mem_alloc(sizeof(*shelf));

	shelf->seed = seed;
	shelf->reference_count = 1;
	pthread_mutex_init(&shelf->lock, NULL);
	return shelf;
}

static void bundle_destroy(struct bundle *bundle)
{
	if (!bundle)
		return;
	bundle->shelf = NULL;
	bundle_free(bundle);
}

static void shelf_unref(struct bundle_shelf *shelf)
{
	pthread_mutex_lock(&shelf->lock);
	bool is_last = --shelf->reference_count == 0;
	pthread_mutex_unlock(&shelf->lock);
	if (!is_last)
		return;
	for (uint32_t i = 0; i < shelf->count; i++)
		bundle_destroy(shelf->bundles[i]);
	pthread_mutex_destroy(&shelf->lock);
	mem_free(shelf);
}

void bundle_shelf_leave(struct bundle_shelf *shelf)
{
	if (shelf)
		shelf_unref(shelf);
}

/** Takes one out of the row, which stays in the order in which they came. */
static struct bundle *shelf_remove(struct bundle_shelf *shelf, uint32_t index)
{
	struct bundle *bundle = shelf->bundles[index];

	shelf->count--;
	for (uint32_t i = index; i < shelf->count; i++)
		shelf->bundles[i] = shelf->bundles[i + 1];
	return bundle;
}

/** A bundle of the intake, the last given back first: its memory is the likeliest to be in a cache.
 *  With the lock. `*stale` gets those of older generations, linked by `next`. */
static struct bundle *shelf_search(struct bundle_shelf *shelf, const struct intake *intake,
				   struct bundle **stale)
{
	struct bundle *found = NULL;
	bool is_newer = intake->generation > shelf->generation;

	if (is_newer)
		shelf->generation = intake->generation;
	for (uint32_t i = shelf->count; i > 0 && (!found || is_newer); i--) {
		const struct intake *its = shelf->bundles[i - 1]->intake;
		if (!found && its == intake) {
			found = shelf_remove(shelf, i - 1);
		} else if (its->generation < shelf->generation) {
			struct bundle *old = shelf_remove(shelf, i - 1);
			old->next = *stale;
			*stale = old;
		}
	}
	return found;
}

struct bundle *bundle_shelf_take(struct bundle_shelf *shelf, struct intake *intake)
{
	struct bundle *stale = NULL;

	pthread_mutex_lock(&shelf->lock);
	struct bundle *bundle = shelf_search(shelf, intake, &stale);
	shelf->reference_count++;
	pthread_mutex_unlock(&shelf->lock);
	while (stale) {
		struct bundle *next = stale->next;
		bundle_destroy(stale);
		stale = next;
	}
	/* Cleared here and not when it came back: the owner has other things to do. */
	if (bundle)
		bundle_clear(bundle);
	else
		bundle = bundle_new(intake, shelf->seed);
	bundle->shelf = shelf;
	return bundle;
}

static size_t bundle_memory_bytes(const struct bundle *bundle)
{
	size_t bytes = bundle->times.capacity * sizeof(*bundle->times.data);

	for (uint32_t i = 0; i < bundle->delta_count; i++)
		bytes += group_table_memory_bytes(&bundle->deltas[i]);
	return bytes;
}

void bundle_shelf_give(struct bundle *bundle)
{
	struct bundle_shelf *shelf = bundle->shelf;
	bool is_wanted = bundle_memory_bytes(bundle) <= BUNDLE_SHELF_BYTES_MAX;
	struct bundle *unwanted = bundle;

	bundle->shelf = NULL;
	pthread_mutex_lock(&shelf->lock);
	if (is_wanted && bundle->intake->generation >= shelf->generation) {
		/* In a full row the oldest goes: its intake may be one that nothing asks for. */
		unwanted = shelf->count == BUNDLE_SHELF_MAX ? shelf_remove(shelf, 0) : NULL;
		shelf->bundles[shelf->count++] = bundle;
	}
	pthread_mutex_unlock(&shelf->lock);
	bundle_destroy(unwanted);
	shelf_unref(shelf);
}

/* Filters to entries and terms. Equality of text in canonical form is equality of meaning as far as
 * it is looked for: `a and b` and `b and a` are two entries with the same two terms.
 */
#include "core/filter/filter_set_internal.h"

#include "core/base/bytes.h"
#include "core/base/mem.h"
#include "core/filter/filter_internal.h"
#include "core/filter/node.h"
#include "core/filter/scan.h"

void set_push(uint32_t **array, uint32_t *count, uint32_t item)
{
	/* A power of two: full. */
	if ((*count & (*count - 1)) == 0)
		*array = mem_grow(*array, *count == 0 ? 1 : (size_t)*count * 2, sizeof(**array));
	(*array)[(*count)++] = item;
}

/* The term with this text, made when it is new. */
static uint32_t term_of(struct filter_set *set, const struct node *node)
{
	struct bytes text = BYTES_EMPTY;
	uint32_t id;
	bool is_new;

	node_append_canonical(node, &text);
	id = key_table_put(&set->names, bytes_slice(&text), &is_new);
	bytes_deinit(&text);
	if (is_new) {
		set->terms = mem_grow(set->terms, set->term_count + 1u, sizeof(*set->terms));
		set->terms[set->term_count++] = (struct set_term){
			.node = node,
			.memo = SET_NONE,
			.scope = SET_NONE,
			.is_cheap = scan_is_cheap(node),
		};
	}
	return id;
}

static bool has_term(const struct set_entry *entry, uint32_t term)
{
	for (uint32_t i = 0; i < entry->term_count; i++)
		if (entry->terms[i] == term)
			return true;
	return false;
}

static void add_terms(struct filter_set *set, struct set_entry *entry)
{
	const struct node *root = entry->filter->root;
	bool is_and = root->kind == NODE_AND;

	for (const struct node *node = is_and ? root->first : root; node != NULL;
	     node = is_and ? node->next : NULL) {
		uint32_t term = term_of(set, node);

		/* `a and a` is legal; the second adds nothing. */
		if (has_term(entry, term))
			continue;
		set_push(&entry->terms, &entry->term_count, term);
		set->terms[term].use_count++;
	}
}

static void add_entry(struct filter_set *set, const struct filter *filter)
{
	struct set_entry *entry;

	set->entries = mem_grow(set->entries, set->entry_count + 1u, sizeof(*set->entries));
	entry = &set->entries[set->entry_count++];
	*entry = (struct set_entry){
		.filter = filter, .guard = SET_NONE, .key = SET_NONE, .multi = SET_NONE};
	if (filter == NULL)
		return;
	add_terms(set, entry);
	if (set->scratch_columns < filter->scratch_columns)
		set->scratch_columns = filter->scratch_columns;
	if (set->batch_columns < filter->batch_columns)
		set->batch_columns = filter->batch_columns;
}

static void add_filters(struct filter_set *set, const struct filter *const *filters, uint32_t count)
{
	struct key_table known; /* ids are entries */

	key_table_init(&known, 0);
	for (uint32_t i = 0; i < count; i++) {
		/* No expression is the empty text. */
		struct slice text = slice_of(filters[i] == NULL ? "" : filters[i]->canonical);
		bool is_new;
		uint32_t id = key_table_put(&known, text, &is_new);

		if (is_new)
			add_entry(set, filters[i]);
		set_push(&set->entries[id].places, &set->entries[id].place_count, i);
	}
	key_table_deinit(&known);
}

/* Cheap conditions that others share are likely known already; then cheap ones; then the rest. */
static int term_rank(const struct set_term *term)
{
	if (!term->is_cheap)
		return 2;
	return term->memo == SET_NONE ? 1 : 0;
}

static void sort_terms(const struct filter_set *set, struct set_entry *entry)
{
	for (uint32_t i = 1; i < entry->term_count; i++) {
		uint32_t term = entry->terms[i], at = i;
		int rank = term_rank(&set->terms[term]);

		for (; at > 0 && term_rank(&set->terms[entry->terms[at - 1]]) > rank; at--)
			entry->terms[at] = entry->terms[at - 1];
		entry->terms[at] = term;
	}
}

struct filter_set *filter_set_new(const struct filter *const *filters, uint32_t count)
{
	struct filter_set *set = mem_alloc(sizeof(*set));

	key_table_init(&set->names, 0);
	add_filters(set, filters, count);
	key_table_deinit(&set->names);
	for (uint32_t i = 0; i < set->term_count; i++)
		if (set->terms[i].use_count > 1)
			set->terms[i].memo = set->memo_count++;
	for (uint32_t i = 0; i < set->entry_count; i++)
		sort_terms(set, &set->entries[i]);
	set_distribute(set);
	return set;
}

static void index_deinit(struct set_index *index)
{
	for (uint32_t i = 0; i < index->bucket_count; i++)
		mem_free(index->buckets[i].entries);
	mem_free(index->buckets);
	mem_free(index->entries);
}

void filter_set_free(struct filter_set *set)
{
	if (set == NULL)
		return;
	for (uint32_t i = 0; i < set->entry_count; i++) {
		mem_free(set->entries[i].terms);
		mem_free(set->entries[i].places);
	}
	for (uint32_t i = 0; i < set->scope_count; i++) {
		for (uint32_t j = 0; j < set->scopes[i].index_count; j++)
			index_deinit(&set->scopes[i].indexes[j]);
		mem_free(set->scopes[i].indexes);
		mem_free(set->scopes[i].entries);
	}
	mem_free(set->scopes);
	mem_free(set->entries);
	mem_free(set->terms);
	mem_free(set);
}

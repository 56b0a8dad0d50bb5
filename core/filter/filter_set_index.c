/* Where each entry is looked for: in the scope of the condition that most others share, and there
 * through the column whose constants differ most.
 */
#include "core/filter/filter_set_internal.h"

#include "core/base/bytes.h"
#include "core/base/mem.h"
#include "core/filter/node.h"
#include "core/model/schema.h"

/* A string or a number: booleans halve the rows, a mask does that for all filters at once. */
static bool is_key_value(const struct value *value)
{
	return value->type == VALUE_STRING || value->type == VALUE_INT ||
	       value->type == VALUE_FLOAT;
}

uint32_t set_key_count(const struct set_term *term)
{
	const struct node *node = term->node;

	if (node->first == NULL || node->first->kind != NODE_FIELD)
		return 0;
	if (node->kind == NODE_COMPARE && node->comparison == COMPARISON_EQ &&
	    node->first->next->kind == NODE_CONSTANT && is_key_value(&node->first->next->constant))
		return 1;
	if (node->kind != NODE_IN)
		return 0;
	for (uint32_t i = 0; i < node->set_count; i++)
		if (!is_key_value(&node->set[i]))
			return 0;
	return node->set_count;
}

struct value set_key_value(const struct set_term *term, uint32_t at)
{
	if (term->node->kind == NODE_IN)
		return term->node->set[at];
	return term->node->first->next->constant;
}

static uint32_t key_column(const struct set_term *term)
{
	return term->node->first->column;
}

/* ---- which condition finds an entry ---- */

/* How many values the filters want of each column. */
static void count_values(const struct filter_set *set, uint32_t *counts)
{
	for (uint32_t i = 0; i < set->term_count; i++) {
		uint32_t count = set_key_count(&set->terms[i]);

		if (count > 0)
			counts[key_column(&set->terms[i])] += count;
	}
}

static void choose_key(const struct filter_set *set, const uint32_t *counts,
		       struct set_entry *entry)
{
	for (uint32_t i = 0; i < entry->term_count; i++) {
		const struct set_term *term = &set->terms[entry->terms[i]];

		if (set_key_count(term) == 0)
			continue;
		if (entry->key == SET_NONE ||
		    counts[key_column(term)] > counts[key_column(&set->terms[entry->key])])
			entry->key = entry->terms[i];
	}
}

/* Of the conditions that go over all rows for little, the one that most entries share. */
static void choose_guard(const struct filter_set *set, struct set_entry *entry)
{
	for (uint32_t i = 0; i < entry->term_count; i++) {
		const struct set_term *term = &set->terms[entry->terms[i]];

		if (!term->is_cheap || term->use_count < SET_SCOPE_ENTRIES_MIN ||
		    entry->terms[i] == entry->key)
			continue;
		if (entry->guard == SET_NONE ||
		    term->use_count > set->terms[entry->guard].use_count)
			entry->guard = entry->terms[i];
	}
}

static void drop_term(struct set_entry *entry, uint32_t term)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < entry->term_count; i++)
		if (entry->terms[i] != term)
			entry->terms[kept++] = entry->terms[i];
	entry->term_count = kept;
}

/* ---- scopes and indexes ---- */

static struct set_scope *scope_of(struct filter_set *set, uint32_t guard)
{
	uint32_t *number = guard == SET_NONE ? NULL : &set->terms[guard].scope;

	if (number == NULL)
		return &set->scopes[0];
	if (*number == SET_NONE) {
		*number = set->scope_count++;
		set->scopes = mem_grow(set->scopes, set->scope_count, sizeof(*set->scopes));
		set->scopes[*number] = (struct set_scope){.guard = guard};
	}
	return &set->scopes[*number];
}

static struct set_index *index_of(struct set_scope *scope, uint32_t column)
{
	for (uint32_t i = 0; i < scope->index_count; i++)
		if (scope->indexes[i].column == column)
			return &scope->indexes[i];
	scope->indexes = mem_grow(scope->indexes, scope->index_count + 1u, sizeof(*scope->indexes));
	scope->indexes[scope->index_count] = (struct set_index){.column = column};
	return &scope->indexes[scope->index_count++];
}

/* A number has one form (filter_number()), so equal values have equal bytes. */
static struct set_bucket *bucket_of(struct set_index *index, struct key_table *values,
				    const struct value *value)
{
	struct bytes text = BYTES_EMPTY;
	uint32_t id;
	bool is_new;

	bytes_append_u8(&text, value->type);
	if (value->type == VALUE_STRING)
		bytes_append(&text, value->as.text, value->length);
	else
		bytes_append(&text, &value->as, sizeof(value->as));
	id = key_table_put(values, bytes_slice(&text), &is_new);
	bytes_deinit(&text);
	if (is_new) {
		index->buckets =
			mem_grow(index->buckets, index->bucket_count + 1u, sizeof(*index->buckets));
		index->buckets[index->bucket_count++] = (struct set_bucket){.value = *value};
	}
	return &index->buckets[id];
}

static void index_entries(struct filter_set *set, struct set_index *index)
{
	struct key_table values; /* ids are buckets */

	key_table_init(&values, 0);
	for (uint32_t i = 0; i < index->entry_count; i++) {
		struct set_entry *entry = &set->entries[index->entries[i]];
		const struct set_term *term = &set->terms[entry->key];
		uint32_t count = set_key_count(term);

		for (uint32_t j = 0; j < count; j++) {
			struct value value = set_key_value(term, j);
			struct set_bucket *bucket = bucket_of(index, &values, &value);

			set_push(&bucket->entries, &bucket->entry_count, index->entries[i]);
		}
		if (count > 1)
			entry->multi = set->multi_count++;
		drop_term(entry, entry->key);
	}
	key_table_deinit(&values);
}

/* A column with few entries needs no table: they are asked like all others. */
static void settle_indexes(struct filter_set *set, struct set_scope *scope)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < scope->index_count; i++) {
		struct set_index *index = &scope->indexes[i];

		if (index->entry_count >= SET_INDEX_ENTRIES_MIN) {
			index_entries(set, index);
			index->number = set->index_count++;
			scope->indexes[kept++] = *index;
			continue;
		}
		for (uint32_t j = 0; j < index->entry_count; j++)
			set_push(&scope->entries, &scope->entry_count, index->entries[j]);
		mem_free(index->entries);
	}
	scope->index_count = kept;
}

void set_distribute(struct filter_set *set)
{
	uint32_t *counts = mem_alloc_array(SCHEMA_FIELDS_MAX, sizeof(*counts));

	count_values(set, counts);
	set->scopes = mem_alloc(sizeof(*set->scopes));
	set->scopes[set->scope_count++] = (struct set_scope){.guard = SET_NONE};
	for (uint32_t i = 0; i < set->entry_count; i++) {
		struct set_entry *entry = &set->entries[i];

		choose_key(set, counts, entry);
		choose_guard(set, entry);
		struct set_scope *scope = scope_of(set, entry->guard);
		if (entry->guard != SET_NONE)
			drop_term(entry, entry->guard);
		if (entry->key == SET_NONE) {
			set_push(&scope->entries, &scope->entry_count, i);
			continue;
		}
		struct set_index *index = index_of(scope, key_column(&set->terms[entry->key]));
		set_push(&index->entries, &index->entry_count, i);
	}
	for (uint32_t i = 0; i < set->scope_count; i++)
		settle_indexes(set, &set->scopes[i]);
	mem_free(counts);
}

#include "core/handling/handling_internal.h"

#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/config/config_handling.h"

#include <string.h>

/*  One struct inhibit_slots for each rule of `inhibit`; in it one slot for each combination of
 *  `equal` values; in a slot the open alerts that match `source`, in the order of their opening:
 *
 *      slots["m1"] -> node -> node        node: open alert, and its next node of another rule
 *      slots["m2"] -> node
 */

enum { CHAIN_MAX = 32 };

struct inhibit_slot {
	struct bytes key;
	struct inhibit_node *first, *last;
};

struct inhibit_slots {
	struct pointer_map slots; /* owned slots, by the text of their values */
};

struct inhibit_node {
	struct open_alert *open;
	uint32_t rule;
	struct inhibit_slot *slot;
	struct inhibit_node *next, *previous; /* in the slot */
	struct inhibit_node *open_next;       /* of the open alert */
};

/* ---- sources ---- */

/** False: the alert lacks one of the properties. */
static bool equal_key(const struct config_inhibit *rule, struct match_subject *subject,
		      struct bytes *out)
{
	bytes_clear(out);
	bytes_append_u8(out, 0);
	for (uint32_t i = 0; i < rule->equal_count; i++) {
		const char *text = match_subject_text(subject, &rule->equal[i]);

		if (text == NULL)
			return false;
		bytes_append_be32(out, (uint32_t)strlen(text));
		bytes_append_text(out, text);
	}
	return true;
}

/** Most are the latest: looked for from the end. */
static void slot_insert(struct inhibit_slot *slot, struct inhibit_node *node)
{
	struct inhibit_node *before = slot->last;

	while (before != NULL && before->open->order > node->open->order)
		before = before->previous;
	node->previous = before;
	node->next = before != NULL ? before->next : slot->first;
	if (node->next != NULL)
		node->next->previous = node;
	else
		slot->last = node;
	if (before != NULL)
		before->next = node;
	else
		slot->first = node;
}

static void add_node(struct handling *handling, struct open_alert *open, uint32_t rule,
		     struct slice key)
{
	struct inhibit_slots *slots = &handling->inhibits[rule];
	struct inhibit_slot *slot = pointer_map_find(&slots->slots, key);
	struct inhibit_node *node = mem_alloc(sizeof(*node));

	if (slot == NULL) {
		slot = mem_alloc(sizeof(*slot));
		bytes_append_slice(&slot->key, key);
		pointer_map_put(&slots->slots, key, slot);
	}
	node->open = open;
	node->rule = rule;
	node->slot = slot;
	node->open_next = open->sources;
	slot_insert(slot, node);
	open->sources = node;
}

void inhibit_add_sources(struct handling *handling, struct open_alert *open)
{
	struct bytes key = BYTES_EMPTY;
	struct match_subject subject;

	if (handling->config->inhibit_count == 0)
		return;
	match_subject_init(&subject, &open->alert, handling->config, handling->matcher);
	for (uint32_t i = 0; i < handling->config->inhibit_count; i++) {
		const struct config_inhibit *rule = &handling->config->inhibits[i];

		if (match_holds(&rule->source, &subject) && equal_key(rule, &subject, &key))
			add_node(handling, open, i, bytes_slice(&key));
	}
	match_subject_deinit(&subject);
	bytes_deinit(&key);
}

static void slot_free(struct inhibit_slot *slot)
{
	bytes_deinit(&slot->key);
	mem_free(slot);
}

static void remove_node(struct handling *handling, struct inhibit_node *node)
{
	struct inhibit_slot *slot = node->slot;

	if (node->previous != NULL)
		node->previous->next = node->next;
	else
		slot->first = node->next;
	if (node->next != NULL)
		node->next->previous = node->previous;
	else
		slot->last = node->previous;
	if (slot->first == NULL) {
		pointer_map_remove(&handling->inhibits[node->rule].slots, bytes_slice(&slot->key));
		slot_free(slot);
	}
	mem_free(node);
}

void inhibit_remove_sources(struct handling *handling, struct open_alert *open)
{
	while (open->sources != NULL) {
		struct inhibit_node *node = open->sources;

		open->sources = node->open_next;
		remove_node(handling, node);
	}
}

/* ---- victims ---- */

void inhibit_link(struct open_alert *open, struct open_alert *inhibitor)
{
	open->inhibitor = inhibitor;
	open->victim_previous = NULL;
	open->victim_next = inhibitor->victims;
	if (inhibitor->victims != NULL)
		inhibitor->victims->victim_previous = open;
	inhibitor->victims = open;
}

void inhibit_unlink(struct open_alert *open)
{
	if (open->inhibitor == NULL)
		return;
	if (open->victim_previous != NULL)
		open->victim_previous->victim_next = open->victim_next;
	else
		open->inhibitor->victims = open->victim_next;
	if (open->victim_next != NULL)
		open->victim_next->victim_previous = open->victim_previous;
	open->inhibitor = NULL;
	open->victim_next = open->victim_previous = NULL;
}

/** Following who keeps the candidate quiet leads back to `open`: both would be quiet for ever. */
static bool is_circle(const struct open_alert *open, const struct open_alert *candidate)
{
	int hops = 0;

	for (; candidate != NULL; candidate = candidate->inhibitor)
		if (candidate == open || ++hops > CHAIN_MAX)
			return true;
	return false;
}

static struct open_alert *find_source(struct handling *handling, uint32_t rule, struct slice key,
				      const struct open_alert *open)
{
	const struct inhibit_slot *slot = pointer_map_find(&handling->inhibits[rule].slots, key);

	for (const struct inhibit_node *node = slot != NULL ? slot->first : NULL; node != NULL;
	     node = node->next)
		if (!is_circle(open, node->open))
			return node->open;
	return NULL;
}

static bool is_target(const struct config_inhibit *rule, struct match_subject *subject,
		      struct bytes *key)
{
	return match_holds(&rule->target, subject) && !match_holds(&rule->source, subject) &&
	       equal_key(rule, subject, key);
}

struct open_alert *inhibit_find(struct handling *handling, struct open_alert *open,
				struct match_subject *subject, const char **name)
{
	struct open_alert *found = NULL;
	struct bytes key = BYTES_EMPTY;

	for (uint32_t i = 0; i < handling->config->inhibit_count && found == NULL; i++) {
		const struct config_inhibit *rule = &handling->config->inhibits[i];

		if (!is_target(rule, subject, &key))
			continue;
		found = find_source(handling, i, bytes_slice(&key), open);
		*name = rule->name;
	}
	bytes_deinit(&key);
	return found;
}

/** By some rule, as both are now. */
static bool is_still_inhibited(struct handling *handling, struct open_alert *open)
{
	struct match_subject subject;
	struct bytes key = BYTES_EMPTY;
	bool is_found = false;

	match_subject_init(&subject, &open->alert, handling->config, handling->matcher);
	for (const struct inhibit_node *node = open->inhibitor->sources; node != NULL && !is_found;
	     node = node->open_next)
		is_found = is_target(&handling->config->inhibits[node->rule], &subject, &key) &&
			   slice_equal(bytes_slice(&key), bytes_slice(&node->slot->key));
	match_subject_deinit(&subject);
	bytes_deinit(&key);
	return is_found;
}

void inhibit_release_victims(struct handling *handling, struct open_alert *open)
{
	struct open_alert *next;

	for (struct open_alert *victim = open->victims; victim != NULL; victim = next) {
		next = victim->victim_next;
		if (is_still_inhibited(handling, victim))
			continue;
		inhibit_unlink(victim);
		handling->must_recheck = true;
	}
}

int64_t inhibit_settle_ms(struct handling *handling, struct match_subject *subject,
			  const char **name)
{
	struct bytes key = BYTES_EMPTY;
	int64_t settle_ms = 0;

	for (uint32_t i = 0; i < handling->config->inhibit_count; i++) {
		const struct config_inhibit *rule = &handling->config->inhibits[i];

		if (rule->settle_ms <= settle_ms || !is_target(rule, subject, &key))
			continue;
		settle_ms = rule->settle_ms;
		*name = rule->name;
	}
	bytes_deinit(&key);
	return settle_ms;
}

/* ---- configuration ---- */

static void forget_sources(struct handling *handling)
{
	struct open_alert *open;
	uint32_t at = 0;

	while ((open = pointer_map_next(&handling->open, &at)) != NULL)
		inhibit_remove_sources(handling, open);
}

void inhibits_free(struct handling *handling)
{
	uint32_t count = handling->config != NULL ? handling->config->inhibit_count : 0;

	forget_sources(handling);
	for (uint32_t i = 0; i < count; i++)
		pointer_map_deinit(&handling->inhibits[i].slots);
	mem_free(handling->inhibits);
	handling->inhibits = NULL;
}

/** Who is kept quiet stays so while the new rules say the same; the others are decided again. */
void inhibits_configure(struct handling *handling)
{
	struct open_alert *open;
	uint32_t count = handling->config->inhibit_count, at = 0;

	handling->inhibits = mem_alloc_array(count + 1, sizeof(*handling->inhibits));
	for (uint32_t i = 0; i < count; i++)
		pointer_map_init(&handling->inhibits[i].slots, handling->options.seed);
	while ((open = pointer_map_next(&handling->open, &at)) != NULL)
		inhibit_add_sources(handling, open);
	at = 0;
	while ((open = pointer_map_next(&handling->open, &at)) != NULL)
		inhibit_release_victims(handling, open);
}

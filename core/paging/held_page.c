#include "core/paging/paging_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

#include <jansson.h>

#include <inttypes.h>
#include <string.h>

struct held_page *held_page_new(uint64_t number, const char *person, uint64_t incident)
{
	struct held_page *page = mem_alloc(sizeof(*page));

	page->number = number;
	page->person = mem_copy_text(person);
	page->incident = incident;
	return page;
}

struct page held_page_as_page(const struct held_page *held)
{
	return (struct page){
		.person = held->person,
		.incident = held->incident,
		.event = held->event,
		.text = held->text,
		.is_important = held->is_important,
		.cause = held->cause,
		.topic = held->topic,
	};
}

size_t page_text_length(const char *text, size_t bytes_max)
{
	size_t length = text != NULL ? strlen(text) : 0;

	if (length <= bytes_max)
		return length;
	for (length = bytes_max; length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80;)
		length--;
	return length;
}

static void set(char **field, const char *text)
{
	size_t length = page_text_length(text, PAGE_TEXT_BYTES_MAX);
	char *copy = text != NULL ? mem_copy_bytes(text, length) : NULL;

	mem_free(*field);
	*field = copy;
}

void held_page_tell(struct held_page *page, const struct page *from)
{
	set(&page->event, from->event);
	set(&page->text, from->text);
	set(&page->cause, from->cause);
	set(&page->topic, from->topic);
	page->is_important |= from->is_important;
	page->is_stored_now = false;
}

void held_page_free(struct held_page *page)
{
	if (page == NULL)
		return;
	mem_free(page->person);
	mem_free(page->event);
	mem_free(page->text);
	mem_free(page->cause);
	mem_free(page->topic);
	mem_free(page);
}

static void put(const struct paging *paging, const struct bytes *key, struct slice content)
{
	struct bytes value = BYTES_EMPTY;

	keyspace_seal(&value, content);
	kv_batch_put(commit_batch(paging->options.commit), bytes_slice(key), bytes_slice(&value));
	bytes_deinit(&value);
}

static void append_text(struct bytes *out, const char *name, const char *text, size_t bytes_max)
{
	if (text == NULL || bytes_max == 0)
		return;
	bytes_append_format(out, ",\"%s\":", name);
	utf8_append_json(out, (struct slice){text, page_text_length(text, bytes_max)});
}

void held_page_append(const struct held_page *page, size_t text_max, struct bytes *out)
{
	bytes_append_format(out, "{\"incident\":%" PRIu64, page->incident);
	append_text(out, "event", page->event, PAGE_TEXT_BYTES_MAX);
	append_text(out, "text", page->text, text_max);
	append_text(out, "cause", page->cause, text_max);
	append_text(out, "topic", page->topic, PAGE_TEXT_BYTES_MAX);
	bytes_append_format(out, ",\"important\":%s}", page->is_important ? "true" : "false");
}

struct held_page *held_page_read(const json_t *row, uint64_t number, const char *person)
{
	const struct page told = {
		.event = json_string_value(json_object_get(row, "event")),
		.text = json_string_value(json_object_get(row, "text")),
		.cause = json_string_value(json_object_get(row, "cause")),
		.topic = json_string_value(json_object_get(row, "topic")),
		.is_important = json_is_true(json_object_get(row, "important")),
	};
	struct held_page *page;

	if (person == NULL || told.event == NULL)
		return NULL;
	page = held_page_new(number, person,
			     (uint64_t)json_integer_value(json_object_get(row, "incident")));
	held_page_tell(page, &told);
	return page;
}

void held_page_store(const struct paging *paging, struct held_page *page)
{
	struct bytes key = BYTES_EMPTY, content = BYTES_EMPTY;

	bytes_append_format(&content, "{\"due_ms\":%" PRId64, page->due_ms);
	append_text(&content, "person", page->person, PAGE_TEXT_BYTES_MAX);
	bytes_append_text(&content, ",\"page\":");
	held_page_append(page, PAGE_TEXT_BYTES_MAX, &content);
	bytes_append_char(&content, '}');
	key_begin(&key, KEYSPACE_PAGE);
	key_add_u64(&key, page->number);
	put(paging, &key, bytes_slice(&content));
	page->is_stored = page->is_stored_now = true;
	page->stored_due_ms = page->due_ms;
	bytes_deinit(&key);
	bytes_deinit(&content);
}

/** False: the page is like no other. */
static bool make_topic(const char *person, uint64_t incident, const char *topic, struct bytes *out)
{
	bytes_append_format(out, "%s %" PRIu64 " %s", person, incident, topic != NULL ? topic : "");
	return incident != 0 || topic != NULL;
}

struct held_page *paging_find_held(const struct paging *paging, const struct page *page)
{
	struct bytes key = BYTES_EMPTY;
	struct held_page *found = NULL;

	if (make_topic(page->person, page->incident, page->topic, &key))
		found = pointer_map_find(&paging->by_topic, bytes_slice(&key));
	bytes_deinit(&key);
	return found;
}

static void remember_topic(struct paging *paging, struct held_page *page, bool is_kept)
{
	struct bytes key = BYTES_EMPTY;
	bool has_topic = make_topic(page->person, page->incident, page->topic, &key);

	if (has_topic && is_kept)
		pointer_map_put(&paging->by_topic, bytes_slice(&key), page);
	else if (has_topic)
		pointer_map_remove(&paging->by_topic, bytes_slice(&key));
	bytes_deinit(&key);
}

void paging_keep(struct paging *paging, struct held_page *page)
{
	if (paging->held_count == paging->held_capacity) {
		paging->held_capacity = paging->held_capacity == 0 ? 16 : 2 * paging->held_capacity;
		paging->held = mem_grow(paging->held, paging->held_capacity, sizeof(*paging->held));
	}
	paging->held[paging->held_count++] = page;
	remember_topic(paging, page, true);
	if (page->number > paging->number_last)
		paging->number_last = page->number;
}

void paging_forget(struct paging *paging, struct held_page *page)
{
	struct bytes key = BYTES_EMPTY;

	if (page->is_stored) {
		key_begin(&key, KEYSPACE_PAGE);
		key_add_u64(&key, page->number);
		kv_batch_delete(commit_batch(paging->options.commit), bytes_slice(&key));
		bytes_deinit(&key);
	}
	remember_topic(paging, page, false);
	paging->bundle_count -= page->held_for == HELD_BUNDLE;
	paging->gone_count++;
	page->is_gone = true;
}

void paging_compact(struct paging *paging)
{
	uint32_t kept = 0;

	if (paging->gone_count == 0)
		return;
	for (uint32_t i = 0; i < paging->held_count; i++) {
		if (paging->held[i]->is_gone)
			held_page_free(paging->held[i]);
		else
			paging->held[kept++] = paging->held[i];
	}
	paging->held_count = kept;
	paging->gone_count = 0;
}

/* ---- used caps ---- */

const struct used_way *paging_find_used(const struct paging *paging, const char *person,
					const char *output)
{
	for (uint32_t i = 0; i < paging->used_count; i++)
		if (strcmp(paging->used[i].person, person) == 0 &&
		    strcmp(paging->used[i].output, output) == 0)
			return &paging->used[i];
	return NULL;
}

struct used_way *paging_used(struct paging *paging, const char *person, const char *output)
{
	const struct used_way *found = paging_find_used(paging, person, output);
	struct used_way *used;

	if (found != NULL)
		return &paging->used[found - paging->used];
	if (paging->used_count == paging->used_capacity) {
		paging->used_capacity = paging->used_capacity == 0 ? 16 : 2 * paging->used_capacity;
		paging->used = mem_grow(paging->used, paging->used_capacity, sizeof(*paging->used));
	}
	used = &paging->used[paging->used_count++];
	*used = (struct used_way){.person = mem_copy_text(person), .output = mem_copy_text(output)};
	return used;
}

void used_way_store(const struct paging *paging, const struct used_way *used)
{
	struct bytes key = BYTES_EMPTY, content = BYTES_EMPTY;

	key_begin(&key, KEYSPACE_PAGE_USED);
	key_add_text(&key, used->person);
	key_add_text(&key, used->output);
	cap_log_encode(&used->log, &content);
	put(paging, &key, bytes_slice(&content));
	bytes_deinit(&key);
	bytes_deinit(&content);
}

/* ---- at start ---- */

struct loading {
	struct paging *paging;
	int code;
	struct err_note *why;
};

static int decode_page(struct slice key, struct slice content, struct held_page **out,
		       struct err_note *why)
{
	json_t *row = json_loadb(content.data, content.length, 0, NULL);
	struct byte_reader reader = key_read(key);
	uint64_t number = byte_reader_be64(&reader);

	*out = held_page_read(json_object_get(row, "page"), number,
			      json_string_value(json_object_get(row, "person")));
	if (*out != NULL) {
		(*out)->due_ms = json_integer_value(json_object_get(row, "due_ms"));
		(*out)->stored_due_ms = (*out)->due_ms;
		(*out)->is_stored = (*out)->is_stored_now = true;
	}
	json_decref(row);
	return *out != NULL
		       ? 0
		       : err_set(why, ERR_CORRUPT, "a stored page has missing or wrong fields");
}

static bool load_page(void *arg, struct slice key, struct slice value)
{
	struct loading *loading = arg;
	struct held_page *page = NULL;
	struct slice content;

	loading->code = keyspace_unseal(value, &content, loading->why);
	if (loading->code == 0)
		loading->code = decode_page(key, content, &page, loading->why);
	if (loading->code == 0)
		paging_keep(loading->paging, page);
	return loading->code == 0;
}

static bool load_used(void *arg, struct slice key, struct slice value)
{
	struct loading *loading = arg;
	struct byte_reader reader = key_read(key);
	struct slice person = key_read_text(&reader), output = key_read_text(&reader), content;
	struct used_way *used;

	loading->code = keyspace_unseal(value, &content, loading->why);
	if (loading->code != 0)
		return false;
	used = paging_used(loading->paging, person.data, output.data);
	if (!cap_log_decode(&used->log, content))
		loading->code =
			err_set(loading->why, ERR_CORRUPT,
				"the stored times of pages to \"%s\" are damaged", used->output);
	return loading->code == 0;
}

static int load(struct paging *paging, enum keyspace space,
		bool (*each)(void *arg, struct slice key, struct slice value), struct err_note *why)
{
	struct loading loading = {paging, 0, why};
	struct bytes prefix = BYTES_EMPTY;
	int code;

	key_begin(&prefix, space);
	code = kv_scan(paging->options.kv, bytes_slice(&prefix), false, each, &loading, why);
	bytes_deinit(&prefix);
	return code != 0 ? code : loading.code;
}

int paging_load(struct paging *paging, struct err_note *why)
{
	int code = load(paging, KEYSPACE_PAGE, load_page, why);

	return code != 0 ? code : load(paging, KEYSPACE_PAGE_USED, load_used, why);
}

#include "core/config/config_internal.h"

#include "core/base/number.h"
#include "core/model/span.h"

#include <math.h>
#include <string.h>

enum { RATE_SPAN_MAX_MS = 86400000 };

const char *config_copy_text(struct config *config, const char *text)
{
	return text != NULL ? arena_copy_text(&config->arena, text) : NULL;
}

const char **config_copy_texts(struct config *config, const struct tree *list, uint32_t *count)
{
	const char **texts;
	uint32_t index = 0;

	*count = 0;
	if (list == NULL || list->child_count == 0)
		return NULL;
	texts = arena_zalloc(&config->arena, list->child_count * sizeof(*texts));
	for (const struct tree *item = list->first; item != NULL; item = item->next)
		if (item->type == TREE_STRING)
			texts[index++] = arena_copy_text(&config->arena, item->text);
	*count = index;
	return texts;
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == '.';
}

bool config_is_name(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > CONFIG_NAME_BYTES_MAX || name[0] == '.')
		return false;
	for (size_t i = 0; i < length; i++)
		if (!is_name_char(name[i]))
			return false;
	return true;
}

static bool is_host(const char *text, size_t length)
{
	if (length >= 4 && text[0] == '[' && text[length - 1] == ']') {
		for (size_t i = 1; i < length - 1; i++)
			if (strchr("0123456789abcdefABCDEF:.", text[i]) == NULL)
				return false;
		return true;
	}
	for (size_t i = 0; i < length; i++)
		if (!is_name_char(text[i]) || text[i] == '_')
			return false;
	return length > 0;
}

bool config_is_address(const char *text)
{
	const char *colon = strrchr(text, ':');
	int64_t port;

	if (colon == NULL || colon[1] < '0' || colon[1] > '9' || strlen(colon + 1) > 5)
		return false;
	if (number_parse_int(slice_of(colon + 1), &port) != 0 || port < 1 || port > 65535)
		return false;
	return is_host(text, (size_t)(colon - text));
}

const struct tree *config_section(struct config_builder *builder, const struct tree *site,
				  const char *name, const struct option *rows)
{
	const struct tree *found = tree_get(site, name);

	if (found == NULL || !tree_is_map(found) ||
	    options_check(found, rows, builder->file, name, builder->report) > 0)
		return NULL;
	return found;
}

bool config_read_rate(const struct tree *node, struct rate *out)
{
	const struct tree *count = tree_is_list(node) ? node->first : NULL;
	const struct tree *span = count != NULL ? count->next : NULL;

	if (span == NULL || span->next != NULL || count->type != TREE_NUMBER ||
	    span->type != TREE_STRING || floor(count->number) != count->number ||
	    count->number < 1 || count->number > RATE_COUNT_MAX ||
	    span_parse(span->text, &out->span_ms, NULL) != 0 || out->span_ms < 1000 ||
	    out->span_ms > RATE_SPAN_MAX_MS)
		return false;
	out->count = (uint32_t)count->number;
	return true;
}

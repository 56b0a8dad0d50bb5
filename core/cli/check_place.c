#include "core/cli/check_place.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_word_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/** A word must stand alone: `k` is not found in `keys`. */
static bool stands_alone(const struct check_place *place, size_t at, const char *word,
			 size_t length)
{
	size_t end = at + length;
	bool is_open = at > 0 && is_word_byte(word[0]) && is_word_byte(place->line[at - 1]);
	bool is_cut = end < place->line_bytes && is_word_byte(word[length - 1]) &&
		      is_word_byte(place->line[end]);

	return !is_open && !is_cut;
}

static bool find_word(struct check_place *place, size_t from, const char *word, size_t length)
{
	if (length == 0)
		return false;
	for (size_t at = from; at + length <= place->line_bytes; at++) {
		if (memcmp(place->line + at, word, length) != 0 ||
		    !stands_alone(place, at, word, length))
			continue;
		place->start = at;
		place->length = length;
		return true;
	}
	return false;
}

/** Where advice begins: what is quoted there is what should stand in the file, not what does. */
static size_t claim_length(const char *text)
{
	static const char *const ends[] = {
		"; example:",    "; did you mean", "did you mean",    "; allowed",
		" allowed here", "allowed keys:",  "; fields of",     "; sources of",
		"; outputs of",  "; known:",       "; numeric fields"};
	size_t length = strlen(text);

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		const char *end = strstr(text, ends[i]);

		if (end != NULL && (size_t)(end - text) < length)
			length = (size_t)(end - text);
	}
	return length;
}

/* A text that the finding quotes. */
struct quote {
	const char *text;
	size_t length;
};

/** The next "…", '…' or `…` at or after `*at`. */
static bool next_quote(const char **at, const char *end, struct quote *quote)
{
	for (const char *open = *at; open < end; open++) {
		const char *close;

		/* An apostrophe inside a word opens nothing: rule's. */
		if (strchr("\"'`", *open) == NULL || (open > *at && is_word_byte(open[-1])))
			continue;
		close = memchr(open + 1, *open, (size_t)(end - open - 1));
		if (close == NULL)
			continue;
		*quote = (struct quote){open + 1, (size_t)(close - open - 1)};
		*at = close + 1;
		return true;
	}
	return false;
}

static bool find_quoted(struct check_place *place, const char *from, const char *end)
{
	struct quote quote;

	while (next_quote(&from, end, &quote))
		if (find_word(place, 0, quote.text, quote.length))
			return true;
	return false;
}

/** `found the string "7s"`, `found the number 60`, `found "x"`. */
static bool find_found(struct check_place *place, const char *text, const char *end)
{
	const char *found = strstr(text, "found ");
	const char *number;

	if (found == NULL || found >= end)
		return false;
	if (find_quoted(place, found, end))
		return true;
	number = strstr(found, "number ");
	if (number != NULL && number < end) {
		number += strlen("number ");
		return find_word(place, 0, number, strspn(number, "+-.0123456789eEx"));
	}
	return false;
}

/** "filter: column 8: …" counts bytes of the expression, from 1. */
static bool find_column(struct check_place *place, const char *text)
{
	const char *column = strstr(text, "filter: column ");
	struct check_place key = *place;
	size_t at, quote;

	if (column == NULL || !find_word(&key, 0, "filter", strlen("filter")))
		return false;
	at = strtoul(column + strlen("filter: column "), NULL, 10);
	for (quote = key.start; quote < place->line_bytes; quote++)
		if (place->line[quote] == '"' || place->line[quote] == '\'')
			break;
	at += quote;
	if (at >= place->line_bytes)
		return false;
	place->start = at;
	place->length = 1;
	while (at + place->length < place->line_bytes && is_word_byte(place->line[at]) &&
	       is_word_byte(place->line[at + place->length]))
		place->length++;
	return true;
}

/** "rule.count needs …", "timeout of the plan …": a word of the claim that is on the line. */
static bool find_named(struct check_place *place, const char *text, const char *end)
{
	while (text < end) {
		size_t length = strcspn(text, " :;,()\"");

		if (text + length > end)
			length = (size_t)(end - text);
		if (length >= 4 && memchr(text, '.', length) != NULL &&
		    find_word(place, 0, text, length))
			return true;
		text += length + 1;
	}
	return false;
}

static void take_first_word(struct check_place *place)
{
	size_t at = 0;

	while (at < place->line_bytes && isspace((unsigned char)place->line[at]))
		at++;
	place->start = at;
	place->length = 0;
	while (at + place->length < place->line_bytes &&
	       is_word_byte(place->line[at + place->length]))
		place->length++;
	if (place->length == 0 && at < place->line_bytes)
		place->length = 1;
}

static int count_points(const char *text, size_t bytes)
{
	int count = 0;

	for (size_t i = 0; i < bytes; i++)
		count += ((unsigned char)text[i] & 0xC0) != 0x80;
	return count;
}

static bool find_line(struct check_place *place, const char *source, int line)
{
	const char *end;

	for (int i = 1; source != NULL && i < line; i++) {
		source = strchr(source, '\n');
		source = source != NULL ? source + 1 : NULL;
	}
	if (source == NULL || line < 1)
		return false;
	end = strchrnul(source, '\n');
	if (end > source && end[-1] == '\r')
		end--;
	place->line = source;
	place->line_bytes = (size_t)(end - source);
	return true;
}

struct check_place check_place_find(const char *source, int line, const char *text)
{
	struct check_place place = {0};
	const char *end = text + claim_length(text);

	if (!find_line(&place, source, line))
		return place;
	if (!find_column(&place, text) && !find_found(&place, text, end) &&
	    !find_quoted(&place, text, end) && !find_named(&place, text, end))
		take_first_word(&place);
	place.column = 1 + count_points(place.line, place.start);
	place.end_column = place.column + count_points(place.line + place.start, place.length);
	return place;
}

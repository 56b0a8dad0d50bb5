/* A TZif file (RFC 8536): a block with 32-bit times for old readers, then the same with 64-bit
 * times and the rule string. Version 1 files have the first block only.
 *
 *     header 44 bytes: "TZif" version 15 x 0, counts isut isstd leap time type char (be32 each)
 *     times[time] type_of_time[time] types[type] = {be32 offset, u8 dst, u8 name} names[char]
 *     leap seconds[leap], isstd[], isut[]     |  "\n" rule "\n"  (version 2 and later)
 */
#include "core/model/zone.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "core/base/env.h"
#include "core/base/mem.h"
#include "core/model/timestamp.h"
#include "core/model/zone_internal.h"

#define ZONE_FOLDER "/usr/share/zoneinfo/"

enum {
	ZONE_NAME_BYTES_MAX = 64,
	ZONE_FILE_BYTES_MAX = 65536,
	ZONE_TIMES_MAX = 2048,
	ZONE_TYPES_MAX = 256,
	ZONE_OFFSET_S_MAX = 26 * 3600,
};

struct zone {
	int64_t *times_s;   /* transitions, strictly increasing */
	int32_t *offsets_s; /* offsets_s[i] holds from times_s[i] on */
	uint32_t count;
	int32_t first_offset_s; /* before times_s[0] */
	bool has_rule;
	struct zone_rule rule; /* after the last transition */
};

struct zone_header {
	unsigned version;
	uint32_t isut_count, isstd_count, leap_count, time_count, type_count, char_count;
};

static int header_read(struct byte_reader *reader, struct zone_header *out)
{
	struct slice magic = byte_reader_bytes(reader, 4);

	out->version = byte_reader_u8(reader);
	byte_reader_bytes(reader, 15);
	out->isut_count = byte_reader_be32(reader);
	out->isstd_count = byte_reader_be32(reader);
	out->leap_count = byte_reader_be32(reader);
	out->time_count = byte_reader_be32(reader);
	out->type_count = byte_reader_be32(reader);
	out->char_count = byte_reader_be32(reader);
	if (reader->has_failed || !slice_equal(magic, SLICE_LITERAL("TZif")))
		return ERR_CORRUPT;
	if (out->time_count > ZONE_TIMES_MAX || out->type_count > ZONE_TYPES_MAX ||
	    out->type_count == 0 || out->char_count > ZONE_FILE_BYTES_MAX ||
	    out->leap_count > ZONE_TIMES_MAX || out->isut_count > ZONE_TYPES_MAX ||
	    out->isstd_count > ZONE_TYPES_MAX)
		return ERR_CORRUPT;
	return 0;
}

/* Bytes of a block behind its types. */
static size_t tail_bytes(const struct zone_header *header, size_t time_bytes)
{
	return header->char_count + header->leap_count * (time_bytes + 4) + header->isstd_count +
	       header->isut_count;
}

static void block_skip(struct byte_reader *reader, const struct zone_header *header)
{
	byte_reader_bytes(reader, (size_t)header->time_count * 5 + (size_t)header->type_count * 6 +
					  tail_bytes(header, 4));
}

static int block_read(struct zone *zone, struct byte_reader *reader,
		      const struct zone_header *header, size_t time_bytes)
{
	int32_t type_offsets_s[ZONE_TYPES_MAX];

	zone->count = header->time_count;
	zone->times_s = mem_alloc_array(zone->count, sizeof(*zone->times_s));
	zone->offsets_s = mem_alloc_array(zone->count, sizeof(*zone->offsets_s));
	for (uint32_t i = 0; i < zone->count; i++) {
		zone->times_s[i] = time_bytes == 8 ? (int64_t)byte_reader_be64(reader)
						   : (int32_t)byte_reader_be32(reader);
		if (i > 0 && zone->times_s[i] <= zone->times_s[i - 1])
			return ERR_CORRUPT;
	}
	struct slice type_of_time = byte_reader_bytes(reader, zone->count);
	for (uint32_t i = 0; i < header->type_count; i++) {
		type_offsets_s[i] = (int32_t)byte_reader_be32(reader);
		byte_reader_bytes(reader, 2);
		if (type_offsets_s[i] < -ZONE_OFFSET_S_MAX || type_offsets_s[i] > ZONE_OFFSET_S_MAX)
			return ERR_CORRUPT;
	}
	byte_reader_bytes(reader, tail_bytes(header, time_bytes));
	if (reader->has_failed)
		return ERR_CORRUPT;
	for (uint32_t i = 0; i < zone->count; i++) {
		unsigned type = (unsigned char)type_of_time.data[i];

		if (type >= header->type_count)
			return ERR_CORRUPT;
		zone->offsets_s[i] = type_offsets_s[type];
	}
	zone->first_offset_s = type_offsets_s[0];
	return 0;
}

static int footer_read(struct zone *zone, struct byte_reader *reader)
{
	struct slice text = byte_reader_bytes(reader, reader->left);

	if (text.length < 2 || text.data[0] != '\n')
		return ERR_CORRUPT;
	const char *end = memchr(text.data + 1, '\n', text.length - 1);
	if (end == NULL)
		return ERR_CORRUPT;
	struct slice rule = {text.data + 1, (size_t)(end - text.data - 1)};
	if (rule.length == 0) /* nothing is known about the future: the last offset stays */
		return 0;
	zone->has_rule = true;
	return zone_rule_parse(&zone->rule, rule);
}

static int file_decode(struct zone *zone, struct slice file)
{
	struct byte_reader reader = byte_reader_of(file);
	struct zone_header header;

	if (header_read(&reader, &header) != 0)
		return ERR_CORRUPT;
	if (header.version < '2')
		return block_read(zone, &reader, &header, 4);
	block_skip(&reader, &header);
	if (header_read(&reader, &header) != 0 || block_read(zone, &reader, &header, 8) != 0)
		return ERR_CORRUPT;
	return footer_read(zone, &reader);
}

int zone_decode(struct zone **out, struct slice file, const char *name, struct err_note *why)
{
	struct zone *zone = mem_alloc(sizeof(*zone));

	if (file_decode(zone, file) != 0) {
		zone_free(zone);
		return err_set(why, ERR_CORRUPT, "the file of the zone \"%s\" is damaged", name);
	}
	*out = zone;
	return 0;
}

static bool name_is_sound(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789_+-/");

	return length > 0 && length <= ZONE_NAME_BYTES_MAX && name[length] == '\0' &&
	       name[0] != '/';
}

static int unknown_zone(const char *name, struct err_note *why)
{
	return err_set(why, ERR_NOT_FOUND,
		       "\"%.*s\" is not the name of a time zone: write it as \"Asia/Shanghai\" or "
		       "\"UTC\"",
		       ZONE_NAME_BYTES_MAX, name);
}

static int file_load(const char *name, char *room, size_t *out_length, struct err_note *why)
{
	const struct env *env = env_live();
	char path[sizeof(ZONE_FOLDER) + ZONE_NAME_BYTES_MAX];
	struct file_info info;
	size_t length = 0;
	ssize_t got = 0;
	int fd = -1;

	snprintf(path, sizeof(path), ZONE_FOLDER "%s", name);
	int code = env->ops->file_open(env->self, &fd, path, FILE_READ, why);
	if (code == ERR_NOT_FOUND)
		return unknown_zone(name, why);
	if (code != 0)
		return code;
	code = env->ops->file_info(env->self, fd, &info, why);
	if (code == 0 && !info.is_regular)
		code = unknown_zone(name, why);
	while (code == 0 && length < ZONE_FILE_BYTES_MAX) {
		got = env->ops->file_read(env->self, fd, room + length,
					  ZONE_FILE_BYTES_MAX - length, length);
		if (got <= 0)
			break;
		length += (size_t)got;
	}
	env->ops->file_close(env->self, fd);
	if (got < 0)
		return err_set(why, ERR_IO, "cannot read \"%s\"", path);
	*out_length = length;
	return code;
}

int zone_open(struct zone **out, const char *name, struct err_note *why)
{
	size_t length = 0;

	if (!name_is_sound(name))
		return unknown_zone(name, why);
	if (strcmp(name, "UTC") == 0) {
		*out = mem_alloc(sizeof(**out));
		return 0;
	}
	char *room = mem_alloc(ZONE_FILE_BYTES_MAX);
	int code = file_load(name, room, &length, why);
	if (code == 0)
		code = zone_decode(out, (struct slice){room, length}, name, why);
	mem_free(room);
	return code;
}

void zone_free(struct zone *zone)
{
	if (zone == NULL)
		return;
	mem_free(zone->times_s);
	mem_free(zone->offsets_s);
	mem_free(zone);
}

int32_t zone_offset_s(const struct zone *zone, int64_t utc_ms)
{
	int64_t utc_s = utc_ms / 1000 - (utc_ms % 1000 < 0);
	uint32_t low = 0,
		 high = zone->count; /* the first transition after utc_s is in [low, high] */

	if (zone->has_rule && (zone->count == 0 || utc_s >= zone->times_s[zone->count - 1]))
		return zone_rule_offset_s(&zone->rule, utc_s);
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (zone->times_s[middle] <= utc_s)
			low = middle + 1;
		else
			high = middle;
	}
	return low == 0 ? zone->first_offset_s : zone->offsets_s[low - 1];
}

int zone_format_compact(const struct zone *zone, int64_t utc_ms, char out[24])
{
	char text[TIMESTAMP_TEXT_BYTES_MAX];

	/* "2018-05-22T18:00:00..." of the local time as if it were UTC, without its marks. */
	timestamp_format(utc_ms + (int64_t)zone_offset_s(zone, utc_ms) * 1000, text);
	return snprintf(out, 24, "%.4s%.2s%.2s %.8s", text, text + 5, text + 8, text + 11);
}

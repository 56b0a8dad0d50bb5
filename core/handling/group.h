/** group.h - alerts that wait for one document; for the files of core/handling only. */
#ifndef TOCSIN_CORE_HANDLING_GROUP_H
#define TOCSIN_CORE_HANDLING_GROUP_H

#include "core/handling/handling_internal.h"

/** One alert that is held. */
struct held {
	struct held *next;
	uint32_t sequence;
	struct bytes key; /**< of its open alert */
	uint64_t order;   /**< of its opening: the key may have opened anew since */
	char id[ALERT_ID_BYTES];
	bool is_resolved;
	uint32_t repeat_count; /**< it was told before so often, and once; 0: it is new */
	char *severity;
	char *document;
};

struct group {
	char id[HEX_ID_BYTES]; /**< of route, output and values */
	char *route, *output, *by_json;
	int64_t wait_ms, interval_ms;
	int64_t flush_ms; /**< while something is held */
	int64_t sent_ms;  /**< of its last document, 0: none */
	struct held *first, *last;
	uint32_t held_count;
	size_t held_bytes;
	uint32_t sequence_next;
};

/* group.c: what the others call */
struct held_request {
	const char *route, *output, *by_json;
	const struct config_route *settings; /**< NULL: unknown, no further waiting */
	struct open_alert *open;
	const char *id;
	bool is_resolved;
	const char *document;
	uint32_t repeat_count; /**< 0: it is new */
};
/** False: too many groups; send it by itself. */
bool group_hold(struct handling *handling, const struct held_request *request, int64_t now_ms);
/** The alert goes another way to this output from here on: what is held of it is sent before. */
void group_leave(struct handling *handling, const struct open_alert *open, const struct told *told,
		 int64_t now_ms);
/** The alert opened anew in the turn in which it resolved, and goes to this output by this way now:
 *  its resolve must not come after. */
void group_send_former(struct handling *handling, const struct open_alert *open, const char *output,
		       const char *route, const char *by_json, int64_t now_ms);
void groups_send_due(struct handling *handling, bool is_all_due, int64_t now_ms);
int64_t groups_next_ms(const struct handling *handling);
int groups_load(struct handling *handling, struct err_note *why);
void groups_free(struct handling *handling);

/* group.c and group_row.c */
void group_id_of(const char *route, const char *output, const char *by_json, char id[HEX_ID_BYTES]);
void group_append(struct handling *handling, struct group *group, struct held *held);
void held_free(struct held *held);
/** NULL: it has resolved. */
struct open_alert *held_find(const struct handling *handling, const struct held *held);
/** Everything that is held, in one document; nothing is left. */
void group_send(struct handling *handling, struct group *group, int64_t now_ms);

void group_key(struct bytes *key, const char *id);
void held_key(struct bytes *key, const char *id, uint32_t sequence);
void group_save(struct handling *handling, const struct group *group);
void held_save(struct handling *handling, const struct group *group, const struct held *held);
/** The document, and its id: the same alerts give the same one. */
void group_append_document(struct handling *handling, const struct group *group,
			   char id[HEX_ID_BYTES], struct bytes *out);

#endif

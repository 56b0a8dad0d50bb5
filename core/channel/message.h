/** message.h - what people are told: written by whoever has news, read by the sending channel.
 *
 *  A message is one row of the outbox: a line of JSON. A channel also reads the rows that were not
 *  made for it: documents of alerts (keys in either language), groups of them, a plan's
 *  notify.send, and any other text.
 *  Owner: message_fields_new() result owned; its texts are borrowed from it.
 *  Every text is UTF-8 without control characters other than line end and tab.
 */
#ifndef TOCSIN_CORE_CHANNEL_MESSAGE_H
#define TOCSIN_CORE_CHANNEL_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct message_fields;

/** What happened. Each has wordings in both languages; any other event uses those of "notice". */
#define MESSAGE_EVENT_LIST(X)                                                                      \
	X(candidate)                                                                               \
	X(opened)                                                                                  \
	X(acked)                                                                                   \
	X(unacked)                                                                                 \
	X(raised)                                                                                  \
	X(escalated)                                                                               \
	X(handling)                                                                                \
	X(mitigated)                                                                               \
	X(resolved)                                                                                \
	X(reopened)                                                                                \
	X(closed)                                                                                  \
	X(cancelled)                                                                               \
	X(merged)                                                                                  \
	X(plan)                                                                                    \
	X(ask)                                                                                     \
	X(alert)                                                                                   \
	X(alerts)                                                                                  \
	X(test)                                                                                    \
	X(notice)

/** What a template may name; also `incident.X`, `alert.X` and `labels.X`. */
#define MESSAGE_FIELD_LIST(X)                                                                      \
	X(event)                                                                                   \
	X(id)                                                                                      \
	X(title)                                                                                   \
	X(text)                                                                                    \
	X(url)                                                                                     \
	X(recipient)                                                                               \
	X(badge)                                                                                   \
	X(severity)                                                                                \
	X(priority)                                                                                \
	X(state)                                                                                   \
	X(state_en)                                                                                \
	X(state_zh)                                                                                \
	X(incident)                                                                                \
	X(rule)                                                                                    \
	X(category)                                                                                \
	X(key)                                                                                     \
	X(value)                                                                                   \
	X(threshold)                                                                               \
	X(count)                                                                                   \
	X(window)                                                                                  \
	X(time)                                                                                    \
	X(owner)                                                                                   \
	X(alert_count)

/** News, as its maker has it. NULL: not known. */
struct message {
	const char *event;     /**< of MESSAGE_EVENT_LIST */
	const char *language;  /**< "en", "zh"; NULL: the output's */
	const char *title;     /**< NULL: the incident's or alert's */
	const char *text;      /**< what a person should read; may have lines */
	const char *url;       /**< where to look or answer */
	const char *recipient; /**< address in the channel: "+86…", "a@b.c"; NULL: everybody */
	const char *incident_json; /**< an object, as incident_append_json() writes it */
	const char *alert_json;    /**< an object: an alert's document */
};

/** Appends the row of the message, without line end. Bytes that are not UTF-8 become U+FFFD. */
void message_append_row(const struct message *message, struct bytes *out);

/** Never fails: a row that is no known JSON is the text of a notice. */
struct message_fields *message_fields_new(struct slice row, const char *id);
void message_fields_free(struct message_fields *fields);
/** The same message with another text and recipient; owned. */
struct message_fields *message_fields_with(const struct message_fields *fields, const char *text,
					   const char *recipient);
/** "" when the message does not have it. */
const char *message_field(const struct message_fields *fields, const char *name);
/** NULL when the message leaves it to the output. */
const char *message_language(const struct message_fields *fields);
/** 0: of none. */
uint64_t message_incident(const struct message_fields *fields);

/** A page for one person (core/paging): a message of its own, which edits none. */
bool message_is_page(const struct message_fields *fields);

bool message_is_event(const char *name);
bool message_is_field(const char *name);

#endif

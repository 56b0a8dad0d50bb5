#include "core/channel/message.h"

#include "core/base/utf8.h"

#include <string.h>

static const char *const events[] = {
#define EVENT_NAME(name) #name,
	MESSAGE_EVENT_LIST(EVENT_NAME)
#undef EVENT_NAME
};

static const char *const field_names[] = {
#define FIELD_NAME(name) #name,
	MESSAGE_FIELD_LIST(FIELD_NAME)
#undef FIELD_NAME
};

bool message_is_event(const char *name)
{
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (strcmp(events[i], name) == 0)
			return true;
	return false;
}

bool message_is_field(const char *name)
{
	static const char *const nested[] = {"incident.", "alert.", "labels."};

	for (size_t i = 0; i < sizeof(nested) / sizeof(nested[0]); i++)
		if (strncmp(name, nested[i], strlen(nested[i])) == 0)
			return name[strlen(nested[i])] != '\0';
	for (size_t i = 0; i < sizeof(field_names) / sizeof(field_names[0]); i++)
		if (strcmp(field_names[i], name) == 0)
			return true;
	return false;
}

static void append_text(struct bytes *out, const char *key, const char *text)
{
	if (text == NULL)
		return;
	bytes_append_format(out, ",\"%s\":", key);
	utf8_append_json(out, slice_of(text));
}

static void append_object(struct bytes *out, const char *key, const char *json)
{
	if (json != NULL)
		bytes_append_format(out, ",\"%s\":%s", key, json);
}

void message_append_row(const struct message *message, struct bytes *out)
{
	bytes_append_text(out, "{\"event\":");
	utf8_append_json(out, slice_of(message->event));
	append_text(out, "language", message->language);
	append_text(out, "title", message->title);
	append_text(out, "text", message->text);
	append_text(out, "url", message->url);
	append_text(out, "recipient", message->recipient);
	append_object(out, "incident", message->incident_json);
	append_object(out, "alert", message->alert_json);
	bytes_append_char(out, '}');
}

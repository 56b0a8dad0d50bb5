#include "core/model/schema.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/base/require.h"

static const char *const type_names[] = {
#define FIELD_TEXT(name, text) [FIELD_##name] = text,
	FIELD_TYPE_LIST(FIELD_TEXT)
#undef FIELD_TEXT
};

void schema_init(struct schema *schema)
{
	*schema = (struct schema){.time_field = mem_copy_text("time")};
}

void schema_deinit(struct schema *schema)
{
	for (uint32_t i = 0; i < schema->field_count; i++)
		mem_free(schema->fields[i].name);
	mem_free(schema->fields);
	mem_free(schema->time_field);
	*schema = (struct schema){0};
}

void schema_add(struct schema *schema, const char *name, enum field_type type)
{
	for (uint32_t i = 0; i < schema->field_count; i++) {
		if (strcmp(schema->fields[i].name, name) == 0) {
			schema->fields[i].type = type;
			return;
		}
	}
	REQUIRE(schema->field_count < SCHEMA_FIELDS_MAX);
	REQUIRE(strlen(name) < FIELD_NAME_BYTES_MAX);
	schema->fields =
		mem_grow(schema->fields, schema->field_count + 1u, sizeof(*schema->fields));
	schema->fields[schema->field_count++] = (struct field){mem_copy_text(name), type};
}

const struct field *schema_find(const struct schema *schema, const char *name)
{
	for (uint32_t i = 0; i < schema->field_count; i++)
		if (strcmp(schema->fields[i].name, name) == 0)
			return &schema->fields[i];
	return NULL;
}

const char *field_type_name(enum field_type type)
{
	return type_names[type];
}

bool field_type_is_numeric(enum field_type type)
{
	switch (type) {
	case FIELD_ANY:
	case FIELD_INT:
	case FIELD_FLOAT: return true;
	case FIELD_STRING:
	case FIELD_BOOL:
	case FIELD_TIME: return false;
	}
	return false;
}

int field_type_parse(const char *text)
{
	for (size_t i = 0; i < sizeof(type_names) / sizeof(type_names[0]); i++)
		if (strcmp(text, type_names[i]) == 0)
			return (int)i;
	return -1;
}

/** schema.h - the fields of a source: names and types. The type of a field that is not declared is
 *  that of each value. Declared types coerce: an int where float is declared is a float; a quoted
 *  number is not a number; a value that cannot be its declared type is nil, counted (`mistyped`).
 */
#ifndef TOCSIN_CORE_MODEL_SCHEMA_H
#define TOCSIN_CORE_MODEL_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIELD_TYPE_LIST(X)                                                                         \
	X(ANY, "any")                                                                              \
	X(STRING, "string")                                                                        \
	X(INT, "int")                                                                              \
	X(FLOAT, "float")                                                                          \
	X(BOOL, "bool")                                                                            \
	X(TIME, "time")

enum field_type {
#define FIELD_ENUM(name, text) FIELD_##name,
	FIELD_TYPE_LIST(FIELD_ENUM)
#undef FIELD_ENUM
};

enum { SCHEMA_FIELDS_MAX = 256, FIELD_NAME_BYTES_MAX = 128 };

struct field {
	char *name; /**< dotted for nested: "customer.city" */
	enum field_type type;
};

struct schema {
	struct field *fields;
	uint32_t field_count;
	char *time_field; /**< "time" by default */
	bool is_closed;   /**< fields are declared: an undeclared name in a rule is an error */
};

void schema_init(struct schema *schema);
void schema_deinit(struct schema *schema);
/** A name already there gets the new type. The caller has checked both limits. */
void schema_add(struct schema *schema, const char *name, enum field_type type);
const struct field *schema_find(const struct schema *schema, const char *name); /**< or NULL */
const char *field_type_name(enum field_type type);
bool field_type_is_numeric(enum field_type type); /**< can hold a number: ANY too */
int field_type_parse(const char *text);           /**< enum field_type or -1 */

#endif

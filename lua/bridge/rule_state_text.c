/* Bytes of a state (rule_state_lua.c) as text, for people. */
#include "core/base/number.h"
#include "core/base/utf8.h"
#include "core/base/varint.h"
#include "lua/bridge/rule_state_lua.h"

#include <string.h>

struct printing {
	struct byte_reader reader;
	struct bytes *out;
	size_t bytes_max; /**< of `out`; behind them nothing more is read */
};

static void print_number(struct printing *printing)
{
	uint64_t bits = byte_reader_be64(&printing->reader);
	char text[NUMBER_TEXT_BYTES_MAX];
	double number;

	memcpy(&number, &bits, sizeof(number));
	number_format(number, text);
	bytes_append_text(printing->out, text);
}

static bool goes_on(const struct printing *printing)
{
	return !printing->reader.has_failed && printing->out->length <= printing->bytes_max;
}

static void print_item(struct printing *printing, uint8_t tag, int depth)
{
	struct slice text;

	switch (tag) {
	case RULE_STATE_FALSE: bytes_append_text(printing->out, "false"); return;
	case RULE_STATE_TRUE: bytes_append_text(printing->out, "true"); return;
	case RULE_STATE_NUMBER: print_number(printing); return;
	case RULE_STATE_TEXT:
		text = byte_reader_bytes(&printing->reader, (size_t)varint_read(&printing->reader));
		if (text.length > printing->bytes_max)
			text.length = printing->bytes_max;
		utf8_append_json(printing->out, text);
		return;
	case RULE_STATE_TABLE: break;
	default: printing->reader.has_failed = true; return;
	}
	if (depth > RULE_STATE_DEPTH_MAX) {
		printing->reader.has_failed = true;
		return;
	}
	bytes_append_char(printing->out, '{');
	for (bool is_first = true; goes_on(printing); is_first = false) {
		tag = byte_reader_u8(&printing->reader);
		if (tag == RULE_STATE_END)
			break;
		if (!is_first)
			bytes_append_text(printing->out, ", ");
		print_item(printing, tag, depth + 1);
		bytes_append_text(printing->out, ": ");
		print_item(printing, byte_reader_u8(&printing->reader), depth + 1);
	}
	bytes_append_char(printing->out, '}');
}

void rule_state_print(struct slice state, struct bytes *out, size_t bytes_max)
{
	struct printing printing = {byte_reader_of(state), out, out->length + bytes_max};

	if (state.length > 0)
		print_item(&printing, byte_reader_u8(&printing.reader), 1);
	if (out->length <= printing.bytes_max)
		return;
	/* A character has up to three bytes after its first. */
	out->length = printing.bytes_max;
	for (int i = 0; i < 3 && ((unsigned char)out->data[out->length] & 0xc0) == 0x80; i++)
		out->length--;
	bytes_append_text(out, "…");
}

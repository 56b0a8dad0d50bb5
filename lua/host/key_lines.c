#include "lua/host/key_lines.h"

#include "core/base/mem.h"
#include "lua/host/lua_lexer.h"

#include <string.h>

enum { PATH_SEPARATOR = '\x1f' };

struct reader {
	struct lua_lexer lexer;
	struct key_lines *out;
	char path[KEY_PATH_BYTES_MAX];
	size_t path_length;
	int depth;
};

static bool is_sign(const struct lua_lexer *lexer, char sign)
{
	return lexer->token == LUA_TOKEN_SIGN && lexer->sign == sign;
}

static bool is_word(const struct lua_lexer *lexer, const char *word)
{
	return lexer->token == LUA_TOKEN_NAME && slice_equal(lexer->text, slice_of(word));
}

/* How a word changes the nesting of blocks: `for` and `while` are counted by their `do`. */
static int block_change(const struct lua_lexer *lexer)
{
	if (is_word(lexer, "function") || is_word(lexer, "do") || is_word(lexer, "if") ||
	    is_word(lexer, "repeat"))
		return 1;
	if (is_word(lexer, "end") || is_word(lexer, "until"))
		return -1;
	return 0;
}

size_t key_path_append(char *path, size_t length, const char *part)
{
	size_t part_length = strlen(part);
	size_t separator = length > 0;

	if (length + separator + part_length + 1 > KEY_PATH_BYTES_MAX)
		return length;
	if (separator)
		path[length] = PATH_SEPARATOR;
	memcpy(path + length + separator, part, part_length + 1);
	return length + separator + part_length;
}

static void note_line(struct key_lines *out, const char *path, int line)
{
	bool is_new;
	uint32_t id;

	if (out->paths.count >= KEY_LINES_MAX)
		return;
	id = key_table_put(&out->paths, slice_of(path), &is_new);
	if (id >= out->capacity) {
		out->capacity = out->capacity ? 2 * out->capacity : 64;
		out->lines = mem_grow(out->lines, out->capacity, sizeof(*out->lines));
	}
	out->lines[id] = line;
}

/* Skips an expression up to the `,` `;` or `}` that ends it. */
static void skip_value(struct reader *reader)
{
	int nesting = 0, blocks = 0;

	for (; reader->lexer.token != LUA_TOKEN_END; lua_lexer_next(&reader->lexer)) {
		const struct lua_lexer *lexer = &reader->lexer;

		if (nesting == 0 && blocks == 0 &&
		    (is_sign(lexer, ',') || is_sign(lexer, ';') || is_sign(lexer, '}')))
			return;
		blocks += block_change(lexer);
		if (lexer->token != LUA_TOKEN_SIGN)
			continue;
		nesting += lexer->sign == '(' || lexer->sign == '{' || lexer->sign == '[';
		nesting -= lexer->sign == ')' || lexer->sign == '}' || lexer->sign == ']';
	}
}

/* `name =` or `["text"] =` or `[1] =`: true, and the lexer stands on the value. */
static bool read_key(struct reader *reader, char *key, size_t key_bytes)
{
	struct lua_lexer before = reader->lexer;
	bool is_bracketed = is_sign(&reader->lexer, '[');

	if (is_bracketed)
		lua_lexer_next(&reader->lexer);
	if (reader->lexer.token == LUA_TOKEN_NAME ||
	    (is_bracketed && (reader->lexer.token == LUA_TOKEN_STRING ||
			      reader->lexer.token == LUA_TOKEN_NUMBER))) {
		snprintf(key, key_bytes, "%.*s", (int)reader->lexer.text.length,
			 reader->lexer.text.data);
		lua_lexer_next(&reader->lexer);
		if (is_bracketed && is_sign(&reader->lexer, ']'))
			lua_lexer_next(&reader->lexer);
		if (is_sign(&reader->lexer, '=')) {
			lua_lexer_next(&reader->lexer);
			return true;
		}
	}
	reader->lexer = before;
	return false;
}

/* The lexer stands behind the opening brace; afterwards behind the closing one. */
static void read_table(struct reader *reader)
{
	int item = 0;

	while (reader->lexer.token != LUA_TOKEN_END && !is_sign(&reader->lexer, '}')) {
		size_t length = reader->path_length;
		int line = reader->lexer.line;
		char key[256];

		if (!read_key(reader, key, sizeof(key)))
			snprintf(key, sizeof(key), "%d", ++item);
		reader->path_length = key_path_append(reader->path, length, key);
		note_line(reader->out, reader->path, line);
		if (is_sign(&reader->lexer, '{') && reader->depth < KEY_DEPTH_MAX) {
			lua_lexer_next(&reader->lexer);
			reader->depth++;
			read_table(reader);
			reader->depth--;
		}
		skip_value(reader);
		reader->path_length = length;
		reader->path[length] = '\0';
		if (!is_sign(&reader->lexer, '}'))
			lua_lexer_next(&reader->lexer);
	}
	lua_lexer_next(&reader->lexer);
}

void key_lines_read(struct key_lines *out, const char *text, size_t length)
{
	struct reader reader = {.lexer = lua_lexer_of(text, length), .out = out};
	int blocks = 0;

	memset(out, 0, sizeof(*out));
	key_table_init(&out->paths, 0);
	out->root_line = 1;
	lua_lexer_next(&reader.lexer);
	while (reader.lexer.token != LUA_TOKEN_END) {
		if (blocks == 0 && is_word(&reader.lexer, "return"))
			break;
		blocks += block_change(&reader.lexer);
		lua_lexer_next(&reader.lexer);
	}
	if (reader.lexer.token == LUA_TOKEN_END)
		return;
	out->root_line = reader.lexer.line;
	/* `return {`, `return rule.group {`, `return rule.group({` */
	lua_lexer_next(&reader.lexer);
	while (reader.lexer.token == LUA_TOKEN_NAME || is_sign(&reader.lexer, '.') ||
	       is_sign(&reader.lexer, '('))
		lua_lexer_next(&reader.lexer);
	if (!is_sign(&reader.lexer, '{'))
		return;
	lua_lexer_next(&reader.lexer);
	read_table(&reader);
}

void key_lines_deinit(struct key_lines *lines)
{
	key_table_deinit(&lines->paths);
	mem_free(lines->lines);
	memset(lines, 0, sizeof(*lines));
}

int key_lines_find(const struct key_lines *lines, const char *path)
{
	uint32_t id = key_table_find(&lines->paths, slice_of(path));

	return id == KEY_TABLE_NONE ? 0 : lines->lines[id];
}

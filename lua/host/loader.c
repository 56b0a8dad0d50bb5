#include "lua/host/loader.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/config/tree.h"
#include "lua/host/call.h"
#include "lua/host/convert.h"
#include "lua/host/generation.h"
#include "lua/host/key_lines.h"
#include "lua/host/lua_lexer.h"
#include "lua/host/sandbox.h"
#include "lua/host/state.h"

#include <lauxlib.h>
#include <lua.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static const char result_key;

int loader_read_file(const char *path, char **out, size_t *out_bytes, struct err_note *why)
{
	/* A pipe or a device under this name must not block the loop. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	FILE *file = fd >= 0 ? fdopen(fd, "rb") : NULL;
	struct stat info;
	char *text;
	size_t length;
	int code = 0;

	if (!file)
		return err_errno(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno, "opening %s",
				 path);
	if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
		fclose(file);
		return err_set(why, ERR_INVALID, "this is not a regular file");
	}
	/* One byte more than allowed, so that a file that is too long shows itself. */
	text = mem_alloc(SITE_FILE_BYTES_MAX + 2);
	length = fread(text, 1, SITE_FILE_BYTES_MAX + 1, file);
	if (ferror(file))
		code = err_errno(why, ERR_IO, errno, "reading %s", path);
	else if (length > SITE_FILE_BYTES_MAX)
		code = err_set(why, ERR_RANGE, "the file is longer than %d bytes",
			       SITE_FILE_BYTES_MAX);
	fclose(file);
	if (code != 0) {
		mem_free(text);
		return code;
	}
	text[length] = '\0';
	*out = mem_grow(text, length + 1, 1);
	*out_bytes = length;
	return 0;
}

/* Line of the first byte that is not UTF-8, or 0. */
static int find_bad_utf8(const char *text, size_t length)
{
	int line = 1;

	for (size_t i = 0; i < length;) {
		size_t sequence = utf8_length(text + i, length - i);

		if (sequence == 0)
			return line;
		line += text[i] == '\n';
		i += sequence;
	}
	return 0;
}

/* "rules/x/1.lua:7: text" -> 7, and the note keeps the text only; 0 for a place outside the file.
 * */
static int split_line(struct err_note *why)
{
	char *colon = strstr(why->text, ".lua:"), *end;
	long line;

	if (!colon || !isdigit((unsigned char)colon[5]))
		return 0;
	line = strtol(colon + 5, &end, 10);
	if (strncmp(end, ": ", 2) != 0)
		return 0;
	memmove(why->text, end + 2, strlen(end + 2) + 1);
	return (int)line;
}

static int fault_line(enum script_end end, const struct script_state *state, int table_line,
		      struct err_note *why)
{
	const char *colon = strrchr(state->budget.where, ':');
	int line;

	switch (end) {
	case SCRIPT_DONE:
	case SCRIPT_BAD_RESULT: return table_line;
	case SCRIPT_RAISED:
		/* A tail call, `return rule.count(5)`, leaves no place in the message. */
		line = split_line(why);
		return line > 0 ? line : table_line;
	case SCRIPT_OVER_TIME:
	case SCRIPT_OVER_MEMORY:
		err_prefix(why, "loading the file");
		return colon ? (int)strtol(colon + 1, NULL, 10) : 0;
	}
	return 0;
}

struct body {
	const char *text;
	size_t length;
	const char *name;
	struct arena *arena;
	struct key_lines lines;
	struct loaded *out;
	int line;
};

static void push_body(lua_State *lua, void *arg)
{
	const struct body *body = arg;

	lua_pushfstring(lua, "@%s", body->name);
	if (luaL_loadbufferx(lua, body->text, body->length, lua_tostring(lua, -1), "t") != 0)
		lua_error(lua);
	lua_remove(lua, -2);
	sandbox_enter(lua);
}

static int take_body(lua_State *lua, int first, void *arg, struct err_note *why)
{
	struct body *body = arg;
	const char *tag;

	if (lua_gettop(lua) < first || !lua_istable(lua, first))
		return err_set(why, ERR_INVALID, "the file must return one table, not %s",
			       lua_gettop(lua) < first ? "nothing" : luaL_typename(lua, first));
	tag = sandbox_tag_of(lua, first);
	body->out->tag = tag ? arena_copy_text(body->arena, tag) : NULL;
	lua_pushlightuserdata(lua, (void *)(uintptr_t)&result_key);
	lua_pushvalue(lua, first);
	lua_rawset(lua, LUA_REGISTRYINDEX);
	return convert_to_tree(lua, first, body->arena, &body->lines, body->lines.root_line,
			       &body->out->tree, &body->line, why);
}

void loader_push_field(lua_State *lua, const char *name)
{
	lua_pushlightuserdata(lua, (void *)(uintptr_t)&result_key);
	lua_rawget(lua, LUA_REGISTRYINDEX);
	lua_pushstring(lua, name);
	lua_rawget(lua, -2);
	lua_remove(lua, -2);
}

static int line_of(const char *text, const char *place)
{
	int line = 1;

	for (; text < place; text++)
		line += *text == '\n';
	return line;
}

/* LuaJIT's parser walks the whole chain of jumps for every jump it adds, in one C call that nothing
 * ends: 60,000 `elseif` take seconds. Line of the first word past the limit, or 0. */
static int find_too_many_jumps(const char *text, size_t length)
{
	static const char *const words[] = {"and", "break", "elseif", "goto", "or"};
	struct lua_lexer lexer = lua_lexer_of(text, length);
	uint32_t count = 0;

	for (lua_lexer_next(&lexer); lexer.token != LUA_TOKEN_END; lua_lexer_next(&lexer)) {
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			count += lexer.token == LUA_TOKEN_NAME &&
				 slice_equal(lexer.text, slice_of(words[i]));
		if (count > LOADER_JUMPS_MAX)
			return lexer.line;
	}
	return 0;
}

static int check_text(const char *text, size_t length, int *line, struct err_note *why)
{
	const char *zero = length > 0 ? memchr(text, '\0', length) : NULL;

	*line = 0;
	if (length > 0 && text[0] == 27)
		return err_set(why, ERR_INVALID,
			       "this is compiled bytecode; only Lua source text is allowed");
	*line = find_bad_utf8(text, length);
	if (*line > 0)
		return err_set(why, ERR_INVALID, "the text is not valid UTF-8");
	/* Kept sources are texts that end at a zero byte. */
	if (zero) {
		*line = line_of(text, zero);
		return err_set(why, ERR_INVALID, "the text has a zero byte");
	}
	*line = find_too_many_jumps(text, length);
	if (*line > 0)
		return err_set(why, ERR_RANGE,
			       "the file has more than %d of the words and, or, elseif, break "
			       "and goto",
			       LOADER_JUMPS_MAX);
	return 0;
}

int loader_run(struct loaded *out, const char *name, const char *text, size_t length,
	       const struct script_limits *limits, struct arena *arena, int *line,
	       struct err_note *why)
{
	struct script_limits load_limits = *limits;
	struct body body = {
		.text = text, .length = length, .name = name, .arena = arena, .out = out};
	struct script_call call = {.function = "load",
				   .push = push_body,
				   .take = take_body,
				   .arg = &body,
				   .has_plain_note = true};
	enum script_end end;
	int code = check_text(text, length, line, why);

	*out = (struct loaded){0};
	if (code != 0)
		return code;
	if (load_limits.cpu_ms < SCRIPT_LOAD_MS)
		load_limits.cpu_ms = SCRIPT_LOAD_MS;
	code = script_state_new(&out->state, name, &load_limits, why);
	if (code != 0)
		return code;
	key_lines_read(&body.lines, text, length);
	body.line = body.lines.root_line;
	call.state = out->state;
	end = script_call(&call, why);
	out->root_line = body.lines.root_line;
	key_lines_deinit(&body.lines);
	out->state->limits = *limits;
	if (end == SCRIPT_DONE)
		return 0;
	*line = fault_line(end, out->state, body.line, why);
	loaded_deinit(out);
	return script_end_code(end);
}

void loaded_deinit(struct loaded *loaded)
{
	script_state_free(loaded->state);
	loaded->state = NULL;
}

#include "core/plan/group_request.h"

#include "core/base/mem.h"
#include "core/config/config_actions.h"
#include "core/plan/fill.h"
#include "core/plan/plan_json.h"

/* `body` NULL: a GET. */
struct shape {
	const char *path, *body;
};

static const struct shape wecom[] = {
	[GROUP_TOKEN] = {"/cgi-bin/gettoken?corpid={app}&corpsecret={secret}", NULL},
	[GROUP_CREATE] = {"/cgi-bin/appchat/create?access_token={token}",
			  "{\"name\":\"{name}\",\"owner\":\"{owner}\",\"userlist\":\"{users}\","
			  "\"chatid\":\"{key}\"}"},
	[GROUP_LOOK] = {"/cgi-bin/appchat/get?access_token={token}&chatid={key}", NULL},
	[GROUP_GREET] = {"/cgi-bin/appchat/send?access_token={token}",
			 "{\"chatid\":\"{chat}\",\"msgtype\":\"text\",\"text\":{\"content\":"
			 "\"{text}\"},\"safe\":0}"},
};

static const struct shape feishu[] = {
	[GROUP_TOKEN] = {"/open-apis/auth/v3/tenant_access_token/internal",
			 "{\"app_id\":\"{app}\",\"app_secret\":\"{secret}\"}"},
	[GROUP_CREATE] = {"/open-apis/im/v1/chats?user_id_type=open_id&uuid={key}",
			  "{\"name\":\"{name}\",\"owner_id\":\"{owner}\",\"user_id_list\":"
			  "\"{users}\"}"},
	[GROUP_LOOK] = {"", NULL},
	[GROUP_GREET] = {"/open-apis/im/v1/messages?receive_id_type=chat_id",
			 "{\"receive_id\":\"{chat}\",\"msg_type\":\"text\",\"content\":"
			 "\"{content}\",\"uuid\":\"{key}\"}"},
};

void group_make_request(const struct group_ask *ask, const json_t *names, struct group_request *out)
{
	const struct shape *shape =
		ask->group->is_feishu ? &feishu[ask->stage] : &wecom[ask->stage];
	const char *token = json_string_value(json_object_get(names, "token"));
	json_t *content = json_pack("{s:O}", "text", json_object_get(names, "text"));
	char *content_text = plan_json_text(content);
	json_t *all = json_copy((json_t *)(uintptr_t)names);
	*out = (struct group_request){.method = shape->body ? "POST" : "GET"};
	/* Feishu has a text of JSON inside its JSON. */
	json_object_set_new(all, "content", json_string(content_text));
	bytes_append_text(&out->url, ask->group->url);
	fill_url(shape->path, all, &out->url);
	if (shape->body) {
		json_t *json = plan_json_parse(shape->body);
		json_t *body = fill_json(json, all);
		if (!json_object_get(names, "owner")) {
			json_object_del(body, "owner");
			json_object_del(body, "owner_id");
		}
		plan_json_append(body, &out->body);
		json_decref(body);
		json_decref(json);
	}
	int count = 0;
	if (shape->body)
		out->headers[count++] = "Content-Type: application/json; charset=utf-8";
	if (ask->group->is_feishu && ask->stage != GROUP_TOKEN) {
		bytes_append_format(&out->authorization, "Authorization: Bearer %s",
				    token ? token : "");
		out->headers[count++] = out->authorization.data;
	}
	json_decref(all);
	json_decref(content);
	mem_free(content_text);
}

void group_request_deinit(struct group_request *request)
{
	bytes_deinit(&request->url);
	bytes_deinit(&request->body);
	bytes_deinit(&request->authorization);
}

/* Too many requests, a token that has ended, a bad moment. */
static bool is_busy_code(int64_t code)
{
	static const int64_t codes[] = {-1,       40014,    42001,    45009,    45033,
					99991400, 99991661, 99991663, 99991664, 0};
	for (int i = 0; codes[i]; i++) {
		if (codes[i] == code)
			return true;
	}
	return false;
}

bool group_read_answer(const struct group_ask *ask, struct slice body, struct group_answer *out)
{
	static const char *const wecom_texts[] = {"access_token", "chatid", "", ""};
	bool is_feishu = ask->group->is_feishu;
	char *text = mem_copy_bytes(body.length > 0 ? body.data : "", body.length);
	*out = (struct group_answer){.message = "", .text = "", .json = plan_json_parse(text)};
	mem_free(text);
	const json_t *code = json_object_get(out->json, is_feishu ? "code" : "errcode");
	const json_t *message = json_object_get(out->json, is_feishu ? "msg" : "errmsg");
	const json_t *found = json_object_get(out->json, wecom_texts[ask->stage]);
	if (!json_is_integer(code))
		return false;
	if (is_feishu && ask->stage == GROUP_TOKEN)
		found = json_object_get(out->json, "tenant_access_token");
	else if (is_feishu && ask->stage == GROUP_CREATE)
		found = json_object_get(json_object_get(out->json, "data"), "chat_id");
	out->code = json_integer_value(code);
	out->is_busy = is_busy_code(out->code);
	if (json_is_string(message))
		out->message = json_string_value(message);
	if (json_is_string(found))
		out->text = json_string_value(found);
	bool needs_text = ask->stage == GROUP_TOKEN || ask->stage == GROUP_CREATE;
	return out->code != 0 || !needs_text || out->text[0] != '\0';
}

void group_answer_deinit(struct group_answer *answer)
{
	json_decref(answer->json);
}

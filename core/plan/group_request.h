/** group_request.h - how WeCom and Feishu are asked for a chat, byte by byte. Pure.
 *
 *  WeCom:  cgi-bin/gettoken, appchat/create, appchat/get, appchat/send
 *          (developer.work.weixin.qq.com/document/path/90245, 98914, 90248)
 *  Feishu: auth/v3/tenant_access_token/internal, im/v1/chats, im/v1/messages
 *          (open.feishu.cn/document/server-docs/group/chat/create)
 */
#ifndef TOCSIN_CORE_PLAN_GROUP_REQUEST_H
#define TOCSIN_CORE_PLAN_GROUP_REQUEST_H

#include <jansson.h>

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct config_group;

enum group_stage { GROUP_TOKEN, GROUP_CREATE, GROUP_LOOK /**< WeCom */, GROUP_GREET };

struct group_ask {
	const struct config_group *group;
	enum group_stage stage;
};

struct group_request {
	const char *method;
	struct bytes url, body, authorization;
	const char *headers[3]; /**< ends with NULL */
};

/** `names`: app, secret, token, key, name, text, users, owner (may be missing), chat. */
void group_make_request(const struct group_ask *ask, const json_t *names,
			struct group_request *out);
void group_request_deinit(struct group_request *request);

struct group_answer {
	int64_t code;        /**< 0: it was done */
	bool is_busy;        /**< it was not done, and may be asked again */
	const char *message; /**< never NULL */
	const char *text;    /**< token, id of the chat; "" */
	json_t *json;
};
/** False: it is no answer of theirs. `out` is deinited either way. */
bool group_read_answer(const struct group_ask *ask, struct slice body, struct group_answer *out);
void group_answer_deinit(struct group_answer *answer);

#endif

#include "storage/sealed.h"

#include "storage/keyspace.h"
#include "storage/kv.h"

struct context {
	void (*each)(void *arg, struct slice content);
	void *arg;
	int code;
	struct err_note *why;
};

static bool unseal_one(void *arg, struct slice key, struct slice value)
{
	struct context *context = arg;
	struct slice content;

	(void)key;
	context->code = keyspace_unseal(value, &content, context->why);
	if (context->code == 0)
		context->each(context->arg, content);
	return context->code == 0;
}

int sealed_each(struct kv *kv, struct slice prefix, void (*each)(void *arg, struct slice content),
		void *arg, struct err_note *why)
{
	struct context context = {each, arg, 0, why};
	int code = kv_scan(kv, prefix, false, unseal_one, &context, why);

	return code != 0 ? code : context.code;
}

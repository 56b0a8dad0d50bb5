#include "core/outbox/outbox.h"

#include "core/base/mem.h"
#include "core/outbox/outbox_internal.h"

struct outbox_trial {
	struct target *target;
	void (*on_done)(void *arg, bool is_delivered, const char *error);
	void *arg;
};

static void on_done(void *arg, uint32_t delivered_count, enum send_end end, const char *error)
{
	struct outbox_trial *trial = arg;

	(void)delivered_count;
	trial->on_done(trial->arg, end == SEND_DELIVERED, error);
}

struct outbox_trial *
outbox_trial_new(const struct outbox_options *options, const struct channel *channel,
		 void (*on_done_)(void *arg, bool is_delivered, const char *error), void *arg)
{
	struct outbox_trial *trial = mem_alloc(sizeof(*trial));

	trial->target = target_channel_new(options, "trial", channel);
	trial->target->on_done = on_done;
	trial->target->arg = trial;
	trial->on_done = on_done_;
	trial->arg = arg;
	return trial;
}

void outbox_trial_send(struct outbox_trial *trial, const char *id, struct slice body)
{
	const struct outbox_row row = {id, body, false};

	trial->target->ops->send(trial->target, &row, 1);
}

void outbox_trial_free(struct outbox_trial *trial)
{
	if (!trial)
		return;
	trial->target->ops->free(trial->target);
	mem_free(trial);
}

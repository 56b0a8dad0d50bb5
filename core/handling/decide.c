#include "core/handling/handling_internal.h"

#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/model/span.h"

#include <inttypes.h>

void wait_enter(struct handling *handling, struct open_alert *open, enum wait wait)
{
	open->wait = wait;
	if (open->wait_order == 0)
		open->wait_order = ++handling->order_last;
	open->wait_next = NULL;
	open->wait_previous = handling->waiting_last;
	if (handling->waiting_last != NULL)
		handling->waiting_last->wait_next = open;
	else
		handling->waiting = open;
	handling->waiting_last = open;
	handling->wait_counts[wait]++;
	if (open->wait_until_ms < handling->next_ms && wait != WAIT_INHIBITED)
		handling->next_ms = open->wait_until_ms;
}

void wait_leave(struct handling *handling, struct open_alert *open)
{
	if (open->wait == WAIT_NONE)
		return;
	handling->wait_counts[open->wait]--;
	if (open->wait_previous != NULL)
		open->wait_previous->wait_next = open->wait_next;
	else
		handling->waiting = open->wait_next;
	if (open->wait_next != NULL)
		open->wait_next->wait_previous = open->wait_previous;
	else
		handling->waiting_last = open->wait_previous;
	open->wait = WAIT_NONE;
	open->wait_order = 0;
	open->wait_next = open->wait_previous = NULL;
	inhibit_unlink(open);
	mem_free(open->inhibit_name);
	open->inhibit_name = NULL;
}

static void mute(struct handling *handling, struct open_alert *open, const char *kind,
		 const char *text, int64_t now_ms)
{
	fate_add(handling, open->alert.id, kind, NULL, now_ms, "%s", text);
	open_save(handling, open);
	if (handling->options.on_mute != NULL)
		handling->options.on_mute(handling->options.arg, &open->alert, open->incident_key,
					  text, now_ms);
}

static void be_silenced(struct handling *handling, struct open_alert *open,
			const struct silence *silence, int64_t now_ms)
{
	char *text = mem_format("silenced by %" PRIu64 " (%s: %s)", silence->number,
				silence->author, silence->reason);

	handling->usage.silenced++;
	silences_count_muted(handling->silences, silence->number);
	open->silence = silence->number;
	open->wait_until_ms = silence_look_again_ms(silence, now_ms);
	wait_enter(handling, open, WAIT_SILENCED);
	mute(handling, open, "silenced", text, now_ms);
	mem_free(text);
}

static void be_inhibited(struct handling *handling, struct open_alert *open,
			 struct open_alert *inhibitor, const char *name, int64_t now_ms)
{
	struct bytes text = BYTES_EMPTY;

	handling->usage.inhibited++;
	bytes_append_text(&text, "inhibited by ");
	open_append_id(&inhibitor->alert, &text);
	bytes_append_format(&text, " (%s)", name);
	open->inhibit_name = mem_copy_text(name);
	wait_enter(handling, open, WAIT_INHIBITED);
	inhibit_link(open, inhibitor);
	mute(handling, open, "inhibited", text.data, now_ms);
	bytes_deinit(&text);
}

bool decide_suppressed(struct handling *handling, struct open_alert *open, int64_t now_ms)
{
	const struct silence *silence;
	struct open_alert *inhibitor = NULL;
	struct match_subject subject;
	const char *name = NULL;

	match_subject_init(&subject, &open->alert, handling->config, handling->matcher);
	silence = silences_match(handling->silences, &subject, now_ms);
	if (silence == NULL)
		inhibitor = inhibit_find(handling, open, &subject, &name);
	match_subject_deinit(&subject);
	if (silence != NULL)
		be_silenced(handling, open, silence, now_ms);
	else if (inhibitor != NULL)
		be_inhibited(handling, open, inhibitor, name, now_ms);
	return silence != NULL || inhibitor != NULL;
}

/** True: it waits for a source that may come. */
static bool settle(struct handling *handling, struct open_alert *open, int64_t now_ms)
{
	struct match_subject subject;
	const char *name = NULL;
	int64_t settle_ms;
	char span[32];

	if (handling->config->inhibit_count == 0)
		return false;
	match_subject_init(&subject, &open->alert, handling->config, handling->matcher);
	settle_ms = inhibit_settle_ms(handling, &subject, &name);
	match_subject_deinit(&subject);
	if (settle_ms == 0)
		return false;
	span_format(settle_ms, span, sizeof(span));
	handling->usage.settled++;
	open->wait_until_ms = now_ms + settle_ms;
	wait_enter(handling, open, WAIT_SETTLING);
	fate_add(handling, open->alert.id, "settling", NULL, now_ms, "waits %s for a source of %s",
		 span, name);
	open_save(handling, open);
	return true;
}

void decide(struct handling *handling, struct open_alert *open, bool may_settle, int64_t now_ms)
{
	if (decide_suppressed(handling, open, now_ms))
		return;
	if (may_settle && settle(handling, open, now_ms))
		return;
	deliver(handling, open, now_ms);
}

/* ---- those that wait ---- */

static void release(struct handling *handling, struct open_alert *open, bool may_settle,
		    int64_t now_ms, const char *text)
{
	fate_add(handling, open->alert.id, "released", NULL, now_ms, "%s", text);
	handling->usage.released++;
	wait_leave(handling, open);
	decide(handling, open, may_settle, now_ms);
}

static void look_at_silenced(struct handling *handling, struct open_alert *open, int64_t now_ms)
{
	const struct silence *silence = silences_find(handling->silences, open->silence);
	char *text;

	if (silence != NULL && silence_holds(silence, now_ms)) {
		open->wait_until_ms = silence_look_again_ms(silence, now_ms);
		return;
	}
	text = mem_format("silence %" PRIu64 " ended", open->silence);
	release(handling, open, false, now_ms, text);
	mem_free(text);
}

/** Its source is gone, or the rules have changed: another source may keep it quiet as well. A
 *  source that resolves is often followed by its targets: they wait a little. */
static void look_at_inhibited(struct handling *handling, struct open_alert *open, int64_t now_ms)
{
	struct open_alert *inhibitor;
	struct match_subject subject;
	const char *name = NULL;

	if (open->inhibitor != NULL)
		return;
	match_subject_init(&subject, &open->alert, handling->config, handling->matcher);
	inhibitor = inhibit_find(handling, open, &subject, &name);
	match_subject_deinit(&subject);
	if (inhibitor == NULL) {
		release(handling, open, true, now_ms, "no source keeps it quiet any more");
		return;
	}
	inhibit_link(open, inhibitor);
	mem_free(open->inhibit_name);
	open->inhibit_name = mem_copy_text(name);
	open_save(handling, open);
}

static void look_at(struct handling *handling, struct open_alert *open, bool is_all_due,
		    int64_t now_ms)
{
	switch (open->wait) {
	case WAIT_NONE: break;
	case WAIT_SETTLING:
		if (!is_all_due && now_ms < open->wait_until_ms)
			break;
		wait_leave(handling, open);
		decide(handling, open, false, now_ms);
		break;
	case WAIT_SILENCED: look_at_silenced(handling, open, now_ms); break;
	case WAIT_INHIBITED: look_at_inhibited(handling, open, now_ms); break;
	}
}

void decide_waiting(struct handling *handling, bool is_all_due, int64_t now_ms)
{
	struct open_alert *next;

	handling->must_recheck = false;
	for (struct open_alert *open = handling->waiting; open != NULL; open = next) {
		next = open->wait_next;
		look_at(handling, open, is_all_due, now_ms);
	}
}

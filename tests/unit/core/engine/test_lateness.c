/* Late readings: what a window holds does not depend on where bundles were cut. Times are epoch
 * seconds from 1000, windows of 10 s, lateness 5 s; panes are kept 10 + 5 + 5 + 60 s. */
#include "core/engine/engine.h"

#include <criterion/criterion.h>

#include <string.h>

#include "core/base/bytes.h"
#include "core/ingest/bundle.h"
#include "core/ingest/reader.h"
#include "core/window/watermark.h"
#include "site.h"
#include "storage/commit.h"

static const char *const count_2[] = {"window", "10s", "threshold", ">= 2", NULL};

struct late_case {
	struct site site;
	struct rule *rule;
	uint32_t partition;
};

static void late_init(struct late_case *late)
{
	site_init(&late->site);
	late->rule = site_rule(&late->site, "many", 1, "count", NULL, count_2);
	site_install(&late->site, &late->rule, 1);
	late->partition = site_open(&late->site, "pay", "p", true);
}

static void late_deinit(struct late_case *late)
{
	rule_unref(late->rule);
	site_deinit(&late->site);
}

static void keep_status(void *arg, const struct engine_source_status *status)
{
	if (strcmp(status->name, "pay") == 0)
		*(struct engine_source_status *)arg = *status;
}

static struct engine_source_status status_of(const struct late_case *late)
{
	struct engine_source_status status = {0};

	engine_each_source(late->site.engine, keep_status, &status);
	return status;
}

/** A bundle as a reader makes it that does not know what came before. */
static void feed_blindly(struct late_case *late, const char *lines, struct position from,
			 struct position to)
{
	struct bundle *bundle = bundle_new(engine_intake(late->site.engine, "pay"), 11);
	struct reader *reader = reader_new();
	struct reader_block block = {.data = lines,
				     .length = strlen(lines),
				     .is_last = true,
				     .receive_ms = INT64_MAX / 2,
				     .watermark_ms = WATERMARK_NONE};
	bool skip = false;

	bundle->partition = late->partition;
	bundle->is_positioned = true;
	bundle->from = from;
	bundle->to = to;
	bundle->times.is_kept = true;
	reader_read(reader, bundle->intake, &block, &skip, bundle);
	reader_free(reader);
	bundle_settle_late(bundle, engine_partition_watermark(late->site.engine, late->partition));
	cr_assert_eq(engine_apply(late->site.engine, bundle, late->site.now_ms), 0);
}

/* What each line does when it is read:
 *     1002, 1009         watermark 1004
 *     1016               1011: judges 1005 and 1010, which hold 1 and 2
 *     1008               late: in the window of 1015, too late for that of 1010
 *     1031               1026: judges 1015 (1009, 1008, no 1016), 1020 (1016) and 1025
 *     1017, 1018, 1019.5 late: 1025 held 1016 alone, and 1030 begins behind them
 *     1045               1040: judges 1030, 1035 and 1040
 *     950                late, and its pane was forgotten: before 1040 - 80
 *     960, 961           late, their pane is kept, but no window sees it any more */
static const char *const lines[] = {
	"{\"time\":1002}\n", "{\"time\":1009}\n", "{\"time\":1016}\n", "{\"time\":1008}\n",
	"{\"time\":1031}\n", "{\"time\":1017}\n", "{\"time\":1018}\n", "{\"time\":1019.5}\n",
	"{\"time\":1045}\n", "{\"time\":950}\n",  "{\"time\":960}\n",  "{\"time\":961}\n",
};
enum { LINES = sizeof(lines) / sizeof(lines[0]) };

static const char judged[] = "many@1 firing . 2 1010\nmany@1 resolved . 1 1020\n";

/** Cut behind each line whose bit is set; advanced, and begun anew, behind those of the others. */
static void feed_cut(struct late_case *late, uint32_t cuts, uint32_t advances, uint32_t restarts)
{
	struct bytes piece = BYTES_EMPTY;
	struct position from = {0}, to = {0};

	for (uint32_t i = 0; i < LINES; i++) {
		bytes_append(&piece, lines[i], strlen(lines[i]));
		to.offset += strlen(lines[i]);
		if (i + 1 < LINES && !(cuts >> i & 1))
			continue;
		bytes_append_char(&piece, '\0');
		feed_blindly(late, piece.data, from, to);
		bytes_clear(&piece);
		from = to;
		if (advances >> i & 1 || restarts >> i & 1)
			site_advance(&late->site);
		if (restarts >> i & 1) {
			site_restart(&late->site, &late->rule, 1);
			late->partition = site_open(&late->site, "pay", "p", true);
		}
	}
	site_advance(&late->site);
	bytes_deinit(&piece);
}

static void expect_cut(uint32_t cuts, uint32_t advances, uint32_t restarts)
{
	struct late_case late;
	struct engine_source_status status;

	late_init(&late);
	feed_cut(&late, cuts, advances, restarts);
	site_expect(&late.site, judged);
	status = status_of(&late);
	cr_expect_eq(status.total.late, 7, "%x: %llu", cuts, (unsigned long long)status.total.late);
	cr_expect_eq(status.late_dropped, 1, "%x %x %x: %llu", cuts, advances, restarts,
		     (unsigned long long)status.late_dropped);
	late_deinit(&late);
}

Test(lateness, every_way_of_cutting_gives_the_same)
{
	for (uint32_t cuts = 0; cuts < 1u << (LINES - 1); cuts += 7)
		expect_cut(cuts, cuts % 3 == 0 ? 0 : cuts * 2654435761u >> 7, 0);
}

Test(lateness, a_restart_anywhere_changes_nothing)
{
	for (uint32_t i = 0; i + 1 < LINES; i++) {
		expect_cut(1u << i, 0, 1u << i);
		expect_cut(UINT32_MAX, UINT32_MAX, 1u << i);
	}
}

Test(lateness, another_partition_holds_back_what_is_late)
{
	struct late_case late;
	uint32_t other;

	late_init(&late);
	other = site_open(&late.site, "pay", "q", false);
	site_feed(&late.site, "pay", other, "{\"time\":1006}\n");
	/* By its own line 1003 is late, but the other one says 1001. */
	feed_blindly(&late, "{\"time\":1002}\n{\"time\":1030}\n{\"time\":1003}\n",
		     (struct position){0}, (struct position){.offset = 3});
	site_advance(&late.site);
	site_expect(&late.site, "");
	cr_expect_eq(status_of(&late).total.late, 1);
	site_feed(&late.site, "pay", other, "{\"time\":1021}\n");
	site_advance(&late.site);
	site_expect(&late.site, "many@1 firing . 2 1005\nmany@1 resolved . 1 1015\n");
	late_deinit(&late);
}

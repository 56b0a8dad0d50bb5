#include "core/cli/query_progress.h"

#include <stdio.h>
#include <unistd.h>

#include "core/base/env.h"

enum { PROGRESS_EVERY_MS = 100, BAR_CELLS = 30 };

void query_progress_init(struct query_progress *progress, const struct env *env,
			 uint64_t size_bytes)
{
	*progress = (struct query_progress){
		.env = env,
		.size_bytes = size_bytes,
		.is_terminal = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO),
	};
	if (progress->is_terminal)
		progress->start_ms = progress->shown_ms = env_mono_ms(env);
}

static void print_bar(unsigned percent)
{
	static const char full[] = "##############################";
	int cells = (int)(percent * BAR_CELLS / 100);
	fprintf(stderr, "[%-*.*s] %3u %%  ", BAR_CELLS, cells, full, percent);
}

void query_progress_show(struct query_progress *progress, uint64_t bytes, uint64_t readings)
{
	if (!progress->is_terminal)
		return;
	int64_t now_ms = env_mono_ms(progress->env);
	if (now_ms - progress->shown_ms < PROGRESS_EVERY_MS)
		return;
	progress->shown_ms = now_ms;
	fputs("\r\033[K", stderr);
	if (progress->size_bytes > 0 && bytes <= progress->size_bytes)
		print_bar((unsigned)(100.0 * (double)bytes / (double)progress->size_bytes));
	fprintf(stderr, "%llu readings, %.2f M/s", (unsigned long long)readings,
		(double)readings / 1000.0 / (double)(now_ms - progress->start_ms));
	fflush(stderr);
	progress->is_shown = true;
}

void query_progress_hide(struct query_progress *progress)
{
	if (!progress->is_shown)
		return;
	fputs("\r\033[K", stderr);
	progress->is_shown = false;
}

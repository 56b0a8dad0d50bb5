/* Preloaded into a program: its wall clock is off by the milliseconds that the file named by
 * CLOCK_STEP says (a number as text, read at each call). Only calls of the program itself are
 * moved: the libraries wait by absolute times of the kernel's clock, which stays. */
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct range {
	uintptr_t from, to;
};

/* The first object is the program. */
static int find_program(struct dl_phdr_info *info, size_t size, void *out)
{
	struct range *range = out;
	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];
		if (part->p_type != PT_LOAD || !(part->p_flags & PF_X))
			continue;
		range->from = info->dlpi_addr + part->p_vaddr;
		range->to = range->from + part->p_memsz;
	}
	return 1;
}

static long long read_offset_ms(void)
{
	char text[32] = "";
	const char *path = getenv("CLOCK_STEP");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return 0;
	ssize_t length = read(fd, text, sizeof(text) - 1);
	close(fd);
	return length > 0 ? atoll(text) : 0;
}

/* The names that the C library gives its parameters are reserved.
 * NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
int clock_gettime(clockid_t clock, struct timespec *out)
{
	struct range program = {0, 0};
	uintptr_t caller = (uintptr_t)__builtin_return_address(0);
	long code = syscall(SYS_clock_gettime, clock, out);
	if (code != 0 || clock != CLOCK_REALTIME)
		return (int)code;
	dl_iterate_phdr(find_program, &program);
	if (caller < program.from || caller >= program.to)
		return 0;
	long long ms = out->tv_sec * 1000LL + out->tv_nsec / 1000000 + read_offset_ms();
	out->tv_sec = ms / 1000;
	out->tv_nsec = ms % 1000 * 1000000 + out->tv_nsec % 1000000;
	return 0;
}

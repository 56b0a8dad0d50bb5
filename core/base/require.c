#include "core/base/require.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void require_failed(const char *condition, const char *file, int line,
			      const char *function)
{
	fprintf(stderr, "%s:%d: %s: this must hold and does not: %s\n", file, line, function,
		condition);
	abort();
}

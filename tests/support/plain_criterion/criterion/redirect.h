/** redirect.h - the part of Criterion's redirect.h that our tests use; see criterion.h here. */
#ifndef TOCSIN_TESTS_SUPPORT_PLAIN_CRITERION_REDIRECT_H
#define TOCSIN_TESTS_SUPPORT_PLAIN_CRITERION_REDIRECT_H

#include <stdio.h>

/** Standard error goes into a pipe until the test ends; claims that fail are still seen. */
void cr_redirect_stderr(void);
/** Its reading end; owned by the runner. */
FILE *cr_get_redirected_stderr(void);

#endif

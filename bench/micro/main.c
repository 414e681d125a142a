/* SPDX-License-Identifier: BSD-2-Clause */
/* micro GROUP: runs its cases; below callgrind (--instr-atstart=no) each leaves a dump named after it. Prints
 * "case items item" for each. Without GROUP: names the groups. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else /* it compiles and runs, and nothing is counted */
#define CALLGRIND_START_INSTRUMENTATION (void)0
#define CALLGRIND_STOP_INSTRUMENTATION (void)0
#define CALLGRIND_TOGGLE_COLLECT (void)0
#define CALLGRIND_ZERO_STATS (void)0
#define CALLGRIND_DUMP_STATS_AT(name) (void)(name)
#endif

#include "base/compiler.h"
#include "bench/micro/micro.h"

static const struct micro_group *const groups[] = { &micro_text, &micro_imap, &micro_store };

_Noreturn void micro_failed(const char *cond, const char *file, int line)
{
	fprintf(stderr, "%s:%d: %s does not hold\n", file, line, cond);
	abort();
}

static void run_case(const struct micro_case *c)
{
	uint64_t items;

	for (unsigned warm = 0; warm < 2; warm++) {
		if (c->before)
			c->before();
		if (!warm) {
			c->run();
			continue;
		}
		CALLGRIND_START_INSTRUMENTATION;
		CALLGRIND_ZERO_STATS;
		CALLGRIND_TOGGLE_COLLECT;
		items = c->run();
		CALLGRIND_TOGGLE_COLLECT;
		CALLGRIND_DUMP_STATS_AT(c->name); /* nothing is left to dump once it has stopped */
		CALLGRIND_STOP_INSTRUMENTATION;
		micro_must(items);
		printf("%s %" PRIu64 " %s\n", c->name, items, c->item);
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	for (size_t i = 0; i < HF_COUNT(groups); i++) {
		const struct micro_group *group = groups[i];

		if (argc < 2) {
			puts(group->name);
		} else if (!strcmp(argv[1], group->name)) {
			group->open();
			for (const struct micro_case *c = group->cases; c->name; c++)
				if (argc < 3 || !strcmp(argv[2], c->name))
					run_case(c);
			group->close();
			return 0;
		}
	}
	return argc < 2 ? 0 : 2;
}

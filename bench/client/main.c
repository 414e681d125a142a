/* SPDX-License-Identifier: BSD-2-Clause */
/* Options and the list of workloads. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "client.h"

struct options opt = {
	.user = "user%d", .password = "pass", .mailbox = "INBOX", .profile = "real", .command = "NOOP", .word = CORPUS_WORD,
	.rare = CORPUS_RARE, .seed = 1, .conns = 1, .users = 1, .first_user = 1, .rcpts = 1, .runs = 1, .batch = 100, .changes = 100,
	.seconds = 5, .settle = 2,
};

static const struct workload {
	const char *name;
	void (*run)(void);
	uint64_t count;
	const char *what;
} workloads[] = {
	{ "login", run_login, 1000, "--count times connect, LOGIN, LOGOUT, --conns at a time; --tls, --resume" },
	{ "lmtp_deliver", run_lmtp_deliver, 1000, "--count messages to --rcpts of --users over --conns connections" },
	{ "append", run_append, 1000, "--count APPENDs over --conns connections, each to the mailbox of a user of its own (--same: one)" },
	{ "populate", run_populate, 1000, "--count messages of the corpus into a mailbox, which is made when it is missing" },
	{ "select", run_select, 1000, "--count times SELECT and UNSELECT" },
	{ "fetch_flags", run_fetch_flags, 1, "all messages by --conns connections, --count times" },
	{ "fetch_envelope", run_fetch_envelope, 1, "" },
	{ "fetch_bodystructure", run_fetch_bodystructure, 1, "" },
	{ "fetch_headers", run_fetch_headers, 1, "six header fields" },
	{ "fetch_full", run_fetch_full, 1, "bodies; their octets are compared with RFC822.SIZE (not with --no-post)" },
	{ "search", run_search, 1, "--command TEXT (SEARCH, SORT or THREAD), --count times; all messages of the mailbox are counted" },
	{ "search_flags", run_search_flags, 1, "SEARCH UNSEEN, --count times" },
	{ "search_header", run_search_header, 1, "SEARCH SUBJECT --word; hits are compared with the corpus (not with --no-corpus)" },
	{ "search_body", run_search_body, 1, "SEARCH BODY --rare; likewise" },
	{ "sort", run_sort, 1, "SORT (DATE)" },
	{ "thread", run_thread, 1, "THREAD REFERENCES" },
	{ "query", run_query, 100, "--command TEXT in the selected mailbox, --count times; ~ in it is + and - in turn" },
	{ "store_flags", run_store_flags, 1000, "STORE of one flag of one message, over --conns connections; no STORE is without effect" },
	{ "copy", run_copy, 1000, "--count messages to a new mailbox" },
	{ "move", run_move, 1000, "" },
	{ "expunge", run_expunge, 1000, "" },
	{ "qresync", run_qresync, 1, "SELECT with QRESYNC after --changes changes of flags, and a tenth of that expunged" },
	{ "mixed", run_mixed, 1, "what mail readers do, over --conns connections for --seconds" },
	{ "idle_conns", run_idle_conns, 1, "--conns connections in IDLE: memory of the server for each" },
	{ "idle_latency", run_idle_latency, 20, "from the end of DATA to EXISTS at a connection in IDLE, --count times" },
};

_Noreturn void die(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "holdfast-bench: %s: ", opt.workload ? opt.workload : "?");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void *take(void *memory, size_t size)
{
	memory = realloc(memory, size);
	if (!memory)
		die("out of memory");
	return memory;
}

char *text_room(struct text *text, size_t more)
{
	if (text->capacity - text->size < more) {
		text->capacity = (text->capacity + more) * 2;
		text->data = take(text->data, text->capacity);
	}
	return text->data + text->size;
}

void text_add(struct text *text, const void *data, size_t size)
{
	if (size) {
		memcpy(text_room(text, size), data, size);
		text->size += size;
	}
}

void text_addf(struct text *text, const char *fmt, ...)
{
	va_list ap;
	int size;

	text_room(text, 512);
	va_start(ap, fmt);
	size = vsnprintf(text->data + text->size, text->capacity - text->size, fmt, ap);
	va_end(ap);
	if (size < 0 || (size_t)size >= text->capacity - text->size)
		die("a line is too long");
	text->size += (size_t)size;
}

static void usage(void)
{
	fputs("usage: holdfast-bench WORKLOAD [--imap HOST:PORT] [--lmtp HOST:PORT] [option...]\n"
	      "  --count N --conns N --users N --first-user N --rcpts N --runs N --batch N --changes N --expect N --seconds S --settle S\n"
	      "  --user FORMAT --rcpt FORMAT (with %d) --pass WORD --mailbox NAME --profile real|tiny --seed N --base N --command TEXT\n"
	      "  --word WORD --rare WORD --server-pid PID --tls --resume --same --quickack --no-corpus --no-post\n", stderr);
	for (size_t i = 0; i < sizeof(workloads) / sizeof(*workloads); i++)
		fprintf(stderr, "  %-20s %s\n", workloads[i].name, workloads[i].what);
	exit(2);
}

/* HOST:PORT */
static void address(char *text, char **host, char **port)
{
	char *colon = strrchr(text, ':');

	if (!colon)
		die("%s: not HOST:PORT", text);
	*colon = '\0';
	*host = text;
	*port = colon + 1;
}

static bool flag_option(const char *name)
{
	const struct {
		const char *name;
		bool *value;
	} flags[] = { { "--tls", &opt.tls },		 { "--resume", &opt.resume },	      { "--same", &opt.same },
		      { "--quickack", &opt.quickack }, { "--no-corpus", &opt.no_corpus }, { "--no-post", &opt.no_post } };

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		if (!strcmp(name, flags[i].name)) {
			*flags[i].value = true;
			return true;
		}
	}
	return false;
}

static bool number_option(const char *name, const char *value)
{
	const struct {
		const char *name;
		unsigned *small;
		uint64_t *large;
	} numbers[] = {
		{ "--count", NULL, &opt.count },	  { "--expect", NULL, &opt.expect },   { "--seed", NULL, &opt.seed },
		{ "--base", NULL, &opt.base },		  { "--conns", &opt.conns, NULL },     { "--users", &opt.users, NULL },
		{ "--first-user", &opt.first_user, NULL }, { "--rcpts", &opt.rcpts, NULL },    { "--runs", &opt.runs, NULL },
		{ "--batch", &opt.batch, NULL },	  { "--changes", &opt.changes, NULL },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		if (strcmp(name, numbers[i].name) != 0)
			continue;
		if (numbers[i].large)
			*numbers[i].large = strtoull(value, NULL, 10);
		else
			*numbers[i].small = (unsigned)strtoul(value, NULL, 10);
		return true;
	}
	return false;
}

static bool text_option(const char *name, const char *value)
{
	const struct {
		const char *name, **value;
	} texts[] = { { "--user", &opt.user },	     { "--rcpt", &opt.recipient },  { "--pass", &opt.password }, { "--mailbox", &opt.mailbox },
		      { "--profile", &opt.profile }, { "--command", &opt.command }, { "--word", &opt.word },	 { "--rare", &opt.rare } };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (!strcmp(name, texts[i].name)) {
			*texts[i].value = value;
			return true;
		}
	}
	return false;
}

static void option(const char *name, char *value)
{
	if (number_option(name, value) || text_option(name, value))
		return;
	if (!strcmp(name, "--imap"))
		address(value, &opt.imap_host, &opt.imap_port);
	else if (!strcmp(name, "--lmtp"))
		address(value, &opt.lmtp_host, &opt.lmtp_port);
	else if (!strcmp(name, "--server-pid"))
		opt.server_pid = atoi(value);
	else if (!strcmp(name, "--seconds"))
		opt.seconds = atof(value);
	else if (!strcmp(name, "--settle"))
		opt.settle = atof(value);
	else
		die("no option %s %s; without arguments: help", name, value);
}

int main(int argc, char **argv)
{
	const struct workload *workload = NULL;
	struct rlimit files;

	for (size_t i = 0; argc > 1 && i < sizeof(workloads) / sizeof(*workloads); i++)
		if (!strcmp(argv[1], workloads[i].name))
			workload = &workloads[i];
	if (!workload)
		usage();
	opt.workload = workload->name;
	opt.count = workload->count;
	for (int i = 2; i < argc; i++) {
		if (flag_option(argv[i]))
			continue;
		if (i + 1 == argc)
			die("%s: no such option, or it needs a value", argv[i]);
		option(argv[i], argv[i + 1]);
		i++;
	}
	if (!opt.recipient)
		opt.recipient = opt.user;
	if (!opt.users || !opt.conns || !opt.runs || !opt.rcpts || !opt.batch || !opt.count)
		die("0 makes no sense there");
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	signal(SIGPIPE, SIG_IGN);
	corpus_open();
	fiber_main(workload->run);
	return 0;
}

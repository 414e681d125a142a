/* SPDX-License-Identifier: BSD-2-Clause */
/* What was acknowledged is there after kill -9, after a fault point, after a power cut.
 *
 * Rounds on one store. In each a child process opens it and several threads work, each in two mailboxes of its own, one
 * operation after another; before each operation a thread writes down in shared memory what it is about to do, and
 * afterwards that it was acknowledged. Then the child dies. Another child opens the store and compares: the mailboxes of a
 * thread must be as its ledger says, with the operation under way done wholly or not at all. Every message is
 * read and compared, and the store verified.
 *
 *   recovery [--kill N] [--power N] [--seed S] [--expect-loss]
 *
 * --expect-loss: for the control build, which acknowledges before the flush: succeeds when something is missing. */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "storage/op_priv.h"
#include "storage/rights.h"
#include "tests/base/base_test.h"
#include "tests/support/powercut.h"
#include "tests/support/store_fixture.h"

#define THREADS 6
#define UIDS 60000
#define SYNC_US 300
#define GUEST "anyone" /* who is given rights */
#define LARGE (3u << 19) /* octets of a message that is written ahead */

enum what { NOTHING, DELIVER, APPEND, FLAGS, COPY, MOVE, EXPUNGE, RIGHTS };

struct message {
	uint32_t number; /* 0: not there */
	uint32_t flags;
};

struct box {
	uint64_t id;
	uint32_t uidnext;
	uint32_t rights; /* those of GUEST; 0: no entry */
	struct message messages[UIDS];
};

/* One operation; what it does to the ledger follows from this alone. */
struct step {
	enum what what;
	bool acknowledged;
	bool added;             /* new messages are in the ledger */
	uint32_t uidnext[2];    /* before it */
	unsigned box;           /* the one it is done in, or copied from */
	uint32_t first, last;   /* UIDs */
	uint32_t number, flags;
	uint32_t rights;        /* 0: the entry goes */
};

struct ledger {
	uint64_t user;
	struct box boxes[2];
	struct step step;
	uint32_t next_number;
	uint64_t acknowledged; /* operations */
};

static struct ledger *ledgers; /* shared between the processes */
static char *directory;

static void settings_of(struct hf_store_settings *settings)
{
	fixture_settings(settings, directory);
	settings->cache_size = 2u << 20; /* pages are written all the time */
	settings->checkpoint_size = 2u << 20;
	settings->checkpoint_s = 2;
	settings->kept_s = 1;
}

static char *make_message(uint32_t thread, uint32_t number)
{
	uint32_t mix = (number * 2654435761u) ^ thread;

	return fixture_message(number * THREADS + thread, number % 97 == 0 ? LARGE : mix % 20000);
}

/* The ledger ------------------------------------------------------------------------------------------------------ */

static void add_message(struct box *box, uint32_t number, uint32_t flags)
{
	box->messages[box->uidnext++] = (struct message){ number, flags };
}

/* May be interrupted by the end of the process at any point and done again: messages are added before any leaves. */
static void note(struct ledger *ledger)
{
	struct step *step = &ledger->step;
	struct box *box = &ledger->boxes[step->box], *other = &ledger->boxes[!step->box];

	if (!step->added) {
		ledger->boxes[0].uidnext = step->uidnext[0];
		ledger->boxes[1].uidnext = step->uidnext[1];
		if (step->what == DELIVER || step->what == APPEND)
			add_message(box, step->number, step->flags);
		for (uint32_t uid = step->first; (step->what == COPY || step->what == MOVE) && uid <= step->last; uid++)
			if (box->messages[uid].number)
				add_message(other, box->messages[uid].number, box->messages[uid].flags);
		__atomic_store_n(&step->added, true, __ATOMIC_SEQ_CST);
	}
	if (step->what == RIGHTS)
		box->rights = step->rights;
	for (uint32_t uid = step->first; uid && uid <= step->last; uid++) {
		struct message *message = &box->messages[uid];

		if (step->what == FLAGS && message->number)
			message->flags = step->flags;
		if (step->what == MOVE || step->what == EXPUNGE)
			message->number = 0;
	}
}

/* The load -------------------------------------------------------------------------------------------------------- */

static struct step choose(struct ledger *ledger, uint64_t *random)
{
	uint32_t dice = (uint32_t)(random_next(random) >> 20) % 100;
	struct step step = { .box = (random_next(random) >> 20) % 2,
			     .uidnext = { ledger->boxes[0].uidnext, ledger->boxes[1].uidnext },
			     .flags = (random_next(random) >> 20) & HF_FLAGS_ALL };
	uint32_t uidnext = step.uidnext[step.box];

	if (random_next(random) >> 20 & 1 && dice % 10 == 3) {
		bool given = (random_next(random) >> 20) % 3;

		step.what = RIGHTS;
		step.rights = given ? HF_RIGHT_LOOKUP | ((uint32_t)(random_next(random) >> 20) & HF_RIGHTS_ALL) : 0;
		return step;
	}
	if (uidnext < 3 || dice < 25)
		step.what = DELIVER;
	else if (dice < 40)
		step.what = APPEND;
	else
		step.what = dice < 70 ? FLAGS : dice < 78 ? COPY : dice < 88 ? MOVE : EXPUNGE;
	if (step.what == DELIVER || step.what == APPEND) {
		step.number = ledger->next_number++;
		if (step.what == DELIVER)
			step.flags = 0;
		return step;
	}
	step.last = uidnext - 1;
	step.first = step.last - (uint32_t)((random_next(random) >> 20) % (step.last < 12 ? step.last : 12));
	if (step.what == EXPUNGE && dice < 94) { /* the old ones */
		step.first = 1;
		step.last = step.last > 20 ? step.last - 20 : 1;
	}
	return step;
}

/* `what` comes last: until then the process may die without the rest being looked at. */
static void announce(struct ledger *ledger, struct step step)
{
	enum what what = step.what;

	step.what = NOTHING;
	ledger->step = step;
	__atomic_store_n(&ledger->step.what, what, __ATOMIC_SEQ_CST);
}

static struct hf_op *make_op(struct hf_store *store, unsigned thread, const struct step *step)
{
	struct ledger *ledger = &ledgers[thread];
	struct hf_flag_change change = { .mode = HF_FLAGS_REPLACE, .flags = step->flags };
	uint64_t box = ledger->boxes[step->box].id, other = ledger->boxes[!step->box].id;
	struct hf_set uids = HF_SET_INIT;
	struct hf_op *op = NULL;

	if (step->what == DELIVER || step->what == APPEND) {
		char *text = make_message(thread, step->number);
		struct hf_append item = { .stage = fixture_stage(store, hf_str(text), 70000), .flags = step->flags };
		struct hf_recipient to = { .user = ledger->user, .mailbox = step->box ? HF_STR("Other") : HF_STR("INBOX") };

		free(text);
		if (step->what == APPEND)
			return op_append_new(store, box, &item, 1, 0, HF_UID(0));
		return hf_op_deliver(store, &item.stage, HF_STR("a@example.org"), &to, 1);
	}
	if (step->what == RIGHTS)
		return hf_op_rights(store, box, HF_STR(GUEST), HF_RIGHTS_SET, step->rights);
	hf_set_add_range(&uids, step->first, step->last);
	if (step->what == FLAGS)
		op = op_store_new(box, &uids, &change);
	else if (step->what == EXPUNGE)
		op = op_expunge_new(box, &uids, true);
	else
		op = op_copy_new(box, &uids, other, step->what == MOVE);
	hf_set_fini(&uids);
	return op;
}

static uint64_t acknowledged(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < THREADS; i++)
		sum += __atomic_load_n(&ledgers[i].acknowledged, __ATOMIC_RELAXED);
	return sum;
}

/* Until so many more operations are acknowledged, and a moment more; 5 s at most. False: the child has ended. */
static bool await(uint64_t *random, pid_t child)
{
	uint64_t until = acknowledged() + 20 + (random_next(random) >> 20) % 1500;

	for (unsigned tries = 0; tries < 5000 && acknowledged() < until; tries++) {
		siginfo_t info = { .si_pid = 0 };

		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
		if (child && waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid)
			return false;
	}
	nanosleep(&(struct timespec){ 0, (long)((random_next(random) >> 20) % 3000000) }, NULL);
	return true;
}

struct worker {
	struct hf_store *store;
	unsigned thread;
	uint64_t random;
};

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct ledger *ledger = &ledgers[worker->thread];

	for (;;) {
		struct step *step = &ledger->step;
		struct hf_op *op;

		if (ledger->boxes[0].uidnext > UIDS - 100 || ledger->boxes[1].uidnext > UIDS - 100)
			return NULL;
		announce(ledger, choose(ledger, &worker->random));
		op = make_op(worker->store, worker->thread, step);
		must(hf_store_run(worker->store, op) == HF_OK);
		must(step->what != DELIVER || hf_op_delivered(op, 0)->status == HF_OK);
		hf_op_free(&op);
		__atomic_store_n(&step->acknowledged, true, __ATOMIC_SEQ_CST);
		note(ledger);
		__atomic_store_n(&step->what, NOTHING, __ATOMIC_SEQ_CST);
		__atomic_fetch_add(&ledger->acknowledged, 1, __ATOMIC_RELAXED);
	}
}

_Noreturn static void load(uint64_t seed, bool power)
{
	struct hf_store_settings settings;
	struct worker workers[THREADS];
	struct hf_store *store;
	pthread_t threads[THREADS];

	settings_of(&settings);
	if (power)
		powercut_install(seed, SYNC_US);
	store = fixture_open(&settings);
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ store, i, seed * 131 + i + 1 };
		must(pthread_create(&threads[i], NULL, work, &workers[i]) == 0);
	}
	if (power) {
		(void)await(&seed, 0);
		powercut_now();
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pause();
	_exit(1);
}

/* The check ------------------------------------------------------------------------------------------------------- */

static bool complain(const char *format, ...) HF_PRINTF(1, 2);
static bool complain(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return false;
}

static bool compare_box(struct hf_store *store, unsigned thread, const struct box *box, bool quiet)
{
	uint32_t count = 0, at = 0;
	struct hf_record *records = fixture_records(store, box->id, &count);
	bool same = true;

	for (uint32_t uid = 1; uid < UIDS && same; uid++) {
		bool have = at < count && records[at].uid.n == uid;
		const struct message *message = &box->messages[uid];

		if (have != (message->number != 0) || (have && records[at].flags != message->flags)) {
			same = false;
			if (!quiet)
				complain("thread %u mailbox %llu uid %u: %s", thread, (unsigned long long)box->id, uid,
					 !have ? "lost" : message->number ? "other flags" : "should not be there");
		}
		at += have;
	}
	free(records);
	return same;
}

static bool compare_rights(struct hf_store *store, unsigned thread, const struct box *box, bool quiet)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_acl_entry *list;
	uint32_t rights = 0;
	size_t count;

	hf_rights_list(store, box->id, arena, &list, &count);
	for (size_t i = 0; i < count; i++)
		if (hf_str_eq(list[i].identifier, HF_STR(GUEST)))
			rights = list[i].rights;
	hf_arena_free(&arena);
	if (rights != box->rights && !quiet)
		complain("thread %u mailbox %llu: rights %x, not %x", thread, (unsigned long long)box->id, rights, box->rights);
	return rights == box->rights;
}

static bool compare(struct hf_store *store, unsigned thread, const struct ledger *ledger, bool quiet)
{
	for (unsigned i = 0; i < 2; i++)
		if (!compare_box(store, thread, &ledger->boxes[i], quiet) || !compare_rights(store, thread, &ledger->boxes[i], quiet))
			return false;
	return true;
}

static bool compare_contents(struct hf_store *store, unsigned thread, const struct ledger *ledger)
{
	struct hf_buf octets = HF_BUF_INIT;
	bool same = true;

	for (unsigned b = 0; b < 2; b++) {
		const struct box *box = &ledger->boxes[b];
		uint32_t count;
		struct hf_record *records = fixture_records(store, box->id, &count);

		for (uint32_t i = 0; i < count && same; i++) {
			char *text = make_message(thread, box->messages[records[i].uid.n].number);

			same = fixture_read(store, ledger->user, records[i].email, &octets) == HF_OK &&
			       hf_str_eq(hf_buf_str(&octets), hf_str(text));
			if (!same)
				complain("thread %u mailbox %llu uid %u: content", thread, (unsigned long long)box->id,
					 records[i].uid.n);
			free(text);
		}
		free(records);
	}
	hf_buf_fini(&octets);
	return same;
}

/* The operation under way: in when it was acknowledged, in or not when it was not. */
static bool check_thread(struct hf_store *store, unsigned thread, struct ledger *ledger)
{
	static struct ledger with;
	bool acknowledged = ledger->step.what != NOTHING && ledger->step.acknowledged;

	with = *ledger;
	if (with.step.what != NOTHING)
		note(&with);
	if (compare(store, thread, &with, true))
		*ledger = with;
	else if (acknowledged || !compare(store, thread, ledger, true))
		return complain("thread %u: %s %u in %u, %u:%u, uidnext %u %u", thread,
				acknowledged ? "acknowledged" : "under way", ledger->step.what, ledger->step.box,
				ledger->step.first, ledger->step.last, ledger->step.uidnext[0], ledger->step.uidnext[1]),
		       compare(store, thread, acknowledged ? &with : ledger, false);
	ledger->step.what = NOTHING;
	return compare_contents(store, thread, ledger);
}

_Noreturn static void check(void)
{
	struct hf_store_settings settings;
	struct hf_store *store;
	bool ok = true;

	unsetenv("HOLDFAST_FAULT");
	settings_of(&settings);
	store = fixture_open(&settings);
	for (unsigned i = 0; i < THREADS; i++)
		ok = check_thread(store, i, &ledgers[i]) && ok;
	if (ok && fixture_verify(store, NULL))
		ok = complain("verification found damage");
	hf_store_close(&store);
	_exit(ok ? 0 : 1);
}

_Noreturn static void create(void)
{
	struct hf_store_settings settings;
	struct hf_store *store;

	settings_of(&settings);
	store = fixture_open(&settings);
	for (unsigned i = 0; i < THREADS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "user%u", i);
		ledgers[i].user = fixture_user(store, name);
		ledgers[i].boxes[0].id = fixture_mailbox(store, ledgers[i].user, "INBOX");
		ledgers[i].boxes[1].id = fixture_mailbox(store, ledgers[i].user, "Other");
		ledgers[i].boxes[0].uidnext = ledgers[i].boxes[1].uidnext = 1;
		ledgers[i].next_number = 1;
	}
	hf_store_close(&store);
	_exit(0);
}

/* Rounds ---------------------------------------------------------------------------------------------------------- */

static int end_of(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		must(errno == EINTR);
	return status;
}

static bool succeeds(void (*run)(void))
{
	pid_t child = fork();
	int status;

	must(child >= 0);
	if (child == 0)
		run();
	status = end_of(child);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool died_well(int status, bool power)
{
	if (power)
		return WIFEXITED(status) && WEXITSTATUS(status) == 99;
	return (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) || (WIFEXITED(status) && WEXITSTATUS(status) == 86);
}

/* Every other round of kill -9 dies at a fault point instead, or at latest by the signal. */
static bool round_of(unsigned number, uint64_t seed, bool power)
{
	static const char *const faults[] = { "op.applied",	 "batch.committed", "batch.flushed",
					      "batch.published", "stage.chunk",     "checkpoint" };
	uint64_t random = seed * 7919 + number + 1, before = acknowledged();
	bool ok;
	char fault[64] = "";
	pid_t child;
	int status;

	for (int i = 0; i < 5; i++)
		(void)random_next(&random);
	if (!power && number % 2) {
		unsigned which = (random_next(&random) >> 20) % HF_COUNT(faults);
		unsigned most = which < 4 ? 600 : 4;

		snprintf(fault, sizeof(fault), "%s:%u", faults[which], 1 + (unsigned)(random_next(&random) >> 20) % most);
	}
	child = fork();
	must(child >= 0);
	if (child == 0) {
		if (fault[0])
			setenv("HOLDFAST_FAULT", fault, 1);
		load(random, power);
	}
	if (!power) {
		while (await(&random, child) && fault[0]) /* a fault point comes sooner or later */
			if (acknowledged() > before + 20000)
				break;
		kill(child, SIGKILL);
	}
	status = end_of(child);
	if (!died_well(status, power))
		return complain("round %u: the load ended by itself (status %x)", number, status);
	ok = succeeds(check);
	printf("%s %u: %llu acknowledged %s%s\n", power ? "power cut" : "kill", number,
	       (unsigned long long)(acknowledged() - before), ok ? "ok " : "LOST ", fault);
	fflush(stdout);
	return ok;
}

int main(int argc, char **argv)
{
	unsigned kills = 50, cuts = 50;
	uint64_t seed = (uint64_t)time(NULL);
	bool expect_loss = false, ok;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--expect-loss"))
			expect_loss = true;
		else if (i + 1 < argc && !strcmp(argv[i], "--kill"))
			kills = (unsigned)atoi(argv[++i]);
		else if (i + 1 < argc && !strcmp(argv[i], "--power"))
			cuts = (unsigned)atoi(argv[++i]);
		else if (i + 1 < argc && !strcmp(argv[i], "--seed"))
			seed = strtoull(argv[++i], NULL, 10);
		else
			return complain("usage: recovery [--kill N] [--power N] [--seed S] [--expect-loss]"), 2;
	}
	printf("seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	hf_log_setup(HF_LOG_STDERR, HF_LOG_WARNING, false, "recovery");
	ledgers = mmap(NULL, THREADS * sizeof(*ledgers), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(ledgers != MAP_FAILED);
	directory = fixture_directory("recovery");
	ok = succeeds(create);
	for (unsigned i = 0; i < kills && ok; i++)
		ok = round_of(i, seed, false);
	for (unsigned i = 0; i < cuts && ok; i++)
		ok = round_of(i, seed, true);
	printf("%llu operations acknowledged, %s\n", (unsigned long long)acknowledged(),
	       ok ? "all of them there" : "something is missing");
	if (ok || expect_loss)
		fixture_remove(&directory);
	else
		printf("the store: %s\n", directory);
	return ok == !expect_loss ? 0 : 1;
}

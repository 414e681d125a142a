/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "client.h"

#define STACK_SIZE (256u << 10)

struct group {
	unsigned left;
	struct fiber *waiter;
};

struct fiber {
	ucontext_t context;
	void *stack;
	void (*fn)(unsigned n);
	unsigned n;
	struct group *group;
	struct fiber *next; /* in the run queue or among the sleepers, or unused */
	double until;
	bool ended;
};

static ucontext_t scheduler;
static struct fiber *current, *queue, **queue_end = &queue, *sleepers, *unused;
static int epoll_fd = -1;
static unsigned alive;

static void ready(struct fiber *fiber)
{
	fiber->next = NULL;
	*queue_end = fiber;
	queue_end = &fiber->next;
}

static void leave(void)
{
	struct fiber *self = current;

	swapcontext(&self->context, &scheduler);
	current = self;
}

static void begin(void)
{
	struct fiber *self = current;

	self->fn(self->n);
	self->ended = true;
	swapcontext(&self->context, &scheduler);
	abort();
}

/* Not inline: what getcontext() may clobber must have one value. */
__attribute__((noinline)) static struct fiber *fiber_take(void)
{
	struct fiber *fiber = unused;

	if (fiber) {
		unused = fiber->next;
		return fiber;
	}
	fiber = calloc(1, sizeof(*fiber));
	if (!fiber)
		die("out of memory");
	fiber->stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (fiber->stack == MAP_FAILED)
		die("no stack for another fiber");
	return fiber;
}

static void start(struct group *group, void (*fn)(unsigned n), unsigned n)
{
	struct fiber *const fiber = fiber_take();

	fiber->fn = fn;
	fiber->n = n;
	fiber->group = group;
	fiber->ended = false;
	getcontext(&fiber->context);
	fiber->context.uc_stack.ss_sp = fiber->stack;
	fiber->context.uc_stack.ss_size = STACK_SIZE;
	fiber->context.uc_link = NULL;
	makecontext(&fiber->context, begin, 0);
	group->left++;
	alive++;
	ready(fiber);
}

static void run(struct fiber *fiber)
{
	current = fiber;
	swapcontext(&scheduler, &fiber->context);
	current = NULL;
	if (!fiber->ended)
		return;
	alive--;
	if (!--fiber->group->left && fiber->group->waiter)
		ready(fiber->group->waiter);
	fiber->next = unused;
	unused = fiber;
}

static void wake_sleepers(void)
{
	double time = now();

	for (struct fiber **p = &sleepers; *p;) {
		struct fiber *fiber = *p;

		if (fiber->until <= time) {
			*p = fiber->next;
			ready(fiber);
		} else {
			p = &fiber->next;
		}
	}
}

static void wait_for_events(void)
{
	struct epoll_event events[256];
	int count = epoll_wait(epoll_fd, events, 256, queue ? 0 : sleepers ? 1 : 60000);

	if (count < 0 && errno != EINTR)
		die("epoll_wait: error %d", errno);
	if (!count && !sleepers && !queue)
		die("the server has not answered for a minute");
	for (int i = 0; i < count; i++) {
		struct conn *conn = events[i].data.ptr;

		conn->pending = true;
		if (conn->waiter) {
			ready(conn->waiter);
			conn->waiter = NULL;
		}
	}
}

static void (*first)(void);
static void run_first(unsigned n)
{
	(void)n;
	first();
}

void fiber_main(void (*fn)(void))
{
	struct group all = { 0 };

	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	first = fn;
	start(&all, run_first, 0);
	while (alive) {
		struct fiber *list = queue;

		queue = NULL;
		queue_end = &queue;
		while (list) {
			struct fiber *fiber = list;

			list = fiber->next;
			run(fiber);
		}
		if (alive) {
			if (sleepers)
				wake_sleepers();
			wait_for_events();
		}
	}
}

void fiber_each(unsigned count, void (*fn)(unsigned n))
{
	struct group group = { .waiter = current };

	for (unsigned n = 0; n < count; n++)
		start(&group, fn, n);
	if (count)
		leave();
}

void fiber_sleep(double seconds)
{
	current->until = now() + seconds;
	current->next = sleepers;
	sleepers = current;
	leave();
}

void fiber_watch(struct conn *conn)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = conn };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, conn->fd, &event) < 0)
		die("epoll_ctl: error %d", errno);
}

void fiber_wait(struct conn *conn)
{
	if (!conn->pending) {
		conn->waiter = current;
		leave();
	}
	conn->pending = false;
}

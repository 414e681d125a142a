/* SPDX-License-Identifier: BSD-2-Clause */
/* One turn of a connection: what has happened is turned into events for the module's step, and what
 * the step wants into what the socket is watched for. The layers (TLS, compression) change here,
 * between steps. */
#include "host/conn_priv.h"

#include <errno.h>
#include <sys/epoll.h>

#include "base/assert.h"
#include "base/clock.h"
#include "host/tls_priv.h"

static enum conn_turn linger_turn(struct hf_conn *conn);

static void set_deadline(struct hf_conn *conn, uint64_t ms)
{
	uint64_t now = hf_now_ms();

	atomic_store(&conn->deadline, ms ? now + ms : 0);
	if (ms && !(conn->heap_known > now + 1 && conn->heap_known <= now + ms)) {
		hf_timers_ensure(&conn->host->timers, conn);
		conn->heap_known = now + ms;
	}
}

void hf_conn_timer(struct hf_conn *conn, uint64_t ms)
{
	uint64_t now = hf_now_ms(), at = ms ? now + ms : 0;

	if (ms > UINT64_MAX / 2)
		at = UINT64_MAX / 2;
	atomic_store(&conn->timer, at);
	if (ms && !(conn->heap_known > now + 1 && conn->heap_known <= at)) {
		hf_timers_ensure(&conn->host->timers, conn);
		conn->heap_known = at;
	}
}

bool hf_conn_slice_used(struct hf_conn *conn)
{
	return hf_now_us() - conn->slice_start > SLICE_US;
}

static enum conn_turn discard(struct hf_conn *conn)
{
	hf_conn_discard(conn);
	return TURN_DONE;
}

static uint64_t limit(struct hf_conn *conn, size_t offset)
{
	struct hf_limits_settings limits = hf_limits_get(conn->host->limits);

	return *(const uint64_t *)((const char *)&limits + offset);
}

#define LIMIT(conn, name) limit((conn), offsetof(struct hf_limits_settings, name))

/* The end --------------------------------------------------------------------- */

/* Our end is shut; what the peer still sends is read and forgotten until it closes too. */
static enum conn_turn drain_turn(struct hf_conn *conn)
{
	char waste[4096];

	for (int i = 0; i < 16; i++) {
		ssize_t n = recv(conn->fd, waste, sizeof(waste), 0);

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
			return discard(conn);
		if (n < 0)
			return TURN_PARK;
	}
	return TURN_AGAIN;
}

static enum conn_turn linger_turn(struct hf_conn *conn)
{
	if (conn->tls) /* the goodbye goes with the last answer */
		hf_tls_hold(conn->tls);
	hf_conn_drain_held(conn, true);
	if (conn->tls && !conn->gone && !hf_conn_queue_pending(conn))
		hf_tls_goodbye(conn->tls);
	hf_conn_release(conn);
	if (conn->gone)
		return discard(conn);
	if (hf_conn_output_pending(conn))
		return conn->out_blocked ? TURN_PARK : TURN_AGAIN_LONG;
	if (conn->input_ended || shutdown(conn->fd, SHUT_WR) != 0)
		return discard(conn);
	hf_conn_input_fini(conn);
	conn->phase = PHASE_DRAIN;
	set_deadline(conn, DRAIN_MS);
	return drain_turn(conn);
}

static enum conn_turn begin_linger(struct hf_conn *conn)
{
	hf_conn_close_session(conn);
	atomic_store(&conn->timer, 0);
	conn->phase = PHASE_LINGER;
	set_deadline(conn, LIMIT(conn, linger));
	return linger_turn(conn);
}

/* The session ----------------------------------------------------------------- */

static enum conn_turn begin_handshake(struct hf_conn *conn);

/* What a step asked for beyond its wants. true: the session's turn is over, with *turn. */
static bool after_step(struct hf_conn *conn, enum conn_turn *turn)
{
	bool close = conn->want & HF_WANT_CLOSE;

	if (conn->want & HF_WANT_ABORT) {
		*turn = discard(conn);
		return true;
	}
	if (conn->starttls && !close) {
		conn->starttls = false;
		if (conn->in_start != conn->in_end) {
			hf_warning(&conn->log, "starttls-injection octets=%zu",
				   conn->in_end - conn->in_start);
			*turn = discard(conn);
			return true;
		}
		conn->phase = PHASE_CLEARING;
		set_deadline(conn, LIMIT(conn, handshake_timeout));
		*turn = begin_handshake(conn);
		return true;
	}
	/* A session that waits for more input than can ever come would stay for ever. */
	if ((conn->want & HF_WANT_INPUT) && !(conn->want & (HF_WANT_ROOM | HF_WANT_TURN))) {
		if (!hf_conn_input_room(conn))
			hf_warning(&conn->log, "input-full octets=%zu",
				   conn->in_end - conn->in_start);
		close = close || conn->end_told || !hf_conn_input_room(conn);
	}
	if (close)
		*turn = begin_linger(conn);
	return close;
}

/* true: the session's turn is over, with *turn. */
static bool step(struct hf_conn *conn, enum conn_turn *turn)
{
	unsigned events = conn->pending;

	conn->pending = 0;
	if (events & HF_EV_OFFLOAD)
		hf_offload_delivered(conn);
	if ((events & HF_EV_INPUT) && conn->input_ended)
		conn->end_told = true;
	conn->corked = true;
	conn->want = conn->module->module->step(conn, events);
	conn->corked = false;
	if (after_step(conn, turn))
		return true;
	if (hf_conn_output_pending(conn) && !conn->out_blocked)
		hf_conn_drain(conn, true);
	return false;
}

/* What wakes have left in `events`. */
static void collect(struct hf_conn *conn, unsigned events)
{
	if (events & (EV_IO_IN | EV_IO_OUT)) {
		conn->armed = 0;
		conn->out_blocked = false;
		conn->readable = true;
	}
	if (events & EV_TIME)
		conn->heap_known = 0;
	if ((events & EV_OFFLOADED) && conn->offload)
		conn->pending |= HF_EV_OFFLOAD;
	conn->pending |= events & EV_MODULE;
}

static void prepare_events(struct hf_conn *conn)
{
	if (hf_conn_output_pending(conn) && !conn->out_blocked)
		hf_conn_drain(conn, true);
	if (conn->want & HF_WANT_INPUT) {
		if (!(conn->pending & HF_EV_INPUT) && hf_conn_fill(conn))
			conn->pending |= HF_EV_INPUT;
		if (conn->input_ended && !conn->end_told)
			conn->pending |= HF_EV_INPUT;
	}
	if ((conn->want & HF_WANT_ROOM) && conn->out_size < OUTPUT_LOW)
		conn->pending |= HF_EV_ROOM;
	if (conn->want & HF_WANT_TURN)
		conn->pending |= HF_EV_TURN;
}

/* The socket has room again when the peer has taken a third of what the kernel holds, which may be megabytes: a slow reader
 * is one who has taken some of it. */
static void set_write_deadline(struct hf_conn *conn)
{
	set_deadline(conn, LIMIT(conn, write_timeout));
	conn->out_held = hf_conn_output_held(conn);
}

/* Before parking: buffers go back, and the host's deadline follows the output. */
static enum conn_turn settle(struct hf_conn *conn)
{
	hf_conn_input_trim(conn);
	if (hf_conn_output_pending(conn)) {
		if (!atomic_load(&conn->deadline) || conn->out_progress || conn->idle_deadline)
			set_write_deadline(conn);
		conn->out_progress = conn->idle_deadline = false;
	} else if (conn->compress && !hf_compress_is_idle(conn->compress)) {
		set_deadline(conn, IDLE_MS);
		conn->idle_deadline = true;
	} else if (atomic_load(&conn->deadline)) {
		set_deadline(conn, 0);
	}
	return TURN_PARK;
}

static enum conn_turn open_turn(struct hf_conn *conn)
{
	for (;;) {
		enum conn_turn turn;
		unsigned late;

		prepare_events(conn);
		if (conn->gone && (conn->want & (HF_WANT_ROOM | HF_WANT_TURN)))
			return discard(conn); /* whatever it works on, nobody waits for it */
		if (!conn->pending) {
			if (hf_conn_output_pending(conn) && !conn->out_blocked)
				return TURN_AGAIN_LONG; /* a fast reader of much: others first */
			return settle(conn);
		}
		if (step(conn, &turn))
			return turn;
		if (conn->want & HF_WANT_TURN)
			return conn->want & HF_WANT_LONG ? TURN_AGAIN_LONG : TURN_AGAIN;
		late = atomic_exchange(&conn->events, 0);
		collect(conn, late);
		if (late & (EV_TIME | EV_ABORT)) { /* seen to where a turn begins */
			atomic_fetch_or(&conn->events, late & (EV_TIME | EV_ABORT));
			return TURN_AGAIN;
		}
		if (hf_conn_slice_used(conn))
			return TURN_AGAIN;
	}
}

static enum conn_turn open_session(struct hf_conn *conn)
{
	enum hf_status status;

	conn->phase = PHASE_OPEN;
	conn->corked = true;
	status = conn->module->module->open(conn, conn->module->state, conn->service);
	conn->corked = false;
	if (status != HF_OK)
		return begin_linger(conn); /* whatever it has written by way of apology */
	hf_conn_drain(conn, true);
	conn->session_open = true;
	conn->want = HF_WANT_INPUT;
	conn->pending |= HF_EV_INPUT;
	return open_turn(conn);
}

/* TLS ------------------------------------------------------------------------- */

static enum conn_turn handshake_turn(struct hf_conn *conn)
{
	struct hf_buf error = HF_BUF_INIT;
	enum hf_tls_result result;

	hf_tls_hold(conn->tls);
	result = hf_tls_handshake(conn->tls, &error);
	if (result != HF_TLS_DONE && hf_tls_release(conn->tls) == HF_TLS_WANT_WRITE &&
	    result == HF_TLS_WANT_READ)
		result = HF_TLS_WANT_WRITE;
	switch (result) {
	case HF_TLS_WANT_READ:
		conn->handshake_writes = false;
		return TURN_PARK;
	case HF_TLS_WANT_WRITE:
		conn->handshake_writes = true;
		return TURN_PARK;
	case HF_TLS_FAILED:
		hf_info(&conn->log, "tls-handshake-failed peer=%s service=%s error=%s",
			conn->peer_address, conn->service, hf_log_quote(hf_buf_str(&error)));
		hf_buf_fini(&error);
		return discard(conn);
	case HF_TLS_DONE: /* tickets wait for what the session says first */
		break;
	}
	hf_debug(&conn->log, "tls version=%s cipher=%s", hf_tls_version_name(conn->tls),
		 hf_tls_cipher_name(conn->tls));
	set_deadline(conn, 0);
	conn->readable = true;
	if (!conn->session_open)
		return open_session(conn);
	hf_conn_release(conn);
	conn->phase = PHASE_OPEN;
	conn->want = HF_WANT_INPUT;
	conn->pending |= HF_EV_INPUT;
	return open_turn(conn);
}

/* From PHASE_NEW or PHASE_CLEARING: once nothing in clear is left to send. */
static enum conn_turn begin_handshake(struct hf_conn *conn)
{
	struct hf_tls *tls = NULL;

	hf_conn_drain(conn, true);
	if (conn->gone)
		return discard(conn);
	if (hf_conn_output_pending(conn))
		return conn->out_blocked ? TURN_PARK : TURN_AGAIN;
	pthread_mutex_lock(&conn->host->lock);
	if (conn->host->tls)
		tls = hf_tls_ref(conn->host->tls);
	pthread_mutex_unlock(&conn->host->lock);
	if (!tls) /* taken out of the configuration a moment ago */
		return discard(conn);
	conn->tls = hf_tls_accept(tls, conn->fd, conn->module->module->name);
	hf_tls_unref(&tls);
	conn->phase = PHASE_HANDSHAKE;
	return handshake_turn(conn);
}

/* The turn -------------------------------------------------------------------- */

static enum conn_turn deadline_passed(struct hf_conn *conn)
{
	atomic_store(&conn->deadline, 0);
	switch (conn->phase) {
	case PHASE_NEW:
		return TURN_AGAIN;
	case PHASE_CLEARING:
	case PHASE_HANDSHAKE:
		hf_info(&conn->log, "tls-handshake-timeout peer=%s", conn->peer_address);
		return discard(conn);
	case PHASE_OPEN:
		if (conn->idle_deadline) {
			conn->idle_deadline = false;
			if (conn->compress)
				hf_compress_idle(conn->compress);
			return TURN_AGAIN;
		}
		if (!hf_conn_output_pending(conn))
			return TURN_AGAIN;
		if (hf_conn_output_held(conn) < conn->out_held) {
			set_write_deadline(conn);
			return TURN_AGAIN;
		}
		hf_info(&conn->log, "write-timeout waiting=%zu", conn->out_size);
		return discard(conn);
	case PHASE_LINGER:
	case PHASE_DRAIN:
		return discard(conn);
	}
	return TURN_AGAIN;
}

static enum conn_turn phase_turn(struct hf_conn *conn)
{
	switch (conn->phase) {
	case PHASE_NEW:
		if (!conn->implicit_tls)
			return open_session(conn);
		set_deadline(conn, LIMIT(conn, handshake_timeout));
		return begin_handshake(conn);
	case PHASE_CLEARING:
		return begin_handshake(conn);
	case PHASE_HANDSHAKE:
		if ((conn->pending & HF_EV_QUIT) && !conn->session_open)
			return discard(conn);
		return handshake_turn(conn);
	case PHASE_OPEN:
		return open_turn(conn);
	case PHASE_LINGER:
		return linger_turn(conn);
	case PHASE_DRAIN:
		return drain_turn(conn);
	}
	return TURN_PARK;
}

enum conn_turn hf_conn_turn(struct hf_conn *conn)
{
	unsigned events = atomic_exchange(&conn->events, 0);
	uint64_t timer = atomic_load(&conn->timer), deadline = atomic_load(&conn->deadline), now;
	enum conn_turn turn;

	conn->slice_start = hf_now_us();
	now = conn->slice_start / 1000;
	if (events & EV_ABORT)
		return discard(conn);
	collect(conn, events);
	if (timer && now >= timer) {
		atomic_store(&conn->timer, 0);
		conn->pending |= HF_EV_TIMER;
	}
	if (deadline && now >= deadline && deadline_passed(conn) == TURN_DONE)
		return TURN_DONE;
	turn = phase_turn(conn);
	if (turn != TURN_DONE && (events & EV_TIME)) {
		hf_timers_ensure(&conn->host->timers, conn); /* the heap let go of it */
		conn->heap_known = 0;
	}
	return turn;
}

unsigned hf_conn_interest(const struct hf_conn *conn)
{
	unsigned send = conn->tls && hf_tls_write_needs_read(conn->tls) ? EPOLLIN : EPOLLOUT;
	unsigned interest = 0;

	switch (conn->phase) {
	case PHASE_NEW:
		return 0;
	case PHASE_CLEARING:
	case PHASE_LINGER:
		return send;
	case PHASE_HANDSHAKE:
		return conn->handshake_writes ? EPOLLOUT : EPOLLIN;
	case PHASE_DRAIN:
		return EPOLLIN;
	case PHASE_OPEN:
		if (hf_conn_output_pending(conn))
			interest |= send;
		if ((conn->want & HF_WANT_INPUT) && !conn->input_ended && hf_conn_input_room(conn) &&
		    !hf_conn_input_waits(conn))
			interest |= conn->tls && hf_tls_read_needs_write(conn->tls) ? EPOLLOUT
										    : EPOLLIN;
		return interest;
	}
	return interest;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Verbs about accounts. Many at once are made with their secrets computed on several threads and
 * their operations in flight together, so that the flushes and the rounds of PBKDF2 are shared out.
 */
#include "host/verbs_priv.h"

#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/encode.h"

enum { AT_ONCE = 10000 };

static const struct hf_new_mailbox default_mailboxes[] = {
	{ "Archive", HF_USE_ARCHIVE }, { "Drafts", HF_USE_DRAFTS }, { "Junk", HF_USE_JUNK },
	{ "Sent", HF_USE_SENT },       { "Trash", HF_USE_TRASH },
};

struct job;

struct account {
	struct hf_task task;
	struct job *job;
	const char *name, *password; /* password NULL: none yet */
	struct hf_buf sha256, sha1;
	struct hf_op *op;
	enum hf_status status;
	const char *reason;
};

/* Counts what is in flight; also the waiter of its operations. */
struct job {
	struct hf_waiter waiter;
	struct hf_host *host;
	pthread_mutex_t lock;
	pthread_cond_t over;
	size_t pending HF_GUARDED_BY(lock);
	struct account *accounts;
	size_t count;
};

static void one_over(struct job *job)
{
	pthread_mutex_lock(&job->lock);
	if (--job->pending == 0)
		pthread_cond_signal(&job->over);
	pthread_mutex_unlock(&job->lock);
}

static void woken(struct hf_waiter *waiter)
{
	one_over(HF_CONTAINER(waiter, struct job, waiter));
}

static void begin_one(struct job *job)
{
	pthread_mutex_lock(&job->lock);
	job->pending++;
	pthread_mutex_unlock(&job->lock);
}

static void wait_all(struct job *job)
{
	pthread_mutex_lock(&job->lock);
	while (job->pending)
		pthread_cond_wait(&job->over, &job->lock);
	pthread_mutex_unlock(&job->lock);
}

static void job_init(struct job *job, struct hf_host *host, size_t count)
{
	*job = (struct job){ .waiter = { woken }, .host = host, .count = count };
	job->accounts = hf_alloc_zero((count ? count : 1) * sizeof(*job->accounts));
	pthread_mutex_init(&job->lock, NULL);
	pthread_cond_init(&job->over, NULL);
}

static void job_fini(struct job *job)
{
	for (size_t i = 0; i < job->count; i++) {
		struct account *account = &job->accounts[i];

		if (account->sha256.capacity)
			hf_wipe(account->sha256.data, account->sha256.capacity);
		if (account->sha1.capacity)
			hf_wipe(account->sha1.data, account->sha1.capacity);
		hf_buf_fini(&account->sha256);
		hf_buf_fini(&account->sha1);
	}
	hf_free(job->accounts);
	pthread_cond_destroy(&job->over);
	pthread_mutex_destroy(&job->lock);
}

static void refuse(struct account *account, enum hf_status status, const char *reason)
{
	account->status = status;
	account->reason = reason;
}

const char *hf_user_name_problem(const char *text)
{
	struct hf_str name = hf_str(text);

	for (size_t i = 0; i < name.size; i++)
		if ((unsigned char)name.data[i] <= ' ' || name.data[i] == 0x7f ||
		    strchr("\"\\/*%", name.data[i]))
			return "a name has no spaces, controls, or any of \" \\ / * %";
	if (!name.size || name.size > 255)
		return "a name has 1 to 255 octets";
	return hf_utf8_valid(name) ? NULL : "a name is UTF-8";
}

static void check_name(struct account *account)
{
	const char *problem = hf_user_name_problem(account->name);

	if (problem)
		refuse(account, HF_EINVALID, problem);
}

/* Secrets --------------------------------------------------------------------- */

static void make_secrets(struct account *account)
{
	enum hf_status status =
		hf_sasl_make_secrets(account->job->host->sasl, hf_str(account->password),
				     &account->sha256, &account->sha1);

	if (status != HF_OK)
		refuse(account, status,
		       status == HF_EINVALID
			       ? "the password is empty or has characters that no password may have"
			       : hf_status_text(status));
}

static void make_secrets_task(struct hf_task *task)
{
	struct account *account = HF_CONTAINER(task, struct account, task);
	struct job *job = account->job;

	make_secrets(account);
	one_over(job);
}

/* As many threads as cores; this one waits. */
static void make_all_secrets(struct job *job)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct hf_pool *pool;

	if (job->count == 1) {
		if (job->accounts[0].status == HF_OK && job->accounts[0].password)
			make_secrets(&job->accounts[0]);
		return;
	}
	pool = hf_pool_new("hf-secrets", cores < 1 ? 1 : (unsigned)cores, job->count);
	for (size_t i = 0; i < job->count; i++) {
		struct account *account = &job->accounts[i];

		if (account->status != HF_OK || !account->password)
			continue;
		account->task.run = make_secrets_task;
		begin_one(job);
		if (!hf_pool_submit(pool, &account->task)) {
			make_secrets(account);
			one_over(job);
		}
	}
	wait_all(job);
	hf_pool_free(&pool);
}

/* Operations ------------------------------------------------------------------ */

static void run_all(struct job *job, struct hf_op *(*make)(struct account *account))
{
	for (size_t i = 0; i < job->count; i++) {
		struct account *account = &job->accounts[i];

		account->op = account->status == HF_OK ? make(account) : NULL;
		if (account->op) {
			begin_one(job);
			hf_store_submit(job->host->store, &job->waiter, account->op);
		}
	}
	wait_all(job);
	for (size_t i = 0; i < job->count; i++) {
		struct account *account = &job->accounts[i];

		if (!account->op)
			continue;
		if (hf_op_status(account->op) != HF_OK)
			refuse(account, hf_op_status(account->op), NULL);
		hf_op_free(&account->op);
	}
}

static struct hf_op *create_op(struct account *account)
{
	return hf_op_user_create(account->job->host->store, hf_str(account->name),
				 default_mailboxes, HF_COUNT(default_mailboxes));
}

static struct hf_op *secrets_op(struct account *account)
{
	struct hf_secret secrets[2] = { { "SCRAM-SHA-256", HF_STR(""),
					  hf_buf_str(&account->sha256) },
					{ "SCRAM-SHA-1", HF_STR(""), hf_buf_str(&account->sha1) } };

	return account->password ? hf_op_user_secrets(account->job->host->store,
						      hf_str(account->name), secrets, 2)
				 : NULL;
}

static const char *reason_of(const struct account *account)
{
	if (account->reason)
		return account->reason;
	switch (account->status) {
	case HF_EEXISTS:
		return "exists already";
	case HF_ENONEXISTENT:
		return "no such user";
	default:
		return hf_status_text(account->status);
	}
}

/* A user that exists already must keep its password: secrets are set once the account is known to
 * be new. */
static void add_accounts(struct job *job)
{
	for (size_t i = 0; i < job->count; i++) {
		job->accounts[i].job = job;
		check_name(&job->accounts[i]);
	}
	make_all_secrets(job);
	run_all(job, create_op);
	run_all(job, secrets_op);
}

/* Verbs ----------------------------------------------------------------------- */

static enum hf_status add_many(struct hf_host *host, const json_t *users, json_t **result,
			       struct hf_note *why)
{
	size_t count = json_array_size(users), added = 0;
	json_t *refused = json_array();
	struct job job;

	if (!json_is_array(users) || count > AT_ONCE) {
		hf_note_add(why, "\"users\" is a list of at most %d objects", AT_ONCE);
		json_decref(refused);
		return HF_ESYNTAX;
	}
	job_init(&job, host, count);
	for (size_t i = 0; i < count; i++) {
		const json_t *user = json_array_get(users, i);

		job.accounts[i].name = json_string_value(json_object_get(user, "name"));
		job.accounts[i].password = json_string_value(json_object_get(user, "password"));
		if (!job.accounts[i].name)
			job.accounts[i].name = "";
	}
	add_accounts(&job);
	for (size_t i = 0; i < count; i++) {
		const struct account *account = &job.accounts[i];

		if (account->status == HF_OK) {
			added++;
			continue;
		}
		json_array_append_new(refused, json_pack("{s:s, s:s}", "name", account->name,
							 "reason", reason_of(account)));
		if (why->count < 20)
			hf_note_add(why, "%s: %s", account->name, reason_of(account));
	}
	job_fini(&job);
	*result = json_pack("{s:I, s:o}", "added", (json_int_t)added, "refused", refused);
	return added == count ? HF_OK : HF_EINVALID;
}

static enum hf_status user_add(struct hf_host *host, void *state, const json_t *args,
			       json_t **result, struct hf_note *why)
{
	const json_t *users = json_object_get(args, "users");
	enum hf_status status;
	struct job job;

	(void)state;
	status = hf_verb_begin(host, args, users ? 0 : 1, users ? 0 : 1, why);
	if (status != HF_OK)
		return status;
	if (users)
		return add_many(host, users, result, why);
	job_init(&job, host, 1);
	job.accounts[0].name = hf_verb_arg(args, 0);
	job.accounts[0].password = hf_verb_option(args, "password");
	add_accounts(&job);
	status = job.accounts[0].status;
	if (status == HF_OK)
		*result = json_pack("{s:s, s:b}", "name", job.accounts[0].name, "password",
				    job.accounts[0].password != NULL);
	else
		hf_note_add(why, "%s: %s", job.accounts[0].name, reason_of(&job.accounts[0]));
	job_fini(&job);
	return status;
}

static enum hf_status user_passwd(struct hf_host *host, void *state, const json_t *args,
				  json_t **result, struct hf_note *why)
{
	const char *password = hf_verb_option(args, "password");
	struct hf_verb_call call;
	enum hf_status status = hf_verb_call_begin(&call, host, args, 1, 1, 0, why);
	struct job job;

	(void)state;
	(void)result;
	if (status == HF_OK && !password) {
		hf_note_add(why, "no password was given");
		status = HF_ESYNTAX;
	}
	if (status == HF_OK) {
		const char *name = hf_arena_cstr(call.arena, call.user.name);

		job_init(&job, host, 1);
		job.accounts[0].job = &job;
		job.accounts[0].name = name;
		job.accounts[0].password = password;
		make_all_secrets(&job);
		run_all(&job, secrets_op);
		status = job.accounts[0].status;
		if (status != HF_OK)
			hf_note_add(why, "%s: %s", name, reason_of(&job.accounts[0]));
		job_fini(&job);
		hf_sasl_forget(host->sasl, call.user.name);
	}
	hf_arena_free(&call.arena);
	return status;
}

static bool list_user(void *arg, const struct hf_user *user)
{
	json_t *row = json_pack("{s:s%, s:b, s:I, s:I, s:I}", "name", user->name.data,
				user->name.size, "disabled", (int)user->disabled, "messages",
				(json_int_t)user->used_count, "size", (json_int_t)user->used_size,
				"created", (json_int_t)user->created);

	if (row)
		json_array_append_new(arg, row);
	return true;
}

static enum hf_status user_list(struct hf_host *host, void *state, const json_t *args,
				json_t **result, struct hf_note *why)
{
	json_t *rows = json_array();
	enum hf_status status = hf_verb_begin(host, args, 0, 0, why);

	(void)state;
	if (status == HF_OK)
		status = hf_user_each(host->store, list_user, rows);
	return hf_verb_rows(status, rows, result);
}

/* One operation on an existing account, whose sessions then end. */
static enum hf_status change(struct hf_host *host, const json_t *args,
			     struct hf_op *(*make)(struct hf_store *store, struct hf_str name),
			     bool end_sessions, struct hf_note *why)
{
	struct hf_verb_call call;
	enum hf_status status = hf_verb_call_begin(&call, host, args, 1, 1, 0, why);

	if (status == HF_OK) {
		struct hf_op *op = make(host->store, call.user.name);

		status = hf_store_run(host->store, op);
		hf_op_free(&op);
		if (status != HF_OK)
			hf_note_add(why, "%.*s: %s", HF_STR_ARG(call.user.name),
				    hf_status_text(status));
		hf_sasl_forget(host->sasl, call.user.name);
		if (status == HF_OK && end_sessions)
			hf_conns_kick(host, 0, hf_arena_cstr(call.arena, call.user.name));
	}
	hf_arena_free(&call.arena);
	return status;
}

static struct hf_op *disable_op(struct hf_store *store, struct hf_str name)
{
	return hf_op_user_disable(store, name, true);
}

static struct hf_op *enable_op(struct hf_store *store, struct hf_str name)
{
	return hf_op_user_disable(store, name, false);
}

static enum hf_status user_delete(struct hf_host *host, void *state, const json_t *args,
				  json_t **result, struct hf_note *why)
{
	(void)state;
	(void)result;
	return change(host, args, hf_op_user_delete, true, why);
}

static enum hf_status user_disable(struct hf_host *host, void *state, const json_t *args,
				   json_t **result, struct hf_note *why)
{
	(void)state;
	(void)result;
	return change(host, args, disable_op, true, why);
}

static enum hf_status user_enable(struct hf_host *host, void *state, const json_t *args,
				  json_t **result, struct hf_note *why)
{
	(void)state;
	(void)result;
	return change(host, args, enable_op, false, why);
}

/* "none", or an amount above 0 (a size may have a unit). */
static bool read_limit(const json_t *args, const char *name, bool size, uint64_t *limit,
		       struct hf_note *why)
{
	const struct hf_option option = { .name = name,
					  .type = size ? HF_OPT_SIZE : HF_OPT_INT,
					  .min = 1,
					  .max = INT64_MAX };
	const char *text = hf_verb_option(args, name);
	struct hf_buf problem = HF_BUF_INIT;
	struct hf_arena *arena;
	bool ok;

	if (!text)
		return true;
	*limit = 0;
	if (strcmp(text, "none") == 0)
		return true;
	arena = hf_arena_new();
	ok = hf_option_parse(&option, text, arena, limit, &problem);
	if (!ok)
		hf_note_add(why, "--%s, nor none", hf_buf_cstr(&problem));
	hf_buf_fini(&problem);
	hf_arena_free(&arena);
	return ok;
}

static json_t *show_limits(const struct hf_user *user)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "size", (json_int_t)user->used_size,
			 "size_limit", (json_int_t)user->limit_size, "messages",
			 (json_int_t)user->used_count, "messages_limit",
			 (json_int_t)user->limit_count, "mailboxes",
			 (json_int_t)user->used_mailboxes, "mailboxes_limit",
			 (json_int_t)user->limit_mailboxes);
}

static enum hf_status set_limits(struct hf_host *host, const json_t *args, struct hf_user *user,
				 struct hf_note *why)
{
	struct hf_quota limits = { user->limit_size, user->limit_count, user->limit_mailboxes };
	struct hf_op *op;
	enum hf_status status;

	if (!read_limit(args, "size", true, &limits.size, why) ||
	    !read_limit(args, "messages", false, &limits.count, why) ||
	    !read_limit(args, "mailboxes", false, &limits.mailboxes, why))
		return HF_EINVALID;
	if (limits.size == user->limit_size && limits.count == user->limit_count &&
	    limits.mailboxes == user->limit_mailboxes)
		return HF_OK;
	op = hf_op_user_quota(host->store, user->name, &limits);
	status = hf_store_run(host->store, op);
	hf_op_free(&op);
	user->limit_size = limits.size;
	user->limit_count = limits.count;
	user->limit_mailboxes = limits.mailboxes;
	return status;
}

enum hf_status hf_verb_quota(struct hf_host *host, const json_t *args, struct hf_user *user,
			     json_t **result, struct hf_note *why)
{
	enum hf_status status = set_limits(host, args, user, why);

	if (status == HF_OK)
		*result = show_limits(user);
	return status;
}

static enum hf_status user_quota(struct hf_host *host, void *state, const json_t *args,
				 json_t **result, struct hf_note *why)
{
	struct hf_verb_call call;
	enum hf_status status = hf_verb_call_begin(&call, host, args, 1, 1, 0, why);

	(void)state;
	if (status == HF_OK)
		status = hf_verb_quota(host, args, &call.user, result, why);
	hf_arena_free(&call.arena);
	return status;
}

const struct hf_verb hf_verbs_user[] = {
	{ "user add", "NAME [--password-stdin] | --from FILE",
	  "Make an account with the usual mailboxes; or many, a line each: name, tab, password.",
	  user_add },
	{ "user passwd", "NAME [--password-stdin]", "Set an account's password.", user_passwd },
	{ "user list", "", "List the accounts.", user_list },
	{ "user delete", "NAME", "Remove an account with all its mail, and end its sessions.",
	  user_delete },
	{ "user disable", "NAME",
	  "Refuse further logins and end the sessions; mail is still taken in.", user_disable },
	{ "user enable", "NAME", "Allow logins again.", user_enable },
	{ "user quota", "NAME [--size SIZE] [--messages N] [--mailboxes N]",
	  "Show what an account uses and may use (0: no limit); set limits, or none.", user_quota },
	{ NULL, NULL, NULL, NULL }
};

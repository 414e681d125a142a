/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's own verbs for hfctl, and what they share. */
#ifndef HF_HOST_VERBS_PRIV_H
#define HF_HOST_VERBS_PRIV_H

#include "host/host_priv.h"
#include "storage/rights.h"

extern const struct hf_verb hf_verbs_metadata[], hf_verbs_user[], hf_verbs_mailbox[],
	hf_verbs_alias[], hf_verbs_kept[], hf_verbs_retention[], hf_verbs_sharing[],
	hf_verbs_server[]; /* ended by a NULL name */

/* control.c */
const char *hf_status_code(enum hf_status status);
void hf_verbs_each(struct hf_host *host,
		   void (*fn)(void *arg, const struct hf_verb *verb, const char *module),
		   void *arg);

/* verbs.c: what verbs share ---------------------------------------------------- */

/* A positional argument, or NULL. */
const char *hf_verb_arg(const json_t *args, size_t index);
/* The only positional arguments are `count` or fewer, and at least `least`; else HF_ESYNTAX with
 * the usage in `why`. */
enum hf_status hf_verb_args(const json_t *args, size_t least, size_t count, struct hf_note *why);
bool hf_verb_flag(const json_t *args, const char *name);
const char *hf_verb_option(const json_t *args, const char *name);
/* How a verb that needs the store begins: HF_EUNAVAILABLE in a host without one (tests), then as
 * hf_verb_args(). */
enum hf_status hf_verb_begin(struct hf_host *host, const json_t *args, size_t least, size_t count,
			     struct hf_note *why);
/* How one that lists ends: *result takes the rows over, or they are freed. Returns `status`. */
enum hf_status hf_verb_rows(enum hf_status status, json_t *rows, json_t **result);

/* An account by a name or an alias. */
enum hf_status hf_verb_user(struct hf_host *host, const char *name, struct hf_arena *arena,
			    struct hf_user *user, struct hf_note *why);
/* Normalised; NULL leaves *name as it is. */
enum hf_status hf_verb_mailbox_name(struct hf_arena *arena, const char *text, struct hf_str *name,
				    struct hf_note *why);
/* Says in `why` what a failure has to do with the mailbox of that name. Returns `status`. */
enum hf_status hf_verb_mailbox_status(enum hf_status status, struct hf_str name,
				      struct hf_note *why);
enum hf_status hf_verb_mailbox(struct hf_host *host, uint64_t owner, struct hf_str name,
			       struct hf_arena *arena, struct hf_mailbox_info *info,
			       struct hf_note *why);
/* Those that there are, without mere subscriptions. */
enum hf_status hf_verb_mailboxes(struct hf_host *host, uint64_t owner, struct hf_arena *arena,
				 struct hf_mailbox_info **list, size_t *count);

/* What verbs with "USER [MAILBOX [OTHER]]" work on; the first `names` arguments behind USER are
 * names of mailboxes. */
struct hf_verb_call {
	struct hf_arena *arena; /* to be freed, whatever came of it */
	struct hf_user user;
	struct hf_str name, other; /* second and third argument, normalised */
};
enum hf_status hf_verb_call_begin(struct hf_verb_call *call, struct hf_host *host,
				  const json_t *args, size_t least, size_t count,
				  size_t names, struct hf_note *why);
/* The same with "USER|shared": the shared account too. */
enum hf_status hf_verb_owner_begin(struct hf_verb_call *call, struct hf_host *host,
				   const json_t *args, size_t least, size_t count,
				   size_t names, struct hf_note *why);
/* The same with "[MAILBOX [OTHER]]", of the shared account. */
enum hf_status hf_verb_shared_begin(struct hf_verb_call *call, struct hf_host *host,
				    const json_t *args, size_t least, size_t count,
				    size_t names, struct hf_note *why);
/* Runs and frees an operation on the mailbox call->name, or from there to call->other. */
enum hf_status hf_verb_run(const struct hf_verb_call *call, struct hf_host *host, struct hf_op *op,
			   struct hf_note *why);

/* The rest ---------------------------------------------------------------------- */

/* verbs_user.c: why this cannot be the name of an account; NULL: it can. */
const char *hf_user_name_problem(const char *text);

/* verbs_user.c: sets the limits that the options --size, --messages and --mailboxes name, and shows all. */
enum hf_status hf_verb_quota(struct hf_host *host, const json_t *args, struct hf_user *user,
			     json_t **result, struct hf_note *why);
/* verbs_sharing.c: "anyone lrs group:staff lrswit" (the setting store.shared_rights). */
enum hf_status hf_shared_rights(const char *text, struct hf_arena *arena, struct hf_acl_entry **list,
				size_t *count, struct hf_note *why);

/* conn_info.c: living connections, as an array of objects; of one user, or all (NULL). */
json_t *hf_conns_list(struct hf_host *host, const char *user);
/* Tells them to say goodbye; by id (0: any) and user (NULL: any). Returns how many. */
size_t hf_conns_kick(struct hf_host *host, uint64_t id, const char *user);

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* Annotations, which IMAP calls metadata (RFC 5464): values under names, of a mailbox or of the whole server (mailbox 0), each
 * private to a user or shared. They follow the mailbox through renames and stay with it until nothing of it is kept any more.
 *
 * A name ("entry") is "/private/..." or "/shared/...", without regard to case; it is kept in lower case, and as it was written. The
 * entries of a mailbox that are shared, and those of one user, are a scope each. Limits are in hf_store_settings. */
#ifndef HF_STORAGE_ANNOTATION_H
#define HF_STORAGE_ANNOTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/str.h"
#include "base/waiter.h"

struct hf_annotation_watch;
struct hf_op;
struct hf_store;

#define HF_ENTRY_MAX 500              /* octets of a name */
#define HF_ANNOTATION_MAX (1u << 20)  /* octets of a value, whatever the settings say */

/* RFC 5464 §3.2: begins with the component "private" or "shared"; no component is empty; no "*", "%", control or non-ASCII
 * characters. *normal is in lower case. HF_EINVALID, HF_ELIMIT (too long). */
HF_API enum hf_status hf_entry_check(struct hf_str name, struct hf_arena *arena, struct hf_str *normal);
/* Whether a normal name may have a value: two components at least, of "/private/vendor" and "/shared/vendor" four. */
HF_API bool hf_entry_has_value(struct hf_str normal);
HF_API bool hf_entry_is_private(struct hf_str normal);
/* Whether `normal` is `base`, or at most `depth` levels below it. */
HF_API bool hf_entry_is_within(struct hf_str normal, struct hf_str base, unsigned depth);

struct hf_annotation {
	struct hf_str name;
	struct hf_str value; /* data NULL: none */
};

/* Reading. What is read is durable: where it was set a moment ago, these wait for the flush ------------------------------ */

/* `user`: whose private ones. `normal` has passed hf_entry_check(). HF_ENONEXISTENT. The value is in the arena; it may hold NUL. */
HF_API enum hf_status hf_annotation_find(struct hf_store *store, uint64_t mailbox, uint64_t user, struct hf_str normal,
					 struct hf_arena *arena, struct hf_str *value);

struct hf_annotation_info {
	struct hf_str name;    /* normal */
	struct hf_str written; /* as it was set */
	uint64_t size;         /* of the value */
};
/* One scope (user 0: the shared ones) in order of name; all in the arena. */
HF_API enum hf_status hf_annotation_list(struct hf_store *store, uint64_t mailbox, uint64_t user, struct hf_arena *arena,
					 struct hf_annotation_info **list, size_t *count);

struct hf_annotation_limits {
	uint32_t count;      /* of a scope */
	uint64_t size;       /* octets of its names and values together */
	uint64_t user_size;  /* of a user's private ones, and of the shared ones of the user's mailboxes, together */
};
HF_API void hf_annotation_limits(struct hf_store *store, struct hf_annotation_limits *limits);

/* Changing ------------------------------------------------------------------------------------------------------------- */

struct hf_annotate {
	uint64_t mailbox;                     /* 0: the server */
	uint64_t user;                        /* whose private ones; 0: there is none among them */
	const struct hf_annotation *entries;  /* names may have a value (above); of two with one name the later counts */
	size_t count;
	bool use_given;                       /* the mailbox's special use is set as well */
	uint32_t special_use;
	uint64_t origin;                      /* hf_annotation_watch_id() of who is not to be told, 0: nobody */
};
/* All or none. HF_ENONEXISTENT: mailbox or user gone; HF_ELIMIT: too many entries; HF_ETOOBIG: they would be too large together;
 * HF_EOVERQUOTA: all annotations of the user would. What makes less is never refused. */
HF_API struct hf_op *hf_op_annotate(struct hf_store *store, const struct hf_annotate *what);

/* News ----------------------------------------------------------------------------------------------------------------- */

struct hf_annotation_change {
	uint64_t mailbox; /* 0: the server */
	uint64_t owner;   /* of the mailbox */
	struct hf_str name;
};

/* Collects the names of what changes from now on and `user` may see: private ones of the user; shared ones of the server, of the user's
 * own mailboxes and of those in which the user has the right l. `waiter` (NULL: none) is woken once there is something, and
 * again after that has been taken. */
HF_API struct hf_annotation_watch *hf_annotation_watch(struct hf_store *store, uint64_t user, struct hf_waiter *waiter);
HF_API void hf_annotation_unwatch(struct hf_annotation_watch **watch);
HF_API uint64_t hf_annotation_watch_id(const struct hf_annotation_watch *watch);
HF_API bool hf_annotation_has_news(struct hf_annotation_watch *watch);
/* Takes what has come, each name once, in order of mailbox and name; in the arena. True: there was too much of it, and what
 * came is lost. */
HF_API bool hf_annotation_news(struct hf_annotation_watch *watch, struct hf_arena *arena, struct hf_annotation_change **list,
			       size_t *count);

#endif

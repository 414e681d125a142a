/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of rights from inside: rights_table.c looks things up, rights_publish.c changes them. */
#ifndef HF_STORAGE_RIGHTS_TABLE_PRIV_H
#define HF_STORAGE_RIGHTS_TABLE_PRIV_H

#include <pthread.h>

#include "base/compiler.h"
#include "storage/rights_priv.h"

struct pointers {
	void **at;
	size_t count, capacity;
};

struct identity {
	struct hf_str name; /* `text` */
	char *text;
	uint64_t user;      /* who bears the name; 0: nobody, or no user's name */
	struct pointers lists; /* struct acl_list *: those that name it, each once */
	struct pointers links; /* struct identity *: the groups of a user, the members of a group */
	bool named;            /* while lists go: seen already */
};

struct acl_entry {
	struct identity *who;
	bool negative;
	uint32_t rights;
};

struct acl_owner {
	uint64_t owner;
	size_t lists, entries;
};

struct acl_list {
	uint64_t mailbox, owner;
	struct acl_owner *owned;
	bool doomed; /* it goes, together with others */
	struct acl_entry *entries;
	size_t count, capacity;
};

struct watched {
	uint64_t user;
	struct pointers waiters;
};

struct rights {
	pthread_rwlock_t lock;
	void *lists HF_GUARDED_BY(lock);      /* trees of <search.h> */
	void *owners HF_GUARDED_BY(lock);     /* those who have lists */
	void *identities HF_GUARDED_BY(lock); /* by name */
	void *users HF_GUARDED_BY(lock);      /* those of them that somebody bears, by user */
	struct identity *anyone;
	uint64_t version; /* atomic */

	pthread_mutex_t watch;
	void *watched HF_GUARDED_BY(watch);
};

/* Several at once may be read while nobody changes them; what is found is borrowed while `lock` is held. */
struct acl_list *rights_list_find(struct rights *rights, uint64_t mailbox);
struct identity *rights_identity_find(struct rights *rights, struct hf_str name);
struct identity *rights_user_find(struct rights *rights, uint64_t user);
bool rights_is_group(const struct identity *who);

/* With `lock` held for writing. The identity of the name; `user` bears it unless 0. */
struct identity *rights_identity_get(struct rights *rights, struct hf_str name, uint64_t user);
void rights_identity_bear(struct rights *rights, struct identity *who, uint64_t user);
/* It goes when nothing names it. */
void rights_identity_drop(struct rights *rights, struct identity *who);
struct acl_list *rights_list_get(struct rights *rights, uint64_t mailbox, uint64_t owner);
struct acl_entry *rights_list_entry(struct acl_list *list, const struct identity *who, bool negative);
void rights_list_set(struct acl_list *list, struct identity *who, bool negative, uint32_t bits);
void rights_list_remove_entry(struct rights *rights, struct acl_list *list, struct acl_entry *entry);
void rights_list_drop_if_empty(struct rights *rights, struct acl_list *list);
/* Nobody's identity points at it any more. */
void rights_list_drop(struct rights *rights, struct acl_list *list);

void rights_pointers_add(struct pointers *p, void *pointer);
bool rights_pointers_has(const struct pointers *p, const void *pointer, size_t *at);
bool rights_pointers_remove(struct pointers *p, const void *pointer);
int rights_order(uint64_t a, uint64_t b);
void *rights_tree_find(void *const *tree, const void *like, int (*compare)(const void *, const void *));
void rights_tree_add(void **tree, void *item, int (*compare)(const void *, const void *));

/* Those whom the identity means and who watch; lock held. */
void rights_wake_identity(struct rights *rights, const struct identity *who);

#endif

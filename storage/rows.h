/* SPDX-License-Identifier: BSD-2-Clause */
/* Every key and every row that the store keeps, in one place. All databases are btrees; keys are big-endian so that they
 * sort by number; every row begins with its version (1 so far). "be32", "be64": fixed width, big-endian; "varint",
 * "varstr": base/buf.h.
 *
 * Files of content (list, email, thread, fts, body.NNNN) have no page checksums, so that one bad bit costs one message:
 * their rows carry a checksum of ours, over the row and its key. The others have DB_CHKSUM. */
#ifndef HF_STORAGE_ROWS_H
#define HF_STORAGE_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/set.h"
#include "base/status.h"
#include "base/str.h"
#include "storage/email.h"
#include "storage/record.h"
#include "storage/seen_priv.h"

#define ROW_VERSION 1
#define STORE_FORMAT 3 /* of the whole store, in row V; a newer one is refused. Raise it when a row changes */
#define STORE_FORMAT_OLDEST 3 /* that can be read; 1 and 2: before the first release */

/* Databases. */
enum table {
	TABLE_META,   /* "meta": everything small, by type (below) */
	TABLE_INDEX,  /* "index": key mailbox be64, uid be32; row struct hf_record in 64 octets */
	TABLE_GONE,   /* "gone": key mailbox be64, modseq be64; row expunged UIDs as ranges */
	TABLE_KEPT,   /* "kept": key mailbox be64, uid be32; row struct row_kept */
	TABLE_LIST,   /* "list": key owner be64, email be64; row memberships and struct hf_list_row */
	TABLE_EMAIL,  /* "email": key owner be64, email be64; row struct row_email */
	TABLE_THREAD, /* "thread": key owner be64, hash of Message-ID be64; row struct row_thread */
	TABLE_FTS,    /* "fts": key owner be64, email be64; row text signature; may be missing */
	TABLE_BODY    /* "body.NNNN": key content be64, part be32; TABLE_BODY + n is body.n */
};
#define TABLE_CONTENT(content) ((unsigned)TABLE_BODY + (unsigned)((content) >> CONTENT_FILE_SHIFT))
#define CONTENT_FILE_SHIFT 48 /* content id: number of the body file above, serial number below */
#define BODY_FILES_MAX 4096

/* Types of the rows in `meta`: the first octet of the key. "Held" ones have their place in the format; their commands come
 * later, and nothing writes them yet. */
enum meta_type {
	META_ANNOTATION = 'A',   /* mailbox be64 (0: server), user be64 (0: shared), entry name; struct row_annotation; without a
				    name: struct row_scope (RFC 5464) */
	META_GROUP = 'B',        /* 'g', group varstr, user name; 'u', user name varstr, group: membership, both ways; nothing more */
	META_SECRET = 'C',       /* user be64, mechanism varstr, label varstr; secret as text */
	META_DELIVERED = 'D',    /* user be64, mailbox be64, hash of sender and content; time be64, uid be32 */
	META_GARBAGE = 'G',      /* content be64; content that nothing references, to be deleted */
	META_RETENTION = 'H',    /* mailbox be64; its own time of retention in seconds be64, 0: messages stay */
	META_ALIAS = 'I',        /* canonical name; user be64 */
	META_JOB = 'J',          /* kind u8, id be64; work left over: JOB_* below; owner be64 */
	META_DUE = 'K',          /* time be64, mailbox be64, uid be32 (of a row `kept`; 0: the deleted mailbox itself); until then; owner be64,
				  * of a mailbox also the serial be64 of its row X, 0: none */
	META_LISTING = 'L',      /* owner be64, mailbox name; mailbox be64 */
	META_MAILBOX = 'M',      /* mailbox be64; struct row_mailbox */
	META_NAME = 'N',         /* canonical user name; user be64 */
	META_GRANTED = 'O',      /* identifier varstr, mailbox be64; the R row the other way round, nothing more */
	META_PENDING = 'P',      /* kind u8, id be64; what a crash leaves half done: PENDING_* below; time be64 */
	META_QUOTA = 'Q',        /* quota root id be64; limits and use. Held (RFC 9208; a user's own are in its row) */
	META_RIGHTS = 'R',       /* mailbox be64, identifier; rights be32 (RFC 4314) */
	META_SUBSCRIPTION = 'S', /* owner be64, mailbox name; nothing more */
	META_EXPIRY = 'T',       /* time be64, user be64, mailbox be64, hash; the D row that ends then; user be64, mailbox be64 of others of that hash */
	META_USER = 'U',         /* user be64; struct row_user */
	META_VERSION = 'V',      /* 0: format be32, created be64, key of 32 octets; 1: struct row_counters */
	META_SEEN = 'W',         /* mailbox be64, user be64, UID / 8192 be32; UIDs that a user who is not the owner has seen */
	META_DELETED = 'X'       /* owner be64, name, 0, complement of a serial be64; a deleted mailbox that can be brought back: struct row_deleted */
};

enum { GROUP_MEMBER = 'g', GROUP_OF_USER = 'u' };

/* PENDING_CONTENT: chunks written ahead of their message; start-up makes them garbage.
 * PENDING_COPY: index rows from UIDNEXT on are a copy not yet finished; start-up removes them. */
enum { PENDING_CONTENT = 'c', PENDING_COPY = 'm' };
/* JOB_USER: everything of a deleted user goes. JOB_DEAD: index rows of messages that have left are still there; id: the mailbox,
 * then modseq be64 of the change by which they left; row struct row_dead. */
enum { JOB_USER = 'u', JOB_DEAD = 'd' };

#define ROW_KEY_MAX 1600
struct row_key {
	size_t size;
	uint8_t data[ROW_KEY_MAX];
};

static inline struct hf_str key_str(const struct row_key *key)
{
	return hf_str_n(key->data, key->size);
}

void key_begin(struct row_key *key, enum meta_type type);
void key_add_u8(struct row_key *key, uint8_t n);
void key_add_be32(struct row_key *key, uint32_t n);
void key_add_be64(struct row_key *key, uint64_t n);
void key_add_str(struct row_key *key, struct hf_str s);
void key_add_varstr(struct row_key *key, struct hf_str s);

void key_id(struct row_key *key, enum meta_type type, uint64_t id);                      /* U M G */
void key_named(struct row_key *key, enum meta_type type, struct hf_str name);            /* N I */
void key_owned(struct row_key *key, enum meta_type type, uint64_t owner, struct hf_str name); /* L S */
void key_kind(struct row_key *key, enum meta_type type, uint8_t kind, uint64_t id);      /* P J */
void key_dead(struct row_key *key, uint64_t mailbox, struct hf_mod modseq); /* J */
void key_version(struct row_key *key, uint8_t which);
void key_secret(struct row_key *key, uint64_t user, struct hf_str mechanism, struct hf_str label);
void key_due(struct row_key *key, int64_t time, uint64_t mailbox, struct hf_uid uid);
void key_deleted(struct row_key *key, uint64_t owner, struct hf_str name, uint64_t serial); /* of one name, the latest first */
void key_delivered(struct row_key *key, uint64_t user, uint64_t mailbox, const uint8_t hash[32]);
#define EXPIRY_MAX 48 /* recipients in one row T */
void key_expiry(struct row_key *key, int64_t time, uint64_t user, uint64_t mailbox, const uint8_t hash[32]);

#define ROW_ANNOTATION_ENTRY 17 /* where the name begins */
void key_annotation(struct row_key *key, uint64_t mailbox, uint64_t user, struct hf_str entry);
void key_rights(struct row_key *key, uint64_t mailbox, struct hf_str identifier);
void key_granted(struct row_key *key, struct hf_str identifier, uint64_t mailbox);
void key_member(struct row_key *key, struct hf_str group, struct hf_str user);
void key_member_of(struct row_key *key, struct hf_str user, struct hf_str group);
void key_seen(struct row_key *key, uint64_t mailbox, uint64_t user, uint32_t block);

void key_message(struct row_key *key, uint64_t mailbox, struct hf_uid uid); /* index, kept */
void key_gone(struct row_key *key, uint64_t mailbox, struct hf_mod modseq);
void key_email(struct row_key *key, uint64_t owner, uint64_t email); /* list, email, fts */
void key_thread(struct row_key *key, uint64_t owner, struct hf_str message_id);
void key_part(struct row_key *key, uint64_t content, uint32_t part);

/* Rows of ids: version, be64. D, K, T and the like are this with more behind. */
void row_id_encode(uint64_t id, struct hf_buf *out);
enum hf_status row_id_decode(struct hf_str in, uint64_t *id);

/* R: version, rights be32. */
void row_rights_encode(uint32_t rights, struct hf_buf *out);
enum hf_status row_rights_decode(struct hf_str in, uint32_t *rights);

/* W: version, what is seen, number of levels u8, for each its modseq varint and its UIDs, number of recent changes u8, for each the distance
 * of its UID from the one before it and its modseq, varints. A set of UIDs is: kind u8, then as ranges (0): count varint, then as in
 * `gone`, UIDs counted from the first of the block; or as a bitmap (1): octet i bit j is UID 8 i + j of the block. Whichever is smaller. */
bool row_seen_encode(const struct seen_block *block, struct hf_buf *out); /* false: nothing was ever seen, no row */
enum hf_status row_seen_decode(struct hf_str in, struct seen_block *block); /* number is not in the row */

/* V 1. */
struct row_counters {
	uint64_t next_user, next_mailbox;
	uint32_t uidvalidity;   /* the last one given out */
	uint64_t content_limit; /* serial numbers of content below this may have been used */
	uint32_t body_file;     /* the one that grows */
};
void row_counters_encode(const struct row_counters *row, struct hf_buf *out);
enum hf_status row_counters_decode(struct hf_str in, struct row_counters *row);

/* U. */
enum { USER_DISABLED = 1, USER_DELETED = 2, USER_SHARED = 4 /* owns the shared namespace; nobody's */ };
#define USER_SHARED_ID (UINT64_C(1) << 48) /* above all that are given out */
struct row_user {
	uint32_t flags; /* USER_* */
	int64_t created;
	uint64_t used_size, used_count;
	uint64_t limit_size, limit_count; /* 0: none */
	uint64_t used_mailboxes, limit_mailboxes;
	uint64_t last_email;
	uint64_t annotations_size; /* of private annotations, and of shared ones of the user's mailboxes: names and values */
	struct hf_str name;
};
void row_user_encode(const struct row_user *row, struct hf_buf *out);
enum hf_status row_user_decode(struct hf_arena *arena, struct hf_str in, struct row_user *row);

/* X. The mailbox row stays meanwhile, with MAILBOX_DELETED, and so do its index rows: to bring it back costs the same whatever is in it. */
enum { DELETED_NAME_USED = 1 }; /* another mailbox has had the name since */
struct row_deleted {
	uint64_t mailbox;
	int64_t time, due; /* of the deletion; until when it can be brought back: the time in its row K */
	uint32_t flags;    /* DELETED_* */
};
void row_deleted_encode(const struct row_deleted *row, struct hf_buf *out);
enum hf_status row_deleted_decode(struct hf_str in, struct row_deleted *row);

/* A. */
struct row_annotation {
	struct hf_str written; /* the name as it was given; empty: as in the key */
	struct hf_str value;
};
void row_annotation_encode(const struct row_annotation *row, struct hf_buf *out);
enum hf_status row_annotation_decode(struct hf_str in, struct row_annotation *row); /* borrowed */
/* All annotations of a mailbox that are shared, or private to one user. There is one while there are any. */
struct row_scope {
	uint32_t count;
	uint64_t size; /* of names and values */
};
void row_scope_encode(const struct row_scope *row, struct hf_buf *out);
enum hf_status row_scope_decode(struct hf_str in, struct row_scope *row);

/* M. What changes with every message comes first and has a fixed size: little log. */
enum { MAILBOX_DELETED = 1 };
struct row_mailbox {
	uint32_t uidnext;
	uint64_t highestmodseq;
	uint32_t messages, unseen, deleted, recent;
	uint32_t recent_from; /* first UID that no session has been given as \Recent */
	uint64_t size, deleted_size;
	uint64_t gone_floor;  /* the history of expunges is complete above this modseq */
	uint32_t gone_count;  /* rows of it */
	uint32_t flags;       /* MAILBOX_* */
	uint64_t owner;
	uint32_t uidvalidity;
	uint32_t special_use;
	int64_t created;
	struct hf_str name;
	unsigned keyword_count;
	struct hf_str keywords[HF_KEYWORDS_MAX];
};
void row_mailbox_encode(const struct row_mailbox *row, struct hf_buf *out);
enum hf_status row_mailbox_decode(struct hf_arena *arena, struct hf_str in, struct row_mailbox *row);

/* index: version 1, flags 3, keywords 8, modseq 8, size 5, internaldate 5, saved 5, sent 5, email 8, thread 8, zone 2, spare 6.
 * Dates are seconds since 1970 plus 2^39. */
#define ROW_INDEX_SIZE 64
void row_index_encode(const struct hf_record *record, uint8_t out[ROW_INDEX_SIZE]);
enum hf_status row_index_decode(struct hf_uid uid, struct hf_str in, struct hf_record *record);

/* kept: some messages that left together, ascending by UID; the row's key has the UID of what was then the first of them, and keeps
 * it for the row's life: the K row names it. Version 1, time be64, modseq be64, then for each the distance of its UID from the one
 * before it (from the key's), varint, and its index row. So many stay on their page. */
#define KEPT_RECORDS 14
struct row_kept {
	int64_t time;         /* of the expunge */
	struct hf_mod modseq; /* of the expunge */
	unsigned count;
	struct hf_record records[KEPT_RECORDS];
};
void row_kept_encode(struct hf_uid key, const struct row_kept *row, struct hf_buf *out);
enum hf_status row_kept_decode(struct hf_uid key, struct hf_str in, struct row_kept *row);

/* A job of JOB_DEAD: version, time be64, 1 if they are to be kept, then as a row `gone`. */
struct row_dead {
	int64_t time;
	bool keep;
};
void row_dead_encode(const struct row_dead *row, const struct hf_set *uids, struct hf_buf *out);
enum hf_status row_dead_decode(struct hf_str in, struct row_dead *row, struct hf_set *uids); /* adds */

/* gone: version, count varint, then for each range the distance from the end of the last and its length, varints. */
void row_gone_encode(const struct hf_set *uids, struct hf_buf *out);
enum hf_status row_gone_decode(struct hf_str in, struct hf_set *uids); /* adds */

/* list: version 1, memberships be32 (index and kept rows with this email; not under the checksum, it is patched in place),
 * checksum be64, payload: struct hf_list_row. The payload is made before the ids are known. */
#define ROW_LIST_REFS_OFFSET 1
#define ROW_LIST_HEAD 13
#define ROW_LIST_TARGET 980 /* up to here a row stays on its page; optional parts that do not fit are left out */
#define ROW_LIST_REFERENCES 20
void row_list_payload(const struct hf_list_row *row, struct hf_buf *out);
bool row_list_has_headers(struct hf_str payload);
void row_list_encode(uint64_t owner, uint64_t email, uint32_t refs, struct hf_str payload, struct hf_buf *out);
enum hf_status row_list_refs(struct hf_str in, uint32_t *refs);
/* Checks and cuts off the head. */
enum hf_status row_list_open(uint64_t owner, uint64_t email, struct hf_str in, struct hf_str *payload);
/* Strings are borrowed; `references` has room for ROW_LIST_REFERENCES. */
enum hf_status row_list_decode(struct hf_str payload, struct hf_str *references, struct hf_list_row *row);

/* email: version 1, checksum be64, payload: content be64, content size varint, split varint, header size varint (both
 * without prefix), prefix varstr, bodystructure varstr, 1 and the headers of struct hf_list_row (varstr) if there was no room for them
 * there, else 0, then hf_message_encode(). */
#define ROW_EMAIL_HEAD 9
struct row_email {
	uint64_t content;
	uint64_t content_size;
	uint32_t split;       /* octets of the header part, see below */
	uint64_t header_size; /* of the content */
	struct hf_str prefix, bodystructure, message;
	struct hf_str headers; /* data NULL: none here */
};
void row_email_payload(const struct row_email *row, struct hf_buf *out);
void row_email_encode(uint64_t owner, uint64_t email, struct hf_str payload, struct hf_buf *out);
enum hf_status row_email_open(uint64_t owner, uint64_t email, struct hf_str in, struct hf_str *payload);
enum hf_status row_email_decode(struct hf_str payload, struct row_email *row); /* borrowed */

/* thread: version 1, thread be64, count be32 (emails that bear or cite the Message-ID), then the ids of at most
 * ROW_THREAD_EMAILS of them, be64. Without a checksum: a wrong row joins or parts conversations, no more. */
#define ROW_THREAD_EMAILS 32
struct row_thread {
	uint64_t thread;
	uint32_t count;
	unsigned email_count;
	uint64_t emails[ROW_THREAD_EMAILS];
};
void row_thread_encode(const struct row_thread *row, struct hf_buf *out);
enum hf_status row_thread_decode(struct hf_str in, struct row_thread *row);

/* fts: version 1, checksum be64, then the signature (storage/signature.h): rules of decoding and hashing u8, Unicode version of the
 * folding be16 (0: all text is ASCII), log2 of the bits of the two filters u8 each (0: no filter, contains everything), the filters of
 * the header with the prefix and of the body: at least 4 bits for each trigram. An email without this row is scanned. */
void row_fts_encode(uint64_t owner, uint64_t email, struct hf_str signature, struct hf_buf *out);
enum hf_status row_fts_open(uint64_t owner, uint64_t email, struct hf_str in, struct hf_str *signature);

/* body.NNNN. Part 0: version 1, references be32 (email rows; not under the checksum), checksum be64, size be64, split be32,
 * chunk count be32. Part 1: the first `split` octets (the header), where there is a split: content above CONTENT_SPLIT_MIN.
 * Parts 2..: CHUNK_SIZE octets each of what follows. Part 1 and on: version 1, codec u8, octets be32, checksum be64, data. */
#define CHUNK_SIZE (128u * 1024)
#define CONTENT_SPLIT_MIN (16u * 1024)
#define CONTENT_SPLIT_MAX (64u * 1024) /* a larger header is not split off */
#define PART_HEAD 0u
#define PART_HEADER 1u
#define PART_CHUNK 2u
#define ROW_CONTENT_REFS_OFFSET 1
struct row_content {
	uint32_t refs;
	uint64_t size;
	uint32_t split;
	uint32_t chunks;
};
void row_content_encode(uint64_t content, const struct row_content *row, struct hf_buf *out);
enum hf_status row_content_decode(uint64_t content, struct hf_str in, struct row_content *row);

#define ROW_CHUNK_HEAD 14
enum { CODEC_RAW = 0, CODEC_ZSTD = 1, CODEC_LZ4 = 2 };
/* Compresses where that is worth it, `compact`: more; at most CHUNK_SIZE octets. */
void row_chunk_encode(uint64_t content, uint32_t part, struct hf_str data, bool compact, struct hf_buf *out);
/* Of `size` octets, which it must have, the first `least` or more. *data points into `in` or into `scratch`. */
enum hf_status row_chunk_decode(uint64_t content, uint32_t part, struct hf_str in, size_t size, size_t least,
				struct hf_buf *scratch, struct hf_str *data);

/* All of exactly `size` octets, to where they are wanted. */
enum hf_status row_chunk_decode_to(uint64_t content, uint32_t part, struct hf_str in, char *to, size_t size);

/* Over the data and where it belongs: rows that changed places are noticed. */
uint64_t row_checksum(uint64_t a, uint64_t b, struct hf_str data);

#endif

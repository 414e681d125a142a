/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys of all databases. Names are limited before they come here; a key that does not fit is a bug. */

#include "base/assert.h"
#include "base/digest.h"
#include "storage/rows.h"

void key_begin(struct row_key *key, enum meta_type type)
{
	key->size = 1;
	key->data[0] = (uint8_t)type;
}

void key_add_u8(struct row_key *key, uint8_t n)
{
	hf_assert(key->size < ROW_KEY_MAX);
	key->data[key->size++] = n;
}

void key_add_be32(struct row_key *key, uint32_t n)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		key_add_u8(key, (uint8_t)(n >> shift));
}

void key_add_be64(struct row_key *key, uint64_t n)
{
	key_add_be32(key, (uint32_t)(n >> 32));
	key_add_be32(key, (uint32_t)n);
}

void key_add_str(struct row_key *key, struct hf_str s)
{
	hf_assert(s.size <= ROW_KEY_MAX - key->size);
	if (s.size)
		memcpy(key->data + key->size, s.data, s.size);
	key->size += s.size;
}

void key_add_varstr(struct row_key *key, struct hf_str s)
{
	size_t n = s.size;

	for (; n >= 128; n >>= 7)
		key_add_u8(key, (uint8_t)(n | 128));
	key_add_u8(key, (uint8_t)n);
	key_add_str(key, s);
}

void key_id(struct row_key *key, enum meta_type type, uint64_t id)
{
	key_begin(key, type);
	key_add_be64(key, id);
}

void key_named(struct row_key *key, enum meta_type type, struct hf_str name)
{
	key_begin(key, type);
	key_add_str(key, name);
}

void key_owned(struct row_key *key, enum meta_type type, uint64_t owner, struct hf_str name)
{
	key_id(key, type, owner);
	key_add_str(key, name);
}

void key_kind(struct row_key *key, enum meta_type type, uint8_t kind, uint64_t id)
{
	key_begin(key, type);
	key_add_u8(key, kind);
	key_add_be64(key, id);
}

void key_dead(struct row_key *key, uint64_t mailbox, struct hf_mod modseq)
{
	key_kind(key, META_JOB, JOB_DEAD, mailbox);
	key_add_be64(key, modseq.n);
}

void key_version(struct row_key *key, uint8_t which)
{
	key_begin(key, META_VERSION);
	key_add_u8(key, which);
}

void key_secret(struct row_key *key, uint64_t user, struct hf_str mechanism, struct hf_str label)
{
	key_id(key, META_SECRET, user);
	key_add_varstr(key, mechanism);
	key_add_varstr(key, label);
}

void key_due(struct row_key *key, int64_t time, uint64_t mailbox, struct hf_uid uid)
{
	key_id(key, META_DUE, (uint64_t)time);
	key_add_be64(key, mailbox);
	key_add_be32(key, uid.n);
}

void key_annotation(struct row_key *key, uint64_t mailbox, uint64_t user, struct hf_str entry)
{
	key_id(key, META_ANNOTATION, mailbox);
	key_add_be64(key, user);
	key_add_str(key, entry);
}

void key_delivered(struct row_key *key, uint64_t user, uint64_t mailbox, const uint8_t hash[32])
{
	key_id(key, META_DELIVERED, user);
	key_add_be64(key, mailbox);
	key_add_str(key, hf_str_n(hash, 32));
}

void key_expiry(struct row_key *key, int64_t time, uint64_t user, uint64_t mailbox, const uint8_t hash[32])
{
	key_id(key, META_EXPIRY, (uint64_t)time);
	key_add_be64(key, user);
	key_add_be64(key, mailbox);
	key_add_str(key, hf_str_n(hash, 32));
}

void key_deleted(struct row_key *key, uint64_t owner, struct hf_str name, uint64_t serial)
{
	key_owned(key, META_DELETED, owner, name);
	key_add_u8(key, 0);
	key_add_be64(key, ~serial);
}

void key_rights(struct row_key *key, uint64_t mailbox, struct hf_str identifier)
{
	key_owned(key, META_RIGHTS, mailbox, identifier);
}

void key_granted(struct row_key *key, struct hf_str identifier, uint64_t mailbox)
{
	key_begin(key, META_GRANTED);
	key_add_varstr(key, identifier);
	key_add_be64(key, mailbox);
}

static void key_pair(struct row_key *key, uint8_t way, struct hf_str first, struct hf_str second)
{
	key_begin(key, META_GROUP);
	key_add_u8(key, way);
	key_add_varstr(key, first);
	key_add_str(key, second);
}

void key_member(struct row_key *key, struct hf_str group, struct hf_str user)
{
	key_pair(key, GROUP_MEMBER, group, user);
}

void key_member_of(struct row_key *key, struct hf_str user, struct hf_str group)
{
	key_pair(key, GROUP_OF_USER, user, group);
}

void key_seen(struct row_key *key, uint64_t mailbox, uint64_t user, uint32_t block)
{
	key_id(key, META_SEEN, mailbox);
	key_add_be64(key, user);
	key_add_be32(key, block);
}

void key_message(struct row_key *key, uint64_t mailbox, struct hf_uid uid)
{
	key->size = 0;
	key_add_be64(key, mailbox);
	key_add_be32(key, uid.n);
}

void key_gone(struct row_key *key, uint64_t mailbox, struct hf_mod modseq)
{
	key_email(key, mailbox, modseq.n);
}

void key_email(struct row_key *key, uint64_t owner, uint64_t email)
{
	key->size = 0;
	key_add_be64(key, owner);
	key_add_be64(key, email);
}

void key_thread(struct row_key *key, uint64_t owner, struct hf_str message_id)
{
	key_email(key, owner, hf_checksum(message_id.data, message_id.size));
}

void key_part(struct row_key *key, uint64_t content, uint32_t part)
{
	key_message(key, content, HF_UID(part));
}

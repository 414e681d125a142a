/* SPDX-License-Identifier: BSD-2-Clause */
#include "module/imap/mailbox.h"
#include "tests/base/base_test.h"

static const struct {
	const char *given, *normal;
	bool own;
	const char *owner;
} names[] = {
	{ "INBOX", "INBOX", true, "" },
	{ "Other UsersX/a/b", "Other UsersX/a/b", true, "" },
	{ "other users/A/inbox", "other users/A/inbox", true, "" },
	{ "Other Users", "Other Users", false, "" },
	{ "Shared Folders", "Shared Folders", false, "" },
	{ "Other Users/Anna@Example.ORG", "Other Users/anna@example.org", false, "" },
	{ "Other Users/Anna@Example.ORG/Team/A", "Other Users/anna@example.org/Team/A", false, "anna@example.org" },
	{ "Other Users/anna/inbox", "Other Users/anna/INBOX", false, "anna" },
	{ "Other Users/anna/iNbOx/inbox", "Other Users/anna/INBOX/inbox", false, "anna" },
	{ "Other Users/anna/inboxes", "Other Users/anna/inboxes", false, "anna" },
	{ "Other Users/J\xc3\x9cRGEN/x", "Other Users/j\xc3\x9crgen/x", false, "j\xc3\x9crgen" }, /* letters of ASCII only, as in accounts */
	{ "Shared Folders/News", "Shared Folders/News", false, "" },
	{ "Shared Folders/inbox/x", "Shared Folders/INBOX/x", false, "" },
};

START_TEST(a_name_has_one_form_and_one_owner)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_str normal = imap_mailbox_normal(hf_str(names[_i].given), arena), owner;

	assert_octets(normal, hf_str(names[_i].normal));
	assert_octets(imap_mailbox_normal(normal, arena), normal);
	ck_assert_int_eq(imap_mailbox_is_in_own_tree(normal), names[_i].own);
	imap_mailbox_owner(normal, &owner);
	assert_octets(owner, hf_str(names[_i].owner));
	hf_arena_free(&arena);
}
END_TEST

START_TEST(rights_are_flags)
{
	ck_assert_uint_eq(imap_rights_flags(0), 0);
	ck_assert_uint_eq(imap_rights_flags(HF_RIGHT_SEEN), HF_FLAG_SEEN);
	ck_assert_uint_eq(imap_rights_flags(HF_RIGHT_DELETE), HF_FLAG_DELETED);
	ck_assert_uint_eq(imap_rights_flags(HF_RIGHT_WRITE), HF_FLAG_ANSWERED | HF_FLAG_FLAGGED | HF_FLAG_DRAFT);
	ck_assert_uint_eq(imap_rights_flags(HF_RIGHTS_ALL), HF_FLAGS_ALL);
	ck_assert_uint_eq(imap_rights_flags(HF_RIGHT_LOOKUP | HF_RIGHT_READ | HF_RIGHT_INSERT | HF_RIGHT_ADMIN), 0);
}
END_TEST

/* RFC 4314 §5.2, where \Seen is not shared. */
START_TEST(some_rights_make_it_read_write)
{
	static const uint32_t writing = HF_RIGHT_INSERT | HF_RIGHT_EXPUNGE | HF_RIGHT_WRITE | HF_RIGHT_DELETE;

	for (uint32_t right = 1; right < HF_RIGHTS_ALL; right <<= 1)
		ck_assert_int_eq(imap_rights_are_writing(HF_RIGHT_READ | right), (right & writing) != 0);
	ck_assert(imap_rights_are_writing(HF_RIGHTS_ALL));
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, a_name_has_one_form_and_one_owner, 0, (int)HF_COUNT(names));
	tcase_add_test(tc, rights_are_flags);
	tcase_add_test(tc, some_rights_make_it_read_write);
}

int main(void)
{
	return run_tests("imap mailbox", add);
}

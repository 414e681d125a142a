/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/module/lmtp/lmtp_test.h"

#include "storage/rights.h"

/* The accounts that there are. */
static const char *const users[] = { "anna@example.org", "bob", "o'neil+x@example.org",
				     "carl+lists", "j\xc3\xbcrgen@example.org" };
static enum hf_status trouble;

enum hf_status hf_user_find(struct hf_store *store, struct hf_str name, struct hf_arena *arena,
			    struct hf_user *user)
{
	(void)store;
	if (trouble != HF_OK)
		return trouble;
	for (size_t i = 0; i < HF_COUNT(users); i++) {
		if (hf_str_ieq(name, hf_str(users[i]))) {
			*user = (struct hf_user){ .id = i + 1,
						  .name = hf_arena_str(arena, hf_str(users[i])) };
			return HF_OK;
		}
	}
	return HF_ENONEXISTENT;
}

/* One shared mailbox to which anyone may post, one to which nobody may. */
enum { SHARED = 99, POSTED = 7, CLOSED = 8 };

uint64_t hf_shared_account(struct hf_store *store)
{
	(void)store;
	return SHARED;
}

uint32_t hf_rights_of_anyone(struct hf_store *store, uint64_t mailbox)
{
	(void)store;
	return mailbox == POSTED ? HF_RIGHT_POST : HF_RIGHTS_ALL & ~HF_RIGHT_POST;
}

enum hf_status hf_account_open(struct hf_store *store, uint64_t user, struct hf_account **account)
{
	(void)store;
	ck_assert_uint_eq(user, SHARED);
	*account = NULL;
	return HF_OK;
}

void hf_account_close(struct hf_account **account)
{
	*account = NULL;
}

enum hf_status hf_account_find(struct hf_account *account, struct hf_str name, struct hf_arena *arena,
			       struct hf_mailbox_info *info)
{
	(void)account;
	(void)arena;
	*info = (struct hf_mailbox_info){ .name = name };
	if (hf_str_eq(name, HF_STR("Lists/Dev")))
		info->id = POSTED;
	else if (hf_str_eq(name, HF_STR("Board")))
		info->id = CLOSED;
	return info->id ? HF_OK : HF_ENONEXISTENT;
}

static enum hf_status find(const char *text, struct lmtp_rcpt *rcpt)
{
	struct hf_str in = hf_str(text);
	struct lmtp_path path;

	ck_assert_int_eq(lmtp_path_parse(test_session.arena, &in, &path), HF_OK);
	return lmtp_rcpt_find(&test_session, test_session.arena, &path, rcpt);
}

static const struct {
	const char *text;
	uint64_t user; /* 0: unknown */
	const char *mailbox;
} found[] = {
	{ "<anna@example.org>", 1, "" },
	{ "<Anna@EXAMPLE.org>", 1, "" },
	{ "<anna+Work@example.org>", 1, "Work" },
	{ "<anna+Work/2026@example.org>", 1, "Work/2026" },
	{ "<anna+a+b@example.org>", 1, "a+b" },
	{ "<anna+inbox@example.org>", 1, "INBOX" },
	{ "<anna+@example.org>", 1, "" },
	{ "<\"anna+two words\"@example.org>", 1, "two words" },
	{ "<\"anna+/etc\"@example.org>", 1, "" }, /* no mailbox name: INBOX */
	{ "<anna+a%b@example.org>", 1, "" },
	{ "<anna+a//b@example.org>", 1, "" },
	{ "<anna@example.net>", 0, NULL },
	{ "<anna>", 0, NULL },
	{ "<bob>", 2, "" },
	{ "<bob@anywhere.example>", 2, "" }, /* fallback to the bare name */
	{ "<bob+x@anywhere.example>", 2, "x" },
	{ "<o'neil+x@example.org>", 3, "" }, /* the whole local part first */
	{ "<o'neil@example.org>", 0, NULL },
	{ "<carl+lists@example.org>", 4, "" },
	{ "<+bob@example.org>", 0, NULL }, /* a delimiter in front belongs to the name */
	{ "<j\xc3\xbcrgen+\xc3\x84pfel@example.org>", 5, "\xc3\x84pfel" },
	{ "<\"\"@example.org>", 0, NULL },
	{ "<nobody@example.org>", 0, NULL },
};

START_TEST(addresses_find_account_and_mailbox)
{
	struct lmtp_rcpt rcpt;

	ck_assert_int_eq(find(found[_i].text, &rcpt), found[_i].user ? HF_OK : HF_ENONEXISTENT);
	if (!found[_i].user)
		return;
	ck_assert_uint_eq(rcpt.user, found[_i].user);
	assert_octets(rcpt.mailbox, hf_str(found[_i].mailbox));
	assert_octets(rcpt.user_name, hf_str(users[found[_i].user - 1]));
	assert_octets(rcpt.address, hf_str_n(found[_i].text + 1, strlen(found[_i].text) - 2));
}
END_TEST

START_TEST(a_shared_mailbox_takes_mail_where_anyone_may_post)
{
	static const char *const unknown[] = { "<shared@a>",	   "<shared+@a>", "<shared+Board@a>", "<shared+None@a>",
					       "<shared+a//b@a>", "<shared+Lists@a>" };
	struct lmtp_rcpt rcpt;

	ck_assert_int_eq(find("<shared+Lists/Dev@example.org>", &rcpt), HF_ENONEXISTENT); /* it is off */
	test_settings.shared_recipient = "";
	ck_assert_int_eq(find("<shared+Lists/Dev@example.org>", &rcpt), HF_ENONEXISTENT);
	test_settings.shared_recipient = "shared";
	ck_assert_int_eq(find("<Shared+Lists/Dev@any.example>", &rcpt), HF_OK);
	ck_assert_uint_eq(rcpt.user, SHARED);
	assert_octets(rcpt.mailbox, HF_STR("Lists/Dev"));
	assert_octets(rcpt.user_name, HF_STR("shared"));
	for (size_t i = 0; i < HF_COUNT(unknown); i++)
		ck_assert_int_eq(find(unknown[i], &rcpt), HF_ENONEXISTENT);
	ck_assert_int_eq(find("<anna+Lists/Dev@example.org>", &rcpt), HF_OK);
	ck_assert_uint_eq(rcpt.user, 1);
	test_settings.shared_recipient = "bob"; /* an account comes first */
	ck_assert_int_eq(find("<bob+Lists/Dev>", &rcpt), HF_OK);
	ck_assert_uint_eq(rcpt.user, 2);
}
END_TEST

START_TEST(the_domain_rule_decides)
{
	struct lmtp_rcpt rcpt;

	test_settings.domain = LMTP_DOMAIN_KEEP;
	ck_assert_int_eq(find("<bob@anywhere.example>", &rcpt), HF_ENONEXISTENT);
	ck_assert_int_eq(find("<bob>", &rcpt), HF_OK);
	ck_assert_int_eq(find("<anna@example.org>", &rcpt), HF_OK);
	test_settings.domain = LMTP_DOMAIN_STRIP;
	ck_assert_int_eq(find("<bob@anywhere.example>", &rcpt), HF_OK);
	ck_assert_int_eq(find("<anna@example.org>", &rcpt), HF_ENONEXISTENT);
}
END_TEST

START_TEST(delimiters_are_configurable)
{
	struct lmtp_rcpt rcpt;

	test_settings.delimiters = "-_";
	ck_assert_int_eq(find("<anna-Work@example.org>", &rcpt), HF_OK);
	assert_octets(rcpt.mailbox, HF_STR("Work"));
	ck_assert_int_eq(find("<anna_a-b@example.org>", &rcpt), HF_OK);
	assert_octets(rcpt.mailbox, HF_STR("a-b"));
	ck_assert_int_eq(find("<anna+Work@example.org>", &rcpt), HF_ENONEXISTENT);
	test_settings.delimiters = "";
	ck_assert_int_eq(find("<anna-Work@example.org>", &rcpt), HF_ENONEXISTENT);
	test_settings.delimiters = NULL;
	ck_assert_int_eq(find("<anna+Work@example.org>", &rcpt), HF_ENONEXISTENT);
}
END_TEST

START_TEST(our_trouble_is_not_an_unknown_user)
{
	struct lmtp_rcpt rcpt;

	trouble = HF_EUNAVAILABLE;
	ck_assert_int_eq(find("<anna@example.org>", &rcpt), HF_EUNAVAILABLE);
	ck_assert_int_eq(find("<anna+Work@example.org>", &rcpt), HF_EUNAVAILABLE);
	trouble = HF_OK;
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, session_setup, session_teardown);
	tcase_add_test(tc, a_shared_mailbox_takes_mail_where_anyone_may_post);
	tcase_add_loop_test(tc, addresses_find_account_and_mailbox, 0, (int)HF_COUNT(found));
	tcase_add_test(tc, the_domain_rule_decides);
	tcase_add_test(tc, delimiters_are_configurable);
	tcase_add_test(tc, our_trouble_is_not_an_unknown_user);
}

int main(void)
{
	return run_tests("lmtp_lookup", add);
}

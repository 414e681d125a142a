/* SPDX-License-Identifier: BSD-2-Clause */
/* Rights, groups, what a user sees of others, the shared account: as text, by operations, after a restart, and who is woken. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/kept.h"
#include "storage/op_priv.h"
#include "tests/base/base_test.h"
#include "tests/support/store_case.h"

static uint64_t anna, bert, carl, projects;

struct counter {
	struct hf_waiter waiter;
	unsigned woken;
};

static void counter_wake(struct hf_waiter *waiter)
{
	__atomic_add_fetch(&HF_CONTAINER(waiter, struct counter, waiter)->woken, 1, __ATOMIC_RELAXED);
}

static unsigned woken(struct counter *counter)
{
	return __atomic_exchange_n(&counter->woken, 0, __ATOMIC_RELAXED);
}

static void setup(void)
{
	case_begin("rights");
	settings.kept_s = 0;
	store = fixture_open(&settings);
	anna = fixture_user(store, "anna");
	bert = fixture_user(store, "bert");
	carl = fixture_user(store, "carl");
	projects = fixture_mailbox(store, anna, "Projects");
}

static void teardown(void)
{
	case_end();
}

static uint32_t bits(const char *letters)
{
	uint32_t rights = 0;

	ck_assert_int_eq(hf_rights_parse(hf_str(letters), &rights), HF_OK);
	return rights;
}

static enum hf_status set(uint64_t mailbox, const char *identifier, const char *letters)
{
	return run(hf_op_rights(store, mailbox, hf_str(identifier), HF_RIGHTS_SET, bits(letters)));
}

#define assert_list(mailbox, text) assert_list_at((mailbox), (text), __LINE__)
static void assert_list_at(uint64_t mailbox, const char *text, int line)
{
	struct hf_buf out = HF_BUF_INIT;
	struct hf_acl_entry *list;
	size_t count;

	hf_rights_list(store, mailbox, arena, &list, &count);
	for (size_t i = 0; i < count; i++) {
		hf_buf_printf(&out, "%s%.*s=", i ? " " : "", HF_STR_ARG(list[i].identifier));
		hf_rights_write(list[i].rights, false, &out);
	}
	ck_assert_msg(hf_str_eq(hf_buf_str(&out), hf_str(text)), "line %d: %s instead of %s", line, hf_buf_cstr(&out), text);
	hf_buf_fini(&out);
}

#define assert_visible(user, text) assert_visible_at((user), (text), __LINE__)
static void assert_visible_at(uint64_t user, const char *text, int line)
{
	struct hf_buf out = HF_BUF_INIT;
	struct hf_visible *list;
	size_t count;

	hf_visible_list(store, user, arena, &list, &count);
	for (size_t i = 0; i < count; i++) {
		hf_buf_printf(&out, "%s%.*s/%.*s=", i ? " " : "", HF_STR_ARG(list[i].owner_name),
			      HF_STR_ARG(list[i].info.name));
		hf_rights_write(list[i].rights, false, &out);
		ck_assert_uint_eq(list[i].rights, hf_rights_of(store, list[i].info.id, list[i].owner, user));
	}
	ck_assert_msg(hf_str_eq(hf_buf_str(&out), hf_str(text)), "line %d: %s instead of %s", line, hf_buf_cstr(&out), text);
	hf_buf_fini(&out);
}

static struct hf_view *open_view(uint64_t mailbox, uint64_t user, struct hf_waiter *news)
{
	struct hf_view *view = NULL;
	enum hf_status status;

	do {
		status = hf_view_open(store, mailbox, user, true, news, &view);
	} while (status == HF_MORE || status == HF_WAIT);
	ck_assert_int_eq(status, HF_OK);
	return view;
}

static void assert_written(uint32_t rights, bool obsolete, const char *text)
{
	struct hf_buf out = HF_BUF_INIT;

	hf_rights_write(rights, obsolete, &out);
	ck_assert_msg(hf_str_eq(hf_buf_str(&out), hf_str(text)), "%s instead of %s", hf_buf_cstr(&out), text);
	hf_buf_fini(&out);
}

START_TEST(rights_are_read_and_written)
{
	uint32_t rights = 77;

	ck_assert_uint_eq(bits("lrswipkxtea"), HF_RIGHTS_ALL);
	ck_assert_uint_eq(bits("aetxkpiwsrl"), HF_RIGHTS_ALL);
	ck_assert_uint_eq(bits(""), 0);
	ck_assert_uint_eq(bits("c"), HF_RIGHT_CREATE);
	ck_assert_uint_eq(bits("d"), HF_RIGHT_DELETE_MAILBOX | HF_RIGHT_DELETE | HF_RIGHT_EXPUNGE);
	ck_assert_uint_eq(bits("llr"), HF_RIGHT_LOOKUP | HF_RIGHT_READ);
	ck_assert_int_eq(hf_rights_parse(HF_STR("lR"), &rights), HF_EINVALID);
	ck_assert_int_eq(hf_rights_parse(HF_STR("l0"), &rights), HF_EINVALID);
	ck_assert_int_eq(hf_rights_parse(HF_STR("l\0r"), &rights), HF_EINVALID);
	ck_assert_uint_eq(rights, 77);
	assert_written(HF_RIGHTS_ALL, false, "lrswipkxtea");
	assert_written(HF_RIGHTS_ALL, true, "lrswipkxteacd");
	assert_written(bits("lrx"), true, "lrxd");
	assert_written(bits("te"), true, "ted");
	assert_written(bits("lk"), true, "lkc");
	assert_written(bits("lr"), true, "lr");
}
END_TEST

START_TEST(identifiers_are_normalised)
{
	static const struct {
		const char *in, *out;
	} good[] = { { "anyone", "anyone" },	   { "AnyOne", "anyone" },	 { "-anyone", "-anyone" },
		     { "Bert@Example.ORG", "bert@example.org" }, { "group:Staff", "group:staff" },
		     { "-Group:Staff", "-group:staff" },	 { "-bert", "-bert" } };
	static const char *const bad[] = { "", "-", "--bert", "group:", "shared", "a/b", "a\tb", "\xff" };
	struct hf_str normal;
	char big[HF_IDENTIFIER_MAX + 2];

	for (size_t i = 0; i < HF_COUNT(good); i++) {
		ck_assert_int_eq(hf_identifier_check(hf_str(good[i].in), arena, &normal), HF_OK);
		ck_assert_msg(hf_str_eq(normal, hf_str(good[i].out)), "%s", good[i].in);
	}
	for (size_t i = 0; i < HF_COUNT(bad); i++)
		ck_assert_msg(hf_identifier_check(hf_str(bad[i]), arena, &normal) == HF_EINVALID, "%s", bad[i]);
	memset(big, 'a', sizeof(big));
	ck_assert_int_eq(hf_identifier_check(hf_str_n(big, sizeof(big) - 1), arena, &normal), HF_ELIMIT);
}
END_TEST

START_TEST(entries_are_set_added_to_and_taken_away)
{
	uint64_t version = hf_rights_version(store);

	ck_assert_uint_eq(hf_rights_of(store, projects, anna, anna), HF_RIGHTS_ALL);
	ck_assert_uint_eq(hf_rights_of(store, projects, anna, bert), 0);
	ck_assert_uint_eq(hf_rights_of(store, 999999, anna, bert), 0);
	ck_assert_int_eq(set(projects, "Bert", "lrs"), HF_OK);
	ck_assert_uint_gt(hf_rights_version(store), version);
	assert_list(projects, "bert=lrs");
	ck_assert_uint_eq(hf_rights_of(store, projects, anna, bert), bits("lrs"));
	ck_assert_uint_eq(hf_rights_of(store, projects, anna, carl), 0);
	ck_assert_int_eq(run(hf_op_rights(store, projects, HF_STR("bert"), HF_RIGHTS_ADD, bits("wi"))), HF_OK);
	ck_assert_int_eq(set(projects, "anyone", "l"), HF_OK);
	ck_assert_int_eq(set(projects, "-carl", "l"), HF_OK);
	ck_assert_int_eq(set(projects, "nobody@else", "lr"), HF_OK);
	assert_list(projects, "-carl=l anyone=l bert=lrswi nobody@else=lr");
	ck_assert_uint_eq(hf_rights_of(store, projects, anna, carl), 0);
	ck_assert_uint_eq(hf_rights_of_anyone(store, projects), bits("l"));
	ck_assert_int_eq(run(hf_op_rights(store, projects, HF_STR("bert"), HF_RIGHTS_REMOVE, bits("rsa"))), HF_OK);
	reopen();
	assert_list(projects, "-carl=l anyone=l bert=lwi nobody@else=lr");
	ck_assert_uint_eq(hf_rights_of(store, projects, anna, bert), bits("lwi"));
	ck_assert_uint_eq(hf_rights_of(store, projects, anna, carl), 0);
	version = hf_rights_version(store);
	ck_assert_int_eq(set(projects, "bert", "lwi"), HF_OK); /* as it was: nothing to publish */
	ck_assert_uint_eq(hf_rights_version(store), version);
	ck_assert_int_eq(set(projects, "bert", ""), HF_OK);
	ck_assert_int_eq(set(projects, "-carl", ""), HF_OK);
	assert_list(projects, "anyone=l nobody@else=lr");
	ck_assert_uint_eq(hf_rights_of(store, projects, anna, bert), bits("l"));
	ck_assert_int_eq(set(999999, "bert", "l"), HF_ENONEXISTENT);
	ck_assert_int_eq(set(projects, "a/b", "l"), HF_EINVALID);
	ck_assert_int_eq(set(projects, "anna", "l"), HF_ECANNOT);
	ck_assert_int_eq(set(projects, "-anna", "l"), HF_ECANNOT);
	/* whoever gets the name later has what it was given */
	ck_assert_uint_eq(hf_rights_of(store, projects, anna, fixture_user(store, "nobody@else")), bits("lr"));
}
END_TEST

START_TEST(a_list_has_a_limit)
{
	struct hf_acl_entry *list;
	char name[32];
	size_t count;

	for (unsigned i = 0; i < HF_ACL_ENTRIES_MAX; i++) {
		snprintf(name, sizeof(name), "user%u", i);
		ck_assert_int_eq(set(projects, name, "l"), HF_OK);
	}
	ck_assert_int_eq(set(projects, "one.more", "l"), HF_ELIMIT);
	ck_assert_int_eq(set(projects, "user7", "lr"), HF_OK);
	ck_assert_int_eq(set(projects, "user8", ""), HF_OK);
	ck_assert_int_eq(set(projects, "one.more", "l"), HF_OK);
	hf_rights_list(store, projects, arena, &list, &count);
	ck_assert_uint_eq(count, HF_ACL_ENTRIES_MAX);
	/* a mailbox below has the same */
	hf_rights_list(store, fixture_mailbox(store, anna, "Projects/x"), arena, &list, &count);
	ck_assert_uint_eq(count, HF_ACL_ENTRIES_MAX);
	ck_assert_int_eq(run(hf_op_mailbox_delete(store, anna, HF_STR("Projects/x"))), HF_OK);
}
END_TEST

static bool collect_member(void *arg, struct hf_str group, struct hf_str user)
{
	hf_buf_printf(arg, "%.*s:%.*s ", HF_STR_ARG(group), HF_STR_ARG(user));
	return true;
}

static void assert_groups(struct hf_str group, const char *text)
{
	struct hf_buf out = HF_BUF_INIT;

	hf_groups_each(store, group, collect_member, &out);
	ck_assert_msg(hf_str_eq(hf_buf_str(&out), hf_str(text)), "%s instead of %s", hf_buf_cstr(&out), text);
	hf_buf_fini(&out);
}

static enum hf_status member(const char *group, const char *user, bool is)
{
	return run(hf_op_group(store, hf_str(group), hf_str(user), is));
}

START_TEST(members_of_groups_have_what_the_group_has)
{
	ck_assert_int_eq(set(projects, "group:staff", "lr"), HF_OK);
	ck_assert_int_eq(member("Staff", "Bert", true), HF_OK);
	ck_assert_int_eq(member("staff", "carl", true), HF_OK);
	ck_assert_int_eq(member("admins", "carl", true), HF_OK);
	ck_assert_int_eq(member("admins", "carl", true), HF_OK);
	ck_assert_int_eq(member("staff", "nobody", true), HF_ENONEXISTENT);
	ck_assert_int_eq(member("staff", "nobody", false), HF_OK);
	ck_assert_int_eq(member("", "carl", true), HF_EINVALID);
	ck_assert_int_eq(member("staff", "shared", true), HF_EINVALID);
	assert_groups(HF_STR_NULL, "admins:carl staff:bert staff:carl ");
	assert_groups(HF_STR("Staff"), "staff:bert staff:carl ");
	ck_assert_uint_eq(hf_rights_of(store, projects, anna, bert), bits("lr"));
	ck_assert_int_eq(set(projects, "-group:admins", "r"), HF_OK);
	ck_assert_int_eq(set(projects, "carl", "s"), HF_OK);
	ck_assert_uint_eq(hf_rights_of(store, projects, anna, carl), bits("ls"));
	reopen();
	assert_groups(HF_STR_NULL, "admins:carl staff:bert staff:carl ");
	ck_assert_uint_eq(hf_rights_of(store, projects, anna, carl), bits("ls"));
	assert_visible(carl, "anna/Projects=ls");
	ck_assert_int_eq(member("staff", "carl", false), HF_OK);
	ck_assert_int_eq(member("admins", "carl", false), HF_OK);
	ck_assert_uint_eq(hf_rights_of(store, projects, anna, carl), bits("s"));
	assert_visible(carl, "");
	assert_groups(HF_STR_NULL, "staff:bert ");
	ck_assert_int_eq(member("staff", "bert", false), HF_OK);
	assert_groups(HF_STR_NULL, "");
	assert_groups(HF_STR("staff"), "");
}
END_TEST

START_TEST(a_new_mailbox_has_the_rights_of_its_superior)
{
	uint64_t deep;

	ck_assert_int_eq(set(projects, "bert", "lrk"), HF_OK);
	ck_assert_int_eq(set(projects, "-anyone", "a"), HF_OK);
	deep = fixture_mailbox(store, anna, "Projects/a/b");
	assert_list(deep, "-anyone=a bert=lrk");
	assert_list(fixture_mailbox(store, anna, "Projects/a"), "-anyone=a bert=lrk");
	assert_list(fixture_mailbox(store, anna, "Project"), "");
	ck_assert_int_eq(set(fixture_mailbox(store, anna, "INBOX"), "bert", "lr"), HF_OK);
	assert_list(fixture_mailbox(store, anna, "Plain"), "");
	assert_list(fixture_mailbox(store, anna, "INBOX/below"), "bert=lr");
	/* later changes of the superior are its own, and a rename changes nothing */
	ck_assert_int_eq(set(projects, "bert", "l"), HF_OK);
	assert_list(deep, "-anyone=a bert=lrk");
	ck_assert_int_eq(run(hf_op_mailbox_rename(store, anna, HF_STR("Projects/a"), HF_STR("Plain/c"))), HF_OK);
	assert_list(deep, "-anyone=a bert=lrk");
	assert_visible(bert, "anna/INBOX=lr anna/INBOX/below=lr anna/Plain/c=lrk anna/Plain/c/b=lrk anna/Projects=l");
	reopen();
	assert_visible(bert, "anna/INBOX=lr anna/INBOX/below=lr anna/Plain/c=lrk anna/Plain/c/b=lrk anna/Projects=l");
}
END_TEST

START_TEST(what_is_deleted_gives_no_rights)
{
	uint64_t again;

	ck_assert_int_eq(set(projects, "bert", "lr"), HF_OK);
	ck_assert_int_eq(run(hf_op_mailbox_delete(store, anna, HF_STR("Projects"))), HF_OK);
	ck_assert_uint_eq(hf_rights_of(store, projects, anna, bert), 0);
	assert_visible(bert, "");
	again = fixture_mailbox(store, anna, "Projects");
	ck_assert_uint_eq(hf_rights_of(store, again, anna, bert), 0);
	reopen();
	assert_visible(bert, "");
	ck_assert(fixture_collected(store, "JKRO"));
}
END_TEST

START_TEST(what_is_brought_back_has_its_rights_again)
{
	struct hf_deleted *deleted;
	size_t count;

	hf_store_close(&store);
	settings.kept_s = 3600;
	store = fixture_open(&settings);
	ck_assert_int_eq(set(projects, "bert", "lr"), HF_OK);
	ck_assert_int_eq(set(projects, "carl", "lr"), HF_OK);
	ck_assert_int_eq(run(hf_op_mailbox_delete(store, anna, HF_STR("Projects"))), HF_OK);
	assert_visible(bert, "");
	ck_assert_int_eq(run(hf_op_user_delete(store, HF_STR("carl"))), HF_OK);
	reopen();
	assert_visible(bert, "");
	ck_assert_int_eq(hf_deleted_list(store, anna, arena, &deleted, &count), HF_OK);
	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(run(hf_op_mailbox_undelete(store, anna, deleted, HF_STR("Again"), false)), HF_OK);
	assert_visible(bert, "anna/Again=lr");
	assert_list(projects, "bert=lr");
	reopen();
	assert_visible(bert, "anna/Again=lr");
}
END_TEST

START_TEST(of_a_deleted_user_nothing_is_named)
{
	uint64_t other = fixture_mailbox(store, bert, "other"), again;
	struct counter of_view = { { counter_wake }, 0 };
	struct hf_view *view;

	ck_assert_int_eq(set(projects, "bert", "lr"), HF_OK);
	ck_assert_int_eq(set(projects, "-bert", "r"), HF_OK);
	ck_assert_int_eq(set(projects, "carl", "l"), HF_OK);
	ck_assert_int_eq(set(other, "carl", "lr"), HF_OK);
	ck_assert_int_eq(member("staff", "bert", true), HF_OK);
	ck_assert_int_eq(member("staff", "carl", true), HF_OK);
	ck_assert_int_eq(set(projects, "group:staff", "s"), HF_OK);
	assert_visible(carl, "anna/Projects=ls bert/other=lr");
	/* those who have what was his open are told */
	view = open_view(other, carl, &of_view.waiter);
	woken(&of_view);
	ck_assert_int_eq(run(hf_op_user_delete(store, HF_STR("bert"))), HF_OK);
	ck_assert_uint_gt(woken(&of_view), 0);
	hf_view_close(&view);
	assert_list(projects, "carl=l group:staff=s");
	assert_groups(HF_STR_NULL, "staff:carl ");
	assert_visible(carl, "anna/Projects=ls");
	ck_assert_uint_eq(hf_rights_of(store, other, bert, carl), 0);
	ck_assert_int_ne(set(other, "carl", "lr"), HF_OK);
	again = fixture_user(store, "bert");
	ck_assert_uint_eq(hf_rights_of(store, projects, anna, again), 0);
	reopen();
	ck_assert_uint_eq(hf_rights_of(store, projects, anna, again), 0);
	assert_list(projects, "carl=l group:staff=s");
	assert_visible(carl, "anna/Projects=ls");
	ck_assert(fixture_collected(store, "JK"));
	assert_visible(carl, "anna/Projects=ls");
}
END_TEST

START_TEST(visible_is_what_may_be_looked_up)
{
	uint64_t shared = hf_shared_account(store), news = fixture_mailbox(store, shared, "News");
	struct hf_account *account;
	struct hf_visible found;

	fixture_append(store, projects, "Subject: x\r\n\r\n", 0);
	ck_assert_int_eq(set(news, "anyone", "lrp"), HF_OK);
	ck_assert_int_eq(set(projects, "bert", "lr"), HF_OK);
	ck_assert_int_eq(set(fixture_mailbox(store, carl, "Zoo"), "bert", "l"), HF_OK);
	ck_assert_int_eq(set(fixture_mailbox(store, carl, "Hidden"), "bert", "rswi"), HF_OK);
	ck_assert_int_eq(set(fixture_mailbox(store, anna, "Archive"), "bert", "l"), HF_OK);
	ck_assert_int_eq(member("staff", "bert", true), HF_OK);
	ck_assert_int_eq(set(projects, "group:staff", "w"), HF_OK);
	assert_visible(bert, "anna/Archive=l anna/Projects=lrw carl/Zoo=l shared/News=lrp");
	assert_visible(carl, "shared/News=lrp");
	assert_visible(anna, "shared/News=lrp");
	/* the same from an open catalogue */
	ck_assert_int_eq(hf_account_open(store, anna, &account), HF_OK);
	assert_visible(bert, "anna/Archive=l anna/Projects=lrw carl/Zoo=l shared/News=lrp");
	hf_account_close(&account);

	ck_assert_int_eq(hf_visible_find(store, bert, HF_STR("Anna"), HF_STR("Projects"), arena, &found), HF_OK);
	ck_assert_uint_eq(found.info.id, projects);
	ck_assert_uint_eq(found.info.messages, 1);
	ck_assert_uint_eq(found.owner, anna);
	ck_assert_uint_eq(found.rights, bits("lrw"));
	ck_assert(hf_str_eq(found.owner_name, HF_STR("anna")));
	ck_assert_int_eq(hf_visible_find(store, carl, HF_STR("shared"), HF_STR("News"), arena, &found), HF_OK);
	ck_assert_uint_eq(found.owner, shared);
	ck_assert_int_eq(hf_visible_find(store, bert, HF_STR("carl"), HF_STR("Hidden"), arena, &found), HF_OK);
	ck_assert_uint_eq(found.rights & HF_RIGHT_LOOKUP, 0); /* for the caller to judge */
	for (const char *letter = "lrswipkxtea"; *letter; letter++) {
		char one[] = { *letter, 0 };

		ck_assert_int_eq(set(fixture_mailbox(store, carl, "One"), "bert", one), HF_OK);
		ck_assert_int_eq(hf_visible_find(store, bert, HF_STR("carl"), HF_STR("One"), arena, &found),
				 strchr("lrikxa", *letter) ? HF_OK : HF_ENONEXISTENT);
	}
	ck_assert_int_eq(hf_visible_find(store, bert, HF_STR("carl"), HF_STR("None"), arena, &found), HF_ENONEXISTENT);
	ck_assert_int_eq(hf_visible_find(store, bert, HF_STR("dora"), HF_STR("None"), arena, &found), HF_ENONEXISTENT);
	ck_assert_int_eq(hf_visible_find(store, carl, HF_STR("anna"), HF_STR("Projects"), arena, &found), HF_ENONEXISTENT);
}
END_TEST

START_TEST(who_is_concerned_is_woken)
{
	struct counter of_bert = { { counter_wake }, 0 }, of_carl = { { counter_wake }, 0 }, of_view = { { counter_wake }, 0 };
	struct hf_view *view;

	hf_visible_watch(store, bert, &of_bert.waiter);
	hf_visible_watch(store, bert, &of_bert.waiter);
	hf_visible_watch(store, carl, &of_carl.waiter);
	view = open_view(projects, bert, &of_view.waiter);
	woken(&of_view);
	ck_assert_int_eq(set(projects, "bert", "lr"), HF_OK);
	ck_assert_uint_gt(woken(&of_bert), 0);
	ck_assert_uint_gt(woken(&of_view), 0);
	ck_assert_uint_eq(woken(&of_carl), 0);
	fixture_append(store, projects, "Subject: x\r\n\r\n", 0);
	ck_assert_uint_gt(woken(&of_bert), 0);
	ck_assert_uint_eq(woken(&of_carl), 0);
	ck_assert_int_eq(set(projects, "anyone", "l"), HF_OK);
	ck_assert_uint_gt(woken(&of_carl), 0);
	ck_assert_int_eq(set(projects, "anyone", ""), HF_OK);
	ck_assert_uint_gt(woken(&of_carl), 0);
	ck_assert_int_eq(set(projects, "group:staff", "lr"), HF_OK);
	ck_assert_uint_eq(woken(&of_carl), 0);
	woken(&of_bert);
	woken(&of_view);
	ck_assert_int_eq(member("staff", "carl", true), HF_OK);
	ck_assert_uint_gt(woken(&of_carl), 0);
	ck_assert_uint_eq(woken(&of_bert), 0);
	ck_assert_uint_gt(woken(&of_view), 0);
	fixture_append(store, projects, "Subject: x\r\n\r\n", 0);
	ck_assert_uint_gt(woken(&of_carl), 0);
	/* the right is lost */
	woken(&of_view);
	ck_assert_int_eq(set(projects, "bert", ""), HF_OK);
	ck_assert_uint_gt(woken(&of_view), 0);
	ck_assert_uint_gt(woken(&of_bert), 0);
	fixture_append(store, projects, "Subject: x\r\n\r\n", 0);
	ck_assert_uint_eq(woken(&of_bert), 0);
	woken(&of_carl);
	ck_assert_int_eq(run(hf_op_mailbox_rename(store, anna, HF_STR("Projects"), HF_STR("Work"))), HF_OK);
	ck_assert_uint_gt(woken(&of_carl), 0);
	ck_assert_int_eq(run(hf_op_mailbox_delete(store, anna, HF_STR("Work"))), HF_OK);
	ck_assert_uint_gt(woken(&of_carl), 0);
	hf_visible_unwatch(store, bert, &of_bert.waiter);
	hf_visible_unwatch(store, carl, &of_carl.waiter);
	hf_view_close(&view);
}
END_TEST

static bool count_user(void *arg, const struct hf_user *user)
{
	ck_assert_uint_ne(user->id, hf_shared_account(store));
	++*(unsigned *)arg;
	return true;
}

START_TEST(the_shared_account_is_nobodys)
{
	uint64_t shared = hf_shared_account(store), board;
	struct hf_quota limits = { .mailboxes = 1 };
	struct hf_delivered delivered;
	struct hf_mailbox_info *list;
	struct hf_account *account;
	struct hf_user user;
	unsigned users = 0;
	size_t count;

	ck_assert_uint_ne(shared, 0);
	ck_assert_int_eq(hf_user_find(store, HF_STR("shared"), arena, &user), HF_ENONEXISTENT);
	ck_assert_int_eq(hf_user_each(store, count_user, &users), HF_OK);
	ck_assert_uint_eq(users, 3);
	ck_assert_int_eq(run(hf_op_user_create(store, HF_STR("Shared"), NULL, 0)), HF_EINVALID);
	ck_assert_int_eq(run(hf_op_user_create(store, HF_STR("anyone"), NULL, 0)), HF_EINVALID);
	ck_assert_int_eq(run(hf_op_user_create(store, HF_STR("-x"), NULL, 0)), HF_EINVALID);
	ck_assert_int_eq(run(hf_op_user_create(store, HF_STR("group:x"), NULL, 0)), HF_EINVALID);
	ck_assert_int_eq(run(hf_op_user_delete(store, HF_STR("shared"))), HF_ENONEXISTENT);
	ck_assert_int_eq(run(hf_op_user_disable(store, HF_STR("shared"), true)), HF_ENONEXISTENT);
	/* it has mailboxes like another */
	board = fixture_mailbox(store, shared, "Board/a");
	ck_assert_int_eq(hf_account_open(store, shared, &account), HF_OK);
	hf_account_list(account, arena, &list, &count);
	ck_assert_uint_eq(count, 2);
	hf_account_close(&account);
	ck_assert_int_eq(run(hf_op_mailbox_rename(store, shared, HF_STR("Board"), HF_STR("Forum"))), HF_OK);
	ck_assert_uint_eq(fixture_mailbox(store, shared, "Forum/a"), board);
	ck_assert_int_eq(run(hf_op_mailbox_delete(store, shared, HF_STR("Forum"))), HF_OK);
	ck_assert_int_eq(run(hf_op_user_quota(store, HF_STR("shared"), &limits)), HF_OK);
	ck_assert_int_eq(run(hf_op_mailbox_create(store, shared, HF_STR("Second"), 0)), HF_EOVERQUOTA);
	/* mail comes to a mailbox that is there, and to no other */
	ck_assert_int_eq(set(board, "anyone", "p"), HF_OK);
	ck_assert_int_eq(fixture_deliver(store, shared, "Forum/a", "Subject: x\r\n\r\n", &delivered), HF_OK);
	ck_assert_int_eq(delivered.status, HF_OK);
	ck_assert_uint_eq(delivered.mailbox, board);
	ck_assert_int_eq(fixture_deliver(store, shared, "Forum/b", "Subject: x\r\n\r\n", &delivered), HF_OK);
	ck_assert_int_eq(delivered.status, HF_ENONEXISTENT);
	ck_assert_int_eq(fixture_deliver(store, shared, "", "Subject: x\r\n\r\n", &delivered), HF_OK);
	ck_assert_int_eq(delivered.status, HF_ENONEXISTENT);
	reopen();
	ck_assert_uint_eq(hf_shared_account(store), shared);
	ck_assert_uint_eq(fixture_mailbox(store, shared, "Forum/a"), board);
}
END_TEST

START_TEST(the_shared_account_takes_mail_with_right_p_only)
{
	uint64_t shared = hf_shared_account(store), board = fixture_mailbox(store, shared, "Board");
	struct hf_delivered delivered;

	ck_assert_int_eq(fixture_deliver(store, shared, "Board", "Subject: x\r\n\r\n", &delivered), HF_OK);
	ck_assert_int_eq(delivered.status, HF_ENONEXISTENT);
	ck_assert_int_eq(set(board, "anyone", "lr"), HF_OK);
	ck_assert_int_eq(set(board, "bert", "p"), HF_OK);
	ck_assert_int_eq(fixture_deliver(store, shared, "Board", "Subject: x\r\n\r\n", &delivered), HF_OK);
	ck_assert_int_eq(delivered.status, HF_ENONEXISTENT);
	ck_assert_int_eq(set(board, "anyone", "lrp"), HF_OK);
	ck_assert_int_eq(fixture_deliver(store, shared, "Board", "Subject: x\r\n\r\n", &delivered), HF_OK);
	ck_assert_int_eq(delivered.status, HF_OK);
	/* the name means another one meanwhile */
	ck_assert_int_eq(run(hf_op_mailbox_rename(store, shared, HF_STR("Board"), HF_STR("Old"))), HF_OK);
	fixture_mailbox(store, shared, "Board");
	ck_assert_int_eq(fixture_deliver(store, shared, "Board", "Subject: x\r\n\r\n", &delivered), HF_OK);
	ck_assert_int_eq(delivered.status, HF_ENONEXISTENT);
}
END_TEST

static struct hf_op *judged(struct hf_op *op, uint64_t mailbox)
{
	hf_op_mailbox_judged(op, mailbox, bert);
	return op;
}

static struct hf_op *delete_judged(const char *name, uint64_t mailbox)
{
	return judged(hf_op_mailbox_delete(store, anna, hf_str(name)), mailbox);
}

static struct hf_op *rename_judged(const char *name, uint64_t mailbox)
{
	return judged(hf_op_mailbox_rename(store, anna, hf_str(name), HF_STR("Target/New")), mailbox);
}

START_TEST(what_was_judged_is_what_goes)
{
	uint64_t inbox = fixture_mailbox(store, anna, "INBOX"), target = fixture_mailbox(store, anna, "Target"), private;

	ck_assert_int_eq(set(target, "bert", "lk"), HF_OK);

	fixture_mailbox(store, anna, "Other/below");
	ck_assert_int_eq(set(projects, "bert", "lx"), HF_OK);
	ck_assert_int_eq(run(hf_op_mailbox_rename(store, anna, HF_STR("Projects"), HF_STR("Work"))), HF_OK);
	private = fixture_mailbox(store, anna, "Projects");
	ck_assert_int_eq(run(delete_judged("Projects", projects)), HF_ENONEXISTENT);
	ck_assert_int_eq(run(rename_judged("Projects", projects)), HF_ENONEXISTENT);
	ck_assert_uint_eq(fixture_mailbox(store, anna, "Projects"), private);
	/* of a level that is left nothing is renamed either */
	ck_assert_int_eq(run(hf_op_mailbox_delete(store, anna, HF_STR("Other"))), HF_OK);
	ck_assert_int_eq(run(rename_judged("Other", projects)), HF_ENONEXISTENT);
	/* the right is gone */
	ck_assert_int_eq(set(projects, "bert", "l"), HF_OK);
	ck_assert_int_eq(run(delete_judged("Work", projects)), HF_ENONEXISTENT);
	ck_assert_int_eq(run(rename_judged("Work", projects)), HF_ENONEXISTENT);
	ck_assert_int_eq(run(rename_judged("INBOX", inbox)), HF_ENONEXISTENT);
	ck_assert_uint_eq(fixture_mailbox(store, anna, "Work"), projects);
	/* all is as it was */
	ck_assert_int_eq(set(projects, "bert", "lx"), HF_OK);
	ck_assert_int_eq(set(inbox, "bert", "lx"), HF_OK);
	/* but for the place where it is to go, and for what is to be made there */
	ck_assert_int_eq(set(target, "bert", "l"), HF_OK);
	ck_assert_int_eq(run(rename_judged("Work", projects)), HF_ENOPERM);
	ck_assert_int_eq(run(rename_judged("INBOX", inbox)), HF_ENOPERM);
	ck_assert_int_eq(run(judged(hf_op_mailbox_create(store, anna, HF_STR("Target/Made/Sub"), 0), 0)), HF_ENOPERM);
	ck_assert_int_eq(set(target, "bert", "r"), HF_OK);
	ck_assert_int_eq(run(rename_judged("Work", projects)), HF_ENONEXISTENT);
	ck_assert_int_eq(run(judged(hf_op_mailbox_create(store, anna, HF_STR("Target/Made/Sub"), 0), 0)), HF_ENONEXISTENT);
	ck_assert_int_eq(run(judged(hf_op_mailbox_create(store, anna, HF_STR("Made"), 0), 0)), HF_ENONEXISTENT);
	ck_assert_uint_eq(fixture_mailbox(store, anna, "Work"), projects);
	ck_assert_int_eq(set(target, "bert", "lk"), HF_OK);
	ck_assert_int_eq(run(judged(hf_op_mailbox_create(store, anna, HF_STR("Target/Made/Sub"), 0), 0)), HF_OK);
	ck_assert_int_eq(run(rename_judged("Work", projects)), HF_OK);
	ck_assert_int_eq(run(delete_judged("Target/New", projects)), HF_OK);
	ck_assert_int_eq(run(rename_judged("INBOX", inbox)), HF_OK);
}
END_TEST

START_TEST(an_owner_has_a_limit)
{
	struct hf_deleted *deleted;
	uint64_t other;
	size_t count;

	hf_store_close(&store);
	settings.acl_entries = 7;
	settings.kept_s = 3600;
	store = fixture_open(&settings);
	ck_assert_int_eq(set(projects, "bert", "l"), HF_OK);
	ck_assert_int_eq(set(projects, "carl", "l"), HF_OK);
	fixture_mailbox(store, anna, "Projects/a");
	/* all of it or nothing, whatever it takes levels */
	ck_assert_int_eq(run(hf_op_mailbox_create(store, anna, HF_STR("Projects/b/c"), 0)), HF_ELIMIT);
	other = fixture_mailbox(store, anna, "Projects/b");
	assert_list(other, "bert=l carl=l");
	ck_assert_int_eq(run(hf_op_mailbox_create(store, anna, HF_STR("Projects/c"), 0)), HF_ELIMIT);
	ck_assert_int_eq(set(other, "anyone", "l"), HF_OK);
	ck_assert_int_eq(set(other, "dora", "l"), HF_ELIMIT);
	ck_assert_int_eq(set(other, "bert", "lr"), HF_OK);
	reopen();
	ck_assert_int_eq(set(other, "dora", "l"), HF_ELIMIT);
	/* another has his own */
	ck_assert_int_eq(set(fixture_mailbox(store, bert, "INBOX"), "carl", "l"), HF_OK);
	ck_assert_int_eq(set(other, "carl", ""), HF_OK);
	ck_assert_int_eq(set(other, "dora", "l"), HF_OK);
	/* what is deleted does not count, and comes back when there is room */
	ck_assert_int_eq(run(hf_op_mailbox_delete(store, anna, HF_STR("Projects/b"))), HF_OK);
	other = fixture_mailbox(store, anna, "Projects/c");
	ck_assert_int_eq(hf_deleted_list(store, anna, arena, &deleted, &count), HF_OK);
	ck_assert_int_eq(run(hf_op_mailbox_undelete(store, anna, deleted, HF_STR("Again"), false)), HF_ELIMIT);
	ck_assert_int_eq(set(other, "bert", ""), HF_OK);
	ck_assert_int_eq(set(other, "carl", ""), HF_OK);
	ck_assert_int_eq(run(hf_op_mailbox_undelete(store, anna, deleted, HF_STR("Again"), false)), HF_OK);
}
END_TEST

START_TEST(subscriptions_may_name_what_is_elsewhere)
{
	struct hf_str name = HF_STR("Other Users/anna/Projects");
	struct hf_mailbox_info *list;
	struct hf_account *account;
	char *big = calloc(1, 2000);
	bool found = false;
	size_t count;

	ck_assert_int_eq(run(hf_op_subscribe(store, bert, name, true)), HF_OK);
	memset(big, 'x', 1999);
	ck_assert_int_eq(run(hf_op_subscribe(store, bert, hf_str(big), true)), HF_ELIMIT);
	free(big);
	reopen();
	ck_assert_int_eq(hf_account_open(store, bert, &account), HF_OK);
	hf_account_list(account, arena, &list, &count);
	for (size_t i = 0; i < count; i++)
		found = found || (hf_str_eq(list[i].name, name) && list[i].id == 0 && list[i].subscribed);
	ck_assert(found);
	hf_account_close(&account);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, rights_are_read_and_written);
	tcase_add_test(tc, identifiers_are_normalised);
	tcase_add_test(tc, entries_are_set_added_to_and_taken_away);
	tcase_add_test(tc, a_list_has_a_limit);
	tcase_add_test(tc, members_of_groups_have_what_the_group_has);
	tcase_add_test(tc, a_new_mailbox_has_the_rights_of_its_superior);
	tcase_add_test(tc, what_is_deleted_gives_no_rights);
	tcase_add_test(tc, what_is_brought_back_has_its_rights_again);
	tcase_add_test(tc, of_a_deleted_user_nothing_is_named);
	tcase_add_test(tc, visible_is_what_may_be_looked_up);
	tcase_add_test(tc, who_is_concerned_is_woken);
	tcase_add_test(tc, the_shared_account_is_nobodys);
	tcase_add_test(tc, the_shared_account_takes_mail_with_right_p_only);
	tcase_add_test(tc, what_was_judged_is_what_goes);
	tcase_add_test(tc, an_owner_has_a_limit);
	tcase_add_test(tc, subscriptions_may_name_what_is_elsewhere);
}

int main(void)
{
	return run_tests("rights", add);
}

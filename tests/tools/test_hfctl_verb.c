/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/base/base_test.h"
#include "tools/hfctl.h"

static json_t *list;

static void setup(void)
{
	list = json_loads(
		"[{\"name\": \"user add\", \"usage\": \"NAME [--quota SIZE] [--disabled] [--password-stdin] [--from FILE]\", \"help\": \"h\"},"
		"{\"name\": \"user\", \"usage\": \"\", \"help\": \"\"},"
		"{\"name\": \"stats\", \"usage\": \"\", \"help\": \"\"}]",
		0, NULL);
	ck_assert_ptr_nonnull(list);
}

static void teardown(void)
{
	json_decref(list);
}

static const struct {
	const char *words[3];
	const char *name; /* NULL: none */
} found[] = {
	{ { "user", "add", "x" }, "user add" }, { { "user", "x", NULL }, "user" },
	{ { "user", NULL, NULL }, "user" },     { { "stats", "--all", NULL }, "stats" },
	{ { "stat", NULL, NULL }, NULL },       { { "add", "user", NULL }, NULL },
	{ { "useradd", NULL, NULL }, NULL },    { { "x", "user", "add" }, NULL },
};

START_TEST(the_longest_name_wins)
{
	struct ctl_verb verb;
	char *words[3];
	size_t count = 0;

	while (count < 3 && found[_i].words[count]) {
		words[count] = (char *)(uintptr_t)found[_i].words[count];
		count++;
	}
	ck_assert_int_eq(ctl_verb_find(list, words, count, &verb), found[_i].name != NULL);
	if (found[_i].name)
		ck_assert_str_eq(verb.name, found[_i].name);
}
END_TEST

static const struct {
	const char *words[6];
	const char *json; /* NULL: refused */
} requests[] = {
	{ { "anna", NULL }, "{\"args\": [\"anna\"]}" },
	{ { NULL }, "{\"args\": []}" },
	{ { "anna", "--quota", "5G", "bob", NULL },
	  "{\"args\": [\"anna\", \"bob\"], \"quota\": \"5G\"}" },
	{ { "--quota=5G", "--disabled", "anna", NULL },
	  "{\"args\": [\"anna\"], \"quota\": \"5G\", \"disabled\": true}" },
	{ { "--quota=", NULL }, "{\"args\": [], \"quota\": \"\"}" },
	{ { "--", "--quota", "x", NULL }, "{\"args\": [\"--quota\", \"x\"]}" },
	{ { "-x", "-", NULL }, "{\"args\": [\"-x\", \"-\"]}" },
	{ { "--from", "f", "--password-stdin", NULL },
	  "{\"args\": [], \"from\": \"f\", \"password-stdin\": true}" },
	{ { "--quota", NULL }, NULL },
	{ { "--disabled=yes", NULL }, NULL },
	{ { "--quot", "x", NULL }, NULL },
	{ { "--unknown", NULL }, NULL },
	{ { "--password", "x", NULL }, NULL },
	{ { "--verb", NULL }, NULL },
	{ { "\xff", NULL }, NULL },
	{ { "--quota=\xff", NULL }, NULL },
};

START_TEST(command_lines_become_requests)
{
	static const struct ctl_verb verb = {
		"user add", "NAME [--quota SIZE] [--disabled] [--password-stdin] [--from FILE]", "",
		2
	};
	char *words[6];
	size_t count = 0;
	json_t *request, *expected;

	while (count < 6 && requests[_i].words[count]) {
		words[count] = (char *)(uintptr_t)requests[_i].words[count];
		count++;
	}
	request = ctl_request_new(&verb, words, count);
	if (!requests[_i].json) {
		ck_assert_ptr_null(request);
		return;
	}
	expected = json_loads(requests[_i].json, 0, NULL);
	ck_assert_ptr_nonnull(request);
	ck_assert(json_equal(request, expected));
	json_decref(request);
	json_decref(expected);
}
END_TEST

START_TEST(the_usage_tells_options_from_values)
{
	bool value;

	ck_assert(ctl_usage_has("[--all] [--of NAME] [--to=FILE] --last", "all", &value) && !value);
	ck_assert(ctl_usage_has("[--all] [--of NAME] [--to=FILE] --last", "of", &value) && value);
	ck_assert(ctl_usage_has("[--all] [--of NAME] [--to=FILE] --last", "to", &value) && value);
	ck_assert(ctl_usage_has("[--all] [--of NAME] [--to=FILE] --last", "last", &value) &&
		  !value);
	ck_assert(ctl_usage_has("[--old|--oldest] x", "old", &value) && !value);
	ck_assert(!ctl_usage_has("[--older] -old all", "old", &value));
	ck_assert(!ctl_usage_has("", "old", &value));
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, the_longest_name_wins, 0, (int)HF_COUNT(found));
	tcase_add_loop_test(tc, command_lines_become_requests, 0, (int)HF_COUNT(requests));
	tcase_add_test(tc, the_usage_tells_options_from_values);
}

int main(void)
{
	return run_tests("hfctl_verb", add);
}

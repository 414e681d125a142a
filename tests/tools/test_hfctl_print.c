/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/base/base_test.h"
#include "tools/hfctl.h"

static const struct {
	const char *json, *text;
} cases[] = {
	{ "null", "" },
	{ "\"done\"", "done\n" },
	{ "\"two\\nlines\\n\"", "two\nlines\n" },
	{ "12", "12\n" },
	{ "true", "yes\n" },
	{ "[]", "" },
	{ "{}", "" },
	{ "[\"a\", \"b\"]", "a\nb\n" },
	{ "{\"name\": \"anna\", \"disabled\": false, \"limit\": null}",
	  "name      anna\ndisabled  no\nlimit     -\n" },
	{ "{\"size\": 1023, \"used_size\": 1536, \"big_size\": 53687091200}",
	  "size       1023\nused_size  1.5 KiB\nbig_size   50 GiB\n" },
	{ "[{\"name\": \"anna\", \"messages\": 3}, {\"name\": \"bo\", \"messages\": 1234}]",
	  "NAME  MESSAGES\nanna         3\nbo        1234\n" },
	{ "[{\"a_b\": 1}, {\"c\": \"x\"}]", "A B  C\n  1  -\n  -  x\n" },
	{ "[{\"n\": \"\\u00e4\\u00f6\", \"m\": \"x\"}, {\"n\": \"abc\", \"m\": \"y\"}]",
	  "N    M\n\xc3\xa4\xc3\xb6   x\nabc  y\n" },
	{ "{\"total\": 1, \"users\": [{\"name\": \"x\"}], \"z\": {\"k\": 2}}",
	  "total  1\nusers:\nNAME\nx\nz:\nk  2\n" },
	{ "{\"list\": [1, 2, \"x\"]}", "list  1, 2, x\n" },
	/* what a user chose must not reach the terminal as control characters */
	{ "\"a\\u001b[2Jb\\u007f\\u009bc\\td\"", "a?[2Jb??c?d\n" },
	{ "[{\"name\": \"x\\u001b]0;y\\n\"}]", "NAME\nx?]0;y?\n" },
};

START_TEST(results_are_printed_by_their_form)
{
	json_t *result = json_loads(cases[_i].json, JSON_DECODE_ANY, NULL);
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(result);
	ctl_print(result, out);
	fclose(out);
	ck_assert_str_eq(text, cases[_i].text);
	free(text);
	json_decref(result);
}
END_TEST

START_TEST(json_stays_json)
{
	json_t *result = json_loads("{\"b\": 1, \"a\": [\"\\u00e4\"]}", 0, NULL), *again;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	ctl_print_json(result, out);
	ctl_print_json(NULL, out);
	fclose(out);
	ck_assert(size > 5 && strcmp(text + size - 5, "null\n") == 0);
	again = json_loadb(text, size - 5, 0, NULL);
	ck_assert(json_equal(result, again));
	json_decref(result);
	json_decref(again);
	free(text);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_loop_test(tc, results_are_printed_by_their_form, 0, (int)HF_COUNT(cases));
	tcase_add_test(tc, json_stays_json);
}

int main(void)
{
	return run_tests("hfctl_print", add);
}

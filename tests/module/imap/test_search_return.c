/* SPDX-License-Identifier: BSD-2-Clause */
/* RETURN options and the window of PARTIAL. */
#include "module/imap/search.h"

#include "tests/base/base_test.h"

static enum hf_status parse(const char *text, struct search_return *r, size_t *at)
{
	static const struct imap_settings settings = { .nesting_max = 100 };
	struct imap_parser p = {
		.start = text, .pos = text, .end = text + strlen(text), .settings = &settings
	};
	enum hf_status status;

	*r = (struct search_return){ 0 };
	status = search_return_parse(&p, r);
	*at = (size_t)(p.pos - p.start);
	return status;
}

START_TEST(options_are_taken_up_to_the_keys)
{
	struct search_return r;
	size_t at;

	ck_assert_int_eq(parse("ALL", &r, &at), HF_OK);
	ck_assert(!r.given && at == 0);
	ck_assert_int_eq(parse("RETURN () ALL", &r, &at), HF_OK);
	ck_assert(r.given && r.all && !r.min && !r.max && !r.count && !r.partial && !r.save &&
		  at == 10);
	ck_assert_int_eq(parse("return (min MAX) x", &r, &at), HF_OK);
	ck_assert(r.min && r.max && !r.all);
	ck_assert_int_eq(parse("RETURN (COUNT PARTIAL 3:1) x", &r, &at), HF_OK);
	ck_assert(r.count && r.partial && !r.backward && r.window_first == 1 && r.window_last == 3);
	ck_assert(hf_str_eq(r.window, HF_STR("3:1")));
	ck_assert_int_eq(parse("RETURN (PARTIAL -1:-100) x", &r, &at), HF_OK);
	ck_assert(r.partial && r.backward && r.window_first == 1 && r.window_last == 100);
	ck_assert_int_eq(parse("RETURN (SAVE) x", &r, &at), HF_OK);
	ck_assert(r.save && !r.all && !search_return_is_told(&r));
	ck_assert_int_eq(parse("RETURN (SAVE COUNT) x", &r, &at), HF_OK);
	ck_assert(search_return_is_told(&r));
}
END_TEST

START_TEST(malformed_options_are_refused)
{
	static const char *const bad[] = {
		"RETURN",
		"RETURN ",
		"RETURN ALL",
		"RETURN (ALL",
		"RETURN (ALL)",
		"RETURN (FROB) x",
		"RETURN (ALL,MIN) x",
		"RETURN (PARTIAL) x",
		"RETURN (PARTIAL 1) x",
		"RETURN (PARTIAL 0:1) x",
		"RETURN (PARTIAL 1:0) x",
		"RETURN (PARTIAL -1:5) x",
		"RETURN (PARTIAL 1:-5) x",
		"RETURN (PARTIAL 1:2 PARTIAL 3:4) x",
		"RETURN (PARTIAL 1:2 ALL) x",
		"RETURN (ALL PARTIAL 1:2) x",
		"RETURN (PARTIAL 1:4294967296) x",
		"RETURN ((ALL)) x",
		"RETURN (MINMAX) x",
	};
	struct search_return r;
	size_t at;

	for (size_t i = 0; i < HF_COUNT(bad); i++)
		ck_assert_msg(parse(bad[i], &r, &at) == HF_ESYNTAX, "%s", bad[i]);
}
END_TEST

/* Against counting on fingers: positions 1..count, from the start or from the end. */
START_TEST(windows_agree_with_a_list)
{
	for (uint32_t count = 0; count <= 8; count++) {
		for (uint32_t a = 1; a <= 10; a++) {
			for (uint32_t b = a; b <= 10; b++) {
				for (int backward = 0; backward <= 1; backward++) {
					struct search_return r = { .partial = true,
								   .backward = backward,
								   .window_first = a,
								   .window_last = b };
					uint64_t first, last;

					search_return_window(&r, count, &first, &last);
					for (uint64_t i = 1; i <= count; i++) {
						uint64_t place = backward ? count - i + 1 : i;

						ck_assert_msg((place >= a && place <= b) ==
								      (i >= first && i <= last),
							      "%u of %u:%u in %u%s", (unsigned)i, a,
							      b, count,
							      backward ? " from the end" : "");
					}
				}
			}
		}
	}
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, options_are_taken_up_to_the_keys);
	tcase_add_test(tc, malformed_options_are_refused);
	tcase_add_test(tc, windows_agree_with_a_list);
}

int main(void)
{
	return run_tests("imap search return", add);
}

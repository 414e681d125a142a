/* SPDX-License-Identifier: BSD-2-Clause */
/* Sections: each partial read is that part of the whole, whatever lies beneath: the header's row,
 * the content, memory or the store. */
#include "module/imap/fetch.h"

#include "tests/base/base_test.h"
#include "tests/module/imap/mailbox_fixture.h"

static struct mailbox_fixture f;

static void setup(void)
{
	fixture_open_store(&f);
	fixture_add(
		&f, 0,
		"Subject: outer\nX-Odd: folded\n over lines\nFrom: a@b\nContent-Type: multipart/mixed; boundary=b\n\n"
		"--b\nContent-Type: text/plain\n\none\n--b\nContent-Type: message/rfc822\n\nSubject: inner\nX-Odd: in\n\n"
		"inner text\n--b--\n");
	fixture_select(&f, true);
}

static void teardown(void)
{
	fixture_close_store(&f);
}

/* The value of one item of message `seq`. */
static struct hf_str fetch(unsigned seq, const char *item)
{
	char command[128];
	const char *answer, *start;
	unsigned long size;

	snprintf(command, sizeof(command), "FETCH %u %s", seq, item);
	answer = fixture_run(&f, command);
	start = strstr(answer, "] {");
	if (!start)
		start = strstr(answer, "> {");
	ck_assert_msg(start != NULL, "%s: %s", command, answer);
	size = strtoul(start + 3, (char **)(uintptr_t)&start, 10);
	ck_assert_msg(!strncmp(start, "}\r\n", 3), "%s: %s", command, answer);
	start += 3;
	ck_assert_msg(!strncmp(start + size, ")\r\nt OK", 7), "%s: wrong size", command);
	return hf_str_n(start, size);
}

static void check_partials(unsigned seq, const char *section, const size_t *offsets,
			   size_t offset_count, const size_t *counts, size_t count_count)
{
	struct hf_buf whole = HF_BUF_INIT;
	char item[96];

	snprintf(item, sizeof(item), "BODY.PEEK[%s]", section);
	hf_buf_add_str(&whole, fetch(seq, item));
	for (size_t i = 0; i < offset_count; i++) {
		for (size_t j = 0; j < count_count; j++) {
			struct hf_str got;

			snprintf(item, sizeof(item), "BODY.PEEK[%s]<%zu.%zu>", section, offsets[i],
				 counts[j]);
			got = fetch(seq, item);
			ck_assert_msg(hf_str_eq(got, hf_str_sub(hf_buf_str(&whole), offsets[i],
								counts[j])),
				      "%s", item);
		}
	}
	hf_buf_fini(&whole);
}

static const char *const sections[] = {
	"",
	"HEADER",
	"TEXT",
	"1",
	"1.MIME",
	"2",
	"2.MIME",
	"2.HEADER",
	"2.TEXT",
	"2.1",
	"HEADER.FIELDS (Subject From)",
	"HEADER.FIELDS (X-Odd)",
	"HEADER.FIELDS.NOT (Subject)",
	"2.HEADER.FIELDS (Subject X-Odd)",
	"2.HEADER.FIELDS.NOT (Subject)",
};

START_TEST(partial_reads_are_parts_of_the_whole)
{
	static const size_t offsets[] = {
		0, 1, 2, 3, 9, 15, 16, 17, 40, 100, 250, 1000, 4294967295
	};
	static const size_t counts[] = { 1, 2, 5, 16, 100, 4294967295 };

	for (size_t i = 0; i < HF_COUNT(sections); i++)
		check_partials(1, sections[i], offsets, HF_COUNT(offsets), counts,
			       HF_COUNT(counts));
}
END_TEST

START_TEST(sections_are_what_the_rfc_says)
{
	static const char *const rows[][2] = {
		{ "BODY.PEEK[1]", "one" },
		{ "BODY.PEEK[1.MIME]", "Content-Type: text/plain\r\n\r\n" },
		{ "BODY.PEEK[2]", "Subject: inner\r\nX-Odd: in\r\n\r\ninner text" },
		{ "BODY.PEEK[2.HEADER]", "Subject: inner\r\nX-Odd: in\r\n\r\n" },
		{ "BODY.PEEK[2.TEXT]", "inner text" },
		{ "BODY.PEEK[2.1]", "inner text" },
		{ "BODY.PEEK[2.MIME]", "Content-Type: message/rfc822\r\n\r\n" },
		{ "BODY.PEEK[2.HEADER.FIELDS (x-odd)]", "X-Odd: in\r\n\r\n" },
		{ "BODY.PEEK[HEADER.FIELDS (x-odd)]", "X-Odd: folded\r\n over lines\r\n\r\n" },
		{ "BODY.PEEK[HEADER.FIELDS (from subject)]",
		  "Subject: outer\r\nFrom: a@b\r\n\r\n" },
		{ "BODY.PEEK[HEADER.FIELDS (nothing)]", "\r\n" },
	};

	for (size_t i = 0; i < HF_COUNT(rows); i++)
		assert_octets(fetch(1, rows[i][0]), hf_str(rows[i][1]));
}
END_TEST

/* Small literals are copied, large ones are read while they are sent: the same octets, NUL as 0x80.
 */
START_TEST(large_literals_are_like_small_ones)
{
	static const size_t offsets[] = { 0,      1,      13,     65535,  65536,  65537,
					  131071, 131072, 131073, 199999, 200012, 300000 };
	static const size_t counts[] = { 1, 4096, 65535, 65536, 65537, 131073, 300000 };
	struct hf_buf octets = HF_BUF_INIT;
	struct hf_str got;

	hf_buf_add_lit(&octets, "Subject: x\r\n\r\n");
	for (uint32_t i = 0; octets.size < 200000; i++)
		hf_buf_add_char(&octets, (char)(i * 2654435761u >> 24));
	fixture_add_octets(&f, 0, hf_buf_str(&octets));
	fixture_run(&f, "NOOP");
	for (size_t i = 0; i < octets.size; i++)
		if (!octets.data[i])
			octets.data[i] = (char)0x80;
	got = fetch(2, "BODY.PEEK[]");
	ck_assert(hf_str_eq(got, hf_buf_str(&octets)));
	check_partials(2, "", offsets, HF_COUNT(offsets), counts, HF_COUNT(counts));
	check_partials(2, "TEXT", offsets, HF_COUNT(offsets), counts, HF_COUNT(counts));
	hf_buf_fini(&octets);
}
END_TEST

START_TEST(missing_parts_are_nil)
{
	static const char *const missing[] = {
		"3",         "1.1",   "1.1.1",  "1.HEADER",   "1.TEXT",
		"2.2",       "2.1.1", "3.MIME", "4294967295", "1.HEADER.FIELDS (x)",
		"2.1.HEADER"
	};

	for (size_t i = 0; i < HF_COUNT(missing); i++) {
		char command[96], expected[96];

		snprintf(command, sizeof(command), "FETCH 1 BODY.PEEK[%s]", missing[i]);
		snprintf(expected, sizeof(expected),
			 "* 1 FETCH (BODY[%s] NIL)\r\nt OK FETCH completed\r\n", missing[i]);
		ck_assert_str_eq(fixture_run(&f, command), expected);
	}
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, partial_reads_are_parts_of_the_whole);
	tcase_add_test(tc, sections_are_what_the_rfc_says);
	tcase_add_test(tc, large_literals_are_like_small_ones);
	tcase_add_test(tc, missing_parts_are_nil);
}

int main(void)
{
	return run_tests("imap fetch section", add);
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include "message/header_priv.h"

#include "tests/base/base_test.h"
#include "tests/message/message_test.h"

static struct hf_arena *arena;
static struct hf_message message;

static void setup(void)
{
	arena = hf_arena_new();
}

static void teardown(void)
{
	hf_arena_free(&arena);
}

START_TEST(the_index_says_where_fields_are)
{
	static const char in[] = "junk line\r\n more\r\nA: 1\r\nB : 2\r\n 3\r\nA:4\r\n\r\nbody";
	static const struct {
		const char *name, *field, *value;
	} expected[] = { { "A", "A: 1\r\n", " 1\r\n" },
			 { "B", "B : 2\r\n 3\r\n", " 2\r\n 3\r\n" },
			 { "A", "A:4\r\n", "4\r\n" } };

	parse(arena, HF_STR(in), &message);
	ck_assert_uint_eq(message.field_count, HF_COUNT(expected));
	ck_assert(message.fields_complete);
	for (uint32_t i = 0; i < message.field_count; i++) {
		const struct hf_field *field = &message.fields[i];

		assert_octets(field->name, hf_str(expected[i].name));
		assert_octets(hf_str_n(in + field->offset, field->size), hf_str(expected[i].field));
		assert_octets(
			hf_str_n(in + field->offset + field->value, field->size - field->value),
			hf_str(expected[i].value));
	}
}
END_TEST

START_TEST(a_limit_ends_the_index)
{
	struct hf_mime_limits limits = hf_mime_default_limits;
	struct hf_str in = HF_STR("A: 1\nB: 2\nContent-Type: a/b\nC: 3\n\nbody\n");

	limits.fields = 2;
	parse_pieces(arena, &limits, NULL, in, 1, &message);
	ck_assert_uint_eq(message.field_count, 2);
	ck_assert(!message.fields_complete && !message.truncated_tree);
	assert_octets(message.root->type, HF_STR("a"));

	limits = hf_mime_default_limits;
	limits.header_size = 30; /* ends within C */
	parse_pieces(arena, &limits, NULL, in, 3, &message);
	ck_assert_uint_eq(message.field_count, 3);
	ck_assert(!message.fields_complete && message.truncated_tree);
	ck_assert_uint_eq(message.root->header_size, 34);
	ck_assert_uint_eq(message.root->body_size, 5);
}
END_TEST

START_TEST(the_first_of_a_field_counts)
{
	parse(arena, HF_STR("Content-Type: a/b\nContent-Type: c/d\nSubject: x\nsubject: y\n\n"),
	      &message);
	assert_octets(message.root->type, HF_STR("a"));
	assert_octets(message.root->envelope->subject, HF_STR("x"));
}
END_TEST

START_TEST(what_threads_and_sorts_want)
{
	parse(arena,
	      HF_STR("Date: Mon, 7 Feb 1994 21:52:25 -0800\nSubject: =?utf-8?Q?Re:_[l]_=C3=A4?=\n"
		     "Message-ID: <\"a\"@b>\nReferences: <1@x>\n <2@x>\nIn-Reply-To: <9@x>\n\n"),
	      &message);
	ck_assert(message.has_date && message.subject_is_reply);
	ck_assert_int_eq(message.sent, 760686745);
	ck_assert_int_eq(message.sent_zone, -480);
	assert_octets(message.base_subject, HF_STR("\xc3\xa4"));
	assert_octets(message.message_id, HF_STR("a@b"));
	ck_assert_uint_eq(message.reference_count, 2);
	assert_octets(message.references[1], HF_STR("2@x"));

	parse(arena, HF_STR("Date: yesterday\nIn-Reply-To: <9@x>\n\n"), &message);
	ck_assert(!message.has_date && !message.subject_is_reply);
	assert_octets(message.base_subject, HF_STR(""));
	assert_octets(message.message_id, HF_STR(""));
	ck_assert_uint_eq(message.reference_count, 1);
}
END_TEST

START_TEST(encodings)
{
	static const struct {
		const char *value;
		enum hf_cte cte;
		const char *word;
	} cases[] = {
		{ "7bit", HF_CTE_7BIT, "7bit" },
		{ "8BIT", HF_CTE_8BIT, "8BIT" },
		{ "Binary", HF_CTE_BINARY, "Binary" },
		{ "Base64 ", HF_CTE_BASE64, "Base64" },
		{ "(c) quoted-printable; x", HF_CTE_QP, "quoted-printable" },
		{ "x-uuencode", HF_CTE_UNKNOWN, "x-uuencode" },
		{ "", HF_CTE_7BIT, "7BIT" },
		{ "8-bit", HF_CTE_8BIT, "8-bit" },
	};

	for (size_t i = 0; i < HF_COUNT(cases); i++) {
		char *in =
			hf_arena_printf(arena, "Content-Transfer-Encoding: %s\n\n", cases[i].value);

		parse(arena, hf_str(in), &message);
		ck_assert_msg(message.root->cte == cases[i].cte, "%s", cases[i].value);
		assert_octets(message.root->encoding, hf_str(cases[i].word));
	}
}
END_TEST

START_TEST(a_broken_type_is_plain_text)
{
	parse(arena, HF_STR("Content-Type: text\n\n"), &message);
	assert_octets(message.root->subtype, HF_STR("PLAIN"));
	ck_assert_uint_eq(message.root->param_count, 1);
}
END_TEST

START_TEST(the_sink_gets_every_field_decoded)
{
	struct recorder recorder = RECORDER_INIT;
	struct hf_str in = HF_STR(
		"Subject: =?iso-8859-1?Q?=E4?=\n b\nX-Empty:\nX: \xe4\nContent-Type: message/rfc822\n\n"
		"Subject: in\n\n");

	parse_pieces(arena, NULL, &recorder.sink, in, 7, &message);
	assert_buf(&recorder.text,
		   "H Subject|\xc3\xa4 b\nH X-Empty|\nH X|\xc3\xa4\nH Content-Type|message/rfc822\n"
		   "B Subject|in\nB |\n");
	hf_buf_fini(&recorder.text);
}
END_TEST

START_TEST(addresses_have_a_limit)
{
	struct hf_mime_limits limits = hf_mime_default_limits;
	uint32_t count = 0;

	limits.addresses = 3;
	parse_pieces(arena, &limits, NULL, HF_STR("To: a@b, c@d, e@f, g@h\n\n"), 100, &message);
	for (const struct hf_address *a = message.root->envelope->to; a; a = a->next)
		count++;
	ck_assert_uint_eq(count, 3);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_index_says_where_fields_are);
	tcase_add_test(tc, a_limit_ends_the_index);
	tcase_add_test(tc, the_first_of_a_field_counts);
	tcase_add_test(tc, what_threads_and_sorts_want);
	tcase_add_test(tc, encodings);
	tcase_add_test(tc, a_broken_type_is_plain_text);
	tcase_add_test(tc, the_sink_gets_every_field_decoded);
	tcase_add_test(tc, addresses_have_a_limit);
}

int main(void)
{
	return run_tests("mime_header", add);
}

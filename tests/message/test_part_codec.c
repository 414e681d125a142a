/* SPDX-License-Identifier: BSD-2-Clause */
#include "message/part.h"

#include "tests/base/base_test.h"
#include "tests/message/message_test.h"

static struct hf_arena *arena;

static void setup(void)
{
	arena = hf_arena_new();
}

static void teardown(void)
{
	hf_arena_free(&arena);
}

static const char sample[] =
	"From junk\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800\r\nSubject: Re: \xc3\xa4\r\nX-Odd:\r\n"
	"From: g: \"A\" <@r:a@b>, c;\r\nSender: s@t\r\nMessage-ID: <m@x>\r\nReferences: <1@x> <2@x>\r\nIn-Reply-To:\r\n"
	"Content-Type: multipart/mixed; boundary=A; x*=utf-8''%c3%a4\r\nContent-Language: de, en\r\n\r\n"
	"--A\r\nContent-Disposition: inline; filename=x\r\nContent-MD5: md5\r\nContent-Location: loc\r\n\r\nText\r\n"
	"--A\r\nContent-Type: message/rfc822\r\nContent-ID: <i>\r\nContent-Description: d\r\n\r\n"
	"Subject: in\r\nContent-Transfer-Encoding: base64\r\n\r\neA==\r\n--A--\r\n";

START_TEST(a_message_comes_back_as_it_went)
{
	struct hf_message in, out;
	struct hf_buf encoded = HF_BUF_INIT, before = HF_BUF_INIT, after = HF_BUF_INIT;
	const struct hf_part *child;

	parse(arena, HF_STR(sample), &in);
	hf_message_encode(&in, &encoded);
	ck_assert_int_eq(hf_message_decode(arena, hf_buf_str(&encoded), &out), HF_OK);
	memset(encoded.data, 'x', encoded.size); /* nothing points into the input */

	hf_bodystructure_render(in.root, true, &before);
	hf_bodystructure_render(out.root, true, &after);
	hf_envelope_render(in.root->envelope, &before);
	hf_envelope_render(out.root->envelope, &after);
	assert_octets(hf_buf_str(&after), hf_buf_str(&before));

	ck_assert_uint_eq(out.size, sizeof(sample) - 1);
	ck_assert_uint_eq(out.field_count, in.field_count);
	for (uint32_t i = 0; i < in.field_count; i++) {
		assert_octets(out.fields[i].name, in.fields[i].name);
		ck_assert_uint_eq(out.fields[i].offset, in.fields[i].offset);
		ck_assert_uint_eq(out.fields[i].size, in.fields[i].size);
		ck_assert_uint_eq(out.fields[i].value, in.fields[i].value);
	}
	ck_assert(out.fields_complete && !out.has_nul && !out.truncated_tree &&
		  out.subject_is_reply);
	ck_assert(out.has_date && out.sent == in.sent && out.sent_zone == -480);
	assert_octets(out.preview, HF_STR("Text"));
	assert_octets(out.base_subject, HF_STR("\xc3\xa4"));
	assert_octets(out.message_id, HF_STR("m@x"));
	ck_assert_uint_eq(out.reference_count, 2);
	assert_octets(out.references[1], HF_STR("2@x"));
	ck_assert_ptr_eq(out.root->envelope->reply_to, out.root->envelope->from);
	child = out.root->children->next;
	ck_assert_ptr_eq(child->parent, out.root);
	ck_assert_uint_eq(child->children->body_offset,
			  in.root->children->next->children->body_offset);
	ck_assert_int_eq(child->children->cte, HF_CTE_BASE64);
	ck_assert_uint_eq(child->body_lines, in.root->children->next->body_lines);
	hf_buf_fini(&encoded);
	hf_buf_fini(&before);
	hf_buf_fini(&after);
}
END_TEST

START_TEST(a_simple_message_is_small)
{
	struct hf_message message;
	struct hf_buf encoded = HF_BUF_INIT;

	parse(arena, HF_STR("From: a@b\r\nTo: c@d\r\nSubject: e\r\n\r\nf\r\n"), &message);
	hf_message_encode(&message, &encoded);
	ck_assert_uint_lt(encoded.size, 80);
	hf_buf_fini(&encoded);
}
END_TEST

START_TEST(what_is_cut_off_is_refused)
{
	struct hf_message message;
	struct hf_buf encoded = HF_BUF_INIT;

	parse(arena, HF_STR(sample), &message);
	hf_message_encode(&message, &encoded);
	for (size_t size = 0; size < encoded.size; size++)
		ck_assert_int_eq(hf_message_decode(arena, hf_str_n(encoded.data, size), &message),
				 HF_ECORRUPT);
	hf_buf_add_char(&encoded, 0);
	ck_assert_int_eq(hf_message_decode(arena, hf_buf_str(&encoded), &message), HF_ECORRUPT);
	encoded.size--;
	encoded.data[0]++; /* another version */
	ck_assert_int_eq(hf_message_decode(arena, hf_buf_str(&encoded), &message), HF_ECORRUPT);
	hf_buf_fini(&encoded);
}
END_TEST

START_TEST(damage_is_refused_or_harmless)
{
	struct hf_message message;
	struct hf_buf encoded = HF_BUF_INIT;

	parse(arena, HF_STR(sample), &message);
	hf_message_encode(&message, &encoded);
	for (size_t i = 0; i < encoded.size; i++) {
		for (int bit = 0; bit < 8; bit++) {
			encoded.data[i] = (char)(encoded.data[i] ^ 1 << bit);
			if (hf_message_decode(arena, hf_buf_str(&encoded), &message) == HF_OK) {
				struct hf_buf again = HF_BUF_INIT;

				check_message(&message);
				check_stored_form(&message, &again);
				hf_buf_fini(&again);
			}
			encoded.data[i] = (char)(encoded.data[i] ^ 1 << bit);
			hf_arena_reset(arena);
		}
	}
	hf_buf_fini(&encoded);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_message_comes_back_as_it_went);
	tcase_add_test(tc, a_simple_message_is_small);
	tcase_add_test(tc, what_is_cut_off_is_refused);
	tcase_add_test(tc, damage_is_refused_or_harmless);
}

int main(void)
{
	return run_tests("part_codec", add);
}

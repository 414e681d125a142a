/* SPDX-License-Identifier: BSD-2-Clause */
#include "message/text.h"

#include "tests/base/base_test.h"
#include "tests/message/message_test.h"

/* `in` is a whole message; its body is decoded in pieces of every size. */
static void assert_decoded(struct hf_str in, bool to_utf8, struct hf_str expected)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_message message;
	struct hf_str body;

	parse(arena, in, &message);
	body = hf_str_sub(in, (size_t)message.root->body_offset, (size_t)message.root->body_size);
	for (size_t size = 1; size <= body.size; size++) {
		struct hf_body_decoder *decoder;
		struct hf_buf out = HF_BUF_INIT;
		struct hf_str rest = body;

		ck_assert_int_eq(hf_body_decoder_new(message.root, to_utf8, &decoder), HF_OK);
		for (; rest.size; rest = hf_str_sub(rest, size, rest.size))
			hf_body_decoder_feed(decoder, hf_str_sub(rest, 0, size), &out);
		hf_body_decoder_end(decoder, &out);
		hf_body_decoder_free(&decoder);
		ck_assert_ptr_null(decoder);
		assert_octets(hf_buf_str(&out), expected);
		hf_buf_fini(&out);
	}
	hf_arena_free(&arena);
}

START_TEST(transfer_encodings)
{
	assert_decoded(
		HF_STR("Content-Type: a/b\nContent-Transfer-Encoding: base64\n\neHl6\nAA==\n"),
		true, HF_STR("xyz\0"));
	assert_decoded(
		HF_STR("Content-Type: a/b\nContent-Transfer-Encoding: Quoted-Printable\n\na=3Db=\n=E4 \n"),
		true, HF_STR("a=b\xe4\n"));
	assert_decoded(HF_STR("Content-Type: a/b\nContent-Transfer-Encoding: binary\n\n\0\xff=3D"),
		       true, HF_STR("\0\xff=3D"));
	assert_decoded(HF_STR("\nx\xe4"), false, HF_STR("x\xe4"));
}
END_TEST

START_TEST(text_becomes_utf8)
{
	assert_decoded(
		HF_STR("Content-Type: text/plain; charset=koi8-r\nContent-Transfer-Encoding: base64\n\n8NLJ\n"),
		true, HF_STR("\xd0\x9f\xd1\x80\xd0\xb8"));
	assert_decoded(
		HF_STR("Content-Type: text/html; charset=\"iso-2022-jp\"\n\n\x1b$B%F%9\x1b(B\n"),
		true, HF_STR("\xe3\x83\x86\xe3\x82\xb9\n"));
	assert_decoded(
		HF_STR("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
		       "=E2=82=AC=\n=E2=82"),
		true, HF_STR("\xe2\x82\xac\xef\xbf\xbd\xef\xbf\xbd"));
	assert_decoded(HF_STR("\nx\xe4\xc3\xa4"), true, HF_STR("x\xc3\xa4\xc3\xa4"));
	assert_decoded(HF_STR("Content-Type: text/plain; charset=koi8-r\n\n\xf0"), false,
		       HF_STR("\xf0"));
}
END_TEST

START_TEST(an_unknown_encoding_is_said_so)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_message message;
	struct hf_body_decoder *decoder = NULL;

	parse(arena, HF_STR("Content-Transfer-Encoding: x-gzip64\n\nx\n"), &message);
	assert_octets(message.root->encoding, HF_STR("x-gzip64"));
	ck_assert_int_eq(hf_body_decoder_new(message.root, false, &decoder), HF_EUNKNOWNCTE);
	ck_assert_ptr_null(decoder);
	hf_body_decoder_free(&decoder);
	hf_arena_free(&arena);
}
END_TEST

START_TEST(a_decoder_may_be_dropped)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_message message;
	struct hf_body_decoder *decoder;
	struct hf_buf out = HF_BUF_INIT;

	parse(arena, HF_STR("Content-Type: text/plain; charset=iso-2022-jp\n\n\x1b$B%F\n"),
	      &message);
	ck_assert_int_eq(hf_body_decoder_new(message.root, true, &decoder), HF_OK);
	hf_body_decoder_feed(decoder, HF_STR("\x1b$B%"), &out);
	hf_body_decoder_free(&decoder);
	hf_buf_fini(&out);
	/* what the converter still held is not seen by the next one */
	assert_decoded(HF_STR("Content-Type: text/plain; charset=iso-2022-jp\n\nab"), true,
		       HF_STR("ab"));
	hf_arena_free(&arena);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, transfer_encodings);
	tcase_add_test(tc, text_becomes_utf8);
	tcase_add_test(tc, an_unknown_encoding_is_said_so);
	tcase_add_test(tc, a_decoder_may_be_dropped);
}

int main(void)
{
	return run_tests("body_decoder", add);
}

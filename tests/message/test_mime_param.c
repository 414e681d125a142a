/* SPDX-License-Identifier: BSD-2-Clause */
#include "message/header_priv.h"

#include "tests/base/base_test.h"

/* "type/subtype name=value;..." */
static void assert_type_max(const char *in, uint32_t max, const char *expected)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_buf out = HF_BUF_INIT;
	struct hf_str type, subtype;
	struct hf_param_list list;

	if (hf_content_type_parse(arena, hf_str(in), max, &type, &subtype, &list)) {
		hf_buf_printf(&out, "%.*s/%.*s", HF_STR_ARG(type), HF_STR_ARG(subtype));
		for (uint32_t i = 0; i < list.count; i++)
			hf_buf_printf(&out, " %.*s=%.*s;", HF_STR_ARG(list.params[i].name),
				      HF_STR_ARG(list.params[i].value));
	}
	assert_octets(hf_buf_str(&out), hf_str(expected));
	hf_buf_fini(&out);
	hf_arena_free(&arena);
}

static void assert_type(const char *in, const char *expected)
{
	assert_type_max(in, 200, expected);
}

START_TEST(types)
{
	assert_type("text/plain", "text/plain");
	assert_type(" (c) TEXT (c) / (c) Plain (c)", "TEXT/Plain");
	assert_type("text", "");
	assert_type("text/", "");
	assert_type("/plain", "");
	assert_type("", "");
}
END_TEST

START_TEST(parameters)
{
	assert_type("text/plain; charset=utf-8", "text/plain charset=utf-8;");
	assert_type("text/plain; charset=\"utf-8\" ; Format=flowed",
		    "text/plain charset=utf-8; Format=flowed;");
	assert_type("text/plain; charset=us-ascii (Plain; text)", "text/plain charset=us-ascii;");
	assert_type("a/b; c=\"d\\\"e;\"", "a/b c=d\"e;;");
	assert_type("a/b; c=", "a/b c=;");
	assert_type("a/b; c=\"\"", "a/b c=;");
}
END_TEST

START_TEST(broken_parameters)
{
	assert_type("a/b;; c=d;; e=f;", "a/b c=d; e=f;");
	assert_type("a/b c=d", "a/b c=d;");
	assert_type("a/b; name=my file.txt; c=d", "a/b name=my file.txt; c=d;");
	assert_type("a/b; c=\"d\" e=f", "a/b c=d; e=f;");
	assert_type("a/b; c; =d; e=f", "a/b e=f;");
	assert_type("a/b; c=\"d", "a/b c=d;");
	assert_type("a/b; c=\"d\\", "a/b c=d\\;");
	assert_type("a/b; c=(x", "a/b c=;");
	assert_type("a/b; c=\xe4", "a/b c=\xc3\xa4;"); /* raw 8-bit */
}
END_TEST

START_TEST(rfc2231_forms)
{
	assert_type("a/b; url*0=\"ftp://\"; url*1=\"x.y\"", "a/b url=ftp://x.y;");
	assert_type("a/b; t*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
		    "a/b t=This is ***fun***;");
	assert_type("a/b; t*0*=us-ascii'en'a%20; t*1*=b%20; t*2=\"c'd%20\"", "a/b t=a b c'd%20;");
	assert_type("a/b; f*=iso-8859-1''%e4; f=ae", "a/b f=\xc3\xa4; f=ae;");
	assert_type("a/b; f=plain; f*=utf-8''ascii",
		    "a/b f=ascii;");                   /* the plain one says no more */
	assert_type("a/b; f*1=b; f*0=a", "a/b f=ab;"); /* any order */
	assert_type("a/b; f*0*=utf-8''%e2%82; f*1*=%ac", "a/b f=\xe2\x82\xac;");
	assert_type("a/b; f*=x-unknown''%e4", "a/b f=\xc3\xa4;");
	assert_type("a/b; f*=no-quotes%20", "a/b f=no-quotes ;");
	assert_type("a/b; f*=utf-8''%00%0g%2", "a/b f=?%0g%2;");
	assert_type("a/b; f*x=1; g*0*1=2", "a/b f*x=1; g*0*1=2;");
	assert_type("a/b; f*0=a; f*0=b; f*1=c", "a/b f=ac;");
	assert_type("a/b; f*99999999999=a", "a/b f*99999999999=a;");
}
END_TEST

START_TEST(the_limit_holds)
{
	assert_type_max("a/b; c=1; d=2; e=3", 2, "a/b c=1; d=2;");
	assert_type_max("a/b; c=1", 0, "a/b");
}
END_TEST

START_TEST(many_parameters_in_order)
{
	struct hf_buf in = HF_BUF_INIT, expected = HF_BUF_INIT;

	hf_buf_add_lit(&in, "a/b");
	hf_buf_add_lit(&expected, "a/b x=");
	for (int i = 0; i < 50; i++)
		hf_buf_printf(&in, "; x*%d=%c", 49 - i, 'a' + (49 - i) % 26);
	for (int i = 0; i < 50; i++)
		hf_buf_add_char(&expected, (char)('a' + i % 26));
	hf_buf_add_char(&expected, ';');
	assert_type(hf_buf_cstr(&in), hf_buf_cstr(&expected));
	hf_buf_fini(&in);
	hf_buf_fini(&expected);
}
END_TEST

START_TEST(dispositions)
{
	struct hf_arena *arena = hf_arena_new();
	struct hf_param_list list;
	struct hf_str word;

	ck_assert(hf_disposition_parse(arena, HF_STR("attachment; filename=x"), 10, &word, &list));
	assert_octets(word, HF_STR("attachment"));
	assert_octets(hf_param_get(list.params, list.count, HF_STR("FILENAME")), HF_STR("x"));
	ck_assert_ptr_null(hf_param_get(list.params, list.count, HF_STR("size")).data);
	ck_assert(!hf_disposition_parse(arena, HF_STR("; filename=x"), 10, &word, &list));
	hf_arena_free(&arena);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, types);
	tcase_add_test(tc, parameters);
	tcase_add_test(tc, broken_parameters);
	tcase_add_test(tc, rfc2231_forms);
	tcase_add_test(tc, the_limit_holds);
	tcase_add_test(tc, many_parameters_in_order);
	tcase_add_test(tc, dispositions);
}

int main(void)
{
	return run_tests("mime_param", add);
}

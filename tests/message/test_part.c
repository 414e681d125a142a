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

/* The example of RFC 9051 §6.4.5.1, with the parts named by Content-ID. */
static const char example[] =
	"Content-Type: multipart/mixed; boundary=A\n\n"
	"--A\nContent-ID: 1\n\n"
	"--A\nContent-ID: 2\nContent-Type: application/octet-stream\n\n"
	"--A\nContent-ID: 3\nContent-Type: message/rfc822\n\n"
	"Content-ID: 3m\nContent-Type: multipart/mixed; boundary=B\n\n"
	"--B\nContent-ID: 3.1\n\n--B\nContent-ID: 3.2\nContent-Type: application/octet-stream\n\n--B--\n"
	"--A\nContent-ID: 4\nContent-Type: multipart/mixed; boundary=C\n\n"
	"--C\nContent-ID: 4.1\nContent-Type: image/gif\n\n"
	"--C\nContent-ID: 4.2\nContent-Type: message/rfc822\n\n"
	"Content-ID: 4.2m\nContent-Type: multipart/mixed; boundary=D\n\n"
	"--D\nContent-ID: 4.2.1\n\n"
	"--D\nContent-ID: 4.2.2\nContent-Type: multipart/alternative; boundary=E\n\n"
	"--E\nContent-ID: 4.2.2.1\n\n--E\nContent-ID: 4.2.2.2\n\n--E--\n--D--\n--C--\n--A--\n";

static void assert_found(const struct hf_part *root, const uint32_t *numbers, size_t count,
			 const char *id)
{
	const struct hf_part *part = hf_part_find(root, numbers, count);

	if (!id) {
		ck_assert_ptr_null(part);
		return;
	}
	ck_assert_ptr_nonnull(part);
	assert_octets(part->id, hf_str(id));
}

#define NUMBERS(...) \
	(const uint32_t[]){ __VA_ARGS__ }, HF_COUNT(((const uint32_t[]){ __VA_ARGS__ }))

START_TEST(parts_of_the_example_in_rfc9051)
{
	struct hf_message message;

	parse(arena, HF_STR(example), &message);
	ck_assert_ptr_eq(hf_part_find(message.root, NULL, 0), message.root);
	assert_found(message.root, NUMBERS(1), "1");
	assert_found(message.root, NUMBERS(2), "2");
	assert_found(message.root, NUMBERS(3), "3");
	assert_found(message.root, NUMBERS(3, 1), "3.1");
	assert_found(message.root, NUMBERS(3, 2), "3.2");
	assert_found(message.root, NUMBERS(4), "4");
	assert_found(message.root, NUMBERS(4, 1), "4.1");
	assert_found(message.root, NUMBERS(4, 2), "4.2");
	assert_found(message.root, NUMBERS(4, 2, 1), "4.2.1");
	assert_found(message.root, NUMBERS(4, 2, 2), "4.2.2");
	assert_found(message.root, NUMBERS(4, 2, 2, 1), "4.2.2.1");
	assert_found(message.root, NUMBERS(4, 2, 2, 2), "4.2.2.2");
	assert_found(message.root, NUMBERS(0), NULL);
	assert_found(message.root, NUMBERS(5), NULL);
	assert_found(message.root, NUMBERS(1, 1), NULL);
	assert_found(message.root, NUMBERS(3, 3), NULL);
	assert_found(message.root, NUMBERS(4, 2, 2, 2, 1), NULL);
	assert_found(message.root, NUMBERS(UINT32_MAX), NULL);
}
END_TEST

START_TEST(a_message_without_parts_is_its_own_part_one)
{
	struct hf_message message;

	parse(arena, HF_STR("Subject: x\n\ny\n"), &message);
	ck_assert_ptr_eq(hf_part_find(message.root, NUMBERS(1)), message.root);
	assert_found(message.root, NUMBERS(2), NULL);
	assert_found(message.root, NUMBERS(1, 1), NULL);
}
END_TEST

START_TEST(numbers_go_on_in_an_embedded_message)
{
	struct hf_message message;

	parse(arena, HF_STR("Content-Type: message/rfc822\n\nContent-ID: in\n\ny\n"), &message);
	ck_assert_ptr_eq(hf_part_find(message.root, NUMBERS(1)), message.root);
	assert_found(message.root, NUMBERS(1, 1), "in");
	assert_found(message.root, NUMBERS(1, 2), NULL);
	assert_found(message.root, NUMBERS(1, 1, 1), NULL);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, parts_of_the_example_in_rfc9051);
	tcase_add_test(tc, a_message_without_parts_is_its_own_part_one);
	tcase_add_test(tc, numbers_go_on_in_an_embedded_message);
}

int main(void)
{
	return run_tests("part", add);
}

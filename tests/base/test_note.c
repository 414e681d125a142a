/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/note.h"

#include "tests/base/base_test.h"

START_TEST(reasons_are_lines)
{
	struct hf_note note = HF_NOTE_INIT;

	ck_assert_str_eq(hf_note_text(&note), "");
	hf_note_add(&note, "line %d: unknown key", 3);
	ck_assert_str_eq(hf_note_text(&note), "line 3: unknown key");
	hf_note_add(&note, "%s", "second");
	ck_assert_str_eq(hf_note_text(&note), "line 3: unknown key\nsecond");
	ck_assert_uint_eq(note.count, 2);
	hf_note_fini(&note);
	ck_assert_uint_eq(note.count, 0);
	ck_assert_str_eq(hf_note_text(&note), "");
}
END_TEST

START_TEST(nobody_need_listen)
{
	hf_note_add(NULL, "%d", 1);
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, reasons_are_lines);
	tcase_add_test(tc, nobody_need_listen);
}

int main(void)
{
	return run_tests("note", add);
}

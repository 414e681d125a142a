/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads against a plain rendering of RFC 5256 §3, step by step, with lists that are walked and sorted as the text says. */
#include <check.h>
#include <stdio.h>

#include "base/mem.h"
#include "module/imap/thread.h"
#include "tests/base/base_test.h"

#define MESSAGES_MAX 24
#define IDS 10

struct mail {
	int id;          /* -1: none */
	int refs[6];
	int ref_count;
	int64_t sent;
	int subject;     /* 0: empty */
	bool is_reply;
};

/* What is tested ------------------------------------------------------------------------------------------------------ */

static struct hf_str id_text(char *to, int id)
{
	return hf_str_n(to, (size_t)sprintf(to, "%d@example.org", id));
}

static void add_mail(struct thread_run *run, const struct mail *mail, uint32_t seq)
{
	struct hf_record record = { .internaldate = mail->sent, .sent = mail->sent };
	char id[32], refs[6][32], subject[32];
	struct hf_str references[6];
	struct match_row row = { .seq = HF_SEQ(seq), .record = &record };
	uint64_t words[HF_THREAD_REFERENCES + HF_LIST_REFERENCES_MAX];

	if (mail->id >= 0)
		row.row.message_id = id_text(id, mail->id);
	for (int i = 0; i < mail->ref_count; i++)
		references[i] = id_text(refs[i], mail->refs[i]);
	row.row.references = references;
	row.row.reference_count = (uint32_t)mail->ref_count;
	if (mail->subject)
		row.row.base_subject = hf_str_n(subject, (size_t)sprintf(subject, "subject %d", mail->subject));
	row.row.subject_is_reply = mail->is_reply;
	ck_assert(thread_run_add(run, &row, words, hf_fact_thread(&row.row, words)));
}

static void finish(struct thread_run *run, struct hf_buf *out)
{
	struct thread_writer writer;

	run->gathered = true;
	for (;;) {
		enum hf_status status = thread_run_next(run);

		if (status == HF_OK)
			break;
		ck_assert_int_eq(status, HF_MORE);
	}
	thread_writer_init(&writer, run);
	while (!thread_writer_next(&writer, run, NULL, out))
		;
	thread_run_fini(run);
}

static void begin(struct thread_run *run, const struct thread_algorithm *algorithm)
{
	*run = (struct thread_run){ .algorithm = algorithm, .first_root = THREAD_NONE, .last_root = THREAD_NONE };
}

static void thread(const struct thread_algorithm *algorithm, const struct mail *mails, int count, struct hf_buf *out)
{
	struct thread_run run;

	begin(&run, algorithm);
	for (int i = 0; i < count; i++)
		add_mail(&run, &mails[i], (uint32_t)i + 1);
	finish(&run, out);
}

/* The model ----------------------------------------------------------------------------------------------------------- */

#define NODES_MAX (MESSAGES_MAX + IDS + MESSAGES_MAX + 1)
#define ROOT 0

struct node {
	bool used;
	int mail; /* -1: dummy */
	int parent;
	int children[NODES_MAX];
	int child_count;
};

static struct node nodes[NODES_MAX];
static int node_count, node_of_id[IDS];
static const struct mail *all;

static int new_node(int mail)
{
	nodes[node_count] = (struct node){ .used = true, .mail = mail, .parent = -1 };
	return node_count++;
}

static bool is_above(int above, int node)
{
	for (; node >= 0; node = nodes[node].parent)
		if (node == above)
			return true;
	return false;
}

static int id_node(int id)
{
	if (node_of_id[id] < 0)
		node_of_id[id] = new_node(-1);
	return node_of_id[id];
}

static void link_mail(int at)
{
	const struct mail *mail = &all[at];
	int node, last = -1;

	if (mail->id >= 0 && nodes[id_node(mail->id)].mail < 0) {
		node = id_node(mail->id);
		nodes[node].mail = at;
	} else {
		node = new_node(at);
	}
	for (int i = 0; i < mail->ref_count; i++) {
		int next = id_node(mail->refs[i]);

		if (last >= 0 && nodes[next].parent < 0 && !is_above(next, last))
			nodes[next].parent = last;
		last = next;
	}
	nodes[node].parent = -1;
	if (last >= 0 && !is_above(node, last))
		nodes[node].parent = last;
}

static void adopt(int parent, int child)
{
	nodes[child].parent = parent;
	nodes[parent].children[nodes[parent].child_count++] = child;
}

static void forsake(int parent, int at)
{
	struct node *p = &nodes[parent];

	for (int i = at; i + 1 < p->child_count; i++)
		p->children[i] = p->children[i + 1];
	p->child_count--;
}

static void prune(int parent)
{
	for (int i = 0; i < nodes[parent].child_count;) {
		int child = nodes[parent].children[i];
		struct node *c = &nodes[child];

		prune(child);
		if (c->mail >= 0 || (parent == ROOT && c->child_count > 1)) {
			i++;
			continue;
		}
		forsake(parent, i);
		for (int j = 0; j < c->child_count; j++)
			adopt(parent, c->children[j]);
	}
}

static int first_mail(int node)
{
	return nodes[node].mail >= 0 ? nodes[node].mail : nodes[nodes[node].children[0]].mail;
}

static bool is_before(int a, int b)
{
	int x = first_mail(a), y = first_mail(b);

	return all[x].sent != all[y].sent ? all[x].sent < all[y].sent : x < y;
}

static void sort_children(int parent)
{
	struct node *p = &nodes[parent];

	for (int i = 0; i < p->child_count; i++)
		sort_children(p->children[i]);
	for (int i = 1; i < p->child_count; i++)
		for (int j = i; j > 0 && is_before(p->children[j], p->children[j - 1]); j--) {
			int swapped = p->children[j];

			p->children[j] = p->children[j - 1];
			p->children[j - 1] = swapped;
		}
}

static bool reply_of(int node)
{
	return nodes[node].mail >= 0 && all[nodes[node].mail].is_reply;
}

static void leave_root(int node)
{
	for (int i = 0; i < nodes[ROOT].child_count; i++)
		if (nodes[ROOT].children[i] == node)
			forsake(ROOT, i--);
}

static void merge_subjects(void)
{
	int table[8] = { 0 }, roots[NODES_MAX], count = nodes[ROOT].child_count;

	memcpy(roots, nodes[ROOT].children, sizeof roots);
	for (int i = 0; i < count; i++) {
		int cur = roots[i], subject = all[first_mail(cur)].subject, *tab = &table[subject];

		if (!subject)
			continue;
		if (!*tab || (nodes[*tab].mail >= 0 && (nodes[cur].mail < 0 || (reply_of(*tab) && !reply_of(cur)))))
			*tab = cur;
	}
	for (int i = 0; i < count; i++) {
		int cur = roots[i], subject = all[first_mail(cur)].subject, tab = table[subject], dummy;

		if (!subject || tab == cur)
			continue;
		leave_root(cur);
		if (nodes[tab].mail < 0 && nodes[cur].mail < 0) {
			for (int j = 0; j < nodes[cur].child_count; j++)
				adopt(tab, nodes[cur].children[j]);
		} else if (nodes[tab].mail < 0 || (reply_of(cur) && !reply_of(tab))) {
			adopt(tab, cur);
		} else {
			leave_root(tab);
			dummy = new_node(-1);
			adopt(dummy, tab);
			adopt(dummy, cur);
			adopt(ROOT, dummy);
			table[subject] = dummy;
		}
	}
}

static void show(int node, struct hf_buf *out)
{
	if (nodes[node].mail >= 0)
		hf_buf_printf(out, "%d%s", nodes[node].mail + 1, nodes[node].child_count ? " " : "");
	for (int i = 0; i < nodes[node].child_count; i++) {
		if (nodes[node].child_count > 1)
			hf_buf_add_char(out, '(');
		show(nodes[node].children[i], out);
		if (nodes[node].child_count > 1)
			hf_buf_add_char(out, ')');
	}
}

static void model(const struct mail *mails, int count, struct hf_buf *out)
{
	int linked;

	all = mails;
	node_count = 0;
	new_node(-1);
	for (int i = 0; i < IDS; i++)
		node_of_id[i] = -1;
	for (int i = 0; i < count; i++)
		link_mail(i);
	linked = node_count;
	for (int i = 1; i < linked; i++)
		adopt(nodes[i].parent < 0 ? ROOT : nodes[i].parent, i);
	prune(ROOT);
	sort_children(ROOT);
	merge_subjects();
	sort_children(ROOT);
	for (int i = 0; i < nodes[ROOT].child_count; i++) {
		hf_buf_add_char(out, '(');
		show(nodes[ROOT].children[i], out);
		hf_buf_add_char(out, ')');
	}
}

/* Tests --------------------------------------------------------------------------------------------------------------- */

static int pick(uint64_t *state, int limit)
{
	return (int)(random_next(state) % (uint64_t)limit);
}

START_TEST(references_agree_with_the_model)
{
	uint64_t state = 4711;

	for (int round = 0; round < 20000; round++) {
		struct mail mails[MESSAGES_MAX];
		struct hf_buf expected = HF_BUF_INIT, actual = HF_BUF_INIT;
		int count = 1 + pick(&state, MESSAGES_MAX), refs_max = 1 + pick(&state, 6), subjects = 1 + pick(&state, 4);

		for (int i = 0; i < count; i++) {
			mails[i] = (struct mail){ .id = pick(&state, IDS + 1) - 1,
						  .ref_count = pick(&state, refs_max + 1) % 7,
						  .sent = pick(&state, 12),
						  .subject = pick(&state, subjects + 1),
						  .is_reply = pick(&state, 2) };
			if (mails[i].ref_count > 6)
				mails[i].ref_count = 6;
			for (int j = 0; j < mails[i].ref_count; j++)
				mails[i].refs[j] = pick(&state, IDS);
		}
		model(mails, count, &expected);
		thread(&thread_references, mails, count, &actual);
		ck_assert_str_eq(hf_buf_cstr(&actual), hf_buf_cstr(&expected));
		hf_buf_fini(&expected);
		hf_buf_fini(&actual);
	}
}
END_TEST

START_TEST(orderedsubject_groups_by_subject)
{
	struct mail mails[] = {
		{ .id = 1, .sent = 5, .subject = 1 }, { .id = 2, .sent = 1, .subject = 2 },
		{ .id = 3, .sent = 4, .subject = 1 }, { .id = 4, .sent = 9, .subject = 2 },
		{ .id = 5, .sent = 2, .subject = 1 }, { .id = 6, .sent = 9, .subject = 3 },
	};
	struct hf_buf out = HF_BUF_INIT;

	thread(&thread_orderedsubject, mails, 6, &out);
	ck_assert_str_eq(hf_buf_cstr(&out), "(2 4)(5 (3)(1))(6)");
	hf_buf_fini(&out);
}
END_TEST

START_TEST(refs_orders_threads_by_their_newest_message)
{
	struct mail mails[] = {
		{ .id = 1, .sent = 1, .subject = 1 }, { .id = 2, .sent = 2, .subject = 1 },
		{ .id = 3, .sent = 3, .refs = { 1 }, .ref_count = 1, .subject = 1 },
		{ .id = 4, .sent = 9, .refs = { 9 }, .ref_count = 1, .subject = 1 },
		{ .id = 5, .sent = 1, .refs = { 9 }, .ref_count = 1, .subject = 1 },
	};
	struct hf_buf out = HF_BUF_INIT;

	thread(&thread_refs, mails, 5, &out);
	ck_assert_str_eq(hf_buf_cstr(&out), "(2)(1 3)((5)(4))");
	hf_buf_fini(&out);
}
END_TEST

/* A chain of half the size, then as many messages that each would have to be looked for along the whole of it. */
static void deep(const struct thread_algorithm *algorithm, bool backwards)
{
	enum { CHAIN = 200000 };
	struct hf_buf out = HF_BUF_INIT;
	struct thread_run run;

	begin(&run, algorithm);
	for (int i = 0; i < CHAIN; i++) {
		int id = backwards ? CHAIN - i : i + 1;
		struct mail mail = { .id = id, .sent = id, .refs = { id - 1 }, .ref_count = 1 };

		add_mail(&run, &mail, (uint32_t)i + 1);
	}
	for (int i = 0; i < CHAIN; i++) { /* cites a dummy, then the end of the chain, and is cited by that dummy's child */
		int id = CHAIN + 1 + i;
		struct mail mail = { .id = id, .sent = id, .refs = { id + CHAIN, CHAIN - i % 7 }, .ref_count = 2 };

		add_mail(&run, &mail, (uint32_t)(CHAIN + i + 1));
	}
	finish(&run, &out);
	ck_assert_uint_gt(out.size, CHAIN * 8);
	hf_buf_fini(&out);
}

START_TEST(deep_threads_take_near_linear_time)
{
	deep(&thread_references, false);
	deep(&thread_references, true);
	deep(&thread_refs, true);
}
END_TEST

static int compare_mod(void *arg, uint32_t a, uint32_t b)
{
	uint32_t by = *(uint32_t *)arg;

	return a % by < b % by ? -1 : a % by > b % by;
}

START_TEST(merge_sort_sorts)
{
	static const size_t counts[] = { 0, 1, 2, 4097, 32767, 32768, 32769, 50000, 131072 };
	uint32_t by = 7;

	for (size_t c = 0; c < HF_COUNT(counts); c++) {
		for (unsigned shape = 0; shape < 4; shape++) {
			struct merge_sort sort = { .compare = compare_mod, .arg = &by };
			uint64_t state = 99 + c;

			for (size_t i = 0; i < counts[c]; i++)
				merge_sort_add(&sort,
					       shape == 0   ? i
					       : shape == 1 ? counts[c] - i
					       : shape == 2 ? random_next(&state) % 100
							    : random_next(&state),
					       (uint32_t)i);
			while (merge_sort_next(&sort) == HF_MORE)
				;
			ck_assert_uint_eq(sort.count, counts[c]);
			for (size_t i = 1; i < sort.count; i++) {
				const struct merge_item *a = &sort.items[i - 1], *b = &sort.items[i];

				ck_assert(a->key < b->key ||
					  (a->key == b->key &&
					   (a->index % by < b->index % by ||
					    (a->index % by == b->index % by && a->index < b->index))));
			}
			merge_sort_fini(&sort);
		}
	}
}
END_TEST

static void add(TCase *tc)
{
	tcase_add_test(tc, references_agree_with_the_model);
	tcase_add_test(tc, orderedsubject_groups_by_subject);
	tcase_add_test(tc, refs_orders_threads_by_their_newest_message);
	tcase_add_test(tc, deep_threads_take_near_linear_time);
	tcase_add_test(tc, merge_sort_sorts);
}

int main(void)
{
	return run_tests("thread", add);
}

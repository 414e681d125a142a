/* SPDX-License-Identifier: BSD-2-Clause */
/* Results kept for exactly the messages that a view shows. UID lists never change, and views in step share one: the same list is the
 * same messages. A memo holds a reference to its list, so that the list's address is not used again. */
#include "storage/facts.h"

#include "base/digest.h"
#include "base/mem.h"
#include "storage/hot_priv.h"
#include "storage/show_priv.h"

struct hf_memo {
	struct hot_item item;
	struct hot *hot;
	struct hf_uidlist *list;
	size_t name_size, data_size;
	char text[]; /* name, padding, data */
};

static size_t data_offset(size_t name_size)
{
	return (name_size + 7) & ~(size_t)7;
}

static struct hot_key key_of(const struct hf_view *view, struct hf_str name)
{
	return (struct hot_key){ view->mailbox->open.id, HOT_MEMO, (uint32_t)hf_hash(name) };
}

static void memo_free(struct hot_item *item)
{
	struct hf_memo *memo = HF_CONTAINER(item, struct hf_memo, item);

	hf_uidlist_unref(&memo->list);
	hf_free(memo);
}

struct hf_memo *hf_memo_open(struct hf_store *store, const struct hf_view *view, struct hf_str name)
{
	struct hot *hot = hf_store_registry(store)->hot;
	struct hot_key key = key_of(view, name);
	struct hot_item *item = hot_get(hot, &key);
	struct hf_memo *memo;

	if (!item)
		return NULL;
	memo = HF_CONTAINER(item, struct hf_memo, item);
	if (memo->list != view->list || !hf_str_eq(hf_str_n(memo->text, memo->name_size), name))
		hf_memo_close(&memo);
	return memo;
}

struct hf_str hf_memo_data(const struct hf_memo *memo)
{
	return hf_str_n(memo->text + data_offset(memo->name_size), memo->data_size);
}

void hf_memo_close(struct hf_memo **memo)
{
	if (*memo)
		hot_unref((*memo)->hot, &(*memo)->item);
	*memo = NULL;
}

void hf_memo_keep(struct hf_store *store, const struct hf_view *view, struct hf_str name, struct hf_str data)
{
	struct hot *hot = hf_store_registry(store)->hot;
	size_t offset = data_offset(name.size);
	struct hf_memo *memo = hf_alloc(sizeof(*memo) + offset + data.size);

	*memo = (struct hf_memo){ .hot = hot, .name_size = name.size, .data_size = data.size };
	memo->item.key = key_of(view, name);
	memo->item.size = sizeof(*memo) + offset + data.size;
	memo->item.free = memo_free;
	memo->list = hf_uidlist_ref(view->list);
	memcpy(memo->text, name.data, name.size);
	if (data.size)
		memcpy(memo->text + offset, data.data, data.size);
	hot_put(hot, &memo->item);
	hot_unref(hot, &memo->item);
}

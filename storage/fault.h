/* SPDX-License-Identifier: BSD-2-Clause */
/* Named moments at which a test lets the process die: HOLDFAST_FAULT="name" or "name:n" (the nth time) in the
 * environment makes it _exit(86) there. The names are all in fault.c. */
#ifndef HF_STORAGE_FAULT_H
#define HF_STORAGE_FAULT_H

enum fault {
	FAULT_OP_APPLIED,      /* op.applied: one operation is in the transaction */
	FAULT_BATCH_COMMITTED, /* batch.committed: in the log's buffer, not yet on the disk */
	FAULT_BATCH_FLUSHED,   /* batch.flushed: lasts, nobody has been told */
	FAULT_BATCH_PUBLISHED, /* batch.published: sessions have been told, who waits has not */
	FAULT_STAGE_CHUNK,     /* stage.chunk: chunks of a large message are written ahead */
	FAULT_CHECKPOINT,      /* checkpoint: before it */
	FAULT_COPY_PIECE,      /* copy.piece: a piece of a large copy is committed */
	FAULT_RESTORE_PIECE,   /* restore.piece: a piece of what is brought back is committed */
	FAULT_COUNT
};

void fault_setup(void); /* reads the environment; at hf_store_open() */
void fault_at(enum fault fault);

#endif

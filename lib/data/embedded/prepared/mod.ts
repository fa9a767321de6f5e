/**
 * Parts and records of transactions over several places, in SQLite, and the locks that parts have.
 *
 * @module
 */

export { PlaceLocks } from "./key_locks.ts";
export { LockDebts } from "./lock_debts.ts";
export { type AttemptState, PreparedTransactions } from "./prepared_transactions.ts";
export { isMarked, NEXT_NUMBER, partId, recordId, TransactionRows } from "./transaction_rows.ts";

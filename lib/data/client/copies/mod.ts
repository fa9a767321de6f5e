/**
 * Copies of collections in the memory of a program, which follow what is written. They keep nothing on a disk, and nobody else
 * reads from them.
 *
 * ```
 *   Copy ──▶ CopySource of each owner ── watch, list, describe ──▶ owner
 *     └──▶ CopyState: entries as they were at one revision, and since when that is known
 * ```
 *
 * @module
 */

export { Copy, type CopyOptions } from "./copy.ts";

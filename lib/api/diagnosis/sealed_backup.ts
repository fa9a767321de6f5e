/**
 * What tells the files of copies apart, for who asks for what opens them.
 * @module
 */

/** How the file of a copy begins that is sealed for a recovery key. */
export const RECOVERY_SEALED = "weft-backup2";

/**
 * What came of a check of `weft doctor`.
 * @module
 */

/** What came of one check. */
export type Finding =
  | { readonly kind: "ok"; readonly detail: string }
  | { readonly kind: "problem"; readonly detail: string; readonly hint: string };

/**
 * What came of a check of `weft doctor`.
 * @module
 */

/** What came of one check; a warning is of what works now, and nothing that the command fails for. */
export type Finding =
  | { readonly kind: "ok"; readonly detail: string }
  | { readonly kind: "warning"; readonly detail: string; readonly hint: string }
  | { readonly kind: "problem"; readonly detail: string; readonly hint: string };

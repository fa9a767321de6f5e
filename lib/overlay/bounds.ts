/**
 * What overlay networks and their endpoints may be called.
 * @module
 */

/** What networks and endpoints are called: a lower-case label of letters, digits and inner hyphens, up to 63 characters. */
export const OVERLAY_NAME: RegExp = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * The media types of answers that come in pieces.
 * @module
 */

/** The media type of an answer in lines. */
export const NDJSON_TYPE = "application/x-ndjson";
/** The media type of server-sent events. */
export const EVENTS_TYPE = "text/event-stream";

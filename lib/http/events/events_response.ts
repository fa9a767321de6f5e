/**
 * The answer to `GET /events`.
 * @module
 */

import type { Context } from "hono";
import { EVENTS_TYPE } from "../../api/mod.ts";
import { problem } from "../problem.ts";
import type { EventFeed } from "./event_feed.ts";

/** How soon a browser comes back that was cut off. */
const RETRY = "retry: 1000\n\n";
const RETRY_AFTER_SECONDS = "10";

/**
 * Answers with a stream, or 429 when there are too many.
 * @param source who asks
 */
export function eventsResponse(context: Context, feed: EventFeed, source: string): Response {
  const headers = { "content-type": EVENTS_TYPE, "x-accel-buffering": "no" };
  if (context.req.method === "HEAD") return context.body(null, 200, headers);
  // A page that comes back after a failure can't set the header that its browser sets.
  const after = context.req.header("last-event-id") ?? context.req.query("after");
  const stream = feed.open(source, after);
  if (typeof stream === "string") {
    context.header("retry-after", RETRY_AFTER_SECONDS);
    const message = stream === "too-many"
      ? "There are too many event streams; try again later"
      : "There are too many event streams from there; close a page, or try again later";
    return problem(context, 429, "Overloaded", message);
  }
  context.req.raw.signal.addEventListener("abort", () => stream.end());
  const encoder = new TextEncoder();
  let isBegun = false;
  // Without a buffer of its own: what a slow reader lacks is made when it reads on.
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (!isBegun) {
        isBegun = true;
        return controller.enqueue(encoder.encode(RETRY));
      }
      const text = await stream.next();
      if (text === undefined) controller.close();
      else controller.enqueue(encoder.encode(text));
    },
    cancel: () => stream.end(),
  }, { highWaterMark: 0 });
  return context.body(body, 200, headers);
}

/**
 * The routes about services: what there is, and on the control socket calls, events and offers.
 * @module
 */

import type { Context, Hono } from "hono";
import type { AgentControl, CallRequest, OpenOffer } from "../agent/mod.ts";
import { WeftError } from "../base/mod.ts";
import {
  readCallRequest,
  readOfferRequest,
  readPublishRequest,
  type ReadRequest,
  readServiceChange,
} from "../config/mod.ts";
import type { CallAnswer, ServiceEvent } from "../service/mod.ts";
import { jsonResult, ndjsonResponse } from "./ndjson.ts";
import { problem } from "./problem.ts";

/** Reads a body and answers; `answer` gives what becomes JSON, or a whole response. */
export type WithBody = <T>(
  context: Context,
  read: (body: unknown) => ReadRequest<T>,
  answer: (request: T) => object | Promise<object>,
) => Promise<Response>;

/** Adds what can be read. */
export function addServiceReadRoutes(app: Hono, { services }: AgentControl): void {
  app.get("/services", (context) => context.json(services.listServices()));
}

/** Adds what changes something, or speaks in this node's name. */
export function addServiceRoutes(app: Hono, { services }: AgentControl, withBody: WithBody): void {
  app.post("/services/pause", (context) =>
    withBody(context, readServiceChange, async (change) => ({
      changed: await services.pauseService(change),
    })));
  app.post("/services/resume", (context) =>
    withBody(context, readServiceChange, async (change) => ({
      changed: await services.resumeService(change),
    })));
  app.post(
    "/call",
    (context) =>
      withBody(context, readCallRequest, (request) => call(services, request, context.req.raw.signal)),
  );
  app.post(
    "/publish",
    (context) => withBody(context, readPublishRequest, (request) => services.publish(request)),
  );
  app.get("/subscribe", (context) => subscribe(context, services));
  app.post("/offer", (context) =>
    withBody(context, readOfferRequest, (request) => {
      const offer = services.offer(request);
      return hold(offer, context.req.raw.signal);
    }));
}

async function call(
  services: AgentControl["services"],
  request: CallRequest,
  gone: AbortSignal,
): Promise<object> {
  const answer = await services.call(request, gone);
  if (request.mode === "all") return jsonResult((answer as readonly CallAnswer[]).map(shownAnswer));
  if (!(answer instanceof ReadableStream)) return jsonResult(answer);
  const reader = (answer as ReadableStream<unknown>).getReader();
  let failed = false;
  const next = async () => {
    if (failed) return undefined;
    try {
      const { done, value } = await reader.read();
      return done ? undefined : jsonResult(value);
    } catch (error) {
      // The status was sent long ago: a failure is the last line.
      void reader.cancel().catch(() => {});
      const { code, message } = error instanceof WeftError
        ? error
        : { code: "Internal", message: "The agent could not go on" };
      failed = true;
      return { code, message };
    }
  };
  return ndjsonResponse(next, () => {
    void reader.cancel().catch(() => {});
  }, gone);
}

/** Of several at once, streams are not waited for. */
function shownAnswer(answer: CallAnswer): object {
  if (!answer.ok) return answer;
  const { result, ...rest } = answer;
  if (!(result instanceof ReadableStream)) return { ...rest, ...jsonResult(result) };
  void result.cancel().catch(() => {});
  const message = "a stream can't be answered with those of others: name one node";
  return { ...rest, ok: false, error: { code: "InvalidResult", message, retryable: false, executed: true } };
}

function subscribe(context: Context, services: AgentControl["services"]): Response {
  const { pattern = "", past } = context.req.query();
  if (pattern === "") return problem(context, 400, "InvalidRequest", "Cannot subscribe: there is no pattern");
  const stream = services.subscribe(pattern, { past: past === "1" });
  let told = 0;
  let held: ServiceEvent | undefined;
  const next = async () => {
    const event = held ?? (await stream.next()).value as ServiceEvent | undefined;
    held = undefined;
    const dropped = stream.dropped - told;
    if (dropped === 0 || event === undefined) return event && eventLine(event, services);
    told += dropped;
    held = event;
    return { dropped };
  };
  return ndjsonResponse(next, () => void stream.return?.(), context.req.raw.signal);
}

function eventLine(
  { topic, data, params, publishedAt, isPast, publisher }: ServiceEvent,
  services: AgentControl["services"],
): object {
  const payload = data instanceof Uint8Array ? { base64: data.toBase64() } : { data: data ?? null };
  return { topic, ...payload, params, publishedAt, isPast, publisher: services.publisherName(publisher) };
}

/** The offer lives as long as the connection of whoever asked for it. */
function hold(offer: OpenOffer, gone: AbortSignal): Response {
  let isTold = false;
  const ended = Promise.withResolvers<undefined>();
  const next = () => {
    if (isTold) return ended.promise;
    isTold = true;
    return Promise.resolve({ port: offer.port });
  };
  return ndjsonResponse(next, () => {
    ended.resolve(undefined);
    void offer.close();
  }, gone);
}

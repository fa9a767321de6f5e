/**
 * The two applications: one that everybody on this machine may read, one for whoever may open the control socket.
 * @module
 */

import { type Context, Hono, type MiddlewareHandler } from "hono";
import { accepts } from "hono/accepts";
import { bodyLimit } from "hono/body-limit";
import {
  type AgentControl,
  type HealthReport,
  InvalidRequestError,
  invoke,
  NDJSON_TYPE,
  openApi,
  type Operation,
  OPERATION_ENTRIES,
  problemOf,
  queriedFields,
  type ViewName,
  VIEWS,
} from "../api/mod.ts";
import { systemClock, systemRandom, systemTimers } from "../host/mod.ts";
import { type Access, connectionOf, sourceOf } from "./access.ts";
import { EventFeed, eventsResponse } from "./events/mod.ts";
import { answerHeaders, guard } from "./guard.ts";
import { METRICS_TYPES, metricsText } from "./metrics/mod.ts";
import { pageResponse } from "./page/mod.ts";
import { failure, problem } from "./problem.ts";

/** The largest body of a request, in bytes; of one that carries a value for services. */
const MAX_BODY_BYTES = 64 << 10;
const MAX_VALUE_BYTES = 16 << 20;

/** How long an answer that nobody has to show a token for is kept, in milliseconds. */
const KEPT_MS = 1_000;

/** Says in the first line that it has begun, and that nothing came yet. */
const BEGUN = "\n";

/** What the read-only application is of. */
export interface StatusAppOptions {
  readonly control: AgentControl;
  /** Addresses and names by which it may be called, beside the loopback's. */
  readonly addresses?: readonly string[];
  /** Whether a name or an address is one of the node's own; its overlay addresses are, unless told. */
  isOwnHost?(hostname: string): boolean;
  /** Who may read beyond the loopback; without it nobody is asked for a token. */
  readonly access?: Access;
  /** What `/events` tells; one of its own unless given. */
  readonly feed?: EventFeed;
}

/** @returns the read-only application for TCP */
export function statusApp(options: StatusAppOptions): Hono {
  const { control, addresses = [], isOwnHost, access, feed = systemFeed(control) } = options;
  const app = new Hono();
  app.use(answerHeaders());
  app.use(guard(addresses, isOwnHost ?? ((host) => control.status().node.addresses.includes(host))));
  if (access !== undefined) app.use(access.middleware());
  addRoutes(app, control, ({ isPublic }) => isPublic === true);
  addViews(app, control, { control: false, feed, ...access && { access } });
  app.get("/", pageResponse);
  finish(app);
  return app;
}

/** @returns the application for the control socket: all that can be read, and what changes something */
export function controlApp({ control }: { readonly control: AgentControl }): Hono {
  const app = new Hono();
  app.use(answerHeaders());
  addRoutes(app, control, () => true);
  addViews(app, control, { control: true, feed: systemFeed(control) });
  finish(app);
  return app;
}

/** Serves the operations that are meant, as the table says. */
function addRoutes(app: Hono, control: AgentControl, isMeant: (operation: Operation) => boolean): void {
  for (const [name, operation] of OPERATION_ENTRIES) {
    if (!isMeant(operation)) continue;
    const { route, carriesValue = false, answerKey } = operation;
    const [method = "", path = ""] = route.split(" ");
    app.on(method, path.replace(/\{(\w+)\}/g, ":$1"), bounded(carriesValue), async (context) => {
      const said = { ...context.req.query(), ...context.req.param() };
      // What changes something is not done by half of what was said, as a misspelt field would have it.
      const request = method === "POST"
        ? await readBody(context)
        : method === "GET"
        ? queriedFields(operation, said)
        : said;
      const answer = await invoke(control, name, request, context.req.raw.signal);
      if (answerKey !== undefined) return context.json({ [answerKey]: answer ?? true });
      return isLines(answer) ? ndjsonResponse(answer) : context.json(answer as object);
    });
  }
}

function systemFeed(control: AgentControl): EventFeed {
  return new EventFeed({ control, clock: systemClock, timers: systemTimers, random: systemRandom });
}

function addViews(
  app: Hono,
  control: AgentControl,
  { access, feed, ...described }: {
    readonly control: boolean;
    readonly feed: EventFeed;
    readonly access?: Access;
  },
): void {
  const health = access === undefined ? () => healthOf(control) : briefly(() => healthOf(control));
  const views: Readonly<Record<ViewName, (context: Context) => Response>> = {
    health: (context) => {
      const report = health();
      return context.json(report, report.state === "running" ? 200 : 503);
    },
    metrics: (context) => {
      const supports = ["text/plain", "application/openmetrics-text"];
      const type = accepts(context, { header: "Accept", supports, default: "text/plain" });
      const format = type === "text/plain" ? "prometheus" : "openmetrics";
      const headers = { "content-type": METRICS_TYPES[format], vary: "accept" };
      const text = metricsText({
        status: control.status(),
        measurements: control.measurements(),
        policy: control.policyCounters(),
        refusals: access?.refusals.snapshot() ?? {},
      }, format);
      return context.body(text, 200, headers);
    },
    events: (context) => {
      const { remoteAddress } = connectionOf(context) ?? {};
      return eventsResponse(context, feed, remoteAddress === undefined ? "" : sourceOf(remoteAddress));
    },
    openApi: (context) => context.json(openApi(control.status().version, described)),
  };
  for (const [name, answer] of Object.entries(views)) app.get(VIEWS[name as ViewName].path, answer);
}

function healthOf(control: AgentControl): HealthReport {
  const { state, peers } = control.status();
  const healthy = peers.filter((peer) => peer.healthy).length;
  return { state, peers: { healthy, unhealthy: peers.length - healthy } };
}

/** Everybody may ask for this one, and in a large network the answer costs something: a second long it is the same. */
function briefly<T>(make: () => T): () => T {
  let made: { readonly value: T; readonly at: number } | undefined;
  return () => {
    const now = performance.now();
    if (made === undefined || now - made.at >= KEPT_MS) made = { value: make(), at: now };
    return made.value;
  };
}

/** What no route took: a path that has others methods, or one that is none. */
function finish(app: Hono): void {
  app.notFound((context) => {
    const methods = methodsOf(app, context.req.path);
    if (methods.length === 0) return problem(context, 404, "NotFound", "There is nothing of this name");
    context.header("allow", methods.join(", "));
    return problem(context, 405, "MethodNotAllowed", `This takes ${methods.join(", ")}`);
  });
  app.onError(failure);
}

function methodsOf(app: Hono, path: string): readonly string[] {
  const methods = app.routes.filter((route) => {
    if (route.method === "ALL") return false;
    return new RegExp(`^${route.path.replaceAll(".", "\\.").replace(/:\w+/g, "[^/]+")}$`).test(path);
  }).map((route) => route.method);
  // RFC 9110 §9.3.2: what can be got can be asked for its head, which hono answers by itself.
  return [...new Set(methods.flatMap((method) => method === "GET" ? ["GET", "HEAD"] : [method]))];
}

function bounded(carriesValue: boolean): MiddlewareHandler {
  const maxSize = carriesValue ? MAX_VALUE_BYTES : MAX_BODY_BYTES;
  return bodyLimit({
    maxSize,
    onError: (context) => problem(context, 413, "TooLarge", `The body is larger than ${maxSize} bytes`),
  });
}

/** @throws InvalidRequestError when it is no JSON */
async function readBody(context: Context): Promise<unknown> {
  const text = await context.req.text();
  try {
    return text === "" ? {} : JSON.parse(text);
  } catch (cause) {
    throw new InvalidRequestError("Cannot read the request: the body is no JSON", { cause });
  }
}

function isLines(answer: unknown): answer is AsyncIterable<object> {
  return typeof answer === "object" && answer !== null && Symbol.asyncIterator in answer;
}

/**
 * Streams lines. The answer begins at once, with an empty line. When `values` fails, the last line says why, because the
 * status was sent long ago.
 */
export function ndjsonResponse(values: AsyncIterable<object>): Response {
  const encoder = new TextEncoder();
  const source = values[Symbol.asyncIterator]();
  let isEnded = false;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encoder.encode(BEGUN)),
    async pull(controller) {
      let line: object | undefined;
      try {
        const { done, value } = isEnded ? { done: true } : await source.next();
        if (done !== true) line = value;
      } catch (error) {
        isEnded = true;
        line = problemOf(error);
      }
      if (line === undefined) controller.close();
      else controller.enqueue(encoder.encode(`${JSON.stringify(line)}\n`));
    },
    cancel: () => void source.return?.(),
  });
  return new Response(body, { headers: { "content-type": NDJSON_TYPE } });
}

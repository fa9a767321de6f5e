/**
 * The two applications: one that everybody on this machine may read, one for whoever may open the control socket.
 * @module
 */

import { type Context, Hono, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { AgentControl } from "../agent/mod.ts";
import {
  readDeviceRequest,
  readNameQuery,
  readNodeRequest,
  readPingRequest,
  readRecordRequest,
  type ReadRequest,
  readTokenRequest,
} from "../config/mod.ts";
import { answerHeaders, guard } from "./guard.ts";
import { METRICS_TYPE, metricsText } from "./metrics.ts";
import { openApi } from "./openapi.ts";
import { pageResponse } from "./page.ts";
import { failure, problem } from "./problem.ts";
import { addServiceReadRoutes, addServiceRoutes } from "./service_routes.ts";

/** The largest body of a request, in bytes; of one that carries a value for services. */
const MAX_BODY_BYTES = 64 << 10;
const MAX_VALUE_BYTES = 16 << 20;
const VALUE_PATHS: ReadonlySet<string> = new Set(["/call", "/publish"]);

/** What the read-only application is given. */
export interface StatusAppOptions {
  readonly control: AgentControl;
  /** Addresses by which it may be called beside the loopback and the node's own overlay addresses. */
  readonly addresses?: readonly string[];
}

/** @returns the read-only application for TCP */
export function statusApp(options: StatusAppOptions): Hono {
  const { control, addresses = [] } = options;
  const app = new Hono();
  app.use(answerHeaders());
  app.use(guard({ addresses: () => [...addresses, ...control.status().node.addresses] }));
  addReadRoutes(app, control, { control: false });
  app.get("/", pageResponse);
  finish(app);
  return app;
}

/** @returns the application for the control socket: all that can be read, and what changes something */
export function controlApp(options: { readonly control: AgentControl }): Hono {
  const { control } = options;
  const app = new Hono();
  app.use(answerHeaders());
  app.use(bounded());
  addReadRoutes(app, control, { control: true });
  app.get("/tokens", (context) => context.json(control.listTokens()));
  app.post(
    "/tokens",
    (context) => withBody(context, readTokenRequest, (request) => control.createToken(request)),
  );
  app.delete("/tokens/:id", (context) => {
    control.revokeToken(context.req.param("id"));
    return context.json({ done: true });
  });
  app.post(
    "/peers",
    (context) => withBody(context, readDeviceRequest, (request) => control.addDevice(request)),
  );
  app.delete("/peers/:peer", (context) => {
    control.removePeer(context.req.param("peer"));
    return context.json({ done: true });
  });
  app.post(
    "/ping",
    (context) => withBody(context, readPingRequest, async ({ peer }) => await control.ping(peer)),
  );
  addLeaderRoutes(app, control);
  addNameRoutes(app, control);
  addServiceRoutes(app, control, withBody);
  finish(app);
  return app;
}

function addLeaderRoutes(app: Hono, control: AgentControl): void {
  app.get("/leaders", (context) => context.json(control.status().leaders));
  app.post("/leaders", (context) =>
    withBody(context, readNodeRequest, async ({ node }) => {
      await control.promoteLeader(node);
      return { done: true };
    }));
  app.delete("/leaders/:node", async (context) => {
    await control.demoteLeader(context.req.param("node"));
    return context.json({ done: true });
  });
  app.post("/rotate-key", async (context) => context.json(await control.rotateKey()));
}

function addNameRoutes(app: Hono, control: AgentControl): void {
  app.get("/dns", (context) => context.json(control.listNames()));
  app.post("/dns", (context) => withBody(context, readRecordRequest, (request) => control.addName(request)));
  app.delete("/dns/:name", (context) => {
    const { type, data } = context.req.query();
    const removed = control.removeName({
      name: context.req.param("name"),
      ...type === undefined ? {} : { type },
      ...data === undefined ? {} : { data },
    });
    return context.json({ removed });
  });
  app.post(
    "/dns/query",
    (context) => withBody(context, readNameQuery, ({ name, type }) => control.resolveName(name, type)),
  );
}

function addReadRoutes(app: Hono, control: AgentControl, described: { readonly control: boolean }): void {
  app.get("/status", (context) => context.json(control.status()));
  app.get("/peers", (context) => context.json(control.status().peers));
  app.get("/healthz", (context) => {
    const { state, peers } = control.status();
    const healthy = peers.filter((peer) => peer.healthy).length;
    const peersByHealth = { healthy, unhealthy: peers.length - healthy };
    return context.json({ state, peers: peersByHealth }, state === "running" ? 200 : 503);
  });
  app.get(
    "/metrics",
    (context) => context.body(metricsText(control.status()), 200, { "content-type": METRICS_TYPE }),
  );
  addServiceReadRoutes(app, control);
  app.get("/openapi.json", (context) => context.json(openApi(control.status().version, described)));
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

function bounded(): MiddlewareHandler {
  const [short, long] = [MAX_BODY_BYTES, MAX_VALUE_BYTES].map((maxSize) =>
    bodyLimit({
      maxSize,
      onError: (context) => problem(context, 413, "TooLarge", `The body is larger than ${maxSize} bytes`),
    })
  ) as [MiddlewareHandler, MiddlewareHandler];
  return (context, next) => (VALUE_PATHS.has(context.req.path) ? long : short)(context, next);
}

async function withBody<T>(
  context: Context,
  read: (body: unknown) => ReadRequest<T>,
  answer: (request: T) => object | Promise<object>,
): Promise<Response> {
  const text = await context.req.text();
  let body: unknown;
  try {
    body = text === "" ? {} : JSON.parse(text);
  } catch {
    return problem(context, 400, "InvalidRequest", "Cannot read the request: the body is no JSON");
  }
  const result = read(body);
  if ("problem" in result) {
    return problem(context, 400, "InvalidRequest", `Cannot read the request: ${result.problem}`);
  }
  const answered = await answer(result.value);
  return answered instanceof Response ? answered : context.json(answered);
}

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  CapturedProcess,
  createScratch,
  freePort,
  loopbackArgs,
  thisMachine,
  WeftNode,
} from "../../lab/mod.ts";

/** A span as OTLP has it in JSON (opentelemetry-proto, trace.proto). */
interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[];
  readonly status?: { readonly code?: number; readonly message?: string };
}

interface Seen extends OtlpSpan {
  readonly node: string;
}

const [INTERNAL, SERVER, CLIENT] = [1, 2, 3];
const program = fileURLToPath(new URL("traced_program.ts", import.meta.url));
const root = fileURLToPath(new URL("../../../", import.meta.url));

/** Takes what Deno exports over OTLP. */
function collector() {
  const spans: Seen[] = [];
  const texts: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const text = await request.text();
    texts.push(text);
    if (new URL(request.url).pathname === "/v1/traces") {
      for (const { resource, scopeSpans } of JSON.parse(text).resourceSpans) {
        const node = valueOf(resource.attributes, "service.name") ?? "";
        for (const scope of scopeSpans) {
          if (scope.scope.name === "@weft/mesh") {
            spans.push(...scope.spans.map((span: OtlpSpan) => ({ ...span, node })));
          }
        }
      }
    }
    return Response.json({});
  });
  return { spans, texts, server };
}

function valueOf(attributes: OtlpSpan["attributes"], wanted: string): string | undefined {
  return attributes.find(({ key }) => key === wanted)?.value.stringValue;
}

Deno.test("OTEL_DENO: a call that crosses two nodes and comes back is one trace, and a join is a span", async () => {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await createScratch("telemetry"));
  const { spans, texts, server } = collector();
  stack.defer(() => server.shutdown());
  const environment = (name: string) => ({
    OTEL_DENO: "true",
    OTEL_SERVICE_NAME: name,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${server.addr.port}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_BSP_SCHEDULE_DELAY: "100",
  });
  const start = (first: string, name: string) =>
    stack.use(
      new CapturedProcess([
        ...[Deno.execPath(), "run", "-A", "--quiet", "--config", `${root}deno.json`, program],
        ...[first, name, `${path}/${name}`, `${freePort()}`],
      ], {
        label: name,
        env: environment(name),
      }),
    );
  const lead = start("lead", "lead");
  await lead.until(({ stdout }) => stdout.includes("\n"), 30_000, "it prints a token");
  const token = lead.stdout.trim();
  const member = start(token, "member");
  const { code, stdout } = await member.finished;
  assert.deepEqual([code, stdout], [0, "tea taken OutOfStock\n"], member.tail() + lead.tail());

  const find = (node: string, name: string, kind: number, traceId?: string) =>
    spans.find((span) =>
      span.node === node && span.name === name && span.kind === kind &&
      (traceId === undefined || span.traceId === traceId)
    );
  const until = async (done: () => boolean) => {
    for (let i = 0; i < 200 && !done(); i++) await new Promise((resolve) => setTimeout(resolve, 50));
  };
  await until(() =>
    spans.filter(({ node, name }) => node === "lead" && name === "shop/stock/take").length === 2
  );
  const ordered = find("member", "shop/orders/create", CLIENT);
  assert.ok(ordered, JSON.stringify(spans.map(({ node, name, kind }) => [node, name, kind])));
  const { traceId } = ordered;
  const served = find("lead", "shop/orders/create", SERVER, traceId);
  const asked = find("lead", "shop/stock/take", CLIENT, traceId);
  const taken = find("member", "shop/stock/take", SERVER, traceId);
  assert.ok(served && asked && taken);
  assert.deepEqual([served.parentSpanId, asked.parentSpanId, taken.parentSpanId], [
    ...[ordered.spanId, served.spanId, asked.spanId],
  ]);
  const told = (span: OtlpSpan) =>
    ["rpc.system", "rpc.service", "rpc.method", "weft.provider", "error.type"].map((key) =>
      valueOf(span.attributes, key)
    );
  assert.deepEqual(told(ordered), ["weft", "shop/orders", "create", "lead", undefined]);
  assert.deepEqual(told(asked), ["weft", "shop/stock", "take", "member", undefined]);
  const failed = spans.find(({ node, name, traceId: of }) =>
    node === "lead" && name === "shop/stock/take" && of !== traceId
  );
  assert.ok(failed);
  assert.deepEqual(told(failed), ["weft", "shop/stock", "take", "member", "OutOfStock"]);
  assert.deepEqual(failed.status, { code: 2, message: "OutOfStock" });
  assert.ok(find("lead", "publish shop/orders/created", 4, traceId));

  const joined = find("member", "weft.join", CLIENT);
  assert.equal(joined && valueOf(joined.attributes, "weft.node"), "member");
  const dialled = find("member", "weft.handshake", CLIENT);
  assert.equal(dialled && valueOf(dialled.attributes, "weft.peer"), "lead");
  assert.equal(valueOf(dialled?.attributes ?? [], "weft.way"), "direct");
  await until(() => find("lead", "weft.handshake", SERVER) !== undefined);
  const answered = spans.filter(({ node, name, kind }) =>
    node === "lead" && name === "weft.handshake" && kind === SERVER
  ).map(({ attributes }) => [valueOf(attributes, "weft.caller.kind"), valueOf(attributes, "weft.peer")]);
  assert.deepEqual(new Set(answered.map(String)), new Set(["join,", "member,member"]));
  const admitted = find("lead", "weft.join", SERVER);
  assert.deepEqual(
    ["weft.join.outcome", "weft.peer"].map((key) => admitted && valueOf(admitted.attributes, key)),
    ["admitted", "member"],
  );
  assert.ok(!spans.some(({ kind }) => kind === INTERNAL));
  // The command line is a bundle, in which packages are other modules than for the sources.
  const options = { name: "agent", stateDir: `${path}/agent`, args: loopbackArgs() };
  const agent = stack.use(new WeftNode(thisMachine, { ...options, env: environment("agent") }));
  await agent.start("--join", token);
  await agent.stop();
  await until(() => find("agent", "weft.join", CLIENT) !== undefined);
  assert.ok(find("agent", "weft.join", CLIENT));
  const all = texts.join("\n");
  assert.ok(!all.includes("a secret source") && !all.includes("weft1-"));
});

import assert from "node:assert/strict";
import { SampleControl } from "../../agent/testing/sample_control.ts";
import { sampleNetwork } from "../../agent/testing/sample_networks.ts";
import { sampleServices } from "../../agent/testing/sample_services.ts";
import { SamplePolicies, samplePolicy } from "../../agent/testing/sample_policies.ts";
import { sampleStatus } from "../../agent/testing/sample_status.ts";
import { statusApp } from "../apps.ts";
import { PAGE_HTML } from "./page.ts";

Deno.test("GET / lets exactly its own style and script run", async () => {
  const answer = await statusApp({ control: new SampleControl() }).request("/");
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get("content-type") ?? "", /^text\/html/);
  const html = await answer.text();
  const policy = answer.headers.get("content-security-policy") ?? "";
  assert(!policy.includes("unsafe"));
  for (
    const [directive, pattern] of [["style", /<style>(.*?)<\/style>/gs], [
      "script",
      /<script[^>]*>(.*?)<\/script>/gs,
    ]] as const
  ) {
    const found = [...html.matchAll(pattern)];
    assert.equal(found.length, 1, directive);
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(found[0]?.[1] ?? ""));
    assert(policy.includes(`${directive}-src 'sha256-${new Uint8Array(digest).toBase64()}'`), directive);
  }
});

Deno.test("the page asks nobody else, has no inline handlers, and makes no markup of what it hears", () => {
  const addresses = [...PAGE_HTML.matchAll(/(?:href|src|url)\s*[=(]\s*["']?([^"')\s>]*)/g)].map((match) =>
    match[1] ?? ""
  );
  for (const address of addresses) assert.match(address, /^(\/|#|data:)/);
  assert.doesNotMatch(PAGE_HTML, /\son\w+=|\sstyle=|innerHTML|insertAdjacent|document\.write|eval\(/);
});

Deno.test("every id that the page's script asks for is there once", () => {
  for (const [, id] of PAGE_HTML.matchAll(/byId\("([\w-]+)"\)/g)) {
    assert.equal(PAGE_HTML.split(`id="${id}"`).length, 2, id);
  }
});

/** As much of an element as the page's script uses. */
class FakeElement {
  readonly children: (FakeElement | string)[] = [];
  readonly dataset: Record<string, string> = {};
  readonly attributes: Map<string, string> = new Map();
  readonly tBodies: FakeElement[] = [];
  hidden = false;

  setAttribute(name: string, value: unknown): void {
    assert(value !== undefined && !Number.isNaN(value), name);
    this.attributes.set(name, String(value));
  }

  append(...children: (FakeElement | string)[]): void {
    for (const child of children) {
      assert(child instanceof FakeElement || typeof child === "string", String(child));
    }
    this.children.push(...children);
  }

  replaceChildren(...children: (FakeElement | string)[]): void {
    this.children.length = 0;
    this.append(...children);
  }

  toggleAttribute(name: string, isThere: boolean): void {
    if (isThere) this.attributes.set(name, "");
    else this.attributes.delete(name);
  }

  get textContent(): string {
    return this.children.map((child) => typeof child === "string" ? child : child.textContent).join(" ");
  }

  set textContent(text: string) {
    this.replaceChildren(text);
  }
}

/** What a node without a policy says. */
const WITHOUT: Readonly<Record<string, unknown>> = {
  "/policies": { ...samplePolicy, enforced: null, stale: 0, failures: [] },
  "/policies/counters": { revision: null, rules: [], flows: 0, denied: 0 },
};

/** Runs the page's script once against `answer`. @returns its elements by id, and the body */
async function runPage(answer: (path: string) => Promise<Response>): Promise<Map<string, FakeElement>> {
  const script = /<script type="module">(.*)<\/script>/s.exec(PAGE_HTML)?.[1] ?? "";
  const parameters = "document, fetch, setTimeout, clearTimeout";
  const source = `export default function page(${parameters}) {${script}}`;
  const { default: page } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
  const ids = [...PAGE_HTML.matchAll(/ id="([\w-]+)"/g)].map((match) => match[1] ?? "");
  const elements = new Map(["body", ...ids].map((id) => [id, new FakeElement()]));
  for (const table of ["peers", "services", "networks", "policy"]) {
    elements.get(table)?.tBodies.push(new FakeElement());
  }
  const document = {
    hidden: false,
    body: elements.get("body"),
    getElementById: (id: string) => elements.get(id),
    createElement: () => new FakeElement(),
    createElementNS: () => new FakeElement(),
    addEventListener() {},
  };
  const polled = Promise.withResolvers<void>();
  page(document, answer, () => polled.resolve(), () => {});
  await polled.promise;
  return elements;
}

Deno.test("the page's script shows what /status and /services say", async () => {
  const remote = {
    ...sampleNetwork.endpoints[0],
    name: "web-2",
    node: "web-1",
    isLocal: false,
    state: "remote",
  };
  const blue = { ...sampleNetwork, endpointCount: 2, endpoints: [...sampleNetwork.endpoints, remote] };
  const red = { ...sampleNetwork, name: "red", isActive: false, cidrs: [], endpoints: [], endpointCount: 0 };
  const answers = {
    "/status": sampleStatus,
    "/services": sampleServices,
    "/networks": [blue, { ...red, counts: undefined }],
    "/policies": samplePolicy,
    "/policies/counters": new SamplePolicies().policyCounters(),
  };
  const elements = await runPage((path) =>
    Promise.resolve(Response.json(answers[path as keyof typeof answers]))
  );
  const textOf = (id: string) => elements.get(id)?.textContent ?? "";
  assert.equal(textOf("live"), "running");
  assert.equal(textOf("node-name"), "leader");
  assert.match(textOf("facts"), /10\.200\.0\.0\/16 3 members.*weft0, MTU 1420/);
  assert.equal(textOf("mesh-summary"), "1 of 2 peers healthy");
  assert.match(textOf("mesh"), /0\.7 ms.*web-1/);
  const rows = elements.get("peers")?.tBodies[0]?.textContent ?? "";
  assert.match(
    rows,
    /web-1 healthy 10\.200\.0\.2 direct 192\.0\.2\.2:51820 MTU 1420, 1 ready 0\.7 ms 12 s ago 1\.2 MB 42 B/,
  );
  assert.match(rows, /wireguard not seen 10\.200\.0\.3 – – never 0 B 148 B/);
  const services = elements.get("services")?.tBodies[0]?.textContent ?? "";
  assert.match(services, /math web-1\s+running web-2 \(leads\)\s+paused add/);
  assert.equal(textOf("services-summary"), "3 calls pending, 1 running, 1 program attached");
  const networks = elements.get("networks")?.tBodies[0]?.textContent ?? "";
  assert.match(
    networks,
    /blue\s+active vxlan, VNI 1001 mesh, MTU 1370 10\.0\.0\.0\/24 web-1 here 10\.0\.0\.2\/24/,
  );
  assert.match(networks, /web-2 on web-1 10\.0\.0\.2\/24 7 frames 700 B 9 frames 900 B unknown-source 2/);
  assert.match(networks, /red\s+inactive .* – none – – –/);
  assert.equal(textOf("networks-summary"), "2 networks, 2 endpoints");
  assert.match(
    textOf("policy-summary"),
    /^00112233445566ff, applied by lead, stale on web-1, 3 denied here$/,
  );
  const rules = elements.get("policy")?.tBodies[0]?.textContent ?? "";
  assert.match(rules, /web-tier#1 allow role=web → role=db tcp\/5432 7 700 B 1/);
  assert.match(textOf("drops"), /replayed 3 unknown-peer 1/);
});

Deno.test("the page's script names the way of packets, and calls nobody healthy whose packets don't arrive", async () => {
  const [here] = sampleStatus.peers;
  const why = "web-2 has not answered at its one endpoint for 12 s";
  const ways = [
    {
      kind: "relay",
      via: "lead",
      endpoint: "192.0.2.1:40001",
      rttMs: 9,
      mtuBytes: 1392,
      standbyCount: 0,
      why,
    },
    { kind: "channel", rttMs: null, standbyCount: 0, problem: "unanswered", why },
    { kind: "channel", rttMs: null, standbyCount: 0, problem: "rootless-there" },
  ];
  const peers = ways.map((way, i) => ({ ...here, name: `web-${i}`, way }));
  const elements = await runPage((path) =>
    Promise.resolve(Response.json(path === "/status" ? { ...sampleStatus, peers } : WITHOUT[path] ?? []))
  );
  assert.equal(elements.get("mesh-summary")?.textContent, "2 of 3 peers healthy, 1 by channel only");
  const rows = elements.get("peers")?.tBodies[0]?.textContent ?? "";
  assert.match(rows, /web-0 healthy .* relay by lead 192\.0\.2\.1:40001 MTU 1392 not direct: web-2 has not/);
  assert.match(rows, /web-1 channel only .* channel only not direct: web-2/);
  assert.match(rows, /web-2 healthy /);
  const links = elements.get("mesh")?.children.flatMap((child) =>
    child instanceof FakeElement ? [child.attributes.get("class") ?? ""] : []
  );
  assert.deepEqual(links?.filter((one) => one.startsWith("link")), [
    "link relay",
    "link channel",
    "link channel",
  ]);
});

Deno.test("the page's script says since when a member is away, and draws it last", async () => {
  const [here] = sampleStatus.peers;
  const gone = { ...here, name: "gone", healthy: false, channel: "dialing", isAway: true };
  const peers = [{ ...gone, lastSeenMs: Date.now() - 3 * 86_400_000 - 7_200_000 }, here];
  const elements = await runPage((path) =>
    Promise.resolve(Response.json(path === "/status" ? { ...sampleStatus, peers } : WITHOUT[path] ?? []))
  );
  assert.match(elements.get("peers")?.tBodies[0]?.textContent ?? "", /gone away, last seen 3 d 2 h ago/);
  assert.match(elements.get("mesh")?.textContent ?? "", /web-1.*gone/);
});

Deno.test("the page's script says when there is nobody, and when the agent is gone", async () => {
  const alone = await runPage((path) =>
    Promise.resolve(
      Response.json(path === "/status" ? { ...sampleStatus, peers: [], drops: {} } : WITHOUT[path] ?? []),
    )
  );
  assert.equal(alone.get("alone")?.hidden, false);
  assert.equal(alone.get("drops-none")?.hidden, false);
  assert.equal(alone.get("services-none")?.hidden, false);
  assert.equal(alone.get("networks-none")?.hidden, false);
  assert.equal(alone.get("policy-none")?.hidden, false);
  const lost = await runPage(() => Promise.reject(new TypeError("connection refused")));
  assert.match(lost.get("live")?.textContent ?? "", /does not answer/);
  assert(lost.get("body")?.attributes.has("data-lost"));
});

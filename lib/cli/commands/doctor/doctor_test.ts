import assert from "node:assert/strict";
import { sampleStatus } from "../../testing/sample_ports.ts";
import { doctorFindings, type HostProbes, hostProbes } from "./doctor.ts";

const good: HostProbes = {
  canConfigureNetwork: () => true,
  hasTunDevice: () => true,
  mayOpenTun: () => true,
  stateTrouble: () => Promise.resolve(undefined),
  isPortFree: () => true,
  leftOvers: () => [],
  isResolverConfOwn: () => true,
  nativeProblem: () => Promise.resolve(undefined),
  wallMs: () => 1_800_000_000_000,
};
const options = { stateDir: "/s", port: 51820, rootless: false, status: undefined };
const { dns: _, ...quiet } = { ...sampleStatus, refused: {} };

/** What is checked while an agent runs that says this. */
function running(said: Partial<typeof sampleStatus> = {}): Parameters<typeof doctorFindings>[0] {
  return { ...options, status: { ...quiet, ...said } };
}

async function problems(
  probes: HostProbes,
  given: Parameters<typeof doctorFindings>[0] = options,
): Promise<string[]> {
  const findings = [...await doctorFindings(given, probes)];
  for (const [, finding] of findings) assert(finding.detail && (finding.kind === "ok" || finding.hint));
  return findings.filter(([, finding]) => finding.kind === "problem").map(([name]) => name);
}

Deno.test("doctorFindings() finds each problem, and none on a good host", async () => {
  assert.deepEqual(await problems(good), []);
  assert.deepEqual(await problems({ ...good, canConfigureNetwork: () => false }), ["privileges"]);
  assert.deepEqual(await problems({ ...good, hasTunDevice: () => false }), ["tun"]);
  assert.deepEqual(await problems({ ...good, mayOpenTun: () => false }), ["tun"]);
  assert.deepEqual(
    await problems({ ...good, stateTrouble: () => Promise.resolve({ detail: "it is full" }) }),
    ["state"],
  );
  assert.deepEqual(await problems({ ...good, isPortFree: () => false }), ["port"]);
  assert.deepEqual(await problems({ ...good, wallMs: () => 0 }), ["clock"]);
});

Deno.test("doctorFindings() finds whatever the agent warns of", async () => {
  const warnings = [{ kind: "clone", text: "two machines run with the keys of web-1", hint: "Stop one." }];
  const finding = (await doctorFindings(running({ warnings }), good)).get("warning 1: clone");
  assert.deepEqual(finding, { kind: "problem", detail: warnings[0]?.text, hint: "Stop one." });
});

Deno.test("doctorFindings() asks less of rootless hosts, and lets a running agent have its port", async () => {
  const poor = { ...good, canConfigureNetwork: () => false, hasTunDevice: () => false };
  assert.deepEqual(await problems(poor, { ...options, rootless: true }), []);
  assert.deepEqual(await problems({ ...good, isPortFree: () => false }, running()), []);
  const rootless = running({ dataplane: { ...sampleStatus.dataplane, kind: "rootless" } });
  assert.deepEqual(await problems(poor, rootless), [], "it runs without, and nobody has to say so again");
  const elsewhere = running({ node: { ...sampleStatus.node, listenPort: 5555 } });
  assert.match((await doctorFindings(elsewhere, good)).get("port")?.detail ?? "", /^5555 /);
});

Deno.test("doctorFindings() goes by what a running agent was told, at this start or an earlier one", async () => {
  const poor = { ...good, canConfigureNetwork: () => false, hasTunDevice: () => false };
  const told = running({ node: { ...sampleStatus.node, listenPort: 5555 }, dataplane: { kind: "rootless" } });
  assert.deepEqual(await problems(poor, told), []);
  assert.equal((await doctorFindings(told, poor)).get("port")?.detail, "5555 is for the agent that runs");
});

Deno.test("doctorFindings() says what seals packets, and why no machine code does", async () => {
  const off = { ...good, nativeProblem: () => Promise.resolve("the processor lacks AVX2") };
  const detail = async (...args: Parameters<typeof doctorFindings>) =>
    (await doctorFindings(...args)).get("cipher")?.detail;
  const by = (aead: string) => running({ dataplane: { ...sampleStatus.dataplane, kind: "fast", aead } });
  assert.equal(await detail(options, good), "machine code of this processor can seal packets");
  assert.equal(await detail(options, off), "no machine code seals packets here: the processor lacks AVX2");
  assert.equal(await detail(by("native AVX2 cipher"), good), "the native AVX2 cipher seals packets");
  const baseline = "the baseline cipher seals packets, and no machine code: ";
  assert.equal(await detail(by("baseline cipher"), off), `${baseline}the processor lacks AVX2`);
  assert.equal(await detail(by("baseline cipher"), good), `${baseline}the agent was told so by --cipher`);
  assert.equal(await detail({ ...options, rootless: true }, off), undefined);
  assert.deepEqual(await problems(off), [], "it is no problem");
});

Deno.test("doctorFindings() says how names are served, and when this host does not ask", async () => {
  const dns = {
    zone: "weft.internal.",
    endpoints: ["10.200.0.1:15353"],
    sockets: "fast",
    resolver: "resolv.conf",
    counters: { "noerror": 9, "malformed-name": 2, "malformed-data": 1, "dropped-rate": 4 },
  } as const;
  const finding = async (given: Parameters<typeof doctorFindings>[0], probes = good) =>
    (await doctorFindings(given, probes)).get("names");
  assert.equal(await finding(options), undefined);
  assert.match((await finding(running()))?.detail ?? "", /serves none/);
  assert.deepEqual(await finding(running({ dns })), {
    kind: "ok",
    detail: "weft.internal. is answered at 10.200.0.1:15353; 3 malformed; 4 dropped",
  });
  const upstreams = [
    { suffix: ".", server: "192.0.2.53:53", state: "silent" },
    { suffix: "corp.test.", server: "10.0.0.53:53", state: "silent" },
    { suffix: ".", server: "192.0.2.54:53", state: "answers" },
  ] as const;
  const dead = await finding(running({ dns: { ...dns, upstreams } }));
  assert.equal(dead?.kind, "problem");
  assert.match(
    dead.detail,
    /upstream 192\.0\.2\.53:53, upstream 10\.0\.0\.53:53 of corp\.test\. not answering$/,
  );
  const lost = await finding(running({ dns }), { ...good, isResolverConfOwn: () => false });
  assert.equal(lost?.kind, "problem");
  const failed = await finding(running({ dns: { ...dns, resolver: "off", problem: "port 53 is in use" } }));
  assert.match(failed?.detail ?? "", /port 53 is in use/);
});

Deno.test("doctorFindings() names a device whose hub has gone, and says nothing where there is none", async () => {
  const find = async (...hubs: (string | null)[]) => {
    const peers = hubs.map((hub, i) => ({
      ...(sampleStatus.peers[0] ?? assert.fail()),
      name: `phone-${i}`,
      hub,
    }));
    return (await doctorFindings(running({ peers }), good)).get("devices");
  };
  assert.equal(await find(), undefined);
  assert.equal((await find("lead"))?.kind, "ok");
  const lost = await find("lead", null);
  assert(
    lost?.kind === "problem" && /phone-1$/.test(lost.detail) && /weft peer hub phone-1 NODE/.test(lost.hint),
  );
});

Deno.test("doctorFindings() names what agents that are gone have left, and what takes it away", async () => {
  const left = { ...good, leftOvers: () => ["the resolver in /etc/resolv.conf"] };
  const finding = (await doctorFindings(options, left)).get("left over");
  assert(finding?.kind === "problem" && /the resolver in/.test(finding.detail));
  assert.match(finding.hint, /`weft cleanup --state \/s`/);
  assert.equal((await doctorFindings(running(), left)).get("left over"), undefined);
  const spaced = await doctorFindings({ ...options, stateDir: "/my state" }, left);
  const hint = (spaced.get("left over") as { readonly hint?: string }).hint;
  assert.equal(hint, "Run `weft cleanup --state '/my state'`, or start weft.");
});

Deno.test("hostProbes() sees that a port is taken by TCP or UDP", () => {
  const { isPortFree } = hostProbes();
  const tcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const udp = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const ports = [tcp.addr.port, (udp.addr as Deno.NetAddr).port];
  assert.deepEqual(ports.map(isPortFree), [false, false]);
  tcp.close();
  udp.close();
});

Deno.test("doctorFindings() tells what was refused, and a clock that is wrong", async () => {
  const find = async (name: string, said: Partial<typeof sampleStatus>) =>
    (await doctorFindings(running(said), good)).get(name);
  const nothing = { adverts: 0, events: 0 };
  const unread = (rejected: number, refused = nothing) => ({
    services: { ...sampleStatus.services, rejected, refused },
  });
  const idle = await doctorFindings(options, good);
  assert.deepEqual([idle.get("records"), idle.get("services")], [undefined, undefined]);
  assert.equal((await find("records", { refused: {} }))?.kind, "ok");
  assert.deepEqual(await find("records", { refused: { replayed: 3, "unknown-node": 1 } }), {
    kind: "ok",
    detail: "refused of what members told: 3 replayed, 1 unknown-node",
  });
  const forged = await find("records", { refused: { signature: 1 } });
  assert(forged?.kind === "problem" && /1 signature/.test(forged.detail) && /peer remove/.test(forged.hint));
  const late = await find("records", { refused: { future: 7 } });
  assert(late?.kind === "problem" && /clock/.test(late.hint));
  assert.deepEqual(await find("services", unread(4, { adverts: 1, events: 3 })), {
    kind: "ok",
    detail:
      "not what the network lets members do: 1 offer left out, 3 events not delivered; the agent's log says whose",
  });
  assert.match((await find("services", unread(0)))?.detail ?? "", /could be read/);
  assert.deepEqual(await find("services", unread(4)), {
    kind: "ok",
    detail: "4 messages of members or programs could not be read",
  });
  assert.equal(await find("skew", { clockSkewMs: null }), undefined);
  assert.equal((await find("skew", { clockSkewMs: -299_000 }))?.kind, "ok");
  assert.match((await find("skew", { clockSkewMs: -3_600_000 }))?.detail ?? "", /60 min ahead of/);
  assert.match((await find("skew", { clockSkewMs: 3_600_000 }))?.detail ?? "", /60 min behind/);
});

Deno.test("doctorFindings() names members whose labels nobody has confirmed", async () => {
  const [peer, ...others] = sampleStatus.peers;
  assert(peer !== undefined);
  const peers = [{ ...peer, unconfirmedLabels: { role: "admin" } }, ...others];
  const finding = (await doctorFindings(running({ peers }), good)).get("labels");
  assert.deepEqual(finding, {
    kind: "problem",
    detail: "labels were chosen by members themselves under a former release, and authorise nothing: web-1",
    hint: "Run `weft label --confirm web-1` on a leader, or `weft label web-1 KEY-`.",
  });
});

Deno.test("doctorFindings() warns of one leader alone, which is no problem of today", async () => {
  const said = { present: 1, lastExportMs: null, lastMarkMs: null };
  const warned = { ...said, problem: "a is the only leader", hint: "`weft leader export FILE`" };
  const leadersOf = async (leadership: typeof said) =>
    (await doctorFindings(running({ leadership }), good)).get("leaders");
  assert.deepEqual(await leadersOf(warned), {
    kind: "warning",
    detail: warned.problem,
    hint: warned.hint,
  });
  assert.equal((await leadersOf(said))?.kind, "ok");
});

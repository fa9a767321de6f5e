import assert from "node:assert/strict";
import { parse } from "yaml";
import * as z from "zod";
import { checkConfigFile } from "./config_file.ts";
import { configSchema, configTemplate } from "./config_schema.ts";

const schema = z.fromJSONSchema(configSchema() as Parameters<typeof z.fromJSONSchema>[0]);

const good: readonly string[] = [
  "{}",
  "port: 51821\nmtu: 1280\nrootless: true\nstatus-port: off\nworkers: 4\nephemeral: 10m",
  "state: /srv/weft\nname: web-1\ncidr: 10.9.0.0/16\naddress: 10.9.0.7\ninterface: weft1",
  "endpoints: [192.0.2.1:51820, wss://vpn.example.com/weft]\nlabels: { role: web, rack: 7 }",
  "endpoint: 192.0.2.1:51820\nlabel: [role=web]\nlog-level: debug\nkernel: baseline",
  "dns: on\ndns-port: 5353\ndns-forward: [9.9.9.9, corp.example=system]\ndns-resolver: off",
  "offers: [80, '5432 for role=web']\noffer: 80\nrelay: true\nrelay-limit: 100\nrelay-ports: 40000-40099",
  "status-address: overlay\ndiscovery: false\ndiscovery-peer: [192.0.2.7]\nstun-servers: [192.0.2.1:3478]",
  "networks:\n  blue: { type: vxlan, vni: 1001 }\n  red:\nnetwork-endpoints: [blue/web-1 ip=10.0.0.9]",
  "networks:\n  - { name: blue, cidr: 10.0.0.0/24 }\npolicy: /etc/weft/policy.yaml",
];

Deno.test("configSchema() accepts what a start reads", async () => {
  for (const text of good) {
    // One of two spellings is enough for a start.
    if (!text.includes("offers:") || !text.includes("offer:")) {
      assert.deepEqual(await checkConfigFile(text, "f"), [], text);
    }
    const read = schema.safeParse(parse(text));
    assert.ok(read.success, `${text}: ${read.error?.message}`);
  }
});

const wrong: readonly string[] = [
  "prot: 1",
  "port: 0",
  "port: 70000",
  "port: [1]",
  "mtu: 100",
  "rootless: perhaps",
  "dataplane: quick",
  "log-level: loud",
  "labels: { 'a b': c }",
  "labels: { role: [a] }",
  "endpoints: [7]",
  "endpoints: { a: b }",
  "name: -x",
  "status-port: never",
  "workers: 99",
  "networks:\n  blue: { vnj: 1 }",
  "networks:\n  blue: 7",
  "relay: sometimes",
  "offers: [0]",
];

Deno.test("configSchema() refuses what a start refuses for its form", async () => {
  for (const text of wrong) {
    assert.notDeepEqual(await checkConfigFile(text, "f"), [], text);
    assert.ok(!schema.safeParse(parse(text)).success, text);
  }
});

Deno.test("configTemplate() has every setting, changes nothing, and can be used when all is said", async () => {
  const text = configTemplate();
  assert.deepEqual(await checkConfigFile(text, "f"), []);
  assert.equal(parse(text), null);
  const { properties } = configSchema() as { readonly properties: Record<string, { description: string }> };
  for (const name of Object.keys(properties)) {
    const isThere = new RegExp(`^#${name.replace(/y$/, "(y|ie)")}s?:`, "m").test(text);
    assert.ok(isThere || name === "kernel", name);
  }
  const said = text.replaceAll(/^#(?! )/gm, "").replaceAll(/^# .*$/gm, "");
  assert.deepEqual(await checkConfigFile(said, "f"), []);
  assert.ok(Object.keys(parse(said)).length > 30);
});

Deno.test("weft.schema.json is what the table of fields makes", async () => {
  const committed = await Deno.readTextFile(new URL("./weft.schema.json", import.meta.url));
  assert.equal(committed, `${JSON.stringify(configSchema(), null, 2)}\n`, "`weft config schema` prints it");
});

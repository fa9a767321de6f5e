import assert from "node:assert/strict";
import { sampleStatus } from "../testing/sample_ports.ts";
import { peersText } from "./peers_view.ts";
import { statusText, tokensText } from "./status_view.ts";
import type { Terminal } from "../terminal.ts";

const plain: Terminal = { out() {}, err() {}, hasColours: false, isInteractive: false, columns: undefined };
const colourful: Terminal = { ...plain, hasColours: true, isInteractive: true, columns: 120 };
// deno-lint-ignore no-control-regex -- the sequences are what is looked for
const SEQUENCE = /\x1b\[\d+m/g;

Deno.test("statusText() begins with what a person should mend", () => {
  const warnings = [{ kind: "clock", text: "the clock of web-1 is wrong", hint: "Set it." }];
  const [first] = statusText({ ...sampleStatus, warnings }, plain).split("\n");
  assert.equal(first, "warning  the clock of web-1 is wrong. Set it.");
});

Deno.test("statusText() shows the node, its network, its peers and what was dropped", () => {
  assert.equal(
    statusText(sampleStatus, plain),
    `node     lead, leader, 10.200.0.1
network  10.200.0.0/16, 3 members
key      AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
listens  port 51820, 192.0.2.1:51820
reach    seen at 192.0.2.1:51820
plane    weft0, MTU 1420, portable, sealed by noble
names    weft.internal., at 10.200.0.1:15353, this host asks by resolved
overlay  blue (vxlan 1001): 1 of 1 endpoint here
offered  2 services, 2 of 3 providers healthy, 1 call running, 1 program attached, 4 messages rejected, 2 offers refused, 3 events refused
state    running, up for 1 h 2 min, weft 0.1.0
dropped  3 replayed

NAME   ADDRESS     HEALTH    PATH                        RTT  LOSS  HANDSHAKE  RECEIVED  SENT  LAST SEEN
phone  10.200.0.3  not seen  -                             -     -      never       0 B   0 B          -
web-1  10.200.0.2  healthy   direct 192.0.2.2:51820  0.73 ms   5 %   12 s ago    1.2 MB  42 B        now
`,
  );
});

Deno.test("peersText() says through whom a device is reached, or that nobody is left", () => {
  const [, device] = sampleStatus.peers;
  assert.ok(device);
  const path = (hub: string | null) => peersText([{ ...device, hub }], plain).split("\n")[1];
  const behind = peersText([{ ...device, hub: "lead", path: "hub", healthy: true }], plain).split("\n")[1];
  assert.match(behind ?? "", / hub healthy +via lead /, "whether the device is there, the hub alone knows");
  assert.doesNotMatch(behind ?? "", / now /);
  assert.match(path("lead") ?? "", /^\S+ +10\.200\.0\.3 +not seen +via lead /);
  assert.match(path(null) ?? "", / not seen +no hub /);
});

Deno.test("statusText() says through whom everything goes, and that nothing gets out", () => {
  const exit = { node: "web-1", blocksLan: false, families: [4, 6] } as const;
  const text = (problem?: string) =>
    statusText(sampleStatus, plain, { exit: { ...exit, ...problem !== undefined && { problem } } });
  assert.match(text(), /^exit +everything goes through web-1$/m);
  assert.match(
    text("web-1 does not answer"),
    /^exit +nothing gets out: web-1 does not answer; `weft exit off`/m,
  );
  assert.doesNotMatch(statusText(sampleStatus, plain, { exit: { ...exit, node: null } }), /^exit/m);
});

Deno.test("statusText() says how the DHT answers where it is used", () => {
  assert.match(statusText({ ...sampleStatus, dht: { contacts: 3 } }, plain), /^DHT +nodes that answer: 3$/m);
  assert.doesNotMatch(statusText(sampleStatus, plain), /DHT/);
});

Deno.test("colours change nothing but colours", () => {
  const painted = statusText(sampleStatus, colourful);
  assert.match(painted, SEQUENCE);
  assert.equal(painted.replace(SEQUENCE, ""), statusText(sampleStatus, plain));
});

Deno.test("lists that are empty say what fills them", () => {
  assert.match(peersText([], plain), /weft token create/);
  assert.match(tokensText([], plain, 0), /weft token create/);
});

Deno.test("tokensText() says when a token ends or ended", () => {
  const token = {
    id: "t1",
    createdAt: 0,
    usesLeft: null,
    used: 2,
    labels: { a: "b" },
    grants: { offer: [], publish: [], subscribe: [], names: [], claimed: [] },
    state: "usable",
  } as const;
  const text = tokensText(
    [{ ...token, expiresAt: 90_000 }, {
      ...token,
      id: "t2",
      expiresAt: 10_000,
      usesLeft: 0,
      state: "expired",
    }],
    plain,
    30_000,
  );
  assert.match(text, /^t1 +usable +2 +any +in 1 min +a=b$/m);
  assert.match(text, /^t2 +expired +2 +0 +20 s ago +a=b$/m);
});

// deno-lint-ignore-file no-console -- a command prints
/**
 * `deno task bench:switch`: nanoseconds that the switch of overlay networks takes for a lookup and for a frame, and the
 * memory of a network, a port, a binding and a learned address. The best of many short rounds, so that what else the
 * machine does shows least.
 * @module
 */

import { millis, SeededRandom } from "../lib/base/mod.ts";
import { MacAddress } from "../lib/net/mod.ts";
import { flowHash, Forwarding, FrameSwitch } from "../lib/overlay/mod.ts";
import { MacTable } from "../lib/overlay/switch/tables/mod.ts";
import { arpRequest, frame, ip, ipFrame, mac, packet } from "../lib/overlay/switch/testing/mod.ts";

const ROUNDS = 150;
const CALLS = 20_000;

function measure(name: string, run: () => void): void {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    for (let i = 0; i < CALLS; i++) run();
    best = Math.min(best, (performance.now() - start) * 1e6 / CALLS);
  }
  console.log(`${name.padEnd(52)} ${best.toFixed(0).padStart(6)} ns`);
}

function measureLookups(count: number): void {
  const macs = new MacTable(new SeededRandom(1), { maxLearned: 131_072, maxLearnedPerPort: 131_072 });
  const lows = Int32Array.from({ length: count }, (_, i) => Math.imul(i, 0x9e3779b1));
  for (const [i, low] of lows.entries()) macs.learn(1, 3, 0x0200, low, i & 7);
  let state = 1;
  let sum = 0;
  measure(`lookup of one of ${count} MAC addresses`, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    sum += macs.find(3, 0x0200, lows[(state >>> 8) % count] ?? 0);
  });
  measure(`lookup of an unknown one beside ${count}`, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    sum += macs.find(4, 0x0200, state);
  });
  if (sum === 0) throw new Error("nothing was found");
  console.log(`memory of ${count} MAC addresses: ${(macs.memoryBytes / count).toFixed(0)} bytes each`);
}

/** Port 4 has a bridge behind it; 1 to 4 are local, 5 to 9 other hosts. */
function nineEndpoints(): FrameSwitch {
  const frames = new FrameSwitch(new SeededRandom(1));
  frames.setNetwork({ network: 1, mtuBytes: 1500, stormLimit: 1e12 });
  for (let port = 1; port <= 9; port++) {
    frames.setPort({ port, network: 1, side: port < 5 ? "local" : "remote", allowsForeign: port === 4 });
    const addresses = [ip(`10.0.0.${port}`), ip(`fd00::${port}`)];
    if (port !== 4) frames.setBinding({ network: 1, port, mac: mac(port), addresses });
  }
  return frames;
}

function measureFrames(): void {
  const frames = nineEndpoints();
  const out = new Forwarding();
  let now = 1_000;
  const forward = (port: number, bytes: Uint8Array) =>
    frames.forward(millis(now), port, bytes, 0, bytes.length, bytes.length - 14, out);
  while (frames.pollFrame() !== undefined);
  const payload = new Uint8Array(1_400);
  const four = ipFrame(mac(1), mac(2), packet("10.0.0.1", "10.0.0.2", { payload }));
  const six = ipFrame(mac(1), mac(2), packet("fd00::1", "fd00::2", { payload }));
  const learned = ipFrame(mac(77), mac(2), packet("10.0.0.77", "10.0.0.2", { payload }));
  const everybody = ipFrame(mac(1), MacAddress.BROADCAST, packet("10.0.0.1", "10.0.0.255", { payload }));
  measure("IPv4 to a known MAC address", () => forward(1, four));
  measure("IPv6 to a known MAC address", () => forward(1, six));
  measure("IPv4 from a learned to a known MAC address", () => forward(4, learned));
  measure("flood to 8 ports", () => forward(1, everybody));
  const question = arpRequest(mac(1), "10.0.0.1", "10.0.0.2");
  measure("answer to an ARP request", () => {
    now++;
    forward(1, question);
    frames.pollFrame();
  });
  let sum = 0;
  measure("hash of the flow of an IPv4 packet", () => {
    sum ^= flowHash(four, 0, four.length, 5);
  });
  const forged = frame(mac(1 + (sum & 1)), mac(2));
  const view = new DataView(forged.buffer);
  let source = 0;
  const forge = (port: number) => {
    source = (source + 0x9e3779b1) >>> 0;
    view.setUint32(8, source);
    forward(port, forged);
  };
  measure("forged source behind a bridge, table full", () => forge(4));
  measure("forged source at an endpoint", () => forge(1));
  const { learned: count, tableBytes } = frames.sizes;
  console.log(`after ${2 * ROUNDS * CALLS} forged sources: ${count} learned, tables of ${tableBytes} bytes`);
}

function heapBytes(): number {
  (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

function measureMemory(): void {
  const [networks, ports] = [1_000, 10];
  const frames = new FrameSwitch(new SeededRandom(2));
  frames.setNetwork({ network: networks, mtuBytes: 1500, label: "warm" });
  const sizes = [heapBytes()];
  const each = (run: (network: number, port: number) => void) => {
    for (let i = 0; i < networks * ports; i++) run(Math.floor(i / ports), i);
    sizes.push(heapBytes());
  };
  each((network) => frames.setNetwork({ network, mtuBytes: 1500, label: `vxlan/${network}/blue` }));
  each((network, port) => frames.setPort({ port, network, side: "remote", allowsForeign: false }));
  each((network, port) =>
    frames.setBinding({ network, port, mac: mac(port), addresses: [ip(`10.0.0.${port % ports}`)] })
  );
  const [none = 0, first = 0, second = 0, third = 0] = sizes;
  const perPort = (from: number, to: number) => ((to - from) / networks / ports).toFixed(0);
  console.log(
    `memory: ${((first - none) / networks).toFixed(0)} bytes a network, ${perPort(first, second)} a port, ` +
      `${perPort(second, third)} a binding with one address`,
  );
}

measureMemory();
for (const count of [1_000, 100_000]) measureLookups(count);
measureFrames();

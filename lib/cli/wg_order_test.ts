import assert from "node:assert/strict";
import { main } from "./entry.ts";
import { SamplePorts } from "./testing/sample_ports.ts";
import { readWgOrder, type WgOrder } from "./wg_order.ts";

const plain: WgOrder = { name: "wg0", foreground: false, choice: "auto", cipher: "auto", workers: "auto" };

const cases: readonly (readonly [string, Record<string, string>, WgOrder | undefined])[] = [
  ["wg wg0", {}, plain],
  ["wg --foreground wg0", {}, { ...plain, foreground: true }],
  ["wg wg0 --dataplane fast --cipher baseline", {}, { ...plain, choice: "fast", cipher: "baseline" }],
  ["wg wg0 --dataplane fast --kernel baseline", {}, { ...plain, choice: "fast", cipher: "baseline" }],
  ["wg wg0 --workers 4", {}, { ...plain, workers: 4 }],
  ["wg wg0 --workers 17", {}, undefined],
  ["wg wg0 --workers 0", {}, undefined],
  ["wg wg0", { WEFT_DEBUG: "1", HOME: "/root" }, plain],
  ["wg wg0 --dataplane portable", { WEFT_WG_BACKGROUND: "1", WEFT_DATAPLANE: "fast" }, {
    ...plain,
    choice: "portable",
  }],
  ["wg wg0", { WEFT_DATAPLANE: "portable" }, undefined],
  ["wg wg0", { WEFT_CONFIG: "/etc/weft.yaml" }, undefined],
  ["wg wg0 --dataplane slow", {}, undefined],
  ["wg wg0 --dataplane", {}, undefined],
  ["wg wg0 --cipher best", {}, undefined],
  ["wg wg0 --kernel best", {}, undefined],
  ["wg wg0 wg1", {}, undefined],
  ["wg wg0 --config x", {}, undefined],
  ["wg", {}, undefined],
  ["wg --help", {}, undefined],
  ["wg a/b", {}, undefined],
  ["status", {}, undefined],
  ["", {}, undefined],
];

Deno.test("readWgOrder() reads plain lines alone, and leaves all others to the whole program", () => {
  for (const [line, environment, expected] of cases) {
    assert.deepEqual(readWgOrder(line.split(" "), environment), expected, line);
  }
});

Deno.test("main() refuses a wrong `weft wg` in the words of all commands", async () => {
  const ports = new SamplePorts();
  assert.equal(await main(["wg", "wg0", "--dataplane", "slow"], ports), 2);
  assert.match(ports.stderr, /^weft: .*slow.*\nhint: /);
});

Deno.test("main() takes an interface away at an error that nothing has caught", async () => {
  const ports = new SamplePorts();
  ports.openWgInterface = () =>
    Promise.resolve({
      ended: new Promise(() => {}),
      way: { dataplane: "fast", cipher: "baseline cipher", workers: 1 },
      drops: () => ({}),
      close: () => void ports.diary.push("closed"),
    });
  const running = main(["wg", "wg7", "--foreground"], ports);
  while (!ports.diary.includes("started")) await new Promise((done) => setTimeout(done, 0));
  ports.uncaught(new TypeError("injected"));
  assert.equal(await running, 1);
  assert.ok(ports.diary.includes("closed"));
  assert.match(ports.stderr, /^weft: Something failed that should not: injected\nhint: /m);
});

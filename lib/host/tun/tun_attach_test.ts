import assert from "node:assert/strict";
import { labTest } from "../../../tests/lab/mod.ts";
import { canConfigureNetwork, hasCapability, hasTunDevice, mayOpenTun } from "./tun_attach.ts";

Deno.test("hasCapability() reads the effective set and nothing else", () => {
  const cases: readonly (readonly [string, boolean])[] = [
    ["Name:\tx\nCapPrm:\t0000000000000000\nCapEff:\t0000000000001000\n", true],
    ["CapPrm:\t000001ffffffffff\nCapEff:\t0000000000000000\nCapBnd:\t000001ffffffffff\n", false],
    ["CapEff:\t000001ffffffffff\n", true],
    ["CapEff:\t000001ffffffefff\n", false],
    ["CapEff:\tbanana\n", false],
    ["", false],
  ];
  for (const [status, expected] of cases) assert.equal(hasCapability(status, 12n), expected, status);
});

labTest("canConfigureNetwork() and mayOpenTun() hold for root, hasTunDevice() where there is one", [
  "root",
  "tun",
], () => {
  assert.equal(canConfigureNetwork(), true);
  assert.equal(hasTunDevice(), true);
  assert.equal(mayOpenTun(), true);
  return Promise.resolve();
});

labTest("canConfigureNetwork() does not hold without capabilities", ["root", "unshare"], async () => {
  const module = new URL("./tun_attach.ts", import.meta.url).href;
  const code = `import { canConfigureNetwork } from ${
    JSON.stringify(module)
  }; console.log(canConfigureNetwork());`;
  const { stdout, stderr } = await new Deno.Command("unshare", {
    args: ["--user", Deno.execPath(), "eval", "--no-config", code],
    env: { DENO_DIR: "/nonexistent", NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert.equal(text(stdout).trim(), "false", text(stderr));
});

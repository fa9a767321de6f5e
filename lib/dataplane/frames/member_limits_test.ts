import assert from "node:assert/strict";
import { builtInDrivers } from "../../../drivers/mod.ts";
import { MemberLimits } from "./member_limits.ts";

function wire(name: string, identifier: number) {
  const driver = builtInDrivers().get(name)?.() ?? assert.fail(name);
  return { driver, encapsulation: driver.encapsulation(identifier, {}) };
}

Deno.test("MemberLimits tells the switch what is left behind the headers, of whoever comes before and after", () => {
  const told: Record<number, number | undefined> = {};
  const limits = new MemberLimits({ setPortMtu: (port, mtuBytes) => void (told[port] = mtuBytes) });
  const remote = (port: number, publicKey: string, address: string) => ({
    port,
    network: 1,
    allowsForeign: false,
    via: { kind: "member" as const, publicKey, address },
  });
  const vxlan = wire("vxlan", 7);
  limits.add(remote(1, "a", "10.200.0.2"), vxlan);
  limits.set("a", 1240);
  limits.add(remote(2, "a", "fd00::2"), vxlan);
  limits.add(remote(3, "b", "10.200.0.3"), vxlan);
  limits.add({ port: 4, network: 1, allowsForeign: false, via: { kind: "channel", nodeId: "n" } }, vxlan);
  // RFC 7348 §5: 20 or 40, 8, 8, 14.
  assert.deepEqual(told, { 1: 1190, 2: 1170, 3: undefined });
  limits.remove(2);
  limits.set("a", undefined);
  assert.deepEqual(told, { 1: undefined, 2: 1170, 3: undefined });
});

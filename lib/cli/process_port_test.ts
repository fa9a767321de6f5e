import assert from "node:assert/strict";
import { unitOf } from "./process_port.ts";

const cases: readonly (readonly [string, string, ReturnType<typeof unitOf>])[] = [
  ["the system's service", "0::/system.slice/weft.service\n", { name: "weft.service", isUser: false }],
  [
    "a template with a group below",
    "0::/system.slice/system-weft.slice/weft@a.service/init\n",
    { name: "weft@a.service", isUser: false },
  ],
  [
    "a user's service",
    "0::/user.slice/user-1000.slice/user@1000.service/app.slice/weft.service\n",
    { name: "weft.service", isUser: true },
  ],
  ["a former hierarchy", "12:cpu:/\n1:name=systemd:/system.slice/weft.service\n", {
    name: "weft.service",
    isUser: false,
  }],
  ["a session", "0::/user.slice/user-0.slice/session-1.scope\n", undefined],
  [
    "a terminal of a user",
    "0::/user.slice/user-1000.slice/user@1000.service/app.slice/vte.scope\n",
    undefined,
  ],
  ["a container", "0::/\n", undefined],
];
for (const [name, cgroup, unit] of cases) {
  Deno.test(`unitOf() knows ${name}`, () => assert.deepEqual(unitOf(cgroup), unit));
}

import assert from "node:assert/strict";
import { isJournal, unitOf } from "./process_port.ts";

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

Deno.test("isJournal() knows the journal by device and inode, which other output does not have", async () => {
  const path = await Deno.makeTempFile();
  try {
    const { dev, ino } = await Deno.stat(path);
    assert.equal(isJournal(`${dev}:${ino}`, path), true);
    assert.equal(isJournal(`${dev}:${(ino ?? 0) + 1}`, path), false);
    assert.equal(isJournal(undefined, path), false);
    assert.equal(isJournal(`${dev}:${ino}`, `${path}.gone`), false);
  } finally {
    await Deno.remove(path);
  }
});

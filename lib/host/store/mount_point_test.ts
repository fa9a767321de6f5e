import assert from "node:assert/strict";
import { isUppermostMount } from "./mount_point.ts";

const PATH = "/etc/resolv.conf";
const ROOT = "22 1 0:19 / / rw - ext4 /dev/vda rw";
const ON_ROOT = "30 22 0:19 /etc/netns/a/resolv.conf /etc/resolv.conf rw - ext4 /dev/vda rw";
const FOLDER = "31 22 0:40 / /etc rw - tmpfs tmpfs rw";

Deno.test("isUppermostMount() sees a mount at the path, and none elsewhere", () => {
  assert.equal(isUppermostMount(`${ROOT}\n${ON_ROOT}\n`, PATH), true);
  assert.equal(isUppermostMount(`${ROOT}\n`, PATH), false);
  assert.equal(isUppermostMount(`${ROOT}\n${FOLDER}\n`, PATH), false);
  assert.equal(isUppermostMount(`${ROOT}\n${ON_ROOT}\n`, "/etc/resolv.conf.d"), false);
  assert.equal(isUppermostMount("", PATH), false);
});

Deno.test("isUppermostMount() takes no mount that a later one of its folder covers", () => {
  assert.equal(isUppermostMount([ROOT, ON_ROOT, FOLDER].join("\n"), PATH), false);
  const onFolder = "32 31 0:19 /a /etc/resolv.conf rw - ext4 /dev/vda rw";
  assert.equal(isUppermostMount([ROOT, ON_ROOT, FOLDER, onFolder].join("\n"), PATH), true);
});

Deno.test("isUppermostMount() goes through mounts upon each other, blanks in names, and a root without a parent", () => {
  const twice = "33 30 0:19 /b /etc/resolv.conf rw - ext4 /dev/vda rw";
  assert.equal(isUppermostMount([ROOT, ON_ROOT, twice].join("\n"), PATH), true);
  const overRoot = "40 22 0:50 / / rw - overlay overlay rw";
  assert.equal(isUppermostMount([ROOT, ON_ROOT, overRoot].join("\n"), PATH), false);
  const blank = "41 22 0:50 / /a\\040b rw - overlay overlay rw";
  assert.equal(isUppermostMount([ROOT, blank].join("\n"), "/a b"), true);
  assert.equal(isUppermostMount(["22 22 0:1 / / rw - rootfs rootfs rw", ON_ROOT].join("\n"), PATH), true);
});

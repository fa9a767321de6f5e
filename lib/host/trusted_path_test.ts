import assert from "node:assert/strict";
import { type PathEntry, untrustedInside, untrustedPart } from "./trusted_path.ts";

const ROOT: PathEntry = { uid: 0, gid: 0, mode: 0o755 };
const USERS: PathEntry = { uid: 1000, gid: 1000, mode: 0o755 };
const DISK: Readonly<Record<string, PathEntry>> = {
  "/": ROOT,
  "/usr": ROOT,
  "/usr/bin": ROOT,
  "/usr/bin/weft": ROOT,
  "/usr/bin/staff": { ...ROOT, gid: 50, mode: 0o775 },
  "/usr/bin/wheel": { ...ROOT, gid: 0, mode: 0o775 },
  "/usr/bin/open": { ...ROOT, mode: 0o757 },
  "/home": ROOT,
  "/home/ann": USERS,
  "/home/ann/weft": ROOT,
  "/tmp": { ...ROOT, mode: 0o1777 },
  "/tmp/weft": ROOT,
  "/opt": ROOT,
  "/opt/weft": { ...ROOT, mode: 0o777, target: "../usr/bin/weft" },
  "/opt/ann": { ...ROOT, mode: 0o777, target: "/home/ann/weft" },
  "/opt/hers": { ...USERS, target: "/usr/bin/weft" },
  "/opt/bin": { ...ROOT, target: "/usr/bin/" },
  "/opt/loop": { ...ROOT, target: "loop" },
};

const cases: readonly (readonly [string, string | undefined])[] = [
  ["/usr/bin/weft", undefined],
  ["/usr/bin/wheel", undefined],
  ["/usr/bin/../../usr/./bin/weft", undefined],
  ["/opt/weft", undefined],
  ["/opt/bin/weft", undefined],
  ["/usr/lib/not/yet", undefined],
  ["/usr/bin/staff", "/usr/bin/staff"],
  ["/usr/bin/open", "/usr/bin/open"],
  ["/home/ann/weft", "/home/ann"],
  ["/home/ann/not/yet", "/home/ann"],
  ["/tmp/weft", "/tmp"],
  ["/opt/ann", "/home/ann"],
  ["/opt/hers", "/opt/hers"],
  ["/opt/loop", "/opt/loop"],
  ["/opt/bin/open", "/usr/bin/open"],
];
for (const [path, found] of cases) {
  Deno.test(`untrustedPart() says of ${path}: ${found ?? "root alone can change it"}`, () => {
    assert.equal(untrustedPart(path, (each) => DISK[each])?.path, found);
  });
}

Deno.test({
  name: "untrustedPart() and untrustedInside() look at the disk",
  ignore: Deno.build.os !== "linux" || Deno.uid() !== 0,
  fn() {
    assert.equal(untrustedPart("/etc/passwd"), undefined);
    const folder = Deno.makeTempDirSync();
    try {
      Deno.mkdirSync(`${folder}/lib`);
      Deno.writeTextFileSync(`${folder}/lib/a.ts`, "", { mode: 0o644 });
      Deno.writeTextFileSync(`${folder}/.hidden`, "");
      Deno.chownSync(`${folder}/.hidden`, 1000, 1000);
      assert.equal(untrustedPart(`${folder}/lib/a.ts`)?.path, "/tmp");
      assert.equal(untrustedInside(folder), undefined);
      Deno.chownSync(`${folder}/lib/a.ts`, 1000, 1000);
      assert.deepEqual(untrustedInside(folder), {
        path: `${folder}/lib/a.ts`,
        why: "it belongs to another user than root",
      });
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
});

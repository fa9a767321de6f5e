import assert from "node:assert/strict";
import { foreignService, ownPathFor, type ProcessView } from "./namespace_owner.ts";

/** A process: its namespaces, and the files and links that it sees. */
interface Seen {
  readonly network: string;
  readonly mounts?: string;
  readonly name?: string;
  /** What names a file, or `-> target` for a link. */
  readonly files?: Readonly<Record<string, string>>;
}

const ETC = { "/": "root", "/etc": "etc" };
const MACHINE = { ...ETC, "/etc/resolv.conf": "machine's" };
const LINKED = {
  ...ETC,
  "/run": "run",
  "/etc/resolv.conf": "-> ../run/stub.conf",
  "/run/stub.conf": "stub's",
};

/** @param hidden those whose files may not be seen */
function viewOf(
  self: Seen,
  others: Readonly<Record<number, Seen>>,
  { hidden = [], mounted = [] }: { hidden?: readonly number[]; mounted?: readonly string[] } = {},
): ProcessView {
  const of = (pid: number | "self"): Seen | undefined => pid === "self" ? self : others[pid];
  const fileOf = (pid: number | "self", path: string): string | undefined =>
    hidden.includes(Number(pid)) ? undefined : of(pid)?.files?.[path];
  return {
    pids: () => Object.keys(others).map(Number),
    networkOf: (pid) => of(pid)?.network,
    mountsOf: (pid) => of(pid)?.mounts,
    nameOf: (pid) => of(pid)?.name ?? "",
    identityOf: (pid, path) => {
      const file = fileOf(pid, path);
      return file?.startsWith("-> ") ? `link at ${path}` : file;
    },
    linkOf: (pid, path) => /^-> (.*)$/.exec(fileOf(pid, path) ?? "")?.[1],
    isMounted: (path) => mounted.includes(path),
  };
}

const PATH = "/etc/resolv.conf";
const init = { network: "n1", mounts: "m1", name: "init" };
const here = { network: "n2", mounts: "m2" };
const cases: readonly (readonly [string, ProcessView, string | number])[] = [
  ["the machine's own", viewOf({ ...init, files: MACHINE }, { 1: { ...init, files: MACHINE } }), PATH],
  [
    "the machine's, in another namespace",
    viewOf({ ...here, files: MACHINE }, { 1: { ...init, files: MACHINE } }),
    1,
  ],
  [
    "one of the namespace's own",
    viewOf({ ...here, files: { ...ETC, [PATH]: "own" } }, { 1: { ...init, files: MACHINE } }),
    PATH,
  ],
  [
    "that of a third process",
    viewOf({ ...here, files: { ...ETC, [PATH]: "shared" } }, {
      1: { ...init, files: MACHINE },
      9: { network: "n3", mounts: "m3", name: "sleep", files: { ...ETC, [PATH]: "shared" } },
      12: { ...here, files: { ...ETC, [PATH]: "shared" } },
    }),
    9,
  ],
  [
    "one that somebody sees who was put into a namespace of its own later",
    viewOf({ ...here, files: { ...ETC, [PATH]: "shared" } }, {
      1: { ...init, files: MACHINE },
      9: { ...here, files: { ...ETC, [PATH]: "shared" } },
      12: { network: "n3", mounts: "m2", name: "sandbox", files: { ...ETC, [PATH]: "shared" } },
    }),
    PATH,
  ],
  [
    "the machine's, which sandboxes see too",
    viewOf({ ...init, files: MACHINE }, {
      1: { ...init, files: MACHINE },
      12: { network: "n3", mounts: "m1", name: "sandbox", files: MACHINE },
    }),
    PATH,
  ],
  [
    "one that is missing in the machine's folder",
    viewOf({ ...here, files: ETC }, { 1: { ...init, files: ETC } }),
    1,
  ],
  [
    "one that is missing in a folder of its own",
    viewOf({ ...here, files: { "/": "r", "/etc": "own etc" } }, { 1: { ...init, files: ETC } }),
    PATH,
  ],
  ["the machine's link", viewOf({ ...here, files: LINKED }, { 1: { ...init, files: LINKED } }), 1],
  [
    "a file that is mounted where the machine's link leads",
    viewOf({ ...here, files: { ...LINKED, "/run/stub.conf": "own" } }, { 1: { ...init, files: LINKED } }),
    "/run/stub.conf",
  ],
  [
    "a container's, whose link leads elsewhere in its own root",
    viewOf({ ...init, files: MACHINE }, {
      1: { ...init, files: MACHINE },
      20: {
        network: "n3",
        mounts: "m3",
        files: { "/": "r3", "/etc": "etc3", "/run": "run3", [PATH]: "-> /run/x", "/run/x": "x3" },
      },
    }),
    PATH,
  ],
  [
    "a container's, from within",
    viewOf({ ...here, files: { ...ETC, [PATH]: "own" } }, {
      1: { ...here, files: { ...ETC, [PATH]: "own" } },
    }),
    PATH,
  ],
  ["one where nothing can be told of processes", viewOf({ ...here, network: "", files: MACHINE }, {}), PATH],
  [
    "one beside a process 1 that may not be seen",
    viewOf({ ...here, files: MACHINE }, { 1: init }, { hidden: [1] }),
    1,
  ],
  [
    "one that is mounted, beside a process 1 that may not be seen",
    viewOf({ ...here, files: MACHINE }, { 1: init }, { hidden: [1], mounted: [PATH] }),
    PATH,
  ],
  [
    "one whose links lead round",
    viewOf({ ...init, files: { ...ETC, [PATH]: "-> resolv.conf" } }, { 1: init }),
    PATH,
  ],
];
for (const [what, view, expected] of cases) {
  Deno.test(`ownPathFor() judges ${what}`, () => {
    const own = ownPathFor(PATH, view);
    assert.equal("path" in own ? own.path : own.foreign.pid, expected);
  });
}

Deno.test("foreignService() finds the process that serves here, and whether it is of this namespace", () => {
  const folder = { "/": "root", "/run": "run", "/run/r": "r" };
  const service = { network: "n1", mounts: "m1", name: "systemd-resolve", files: folder };
  const judge = (self: Seen, others: Readonly<Record<number, Seen>>): number | undefined =>
    foreignService("/run/r", "systemd-resolved", viewOf(self, others))?.pid;
  assert.equal(judge({ network: "n1", files: folder }, { 5: service }), undefined);
  assert.equal(judge({ network: "n2", files: folder }, { 5: service }), 5);
  assert.equal(
    judge({ network: "n2", files: folder }, { 5: service, 8: { ...service, network: "n2" } }),
    undefined,
  );
  // A service of a container has other sockets.
  assert.equal(
    judge({ network: "n2", files: folder }, { 5: { ...service, files: { ...folder, "/run/r": "theirs" } } }),
    undefined,
  );
  assert.equal(judge({ network: "n2", files: folder }, {}), undefined);
});

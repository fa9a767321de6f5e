/**
 * bin/weft: one process from a checkout, whose Deno was found or installed at its first start. The tests have a checkout
 * of their own, and the Deno that runs them on the PATH, so that nothing is downloaded.
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  bare,
  CapturedProcess,
  Checkout,
  createScratch,
  expectRun,
  labTest,
  loopbackArgs,
  run,
  thisMachine,
  WeftNode,
} from "../lab/mod.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const UNIX = ["sh", "readlink", "cmp", "awk", "sed"] as const;

labTest("bin/weft needs no registry once it has started", ["linux", ...UNIX], async (test) => {
  await using scratch = await createScratch("launcher");
  const checkout = await Checkout.create(`${scratch.path}/check out`);
  await checkout.keepPackages("bin/deno.lock");

  await test.step("the first start keeps a Deno of its own, and fetches nothing that only tests import", async () => {
    // Whatever is asked of a registry fails.
    const { code, stdout, stderr } = await checkout.run(["--version"], { HTTPS_PROXY: "http://127.0.0.1:9" });
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
    const { isFile, mode } = await Deno.lstat(`${checkout.home}/deno`);
    assert.deepEqual([isFile, (mode ?? 0) & 0o777], [true, 0o755]);
    await Deno.remove(`${checkout.tools}/deno`);
  });

  await test.step("from another folder, by a link, without a home", async () => {
    await Deno.symlink(checkout.launcher, `${scratch.path}/weft`);
    await Deno.symlink("weft", `${scratch.path}/linked`);
    for (const name of ["weft", "linked"]) {
      const command = bare({ PATH: `${scratch.path}:/usr/bin:/bin` }, [name, "help"]);
      const { code, stdout, stderr } = await run(command, { cwd: "/" });
      assert.deepEqual([code, stderr], [0, ""]);
      assert.match(stdout, /Turns machines into one private network/);
    }
  });

  await test.step("another Deno is refused, and this one may be named", async () => {
    const wrong = await checkout.run(["--version"], { WEFT_DENO: "/bin/false" });
    assert.deepEqual([wrong.code, wrong.stdout], [1, ""]);
    assert.match(wrong.stderr, /^weft: Cannot use WEFT_DENO=\/bin\/false: .*\nhint: .*\n$/);
    const right = await checkout.run(["--version"], { WEFT_DENO: Deno.execPath() });
    assert.deepEqual([right.code, right.stderr], [0, ""]);
  });

  await test.step("one process runs, and shows no token", async () => {
    const options = (name: string) => ({ name, stateDir: `${scratch.path}/${name}`, args: loopbackArgs() });
    await using lead = new WeftNode(thisMachine, options("lead"));
    const token = await lead.startLeader();
    const { stateDir, args } = options("node");
    const command = [checkout.launcher, "--join", token, "--state", stateDir, ...args];
    await using node = new CapturedProcess(bare(checkout.environment({ WEFT_DISCOVERY: "no" }), command));
    await node.until(({ stdout }) => stdout.includes(" is 10.200.0.2 "), 20_000, "it runs");
    const shown = await Deno.readTextFile(`/proc/${node.pid}/cmdline`);
    assert.ok(shown.startsWith(`${checkout.home}/deno\0`), shown);
    assert.equal(shown.includes("weft1-"), false);
    assert.equal(await Deno.readTextFile(`/proc/${node.pid}/task/${node.pid}/children`), "");
    assert.equal(node.stderr.includes("can read the token"), false, node.stderr);
  });
});

labTest(
  "bin/weft runs without a network once it has started",
  ["thorough", "root", "unshare", ...UNIX],
  async () => {
    await using scratch = await createScratch("launcher");
    const checkout = await Checkout.create(`${scratch.path}/checkout`);
    await checkout.run(["--version"]);
    const command = ["unshare", "--net", checkout.launcher, "status", "--state", `${scratch.path}/none`];
    const { code, stderr } = await run(bare({ PATH: "/usr/bin:/bin" }, command));
    assert.equal(code, 1);
    // What only some commands need was loaded as well.
    assert.match(stderr, /^weft: Cannot ask an agent: none runs/);
  },
);

labTest(
  "bin/weft survives first starts at once, and one that is killed",
  ["thorough", "linux", "setsid", ...UNIX],
  async () => {
    await using scratch = await createScratch("launcher");
    const checkout = await Checkout.create(`${scratch.path}/checkout`);
    // With all that it has started, as by a power cut.
    const killed = new CapturedProcess(
      bare(checkout.environment(), ["setsid", checkout.launcher, "--version"]),
    );
    while (!(await exists(`${checkout.home}/new.${killed.pid}`)) && killed.ended === undefined) await turn();
    await expectRun(["kill", "-KILL", "--", `-${killed.pid}`]);
    await killed.finished;
    assert.equal(await exists(`${checkout.home}/deno.lock`), false);
    const all = await Promise.all(Array.from({ length: 3 }, () => checkout.run(["--version"])));
    assert.deepEqual(all.map(({ code, stderr }) => [code, stderr]), [[0, ""], [0, ""], [0, ""]]);
    const names = await Array.fromAsync(Deno.readDir(checkout.home), ({ name }) => name);
    assert.deepEqual(names.sort(), ["cache", "deno", "deno.lock"]);
  },
);

labTest("bin/weft bundles the sources once for each state of them", [
  "linux",
  "find",
  "cksum",
  "timeout",
  ...UNIX,
], async (test) => {
  await using scratch = await createScratch("launcher");
  const checkout = await Checkout.create(`${scratch.path}/checkout`);
  const start = async (): Promise<readonly string[]> => {
    const { code, stdout, stderr } = await checkout.run(["--version"]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
    return await checkout.bundles();
  };
  const change = (): Promise<void> => Deno.writeTextFile(`${checkout.path}/main.ts`, "\n", { append: true });

  await test.step("without the bundler the sources run", async () => assert.deepEqual(await start(), []));

  await checkout.addBundler();
  const [bundle = ""] = await start();
  const program = `${checkout.home}/${bundle}/main.js`;
  await using node = new CapturedProcess(bare(checkout.environment(), [
    checkout.launcher,
    "--leader",
    "--state",
    `${scratch.path}/node`,
    ...loopbackArgs(),
  ]));
  await test.step("a bundle runs", async () => {
    await node.until(({ stdout }) => stdout.includes(" is 10.200.0.1 "), 20_000, "it runs");
    assert.ok((await Deno.readTextFile(`/proc/${node.pid}/cmdline`)).includes(program));
  });

  await test.step("a bundler that fails is not tried again, and the sources run", async () => {
    await Deno.writeTextFile(`${checkout.path}/scripts/release/bundle.ts`, `throw new Error("none");\n`);
    await change();
    const [failed] = (await start()).filter((name) => name !== bundle);
    assert.ok(await exists(program), "a process runs it, and may still load parts of it");
    assert.deepEqual(await Array.fromAsync(Deno.readDir(`${checkout.home}/${failed}`)), []);
    const { mtime } = await Deno.stat(`${checkout.home}/${failed}`);
    await start();
    assert.deepEqual((await Deno.stat(`${checkout.home}/${failed}`)).mtime, mtime);
  });

  await test.step("an earlier bundle goes when no process runs it", async () => {
    await node.stop();
    await change();
    assert.equal((await start()).includes(bundle), false);
  });
});

labTest("bin/weft says in one line what it lacks", ["linux", ...UNIX], async (test) => {
  await using scratch = await createScratch("launcher");
  const checkout = await Checkout.create(`${scratch.path}/checkout`);
  await Deno.remove(`${checkout.tools}/deno`);
  const refusal = /^weft: Cannot .*\nhint: .*\n$/;

  await test.step("neither Deno nor npm", async () => {
    const tools = ["readlink", "cmp", "awk", "sed", "cut", "mkdir", "rm", "id", "ls", "cp", "mv", "chmod"];
    const folder = `${scratch.path}/tools`;
    await Deno.mkdir(folder);
    for (const tool of tools) {
      await Deno.symlink((await expectRun(["sh", "-c", `command -v ${tool}`])).trim(), `${folder}/${tool}`);
    }
    const { code, stdout, stderr } = await checkout.run(["--version"], { PATH: folder });
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, refusal);
    assert.match(stderr, /neither Deno \S+ here nor npm/);
  });

  await test.step("npm without its registry", async () => {
    await Deno.writeTextFile(`${checkout.tools}/npm`, NO_REGISTRY, { mode: 0o755 });
    const { code, stderr } = await checkout.run(["--join", "weft1-AAAA"]);
    assert.equal(code, 1);
    const lines = stderr.split("\n");
    assert.match(lines[0] ?? "", /every user of this machine can read the token/);
    assert.match(lines[1] ?? "", /Installing Deno/);
    assert.match(lines.slice(2).join("\n"), refusal);
    assert.match(stderr, /getaddrinfo EAI_AGAIN registry/);
    assert.deepEqual(await Array.fromAsync(Deno.readDir(checkout.home), ({ name }) => name), ["cache"]);
  });

  await test.step("Deno without its registry", async () => {
    await Deno.writeTextFile(`${checkout.tools}/deno`, unreachable(Deno.version.deno), { mode: 0o755 });
    const { code, stderr } = await checkout.run(["--version"]);
    assert.equal(code, 1);
    assert.match(stderr, refusal);
    assert.match(stderr, /: Failed caching npm package 'zod@4\.6\.7': connection refused\n/);
  });
});

labTest("bin/weft is a script of the POSIX shell", ["shellcheck"], async () => {
  await expectRun(["shellcheck", "--shell", "sh", `${root}bin/weft`]);
});

const NO_REGISTRY = `#!/bin/sh
echo 'npm error code EAI_AGAIN
npm error syscall getaddrinfo
npm error request to https://registry.example/deno failed, reason: getaddrinfo EAI_AGAIN registry.example' >&2
exit 1
`;

/** @returns a Deno that is there, and gets no packages */
function unreachable(version: string): string {
  return `#!/bin/sh
case $1 in
--version) echo "deno ${version} (a test's)" ;;
eval) echo "$0" ;;
*) echo "error: Failed caching npm package 'zod@4.6.7'
    0: error sending request for url (https://registry.example/zod)
    1: connection refused" >&2
  exit 1 ;;
esac
`;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

import assert from "node:assert/strict";
import {
  CapturedProcess,
  createScratch,
  labTest,
  loopbackArgs,
  run,
  thisMachine,
  waitFor,
  weftCommand,
  WeftNode,
} from "../../lab/mod.ts";

/** How long a client of a test may take. */
const CURL = ["curl", "--silent", "--show-error", "--max-time", "8"] as const;

/** A rootless agent that leads, or joins with a token. */
async function startNode(
  stack: AsyncDisposableStack,
  options: {
    readonly scratch: string;
    readonly name: string;
    readonly token?: string;
    readonly args?: readonly string[];
  },
): Promise<{ readonly node: WeftNode; readonly token: string }> {
  const { scratch, name, token, args = [] } = options;
  const stateDir = `${scratch}/${name}`;
  const node = stack.use(
    new WeftNode(thisMachine, { name, stateDir, args: [...loopbackArgs(), ...args] }),
  );
  if (token === undefined) return { node, token: await node.startLeader() };
  await node.start("--join", token);
  return { node, token };
}

function launch(node: WeftNode, ...command: readonly string[]): CapturedProcess {
  const line = weftCommand(...command, "--state", node.stateDir);
  return new CapturedProcess(line, { label: command.join(" "), env: { NO_COLOR: "1" } });
}

function serveText(stack: AsyncDisposableStack, text: string): number {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response(text));
  stack.defer(() => server.shutdown());
  return server.addr.port;
}

async function fetchText(url: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run([...CURL, ...args, url]);
  return code === 0 ? stdout : `${code}: ${stderr}`;
}

labTest("weft proxy, forward and offer: programs reach what other nodes offer", ["curl"], async (test) => {
  await using stack = new AsyncDisposableStack();
  const { path: scratch } = stack.use(await createScratch("service-forward"));
  const [web, admin] = [serveText(stack, "the page"), serveText(stack, "the secret page")];
  const offers = ["--offer", `80=127.0.0.1:${web}`, "--label", "role=web"];
  const { node: lead, token } = await startNode(stack, { scratch, name: "lead", args: offers });
  const { node: client } = await startNode(stack, { scratch, name: "client", token });
  const { addresses: [address] } = (await lead.status()).node;

  const proxy = stack.use(launch(client, "proxy", "--socks5", "127.0.0.1:0", "--json"));
  const forward = stack.use(launch(client, "forward", "0:lead:80", "127.0.0.1:0:lead:81", "--json"));
  const offer = stack.use(launch(lead, "offer", `81=${admin}`));
  const socks = await proxy.until(
    ({ stdout }) => /\d+\.\d+\.\d+\.\d+:\d+/.exec(stdout)?.[0],
    10_000,
    "it listens",
  );
  const places = await forward.until(
    ({ stdout }) => stdout.trim().split("\n").length === 2 && stdout.trim().split("\n"),
    10_000,
    "it listens",
  );
  const [toWeb, toAdmin] = places.map((line) => JSON.parse(line).from);
  await offer.until(({ stdout }) => stdout.includes("lead:81"), 10_000, "it offers");

  await test.step("by SOCKS5: names, names of the zone, and addresses of the network", async () => {
    // node-0-1 is 10.200.0.1, and LEAD is lead.
    const names = ["lead", "LEAD.weft.internal", "leader", "leader.weft.internal.", "node-0-1", address];
    for (const host of names) {
      assert.equal(await fetchText(`http://${host}/`, "--proxy", `socks5h://${socks}`), "the page", host);
    }
    assert.equal(await fetchText("http://lead:81/", "--proxy", `socks5h://${socks}`), "the secret page");
  });

  await test.step("names of other networks are refused, and so is what is not offered", async () => {
    // curl(1): 97, and behind it the reply of RFC 1928 §6: 4 is no such host, 5 refused.
    assert.match(await fetchText("http://example.com/", "--proxy", `socks5h://${socks}`), /^97: .*\(4\)/);
    assert.match(await fetchText("http://192.0.2.1/", "--proxy", `socks5h://${socks}`), /^97: .*\(4\)/);
    assert.match(await fetchText("http://lead:82/", "--proxy", `socks5h://${socks}`), /^97: .*\(5\)/);
  });

  await test.step("weft proxy says in a line each what it has refused", async () => {
    const refused = /^weft: Cannot reach lead:82: nothing is offered at that port$/m;
    await proxy.until(({ stderr }) => refused.test(stderr), 5_000, "it says so");
    assert.match(
      proxy.stderr,
      /^weft: Cannot reach example\.com:80: nobody in the network goes by that name$/m,
    );
    assert.doesNotMatch(proxy.stderr, /hint/);
  });

  await test.step("weft offer list says who offers what to whom", async () => {
    const some = stack.use(launch(lead, "offer", `85=${admin}`, "--allow", "role=admin"));
    await some.until(({ stdout }) => stdout.includes("lead:85"), 10_000, "it offers");
    assert.match(
      some.stdout,
      /lead:85 in the network leads to 127\.0\.0\.1:\d+ here, for role=admin\nPrograms on/,
    );
    const shared = { isForAllPrograms: false, isLocal: false, node: "lead" };
    await waitFor(
      async () => JSON.parse(await client.expectCommand("offer", "list", "--json")).length === 3,
      10_000,
      { what: "the member knows of it" },
    );
    assert.deepEqual(JSON.parse(await client.expectCommand("offer", "list", "--json")), [
      { ...shared, port: 80, isRestricted: false },
      { ...shared, port: 81, isRestricted: false },
      { ...shared, port: 85, isRestricted: true },
    ]);
    const own = await lead.expectCommand("offer", "list");
    assert.match(own, /^NODE +PORT +FOR +REACHED BY +SERVICE\nlead +80 +every member +all programs +127/);
    assert.match(own, /\nlead +85 +role=admin +/);
    assert.match(
      await client.expectCommand("offer", "list"),
      /\nlead +85 +some members +weft forward, weft proxy +-/,
    );
    assert.equal((await some.stop("SIGINT")).code, 0);
  });

  await test.step("weft forward says when nobody goes by a name", async () => {
    const nobody = stack.use(launch(client, "forward", "0:nobody:80"));
    await nobody.until(({ stdout }) => stdout.includes("nobody:80"), 10_000, "it listens");
    assert.match(
      nobody.stderr,
      /^weft: Nobody in the network goes by nobody now, so connections to it fail .*\nhint: `weft peers`/m,
    );
    assert.equal((await nobody.stop("SIGINT")).code, 0);
    assert.doesNotMatch(forward.stderr, /goes by/);
  });

  await test.step("by forwarded ports", async () => {
    assert.equal(await fetchText(`http://${toWeb}/`), "the page");
    assert.equal(await fetchText(`http://${toAdmin}/`), "the secret page");
  });

  await test.step("an offer is gone when its command is killed", async () => {
    await offer.kill();
    const refusal = /^weft: Cannot reach lead:81: nothing is offered at that port$/m;
    await waitFor(
      async () => {
        await fetchText(`http://${toAdmin}/`);
        return refusal.test(forward.stderr);
      },
      5_000,
      { what: "nothing is offered" },
    );
    assert.equal(await fetchText(`http://${toWeb}/`), "the page");
  });

  await test.step("an offer for some is refused to others", async () => {
    const some = stack.use(launch(lead, "offer", `83=${admin}`, "--allow", "role=admin"));
    await some.until(({ stdout }) => stdout.includes("role=admin"), 10_000, "it offers");
    assert.match(await fetchText("http://lead:83/", "--proxy", `socks5h://${socks}`), /^97: .*\(2\)/);
    const taken = await lead.command("offer", `83=${web}`);
    assert.equal(taken.code, 1);
    assert.match(taken.stderr, /^weft: .*83.*served already\nhint: /);
    assert.equal((await some.stop("SIGINT")).code, 0);
    const wrong = await lead.command("offer", "84", "--allow", "role=");
    assert.equal(wrong.code, 2);
  });

  await test.step("Ctrl-C ends each with 0, its port is closed, and an offer says that its agent has stopped", async () => {
    assert.equal((await proxy.stop("SIGINT")).code, 0, proxy.tail());
    assert.equal((await forward.stop("SIGINT")).code, 0, forward.tail());
    assert.match(await fetchText(`http://${toWeb}/`), /^7:/);
    for (const end of [() => client.stop(), () => client.kill()]) {
      const offered = stack.use(launch(client, "offer", "90=9"));
      await offered.until(({ stdout }) => stdout.includes("client:90"), 10_000, "it offers");
      await end();
      const { code } = await offered.finished;
      assert.equal(code, 1);
      assert.match(
        offered.stderr,
        /^weft: The offer has ended: the agent has stopped\nhint: `weft up --offer`/,
      );
      await client.start("up");
    }
    assert.equal((await client.stop()).code, 0, client.process.tail());
  });
});

Deno.test("weft proxy, forward and offer say what is wrong", async () => {
  await using stack = new AsyncDisposableStack();
  const { path: scratch } = stack.use(await createScratch("service-forward-wrong"));
  const nobody = new WeftNode(thisMachine, { name: "nobody", stateDir: scratch });
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["proxy", "--socks5", "127.0.0.1:0"], /No agent lets programs in at .*\nhint: .*weft up/],
    [["forward", "0:web:80"], /No agent/],
    [["offer", "80"], /none runs .*\nhint: .*weft up/],
  ];
  await Promise.all(cases.map(async ([args, says]) => {
    const { code, stderr, stdout } = await nobody.command(...args);
    assert.equal(code, 1);
    assert.equal(stdout, "");
    assert.match(stderr, says);
  }));
});
